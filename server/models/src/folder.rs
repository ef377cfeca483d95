//! Models in folders, as `transformers` writes them: descriptions in JSON beside weights in safetensors,
//! <https://huggingface.co/docs/safetensors>.
//!
//! What is read here is enough to list a model and to foretell its memory; the worker reads the rest and checks it.

mod classes;
mod told;

pub(crate) use told::tell;

use gguf::TemplateFacts;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use types::model::Purpose;
use weights::{Dtype, Header, HeaderError, ShardError};

/// The longest description that is read.
const MAX_JSON_BYTES: u64 = 1 << 20;

/// The longest description of a tokenizer that is read: a template may be in it.
const MAX_TOKENIZER_BYTES: u64 = 16 << 20;

/// Models that write, of the kinds that are computed here.
const WRITERS: [&str; 4] = ["llama", "mistral", "qwen2", "qwen3"];

/// Models that write, of the kinds that are written as GGUF files here, and computed as such.
const CONVERTED: [&str; 13] = [
    "gemma",
    "gemma2",
    "gemma3",
    "gemma3_text",
    "idefics3",
    "mixtral",
    "qwen2_5_vl",
    "qwen2_moe",
    "qwen2_vl",
    "qwen3_moe",
    "qwen3_vl",
    "smollm3",
    "smolvlm",
];
/// Models that look at images, which are converted with what they do that by.
const SEES: [&str; 6] = [
    "Gemma3ForConditionalGeneration",
    "Idefics3ForConditionalGeneration",
    "Qwen2VLForConditionalGeneration",
    "Qwen2_5_VLForConditionalGeneration",
    "Qwen3VLForConditionalGeneration",
    "SmolVLMForConditionalGeneration",
];

/// Weights that those may have.
const WRITERS_NUMBERS: [&str; 3] = ["F32", "F16", "BF16"];

/// What a folder says about the model in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Description {
    /// `bert`, `llama`, …
    pub(crate) architecture: String,
    pub(crate) purpose: Purpose,
    /// Whether it is computed as it is, rather than once it was written as a GGUF file.
    pub(crate) is_loadable: bool,
    /// The longest text, in tokens.
    pub(crate) n_ctx_train: Option<u32>,
    /// The prevailing type of numbers.
    pub(crate) tensor_type: Option<String>,
    /// Numbers in all tensors.
    pub(crate) n_parameters: u64,
    pub(crate) has_chat_template: bool,
    /// Words of the vocabulary, where it writes.
    pub(crate) n_vocab: u32,
    /// Bytes of one token's keys and values in single precision; 0 where none are kept.
    pub(crate) cell_bytes: u64,
    /// Bits of a number, where it was rounded for Apple's MLX.
    pub(crate) mlx_bits: Option<u32>,
    pub(crate) template: TemplateFacts,
    /// Whether it was made to look at images as well.
    pub(crate) sees: bool,
    /// How many experts there are, and how many compute a token.
    pub(crate) experts: Option<(u64, u64)>,
    /// As its makers call it.
    pub(crate) licence: Option<String>,
    /// Why it is neither computed nor written anew, as a sentence; `None` where it is.
    pub(crate) remark: Option<String>,
}

/// What is wrong with a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) sentence: String,
    /// It is so as long as no file changes: the bytes are at fault rather than how the system felt.
    pub(crate) is_lasting: bool,
}

impl From<String> for Problem {
    fn from(sentence: String) -> Self {
        Self { sentence, is_lasting: true }
    }
}

impl From<ShardError> for Problem {
    fn from(err: ShardError) -> Self {
        Self { sentence: err.to_string(), is_lasting: !matches!(err, ShardError::Unreadable { .. }) }
    }
}

/// A model's numbers: at the top, or below `text_config` where it looks at images as well.
#[derive(Deserialize)]
struct Config {
    model_type: Option<String>,
    #[serde(default)]
    architectures: Vec<String>,
    max_position_embeddings: Option<u32>,
    sliding_window: Option<u32>,
    use_sliding_window: Option<bool>,
    #[serde(default)]
    vocab_size: u32,
    #[serde(default)]
    num_hidden_layers: u64,
    #[serde(default)]
    hidden_size: u64,
    #[serde(default)]
    num_attention_heads: u64,
    num_key_value_heads: Option<u64>,
    head_dim: Option<u64>,
    #[serde(alias = "num_local_experts")]
    num_experts: Option<u64>,
    num_experts_per_tok: Option<u64>,
    quantization_config: Option<Value>,
    /// What the classes are called that a text may be of.
    id2label: Option<serde_json::Map<String, Value>>,
    vision_config: Option<Value>,
    text_config: Option<Box<Config>>,
}

