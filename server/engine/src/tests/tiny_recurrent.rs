//! Tiny models whose layers have one state that every token changes.

use super::{
    tiny_heads::{Knows, MIXING, count_experts, experts, joining},
    tiny_llama::{
        N_EMBD, N_HEAD, N_HEAD_KV, N_LAYER, Shape, layer, letters_only, matrix, ones, scale_layers,
        values_of, vocabulary,
    },
};
use gguf::testing::Tensor;
use std::path::Path;

/// Tokens that a layer's convolution looks at.
const N_CONVOLVED: u64 = 4;

/// Numbers of a state for each of its inner numbers.
const N_STATE: u64 = 16;

/// Writes a model of recurrent layers only (Mamba); weights follow from `seed`.
pub(crate) fn write_mamba(path: &Path, seed: u64) {
    const N_INNER: u64 = 2 * N_EMBD;
    const RANK: u64 = 4;
    let random = &mut fastrand::Rng::with_seed(seed);
    let mut tensors = ends(random);
    for i in 0..N_LAYER {
        let name = |part: &str| format!("blk.{i}.{part}");
        tensors.push(ones(&name("attn_norm.weight")));
        tensors.push(matrix(&name("ssm_in.weight"), N_EMBD, 2 * N_INNER, random));
        tensors.push(matrix(&name("ssm_conv1d.weight"), N_CONVOLVED, N_INNER, random));
        tensors.push(matrix(&name("ssm_x.weight"), N_INNER, RANK + 2 * N_STATE, random));
        tensors.push(matrix(&name("ssm_dt.weight"), RANK, N_INNER, random));
        tensors.push(matrix(&name("ssm_out.weight"), N_INNER, N_EMBD, random));
        tensors.push(vector(&name("ssm_conv1d.bias"), N_INNER, |_| 0.0));
        tensors.push(vector(&name("ssm_dt.bias"), N_INNER, |_| -2.0));
        tensors.push(vector(&name("ssm_d"), N_INNER, |_| 0.5));
        let (text, _, weights) = vector(&name("ssm_a"), N_STATE * N_INNER, |n| -0.1 - (n % N_STATE) as f32);
        tensors.push((text, vec![N_STATE, N_INNER], weights));
    }
    let mut gguf = values_of("mamba", Shape::default(), &vocabulary());
    for (name, number) in [
        ("conv_kernel", N_CONVOLVED),
        ("inner_size", N_INNER),
        ("state_size", N_STATE),
        ("time_step_rank", RANK),
    ] {
        gguf.u32(&format!("mamba.ssm.{name}"), number as u32);
    }
    gguf.write(path, &tensors).expect("the folder is there");
}

/// Writes a model of which the first layer is recurrent and the second attends, with a head for the token after the next
/// (Qwen3.5); weights follow from `seed`.
pub(crate) fn write_hybrid(path: &Path, seed: u64, knows: Knows) {
    write_hybrid_of(path, seed, knows, "qwen35");
}

/// Likewise with experts (Qwen3.5's larger ones).
pub(crate) fn write_hybrid_of_experts(path: &Path, seed: u64, knows: Knows) {
    write_hybrid_of(path, seed, knows, "qwen35moe");
}

