//! Tiny models that write, each both as a GGUF file and as a folder of safetensors, with the same weights.

use super::safetensors::{self, Numbers};
use gguf::testing::{BYTE, CONTROL, Gguf, NORMAL, Tensor, UNKNOWN, USER_DEFINED};
use serde_json::{Value, json};
use std::{fs, path::Path};

const N_EMBD: u64 = 64;
const N_HEAD: u64 = 4;
const N_HEAD_KV: u64 = 2;
const N_FF: u64 = 96;
const N_LAYER: u64 = 2;
const N_CTX: u64 = 1024;
const THETA: f32 = 50_000.0;

/// What differs between the networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// With words of characters.
    Llama,
    /// With slower positions, and words of bytes.
    Llama3,
    /// With biases and one matrix for both ends.
    Qwen2,
    /// With heads that are wider than their share, and norms for them.
    Qwen3,
}

impl Family {
    pub(crate) const ALL: [Self; 4] = [Self::Llama, Self::Llama3, Self::Qwen2, Self::Qwen3];

    fn name(self) -> &'static str {
        match self {
            Self::Llama | Self::Llama3 => "llama",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Llama | Self::Llama3 => "LlamaForCausalLM",
            Self::Qwen2 => "Qwen2ForCausalLM",
            Self::Qwen3 => "Qwen3ForCausalLM",
        }
    }

    fn head_width(self) -> u64 {
        if self == Self::Qwen3 { 24 } else { N_EMBD / N_HEAD }
    }
}

/// How a folder is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Form {
    pub(crate) is_cut_in_two: bool,
    pub(crate) in_half_precision: bool,
}

/// Llama 3.1's way to longer contexts: factor, low and high frequency, and the context it was made for at first.
const SCALING: (f32, f32, f32, f32) = (8.0, 1.0, 4.0, 128.0);

const TEMPLATE: &str = "{% for message in messages %}<|im_start|>{{ message.role }}\n\
    {% if message.reasoning_content %}<think>\n{{ message.reasoning_content }}\n</think>\n\n{% endif %}\
    {{ message.content }}<|im_end|>\n{% endfor %}\
    {% if tools %}{% for tool in tools %}{{ tool | tojson }}<tool_call></tool_call>{% endfor %}{% endif %}\
    {% if add_generation_prompt %}<|im_start|>assistant\n\
    {% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}";

/// Special tokens of models whose words are bytes, and whether they are text.
const SPECIAL: [(&str, bool); 7] = [
    ("<|endoftext|>", false),
    ("<|im_start|>", false),
    ("<|im_end|>", false),
    ("<think>", true),
    ("</think>", true),
    ("<tool_call>", true),
    ("</tool_call>", true),
];

const LETTERS: &str = "▁abcdefghijklmnopqrstuvwxyz.";

/// Writes the model as a file.
pub(crate) fn write_file(path: &Path, family: Family, seed: u64) {
    let vocabulary = vocabulary(family);
    let mut tensors = tensors(family, vocabulary.len() as u64, seed);
    for (name, shape, weights) in &mut tensors {
        let is_turned = family.name() == "llama" && (name.contains("attn_q.") || name.contains("attn_k."));
        if is_turned {
            *weights = interleaved(weights, shape[0] as usize, family.head_width() as usize);
        }
    }
    if family == Family::Llama3 {
        let factors = slowdowns(family.head_width());
        tensors.push(("rope_freqs.weight".to_owned(), vec![factors.len() as u64], factors));
    }
    values(family, &vocabulary).write(path, &tensors).expect("the folder is there");
}

