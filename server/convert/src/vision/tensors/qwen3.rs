//! Those of the tower of Qwen 3.

use super::{Wanted, qwen};
use crate::vision::tower::Tower;
use std::collections::BTreeMap;

pub(super) fn wanted(tower: &Tower) -> BTreeMap<String, Vec<Wanted>> {
    let width = tower.sizes.width;
    let n_places = tower.sizes.n_per_side().saturating_mul(tower.sizes.n_per_side());
    let places = Wanted::exact("v.position_embd.weight", &[n_places, width]);
    let mut all = BTreeMap::from([
        ("visual.patch_embed.proj.weight".to_owned(), qwen::patches(tower)),
        ("visual.patch_embed.proj.bias".to_owned(), vec![Wanted::new("v.patch_embd.bias", &[width])]),
        ("visual.pos_embed.weight".to_owned(), vec![places]),
    ]);
    for layer in 0..tower.sizes.n_layers {
        add_layer(tower, layer, &mut all);
    }
    add_after_it(tower, &mut all);
    all
}

/// Adds a matrix with its bias, or a vector with its own; `shape` is that of the weight.
fn add(all: &mut BTreeMap<String, Vec<Wanted>>, from: &str, to: &str, shape: &[u64]) {
    for (ending, shape) in [("weight", shape), ("bias", &shape[..1])] {
        all.insert(format!("visual.{from}.{ending}"), vec![Wanted::new(format!("{to}.{ending}"), shape)]);
    }
}

fn add_layer(tower: &Tower, layer: u64, all: &mut BTreeMap<String, Vec<Wanted>>) {
    let (width, inner) = (tower.sizes.width, tower.sizes.inner_width);
    let parts: [(&str, &str, &[u64]); 6] = [
        ("norm1", "ln1", &[width]),
        ("norm2", "ln2", &[width]),
        // llama.cpp cuts it into queries, keys and values itself.
        ("attn.qkv", "attn_qkv", &[width.saturating_mul(3), width]),
        ("attn.proj", "attn_out", &[width, width]),
        ("mlp.linear_fc1", "ffn_up", &[inner, width]),
        ("mlp.linear_fc2", "ffn_down", &[width, inner]),
    ];
    for (from, to, shape) in parts {
        add(all, &format!("blocks.{layer}.{from}"), &format!("v.blk.{layer}.{to}"), shape);
    }
}

/// Adds what turns what it saw into vectors of the model: at its end, and at each layer that the model's own hear of.
fn add_after_it(tower: &Tower, all: &mut BTreeMap<String, Vec<Wanted>>) {
    let n_merged = tower.n_merged.unwrap_or(1);
    let together = tower.sizes.width.saturating_mul(n_merged.saturating_mul(n_merged));
    let [first, last] = [[together, together], [tower.text_width, together]];
    add(all, "merger.norm", "v.post_ln", &[tower.sizes.width]);
    add(all, "merger.linear_fc1", "mm.0", &first);
    add(all, "merger.linear_fc2", "mm.2", &last);
    for (i, layer) in tower.deep_layers.iter().enumerate() {
        let parts: [(&str, &str, &[u64]); 3] =
            [("norm", "norm", &[together]), ("linear_fc1", "fc1", &first), ("linear_fc2", "fc2", &last)];
        for (from, to, shape) in parts {
            add(
                all,
                &format!("deepstack_merger_list.{i}.{from}"),
                &format!("v.deepstack.{layer}.{to}"),
                shape,
            );
        }
    }
}
