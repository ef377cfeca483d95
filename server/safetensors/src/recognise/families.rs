//! Which diffusion model it is.

use super::Names;

/// A family of diffusion models whose parts fit each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Stable Diffusion 1.x.
    Sd1,
    /// Stable Diffusion 2.x.
    Sd2,
    /// Stable Diffusion XL.
    Sdxl,
    /// The second network of Stable Diffusion XL.
    SdxlRefiner,
    /// Stable Diffusion 3 and 3.5.
    Sd3,
    /// FLUX.1 with guidance: dev and what was made of it.
    Flux1Dev,
    /// FLUX.1 without: schnell.
    Flux1Schnell,
    /// FLUX.2.
    Flux2,
    /// Chroma.
    Chroma,
    /// Qwen-Image.
    QwenImage,
    /// Z-Image.
    ZImage,
    /// Wan 2.x, videos of a text.
    WanText,
    /// Wan 2.x, videos of an image.
    WanImage,
    /// LTX-Video.
    Ltx,
    /// LTX-2, with sound.
    Ltx2,
    /// HunyuanVideo.
    HunyuanVideo,
}

impl Family {
    /// A plain name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sd1 => "Stable Diffusion 1",
            Self::Sd2 => "Stable Diffusion 2",
            Self::Sdxl => "Stable Diffusion XL",
            Self::SdxlRefiner => "Stable Diffusion XL refiner",
            Self::Sd3 => "Stable Diffusion 3",
            Self::Flux1Dev => "FLUX.1 dev",
            Self::Flux1Schnell => "FLUX.1 schnell",
            Self::Flux2 => "FLUX.2",
            Self::Chroma => "Chroma",
            Self::QwenImage => "Qwen-Image",
            Self::ZImage => "Z-Image",
            Self::WanText => "Wan, text to video",
            Self::WanImage => "Wan, image to video",
            Self::Ltx => "LTX-Video",
            Self::Ltx2 => "LTX-2",
            Self::HunyuanVideo => "HunyuanVideo",
        }
    }

    /// Whether it makes videos.
    pub fn is_video(self) -> bool {
        matches!(self, Self::WanText | Self::WanImage | Self::Ltx | Self::Ltx2 | Self::HunyuanVideo)
    }
}

/// The family of a network whose tensors begin with `root`.
pub(super) fn family_at(names: &Names<'_>, root: &str) -> Option<Family> {
    let has = |name: &str| names.has(root, name);
    let below = |start: &str| names.any_below(&format!("{root}{start}"));
    if below("txt_in.individual_token_refiner.") || below("context_embedder.token_refiner.") {
        return Some(Family::HunyuanVideo);
    }
    if below("double_stream_modulation_img.") {
        return Some(Family::Flux2);
    }
    if below("distilled_guidance_layer.") {
        return Some(Family::Chroma);
    }
    if has("double_blocks.0.img_attn.qkv.weight") || below("single_transformer_blocks.0.") {
        let is_guided = below("guidance_in.") || below("time_text_embed.guidance_embedder.");
        return Some(if is_guided { Family::Flux1Dev } else { Family::Flux1Schnell });
    }
    if below("joint_blocks.0.") {
        return Some(Family::Sd3);
    }
    if below("transformer_blocks.0.img_mod.") {
        return Some(Family::QwenImage);
    }
    if has("transformer_blocks.0.attn.add_k_proj.weight") && has("context_embedder.weight") {
        return Some(Family::Sd3);
    }
    if has("cap_pad_token") && below("noise_refiner.0.") {
        return Some(Family::ZImage);
    }
    wan(names, root).or_else(|| ltx(names, root)).or_else(|| unet_context(names, root))
}

