//! Those of the towers of Qwen 2 and Qwen 2.5.

use super::{Part, Wanted, Way};
use crate::vision::{
    images::N_COLOURS,
    tower::{QWEN_FRAMES, Tower},
};
use std::collections::BTreeMap;

/// What queries, keys and values are called, which lie in one tensor.
const ATTENDING: [&str; 3] = ["attn_q", "attn_k", "attn_v"];

pub(super) fn wanted(tower: &Tower) -> BTreeMap<String, Vec<Wanted>> {
    let mut all = BTreeMap::from([("visual.patch_embed.proj.weight".to_owned(), patches(tower))]);
    for layer in 0..tower.sizes.n_layers {
        all.extend(of_layer(tower, layer));
    }
    all.extend(after_it(tower).into_iter().map(|(from, to)| (from, vec![to])));
    all
}

/// Where pixels become vectors: llama.cpp has a tensor for each frame.
pub(super) fn patches(tower: &Tower) -> Vec<Wanted> {
    let (width, patch) = (tower.sizes.width, tower.sizes.patch_size);
    let shape = [width, N_COLOURS as u64, patch, patch];
    let names = ["v.patch_embd.weight", "v.patch_embd.weight.1"];
    let of_frame = |(i, name)| Wanted::part(name, &shape, Part::Matrices { i, n: QWEN_FRAMES });
    (0..).zip(names).map(of_frame).collect()
}

fn of_layer(tower: &Tower, layer: u64) -> Vec<(String, Vec<Wanted>)> {
    let (width, inner) = (tower.sizes.width, tower.sizes.inner_width);
    let mut all = Vec::new();
    let mut add = |from: &str, to: &[&str], ending: &str, shape: &[u64]| {
        let n = to.len() as u64;
        let of_part = |(i, name): (u64, &&str)| {
            let part = if n == 1 { Part::Whole } else { Part::Rows { i, n } };
            Wanted::part(format!("v.blk.{layer}.{name}.{ending}"), shape, part)
        };
        let parts = (0..).zip(to).map(of_part).collect();
        all.push((format!("visual.blocks.{layer}.{from}.{ending}"), parts));
    };
    for (from, to) in [("norm1", "ln1"), ("norm2", "ln2")] {
        for ending in endings_of_norms(tower.way) {
            add(from, &[to], ending, &[width]);
        }
    }
    let mut matrices: Vec<(&str, &[&str], [u64; 2])> =
        vec![("attn.qkv", &ATTENDING, [width, width]), ("attn.proj", &["attn_out"], [width, width])];
    matrices.extend(match tower.way {
        Way::Qwen25 => [
            ("mlp.gate_proj", &["ffn_gate"][..], [inner, width]),
            ("mlp.up_proj", &["ffn_up"][..], [inner, width]),
            ("mlp.down_proj", &["ffn_down"][..], [width, inner]),
        ]
        .to_vec(),
        _ => {
            vec![("mlp.fc1", &["ffn_up"][..], [inner, width]), ("mlp.fc2", &["ffn_down"][..], [width, inner])]
        }
    });
    for (from, to, shape) in matrices {
        add(from, to, "weight", &shape);
        add(from, to, "bias", &shape[..1]);
    }
    all
}

/// The norms of Qwen 2.5 shift nothing.
fn endings_of_norms(way: Way) -> &'static [&'static str] {
    if way == Way::Qwen25 { &["weight"] } else { &["weight", "bias"] }
}

/// What turns what it saw into vectors of the model.
fn after_it(tower: &Tower) -> Vec<(String, Wanted)> {
    let n_merged = tower.n_merged.unwrap_or(1);
    let together = tower.sizes.width.saturating_mul(n_merged.saturating_mul(n_merged));
    let mut all: Vec<(String, Wanted)> = Vec::new();
    for ending in endings_of_norms(tower.way) {
        let norm = Wanted::new(format!("v.post_ln.{ending}"), &[tower.sizes.width]);
        all.push((format!("visual.merger.ln_q.{ending}"), norm));
    }
    for (i, n_rows) in [(0, together), (2, tower.text_width)] {
        let shape = [n_rows, together];
        for (ending, shape) in [("weight", &shape[..]), ("bias", &shape[..1])] {
            let to = Wanted::new(format!("mm.{i}.{ending}"), shape);
            all.push((format!("visual.merger.mlp.{i}.{ending}"), to));
        }
    }
    all
}
