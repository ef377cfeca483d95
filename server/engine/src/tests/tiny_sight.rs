//! Tiny projectors, and a tiny model whose positions have more than one dimension.

use super::tiny_llama;
use gguf::testing::{Gguf, Tensor};
use std::path::Path;

/// How a projector's family puts images into prompts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Row by row, each of which sees what is before it: LLaVA.
    Rows,
    /// All at once, each part of which sees the others: Gemma.
    AtOnce,
    /// On a grid, for models whose positions have two dimensions: Qwen-VL.
    Grid,
}

impl Family {
    pub(crate) const ALL: [Self; 3] = [Self::Rows, Self::AtOnce, Self::Grid];

    /// Rows that an image of 32 × 32 pixels has.
    pub(crate) const N_ROWS: usize = 16;

    /// Positions that such an image takes.
    pub(crate) fn n_positions(self) -> usize {
        if self == Self::Grid { 4 } else { Self::N_ROWS }
    }

    /// Writes a model that it was made for.
    pub(crate) fn write_model(self, path: &Path, seed: u64) {
        match self {
            Self::Grid => tiny_llama::write_grid(path, seed),
            Self::Rows | Self::AtOnce => tiny_llama::write(path, seed),
        }
    }

    /// Writes the projector; weights follow from `seed`.
    pub(crate) fn write_projector(self, path: &Path, seed: u64) {
        let random = &mut fastrand::Rng::with_seed(seed);
        let mut gguf = Gguf::default();
        gguf.text("general.architecture", "clip");
        gguf.text("clip.projector_type", self.name());
        gguf.bool("clip.has_vision_encoder", true);
        for (name, number) in [
            ("embedding_length", WIDTH as u32),
            ("attention.head_count", 2),
            ("feed_forward_length", N_FF as u32),
            ("block_count", N_LAYER),
            ("projection_dim", tiny_llama::N_EMBD as u32),
            ("image_size", SIDE),
            ("patch_size", self.patch()),
            ("projector.scale_factor", 2),
        ] {
            gguf.u32(&format!("clip.vision.{name}"), number);
        }
        gguf.f32("clip.vision.attention.layer_norm_epsilon", 1e-5);
        gguf.f32s("clip.vision.image_mean", [0.5; 3].into_iter());
        gguf.f32s("clip.vision.image_std", [0.5; 3].into_iter());
        gguf.write(path, &self.tensors(random)).expect("the folder is there");
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rows => "mlp",
            Self::AtOnce => "gemma3",
            Self::Grid => "qwen2vl_merger",
        }
    }

    /// Pixels of a patch's side.
    fn patch(self) -> u32 {
        if self == Self::Rows { 8 } else { 4 }
    }

    fn tensors(self, random: &mut fastrand::Rng) -> Vec<Tensor> {
        let patch = u64::from(self.patch());
        let n_patches = u64::from(SIDE).pow(2) / patch.pow(2);
        let mut tensors = vec![weights("v.patch_embd.weight", &[patch, patch, 3, WIDTH], random)];
        (0..N_LAYER).for_each(|i| tensors.extend(layer(i, random)));
        match self {
            Self::Rows => {
                tensors.push(weights("v.position_embd.weight", &[WIDTH, n_patches], random));
                tensors.extend(linear("mm.0", WIDTH, tiny_llama::N_EMBD, random));
                tensors.extend(linear("mm.2", tiny_llama::N_EMBD, tiny_llama::N_EMBD, random));
            }
            Self::AtOnce => {
                tensors.push(weights("v.position_embd.weight", &[WIDTH, n_patches], random));
                tensors.extend(norm("v.post_ln"));
                tensors.push(weights("mm.input_projection.weight", &[tiny_llama::N_EMBD, WIDTH], random));
                tensors.push(("mm.soft_emb_norm.weight".into(), vec![WIDTH], vec![1.0; WIDTH as usize]));
            }
            Self::Grid => {
                tensors.push(weights("v.patch_embd.weight.1", &[patch, patch, 3, WIDTH], random));
                tensors.extend(norm("v.post_ln"));
                tensors.extend(linear("mm.0", WIDTH * 4, WIDTH * 4, random));
                tensors.extend(linear("mm.2", WIDTH * 4, tiny_llama::N_EMBD, random));
            }
        }
        tensors
    }
}

const WIDTH: u64 = 32;
const N_FF: u64 = 48;
const N_LAYER: u32 = 2;
/// Pixels of an image's side, where the model says it.
const SIDE: u32 = 32;

fn layer(i: u32, random: &mut fastrand::Rng) -> Vec<Tensor> {
    let mut tensors = Vec::new();
    for name in ["attn_q", "attn_k", "attn_v", "attn_out"] {
        tensors.extend(linear(&format!("v.blk.{i}.{name}"), WIDTH, WIDTH, random));
    }
    tensors.extend(linear(&format!("v.blk.{i}.ffn_up"), WIDTH, N_FF, random));
    tensors.extend(linear(&format!("v.blk.{i}.ffn_down"), N_FF, WIDTH, random));
    tensors.extend(["ln1", "ln2"].into_iter().flat_map(|name| norm(&format!("v.blk.{i}.{name}"))));
    tensors
}

fn linear(name: &str, n_in: u64, n_out: u64, random: &mut fastrand::Rng) -> [Tensor; 2] {
    let weight = weights(&format!("{name}.weight"), &[n_in, n_out], random);
    let bias = (format!("{name}.bias"), vec![n_out], (0..n_out).map(|_| random.f32() * 0.2 - 0.1).collect());
    [weight, bias]
}

fn norm(name: &str) -> [Tensor; 2] {
    let width = WIDTH as usize;
    [
        (format!("{name}.weight"), vec![WIDTH], vec![1.0; width]),
        (format!("{name}.bias"), vec![WIDTH], vec![0.0; width]),
    ]
}

fn weights(name: &str, shape: &[u64], random: &mut fastrand::Rng) -> Tensor {
    let n_in: u64 = shape[..shape.len() - 1].iter().product();
    let scale = 3.0 / (n_in as f32).sqrt();
    let n = shape.iter().product::<u64>();
    let weights = (0..n).map(|_| (random.f32() * 2.0 - 1.0) * scale).collect();
    (name.to_owned(), shape.to_vec(), weights)
}
