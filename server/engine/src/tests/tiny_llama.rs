//! A tiny Llama.

use gguf::testing::{BYTE, CONTROL, Gguf, NORMAL, Tensor, UNKNOWN, USER_DEFINED};
use std::path::Path;

/// Numbers of a token's vector.
pub(crate) const N_EMBD: u64 = 64;
pub(super) const N_HEAD: u32 = 4;
pub(super) const N_HEAD_KV: u32 = 2;
pub(super) const N_FF: u64 = 96;
pub(super) const N_LAYER: u32 = 2;
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
    values(&vocabulary).write(path, &tensors).expect("the folder is there");
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
    values(&vocabulary).write(path, &tensors).expect("the folder is there");
}

/// Writes a model whose layers add so many times less to a token as those of [`write`]: what follows a token depends mostly on that
/// token, and little on what came before.
pub(crate) fn write_forgetful(path: &Path, seed: u64, mixing: f32) {
    let vocabulary = vocabulary();
    let mut tensors = tensors(vocabulary.len() as u64, &mut fastrand::Rng::with_seed(seed));
    scale_layers(&mut tensors, mixing);
    values(&vocabulary).write(path, &tensors).expect("the folder is there");
}

/// Makes what layers add to a token smaller.
pub(super) fn scale_layers(tensors: &mut [Tensor], mixing: f32) {
    let adds = |name: &str| ["attn_output", "ffn_down", "ssm_out"].iter().any(|part| name.contains(part));
    for (_, _, weights) in tensors.iter_mut().filter(|(name, _, _)| adds(name)) {
        weights.iter_mut().for_each(|weight| *weight *= mixing);
    }
}

/// Writes a model that lacks the last `n_fewer` tokens, which are bytes of no letter that any of these models says.
pub(crate) fn write_with_fewer_tokens(path: &Path, seed: u64, n_fewer: usize) {
    let mut vocabulary = vocabulary();
    vocabulary.truncate(vocabulary.len() - n_fewer);
    let tensors = tensors(vocabulary.len() as u64, &mut fastrand::Rng::with_seed(seed));
    values(&vocabulary).write(path, &tensors).expect("the folder is there");
}

/// Writes a model that spells its tokens with other letters.
pub(crate) fn write_spelling(path: &Path, letters: &str) {
    let mut vocabulary = vocabulary();
    for ((text, _, _), letter) in vocabulary[3..].iter_mut().zip(letters.chars()) {
        *text = letter.to_string();
    }
    let tensors = tensors(vocabulary.len() as u64, &mut fastrand::Rng::with_seed(1));
    values(&vocabulary).write(path, &tensors).expect("the folder is there");
}

/// The same with a template and more tokens, which makes it another model.
pub(crate) fn write_with(path: &Path, seed: u64, manners: &Manners) {
    let mut vocabulary = vocabulary();
    vocabulary.extend(manners.special.iter().map(|text| ((*text).to_owned(), 0.0, USER_DEFINED)));
    let tensors = tensors(vocabulary.len() as u64, &mut fastrand::Rng::with_seed(seed));
    let mut values = values(&vocabulary);
    values.text("tokenizer.chat_template", manners.template);
    values.write(path, &tensors).expect("the folder is there");
}

/// Writes the model of [`write`] as one that makes vectors, each of the last token of a text.
pub(crate) fn write_for_vectors(path: &Path, seed: u64) {
    const LAST: u32 = 3;
    let vocabulary = vocabulary();
    let tensors = tensors(vocabulary.len() as u64, &mut fastrand::Rng::with_seed(seed));
    let mut values = values(&vocabulary);
    values.u32("llama.pooling_type", LAST);
    values.write(path, &tensors).expect("the folder is there");
}

/// Numbers of a head that is wider than its share of a token's vector.
const WIDE: u64 = 40;

/// Writes a model with such heads, as Qwen 3 and Gemma 3 have.
pub(crate) fn write_with_wide_heads(path: &Path, seed: u64) {
    let vocabulary = vocabulary();
    let random = &mut fastrand::Rng::with_seed(seed);
    let mut tensors = tensors(vocabulary.len() as u64, random);
    let [n_q, n_kv] = [N_HEAD, N_HEAD_KV].map(|n_heads| WIDE * u64::from(n_heads));
    let shapes = [
        ("attn_q", N_EMBD, n_q),
        ("attn_k", N_EMBD, n_kv),
        ("attn_v", N_EMBD, n_kv),
        ("attn_output", n_q, N_EMBD),
    ];
    for tensor in &mut tensors {
        if let Some((_, n_in, n_out)) = shapes.iter().find(|(name, _, _)| tensor.0.contains(name)) {
            *tensor = matrix(&tensor.0, *n_in, *n_out, random);
        }
    }
    let mut gguf = values_of("llama", Shape { n_rotated: WIDE as u32, ..Shape::default() }, &vocabulary);
    for part in ["key", "value"] {
        gguf.u32(&format!("llama.attention.{part}_length"), WIDE as u32);
    }
    gguf.write(path, &tensors).expect("the folder is there");
}

