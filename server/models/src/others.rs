//! Models that are computed by nothing here yet, or not as language models: pipelines, checkpoints, and parts of them.

use crate::{folder::Problem, library::walk::Layout};
use serde::{Deserialize, Serialize};
use std::path::Path;
use types::shelf::{Format, Kind};
use weights::{
    HeaderError,
    recognise::{Checkpoint, recognise},
};

/// What is known of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Other {
    pub(crate) kind: Kind,
    pub(crate) format: Format,
    /// What it is, as its makers say it.
    pub(crate) detail: Option<String>,
    pub(crate) n_parameters: Option<u64>,
}

/// Words in the names of pipelines that make videos.
const VIDEO_WORDS: [&str; 8] =
    ["Video", "Wan", "LTX", "CogView4Video", "Mochi", "AnimateDiff", "CogVideoX", "HunyuanSkyreels"];

/// Reads what a file or folder says.
pub(crate) fn describe(path: &Path, layout: Layout) -> Result<Other, Problem> {
    if layout == Layout::Pipeline {
        // What is wrong is in folders below, whose files nobody watches.
        return pipeline(path).map_err(|sentence| Problem { sentence, is_lasting: false });
    }
    checkpoint(path).map_err(|err| Problem {
        sentence: err.to_string(),
        is_lasting: !matches!(err, HeaderError::Unreadable(_)),
    })
}

/// What all files of a pipeline take.
pub(crate) fn pipeline_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let size =
        |path: &Path| std::fs::metadata(path).map_or(0, |meta| if meta.is_dir() { 0 } else { meta.len() });
    let below =
        |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.map(|path| size(&path) + below(&path).map(|file| size(&file)).sum::<u64>()).sum()
}

fn pipeline(folder: &Path) -> Result<Other, String> {
    let pipeline = weights::folders::pipeline(folder).map_err(|err| err.to_string())?;
    let pipeline = pipeline.ok_or_else(|| "model_index.json is gone".to_owned())?;
    if !pipeline.missing.is_empty() {
        let names: Vec<_> = pipeline.missing.iter().map(|it| it.component.as_str()).collect();
        return Err(format!("parts of the pipeline are missing: {}", names.join(", ")));
    }
    let makes_videos = VIDEO_WORDS.iter().any(|word| pipeline.class.contains(word));
    Ok(Other {
        kind: if makes_videos { Kind::Video } else { Kind::Image },
        format: Format::Diffusers,
        detail: Some(pipeline.class),
        n_parameters: None,
    })
}

fn checkpoint(file: &Path) -> Result<Other, HeaderError> {
    let header = weights::read_header(file)?;
    let checkpoint = recognise(&header);
    Ok(Other {
        kind: kind_of(checkpoint),
        format: Format::Checkpoint,
        detail: Some(checkpoint.name().into_owned()),
        n_parameters: Some(header.n_parameters()),
    })
}

fn kind_of(checkpoint: Checkpoint) -> Kind {
    match checkpoint {
        Checkpoint::Diffusion { family, .. } if family.is_video() => Kind::Video,
        // Alone it is a part of a pipeline, but the one that people look for by its name.
        Checkpoint::Diffusion { .. } => Kind::Image,
        _ => Kind::Part,
    }
}
