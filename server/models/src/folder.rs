//! Models in folders, as `transformers` writes them: descriptions in JSON beside weights in safetensors,
//! <https://huggingface.co/docs/safetensors>.
//!
//! What is read here is enough to list a model and to foretell its memory; the worker reads the rest and checks it.

use serde::{Deserialize, de::DeserializeOwned};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

/// The longest description that is read.
const MAX_JSON_BYTES: u64 = 1 << 20;

/// The longest header of weights that is read; a few hundred kilobytes describe the largest models.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// What a folder says about the model in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Description {
    /// `bert`, …
    pub(crate) architecture: Option<String>,
    /// The longest text, in tokens.
    pub(crate) n_ctx_train: Option<u32>,
    /// The prevailing type of numbers.
    pub(crate) tensor_type: Option<String>,
    /// Numbers in all tensors.
    pub(crate) n_parameters: u64,
}

#[derive(Deserialize)]
struct Config {
    model_type: Option<String>,
    max_position_embeddings: Option<u32>,
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
    folder.join("config.json").is_file() && weights(folder).is_file()
}

/// Where the weights are.
pub(crate) fn weights(folder: &Path) -> PathBuf {
    folder.join("model.safetensors")
}

/// Reads what a folder says. The error is a sentence.
pub(crate) fn describe(folder: &Path) -> Result<Description, String> {
    let config: Config = read_json(&folder.join("config.json"))?;
    if !matches!(config.model_type.as_deref(), Some("bert")) {
        let kind = config.model_type.as_deref().unwrap_or("unknown");
        return Err(format!(
            "models of the type “{kind}” are not supported in this form; a GGUF file may be"
        ));
    }
    if !folder.join("tokenizer.json").is_file() {
        return Err("tokenizer.json is missing".to_owned());
    }
    let lengths = folder.join("sentence_bert_config.json");
    let lengths = if lengths.is_file() { read_json(&lengths)? } else { Lengths::default() };
    let tensors = read_header(&weights(folder))?;
    let mut sizes = BTreeMap::<&str, u64>::new();
    for info in tensors.values() {
        *sizes.entry(&info.dtype).or_default() += info.data_offsets[1] - info.data_offsets[0];
    }
    let tensor_type = sizes.into_iter().max_by_key(|(_, bytes)| *bytes).map(|(name, _)| name.to_owned());
    let product = |shape: &[u64]| shape.iter().fold(1, |product: u64, n| product.saturating_mul(*n));
    let n_parameters = tensors.values().fold(0, |sum: u64, info| sum.saturating_add(product(&info.shape)));
    Ok(Description {
        architecture: config.model_type,
        n_ctx_train: lengths.max_seq_length.into_iter().chain(config.max_position_embeddings).min(),
        tensor_type,
        n_parameters,
    })
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let failed = |reason: &dyn std::fmt::Display| format!("{name} cannot be used: {reason}");
    let size = fs::metadata(path).map_err(|err| failed(&err))?.len();
    if size > MAX_JSON_BYTES {
        return Err(failed(&"it is too long"));
    }
    let text = fs::read(path).map_err(|err| failed(&err))?;
    serde_json::from_slice(&text).map_err(|err| failed(&err))
}

/// Every tensor by its name. All of them lie within the file.
fn read_header(path: &Path) -> Result<BTreeMap<String, TensorInfo>, String> {
    let cut = || "the weights are cut off: they were not downloaded or copied whole".to_owned();
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
