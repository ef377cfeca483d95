//! What sees images in a model: of which kind it is, and how large.

use super::images::Images;
use crate::{
    ConvertError,
    config::{Config, MAX_LAYERS, whole_number},
    error::shown,
};
use serde_json::Value;
use std::path::Path;

/// Vectors that Gemma gives for an image, where nobody says how many.
const GEMMA_VECTORS: u64 = 256;
/// How many of them llama.cpp takes together on each side, where nobody says how many.
const GEMMA_MERGED: u64 = 4;
/// Likewise, those of Qwen; and how many frames of a film lie in one of them.
pub(super) const QWEN_MERGED: u64 = 2;
pub(super) const QWEN_FRAMES: u64 = 2;
/// Layers of Qwen 2.5 that see all of an image, where nobody says which.
const QWEN_WHOLE: [u64; 4] = [7, 15, 23, 31];
/// Layers of Qwen 3 of which the model's own layers hear, where nobody says which; how many layers there are, and for
/// how many places in an image it has a vector.
const QWEN_DEEP: [u64; 3] = [8, 16, 24];
const QWEN3_LAYERS: u64 = 27;
const QWEN3_PLACES: u64 = 2304;

/// Towers that are converted alike, with what follows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// SigLIP, pooled.
    Gemma3,
    /// SigLIP, of which neighbours lie in one vector; SmolVLM has it too.
    Idefics3,
    /// Qwen's own, for images of any size.
    Qwen2,
    /// Likewise, most of whose layers see a part of the image each.
    Qwen25,
    /// Likewise, of which the model's own layers hear what some in its midst saw.
    Qwen3,
}

/// A tower, and what follows it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tower {
    pub(super) way: Way,
    pub(super) sizes: Sizes,
    /// How long the vectors are of the model that reads what it saw.
    pub(super) text_width: u64,
    /// What colours are on average, and how far from it.
    pub(super) mean: Vec<f32>,
    pub(super) deviation: Vec<f32>,
    /// How many vectors on each side become one; `None` where that follows from what is said of the image.
    pub(super) n_merged: Option<u64>,
    /// How long the longer side of an image becomes before it is cut.
    pub(super) longest_edge: u64,
    /// Of how many layers one sees all of the image, where the others do not.
    pub(super) one_whole_of: Option<u64>,
    /// Layers that the model's own hear of: the first of them that of the first, and so on.
    pub(super) deep_layers: Vec<u64>,
}

/// How large a tower is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sizes {
    /// Pixels on each side of an image.
    pub(super) image_size: u64,
    /// Pixels on each side of what becomes one vector.
    pub(super) patch_size: u64,
    /// How long its vectors are.
    pub(super) width: u64,
    /// How long they are in the widest place of a layer.
    pub(super) inner_width: u64,
    /// What the reference writes for that, which is another number for Qwen 2.
    pub(super) told_inner_width: u64,
    pub(super) n_layers: u64,
    pub(super) n_heads: u64,
    /// What is added to what norms divide by.
    pub(super) epsilon: f64,
}

impl Way {
    fn of(config: &Config) -> Result<Self, ConvertError> {
        match config.class() {
            "Gemma3ForConditionalGeneration" => Ok(Self::Gemma3),
            "Idefics3ForConditionalGeneration" | "SmolVLMForConditionalGeneration" => Ok(Self::Idefics3),
            "Qwen2VLForConditionalGeneration" => Ok(Self::Qwen2),
            "Qwen2_5_VLForConditionalGeneration" => Ok(Self::Qwen25),
            "Qwen3VLForConditionalGeneration" => Ok(Self::Qwen3),
            other => Err(ConvertError::Tower(shown(other))),
        }
    }

    /// The name that llama.cpp knows it by.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gemma3 => "gemma3",
            Self::Idefics3 => "idefics3",
            Self::Qwen2 => "qwen2vl_merger",
            Self::Qwen25 => "qwen2.5vl_merger",
            Self::Qwen3 => "qwen3vl_merger",
        }
    }
}

/// What a description says of the part that sees.
struct Stated<'a>(&'a Config);