/// `tokenizer_config.json`.
#[derive(Default, Deserialize)]
struct TokenizerConfig {
    chat_template: Option<Value>,
}

/// `sentence_bert_config.json`.
#[derive(Default, Deserialize)]
struct Lengths {
    max_seq_length: Option<u32>,
}

/// Whether `folder` is a model rather than a folder of models.
pub(crate) fn is_model(folder: &Path) -> bool {
    let has_weights = || [single(folder), index(folder)].iter().any(|path| path.is_file());
    folder.join("config.json").is_file() && has_weights()
}

/// Whether a folder says of itself that it is a model, whatever else is in it.
pub(crate) fn names_a_model(folder: &Path) -> bool {
    let config: Value = read_json(&folder.join("config.json")).unwrap_or_default();
    config["model_type"].is_string() || config["architectures"].is_array()
}

/// What all weights take on the disk; those that are missing take nothing.
pub(crate) fn size_bytes(folder: &Path) -> u64 {
    let there = || {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.filter(|path| path.extension().is_some_and(|it| it == "safetensors")).collect()
    };
    let files: Vec<PathBuf> = weights::sharded(folder).unwrap_or_else(|_| there());
    files.iter().filter_map(|file| fs::metadata(file).ok()).map(|meta| meta.len()).sum()
}

fn single(folder: &Path) -> PathBuf {
    folder.join("model.safetensors")
}

fn index(folder: &Path) -> PathBuf {
    folder.join("model.safetensors.index.json")
}

/// Reads what a folder says. What nothing here computes is told as well; what is broken is an error.
pub(crate) fn describe(folder: &Path) -> Result<Description, Problem> {
    let config: Config = read_json(&folder.join("config.json"))?;
    let purpose = config.purpose(folder.join("modules.json").is_file());
    let mut remark = config.remark(purpose);
    if remark.is_none() && !folder.join("tokenizer.json").is_file() {
        return Err("tokenizer.json is missing".to_owned().into());
    }
    let packed = config.packed();
    let (tensor_type, n_parameters) = weights_of(folder, packed.as_ref().and_then(|it| it.bits))?;
    let writes = purpose == Purpose::Writing;
    let unknown = |name: &&String| writes && !WRITERS_NUMBERS.contains(&name.as_str());
    if let Some(name) = tensor_type.as_ref().filter(unknown) {
        let why = || format!("weights of the type {name} are not supported in this form; a GGUF file may be");
        remark = remark.or_else(|| Some(why()));
    }
    let is_loadable = remark.is_none() && !config.is_converted();
    let lengths = read_optional::<Lengths>(&folder.join("sentence_bert_config.json"), MAX_JSON_BYTES)?;
    let template = if writes { chat_template(folder)? } else { None };
    let described = config.described(lengths.unwrap_or_default().max_seq_length);
    Ok(Description {
        purpose,
        is_loadable,
        remark,
        tensor_type: packed.map(|it| it.name).or(tensor_type),
        n_parameters,
        n_vocab: if writes { described.n_vocab } else { 0 },
        cell_bytes: if writes && is_loadable { described.cell_bytes } else { 0 },
        ..described.in_folder(folder, template.as_deref())
    })
}

/// What a folder says whose numbers were rounded to so many bits for MLX. Nothing here computes it.
pub(crate) fn describe_mlx(folder: &Path, bits: u32) -> Result<Description, Problem> {
    let config: Config = read_json(&folder.join("config.json"))?;
    let (_, n_parameters) = weights_of(folder, Some(bits))?;
    let template = chat_template(folder)?;
    Ok(Description {
        purpose: config.purpose(folder.join("modules.json").is_file()),
        n_parameters,
        cell_bytes: 0,
        mlx_bits: Some(bits),
        ..config.described(None).in_folder(folder, template.as_deref())
    })
}

/// The prevailing type of numbers, and how many there are, of which some may have been packed to so many bits.
fn weights_of(folder: &Path, packed_bits: Option<u32>) -> Result<(Option<String>, u64), Problem> {
    let (mut sizes, mut n_parameters) = (BTreeMap::<&str, u64>::new(), 0_u64);
    for file in weights::sharded(folder)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let header = weights::read_header(&file).map_err(|err| Problem {
            sentence: format!("{name}: {err}"),
            is_lasting: !matches!(err, HeaderError::Unreadable(_)),
        })?;
        n_parameters = n_parameters.saturating_add(match packed_bits {
            Some(bits) => unpacked(&header, bits),
            None => header.n_parameters(),
        });
        for tensor in header.tensors.values() {
            *sizes.entry(tensor.dtype.name()).or_default() += tensor.end - tensor.begin;
        }
    }
    let prevailing = sizes.into_iter().max_by_key(|(_, bytes)| *bytes);
    Ok((prevailing.map(|(name, _)| name.to_owned()), n_parameters))
}

