//! Writes a small projector with random weights: what a model sees through it is noise, but it sees.

use crate::tensors::{alike, weights};
use gguf::testing::{Gguf, Tensor};
use std::{io, path::Path};

const WIDTH: u64 = 32;
const N_FF: u64 = 48;
const N_LAYER: u32 = 2;
/// Pixels of an image's side, and of a patch's.
const SIDE: u32 = 64;
const PATCH: u32 = 8;

/// Writes a projector for models whose tokens have vectors of `n_embd` numbers.
pub(crate) fn write(path: &Path, n_embd: u64) -> io::Result<()> {
    let mut random = fastrand::Rng::with_seed(7);
    let tensors = tensors(n_embd, &mut random);
    let mut gguf = Gguf::default();
    gguf.text("general.architecture", "clip");
    gguf.text("clip.projector_type", "mlp");
    gguf.bool("clip.has_vision_encoder", true);
    for (name, number) in [
        ("embedding_length", WIDTH as u32),
        ("attention.head_count", 2),
        ("feed_forward_length", N_FF as u32),
        ("block_count", N_LAYER),
        ("projection_dim", n_embd as u32),
        ("image_size", SIDE),
        ("patch_size", PATCH),
    ] {
        gguf.u32(&format!("clip.vision.{name}"), number);
    }
    gguf.f32("clip.vision.attention.layer_norm_epsilon", 1e-5);
    gguf.f32s("clip.vision.image_mean", [0.5; 3].into_iter());
    gguf.f32s("clip.vision.image_std", [0.5; 3].into_iter());
    gguf.write(path, &tensors)
}

fn tensors(n_embd: u64, random: &mut fastrand::Rng) -> Vec<Tensor> {
    let n_patches = u64::from(SIDE / PATCH).pow(2);
    let patch = u64::from(PATCH);
    let mut tensors = vec![
        weights("v.patch_embd.weight", &[patch, patch, 3, WIDTH], random),
        weights("v.position_embd.weight", &[WIDTH, n_patches], random),
    ];
    for i in 0..N_LAYER {
        for (name, n_in, n_out) in [
            ("attn_q", WIDTH, WIDTH),
            ("attn_k", WIDTH, WIDTH),
            ("attn_v", WIDTH, WIDTH),
            ("attn_out", WIDTH, WIDTH),
            ("ffn_up", WIDTH, N_FF),
            ("ffn_down", N_FF, WIDTH),
        ] {
            tensors.extend(linear(&format!("v.blk.{i}.{name}"), n_in, n_out, random));
        }
        for name in ["ln1", "ln2"] {
            tensors.push(alike(&format!("v.blk.{i}.{name}.weight"), WIDTH, 1.0));
            tensors.push(alike(&format!("v.blk.{i}.{name}.bias"), WIDTH, 0.0));
        }
    }
    tensors.extend(linear("mm.0", WIDTH, n_embd, random));
    tensors.extend(linear("mm.2", n_embd, n_embd, random));
    tensors
}

fn linear(name: &str, n_in: u64, n_out: u64, random: &mut fastrand::Rng) -> [Tensor; 2] {
    let weight = weights(&format!("{name}.weight"), &[n_in, n_out], random);
    [weight, alike(&format!("{name}.bias"), n_out, 0.0)]
}