impl Stated<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.0.whole.get("vision_config")?.get(key).filter(|it| !it.is_null())
    }

    /// A size: at least one. Published descriptions leave out what is usual.
    fn size(&self, key: &str, usual: u64) -> Result<u64, ConvertError> {
        let Some(value) = self.get(key) else { return Ok(usual) };
        let size = whole_number(value).filter(|n| *n > 0);
        size.ok_or_else(|| self.wrong(key))
    }

    fn float(&self, key: &str, usual: f64) -> Result<f64, ConvertError> {
        let Some(value) = self.get(key) else { return Ok(usual) };
        value.as_f64().ok_or_else(|| self.wrong(key))
    }

    fn wrong(&self, key: &str) -> ConvertError {
        self.0.malformed(format!("{key} of what sees images is nothing that is possible"))
    }

    /// The numbers of some layers.
    fn layers(&self, key: &str, usual: &[u64]) -> Result<Vec<u64>, ConvertError> {
        let Some(value) = self.get(key) else { return Ok(usual.to_vec()) };
        let listed = value.as_array().and_then(|all| all.iter().map(whole_number).collect());
        listed.ok_or_else(|| self.wrong(key))
    }

    /// Of how many layers of Qwen 2.5 one sees all of the image.
    fn one_whole_of(&self) -> Result<u64, ConvertError> {
        const KEY: &str = "fullatt_block_indexes";
        let listed = self.layers(KEY, &QWEN_WHOLE)?;
        let n = listed.first().map_or(0, |first| first + 1);
        let is_even = listed.windows(2).all(|two| two[0].checked_add(n) == Some(two[1]));
        if n > 0 && is_even { Ok(n) } else { Err(self.wrong(KEY)) }
    }

    /// The places on each side of an image for which Qwen 3 has a vector.
    fn places_per_side(&self) -> Result<u64, ConvertError> {
        const KEY: &str = "num_position_embeddings";
        let n = self.size(KEY, QWEN3_PLACES)?;
        let per_side = n.isqrt();
        if per_side * per_side == n { Ok(per_side) } else { Err(self.wrong(KEY)) }
    }
}

/// The layers of Qwen 3's tower of which the model's own layers hear: llama.cpp takes them in their order.
pub(crate) fn deep_layers(config: &Config) -> Result<Vec<u64>, ConvertError> {
    const KEY: &str = "deepstack_visual_indexes";
    let stated = Stated(config);
    let (layers, n_layers) = (stated.layers(KEY, &QWEN_DEEP)?, stated.size("depth", QWEN3_LAYERS)?);
    let is_in_order = layers.windows(2).all(|two| two[0] < two[1]);
    let are_there = layers.last().is_none_or(|last| *last < n_layers);
    if is_in_order && are_there { Ok(layers) } else { Err(stated.wrong(KEY)) }
}

impl Sizes {
    fn read(way: Way, stated: &Stated<'_>) -> Result<Self, ConvertError> {
        let sizes = match way {
            Way::Gemma3 => Self::of_siglip(stated, 16, 768, 12)?,
            Way::Idefics3 => Self::of_siglip(stated, 32, 1152, 16)?,
            Way::Qwen2 => {
                let width = stated.size("embed_dim", 1280)?;
                let inner_width = width.saturating_mul(stated.size("mlp_ratio", 4)?);
                Self {
                    told_inner_width: stated.size("hidden_size", 3584)?,
                    ..Self::of_qwen(stated, width, inner_width)?
                }
            }
            Way::Qwen25 => {
                let inner_width = stated.size("intermediate_size", 3420)?;
                Self::of_qwen(stated, stated.size("hidden_size", 3584)?, inner_width)?
            }
            Way::Qwen3 => Self::of_qwen3(stated)?,
        };
        let is_too_large = sizes.n_layers > MAX_LAYERS || u32::try_from(sizes.image_size).is_err();
        if is_too_large || sizes.n_per_side() == 0 {
            return Err(stated.0.malformed("what sees images has a size that no model has"));
        }
        Ok(sizes)
    }

    /// With what is usual where it is not said.
    fn of_siglip(
        stated: &Stated<'_>,
        patch_size: u64,
        width: u64,
        n_heads: u64,
    ) -> Result<Self, ConvertError> {
        let inner_width = stated.size("intermediate_size", 3072)?;
        Ok(Self {
            image_size: stated.size("image_size", 224)?,
            patch_size: stated.size("patch_size", patch_size)?,
            width: stated.size("hidden_size", width)?,
            inner_width,
            told_inner_width: inner_width,
            n_layers: stated.size("num_hidden_layers", 12)?,
            n_heads: stated.size("num_attention_heads", n_heads)?,
            epsilon: stated.float("layer_norm_eps", 1e-6)?,
        })
    }