/// Writes the model as a folder at `path`.
pub(crate) fn write_folder(path: &Path, family: Family, seed: u64, form: Form) {
    fs::create_dir(path).expect("a folder");
    let vocabulary = vocabulary(family);
    let tensors = tensors(family, vocabulary.len() as u64, seed);
    let numbers = if form.in_half_precision { Numbers::Bf16 } else { Numbers::F32 };
    let write =
        |name: &str, tensors: &[Tensor]| safetensors::write(&path.join(name), tensors, numbers, renamed);
    if form.is_cut_in_two {
        let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
        let (first, second) = tensors.split_at(tensors.len() / 2);
        write(names[0], first);
        write(names[1], second);
        let places = [(names[0], first), (names[1], second)];
        let places =
            places.iter().flat_map(|(file, tensors)| tensors.iter().map(move |it| (renamed(&it.0), *file)));
        let map: serde_json::Map<_, _> = places.map(|(name, file)| (name, json!(file))).collect();
        put(path, "model.safetensors.index.json", &json!({"metadata": {}, "weight_map": map}));
    } else {
        write("model.safetensors", &tensors);
    }
    put(path, "config.json", &config(family, vocabulary.len()));
    put(path, "tokenizer.json", &tokenizer(family, &vocabulary));
    let beginning = (family == Family::Llama).then_some("<s>");
    let end = if family == Family::Llama { "</s>" } else { "<|im_end|>" };
    let template = (family != Family::Llama).then_some(TEMPLATE);
    put(
        path,
        "tokenizer_config.json",
        &json!({"bos_token": beginning, "eos_token": {"content": end}, "chat_template": template}),
    );
}

/// Puts a description into the folder.
pub(crate) fn put(folder: &Path, name: &str, json: &Value) {
    fs::write(folder.join(name), json.to_string()).expect("a file");
}

/// Spelling and type of every token.
fn vocabulary(family: Family) -> Vec<(String, i32)> {
    if family == Family::Llama {
        let special = [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)];
        let special = special.map(|(text, kind)| (text.to_owned(), kind));
        let letters = LETTERS.chars().map(|letter| (letter.to_string(), NORMAL));
        let bytes = (0..=255_u8).map(|byte| (format!("<0x{byte:02X}>"), BYTE));
        return special.into_iter().chain(letters).chain(bytes).collect();
    }
    let bytes = (0..=255_u8).map(|byte| (printable(byte).to_string(), NORMAL));
    let merged = MERGES.map(|(a, b)| (format!("{a}{b}"), NORMAL));
    let special =
        SPECIAL.map(|(text, is_text)| (text.to_owned(), if is_text { USER_DEFINED } else { CONTROL }));
    bytes.chain(merged).chain(special).collect()
}

const MERGES: [(&str, &str); 4] = [("t", "h"), ("Ġ", "th"), ("Ġ", "a"), ("Ġth", "e")];

/// GPT-2 writes a byte that is not printable as a character from U+0100 on.
fn printable(byte: u8) -> char {
    let is_printable = |byte: u8| matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
    if is_printable(byte) {
        return char::from(byte);
    }
    let n = (0..byte).filter(|&it| !is_printable(it)).count();
    char::from_u32(0x100 + n as u32).expect("a letter of Latin Extended-A")
}

/// By GGUF's names. Positions turn pairs that lie half a head apart, as in a folder.
fn tensors(family: Family, n_vocab: u64, seed: u64) -> Vec<Tensor> {
    let random = &mut fastrand::Rng::with_seed(seed);
    let head = family.head_width();
    let (n_q, n_kv) = (N_HEAD * head, N_HEAD_KV * head);
    let mut tensors = vec![
        matrix("token_embd.weight", N_EMBD, n_vocab, random),
        vector("output_norm.weight", N_EMBD, 1.0, random),
    ];
    if family != Family::Qwen2 {
        tensors.push(matrix("output.weight", N_EMBD, n_vocab, random));
    }
    for i in 0..N_LAYER {
        let name = |name: &str| format!("blk.{i}.{name}");
        for (part, n_in, n_out) in [
            ("attn_q", N_EMBD, n_q),
            ("attn_k", N_EMBD, n_kv),
            ("attn_v", N_EMBD, n_kv),
            ("attn_output", n_q, N_EMBD),
            ("ffn_gate", N_EMBD, N_FF),
            ("ffn_up", N_EMBD, N_FF),
            ("ffn_down", N_FF, N_EMBD),
        ] {
            tensors.push(matrix(&name(&format!("{part}.weight")), n_in, n_out, random));
            if family == Family::Qwen2 && ["attn_q", "attn_k", "attn_v"].contains(&part) {
                tensors.push(vector(&name(&format!("{part}.bias")), n_out, 0.0, random));
            }
        }
        tensors.push(vector(&name("attn_norm.weight"), N_EMBD, 1.0, random));
        tensors.push(vector(&name("ffn_norm.weight"), N_EMBD, 1.0, random));
        if family == Family::Qwen3 {
            tensors.push(vector(&name("attn_q_norm.weight"), head, 1.0, random));
            tensors.push(vector(&name("attn_k_norm.weight"), head, 1.0, random));
        }
    }
    tensors
}