/// What MLX, GPTQ and AWQ put beside packed numbers: no numbers of the model.
const HELPS: [&str; 4] = [".scales", ".biases", ".qzeros", ".g_idx"];

/// How many numbers a file has of which some were packed: several of so many bits lie in a word of 32.
fn unpacked(header: &Header, bits: u32) -> u64 {
    let helps = |name: &str| HELPS.iter().any(|ending| name.ends_with(ending));
    let numbers = header.tensors.values().filter(|it| !helps(&it.name)).map(|it| match it.dtype {
        Dtype::U32 | Dtype::I32 => it.n_elements().saturating_mul(32) / u64::from(bits.max(1)),
        _ => it.n_elements(),
    });
    numbers.fold(0, u64::saturating_add)
}

impl Description {
    /// With what else is in its folder.
    fn in_folder(self, folder: &Path, template: Option<&str>) -> Self {
        Self {
            has_chat_template: template.is_some(),
            template: template.map(TemplateFacts::of).unwrap_or_default(),
            licence: convert::licence(folder),
            ..self
        }
    }
}

impl Config {
    /// What it says of a model that nobody knows more of yet.
    fn described(self, longest_text: Option<u32>) -> Description {
        let sees = self.vision_config.as_ref().is_some_and(|it| !it.is_null());
        let config = self.of_text();
        let experts = config.num_experts.filter(|n| *n > 0);
        Description {
            n_ctx_train: config.n_ctx_train(longest_text),
            n_vocab: config.vocab_size,
            cell_bytes: config.cell_bytes(),
            sees,
            experts: experts.map(|n| (n, config.num_experts_per_tok.unwrap_or(n))),
            architecture: config.model_type.unwrap_or_default(),
            ..Description::default()
        }
    }

    /// The part that writes.
    fn of_text(self) -> Self {
        match self.text_config {
            Some(text) => Self { model_type: self.model_type, architectures: self.architectures, ..*text },
            None => self,
        }
    }

    /// Within a window of attention, the model is computed exactly.
    fn n_ctx_train(&self, longest_text: Option<u32>) -> Option<u32> {
        let has_window = self.use_sliding_window.unwrap_or(self.model_type.as_deref() == Some("mistral"));
        let window = self.sliding_window.filter(|_| has_window);
        [longest_text, self.max_position_embeddings, window].into_iter().flatten().min()
    }

    fn cell_bytes(&self) -> u64 {
        let share = || self.hidden_size.checked_div(self.num_attention_heads).unwrap_or(0);
        let n_heads = self.num_key_value_heads.unwrap_or(self.num_attention_heads);
        let width = self.head_dim.unwrap_or_else(share).saturating_mul(n_heads);
        // Keys and values in single precision.
        width.saturating_mul(self.num_hidden_layers).saturating_mul(2 * 4)
    }
}

/// The chat template in `folder`: a file of its own, or what is said of the tokenizer. Of several the usual one.
pub(crate) fn chat_template(folder: &Path) -> Result<Option<String>, Problem> {
    let own = folder.join("chat_template.jinja");
    if own.is_file() {
        return read_bytes(&own, MAX_JSON_BYTES)
            .map(|bytes| Some(String::from_utf8_lossy(&bytes).into_owned()));
    }
    let config = folder.join("tokenizer_config.json");
    let config = read_optional::<TokenizerConfig>(&config, MAX_TOKENIZER_BYTES)?.unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Ok(match config.chat_template {
        Some(Value::Array(named)) => {
            let usual = named.iter().find(|it| it["name"] == "default").or_else(|| named.first());
            usual.and_then(|it| text(&it["template"]))
        }
        stated => stated.as_ref().and_then(text),
    })
}

/// `None` where there is no such file.
fn read_optional<T: DeserializeOwned>(path: &Path, most: u64) -> Result<Option<T>, Problem> {
    if path.is_file() { read_json_up_to(path, most).map(Some) } else { Ok(None) }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Problem> {
    read_json_up_to(path, MAX_JSON_BYTES)
}

fn read_json_up_to<T: DeserializeOwned>(path: &Path, most: u64) -> Result<T, Problem> {
    serde_json::from_slice(&read_bytes(path, most)?).map_err(|err| unusable(path, &err).into())
}

fn read_bytes(path: &Path, most: u64) -> Result<Vec<u8>, Problem> {
    let unreadable = |err: std::io::Error| Problem { sentence: unusable(path, &err), is_lasting: false };
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > most {
        return Err(unusable(path, &"it is too long").into());
    }
    fs::read(path).map_err(unreadable)
}

fn unusable(path: &Path, reason: &dyn std::fmt::Display) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!("{name} cannot be used: {reason}")
}

#[cfg(test)]
mod tests;
