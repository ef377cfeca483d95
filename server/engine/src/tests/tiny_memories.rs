//! Tiny models that do not keep keys and values of every token in every layer.

use super::tiny_llama::{
    Manners, N_EMBD, N_HEAD, N_HEAD_KV, N_LAYER, Shape, layer, letters_only, matrix, ones,
    values_without_heads, vocabulary,
};
use gguf::testing::{Gguf, Tensor};
use std::path::Path;

/// Tokens that a layer with a window looks back over.
pub(crate) const WINDOW: u32 = 32;

const D_CONV: u64 = 4;
const D_INNER: u64 = 2 * N_EMBD;
const D_STATE: u64 = 8;
const DT_RANK: u64 = 4;

/// What they keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The first layer the last tokens only (Gemma 2).
    Sliding,
    /// The first layer a state, the second all tokens (LFM2).
    Hybrid,
    /// A state (Mamba).
    Recurrent,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Sliding, Self::Hybrid, Self::Recurrent];

    fn architecture(self) -> &'static str {
        match self {
            Self::Sliding => "gemma2",
            Self::Hybrid => "lfm2",
            Self::Recurrent => "mamba",
        }
    }
}

/// Writes the model with a template; weights follow from `seed`.
pub(crate) fn write(path: &Path, kind: Kind, seed: u64, manners: &Manners) {
    let vocabulary = vocabulary();
    let random = &mut fastrand::Rng::with_seed(seed);
    let n_vocab = vocabulary.len() as u64;
    let mut tensors = match kind {
        // One matrix for both ends.
        Kind::Sliding => {
            vec![
                letters_only(matrix("token_embd.weight", N_EMBD, n_vocab, random)),
                ones("output_norm.weight"),
            ]
        }
        Kind::Hybrid | Kind::Recurrent => {
            let norm = if kind == Kind::Hybrid { "token_embd_norm.weight" } else { "output_norm.weight" };
            vec![
                matrix("token_embd.weight", N_EMBD, n_vocab, random),
                ones(norm),
                letters_only(matrix("output.weight", N_EMBD, n_vocab, random)),
            ]
        }
    };
    for i in 0..N_LAYER {
        tensors.extend(match kind {
            Kind::Sliding => sliding(i, random),
            Kind::Hybrid => hybrid(i, random),
            Kind::Recurrent => recurrent(i, random),
        });
    }
    let mut gguf = values(kind, &vocabulary);
    gguf.text("tokenizer.chat_template", manners.template);
    gguf.write(path, &tensors).expect("the folder is there");
}

fn head_width() -> u64 {
    N_EMBD / u64::from(N_HEAD)
}

fn n_kv() -> u64 {
    head_width() * u64::from(N_HEAD_KV)
}

fn sliding(i: u32, random: &mut fastrand::Rng) -> Vec<Tensor> {
    let mut tensors = layer(i, n_kv(), random);
    // What a layer says outweighs the token that came last, which would come again and again otherwise.
    let loud = |part: &str| (format!("blk.{i}.{part}.weight"), vec![N_EMBD], vec![6.0; N_EMBD as usize]);
    tensors.extend(["post_attention_norm", "post_ffw_norm"].map(loud));
    tensors
}

fn hybrid(i: u32, random: &mut fastrand::Rng) -> Vec<Tensor> {
    let mut tensors = layer(i, n_kv(), random);
    let name = |part: &str| format!("blk.{i}.{part}.weight");
    if i > 0 {
        let head = |part: &str| (name(part), vec![head_width()], vec![1.0; head_width() as usize]);
        tensors.extend(["attn_q_norm", "attn_k_norm"].map(head));
        return tensors;
    }
    tensors.retain(|(name, ..)| !name.contains(".attn_") || name.contains(".attn_norm."));
    tensors.push(matrix(&name("shortconv.conv"), D_CONV, N_EMBD, random));
    tensors.push(matrix(&name("shortconv.in_proj"), N_EMBD, 3 * N_EMBD, random));
    tensors.push(matrix(&name("shortconv.out_proj"), N_EMBD, N_EMBD, random));
    tensors
}

fn recurrent(i: u32, random: &mut fastrand::Rng) -> Vec<Tensor> {
    let name = |part: &str| format!("blk.{i}.{part}");
    let vector = |part: &str, n: u64, random: &mut fastrand::Rng| {
        (name(part), vec![n], (0..n).map(|_| random.f32() - 0.5).collect())
    };
    let (_, shape, decay) = matrix("", D_STATE, D_INNER, random);
    let decay = decay.into_iter().map(|it| -it.abs() - 0.01).collect();
    vec![
        ones(&name("attn_norm.weight")),
        matrix(&name("ssm_in.weight"), N_EMBD, 2 * D_INNER, random),
        matrix(&name("ssm_conv1d.weight"), D_CONV, D_INNER, random),
        vector("ssm_conv1d.bias", D_INNER, random),
        matrix(&name("ssm_x.weight"), D_INNER, DT_RANK + 2 * D_STATE, random),
        matrix(&name("ssm_dt.weight"), DT_RANK, D_INNER, random),
        vector("ssm_dt.bias", D_INNER, random),
        (name("ssm_a"), shape, decay),
        vector("ssm_d", D_INNER, random),
        matrix(&name("ssm_out.weight"), D_INNER, N_EMBD, random),
    ]
}

fn values(kind: Kind, vocabulary: &[(String, f32, i32)]) -> Gguf {
    let architecture = kind.architecture();
    let mut gguf = values_without_heads(architecture, Shape::default(), vocabulary);
    let key = |name: &str| format!("{architecture}.{name}");
    match kind {
        Kind::Sliding => {
            gguf.u32(&key("attention.head_count_kv"), N_HEAD_KV);
            gguf.u32(&key("attention.sliding_window"), WINDOW);
        }
        Kind::Hybrid => {
            gguf.i32s(&key("attention.head_count_kv"), [0, N_HEAD_KV as i32].into_iter());
            gguf.u32(&key("shortconv.l_cache"), D_CONV as u32);
        }
        Kind::Recurrent => {
            gguf.u32(&key("attention.head_count_kv"), N_HEAD_KV);
            for (name, n) in [
                ("ssm.conv_kernel", D_CONV),
                ("ssm.inner_size", D_INNER),
                ("ssm.state_size", D_STATE),
                ("ssm.time_step_rank", DT_RANK),
            ] {
                gguf.u32(&key(name), n as u32);
            }
        }
    }
    gguf
}
