//! What is known of a model, put together from all its files.

use super::{
    headers::{Content, Headers},
    walk::{Found, Layout},
};
use crate::{
    folder::{self, Description},
    others::{self, Other},
    projectors,
};
use gguf::Header;
use inference::Footprint;
use std::{
    fs,
    path::{Path, PathBuf},
};
use types::{
    kv::KvType,
    model::Purpose,
    shelf::{Capability, Format, Kind},
};

/// Architectures of GGUF files that make images or videos.
const IMAGE_MODELS: [&str; 9] =
    ["flux", "sd1", "sdxl", "sd3", "aura", "hidream", "lumina2", "qwen_image", "cosmos"];
const VIDEO_MODELS: [&str; 4] = ["wan", "ltxv", "hyvid", "mochi"];

/// What a model says about itself.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) kind: Kind,
    pub(crate) format: Format,
    /// Whether it can be loaded here.
    pub(crate) is_loadable: bool,
    /// Why not, where nothing here can do anything with it, as a sentence.
    pub(crate) remark: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) architecture: Option<String>,
    pub(crate) purpose: Purpose,
    pub(crate) n_ctx_train: Option<u32>,
    pub(crate) quantisation: Option<String>,
    pub(crate) has_chat_template: bool,
    pub(crate) capabilities: Vec<Capability>,
    pub(crate) n_parameters: Option<u64>,
    pub(crate) experts: Option<(u64, u64)>,
    pub(crate) licence: Option<String>,
    /// What lets it look at images.
    pub(crate) projector: Option<PathBuf>,
    /// Of its weights on the disk.
    pub(crate) size_bytes: u64,
    pub(crate) footprint: Footprint,
}

impl Known {
    fn new(kind: Kind, format: Format, size_bytes: u64) -> Self {
        Self {
            kind,
            format,
            is_loadable: matches!(kind, Kind::Writing | Kind::Embedding | Kind::Reranking),
            remark: None,
            detail: None,
            architecture: None,
            purpose: Purpose::default(),
            n_ctx_train: None,
            quantisation: None,
            has_chat_template: false,
            capabilities: Vec::new(),
            n_parameters: None,
            experts: None,
            licence: None,
            projector: None,
            size_bytes,
            footprint: Footprint::default(),
        }
    }

    /// With what lets it look at images.
    pub(crate) fn with_projector(mut self, projector: Option<PathBuf>) -> Self {
        if projector.is_some() && !self.capabilities.contains(&Capability::Sees) {
            self.capabilities.insert(0, Capability::Sees);
        }
        self.projector = projector;
        self
    }
}

/// What a model says about itself. `beside` are the projectors that may be its own. The error is a sentence.
pub(crate) fn know(
    found: &Found,
    headers: &Headers,
    beside: &[PathBuf],
    kv_type: KvType,
) -> Result<Known, String> {
    if let Some(problem) = &found.problem {
        return Err(problem.clone());
    }
    match headers.read(&found.path, found.layout).as_ref() {
        Content::Broken(problem) => Err(problem.clone()),
        Content::Folder(description) => Ok(by_folder(&found.path, description)),
        Content::Other(other) => by_other(found, other, headers),
        Content::Gguf(header) => {
            let whole = whole(found, header, headers)?;
            let size_bytes = found.files().iter().map(|file| size_of(file)).sum();
            let of_name = || projectors::find(&found.path, &whole, beside, |file| headers.gguf(file));
            let projector = found.projector.clone().or_else(of_name);
            Ok(by_header(&whole, size_bytes, kv_type).with_projector(projector))
        }
    }
}

fn by_other(found: &Found, other: &Other, headers: &Headers) -> Result<Known, String> {
    let size_bytes = match found.layout {
        Layout::Pipeline => others::pipeline_bytes(&found.path),
        _ => found.files().iter().map(|file| size_of(file)).sum(),
    };
    let mut n_parameters = other.n_parameters;
    for part in found.files().iter().skip(1) {
        match headers.read(part, found.layout).as_ref() {
            Content::Other(part) => {
                n_parameters = n_parameters.map(|n| n.saturating_add(part.n_parameters.unwrap_or(0)));
            }
            Content::Broken(problem) => return Err(of_part(part, problem)),
            _ => {}
        }
    }
    let known = Known::new(other.kind, other.format, size_bytes);
    Ok(Known { detail: other.detail.clone(), n_parameters, is_loadable: false, ..known })
}

/// What is wrong with one of several files.
fn of_part(part: &Path, problem: &str) -> String {
    format!("{}: {problem}", part.file_name().unwrap_or_default().to_string_lossy())
}

