//! A tiny BERT: an encoder that looks at whole texts, with or without a head that ranks.

use super::safetensors::{self, Numbers};
use gguf::testing::{CONTROL, Gguf, NORMAL, Tensor, UNKNOWN};
use serde_json::{Map, Value, json};
use std::{fs, iter, path::Path};

const N_EMBD: u64 = 32;
const N_HEAD: u32 = 4;
const N_FF: u64 = 64;
const N_LAYER: u32 = 2;

/// The most tokens of a text.
pub(crate) const N_CTX: u32 = 48;

/// Numbers of a vector.
pub(crate) const N_DIMENSIONS: usize = N_EMBD as usize;

/// Letters, each alone and as the beginning of a word, after the special tokens.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz.?";

const SPECIAL: [(&str, i32); 5] =
    [("[PAD]", CONTROL), ("[UNK]", UNKNOWN), ("[CLS]", CONTROL), ("[SEP]", CONTROL), ("[MASK]", CONTROL)];

/// How vectors are made, as GGUF counts it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    Mean = 1,
    Cls = 2,
    Rank = 4,
}

/// Writes the model; weights follow from `seed`.
pub(crate) fn write(path: &Path, seed: u64, made: Made) {
    let vocabulary = vocabulary();
    let tensors = tensors(vocabulary.len() as u64, made, &mut fastrand::Rng::with_seed(seed));
    values(&vocabulary, made).write(path, &tensors).expect("the folder is there");
}

/// Writes the same model as a folder, as `transformers` does. It takes the mean.
pub(crate) fn write_folder(folder: &Path, seed: u64) {
    write_files(folder, seed, Made::Mean, |_| {}, name_in_folder);
}

/// Writes the model that ranks as a folder. llama.cpp knows of one part of a text only: unless `has_parts`, both are alike here.
pub(crate) fn write_ranking_folder(folder: &Path, seed: u64, has_parts: bool) {
    let change = |(name, _, weights): &mut Tensor| {
        if !has_parts && name == "token_types.weight" {
            weights.copy_within(..N_DIMENSIONS, N_DIMENSIONS);
        }
    };
    write_files(folder, seed, Made::Rank, change, |name| match name.rsplit_once('.') {
        Some(("cls", part)) => format!("bert.pooler.dense.{part}"),
        Some(("cls.output", part)) => format!("classifier.{part}"),
        _ => format!("bert.{}", name_in_folder(name)),
    });
}

fn write_files(
    folder: &Path,
    seed: u64,
    made: Made,
    change: impl Fn(&mut Tensor),
    name: impl Fn(&str) -> String,
) {
    let vocabulary = vocabulary();
    let mut tensors = tensors(vocabulary.len() as u64, made, &mut fastrand::Rng::with_seed(seed));
    tensors.iter_mut().for_each(change);
    fs::create_dir_all(folder).expect("a folder");
    safetensors::write(&folder.join("model.safetensors"), &tensors, Numbers::F32, name);
    let class = if made == Made::Rank { "BertForSequenceClassification" } else { "BertModel" };
    let config = json!({
        "architectures": [class],
        "model_type": "bert",
        "vocab_size": vocabulary.len(),
        "hidden_size": N_EMBD,
        "num_hidden_layers": N_LAYER,
        "num_attention_heads": N_HEAD,
        "intermediate_size": N_FF,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "max_position_embeddings": N_CTX,
        "type_vocab_size": 2,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
    });
    fs::write(folder.join("config.json"), config.to_string()).expect("the folder is there");
    fs::write(folder.join("tokenizer.json"), tokenizer(&vocabulary).to_string())
        .expect("the folder is there");
}

/// `blk.0.attn_q.weight` is `encoder.layer.0.attention.self.query.weight`.
fn name_in_folder(name: &str) -> String {
    let (stem, part) = name.rsplit_once('.').expect("weight or bias");
    let (layer, stem) = match stem.strip_prefix("blk.").and_then(|rest| rest.split_once('.')) {
        Some((i, stem)) => (format!("encoder.layer.{i}."), stem),
        None => ("embeddings.".to_owned(), stem),
    };
    let stem = match stem {
        "token_embd" => "word_embeddings",
        "token_types" => "token_type_embeddings",
        "position_embd" => "position_embeddings",
        "token_embd_norm" => "LayerNorm",
        "attn_q" => "attention.self.query",
        "attn_k" => "attention.self.key",
        "attn_v" => "attention.self.value",
        "attn_output" => "attention.output.dense",
        "attn_output_norm" => "attention.output.LayerNorm",
        "ffn_up" => "intermediate.dense",
        "ffn_down" => "output.dense",
        "layer_output_norm" => "output.LayerNorm",
        other => panic!("{other} has no name"),
    };
    format!("{layer}{stem}.{part}")
}

