//! The header of a safetensors file, <https://github.com/huggingface/safetensors#format>.

use crate::{Dtype, bounded::shown};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use std::{
    cell::Cell,
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

/// Longer headers are refused, as the format's own library does.
pub const MAX_HEADER_BYTES: u64 = 100_000_000;
/// More tensors than any model has.
pub const MAX_TENSORS: usize = 500_000;
const MAX_NAME_BYTES: usize = 1024;
const MAX_DIMENSIONS: usize = 16;
/// Longer descriptions (training logs, mostly) are left out, not refused.
const MAX_VALUE_BYTES: usize = 65_536;
/// What is kept of all descriptions together.
const MAX_METADATA_BYTES: usize = 1 << 20;
const METADATA: &str = "__metadata__";

/// A tensor and where it lies. `end - begin` is what its shape takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Its name, as the file has it.
    pub name: String,
    /// The type of its numbers.
    pub dtype: Dtype,
    /// Its dimensions, the outermost first; none for a single number.
    pub shape: Vec<u64>,
    /// Its first byte, counted from [`Header::data_start`].
    pub begin: u64,
    /// The byte after its last.
    pub end: u64,
}

impl Tensor {
    /// How many numbers it has.
    pub fn n_elements(&self) -> u64 {
        (self.end - self.begin) / self.dtype.width()
    }
}

/// What a file holds. The tensors lie one behind the other, without holes, and fill the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// By name.
    pub tensors: BTreeMap<String, Tensor>,
    /// Texts about the model; long ones are left out.
    pub metadata: BTreeMap<String, String>,
    /// Where the tensors begin, in bytes from the beginning of the file.
    pub data_start: u64,
}

impl Header {
    /// How many numbers all tensors have together.
    pub fn n_parameters(&self) -> u64 {
        self.tensors.values().map(Tensor::n_elements).sum()
    }
}

/// Why a file is no usable set of weights. `Display` is a plain sentence.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// The system does not give it.
    #[error("the file cannot be read: {0}")]
    Unreadable(io::Error),
    /// Another kind of file.
    #[error("the file is not in the safetensors format")]
    NotSafetensors,
    /// A header that nobody needs.
    #[error("the file claims a header of {0} bytes; at most {MAX_HEADER_BYTES} are read")]
    TooLong(u64),
    /// It ends too early.
    #[error("the file is cut off: it was not downloaded or copied whole")]
    Truncated,
    /// It contradicts itself.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// A type of numbers that is not known here.
    #[error("the tensor “{tensor}” is of the type “{dtype}”, which is not known")]
    UnknownType {
        /// Whose.
        tensor: String,
        /// What the file says.
        dtype: String,
    },
}

impl From<io::Error> for HeaderError {
    fn from(err: io::Error) -> Self {
        if err.kind() == io::ErrorKind::UnexpectedEof { Self::Truncated } else { Self::Unreadable(err) }
    }
}

fn damaged(reason: impl Into<String>) -> HeaderError {
    HeaderError::Damaged(reason.into())
}

/// Reads and checks the header of the file at `path`.
pub fn read_header(path: &Path) -> Result<Header, HeaderError> {
    let file = File::open(path).map_err(HeaderError::Unreadable)?;
    let len = file.metadata().map_err(HeaderError::Unreadable)?.len();
    parse(BufReader::new(file), len)
}

/// Reads and checks a header of a file with `len` bytes.
pub fn parse(mut source: impl Read, len: u64) -> Result<Header, HeaderError> {
    let mut bytes = [0; 8];
    if len < 8 {
        return Err(HeaderError::NotSafetensors);
    }
    source.read_exact(&mut bytes)?;
    let n = u64::from_le_bytes(bytes);
    // The first eight bytes of another kind of file are a number like any other, mostly a huge one; so the first byte
    // of the description decides which of both a wrong length is.
    let mut first = [0; 1];
    if n == 0 || source.read(&mut first)? == 0 || first != *b"{" {
        return Err(HeaderError::NotSafetensors);
    }
    if n > MAX_HEADER_BYTES {
        return Err(HeaderError::TooLong(n));
    }
    let data_start = n + 8;
    if data_start > len {
        return Err(HeaderError::Truncated);
    }
    let mut header = describe(first.as_slice().chain(source.take(n - 1)))?;
    header.data_start = data_start;
    check_layout(&header, len - data_start)?;
    Ok(header)
}

/// The description alone, its tensors each checked for themselves.
fn describe(source: impl Read) -> Result<Header, HeaderError> {
    let refusal = Cell::new(None);
    let mut reader = serde_json::Deserializer::from_reader(source);
    let header = Entries(&refusal).deserialize(&mut reader).and_then(|header| {
        reader.end()?;
        Ok(header)
    });
    header.map_err(|error| match refusal.take() {
        Some(refusal) => refusal,
        None if error.is_io() => HeaderError::from(io::Error::from(error)),
        None => damaged(format!("its description is not valid: {error}")),
    })
}