/// The header of the first file, with the tensors of all.
fn whole(found: &Found, first: &Header, headers: &Headers) -> Result<Header, String> {
    let mut whole = first.clone();
    for part in found.files().iter().skip(1) {
        match headers.read(part, Layout::Gguf).as_ref() {
            Content::Gguf(header) => whole.add_tensors(header),
            Content::Broken(problem) => return Err(of_part(part, problem)),
            _ => {}
        }
    }
    Ok(whole)
}

fn by_header(header: &Header, size_bytes: u64, kv_type: KvType) -> Known {
    let (kind, detail) = kind_of(header);
    let mut capabilities = Vec::new();
    if kind == Kind::Writing {
        let template = header.template;
        capabilities.extend(template.calls_tools.then_some(Capability::CallsTools));
        capabilities.extend(template.thinks.then_some(Capability::Thinks));
        capabilities.extend(header.predicts().then_some(Capability::Predicts));
    }
    Known {
        detail: detail.map(str::to_owned),
        purpose: header.purpose(),
        n_ctx_train: header.n_ctx_train(),
        quantisation: header.quantisation(),
        has_chat_template: header.has_chat_template,
        capabilities,
        n_parameters: Some(header.n_parameters()).filter(|n| *n > 0),
        experts: header.experts(),
        licence: header.licence.clone(),
        footprint: footprint(header, size_bytes, kv_type),
        architecture: header.architecture.clone(),
        ..Known::new(kind, Format::Gguf, size_bytes)
    }
}

fn kind_of(header: &Header) -> (Kind, Option<&'static str>) {
    let architecture = header.architecture.as_deref().unwrap_or_default();
    if header.is_projector() {
        return (Kind::Part, Some("projector"));
    }
    if header.is_adapter() {
        return (Kind::Part, Some("LoRA"));
    }
    if IMAGE_MODELS.contains(&architecture) {
        return (Kind::Image, None);
    }
    if VIDEO_MODELS.contains(&architecture) {
        return (Kind::Video, None);
    }
    (header.purpose().into(), None)
}

fn by_folder(folder: &Path, description: &Description) -> Known {
    // Computed in single precision, whatever the file has.
    let weights_bytes = description.n_parameters.saturating_mul(4);
    let format = if description.mlx_bits.is_some() { Format::Mlx } else { Format::Safetensors };
    let mut capabilities = Vec::new();
    if description.purpose == Purpose::Writing {
        capabilities.extend(description.sees.then_some(Capability::Sees));
        capabilities.extend(description.template.calls_tools.then_some(Capability::CallsTools));
        capabilities.extend(description.template.thinks.then_some(Capability::Thinks));
    }
    Known {
        is_loadable: description.is_loadable,
        remark: description.remark.clone(),
        detail: description.mlx_bits.map(|bits| format!("{bits} bits")),
        capabilities,
        experts: description.experts,
        licence: description.licence.clone(),
        architecture: Some(description.architecture.clone()),
        purpose: description.purpose,
        n_ctx_train: description.n_ctx_train,
        quantisation: description.tensor_type.clone(),
        has_chat_template: description.has_chat_template,
        n_parameters: Some(description.n_parameters),
        footprint: Footprint {
            weights_bytes,
            cell_bytes: description.cell_bytes,
            n_ctx_train: description.n_ctx_train,
            n_vocab: description.n_vocab,
            grows: true,
            ..Footprint::default()
        },
        ..Known::new(description.purpose.into(), format, folder::size_bytes(folder))
    }
}

/// What a file takes on the disk, or all weights of a folder.
pub(crate) fn size_of(path: &Path) -> u64 {
    if path.is_dir() { folder::size_bytes(path) } else { fs::metadata(path).map_or(0, |meta| meta.len()) }
}

/// What the file says about the memory it takes, with keys and values kept as `kv_type`.
pub(crate) fn footprint(header: &Header, size_bytes: u64, kv_type: KvType) -> Footprint {
    let makes_vectors = header.purpose() != Purpose::Writing;
    let half_precision = header.cell_bytes().unwrap_or(0);
    let kv_type = if makes_vectors { kv_type.for_vectors() } else { kv_type };
    Footprint {
        weights_bytes: size_bytes,
        cell_bytes: kv_type.bytes(half_precision),
        n_ctx_train: header.n_ctx_train(),
        // Without keys and values it computes no likelihoods.
        n_vocab: if makes_vectors && half_precision == 0 { 0 } else { header.n_vocab },
        n_embd: header.n_embd().unwrap_or(0),
        makes_vectors,
        takes_parts: header.takes_parts(),
        ..Footprint::default()
    }
}
