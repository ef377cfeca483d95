//! The header of a GGUF file, <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.
//!
//! Nothing a file claims is believed: every count and length is compared with what the file can hold, and nothing
//! is allocated for it before.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, Read, Seek},
    path::Path,
};
use types::model::{Purpose, is_encoder};

const MAGIC: &[u8; 4] = b"GGUF";
const MAX_KEYS: u64 = 100_000;
const MAX_TENSORS: u64 = 1_000_000;
const MAX_KEY_BYTES: u64 = 65_535;
/// Longer strings (vocabularies are arrays, not strings) are skipped, not kept.
const MAX_KEPT_BYTES: u64 = 1024;
const MAX_DIMENSIONS: u32 = 8;
/// More layers than any model has.
const MAX_LAYERS: u64 = 4096;
/// Vocabularies of a family may end in so many unused tokens more or less.
const MOST_UNUSED: u32 = 128;
/// Bytes of a number in the cache of keys and values.
const CACHED_BYTES: u64 = 2;

/// What the header says about the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    pub architecture: Option<String>,
    pub name: Option<String>,
    pub has_chat_template: bool,
    pub n_tensors: u64,
    /// Words of the vocabulary.
    pub n_vocab: u32,
    /// The kind of tokeniser, and how it cuts texts beforehand.
    tokenizer: [Option<String>; 2],
    file_type: Option<u64>,
    /// Numbers of the architecture by their keys; those given for each layer as their sum.
    sizes: HashMap<String, Size>,
}

/// A number that holds for the model or for each layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    One(u64),
    Sum(u64),
}

/// Why a file is no usable model.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    #[error("the file cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("the file is not a GGUF model")]
    NotGguf,
    #[error("GGUF version {0} is not known; 2 and 3 are")]
    Version(u32),
    #[error("the file is cut off: it was not downloaded or copied whole")]
    Truncated,
    #[error("the file is damaged: {0}")]
    Damaged(&'static str),
}

impl From<io::Error> for HeaderError {
    fn from(err: io::Error) -> Self {
        if err.kind() == io::ErrorKind::UnexpectedEof { Self::Truncated } else { Self::Unreadable(err) }
    }
}

impl Header {
    /// Longest context the model was trained for, in tokens.
    pub fn n_ctx_train(&self) -> Option<u32> {
        u32::try_from(self.one("context_length")?).ok()
    }

    /// Bytes of the keys and values of one token, over all layers; none where a model keeps none. An upper bound for models whose layers do not all
    /// look at everything; `None` where the header does not say it.
    pub fn cell_bytes(&self) -> Option<u64> {
        if self.architecture.as_deref().is_some_and(is_encoder) {
            return Some(0);
        }
        let n_layers = self.one("block_count")?;
        let n_heads = self.one("attention.head_count");
        let of_embedding = || self.one("embedding_length")?.checked_div(n_heads?);
        let key = self.one("attention.key_length").or_else(of_embedding)?;
        let value = self.one("attention.value_length").or_else(of_embedding)?;
        let n_kv_heads = match self.size("attention.head_count_kv") {
            Some(Size::Sum(n)) => n,
            Some(Size::One(n)) => n.checked_mul(n_layers)?,
            None => n_heads?.checked_mul(n_layers)?,
        };
        key.checked_add(value)?.checked_mul(n_kv_heads)?.checked_mul(CACHED_BYTES)
    }

    /// Whether both cut texts into the same tokens, as far as their headers tell: the words themselves are compared when
    /// they are loaded.
    pub fn has_vocabulary_of(&self, other: &Self) -> bool {
        self.tokenizer[0].is_some()
            && self.tokenizer == other.tokenizer
            && self.n_vocab.abs_diff(other.n_vocab) <= MOST_UNUSED
    }

    /// Whether it is no model, but turns images or sounds into what one reads.
    pub fn is_projector(&self) -> bool {
        self.architecture.as_deref() == Some("clip")
    }

    /// Whether it turns images into what a model with such a header reads, as far as the headers tell.
    pub fn projects_for(&self, model: &Self) -> bool {
        let width = self.one("vision.projection_dim").filter(|_| self.is_projector());
        width.is_some() && width == model.one("embedding_length")
    }

    fn one(&self, key: &str) -> Option<u64> {
        match self.size(key)? {
            Size::One(n) => Some(n),
            Size::Sum(_) => None,
        }
    }

    fn size(&self, key: &str) -> Option<Size> {
        self.sizes.get(&format!("{}.{key}", self.architecture.as_ref()?)).copied()
    }

    /// What the model was made for.
    pub fn purpose(&self) -> Purpose {
        let architecture = self.architecture.as_deref().unwrap_or_default();
        Purpose::of_gguf(architecture, self.one("pooling_type"))
    }

