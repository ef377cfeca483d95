//! What is in a single file, by the names and shapes of its tensors alone.
//!
//! Programs that train and share models name tensors after their own code; those names are all that tells one kind of
//! file from another. Nothing else is looked at, so the same works for other containers that keep the names.

mod families;

use crate::Header;
pub use families::Family;
use families::{family_at, lora_family, unet_context};
use std::{borrow::Cow, collections::BTreeMap, ops::Bound};

/// What a file is. What is not known here is [`Checkpoint::Unknown`], never something wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checkpoint {
    /// A network that makes images or videos out of noise.
    Diffusion {
        /// Whose.
        family: Family,
        /// Whether a text encoder is in the same file.
        has_text_encoder: bool,
        /// Whether what turns its output into images is in the same file.
        has_vae: bool,
    },
    /// A small change to another model.
    Lora {
        /// The model that it changes.
        of: Option<Family>,
        /// The rank of the first change.
        rank: Option<u64>,
    },
    /// What guides another model by an image.
    ControlNet(Option<Family>),
    /// What turns images into numbers and back.
    Vae {
        /// Numbers for each place.
        channels: Option<u64>,
        /// Whether it knows time.
        is_video: bool,
    },
    /// What turns texts into numbers for a diffusion model.
    TextEncoder(TextEncoder),
    /// A few words that were learned.
    Embedding,
    /// What makes images larger.
    Upscaler,
    /// What writes.
    LanguageModel,
    /// None of these.
    Unknown,
}

/// A text encoder that diffusion models use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextEncoder {
    /// The small CLIP of Stable Diffusion 1.
    ClipL,
    /// The one of Stable Diffusion 2.
    ClipH,
    /// The large one of Stable Diffusion XL.
    ClipG,
    /// T5 of any size.
    T5,
    /// The T5 of many languages.
    UmT5,
}

impl Checkpoint {
    /// A plain name for it.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::Diffusion { family, has_text_encoder, has_vae } => {
                let extent = match (has_text_encoder, has_vae) {
                    (true, true) => "complete checkpoint",
                    (true, false) => "checkpoint without VAE",
                    (false, true) => "checkpoint without text encoder",
                    (false, false) => "diffusion network alone",
                };
                format!("{}, {extent}", family.name()).into()
            }
            Self::Lora { of: Some(family), .. } => format!("LoRA for {}", family.name()).into(),
            Self::Lora { of: None, .. } => "LoRA".into(),
            Self::ControlNet(Some(family)) => format!("ControlNet for {}", family.name()).into(),
            Self::ControlNet(None) => "ControlNet".into(),
            Self::Vae { is_video: true, .. } => "video VAE".into(),
            Self::Vae { is_video: false, channels: Some(n) } => format!("VAE with {n} channels").into(),
            Self::Vae { .. } => "VAE".into(),
            Self::TextEncoder(encoder) => format!("text encoder {}", encoder.name()).into(),
            Self::Embedding => "learned words (embedding)".into(),
            Self::Upscaler => "upscaler".into(),
            Self::LanguageModel => "language model".into(),
            Self::Unknown => "unknown model".into(),
        }
    }
}

impl TextEncoder {
    /// A plain name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClipL => "CLIP-L",
            Self::ClipH => "CLIP-H",
            Self::ClipG => "CLIP-G",
            Self::T5 => "T5",
            Self::UmT5 => "UMT5",
        }
    }
}

/// What a safetensors file is.
pub fn recognise(header: &Header) -> Checkpoint {
    recognise_tensors(header.tensors.values().map(|tensor| (tensor.name.as_str(), tensor.shape.as_slice())))
}

/// What a file with tensors of such names and shapes (the outermost dimension first) is.
pub fn recognise_tensors<'a>(tensors: impl IntoIterator<Item = (&'a str, &'a [u64])>) -> Checkpoint {
    let names = Names(tensors.into_iter().collect());
    // Changes to a model are named after what they change: they must be told apart first.
    let found = lora(&names)
        .or_else(|| controlnet(&names))
        .or_else(|| diffusion(&names))
        .or_else(|| text_encoder(&names))
        .or_else(|| vae(&names))
        .or_else(|| others(&names));
    found.unwrap_or(Checkpoint::Unknown)
}

/// The tensors of a file by name.
pub(crate) struct Names<'a>(BTreeMap<&'a str, &'a [u64]>);

impl<'a> Names<'a> {
    pub(crate) fn has(&self, root: &str, name: &str) -> bool {
        self.shape(root, name).is_some()
    }

    pub(crate) fn shape(&self, root: &str, name: &str) -> Option<&'a [u64]> {
        if root.is_empty() {
            return self.0.get(name).copied();
        }
        self.0.get(format!("{root}{name}").as_str()).copied()
    }

    /// Those that begin so.
    pub(crate) fn below(&self, start: &str) -> impl Iterator<Item = (&'a str, &'a [u64])> {
        let range = self.0.range::<str, _>((Bound::Included(start), Bound::Unbounded));
        let start = start.to_owned();
        range.map(|(name, shape)| (*name, *shape)).take_while(move |(name, _)| name.starts_with(&start))
    }

    pub(crate) fn any_below(&self, start: &str) -> bool {
        self.below(start).next().is_some()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&'a str, &'a [u64])> {
        self.0.iter().map(|(name, shape)| (*name, *shape))
    }

    pub(crate) fn any_contains(&self, part: &str) -> bool {
        self.0.keys().any(|name| name.contains(part))
    }
}