fn wan(names: &Names<'_>, root: &str) -> Option<Family> {
    let original =
        names.has(root, "blocks.0.self_attn.q.weight") && names.has(root, "blocks.0.cross_attn.q.weight");
    let diffusers =
        names.has(root, "blocks.0.attn1.to_q.weight") && names.has(root, "blocks.0.attn2.to_q.weight");
    if !original && !diffusers {
        return None;
    }
    let first = names.shape(root, "patch_embedding.weight")?;
    let image = ["img_emb.", "condition_embedder.image_embedder."];
    let sees_image = image.iter().any(|start| names.any_below(&format!("{root}{start}")));
    // With an image come its latent and a mask beside the 16 channels of the noise.
    let is_of_image = sees_image || first.get(1) == Some(&36);
    Some(if is_of_image { Family::WanImage } else { Family::WanText })
}

fn ltx(names: &Names<'_>, root: &str) -> Option<Family> {
    if names.any_below(&format!("{root}audio_patchify_proj.")) {
        return Some(Family::Ltx2);
    }
    let original =
        names.has(root, "patchify_proj.weight") && names.any_below(&format!("{root}adaln_single."));
    let diffusers = names.has(root, "proj_in.weight")
        && names.has(root, "scale_shift_table")
        && names.any_below(&format!("{root}caption_projection."));
    (original || diffusers).then_some(Family::Ltx)
}

/// The family of a network of the older kind, by how wide the text is that it looks at.
pub(super) fn unet_context(names: &Names<'_>, root: &str) -> Option<Family> {
    let wide = ["input_blocks.", "down_blocks."].iter().find_map(|part| {
        let mut below = names.below(root).filter(|(name, _)| name[root.len()..].starts_with(part));
        below.find_map(|(name, shape)| {
            name.ends_with(".attn2.to_k.weight").then(|| shape.last().copied()).flatten()
        })
    })?;
    of_context(wide)
}

fn of_context(wide: u64) -> Option<Family> {
    match wide {
        768 => Some(Family::Sd1),
        1024 => Some(Family::Sd2),
        1280 => Some(Family::SdxlRefiner),
        2048 => Some(Family::Sdxl),
        _ => None,
    }
}

/// What a change was made for, by the names of what it changes. Programs write dots between the parts of a name, or
/// underscores.
pub(super) fn lora_family(names: &Names<'_>) -> Option<Family> {
    let any = |parts: &[&str]| parts.iter().any(|part| names.any_contains(part));
    if any(&["double_blocks.0.img_attn_qkv", "double_blocks.0.img_mlp.fc1"]) {
        return Some(Family::HunyuanVideo);
    }
    if any(&["double_blocks", "single_transformer_blocks", "single_blocks"]) {
        return Some(Family::Flux1Dev);
    }
    if any(&["joint_blocks"]) {
        return Some(Family::Sd3);
    }
    if any(&[
        "transformer_blocks.0.img_mlp",
        "transformer_blocks_0_img_mlp",
        "blocks.0.img_mod",
        "blocks_0_img_mod",
    ]) {
        return Some(Family::QwenImage);
    }
    if any(&["blocks.0.cross_attn.k_img", "blocks_0_cross_attn_k_img"]) {
        return Some(Family::WanImage);
    }
    if any(&[
        "blocks.0.cross_attn.",
        "blocks_0_cross_attn_",
        "blocks.0.self_attn.q.",
        "blocks_0_self_attn_q.",
    ]) {
        return Some(Family::WanText);
    }
    let context = names.all().find_map(|(name, shape)| {
        let is_down = name.contains("lora_down") || name.contains("lora_A") || name.contains("lora.down");
        let is_unet = name.contains("down_blocks") || name.contains("input_blocks");
        let looks_at_text = name.contains("attn2_to_k") || name.contains("attn2.to_k");
        (is_down && is_unet && looks_at_text).then(|| shape.get(1).copied()).flatten()
    });
    if let Some(family) = context.and_then(of_context) {
        return Some(family);
    }
    if any(&["lora_te2_", "text_encoder_2."]) {
        return Some(Family::Sdxl);
    }
    if any(&["audio_attn", "audio_to_video"]) {
        return Some(Family::Ltx2);
    }
    let has_unet = any(&["down_blocks", "input_blocks"]);
    if !has_unet && any(&["transformer_blocks.0.attn1.", "transformer_blocks_0_attn1_"]) {
        return Some(Family::Ltx);
    }
    None
}