    /// The prevailing tensor type.
    pub fn quantisation(&self) -> Option<String> {
        let name = match self.file_type? {
            0 => "F32",
            1 => "F16",
            2 => "Q4_0",
            3 => "Q4_1",
            7 => "Q8_0",
            8 => "Q5_0",
            9 => "Q5_1",
            10 => "Q2_K",
            11 => "Q3_K_S",
            12 => "Q3_K_M",
            13 => "Q3_K_L",
            14 => "Q4_K_S",
            15 => "Q4_K_M",
            16 => "Q5_K_S",
            17 => "Q5_K_M",
            18 => "Q6_K",
            19 => "IQ2_XXS",
            20 => "IQ2_XS",
            23 => "IQ3_XXS",
            24 => "IQ1_S",
            25 => "IQ4_NL",
            26 => "IQ3_S",
            28 => "IQ2_S",
            30 => "IQ4_XS",
            31 => "IQ1_M",
            32 => "BF16",
            _ => return None,
        };
        Some(name.to_owned())
    }
}

/// What a tensor takes at least, in bytes, by GGUF's number for its type; of a type that is not known here, one.
fn tensor_bytes(kind: u32, n_elements: u64) -> u64 {
    let (n_together, n_bytes) = match kind {
        0 => (1, 4),
        1 | 30 => (1, 2),
        2 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        10 => (256, 84),
        11 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        _ => return 1,
    };
    (n_elements / n_together).saturating_mul(n_bytes).max(1)
}

/// What tells how much memory a model takes, and for what.
const SIZES: [&str; 9] = [
    ".context_length",
    ".block_count",
    ".embedding_length",
    ".attention.head_count",
    ".attention.head_count_kv",
    ".attention.key_length",
    ".attention.value_length",
    ".pooling_type",
    ".vision.projection_dim",
];

/// Reads and checks the header of the file at `path`.
pub fn read_header(path: &Path) -> Result<Header, HeaderError> {
    let file = File::open(path).map_err(HeaderError::Unreadable)?;
    let len = file.metadata().map_err(HeaderError::Unreadable)?.len();
    parse(BufReader::new(file), len)
}

/// Reads and checks a header of a file with `len` bytes.
pub fn parse(source: impl Read + Seek, len: u64) -> Result<Header, HeaderError> {
    Reader { source, len, at: 0 }.header()
}

struct Reader<R> {
    source: R,
    len: u64,
    at: u64,
}

impl<R: Read + Seek> Reader<R> {
    fn header(mut self) -> Result<Header, HeaderError> {
        let mut magic = [0; 4];
        if self.bytes(&mut magic).is_err() || magic != *MAGIC {
            return Err(HeaderError::NotGguf);
        }
        let version = self.u32()?;
        if !(2..=3).contains(&version) {
            return Err(HeaderError::Version(version));
        }
        let (n_tensors, n_keys) = (self.u64()?, self.u64()?);
        if n_tensors > MAX_TENSORS || n_keys > MAX_KEYS {
            return Err(HeaderError::Damaged("it claims more entries than any model has"));
        }
        let mut header = Header { n_tensors, ..Header::default() };
        for _ in 0..n_keys {
            self.key(&mut header)?;
        }
        let end = self.tensors(n_tensors)?;
        // Tensor data begins after the header; a file that ends before its last tensor does is no whole file.
        if n_tensors > 0 && self.at.checked_add(end).is_none_or(|end| end > self.len) {
            return Err(HeaderError::Truncated);
        }
        Ok(header)
    }

    fn key(&mut self, header: &mut Header) -> Result<(), HeaderError> {
        let key = self.string(MAX_KEY_BYTES)?.ok_or(HeaderError::Damaged("a key is too long"))?;
        let kind = self.u32()?;
        match key.as_str() {
            "general.architecture" => header.architecture = self.text(kind)?,
            "general.name" => header.name = self.text(kind)?,
            "general.file_type" => header.file_type = self.integer(kind)?,
            "tokenizer.ggml.model" => header.tokenizer[0] = self.text(kind)?,
            "tokenizer.ggml.pre" => header.tokenizer[1] = self.text(kind)?,
            "tokenizer.chat_template" => {
                header.has_chat_template = true;
                self.skip(kind)?;
            }
            "tokenizer.ggml.tokens" => header.n_vocab = self.skip_counting(kind)?,
            key if SIZES.iter().any(|size| key.ends_with(size)) => {
                if let Some(size) = self.size(kind)? {
                    header.sizes.insert(key.to_owned(), size);
                }
            }
            _ => self.skip(kind)?,
        }
        Ok(())
    }

