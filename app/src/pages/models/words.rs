//! How models are described.

use crate::{
    format::{bytes, one_decimal},
    i18n::{ModelsTexts, fill},
};
use types::shelf::{Capability, Format, Kind, ShelfModel, SizeClass, SortBy};

pub(crate) fn kind(kind: Kind, texts: &ModelsTexts) -> &'static str {
    match kind {
        Kind::Writing => texts.kind_writing,
        Kind::Embedding => texts.kind_embedding,
        Kind::Reranking => texts.kind_reranking,
        Kind::Image => texts.kind_image,
        Kind::Video => texts.kind_video,
        Kind::Part => texts.kind_part,
    }
}

pub(super) fn format(format: Format) -> &'static str {
    match format {
        Format::Gguf => "GGUF",
        Format::Safetensors => "Safetensors",
        Format::Mlx => "MLX",
        Format::Diffusers => "Diffusers",
        Format::Checkpoint => "Checkpoint",
    }
}

pub(super) fn capability(capability: Capability, texts: &ModelsTexts) -> &'static str {
    match capability {
        Capability::Sees => texts.capability_sees,
        Capability::CallsTools => texts.capability_tools,
        Capability::Thinks => texts.capability_thinks,
        Capability::Predicts => texts.capability_predicts,
    }
}

pub(super) fn sort_by(column: SortBy, texts: &ModelsTexts) -> &'static str {
    match column {
        SortBy::Name => texts.column_name,
        SortBy::Size => texts.column_size,
        SortBy::Memory => texts.column_memory,
        SortBy::Context => texts.column_context,
        SortBy::Changed => texts.column_changed,
    }
}

pub(crate) fn size(size: SizeClass, texts: &ModelsTexts) -> String {
    match size.bounds_gb() {
        (0, most) => fill(texts.size_up_to, "n", most.unwrap_or_default()),
        (above, Some(most)) => fill(&fill(texts.size_between, "a", above), "n", most),
        (above, None) => fill(texts.size_above, "n", above),
    }
}

/// Tokens as people say them: `8k`.
pub(crate) fn tokens(n: u32) -> String {
    if n >= 1024 && n.is_multiple_of(1024) { format!("{}k", n / 1024) } else { n.to_string() }
}

/// Parameters as people say them: `1.2 B`, with those that compute a token where not all do.
pub(crate) fn parameters(n: u64) -> String {
    match n {
        1_000_000_000.. => format!("{} B", one_decimal(n as f64 / 1e9)),
        1_000_000.. => format!("{} M", one_decimal(n as f64 / 1e6)),
        _ => n.to_string(),
    }
}

/// What it is, in a line: format, architecture, parameters, quantisation.
pub(super) fn line(model: &ShelfModel, texts: &ModelsTexts) -> String {
    let entry = &model.entry;
    let experts = model.experts.map(|(n, used)| fill(&fill(texts.experts, "n", n), "used", used));
    let files = (model.n_files > 1).then(|| fill(texts.files, "n", model.n_files));
    let is_for_later = !model.is_loadable
        && entry.problem.is_none()
        && model.remark.is_none()
        && model.format == Format::Safetensors;
    let parts = [
        model.detail.clone(),
        Some(format(model.format).to_owned()),
        entry.architecture.clone(),
        model.n_parameters.map(parameters),
        experts,
        entry.quantisation.clone(),
        files,
        is_for_later.then(|| texts.rewrite_first.to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// What it takes in memory, said to be an estimate.
pub(super) fn memory(model: &ShelfModel, texts: &ModelsTexts) -> String {
    model.entry.memory_bytes.map(|n| fill(texts.about, "n", bytes(n as f64))).unwrap_or_default()
}