fn matrix(name: &str, n_in: u64, n_out: u64, random: &mut fastrand::Rng) -> Tensor {
    let scale = 3.0 / (n_in as f32).sqrt();
    let weights = (0..n_in * n_out).map(|_| short((random.f32() * 2.0 - 1.0) * scale)).collect();
    (name.to_owned(), vec![n_in, n_out], weights)
}

fn vector(name: &str, n: u64, middle: f32, random: &mut fastrand::Rng) -> Tensor {
    let weights = (0..n).map(|_| short(middle + (random.f32() - 0.5) * 0.6)).collect();
    (name.to_owned(), vec![n], weights)
}

/// A number that half precision has, too.
fn short(number: f32) -> f32 {
    f32::from_bits(number.to_bits() & 0xFFFF_0000)
}

/// The rows of every head so that positions turn neighbours, as llama.cpp does it for Llama.
fn interleaved(weights: &[f32], n_in: usize, head_width: usize) -> Vec<f32> {
    let rows: Vec<_> = weights.chunks(n_in).collect();
    let half = head_width / 2;
    let order = (0..rows.len()).map(|row| {
        let (head, within) = (row / head_width, row % head_width);
        rows[head * head_width + within % 2 * half + within / 2]
    });
    order.flatten().copied().collect()
}

/// How many times slower each pair of a head turns.
fn slowdowns(head_width: u64) -> Vec<f32> {
    let (factor, low, high, n_original) = SCALING;
    let pairs = (0..head_width).step_by(2);
    let slowdown = |i: u64| {
        let wavelength = std::f32::consts::TAU * THETA.powf(i as f32 / head_width as f32);
        match wavelength {
            short if short < n_original / high => 1.0,
            long if long > n_original / low => factor,
            between => {
                let smooth = (n_original / between - low) / (high - low);
                1.0 / ((1.0 - smooth) / factor + smooth)
            }
        }
    };
    pairs.map(slowdown).collect()
}

fn renamed(name: &str) -> String {
    match name {
        "token_embd.weight" => "model.embed_tokens.weight".to_owned(),
        "output_norm.weight" => "model.norm.weight".to_owned(),
        "output.weight" => "lm_head.weight".to_owned(),
        name => {
            let (layer, part) = name.strip_prefix("blk.").and_then(|it| it.split_once('.')).expect("a layer");
            let (part, kind) = part.split_once('.').expect("a weight or a bias");
            let part = match part {
                "attn_q" => "self_attn.q_proj",
                "attn_k" => "self_attn.k_proj",
                "attn_v" => "self_attn.v_proj",
                "attn_output" => "self_attn.o_proj",
                "attn_q_norm" => "self_attn.q_norm",
                "attn_k_norm" => "self_attn.k_norm",
                "ffn_gate" => "mlp.gate_proj",
                "ffn_up" => "mlp.up_proj",
                "ffn_down" => "mlp.down_proj",
                "attn_norm" => "input_layernorm",
                "ffn_norm" => "post_attention_layernorm",
                other => panic!("{other}"),
            };
            format!("model.layers.{layer}.{part}.{kind}")
        }
    }
}

fn config(family: Family, n_vocab: usize) -> Value {
    let (factor, low, high, n_original) = SCALING;
    let scaling = (family == Family::Llama3).then(|| {
        json!({
            "rope_type": "llama3", "factor": factor, "low_freq_factor": low, "high_freq_factor": high,
            "original_max_position_embeddings": n_original as u32,
        })
    });
    json!({
        "architectures": [family.class()],
        "model_type": family.name(),
        "vocab_size": n_vocab,
        "max_position_embeddings": N_CTX,
        "num_hidden_layers": N_LAYER,
        "hidden_size": N_EMBD,
        "intermediate_size": N_FF,
        "num_attention_heads": N_HEAD,
        "num_key_value_heads": N_HEAD_KV,
        "head_dim": family.head_width(),
        "rms_norm_eps": 1e-5,
        "hidden_act": "silu",
        "rope_theta": THETA,
        "rope_scaling": scaling,
        "tie_word_embeddings": family == Family::Qwen2,
    })
}