    fn of_qwen(stated: &Stated<'_>, width: u64, inner_width: u64) -> Result<Self, ConvertError> {
        for (key, only) in [("spatial_merge_size", QWEN_MERGED), ("temporal_patch_size", QWEN_FRAMES)] {
            // llama.cpp takes these for granted.
            if stated.size(key, only)? != only {
                return Err(stated.wrong(key));
            }
        }
        Ok(Self {
            image_size: stated.size("image_size", 560)?,
            patch_size: stated.size("patch_size", 14)?,
            width,
            inner_width,
            told_inner_width: inner_width,
            n_layers: stated.size("depth", 32)?,
            n_heads: stated.size("num_heads", 16)?,
            epsilon: 1e-6,
        })
    }

    fn of_qwen3(stated: &Stated<'_>) -> Result<Self, ConvertError> {
        let (width, inner_width) =
            (stated.size("hidden_size", 1152)?, stated.size("intermediate_size", 4304)?);
        let patch_size = stated.size("patch_size", 16)?;
        Ok(Self {
            image_size: stated.size("image_size", stated.places_per_side()? * patch_size)?,
            patch_size,
            n_layers: stated.size("depth", QWEN3_LAYERS)?,
            // The reference writes that of the model which reads what it saw.
            epsilon: stated.0.float("rms_norm_eps")?,
            ..Self::of_qwen(stated, width, inner_width)?
        })
    }

    /// Vectors on each side of an image, before some become one.
    pub(super) fn n_per_side(&self) -> u64 {
        self.image_size / self.patch_size
    }
}

impl Tower {
    /// Reads what `folder` says about what sees images in its model, and refuses what is not converted here.
    pub(super) fn read(folder: &Path, config: &Config) -> Result<Self, ConvertError> {
        let way = Way::of(config)?;
        let (stated, images) = (Stated(config), Images::read(folder)?);
        let sizes = Sizes::read(way, &stated)?;
        let n_merged = match way {
            Way::Gemma3 => merged_of_gemma(&sizes, &images)?,
            Way::Idefics3 => Some(config.find_number("scale_factor")?.unwrap_or(2)),
            Way::Qwen2 | Way::Qwen25 | Way::Qwen3 => Some(QWEN_MERGED),
        };
        Ok(Self {
            way,
            text_width: config.number("hidden_size")?,
            mean: images.colours("image_mean")?,
            deviation: images.colours("image_std")?,
            n_merged,
            longest_edge: images.longest_edge()?.unwrap_or(sizes.image_size),
            one_whole_of: if way == Way::Qwen25 { Some(stated.one_whole_of()?) } else { None },
            deep_layers: if way == Way::Qwen3 { deep_layers(config)? } else { Vec::new() },
            sizes,
        })
    }
}

/// Models with another number than the published ones have are made for tests.
fn merged_of_gemma(sizes: &Sizes, images: &Images) -> Result<Option<u64>, ConvertError> {
    let n_vectors = images.find_number("image_seq_length")?.unwrap_or(GEMMA_VECTORS);
    let n_merged = sizes.n_per_side().checked_div(n_vectors.isqrt()).unwrap_or(0);
    Ok(Some(n_merged).filter(|n| ![0, GEMMA_MERGED].contains(n)))
}

#[cfg(test)]
mod tests {
    use super::Tower;
    use crate::config::Config;
    use std::fs;

