//! What the file says about the part that sees.

use super::tower::{QWEN_MERGED, Tower, Way};
use crate::{
    OutType,
    container::{Keys, Value},
};

/// Sets its keys, in the order in which the reference has them.
pub(super) fn set_tower(keys: &mut Keys, tower: &Tower, out: OutType) {
    keys.set("general.file_type", Value::U32(out.file_type()));
    keys.set("clip.has_vision_encoder", Value::Bool(true));
    let sizes = &tower.sizes;
    for (key, n) in [
        ("projection_dim", tower.text_width),
        ("image_size", sizes.image_size),
        ("patch_size", sizes.patch_size),
        ("embedding_length", sizes.width),
        ("feed_forward_length", sizes.told_inner_width),
        ("block_count", sizes.n_layers),
        ("attention.head_count", sizes.n_heads),
    ] {
        set_number(keys, key, n);
    }
    keys.set("clip.vision.image_mean", Value::Floats(tower.mean.clone()));
    keys.set("clip.vision.image_std", Value::Floats(tower.deviation.clone()));
    keys.text("clip.projector_type", tower.way.name());
    if let Some(n) = tower.one_whole_of {
        keys.set("clip.use_silu", Value::Bool(true));
        set_number(keys, "n_wa_pattern", n);
    }
    if tower.way == Way::Qwen3 {
        keys.set("clip.use_gelu", Value::Bool(true));
        set_number(keys, "spatial_merge_size", QWEN_MERGED);
    }
    keys.set("clip.vision.attention.layer_norm_epsilon", Value::F32(sizes.epsilon as f32));
    match tower.way {
        Way::Gemma3 => {
            keys.set("clip.use_gelu", Value::Bool(true));
            set_merged(keys, tower);
        }
        Way::Idefics3 => {
            set_merged(keys, tower);
            keys.set("clip.use_gelu", Value::Bool(true));
            set_number(keys, "preproc_image_size", tower.longest_edge);
        }
        Way::Qwen3 => {
            let is_deep = (0..sizes.n_layers).map(|layer| tower.deep_layers.contains(&layer));
            keys.set("clip.vision.is_deepstack_layers", Value::Bools(is_deep.collect()));
        }
        Way::Qwen2 | Way::Qwen25 => {}
    }
}

fn set_merged(keys: &mut Keys, tower: &Tower) {
    if let Some(n) = tower.n_merged {
        set_number(keys, "projector.scale_factor", n);
    }
}

/// Numbers of descriptions fit: larger ones are refused when they are read.
fn set_number(keys: &mut Keys, key: &str, n: u64) {
    keys.set(format!("clip.vision.{key}"), Value::U32(n as u32));
}