/// What continues a word is marked here, not what begins it.
fn tokenizer(vocabulary: &[(String, i32)]) -> Value {
    let spelling = |text: &str, kind: i32| match (kind, text.strip_prefix('▁')) {
        (NORMAL, Some(first)) => first.to_owned(),
        (NORMAL, None) => format!("##{text}"),
        _ => text.to_owned(),
    };
    let vocab: Map<_, _> =
        (0..).zip(vocabulary).map(|(i, (text, kind))| (spelling(text, *kind), Value::from(i))).collect();
    let special = |id: usize, name: &str| json!({"id": name, "ids": [id], "tokens": [name]});
    json!({
        "version": "1.0",
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": true,
            "handle_chinese_chars": true,
            "strip_accents": null,
            "lowercase": true,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
            ],
            "pair": [
                {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
                {"Sequence": {"id": "B", "type_id": 1}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 1}},
            ],
            "special_tokens": {"[CLS]": special(2, "[CLS]"), "[SEP]": special(3, "[SEP]")},
        },
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocab,
        },
    })
}

fn vocabulary() -> Vec<(String, i32)> {
    let special = SPECIAL.map(|(text, kind)| (text.to_owned(), kind));
    let first = LETTERS.chars().map(|letter| (format!("▁{letter}"), NORMAL));
    let later = LETTERS.chars().map(|letter| (letter.to_string(), NORMAL));
    special.into_iter().chain(first).chain(later).collect()
}

fn values(vocabulary: &[(String, i32)], made: Made) -> Gguf {
    let mut gguf = Gguf::default();
    gguf.text("general.architecture", "bert");
    for (name, number) in [
        ("bert.context_length", N_CTX),
        ("bert.embedding_length", N_EMBD as u32),
        ("bert.block_count", N_LAYER),
        ("bert.feed_forward_length", N_FF as u32),
        ("bert.attention.head_count", N_HEAD),
        ("bert.pooling_type", made as u32),
        ("tokenizer.ggml.token_type_count", 2),
        ("tokenizer.ggml.padding_token_id", 0),
        ("tokenizer.ggml.unknown_token_id", 1),
        ("tokenizer.ggml.bos_token_id", 2),
        ("tokenizer.ggml.seperator_token_id", 3),
        ("tokenizer.ggml.mask_token_id", 4),
    ] {
        gguf.u32(name, number);
    }
    gguf.f32("bert.attention.layer_norm_epsilon", 1e-12);
    gguf.bool("bert.attention.causal", false);
    gguf.text("tokenizer.ggml.model", "bert");
    gguf.texts("tokenizer.ggml.tokens", vocabulary.iter().map(|(text, _)| text.as_str()));
    gguf.i32s("tokenizer.ggml.token_type", vocabulary.iter().map(|(_, kind)| *kind));
    gguf
}

fn tensors(n_vocab: u64, made: Made, random: &mut fastrand::Rng) -> Vec<Tensor> {
    let mut tensors = vec![
        matrix("token_embd.weight", N_EMBD, n_vocab, random),
        matrix("token_types.weight", N_EMBD, 2, random),
        matrix("position_embd.weight", N_EMBD, u64::from(N_CTX), random),
    ];
    tensors.extend(norm("token_embd_norm", random));
    for i in 0..N_LAYER {
        for (name, n_in, n_out) in [
            ("attn_q", N_EMBD, N_EMBD),
            ("attn_k", N_EMBD, N_EMBD),
            ("attn_v", N_EMBD, N_EMBD),
            ("attn_output", N_EMBD, N_EMBD),
            ("ffn_up", N_EMBD, N_FF),
            ("ffn_down", N_FF, N_EMBD),
        ] {
            tensors.extend(linear(&format!("blk.{i}.{name}"), n_in, n_out, random));
        }
        tensors.extend(norm(&format!("blk.{i}.attn_output_norm"), random));
        tensors.extend(norm(&format!("blk.{i}.layer_output_norm"), random));
    }
    if made == Made::Rank {
        tensors.extend(linear("cls", N_EMBD, N_EMBD, random));
        tensors.extend(linear("cls.output", N_EMBD, 1, random));
    }
    tensors
}

fn matrix(name: &str, n_in: u64, n_out: u64, random: &mut fastrand::Rng) -> Tensor {
    let scale = 3.0 / (n_in as f32).sqrt();
    let weights = iter::repeat_with(|| (random.f32() * 2.0 - 1.0) * scale).take((n_in * n_out) as usize);
    (name.to_owned(), vec![n_in, n_out], weights.collect())
}

/// Numbers about `middle`.
fn vector(name: &str, n: u64, middle: f32, random: &mut fastrand::Rng) -> Tensor {
    let weights = iter::repeat_with(|| middle + random.f32() * 0.4 - 0.2).take(n as usize);
    (name.to_owned(), vec![n], weights.collect())
}

fn linear(name: &str, n_in: u64, n_out: u64, random: &mut fastrand::Rng) -> [Tensor; 2] {
    [
        matrix(&format!("{name}.weight"), n_in, n_out, random),
        vector(&format!("{name}.bias"), n_out, 0.0, random),
    ]
}

fn norm(name: &str, random: &mut fastrand::Rng) -> [Tensor; 2] {
    [
        vector(&format!("{name}.weight"), N_EMBD, 1.0, random),
        vector(&format!("{name}.bias"), N_EMBD, 0.0, random),
    ]
}