/// Writes a model of the kind of Qwen-VL, whose positions have more than one dimension.
pub(crate) fn write_grid(path: &Path, seed: u64) {
    let vocabulary = vocabulary();
    let random = &mut fastrand::Rng::with_seed(seed);
    let mut tensors = tensors(vocabulary.len() as u64, random);
    let n_kv = N_EMBD / u64::from(N_HEAD) * u64::from(N_HEAD_KV);
    for i in 0..N_LAYER {
        for (name, n) in [("attn_q", N_EMBD), ("attn_k", n_kv), ("attn_v", n_kv)] {
            let bias = (0..n).map(|_| random.f32() * 0.2 - 0.1).collect();
            tensors.push((format!("blk.{i}.{name}.bias"), vec![n], bias));
        }
    }
    let mut gguf = values_of("qwen2vl", Shape::default(), &vocabulary);
    gguf.i32s("qwen2vl.rope.dimension_sections", [2, 3, 3, 0].into_iter());
    gguf.write(path, &tensors).expect("the folder is there");
}

/// Tokens of a block, the last known one included.
const BLOCK: u32 = 6;

/// How drafters of blocks choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocks {
    /// Each place apart (DFlash).
    Apart,
    /// Each place with its neighbours, the likeliest path of a few choices (DFlash2).
    Paths,
    /// Each place with the one before it (DSpark).
    Chained,
}

/// Writes a drafter that guesses blocks from what the layers of any of these models say; weights follow from `seed`.
pub(crate) fn write_block_drafter(path: &Path, seed: u64, layers: &[i32]) {
    write_drafter_of(path, seed, layers, Blocks::Apart);
}

/// Likewise, one that chooses as `blocks` says.
pub(crate) fn write_drafter_of(path: &Path, seed: u64, layers: &[i32], blocks: Blocks) {
    let random = &mut fastrand::Rng::with_seed(seed);
    let n_kv = N_EMBD / u64::from(N_HEAD) * u64::from(N_HEAD_KV);
    let head = |name: &str| {
        (name.to_owned(), vec![N_EMBD / u64::from(N_HEAD)], vec![1.0; (N_EMBD / u64::from(N_HEAD)) as usize])
    };
    let mut tensors = vec![
        matrix("fc.weight", layers.len() as u64 * N_EMBD, N_EMBD, random),
        ones("enc.output_norm.weight"),
        ones("output_norm.weight"),
    ];
    tensors.extend(layer(0, n_kv, random));
    tensors.push(head("blk.0.attn_q_norm.weight"));
    tensors.push(head("blk.0.attn_k_norm.weight"));
    let mut gguf = values_of("dflash", Shape { n_layer: 1, ..Shape::default() }, &vocabulary());
    gguf.u32("dflash.block_size", BLOCK);
    gguf.u32("tokenizer.ggml.mask_token_id", 0);
    gguf.i32s("dflash.target_layers", layers.iter().copied());
    match blocks {
        Blocks::Apart => {}
        Blocks::Paths => tensors.extend(choosing_paths(&mut gguf, random)),
        Blocks::Chained => {
            let n_vocab = vocabulary().len() as u64;
            tensors.push(matrix("markov_w1.weight", RANK, n_vocab, random));
            tensors.push(matrix("markov_w2.weight", RANK, n_vocab, random));
        }
    }
    gguf.write(path, &tensors).expect("the folder is there");
}

/// What a drafter has besides that chooses paths.
fn choosing_paths(gguf: &mut Gguf, random: &mut fastrand::Rng) -> Vec<Tensor> {
    const KERNEL: u64 = 2;
    const GROUP: u64 = 8;
    for (name, number) in [
        ("conv_kernel_size", KERNEL),
        ("conv_group_size", GROUP),
        ("selector_rank", RANK),
        ("selector_top_k", 4),
    ] {
        gguf.u32(&format!("dflash.{name}"), number as u32);
    }
    let n_vocab = vocabulary().len() as u64;
    let mut tensors = vec![
        matrix("selector_predecessor.weight", RANK, n_vocab, random),
        matrix("selector_successor.weight", RANK, n_vocab, random),
        matrix("selector_hidden.weight", N_EMBD, RANK, random),
    ];
    for part in ["attn", "ffn"] {
        let (name, _, weights) = matrix(&format!("blk.0.{part}_conv_base"), N_EMBD, KERNEL * 2, random);
        tensors.push((name, vec![N_EMBD, KERNEL, 2], weights));
        let n_projected = 2 * KERNEL * N_EMBD / GROUP;
        tensors.push(matrix(&format!("blk.0.{part}_conv_proj.weight"), N_EMBD, n_projected, random));
    }
    tensors
}