/// What programs put before the names of the network in a file with more than that.
const ROOTS: [&str; 5] = ["model.diffusion_model.", "diffusion_model.", "model.", "transformer.", ""];

fn diffusion(names: &Names<'_>) -> Option<Checkpoint> {
    let family = ROOTS.iter().find_map(|root| family_at(names, root))?;
    let encoders =
        ["cond_stage_model.", "conditioner.embedders.", "text_encoders.", "text_encoder.", "text_model."];
    Some(Checkpoint::Diffusion {
        family,
        has_text_encoder: encoders.iter().any(|start| names.any_below(start)),
        has_vae: ["first_stage_model.", "vae."].iter().any(|start| names.any_below(start)),
    })
}

/// The endings of the smaller factor of a change: its first dimension is the rank. The last is no such factor.
const LORA_DOWN: [&str; 7] = [
    ".lora_down.weight",
    ".lora_A.weight",
    ".lora.down.weight",
    ".lora_A.default.weight",
    "_lora.down.weight",
    ".hada_w1_b",
    ".lokr_w1",
];

fn lora(names: &Names<'_>) -> Option<Checkpoint> {
    let rank = names.all().find_map(|(name, shape)| {
        let ending = LORA_DOWN.iter().find(|ending| name.ends_with(**ending))?;
        Some(shape.first().copied().filter(|_| *ending != ".lokr_w1"))
    })?;
    Some(Checkpoint::Lora { of: lora_family(names), rank })
}

fn controlnet(names: &Names<'_>) -> Option<Checkpoint> {
    let is_one = names.any_below("control_model.")
        || names.any_below("controlnet_cond_embedding.")
        || names.any_below("controlnet_blocks.")
        || names.any_below("controlnet_down_blocks.");
    if !is_one {
        return None;
    }
    let family = unet_context(names, "control_model.").or_else(|| unet_context(names, ""));
    let family =
        family.or_else(|| names.any_contains("single_transformer_blocks").then_some(Family::Flux1Dev));
    Some(Checkpoint::ControlNet(
        family.or_else(|| names.any_below("transformer_blocks.").then_some(Family::Sd3)),
    ))
}

fn text_encoder(names: &Names<'_>) -> Option<Checkpoint> {
    let t5 = "encoder.block.0.layer.0.SelfAttention.q.weight";
    if names.has("", t5) {
        // Each layer of UMT5 has what only the first one of T5 has.
        let in_second = "encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight";
        let encoder = if names.has("", in_second) { TextEncoder::UmT5 } else { TextEncoder::T5 };
        return Some(Checkpoint::TextEncoder(encoder));
    }
    let shape = ["text_model.", ""]
        .iter()
        .find_map(|root| names.shape(root, "embeddings.token_embedding.weight"))
        .or_else(|| names.shape("", "token_embedding.weight"))?;
    let encoder = match shape.last()? {
        768 => TextEncoder::ClipL,
        1024 => TextEncoder::ClipH,
        1280 => TextEncoder::ClipG,
        _ => return None,
    };
    Some(Checkpoint::TextEncoder(encoder))
}

fn vae(names: &Names<'_>) -> Option<Checkpoint> {
    for root in ["", "first_stage_model.", "vae."] {
        // The first convolution of the decoder; five dimensions are those of one over time.
        let first = ["decoder.conv_in.weight", "decoder.conv_in.conv.weight", "decoder.conv1.weight"];
        let Some(shape) = first.iter().find_map(|name| names.shape(root, name)) else { continue };
        if names.any_below(&format!("{root}encoder.")) || names.any_below(&format!("{root}decoder.mid")) {
            return Some(Checkpoint::Vae { channels: shape.get(1).copied(), is_video: shape.len() == 5 });
        }
    }
    None
}

fn others(names: &Names<'_>) -> Option<Checkpoint> {
    if names.has("", "emb_params") || names.has("", "clip_l") || names.has("", "clip_g") {
        return Some(Checkpoint::Embedding);
    }
    if names.has("", "conv_first.weight") || names.any_below("model.1.sub.0.RDB1.") {
        return Some(Checkpoint::Upscaler);
    }
    let layers = [
        "model.layers.0.self_attn.q_proj.weight",
        "model.language_model.layers.0.self_attn.q_proj.weight",
        "language_model.model.layers.0.self_attn.q_proj.weight",
        "model.layers.0.self_attn.qkv_proj.weight",
        "transformer.h.0.attn.c_attn.weight",
        "layers.0.self_attn.q_proj.weight",
    ];
    let writes = layers.iter().any(|name| names.has("", name)) || names.has("", "model.embed_tokens.weight");
    writes.then_some(Checkpoint::LanguageModel)
}

#[cfg(test)]
mod tests;
