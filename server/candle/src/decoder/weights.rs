//! Tensors by their names, in one safetensors file or several, <https://huggingface.co/docs/safetensors>.
//!
//! Every offset is compared with the file's length and every shape with what the network needs before anything is
//! allocated for it. A tensor is read when it is asked for, so that no more than one is in memory twice.

use crate::folder::{FolderError, malformed, read_optional_up_to};
use candle_core::{DType, Device, Tensor};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// The longest header and index that is read; a few hundred kilobytes describe the largest models.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// More files than any model is cut into.
const MAX_FILES: usize = 1000;

/// The tensors of one model.
pub(crate) struct Weights {
    folder: PathBuf,
    tensors: HashMap<String, Place>,
}

/// Where a tensor is.
struct Place {
    path: PathBuf,
    dtype: String,
    shape: Vec<usize>,
    begin: u64,
    n_bytes: u64,
}

/// `model.safetensors.index.json`.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Info {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [u64; 2],
}

impl Weights {
    /// Reads the headers of all files in `folder`.
    pub(crate) fn open(folder: &Path) -> Result<Self, FolderError> {
        let mut tensors = HashMap::new();
        for path in files(folder)? {
            read_header(&path, &mut tensors)?;
        }
        Ok(Self { folder: folder.to_owned(), tensors })
    }

    /// The tensor `name` in single precision, which has to have this shape.
    pub(crate) fn read(&self, name: &str, shape: &[usize]) -> Result<Tensor, FolderError> {
        let lacks = || malformed(&self.folder, format!("it has no tensor {name}"));
        let place = self.tensors.get(name).ok_or_else(lacks)?;
        if place.shape != shape {
            let reason = format!("{name} has the shape {:?}, its description says {shape:?}", place.shape);
            return Err(malformed(&place.path, reason));
        }
        let dtype = dtype(&place.dtype).ok_or_else(|| FolderError::Numbers(place.dtype.clone()))?;
        let n_numbers = shape.iter().try_fold(1_u64, |product, &n| product.checked_mul(n as u64));
        if n_numbers.and_then(|n| n.checked_mul(dtype.size_in_bytes() as u64)) != Some(place.n_bytes) {
            return Err(malformed(&place.path, format!("{name} has not as many bytes as its shape says")));
        }
        let bytes = place.read()?;
        let tensor = Tensor::from_raw_buffer(&bytes, dtype, shape, &Device::Cpu)?;
        Ok(tensor.to_dtype(DType::F32)?)
    }
}

impl Place {
    fn read(&self) -> Result<Vec<u8>, FolderError> {
        let failed = |source| FolderError::Unreadable { path: self.path.clone(), source };
        let mut file = File::open(&self.path).map_err(failed)?;
        file.seek(SeekFrom::Start(self.begin)).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(self.n_bytes).read_to_end(&mut bytes).map_err(failed)?;
        match bytes.len() as u64 == self.n_bytes {
            true => Ok(bytes),
            false => Err(FolderError::CutOff(self.path.clone())),
        }
    }
}

fn dtype(name: &str) -> Option<DType> {
    match name {
        "F32" => Some(DType::F32),
        "F16" => Some(DType::F16),
        "BF16" => Some(DType::BF16),
        _ => None,
    }
}

/// One file, or those that the index names. All of them are there.
fn files(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let path = folder.join("model.safetensors.index.json");
    let names = match read_optional_up_to::<Index>(&path, MAX_HEADER_BYTES)? {
        Some(index) => index.weight_map.into_values().collect(),
        None => BTreeSet::from(["model.safetensors".to_owned()]),
    };
    if names.len() > MAX_FILES {
        return Err(malformed(&path, "it names more files than any model has"));
    }
    let file = |name: String| {
        if name.contains(['/', '\\', ':']) || name == ".." {
            return Err(malformed(&path, "it leads out of the folder"));
        }
        let file = folder.join(name);
        if file.is_file() { Ok(file) } else { Err(FolderError::Missing(file)) }
    };
    names.into_iter().map(file).collect()
}

fn read_header(path: &Path, tensors: &mut HashMap<String, Place>) -> Result<(), FolderError> {
    let failed = |source| FolderError::Unreadable { path: path.to_owned(), source };
    let cut = || FolderError::CutOff(path.to_owned());
    let mut file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|_| cut())?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER_BYTES {
        return Err(malformed(path, "it is no safetensors file"));
    }
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).map_err(failed)?;
    if header.len() as u64 != length {
        return Err(cut());
    }
    let mut entries: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&header).map_err(|error| malformed(path, error))?;
    entries.remove("__metadata__");
    let data_begin = 8 + length;
    for (name, entry) in entries {
        let info: Info = serde_json::from_value(entry).map_err(|error| malformed(path, error))?;
        let [begin, end] = info.data_offsets;
        let n_bytes =
            end.checked_sub(begin).ok_or_else(|| malformed(path, format!("{name} ends before it begins")))?;
        if end > size.saturating_sub(data_begin) {
            return Err(cut());
        }
        let Info { dtype, shape, .. } = info;
        let place = Place { path: path.to_owned(), dtype, shape, begin: data_begin + begin, n_bytes };
        tensors.insert(name, place);
    }
    Ok(())
}
