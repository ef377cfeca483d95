//! GGUF files, <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>: what is written, and where things are in
//! one that is read.

pub(crate) mod layout;
pub(crate) mod reader;

use crate::{ConvertError, part::PartFile};
pub(crate) use layout::{Kind, n_bytes};

/// Where tensors begin, and each of them, unless a file says otherwise.
pub(crate) const ALIGNMENT: u64 = 32;
pub(crate) const MAGIC: &[u8; 4] = b"GGUF";
const VERSION: u32 = 3;

/// What is written under a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    U16(u16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    Text(String),
    Texts(Vec<String>),
    Ints(Vec<i32>),
    Floats(Vec<f32>),
    Bools(Vec<bool>),
}

/// The format's numbers for kinds of values.
pub(crate) mod value_kind {
    pub(crate) const U16: u32 = 2;
    pub(crate) const U32: u32 = 4;
    pub(crate) const I32: u32 = 5;
    pub(crate) const F32: u32 = 6;
    pub(crate) const BOOL: u32 = 7;
    pub(crate) const TEXT: u32 = 8;
    pub(crate) const LIST: u32 = 9;
}

impl Value {
    /// As it stands in a file: its kind, and itself.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let kind = |kind: u32| kind.to_le_bytes();
        let list =
            |of: u32, n: usize| [&kind(value_kind::LIST)[..], &kind(of), &(n as u64).to_le_bytes()].concat();
        match self {
            Self::U16(n) => {
                bytes.extend(kind(value_kind::U16));
                bytes.extend(n.to_le_bytes());
            }
            Self::U32(n) => bytes.extend([kind(value_kind::U32), n.to_le_bytes()].concat()),
            Self::I32(n) => bytes.extend([kind(value_kind::I32), n.to_le_bytes()].concat()),
            Self::F32(n) => bytes.extend([kind(value_kind::F32), n.to_le_bytes()].concat()),
            Self::Bool(it) => {
                bytes.extend(kind(value_kind::BOOL));
                bytes.push((*it).into());
            }
            Self::Text(text) => {
                bytes.extend(kind(value_kind::TEXT));
                push_text(text, &mut bytes);
            }
            Self::Texts(texts) => {
                bytes.extend(list(value_kind::TEXT, texts.len()));
                texts.iter().for_each(|text| push_text(text, &mut bytes));
            }
            Self::Ints(numbers) => {
                bytes.extend(list(value_kind::I32, numbers.len()));
                bytes.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
            }
            Self::Floats(numbers) => {
                bytes.extend(list(value_kind::F32, numbers.len()));
                bytes.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
            }
            Self::Bools(all) => {
                bytes.extend(list(value_kind::BOOL, all.len()));
                bytes.extend(all.iter().map(|it| u8::from(*it)));
            }
        }
        bytes
    }
}

fn push_text(text: &str, bytes: &mut Vec<u8>) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

/// Keys with their values, in the order in which they were first set.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Keys(Vec<(String, Value)>);

impl Keys {
    /// Sets a key, in its place where it was set before. Empty texts and lists are left out, as the format demands of
    /// lists and readers expect of texts.
    pub(crate) fn set(&mut self, key: impl Into<String>, value: Value) {
        let is_empty = match &value {
            Value::Text(text) => text.is_empty(),
            Value::Texts(list) => list.is_empty(),
            Value::Ints(list) => list.is_empty(),
            Value::Floats(list) => list.is_empty(),
            Value::Bools(list) => list.is_empty(),
            _ => false,
        };
        let key = key.into();
        match self.0.iter_mut().find(|(name, _)| *name == key) {
            _ if is_empty => {}
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
    }

    pub(crate) fn text(&mut self, key: impl Into<String>, text: impl Into<String>) {
        self.set(key, Value::Text(text.into()));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A tensor as a file lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TensorInfo {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The innermost first.
    pub(crate) dimensions: Vec<u64>,
    /// What it takes.
    pub(crate) n_bytes: u64,
}

/// Begins a file: how much of each follows.
pub(crate) fn write_start(file: &mut PartFile, n_tensors: usize, n_keys: usize) -> Result<(), ConvertError> {
    file.put(MAGIC)?;
    file.put(&VERSION.to_le_bytes())?;
    file.put(&(n_tensors as u64).to_le_bytes())?;
    file.put(&(n_keys as u64).to_le_bytes())
}

pub(crate) fn write_key(file: &mut PartFile, key: &str, value: &[u8]) -> Result<(), ConvertError> {
    write_text(file, key)?;
    file.put(value)
}

fn write_text(file: &mut PartFile, text: &str) -> Result<(), ConvertError> {
    file.put(&(text.len() as u64).to_le_bytes())?;
    file.put(text.as_bytes())
}

/// The list of tensors, each beginning at a multiple of `alignment`, and what is between it and the first.
pub(crate) fn write_tensors(
    file: &mut PartFile,
    tensors: &[&TensorInfo],
    alignment: u64,
) -> Result<(), ConvertError> {
    let mut at = 0_u64;
    for tensor in tensors {
        write_text(file, &tensor.name)?;
        file.put(&(tensor.dimensions.len() as u32).to_le_bytes())?;
        for dimension in &tensor.dimensions {
            file.put(&dimension.to_le_bytes())?;
        }
        file.put(&tensor.kind.0.to_le_bytes())?;
        file.put(&at.to_le_bytes())?;
        at += tensor.n_bytes.next_multiple_of(alignment);
    }
    file.pad(alignment)
}

/// All of a file that is not tensors.
pub(crate) fn write_head(
    file: &mut PartFile,
    keys: &Keys,
    tensors: &[TensorInfo],
) -> Result<(), ConvertError> {
    write_start(file, tensors.len(), keys.len())?;
    for (key, value) in keys.iter() {
        write_key(file, key, &value.bytes())?;
    }
    write_tensors(file, &tensors.iter().collect::<Vec<_>>(), ALIGNMENT)
}