fn write_hybrid_of(path: &Path, seed: u64, knows: Knows, architecture: &str) {
    let has_experts = architecture == "qwen35moe";
    let random = &mut fastrand::Rng::with_seed(seed);
    let mut tensors = ends(random);
    for i in 0..=N_LAYER {
        tensors.extend(if i == 0 { recurrent(i, random) } else { attending(i, random) });
    }
    if has_experts {
        tensors.retain(|(name, _, _)| !name.contains("ffn_"));
        for i in 0..=N_LAYER {
            tensors.extend(experts(i, random));
            tensors.push(ones(&format!("blk.{i}.ffn_gate_inp_shexp.weight")));
        }
    }
    let head = format!("blk.{N_LAYER}.nextn");
    tensors.push(joining(&format!("{head}.eh_proj.weight"), knows, random));
    tensors.extend(["enorm", "hnorm"].map(|name| ones(&format!("{head}.{name}.weight"))));
    scale_layers(&mut tensors, MIXING);
    let shape = Shape { n_layer: N_LAYER + 1, ..Shape::default() };
    let mut gguf = values_of(architecture, shape, &vocabulary());
    if has_experts {
        count_experts(&mut gguf, architecture);
    }
    for (name, number) in [
        ("nextn_predict_layers", 1),
        ("full_attention_interval", N_LAYER),
        ("ssm.conv_kernel", N_CONVOLVED as u32),
        ("ssm.inner_size", N_EMBD as u32),
        ("ssm.state_size", N_STATE as u32),
        ("ssm.time_step_rank", N_HEAD),
        ("ssm.group_count", N_HEAD_KV),
    ] {
        gguf.u32(&format!("{architecture}.{name}"), number);
    }
    gguf.i32s(&format!("{architecture}.rope.dimension_sections"), [8, 0, 0, 0].into_iter());
    gguf.write(path, &tensors).expect("the folder is there");
}

fn ends(random: &mut fastrand::Rng) -> Vec<Tensor> {
    let n_vocab = vocabulary().len() as u64;
    vec![
        matrix("token_embd.weight", N_EMBD, n_vocab, random),
        ones("output_norm.weight"),
        letters_only(matrix("output.weight", N_EMBD, n_vocab, random)),
    ]
}

fn recurrent(i: u32, random: &mut fastrand::Rng) -> Vec<Tensor> {
    let n_heads = u64::from(N_HEAD);
    let n_mixed = N_EMBD + 2 * N_STATE * u64::from(N_HEAD_KV);
    let name = |part: &str| format!("blk.{i}.{part}");
    let mut tensors = around_attention(i, random);
    tensors.extend([
        matrix(&name("attn_qkv.weight"), N_EMBD, n_mixed, random),
        matrix(&name("attn_gate.weight"), N_EMBD, N_EMBD, random),
        matrix(&name("ssm_conv1d.weight"), N_CONVOLVED, n_mixed, random),
        matrix(&name("ssm_alpha.weight"), N_EMBD, n_heads, random),
        matrix(&name("ssm_beta.weight"), N_EMBD, n_heads, random),
        matrix(&name("ssm_out.weight"), N_EMBD, N_EMBD, random),
        vector(&name("ssm_dt.bias"), n_heads, |_| -1.0),
        vector(&name("ssm_a"), n_heads, |n| -0.1 - n as f32),
        vector(&name("ssm_norm.weight"), N_STATE, |_| 1.0),
    ]);
    tensors
}

fn attending(i: u32, random: &mut fastrand::Rng) -> Vec<Tensor> {
    let head = N_EMBD / u64::from(N_HEAD);
    let n_kv = head * u64::from(N_HEAD_KV);
    let name = |part: &str| format!("blk.{i}.{part}.weight");
    let mut tensors = around_attention(i, random);
    tensors.extend([
        // A gate for every query.
        matrix(&name("attn_q"), N_EMBD, 2 * N_EMBD, random),
        matrix(&name("attn_k"), N_EMBD, n_kv, random),
        matrix(&name("attn_v"), N_EMBD, n_kv, random),
        matrix(&name("attn_output"), N_EMBD, N_EMBD, random),
        vector(&name("attn_q_norm"), head, |_| 1.0),
        vector(&name("attn_k_norm"), head, |_| 1.0),
    ]);
    tensors
}

/// What every layer has.
fn around_attention(i: u32, random: &mut fastrand::Rng) -> Vec<Tensor> {
    let mut tensors = layer(i, N_EMBD, random);
    tensors.retain(|(name, _, _)| !name.contains("attn_") || name.contains("attn_norm"));
    for (name, _, _) in &mut tensors {
        *name = name.replace("ffn_norm", "post_attention_norm");
    }
    tensors
}

fn vector(name: &str, n: u64, number: impl Fn(u64) -> f32) -> Tensor {
    (name.to_owned(), vec![n], (0..n).map(number).collect())
}