/// The rank of what is added to weights or likelihoods.
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
    gguf.write(path, &tensors).expect("the folder is there");
}

/// Spelling, score and type of every token.
pub(super) fn vocabulary() -> Vec<(String, f32, i32)> {
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
        tensors.extend(layer(i, n_kv, random));
    }
    tensors
}

pub(super) fn layer(i: u32, n_kv: u64, random: &mut fastrand::Rng) -> Vec<Tensor> {
    let shapes = [
        ("attn_q", N_EMBD, N_EMBD),
        ("attn_k", N_EMBD, n_kv),
        ("attn_v", N_EMBD, n_kv),
        ("attn_output", N_EMBD, N_EMBD),
        ("ffn_gate", N_EMBD, N_FF),
        ("ffn_up", N_EMBD, N_FF),
        ("ffn_down", N_FF, N_EMBD),
    ];
    let matrices =
        shapes.map(|(name, n_in, n_out)| matrix(&format!("blk.{i}.{name}.weight"), n_in, n_out, random));
    let norms = ["attn_norm", "ffn_norm"].map(|name| ones(&format!("blk.{i}.{name}.weight")));
    matrices.into_iter().chain(norms).collect()
}

pub(super) fn matrix(name: &str, n_in: u64, n_out: u64, random: &mut fastrand::Rng) -> Tensor {
    let scale = 3.0 / (n_in as f32).sqrt();
    let weights = (0..n_in * n_out).map(|_| (random.f32() * 2.0 - 1.0) * scale).collect();
    (name.to_owned(), vec![n_in, n_out], weights)
}

pub(super) fn ones(name: &str) -> Tensor {
    (name.to_owned(), vec![N_EMBD], vec![1.0; N_EMBD as usize])
}

/// What is no letter is never the most likely.
pub(super) fn letters_only(mut output: Tensor) -> Tensor {
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
    values_of("llama", Shape::default(), vocabulary)
}

/// What differs between these models.
pub(super) struct Shape {
    pub(super) n_layer: u32,
    pub(super) n_head_kv: u32,
    /// Numbers of each head that depend on positions.
    pub(super) n_rotated: u32,
}

impl Default for Shape {
    fn default() -> Self {
        Self { n_layer: N_LAYER, n_head_kv: N_HEAD_KV, n_rotated: N_EMBD as u32 / N_HEAD }
    }
}

pub(super) fn values_of(architecture: &str, shape: Shape, vocabulary: &[(String, f32, i32)]) -> Gguf {
    let n_head_kv = shape.n_head_kv;
    let mut gguf = values_without_heads(architecture, shape, vocabulary);
    gguf.u32(&format!("{architecture}.attention.head_count_kv"), n_head_kv);
    gguf
}

/// All but how many heads have keys and values of their own.
pub(super) fn values_without_heads(
    architecture: &str,
    shape: Shape,
    vocabulary: &[(String, f32, i32)],
) -> Gguf {
    let mut gguf = Gguf::default();
    gguf.text("general.architecture", architecture);
    for (name, number) in [
        (".context_length", N_CTX),
        (".embedding_length", N_EMBD as u32),
        (".block_count", shape.n_layer),
        (".feed_forward_length", N_FF as u32),
        (".attention.head_count", N_HEAD),
        (".rope.dimension_count", shape.n_rotated),
    ] {
        gguf.u32(&format!("{architecture}{name}"), number);
    }
    for (name, token) in [("bos", 1), ("eos", 2), ("unknown", 0)] {
        gguf.u32(&format!("tokenizer.ggml.{name}_token_id"), token);
    }
    gguf.f32(&format!("{architecture}.attention.layer_norm_rms_epsilon"), 1e-5);
    gguf.text("tokenizer.ggml.model", "llama");
    gguf.texts("tokenizer.ggml.tokens", vocabulary.iter().map(|(text, _, _)| text.as_str()));
    gguf.f32s("tokenizer.ggml.scores", vocabulary.iter().map(|(_, score, _)| *score));
    gguf.i32s("tokenizer.ggml.token_type", vocabulary.iter().map(|(_, _, kind)| *kind));
    gguf
}
