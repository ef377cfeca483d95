//! Those of SigLIP, and of what follows it in Gemma 3, in Idefics 3 and in SmolVLM.

use super::{Wanted, Way};
use crate::vision::{
    images::N_COLOURS,
    tower::{Sizes, Tower},
};
use std::collections::BTreeMap;

pub(super) fn wanted(tower: &Tower) -> BTreeMap<String, Vec<Wanted>> {
    let root = match tower.way {
        Way::Gemma3 => "vision_tower.vision_model.",
        _ => "vision_model.",
    };
    let of_tower = ends(&tower.sizes).into_iter().map(|(from, to)| (from.to_owned(), to));
    let of_tower = of_tower.chain(layers(&tower.sizes)).map(|(from, to)| (format!("{root}{from}"), to));
    of_tower.chain(after_it(tower)).map(|(from, to)| (from, vec![to])).collect()
}

/// What comes before its layers, and after them.
fn ends(sizes: &Sizes) -> [(&'static str, Wanted); 5] {
    let (width, patch) = (sizes.width, sizes.patch_size);
    let n_vectors = sizes.n_per_side().saturating_mul(sizes.n_per_side());
    let of_patch = [width, N_COLOURS as u64, patch, patch];
    [
        ("embeddings.patch_embedding.weight", Wanted::exact("v.patch_embd.weight", &of_patch)),
        ("embeddings.patch_embedding.bias", Wanted::exact("v.patch_embd.bias", &[width])),
        (
            "embeddings.position_embedding.weight",
            Wanted::exact("v.position_embd.weight", &[n_vectors, width]),
        ),
        ("post_layernorm.weight", Wanted::new("v.post_ln.weight", &[width])),
        ("post_layernorm.bias", Wanted::new("v.post_ln.bias", &[width])),
    ]
}

fn layers(sizes: &Sizes) -> Vec<(String, Wanted)> {
    let (width, inner) = (sizes.width, sizes.inner_width);
    let parts: [(&str, &str, &[u64]); 8] = [
        ("layer_norm1", "ln1", &[width]),
        ("layer_norm2", "ln2", &[width]),
        ("self_attn.q_proj", "attn_q", &[width, width]),
        ("self_attn.k_proj", "attn_k", &[width, width]),
        ("self_attn.v_proj", "attn_v", &[width, width]),
        ("self_attn.out_proj", "attn_out", &[width, width]),
        ("mlp.fc1", "ffn_up", &[inner, width]),
        ("mlp.fc2", "ffn_down", &[width, inner]),
    ];
    let mut all = Vec::new();
    for layer in 0..sizes.n_layers {
        for (from, to, shape) in parts {
            for (ending, shape) in [("weight", shape), ("bias", &shape[..1])] {
                let from = format!("encoder.layers.{layer}.{from}.{ending}");
                all.push((from, Wanted::new(format!("v.blk.{layer}.{to}.{ending}"), shape)));
            }
        }
    }
    all
}

/// What turns what it saw into vectors of the model.
fn after_it(tower: &Tower) -> Vec<(String, Wanted)> {
    let (width, text_width) = (tower.sizes.width, tower.text_width);
    if tower.way == Way::Gemma3 {
        let norm = Wanted { adds_one: true, ..Wanted::new("mm.soft_emb_norm.weight", &[width]) };
        let projection = Wanted::new("mm.input_projection.weight", &[width, text_width]);
        return vec![
            ("multi_modal_projector.mm_soft_emb_norm.weight".to_owned(), norm),
            ("multi_modal_projector.mm_input_projection.weight".to_owned(), projection),
        ];
    }
    let n_merged = tower.n_merged.unwrap_or(1);
    let together = width.saturating_mul(n_merged.saturating_mul(n_merged));
    let projection = Wanted::new("mm.model.fc.weight", &[text_width, together]);
    vec![("connector.modality_projection.proj.weight".to_owned(), projection)]
}