    /// Where the last tensor ends, counted from where tensor data begins.
    fn tensors(&mut self, n_tensors: u64) -> Result<u64, HeaderError> {
        let mut last = 0;
        for _ in 0..n_tensors {
            self.string(MAX_KEY_BYTES)?.ok_or(HeaderError::Damaged("a tensor's name is too long"))?;
            let n_dimensions = self.u32()?;
            if n_dimensions > MAX_DIMENSIONS {
                return Err(HeaderError::Damaged("a tensor has too many dimensions"));
            }
            let mut n_elements = 1_u64;
            for _ in 0..n_dimensions {
                n_elements = n_elements
                    .checked_mul(self.u64()?)
                    .ok_or(HeaderError::Damaged("a tensor is too large"))?;
            }
            let kind = self.u32()?;
            let end = self.u64()?.checked_add(tensor_bytes(kind, n_elements));
            last = last.max(end.ok_or(HeaderError::Truncated)?);
        }
        Ok(last)
    }

    fn text(&mut self, kind: u32) -> Result<Option<String>, HeaderError> {
        if kind == 8 {
            return self.string(MAX_KEPT_BYTES);
        }
        self.skip(kind)?;
        Ok(None)
    }

    fn integer(&mut self, kind: u32) -> Result<Option<u64>, HeaderError> {
        match kind {
            4 => Ok(Some(self.u32()?.into())),
            5 => Ok(u64::try_from(self.u32()?.cast_signed()).ok()),
            10 => Ok(Some(self.u64()?)),
            11 => Ok(u64::try_from(self.u64()?.cast_signed()).ok()),
            other => {
                self.skip(other)?;
                Ok(None)
            }
        }
    }

    /// A number, or the sum of an array with one for each layer.
    fn size(&mut self, kind: u32) -> Result<Option<Size>, HeaderError> {
        if kind != 9 {
            return Ok(self.integer(kind)?.map(Size::One));
        }
        let (kind, n) = (self.u32()?, self.u64()?);
        if n > MAX_LAYERS || !matches!(kind, 4 | 5 | 10 | 11) {
            self.skip_array(kind, n)?;
            return Ok(None);
        }
        let mut sum = 0_u64;
        for _ in 0..n {
            sum = sum.saturating_add(self.integer(kind)?.unwrap_or(0));
        }
        Ok(Some(Size::Sum(sum)))
    }

    /// Skips an array and says how long it is; what is none counts as nothing.
    fn skip_counting(&mut self, kind: u32) -> Result<u32, HeaderError> {
        if kind != 9 {
            self.skip(kind)?;
            return Ok(0);
        }
        let (kind, n) = (self.u32()?, self.u64()?);
        self.skip_array(kind, n)?;
        Ok(u32::try_from(n).unwrap_or(u32::MAX))
    }

    fn skip(&mut self, kind: u32) -> Result<(), HeaderError> {
        match kind {
            8 => {
                let n = self.u64()?;
                self.advance(n)
            }
            9 => {
                let (kind, n) = (self.u32()?, self.u64()?);
                self.skip_array(kind, n)
            }
            scalar => self.advance(width(scalar)?),
        }
    }

    fn skip_array(&mut self, kind: u32, n: u64) -> Result<(), HeaderError> {
        // The shortest element of each kind takes a byte or more: a longer claim is a lie.
        if n > self.len {
            return Err(HeaderError::Damaged("an array is longer than the file"));
        }
        if kind == 8 {
            for _ in 0..n {
                let bytes = self.u64()?;
                self.advance(bytes)?;
            }
            return Ok(());
        }
        let bytes = width(kind)?.checked_mul(n).ok_or(HeaderError::Damaged("an array is too large"))?;
        self.advance(bytes)
    }

    /// `None` for a string longer than `max`, which is skipped.
    fn string(&mut self, max: u64) -> Result<Option<String>, HeaderError> {
        let n = self.u64()?;
        if n > max {
            self.advance(n)?;
            return Ok(None);
        }
        let mut bytes = vec![0; n as usize];
        self.bytes(&mut bytes)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn advance(&mut self, n: u64) -> Result<(), HeaderError> {
        let to = self.at.checked_add(n).filter(|to| *to <= self.len).ok_or(HeaderError::Truncated)?;
        self.source.seek_relative(n.cast_signed())?;
        self.at = to;
        Ok(())
    }

    fn bytes(&mut self, buffer: &mut [u8]) -> Result<(), HeaderError> {
        self.source.read_exact(buffer)?;
        self.at += buffer.len() as u64;
        Ok(())
    }

    fn u32(&mut self) -> Result<u32, HeaderError> {
        let mut bytes = [0; 4];
        self.bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn u64(&mut self) -> Result<u64, HeaderError> {
        let mut bytes = [0; 8];
        self.bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
}

/// Bytes of a scalar. Arrays of arrays do not occur in models.
fn width(kind: u32) -> Result<u64, HeaderError> {
    match kind {
        0 | 1 | 7 => Ok(1),
        2 | 3 => Ok(2),
        4..=6 => Ok(4),
        10..=12 => Ok(8),
        _ => Err(HeaderError::Damaged("a value has an unknown type")),
    }
}

#[cfg(test)]
mod tests;
