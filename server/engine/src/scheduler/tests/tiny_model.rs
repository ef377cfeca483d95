//! A Llama of a few thousand weights in single precision, written as a GGUF file. What it says is nonsense, but it is
//! the same nonsense every time, and nothing is rounded away: two ways of computing can be compared token for token.

use std::path::Path;

const N_EMBD: u64 = 64;
const N_HEAD: u32 = 4;
const N_HEAD_KV: u32 = 2;
const N_FF: u64 = 96;
const N_LAYER: u32 = 2;
const N_CTX: u32 = 1024;

/// Letters, after the three special tokens.
const LETTERS: &str = "▁abcdefghijklmnopqrstuvwxyz.";

/// GGUF's numbers for types of values, from its specification.
const U32: u32 = 4;
const I32: u32 = 5;
const F32: u32 = 6;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// Tensor data begins, and each tensor, at a multiple of this.
const ALIGNMENT: usize = 32;

/// SentencePiece's types of tokens.
const NORMAL: i32 = 1;
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;
const BYTE: i32 = 6;

/// A chat template, and tokens that are not text.
pub(super) struct Manners {
    pub(super) template: &'static str,
    pub(super) special: &'static [&'static str],
}

/// Writes the model; weights follow from `seed`.
pub(super) fn write(path: &Path, seed: u64, manners: Option<&Manners>) {
    let mut vocabulary = vocabulary();
    let special = manners.map_or(&[][..], |manners| manners.special);
    vocabulary.extend(special.iter().map(|text| ((*text).to_owned(), 0.0, USER_DEFINED)));
    let tensors = tensors(vocabulary.len() as u64, &mut fastrand::Rng::with_seed(seed));
    write_file(path, values(&vocabulary, manners.map(|manners| manners.template)), &tensors);
}

/// The rank of adapters.
const RANK: u64 = 4;

/// Writes an adapter for any of these models; weights follow from `seed`.
pub(super) fn write_adapter(path: &Path, seed: u64) {
    let random = &mut fastrand::Rng::with_seed(seed);
    let mut tensors = Vec::new();
    for i in 0..N_LAYER {
        for (name, n_in, n_out) in [("attn_q", N_EMBD, N_EMBD), ("ffn_down", N_FF, N_EMBD)] {
            tensors.push(matrix(&format!("blk.{i}.{name}.weight.lora_a"), n_in, RANK, random));
            tensors.push(matrix(&format!("blk.{i}.{name}.weight.lora_b"), RANK, n_out, random));
        }
    }
    let mut bytes = Vec::new();
    let texts = [("general.type", "adapter"), ("general.architecture", "llama"), ("adapter.type", "lora")];
    for (name, text) in texts {
        key(&mut bytes, name, STRING);
        string(&mut bytes, text);
    }
    key(&mut bytes, "adapter.lora.alpha", F32);
    bytes.extend((RANK as f32).to_le_bytes());
    write_file(path, (texts.len() + 1, bytes), &tensors);
}

fn write_file(path: &Path, (n_values, values): (usize, Vec<u8>), tensors: &[Tensor]) {
    let mut file = b"GGUF".to_vec();
    file.extend(3_u32.to_le_bytes());
    file.extend((tensors.len() as u64).to_le_bytes());
    file.extend((n_values as u64).to_le_bytes());
    file.extend(values);
    let mut offset = 0_u64;
    for (name, shape, weights) in tensors {
        string(&mut file, name);
        file.extend((shape.len() as u32).to_le_bytes());
        shape.iter().for_each(|n| file.extend(n.to_le_bytes()));
        // Type 0 is single precision.
        file.extend(0_u32.to_le_bytes());
        file.extend(offset.to_le_bytes());
        offset += (weights.len() * 4).next_multiple_of(ALIGNMENT) as u64;
    }
    for (_, _, weights) in tensors {
        file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
        weights.iter().for_each(|weight| file.extend(weight.to_le_bytes()));
    }
    std::fs::write(path, file).expect("the folder is there");
}

/// Spelling, score and type of every token.
fn vocabulary() -> Vec<(String, f32, i32)> {
    let special = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)];
    let special = special.map(|(text, kind)| (text.to_owned(), 0.0, kind));
    let letters = LETTERS.chars().map(|letter| (letter.to_string(), -1.0, NORMAL));
    let bytes = (0..=255_u8).map(|byte| (format!("<0x{byte:02X}>"), -9.0, BYTE));
    special.into_iter().chain(letters).chain(bytes).collect()
}

type Tensor = (String, Vec<u64>, Vec<f32>);

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

/// How many values describe the model, and their bytes.
fn values(vocabulary: &[(String, f32, i32)], template: Option<&str>) -> (usize, Vec<u8>) {
    let mut bytes = Vec::new();
    let numbers = [
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
    ];
    for (name, number) in numbers {
        key(&mut bytes, name, U32);
        bytes.extend(number.to_le_bytes());
    }
    let mut texts = vec![("general.architecture", "llama"), ("tokenizer.ggml.model", "llama")];
    texts.extend(template.map(|template| ("tokenizer.chat_template", template)));
    for &(name, text) in &texts {
        key(&mut bytes, name, STRING);
        string(&mut bytes, text);
    }
    key(&mut bytes, "llama.attention.layer_norm_rms_epsilon", F32);
    bytes.extend(1e-5_f32.to_le_bytes());
    array(&mut bytes, "tokenizer.ggml.tokens", STRING, vocabulary.len());
    vocabulary.iter().for_each(|(text, _, _)| string(&mut bytes, text));
    array(&mut bytes, "tokenizer.ggml.scores", F32, vocabulary.len());
    vocabulary.iter().for_each(|(_, score, _)| bytes.extend(score.to_le_bytes()));
    array(&mut bytes, "tokenizer.ggml.token_type", I32, vocabulary.len());
    vocabulary.iter().for_each(|(_, _, kind)| bytes.extend(kind.to_le_bytes()));
    (numbers.len() + texts.len() + 1 + 3, bytes)
}

fn key(bytes: &mut Vec<u8>, name: &str, kind: u32) {
    string(bytes, name);
    bytes.extend(kind.to_le_bytes());
}

fn array(bytes: &mut Vec<u8>, name: &str, kind: u32, n: usize) {
    key(bytes, name, ARRAY);
    bytes.extend(kind.to_le_bytes());
    bytes.extend((n as u64).to_le_bytes());
}

fn string(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}