/// Tensors follow each other without holes and fill the file: what the format demands, and what makes sure that no
/// byte of a file is something else.
fn check_layout(header: &Header, n_bytes: u64) -> Result<(), HeaderError> {
    let mut tensors: Vec<&Tensor> = header.tensors.values().collect();
    tensors.sort_by_key(|tensor| (tensor.begin, tensor.end));
    let mut at = 0;
    for tensor in tensors {
        if tensor.begin < at {
            return Err(damaged(format!("the tensor “{}” overlaps another one", shown(&tensor.name))));
        }
        if tensor.begin > at {
            return Err(damaged(format!("there is a hole before the tensor “{}”", shown(&tensor.name))));
        }
        at = tensor.end;
    }
    match at.cmp(&n_bytes) {
        std::cmp::Ordering::Greater => Err(HeaderError::Truncated),
        std::cmp::Ordering::Less => Err(damaged("bytes follow the last tensor that belong to none")),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

/// What the description says of one tensor.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    #[serde(deserialize_with = "shape")]
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// At most so many dimensions as are allowed, and one more.
fn shape<'de, D: Deserializer<'de>>(source: D) -> Result<Vec<u64>, D::Error> {
    struct Shape;
    impl<'de> Visitor<'de> for Shape {
        type Value = Vec<u64>;

        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("a list of dimensions")
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Vec<u64>, A::Error> {
            let mut shape = Vec::new();
            while let Some(n) = list.next_element()? {
                if shape.len() == MAX_DIMENSIONS {
                    return Err(de::Error::custom("a tensor has too many dimensions"));
                }
                shape.push(n);
            }
            Ok(shape)
        }
    }
    source.deserialize_seq(Shape)
}

impl Entry {
    fn checked(self, name: String) -> Result<Tensor, HeaderError> {
        let dtype = Dtype::of(&self.dtype)
            .ok_or_else(|| HeaderError::UnknownType { tensor: shown(&name), dtype: shown(&self.dtype) })?;
        let (begin, end) = self.data_offsets;
        // Zero dimensions hide how large the others are; nobody may multiply them in another order and overflow.
        let widest =
            self.shape.iter().filter(|n| **n > 0).try_fold(dtype.width(), |n, it| n.checked_mul(*it));
        let widest = widest.ok_or_else(|| damaged(format!("the tensor “{}” is too large", shown(&name))))?;
        let n_bytes = if self.shape.contains(&0) { 0 } else { widest };
        if end.checked_sub(begin) != Some(n_bytes) {
            return Err(damaged(format!("the shape and the place of the tensor “{}” differ", shown(&name))));
        }
        Ok(Tensor { name, dtype, shape: self.shape, begin, end })
    }
}

/// The whole description. What is wrong with a tensor is kept beside, with its type.
struct Entries<'a>(&'a Cell<Option<HeaderError>>);

impl Entries<'_> {
    fn refuse<E: de::Error>(&self, refusal: HeaderError) -> E {
        self.0.set(Some(refusal));
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = Header;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Header, D::Error> {
        source.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = Header;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("tensors by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut header = Header::default();
        let mut has_metadata = false;
        while let Some(name) = map.next_key::<String>()? {
            if name == METADATA {
                if has_metadata {
                    return Err(self.refuse(damaged("it describes itself twice")));
                }
                has_metadata = true;
                header.metadata = map.next_value_seed(Texts)?;
                continue;
            }
            if name.len() > MAX_NAME_BYTES {
                return Err(self.refuse(damaged("the name of a tensor is too long")));
            }
            if header.tensors.len() == MAX_TENSORS {
                return Err(self.refuse(damaged("it claims more tensors than any model has")));
            }
            let entry: Entry = map.next_value()?;
            let tensor = entry.checked(name.clone()).map_err(|refusal| self.refuse::<A::Error>(refusal))?;
            if header.tensors.insert(name, tensor).is_some() {
                return Err(self.refuse(damaged("two tensors have the same name")));
            }
        }
        Ok(header)
    }
}

/// Texts by name, as many as are kept.
struct Texts;

impl<'de> DeserializeSeed<'de> for Texts {
    type Value = BTreeMap<String, String>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Texts {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("texts by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut texts = BTreeMap::new();
        let mut n_bytes = 0;
        while let Some(name) = map.next_key::<String>()? {
            if n_bytes >= MAX_METADATA_BYTES || name.len() > MAX_NAME_BYTES {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value: String = map.next_value()?;
            let takes = name.len() + value.len();
            if value.len() <= MAX_VALUE_BYTES && n_bytes + takes <= MAX_METADATA_BYTES {
                n_bytes += takes;
                texts.insert(name, value);
            }
        }
        Ok(texts)
    }
}

#[cfg(test)]
mod tests;
