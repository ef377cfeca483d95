//! Models in folders, as `transformers` writes them: descriptions in JSON beside weights in safetensors,
//! <https://huggingface.co/docs/safetensors>.
//!
//! What is read here is enough to list a model and to foretell its memory; the worker reads the rest and checks it.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};
use types::model::Purpose;

/// The longest description that is read.
const MAX_JSON_BYTES: u64 = 1 << 20;

/// The longest header of weights that is read; a few hundred kilobytes describe the largest models.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// More files than any model is cut into.
const MAX_FILES: usize = 1000;

/// Models that write, of the kinds that are computed here.
const WRITERS: [&str; 4] = ["llama", "mistral", "qwen2", "qwen3"];

/// Weights that those may have.
const WRITERS_NUMBERS: [&str; 3] = ["F32", "F16", "BF16"];

/// What a folder says about the model in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Description {
    /// `bert`, `llama`, …
    pub(crate) architecture: String,
    pub(crate) purpose: Purpose,
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
}

/// `model.safetensors.index.json`: in which file each tensor is.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
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

#[derive(Deserialize)]
struct TensorInfo {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// Whether `folder` is a model rather than a folder of models.
pub(crate) fn is_model(folder: &Path) -> bool {
    let has_weights = || [single(folder), index(folder)].iter().any(|path| path.is_file());
    folder.join("config.json").is_file() && has_weights()
}

/// What all weights take on the disk; those that are missing take nothing.
pub(crate) fn size_bytes(folder: &Path) -> u64 {
    let files = weights(folder).unwrap_or_default();
    files.iter().filter_map(|file| fs::metadata(file).ok()).map(|meta| meta.len()).sum()
}

fn single(folder: &Path) -> PathBuf {
    folder.join("model.safetensors")
}

fn index(folder: &Path) -> PathBuf {
    folder.join("model.safetensors.index.json")
}

/// Where the weights are: one file, or those that the index names.
fn weights(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let index = index(folder);
    if !index.is_file() {
        return Ok(vec![single(folder)]);
    }
    let files: BTreeSet<_> =
        read_json_up_to::<Index>(&index, MAX_HEADER_BYTES)?.weight_map.into_values().collect();
    if files.len() > MAX_FILES || files.iter().any(|name| name.contains(['/', '\\', ':']) || name == "..") {
        return Err("model.safetensors.index.json names files that it should not".to_owned());
    }
    Ok(files.into_iter().map(|name| folder.join(name)).collect())
}

/// Reads what a folder says. The error is a sentence.
pub(crate) fn describe(folder: &Path) -> Result<Description, String> {
    let config: Config = read_json(&folder.join("config.json"))?;
    let purpose = config.purpose()?;
    if purpose == Purpose::Writing && folder.join("modules.json").is_file() {
        return Err("encoders of this type are not supported in this form; a GGUF file may be".to_owned());
    }
    if !folder.join("tokenizer.json").is_file() {
        return Err("tokenizer.json is missing".to_owned());
    }
    let mut tensors = BTreeMap::new();
    for file in weights(folder)? {
        tensors.append(&mut read_header(&file)?);
    }
    let mut sizes = BTreeMap::<&str, u64>::new();
    for info in tensors.values() {
        *sizes.entry(&info.dtype).or_default() += info.data_offsets[1] - info.data_offsets[0];
    }
    let tensor_type = sizes.into_iter().max_by_key(|(_, bytes)| *bytes).map(|(name, _)| name.to_owned());
    let product = |shape: &[u64]| shape.iter().fold(1, |product: u64, n| product.saturating_mul(*n));
    let n_parameters = tensors.values().fold(0, |sum: u64, info| sum.saturating_add(product(&info.shape)));
    let writes = purpose == Purpose::Writing;
    let unknown = |name: &&String| writes && !WRITERS_NUMBERS.contains(&name.as_str());
    if let Some(name) = tensor_type.as_ref().filter(unknown) {
        return Err(format!("weights of the type {name} are not supported in this form; a GGUF file may be"));
    }
    let lengths = read_optional::<Lengths>(&folder.join("sentence_bert_config.json"), MAX_JSON_BYTES)?;
    Ok(Description {
        purpose,
        n_ctx_train: config.n_ctx_train(lengths.unwrap_or_default().max_seq_length),
        tensor_type,
        n_parameters,
        has_chat_template: writes && has_chat_template(folder)?,
        n_vocab: if writes { config.vocab_size } else { 0 },
        cell_bytes: if writes { config.cell_bytes() } else { 0 },
        architecture: config.model_type.unwrap_or_default(),
    })
}

impl Config {
    fn purpose(&self) -> Result<Purpose, String> {
        let not_supported =
            |what: &str| Err(format!("{what} are not supported in this form; a GGUF file may be"));
        match self.model_type.as_deref() {
            Some("bert") => Ok(Purpose::Embedding),
            Some(kind) if WRITERS.contains(&kind) => {
                match self.architectures.iter().find(|name| !name.ends_with("ForCausalLM")) {
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

fn has_chat_template(folder: &Path) -> Result<bool, String> {
    let config = folder.join("tokenizer_config.json");
    let config = read_optional::<TokenizerConfig>(&config, MAX_HEADER_BYTES)?.unwrap_or_default();
    Ok(config.chat_template.is_some() || folder.join("chat_template.jinja").is_file())
}

/// `None` where there is no such file.
fn read_optional<T: DeserializeOwned>(path: &Path, most: u64) -> Result<Option<T>, String> {
    if path.is_file() { read_json_up_to(path, most).map(Some) } else { Ok(None) }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    read_json_up_to(path, MAX_JSON_BYTES)
}

fn read_json_up_to<T: DeserializeOwned>(path: &Path, most: u64) -> Result<T, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let failed = |reason: &dyn std::fmt::Display| format!("{name} cannot be used: {reason}");
    let size = fs::metadata(path).map_err(|err| failed(&err))?.len();
    if size > most {
        return Err(failed(&"it is too long"));
    }
    let text = fs::read(path).map_err(|err| failed(&err))?;
    serde_json::from_slice(&text).map_err(|err| failed(&err))
}

/// Every tensor by its name. All of them lie within the file.
fn read_header(path: &Path) -> Result<BTreeMap<String, TensorInfo>, String> {
    let cut = || "the weights are cut off: they were not downloaded or copied whole".to_owned();
    if !path.is_file() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        return Err(format!("{name} is missing: the folder was not downloaded or copied whole"));
    }
    let mut file = File::open(path).map_err(|err| format!("the weights cannot be read: {err}"))?;
    let size = file.metadata().map_err(|err| format!("the weights cannot be read: {err}"))?.len();
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|_| cut())?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER_BYTES {
        return Err("the weights are no safetensors file".to_owned());
    }
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).map_err(|err| format!("the weights cannot be read: {err}"))?;
    if header.len() as u64 != length {
        return Err(cut());
    }
    let damaged = |reason: &dyn std::fmt::Display| format!("the weights are damaged: {reason}");
    let mut entries: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&header).map_err(|err| damaged(&err))?;
    entries.remove("__metadata__");
    let data_bytes = size - 8 - length;
    entries
        .into_iter()
        .map(|(name, entry)| {
            let info: TensorInfo = serde_json::from_value(entry).map_err(|err| damaged(&err))?;
            let [begin, end] = info.data_offsets;
            match (begin <= end, end <= data_bytes) {
                (true, true) => Ok((name, info)),
                (false, _) => Err(damaged(&format!("{name} ends before it begins"))),
                (_, false) => Err(cut()),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