    /// What is read of a description: its class, what it says of what sees, and what is said of images.
    #[track_caller]
    fn check(class: &str, vision: &str, images: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            r#"{{"architectures": ["{class}"], "hidden_size": 64, "vision_config": {{{vision}}},
                "text_config": {{"architectures": ["Gemma3ForCausalLM"], "num_hidden_layers": 1}}}}"#
        );
        fs::write(folder.path().join("config.json"), config).unwrap();
        let images = format!(r#"{{"image_mean": [0, 0, 0], "image_std": [1, 1, 1]{images}}}"#);
        fs::write(folder.path().join("preprocessor_config.json"), images).unwrap();
        let config = Config::read(folder.path()).unwrap();
        let found = Tower::read(folder.path(), &config).map(|it| {
            let of = it.sizes;
            let sizes = [of.image_size, of.patch_size, of.width, of.inner_width, of.n_layers, of.n_heads];
            let rest = (it.n_merged, it.longest_edge, it.one_whole_of, it.deep_layers);
            format!("{sizes:?} {:?} {} {:?} {:?}", rest.0, rest.1, rest.2, rest.3)
        });
        let found = found.unwrap_or_else(|err| err.to_string());
        assert!(found.contains(expected), "{found}");
    }

    const GEMMA: &str = "Gemma3ForConditionalGeneration";
    const SMOLVLM: &str = "SmolVLMForConditionalGeneration";
    const QWEN2: &str = "Qwen2VLForConditionalGeneration";
    const QWEN25: &str = "Qwen2_5_VLForConditionalGeneration";
    const QWEN3: &str = "Qwen3VLForConditionalGeneration";

    #[test]
    fn descriptions_leave_out_what_is_usual() {
        check(GEMMA, "", "", "[224, 16, 768, 3072, 12, 12] None 224 None");
        check(SMOLVLM, r#""layer_norm_eps": null"#, "", "[224, 32, 1152, 3072, 12, 16] Some(2) 224 None");
        let small = r#""image_size": 512, "patch_size": 16, "num_hidden_layers": 3"#;
        let edge = r#", "size": {"longest_edge": 2048}"#;
        check(SMOLVLM, small, edge, "[512, 16, 1152, 3072, 3, 16] Some(2) 2048 None");
        check(QWEN2, r#""hidden_size": 1536"#, "", "[560, 14, 1280, 5120, 32, 16] Some(2) 560 None");
        check(QWEN25, r#""hidden_size": 1280"#, "", "[560, 14, 1280, 3420, 32, 16] Some(2) 560 Some(8)");
        check(QWEN3, "", "", "[768, 16, 1152, 4304, 27, 16] Some(2) 768 None [8, 16, 24]");
        let small = r#""num_position_embeddings": 16, "patch_size": 14, "depth": 3, "deepstack_visual_indexes": [0, 2]"#;
        check(QWEN3, small, "", "[56, 14, 1152, 4304, 3, 16] Some(2) 56 None [0, 2]");
    }

    #[test]
    fn how_much_gemma_takes_together_is_said_where_it_is_unusual() {
        let published = r#""image_size": 896, "patch_size": 14"#;
        check(GEMMA, published, "", "] None 896");
        check(GEMMA, published, r#", "image_seq_length": 1024"#, "] Some(2) 896");
        check(GEMMA, published, r#", "image_seq_length": 0"#, "] None 896");
    }

    #[test]
    fn what_is_not_converted_is_refused_in_a_sentence() {
        let other = "what sees images in models of the kind “LlavaForConditionalGeneration” cannot be";
        check("LlavaForConditionalGeneration", "", "", other);
        check(GEMMA, r#""image_size": 0"#, "", "image_size of what sees images is nothing");
        check(GEMMA, r#""image_size": 8"#, "", "a size that no model has");
        check(GEMMA, r#""num_hidden_layers": 5000"#, "", "a size that no model has");
        check(GEMMA, r#""layer_norm_eps": "x""#, "", "layer_norm_eps of what sees images is nothing");
        check(GEMMA, "", r#", "image_seq_length": "x""#, "image_seq_length is no number");
        check(QWEN2, r#""spatial_merge_size": 4"#, "", "spatial_merge_size of what sees images is nothing");
        check(QWEN25, r#""fullatt_block_indexes": [7, 14]"#, "", "fullatt_block_indexes of what");
        check(QWEN25, r#""fullatt_block_indexes": []"#, "", "fullatt_block_indexes of what");
        check(QWEN25, r#""fullatt_block_indexes": [-1]"#, "", "fullatt_block_indexes of what");
        check(QWEN3, r#""num_position_embeddings": 17"#, "", "num_position_embeddings of what");
        for listed in ["[24, 8]", "[8, 8]", "[27]", "[-1]", "8"] {
            let vision = format!(r#""deepstack_visual_indexes": {listed}"#);
            check(QWEN3, &vision, "", "deepstack_visual_indexes of what");
        }
        let large = r#""num_position_embeddings": 4294836225, "patch_size": 1000000"#;
        check(QWEN3, large, "", "a size that no model has");
    }
}
