//! Models in folders, as `transformers` writes them: descriptions in JSON beside weights in safetensors,
//! <https://huggingface.co/docs/safetensors>.
//!
//! What is read here is enough to list a model and to foretell its memory; the worker reads the rest and checks it.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use types::model::Purpose;
use weights::{HeaderError, ShardError};

/// The longest description that is read.
const MAX_JSON_BYTES: u64 = 1 << 20;

/// The longest description of a tokenizer that is read: a template may be in it.
const MAX_TOKENIZER_BYTES: u64 = 16 << 20;

/// Models that write, of the kinds that are computed here.
const WRITERS: [&str; 4] = ["llama", "mistral", "qwen2", "qwen3"];

/// Models that write, of the kinds that are written as GGUF files here, and computed as such.
const CONVERTED: [&str; 5] = ["gemma", "gemma2", "gemma3", "gemma3_text", "smollm3"];
/// A model that looks at images, of which the part that writes is converted.
const SEES: &str = "Gemma3ForConditionalGeneration";

/// Weights that those may have.
const WRITERS_NUMBERS: [&str; 3] = ["F32", "F16", "BF16"];

/// What a folder says about the model in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    quantization_config: Option<Value>,
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

/// Reads what a folder says.
pub(crate) fn describe(folder: &Path) -> Result<Description, Problem> {
    let config: Config = read_json(&folder.join("config.json"))?;
    let purpose = config.purpose()?;
    if purpose == Purpose::Writing && folder.join("modules.json").is_file() {
        let why = "encoders of this type are not supported in this form; a GGUF file may be";
        return Err(why.to_owned().into());
    }
    if !folder.join("tokenizer.json").is_file() {
        return Err("tokenizer.json is missing".to_owned().into());
    }
    let (tensor_type, n_parameters) = weights_of(folder)?;
    let writes = purpose == Purpose::Writing;
    let unknown = |name: &&String| writes && !WRITERS_NUMBERS.contains(&name.as_str());
    if let Some(name) = tensor_type.as_ref().filter(unknown) {
        let why = format!("weights of the type {name} are not supported in this form; a GGUF file may be");
        return Err(why.into());
    }
    let is_loadable = !config.is_converted();
    let config = config.of_text();
    let lengths = read_optional::<Lengths>(&folder.join("sentence_bert_config.json"), MAX_JSON_BYTES)?;
    Ok(Description {
        purpose,
        is_loadable,
        n_ctx_train: config.n_ctx_train(lengths.unwrap_or_default().max_seq_length),
        tensor_type,
        n_parameters,
        has_chat_template: writes && has_chat_template(folder)?,
        n_vocab: if writes { config.vocab_size } else { 0 },
        cell_bytes: if writes && is_loadable { config.cell_bytes() } else { 0 },
        architecture: config.model_type.unwrap_or_default(),
    })
}

/// The prevailing type of numbers, and how many there are.
fn weights_of(folder: &Path) -> Result<(Option<String>, u64), Problem> {
    let (mut sizes, mut n_parameters) = (BTreeMap::<&str, u64>::new(), 0_u64);
    for file in weights::sharded(folder)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let header = weights::read_header(&file).map_err(|err| Problem {
            sentence: format!("{name}: {err}"),
            is_lasting: !matches!(err, HeaderError::Unreadable(_)),
        })?;
        n_parameters = n_parameters.saturating_add(header.n_parameters());
        for tensor in header.tensors.values() {
            *sizes.entry(tensor.dtype.name()).or_default() += tensor.end - tensor.begin;
        }
    }
    let prevailing = sizes.into_iter().max_by_key(|(_, bytes)| *bytes);
    Ok((prevailing.map(|(name, _)| name.to_owned()), n_parameters))
}

impl Config {
    /// Whether it is computed once it was written as a GGUF file only.
    fn is_converted(&self) -> bool {
        self.model_type.as_deref().is_some_and(|kind| CONVERTED.contains(&kind))
    }

    /// The part that writes.
    fn of_text(self) -> Self {
        match self.text_config {
            Some(text) => Self { model_type: self.model_type, architectures: self.architectures, ..*text },
            None => self,
        }
    }

    fn purpose(&self) -> Result<Purpose, String> {
        let not_supported =
            |what: &str| Err(format!("{what} are not supported in this form; a GGUF file may be"));
        match self.model_type.as_deref() {
            Some("bert") => Ok(Purpose::Embedding),
            Some(kind) if WRITERS.contains(&kind) || self.is_converted() => {
                let is_other = |name: &&String| {
                    !name.ends_with("ForCausalLM") && (name.as_str() != SEES || !self.is_converted())
                };
                match self.architectures.iter().find(is_other) {
                    Some(other) => not_supported(&format!("models of the type “{other}”")),
                    None if self.quantization_config.is_some() => {
                        not_supported("weights that were quantised for other programs")
                    }
                    None => Ok(Purpose::Writing),
                }
            }
            kind => not_supported(&format!("models of the type “{}”", kind.unwrap_or("unknown"))),
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

fn has_chat_template(folder: &Path) -> Result<bool, Problem> {
    let config = folder.join("tokenizer_config.json");
    let config = read_optional::<TokenizerConfig>(&config, MAX_TOKENIZER_BYTES)?.unwrap_or_default();
    Ok(config.chat_template.is_some() || folder.join("chat_template.jinja").is_file())
}

/// `None` where there is no such file.
fn read_optional<T: DeserializeOwned>(path: &Path, most: u64) -> Result<Option<T>, Problem> {
    if path.is_file() { read_json_up_to(path, most).map(Some) } else { Ok(None) }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Problem> {
    read_json_up_to(path, MAX_JSON_BYTES)
}

fn read_json_up_to<T: DeserializeOwned>(path: &Path, most: u64) -> Result<T, Problem> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let failed = |reason: &dyn std::fmt::Display| format!("{name} cannot be used: {reason}");
    let unreadable = |err: std::io::Error| Problem { sentence: failed(&err), is_lasting: false };
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > most {
        return Err(failed(&"it is too long").into());
    }
    let text = fs::read(path).map_err(unreadable)?;
    Ok(serde_json::from_slice(&text).map_err(|err| failed(&err))?)
}

#[cfg(test)]
mod tests;
