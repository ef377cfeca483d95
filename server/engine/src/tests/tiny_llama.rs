//! A tiny Llama.

use super::gguf::{BYTE, CONTROL, Gguf, NORMAL, Tensor, UNKNOWN, USER_DEFINED};
use std::path::Path;

const N_EMBD: u64 = 64;
const N_HEAD: u32 = 4;
const N_HEAD_KV: u32 = 2;
const N_FF: u64 = 96;
const N_LAYER: u32 = 2;
const N_CTX: u32 = 1024;

/// Letters, after the three special tokens.
const LETTERS: &str = "▁abcdefghijklmnopqrstuvwxyz.";

/// A chat template, and tokens that are not text.
pub(crate) struct Manners {
    pub(crate) template: &'static str,
    pub(crate) special: &'static [&'static str],
}

/// Writes the model; weights follow from `seed`.
pub(crate) fn write(path: &Path, seed: u64) {
    let vocabulary = vocabulary();
    let tensors = tensors(vocabulary.len() as u64, &mut fastrand::Rng::with_seed(seed));
    values(&vocabulary).write(path, &tensors);
}

/// Writes a model that nearly says what [`write`]'s of the same seed says: every weight is off by up to `noise` of the
/// largest.
pub(crate) fn write_relative(path: &Path, seed: u64, noise: f32) {
    let vocabulary = vocabulary();
    let mut tensors = tensors(vocabulary.len() as u64, &mut fastrand::Rng::with_seed(seed));
    let random = &mut fastrand::Rng::with_seed(seed + 1000);
    for (_, _, weights) in &mut tensors {
        let most = weights.iter().fold(0.0, |most: f32, it| most.max(it.abs()));
        weights.iter_mut().for_each(|it| *it += (random.f32() * 2.0 - 1.0) * noise * most);
    }
    values(&vocabulary).write(path, &tensors);
}

/// Writes a model that spells its tokens with other letters.
pub(crate) fn write_spelling(path: &Path, letters: &str) {
    let mut vocabulary = vocabulary();
    for ((text, _, _), letter) in vocabulary[3..].iter_mut().zip(letters.chars()) {
        *text = letter.to_string();
    }
    let tensors = tensors(vocabulary.len() as u64, &mut fastrand::Rng::with_seed(1));
    values(&vocabulary).write(path, &tensors);
}

/// The same with a template and more tokens, which makes it another model.
pub(crate) fn write_with(path: &Path, seed: u64, manners: &Manners) {
    let mut vocabulary = vocabulary();
    vocabulary.extend(manners.special.iter().map(|text| ((*text).to_owned(), 0.0, USER_DEFINED)));
    let tensors = tensors(vocabulary.len() as u64, &mut fastrand::Rng::with_seed(seed));
    let mut values = values(&vocabulary);
    values.text("tokenizer.chat_template", manners.template);
    values.write(path, &tensors);
}

/// The rank of adapters.
const RANK: u64 = 4;

/// Writes an adapter for any of these models; weights follow from `seed`.
pub(crate) fn write_adapter(path: &Path, seed: u64) {
    let random = &mut fastrand::Rng::with_seed(seed);
    let mut tensors = Vec::new();
    for i in 0..N_LAYER {
        for (name, n_in, n_out) in [("attn_q", N_EMBD, N_EMBD), ("ffn_down", N_FF, N_EMBD)] {
            tensors.push(matrix(&format!("blk.{i}.{name}.weight.lora_a"), n_in, RANK, random));
            tensors.push(matrix(&format!("blk.{i}.{name}.weight.lora_b"), RANK, n_out, random));
        }
    }
    let mut gguf = Gguf::default();
    gguf.text("general.type", "adapter");
    gguf.text("general.architecture", "llama");
    gguf.text("adapter.type", "lora");
    gguf.f32("adapter.lora.alpha", RANK as f32);
    gguf.write(path, &tensors);
}

