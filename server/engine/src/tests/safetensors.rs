//! Writes safetensors files.

use gguf::testing::Tensor;
use serde_json::{Map, Value, json};
use std::path::Path;

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    F32,
    /// Without the lower half of each.
    Bf16,
}

/// Writes tensors, whose shapes have the fastest dimension first as in GGUF, under the names that `rename` gives them.
pub(crate) fn write(path: &Path, tensors: &[Tensor], numbers: Numbers, rename: impl Fn(&str) -> String) {
    let (dtype, n_dropped) = match numbers {
        Numbers::F32 => ("F32", 0),
        Numbers::Bf16 => ("BF16", 2),
    };
    let mut header = Map::new();
    let mut data = Vec::new();
    for (name, shape, weights) in tensors {
        let begin = data.len();
        data.extend(weights.iter().flat_map(|weight| weight.to_le_bytes().into_iter().skip(n_dropped)));
        let shape: Vec<_> = shape.iter().rev().collect();
        let info = json!({"dtype": dtype, "shape": shape, "data_offsets": [begin, data.len()]});
        header.insert(rename(name), info);
    }
    let header = Value::Object(header).to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(data);
    std::fs::write(path, file).expect("the folder is there");
}
