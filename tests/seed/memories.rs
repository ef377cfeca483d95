//! Writes small models with random weights that do not keep keys and values of every token in every layer: how much memory they take
//! is what they are for.

use crate::tensors::{alike, weights};
use gguf::testing::{BYTE, CONTROL, Gguf, NORMAL, Tensor, UNKNOWN};
use std::{io, path::Path};

const WIDTH: u64 = 512;
const N_FF: u64 = 1536;
const N_LAYER: u32 = 8;
const N_HEAD: u32 = 8;
const N_HEAD_KV: u32 = 4;
const N_CTX: u32 = 16_384;
const N_CONVOLVED: u64 = 4;

/// Of recurrent layers.
const INNER: u64 = 2 * WIDTH;
const STATE: u64 = 16;
const RANK: u64 = 32;

/// What they keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Every other layer a state (LFM2).
    Hybrid,
    /// All layers a state (Mamba).
    Recurrent,
}

impl Kind {
    /// By its word on the command line.
    pub(crate) fn of(word: &str) -> Option<Self> {
        match word {
            "hybrid" => Some(Self::Hybrid),
            "recurrent" => Some(Self::Recurrent),
            _ => None,
        }
    }

    fn architecture(self) -> &'static str {
        match self {
            Self::Hybrid => "lfm2",
            Self::Recurrent => "mamba",
        }
    }
}

/// Writes such a model.
pub(crate) fn write(path: &Path, kind: Kind) -> io::Result<()> {
    let random = &mut fastrand::Rng::with_seed(11);
    let vocabulary = vocabulary();
    let n_vocab = vocabulary.len() as u64;
    let norm = if kind == Kind::Hybrid { "token_embd_norm.weight" } else { "output_norm.weight" };
    let mut tensors = vec![
        weights("token_embd.weight", &[WIDTH, n_vocab], random),
        alike(norm, WIDTH, 1.0),
        weights("output.weight", &[WIDTH, n_vocab], random),
    ];
    for i in 0..N_LAYER {
        tensors.extend(match kind {
            Kind::Hybrid => hybrid(i, random),
            Kind::Recurrent => recurrent(i, random),
        });
    }
    values(kind, &vocabulary).write(path, &tensors)
}

/// Whether a layer of a hybrid keeps keys and values.
fn looks_back(i: u32) -> bool {
    i % 2 == 1
}

fn hybrid(i: u32, random: &mut fastrand::Rng) -> Vec<Tensor> {
    let head = WIDTH / u64::from(N_HEAD);
    let n_kv = head * u64::from(N_HEAD_KV);
    let name = |part: &str| format!("blk.{i}.{part}.weight");
    let mut tensors = ["attn_norm", "ffn_norm"].map(|part| alike(&name(part), WIDTH, 1.0)).to_vec();
    let mut matrices = vec![("ffn_gate", WIDTH, N_FF), ("ffn_up", WIDTH, N_FF), ("ffn_down", N_FF, WIDTH)];
    if looks_back(i) {
        tensors.extend(["attn_q_norm", "attn_k_norm"].map(|part| alike(&name(part), head, 1.0)));
        matrices.extend([("attn_q", WIDTH, WIDTH), ("attn_k", WIDTH, n_kv), ("attn_v", WIDTH, n_kv)]);
        matrices.push(("attn_output", WIDTH, WIDTH));
    } else {
        matrices.extend([("shortconv.conv", N_CONVOLVED, WIDTH), ("shortconv.in_proj", WIDTH, 3 * WIDTH)]);
        matrices.push(("shortconv.out_proj", WIDTH, WIDTH));
    }
    tensors
        .extend(matrices.into_iter().map(|(part, n_in, n_out)| weights(&name(part), &[n_in, n_out], random)));
    tensors
}

fn recurrent(i: u32, random: &mut fastrand::Rng) -> Vec<Tensor> {
    let name = |part: &str| format!("blk.{i}.{part}");
    let matrices = [
        ("ssm_in.weight", WIDTH, 2 * INNER),
        ("ssm_conv1d.weight", N_CONVOLVED, INNER),
        ("ssm_x.weight", INNER, RANK + 2 * STATE),
        ("ssm_dt.weight", RANK, INNER),
        ("ssm_out.weight", INNER, WIDTH),
    ];
    let mut tensors =
        matrices.map(|(part, n_in, n_out)| weights(&name(part), &[n_in, n_out], random)).to_vec();
    let decay = (0..STATE * INNER).map(|n| -0.1 - (n % STATE) as f32).collect();
    tensors.extend([
        alike(&name("attn_norm.weight"), WIDTH, 1.0),
        alike(&name("ssm_conv1d.bias"), INNER, 0.0),
        alike(&name("ssm_dt.bias"), INNER, -2.0),
        alike(&name("ssm_d"), INNER, 0.5),
        (name("ssm_a"), vec![STATE, INNER], decay),
    ]);
    tensors
}

fn values(kind: Kind, vocabulary: &[(String, i32)]) -> Gguf {
    let architecture = kind.architecture();
    let mut gguf = Gguf::default();
    gguf.text("general.architecture", architecture);
    let mut numbers = vec![
        ("context_length", N_CTX),
        ("embedding_length", WIDTH as u32),
        ("block_count", N_LAYER),
        ("feed_forward_length", N_FF as u32),
        ("attention.head_count", N_HEAD),
        ("rope.dimension_count", WIDTH as u32 / N_HEAD),
    ];
    match kind {
        Kind::Hybrid => {
            let heads = (0..N_LAYER).map(|i| if looks_back(i) { N_HEAD_KV as i32 } else { 0 });
            gguf.i32s(&format!("{architecture}.attention.head_count_kv"), heads);
            numbers.push(("shortconv.l_cache", N_CONVOLVED as u32));
        }
        Kind::Recurrent => numbers.extend([
            ("attention.head_count_kv", N_HEAD_KV),
            ("ssm.conv_kernel", N_CONVOLVED as u32),
            ("ssm.inner_size", INNER as u32),
            ("ssm.state_size", STATE as u32),
            ("ssm.time_step_rank", RANK as u32),
        ]),
    }
    for (name, number) in numbers {
        gguf.u32(&format!("{architecture}.{name}"), number);
    }
    gguf.f32(&format!("{architecture}.attention.layer_norm_rms_epsilon"), 1e-5);
    add_words(&mut gguf, vocabulary);
    gguf
}

fn add_words(gguf: &mut Gguf, vocabulary: &[(String, i32)]) {
    for (name, token) in [("bos", 1), ("eos", 2), ("unknown", 0)] {
        gguf.u32(&format!("tokenizer.ggml.{name}_token_id"), token);
    }
    gguf.text("tokenizer.ggml.model", "llama");
    gguf.texts("tokenizer.ggml.tokens", vocabulary.iter().map(|(word, _)| word.as_str()));
    gguf.f32s("tokenizer.ggml.scores", vocabulary.iter().map(|_| -1.0));
    gguf.i32s("tokenizer.ggml.token_type", vocabulary.iter().map(|(_, kind)| *kind));
}

/// Letters, and every byte.
fn vocabulary() -> Vec<(String, i32)> {
    let special = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)];
    let special = special.map(|(word, kind)| (word.to_owned(), kind));
    let letters = "▁abcdefghijklmnopqrstuvwxyz.".chars().map(|letter| (letter.to_string(), NORMAL));
    let bytes = (0..=255_u8).map(|byte| (format!("<0x{byte:02X}>"), BYTE));
    special.into_iter().chain(letters).chain(bytes).collect()
}