fn tokenizer(family: Family, vocabulary: &[(String, i32)]) -> Value {
    let is_added = |kind: i32| [UNKNOWN, CONTROL, USER_DEFINED].contains(&kind);
    let numbered = || (0_u32..).zip(vocabulary);
    // SentencePiece's list has the special ones, too.
    let is_word = |kind: i32| family == Family::Llama || !is_added(kind);
    let words = numbered().filter(|(_, it)| is_word(it.1)).map(|(id, it)| (it.0.clone(), json!(id)));
    let words: serde_json::Map<_, _> = words.collect();
    let added = |(id, (text, kind)): (u32, &(String, i32))| {
        json!({
            "id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": *kind != USER_DEFINED,
        })
    };
    let added: Vec<_> = numbered().filter(|(_, it)| is_added(it.1)).map(added).collect();
    if family == Family::Llama {
        return json!({
            "version": "1.0",
            "added_tokens": added,
            "normalizer": {"type": "Sequence", "normalizers": [
                {"type": "Prepend", "prepend": "▁"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
            ]},
            "pre_tokenizer": null,
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
            },
            "decoder": {"type": "Sequence", "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
            ]},
            "model": {
                "type": "BPE", "vocab": words, "merges": [], "byte_fallback": true, "fuse_unk": true,
                "unk_token": null,
            },
        });
    }
    let bytes = |is_cut: bool| json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": is_cut});
    let merges = MERGES.map(|(a, b)| format!("{a} {b}"));
    json!({
        "version": "1.0",
        "added_tokens": added,
        "normalizer": null,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": QWEN_PIECES}, "behavior": "Isolated", "invert": false},
            bytes(false),
        ]},
        "post_processor": bytes(false),
        "decoder": bytes(false),
        "model": {"type": "BPE", "vocab": words, "merges": merges},
    })
}

/// How Qwen cuts texts before pairs become one.
const QWEN_PIECES: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// What describes the model in a file.
fn values(family: Family, vocabulary: &[(String, i32)]) -> Gguf {
    let mut gguf = Gguf::default();
    let name = family.name();
    gguf.text("general.architecture", name);
    for (key, number) in [
        ("context_length", N_CTX),
        ("embedding_length", N_EMBD),
        ("block_count", N_LAYER),
        ("feed_forward_length", N_FF),
        ("attention.head_count", N_HEAD),
        ("attention.head_count_kv", N_HEAD_KV),
        ("attention.key_length", family.head_width()),
        ("attention.value_length", family.head_width()),
        ("rope.dimension_count", family.head_width()),
    ] {
        gguf.u32(&format!("{name}.{key}"), number as u32);
    }
    gguf.f32(&format!("{name}.attention.layer_norm_rms_epsilon"), 1e-5);
    gguf.f32(&format!("{name}.rope.freq_base"), THETA);
    gguf.texts("tokenizer.ggml.tokens", vocabulary.iter().map(|(text, _)| text.as_str()));
    gguf.i32s("tokenizer.ggml.token_type", vocabulary.iter().map(|(_, kind)| *kind));
    let number_of = |text: &str| vocabulary.iter().position(|it| it.0 == text).expect("a token") as u32;
    if family == Family::Llama {
        gguf.text("tokenizer.ggml.model", "llama");
        gguf.f32s("tokenizer.ggml.scores", vocabulary.iter().map(|_| -1.0));
        gguf.u32("tokenizer.ggml.bos_token_id", number_of("<s>"));
        gguf.u32("tokenizer.ggml.eos_token_id", number_of("</s>"));
    } else {
        gguf.text("tokenizer.ggml.model", "gpt2");
        gguf.text("tokenizer.ggml.pre", "qwen2");
        let merges = MERGES.map(|(a, b)| format!("{a} {b}"));
        gguf.texts("tokenizer.ggml.merges", merges.iter().map(String::as_str));
        gguf.u32("tokenizer.ggml.eos_token_id", number_of("<|im_end|>"));
        gguf.bool("tokenizer.ggml.add_bos_token", false);
        gguf.text("tokenizer.chat_template", TEMPLATE);
    }
    gguf
}
