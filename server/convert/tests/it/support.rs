//! Tiny models: descriptions and tokenizers of `tests/parity/models`, with weights made of their names.

use convert::{Progress, Watch};
use serde_json::Value;
use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

pub(crate) fn parity() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("parity")
}

pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// A folder with the model, and its path in it: the folder's name is part of what is written.
pub(crate) fn model(name: &str) -> (TempDir, PathBuf) {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join(name);
    fs::create_dir(&folder).unwrap();
    for entry in fs::read_dir(parity().join("models").join(name)).unwrap() {
        let from = entry.unwrap().path();
        fs::copy(&from, folder.join(from.file_name().unwrap())).unwrap();
    }
    let listed = json(&folder.join("tensors.json"));
    let tensors: Vec<(String, String, Vec<u64>)> = serde_json::from_value(listed["tensors"].clone()).unwrap();
    write_weights(&folder, &tensors, listed["shards"].as_u64().unwrap() as usize);
    (work, folder)
}

type Tensor = (String, String, Vec<u64>);

/// Writes tensors as one file, or as several with their list.
pub(crate) fn write_weights(folder: &Path, tensors: &[Tensor], n_shards: usize) {
    if n_shards == 1 {
        return write_safetensors(&folder.join("model.safetensors"), &tensors.iter().collect::<Vec<_>>());
    }
    let mut weight_map = serde_json::Map::new();
    for i in 0..n_shards {
        let name = format!("model-{:05}-of-{n_shards:05}.safetensors", i + 1);
        let part: Vec<&Tensor> = tensors.iter().skip(i).step_by(n_shards).collect();
        write_safetensors(&folder.join(&name), &part);
        weight_map.extend(part.iter().map(|tensor| (tensor.0.clone(), Value::String(name.clone()))));
    }
    let index = serde_json::json!({"metadata": {}, "weight_map": weight_map});
    fs::write(folder.join("model.safetensors.index.json"), index.to_string()).unwrap();
}

fn write_safetensors(path: &Path, tensors: &[&Tensor]) {
    let mut header = serde_json::Map::new();
    let mut data = Vec::new();
    for (name, dtype, shape) in tensors {
        let begin = data.len();
        data.extend(weights(name, dtype, shape.iter().product()));
        let entry = serde_json::json!({"dtype": dtype, "shape": shape, "data_offsets": [begin, data.len()]});
        header.insert(name.clone(), entry);
    }
    let text = serde_json::to_vec(&header).unwrap();
    fs::write(path, [&(text.len() as u64).to_le_bytes()[..], &text, &data].concat()).unwrap();
}

/// The numbers of a tensor: of the hash of its name and their place alone, as `make.py` does.
fn weights(name: &str, dtype: &str, n: u64) -> Vec<u8> {
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325, hash);
    let mut bytes = Vec::new();
    for i in 0..n {
        let mut x = seed.wrapping_add(i);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^= x >> 31;
        let (sign, exponent, mantissa) = (x & 1, (x >> 1) % 8, x >> 8);
        match dtype {
            "BF16" => {
                let bits = sign << 15 | (exponent + 118) << 7 | mantissa & 0x7f;
                bytes.extend((bits as u16).to_le_bytes());
            }
            "F16" => {
                let bits = sign << 15 | (exponent + 7) << 10 | mantissa & 0x3ff;
                bytes.extend((bits as u16).to_le_bytes());
            }
            "F8_E4M3" => bytes.push(x as u8),
            _ => {
                let bits = sign << 31 | (exponent + 118) << 23 | mantissa & 0x7f_ffff;
                bytes.extend((bits as u32).to_le_bytes());
            }
        }
    }
    bytes
}

/// Does not stop anything.
pub(crate) fn go_on() -> Box<Watch<'static>> {
    Box::new(|_: Progress<'_>| ControlFlow::Continue(()))
}

/// The names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<String> = entries.map(|it| it.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The beginning of a SHA-256, in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}
