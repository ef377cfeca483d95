//! A tiny model with a head for the token after the next, and tiny drafters of EAGLE-3 for a tiny Llama.

use super::tiny_llama::{
    N_EMBD, N_FF, N_HEAD, N_HEAD_KV, N_LAYER, Shape, layer, letters_only, matrix, ones, scale_layers,
    values_of, vocabulary,
};
use gguf::testing::{Gguf, Tensor};
use std::path::Path;

/// What a head or a drafter knows of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knows {
    /// That what follows a token depends mostly on that token, as it does here.
    Much,
    /// Something else.
    Nothing,
}

/// How much layers add to a token here; so little that what follows depends mostly on the token itself.
pub(crate) const MIXING: f32 = 0.005;

const N_EXPERT: u64 = 4;
const N_EXPERT_USED: u32 = 2;
const N_FF_EXPERT: u64 = 32;

/// Writes a model of experts with `n_heads` heads; weights follow from `seed`.
pub(crate) fn write(path: &Path, seed: u64, knows: Knows, n_heads: u32) {
    write_lacking(path, seed, knows, n_heads, "nothing");
}

/// Likewise, without the tensors whose names end with `lacking`.
pub(crate) fn write_lacking(path: &Path, seed: u64, knows: Knows, n_heads: u32, lacking: &str) {
    let random = &mut fastrand::Rng::with_seed(seed);
    let vocabulary = vocabulary();
    let n_vocab = vocabulary.len() as u64;
    let mut tensors = vec![
        matrix("token_embd.weight", N_EMBD, n_vocab, random),
        ones("output_norm.weight"),
        letters_only(matrix("output.weight", N_EMBD, n_vocab, random)),
    ];
    for i in 0..N_LAYER + n_heads {
        tensors.extend(block(i, random));
    }
    for i in N_LAYER..N_LAYER + n_heads {
        let prefix = format!("blk.{i}.nextn");
        tensors.push(joining(&format!("{prefix}.eh_proj.weight"), knows, random));
        tensors.extend(["enorm", "hnorm"].map(|name| ones(&format!("{prefix}.{name}.weight"))));
    }
    scale_layers(&mut tensors, MIXING);
    tensors.retain(|(name, _, _)| !name.ends_with(lacking));
    let mut gguf =
        values_of("glm4moe", Shape { n_layer: N_LAYER + n_heads, ..Shape::default() }, &vocabulary);
    for (name, number) in
        [("nextn_predict_layers", n_heads), ("expert_shared_count", 1), ("leading_dense_block_count", 1)]
    {
        gguf.u32(&format!("glm4moe.{name}"), number);
    }
    count_experts(&mut gguf, "glm4moe");
    gguf.bool("glm4moe.expert_weights_norm", true);
    gguf.write(path, &tensors).expect("the folder is there");
}

/// A layer; the first is dense, others have experts.
fn block(i: u32, random: &mut fastrand::Rng) -> Vec<Tensor> {
    let n_kv = N_EMBD / u64::from(N_HEAD) * u64::from(N_HEAD_KV);
    let mut tensors = layer(i, n_kv, random);
    for (name, _, _) in &mut tensors {
        *name = name.replace("ffn_norm", "post_attention_norm");
    }
    if i == 0 {
        return tensors;
    }
    tensors.retain(|(name, _, _)| !name.contains("ffn_"));
    tensors.push((format!("blk.{i}.exp_probs_b.bias"), vec![N_EXPERT], vec![0.0; N_EXPERT as usize]));
    tensors.extend(experts(i, random));
    tensors
}

/// What a layer of experts has, one that is always asked among them.
pub(super) fn experts(i: u32, random: &mut fastrand::Rng) -> Vec<Tensor> {
    let name = |part: &str| format!("blk.{i}.{part}.weight");
    let mut tensors = vec![matrix(&name("ffn_gate_inp"), N_EMBD, N_EXPERT, random)];
    for (part, n_in, n_out) in
        [("gate", N_EMBD, N_FF_EXPERT), ("up", N_EMBD, N_FF_EXPERT), ("down", N_FF_EXPERT, N_EMBD)]
    {
        let (text, _, weights) = matrix(&name(&format!("ffn_{part}_exps")), n_in, n_out * N_EXPERT, random);
        tensors.push((text, vec![n_in, n_out, N_EXPERT], weights));
        tensors.push(matrix(&name(&format!("ffn_{part}_shexp")), n_in, n_out, random));
    }
    tensors
}