/// Spelling, score and type of every token.
fn vocabulary() -> Vec<(String, f32, i32)> {
    let special = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)];
    let special = special.map(|(text, kind)| (text.to_owned(), 0.0, kind));
    let letters = LETTERS.chars().map(|letter| (letter.to_string(), -1.0, NORMAL));
    let bytes = (0..=255_u8).map(|byte| (format!("<0x{byte:02X}>"), -9.0, BYTE));
    special.into_iter().chain(letters).chain(bytes).collect()
}

fn tensors(n_vocab: u64, random: &mut fastrand::Rng) -> Vec<Tensor> {
    let n_kv = N_EMBD / u64::from(N_HEAD) * u64::from(N_HEAD_KV);
    let mut tensors = vec![
        matrix("token_embd.weight", N_EMBD, n_vocab, random),
        ones("output_norm.weight"),
        letters_only(matrix("output.weight", N_EMBD, n_vocab, random)),
    ];
    for i in 0..N_LAYER {
        let mut add = |name: &str, n_in, n_out| {
            tensors.push(matrix(&format!("blk.{i}.{name}.weight"), n_in, n_out, random));
        };
        add("attn_q", N_EMBD, N_EMBD);
        add("attn_k", N_EMBD, n_kv);
        add("attn_v", N_EMBD, n_kv);
        add("attn_output", N_EMBD, N_EMBD);
        add("ffn_gate", N_EMBD, N_FF);
        add("ffn_up", N_EMBD, N_FF);
        add("ffn_down", N_FF, N_EMBD);
        tensors.push(ones(&format!("blk.{i}.attn_norm.weight")));
        tensors.push(ones(&format!("blk.{i}.ffn_norm.weight")));
    }
    tensors
}

fn matrix(name: &str, n_in: u64, n_out: u64, random: &mut fastrand::Rng) -> Tensor {
    let scale = 3.0 / (n_in as f32).sqrt();
    let weights = (0..n_in * n_out).map(|_| (random.f32() * 2.0 - 1.0) * scale).collect();
    (name.to_owned(), vec![n_in, n_out], weights)
}

fn ones(name: &str) -> Tensor {
    (name.to_owned(), vec![N_EMBD], vec![1.0; N_EMBD as usize])
}

/// What is no letter is never the most likely.
fn letters_only(mut output: Tensor) -> Tensor {
    let n_letters = LETTERS.chars().count();
    for (i, weight) in output.2.iter_mut().enumerate() {
        let token = i / N_EMBD as usize;
        if !(3..3 + n_letters).contains(&token) {
            *weight = 0.0;
        }
    }
    output
}

/// What describes the model.
fn values(vocabulary: &[(String, f32, i32)]) -> Gguf {
    let mut gguf = Gguf::default();
    gguf.text("general.architecture", "llama");
    for (name, number) in [
        ("llama.context_length", N_CTX),
        ("llama.embedding_length", N_EMBD as u32),
        ("llama.block_count", N_LAYER),
        ("llama.feed_forward_length", N_FF as u32),
        ("llama.attention.head_count", N_HEAD),
        ("llama.attention.head_count_kv", N_HEAD_KV),
        ("llama.rope.dimension_count", N_EMBD as u32 / N_HEAD),
        ("tokenizer.ggml.bos_token_id", 1),
        ("tokenizer.ggml.eos_token_id", 2),
        ("tokenizer.ggml.unknown_token_id", 0),
    ] {
        gguf.u32(name, number);
    }
    gguf.f32("llama.attention.layer_norm_rms_epsilon", 1e-5);
    gguf.text("tokenizer.ggml.model", "llama");
    gguf.texts("tokenizer.ggml.tokens", vocabulary.iter().map(|(text, _, _)| text.as_str()));
    gguf.f32s("tokenizer.ggml.scores", vocabulary.iter().map(|(_, score, _)| *score));
    gguf.i32s("tokenizer.ggml.token_type", vocabulary.iter().map(|(_, _, kind)| *kind));
    gguf
}