/// Says how many experts there are.
pub(super) fn count_experts(gguf: &mut Gguf, architecture: &str) {
    for (name, number) in [
        ("expert_count", N_EXPERT as u32),
        ("expert_used_count", N_EXPERT_USED),
        ("expert_feed_forward_length", N_FF_EXPERT as u32),
        ("expert_shared_feed_forward_length", N_FF_EXPERT as u32),
    ] {
        gguf.u32(&format!("{architecture}.{name}"), number);
    }
}

/// Joins a token and what was known before it; what knows much takes the token as it is and little of the rest.
pub(super) fn joining(name: &str, knows: Knows, random: &mut fastrand::Rng) -> Tensor {
    let mut joining = matrix(name, 2 * N_EMBD, N_EMBD, random);
    if knows == Knows::Much {
        joining.2.iter_mut().for_each(|weight| *weight *= 0.05);
        add_identity(&mut joining, 1.0);
    }
    joining
}

/// Adds `strength` where a number goes to its own place.
fn add_identity((_, shape, weights): &mut Tensor, strength: f32) {
    for (i, row) in weights.chunks_mut(shape[0] as usize).enumerate() {
        row[i] += strength;
    }
}

/// Writes a drafter of EAGLE-3 for a tiny Llama whose layers add [`MIXING`]; weights follow from `seed`.
pub(crate) fn write_eagle(path: &Path, seed: u64, knows: Knows, layers: &[i32]) {
    write_eagle_for(path, seed, knows, layers, None);
}

/// Likewise; where `tokens` are given, it knows these of the model's only, and has an output of its own.
pub(crate) fn write_eagle_for(path: &Path, seed: u64, knows: Knows, layers: &[i32], tokens: Option<&[i64]>) {
    let random = &mut fastrand::Rng::with_seed(seed);
    let mut tensors = vec![
        matrix("fc.weight", layers.len() as u64 * N_EMBD, N_EMBD, random),
        ones("output_norm.weight"),
        ones("blk.0.attn_norm.weight"),
        ones("blk.0.ffn_norm.weight"),
        ("blk.0.attn_norm_2.weight".to_owned(), vec![N_EMBD], vec![residual(knows); N_EMBD as usize]),
        matrix("blk.0.ffn_gate.weight", N_EMBD, N_FF, random),
        matrix("blk.0.ffn_up.weight", N_EMBD, N_FF, random),
        matrix("blk.0.ffn_down.weight", N_FF, N_EMBD, random),
    ];
    scale_layers(&mut tensors, MIXING);
    for part in ["q", "k", "v"] {
        tensors.push(matrix(&format!("blk.0.attn_{part}.weight"), 2 * N_EMBD, N_EMBD, random));
    }
    tensors.push(matrix("blk.0.attn_output.weight", N_EMBD, N_EMBD, random));
    if knows == Knows::Much {
        tensors.iter_mut().for_each(attend_to_equals);
    }
    // Keys of as many heads as queries have, so that values are as wide as tokens.
    let shape = Shape { n_layer: 1, n_head_kv: N_HEAD, n_rotated: ROTATED as u32 };
    let mut gguf = values_of("eagle3", shape, &vocabulary());
    gguf.u32("eagle3.target_hidden_size", N_EMBD as u32);
    gguf.i32s("eagle3.target_layers", layers.iter().copied());
    gguf.bool("eagle3.norm_before_residual", true);
    if let Some(tokens) = tokens {
        tensors.push(matrix("output.weight", N_EMBD, tokens.len() as u64, random));
    }
    let lists = tokens.map(|tokens| ("d2t", tokens));
    gguf.write_with_numbers(path, &tensors, lists.as_slice()).expect("the folder is there");
}

/// How much of what was known before remains.
fn residual(knows: Knows) -> f32 {
    if knows == Knows::Much { 0.005 } else { 1.0 }
}

/// Numbers of each head that depend on positions.
const ROTATED: u64 = 2;

/// Makes attention find the same token, wherever it is, and take over what it is.
fn attend_to_equals((name, shape, weights): &mut Tensor) {
    let head = N_EMBD / u64::from(N_HEAD);
    let strength = match name.as_str() {
        "blk.0.attn_q.weight" | "blk.0.attn_k.weight" => 8.0,
        "blk.0.attn_v.weight" | "blk.0.attn_output.weight" => 1.0,
        _ => return,
    };
    let compares = strength > 1.0;
    for (i, row) in weights.chunks_mut(shape[0] as usize).enumerate() {
        row.fill(0.0);
        if !compares || i as u64 % head >= ROTATED {
            row[i] = strength;
        }
    }
}
