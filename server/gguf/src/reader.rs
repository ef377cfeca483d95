//! Reading a header, with every count and length checked.

use crate::{
    header::{Header, SIZES, Size, Split},
    template::TemplateFacts,
    tensors::{fills_blocks, tensor_bytes, type_name},
};
use std::{
    fs::File,
    io::{self, BufReader, Cursor, Read, Seek},
    path::Path,
};

const MAGIC: &[u8; 4] = b"GGUF";
const TOKENS: &str = "tokenizer.ggml.tokens";
/// The kind of a value that is a list.
const ARRAY: u32 = 9;
const BOOL: u32 = 7;
const MAX_KEYS: u64 = 100_000;
const MAX_TENSORS: u64 = 1_000_000;
const MAX_KEY_BYTES: u64 = 65_535;
/// Longer strings (vocabularies are arrays, not strings) are skipped, not kept.
const MAX_KEPT_BYTES: u64 = 1024;
const MAX_DIMENSIONS: u32 = 8;
/// More layers than any model has.
const MAX_LAYERS: u64 = 4096;
/// Longer chat templates are not looked at.
const MAX_TEMPLATE_BYTES: u64 = 1 << 20;
/// Where tensors begin, unless the file says otherwise.
const ALIGNMENT: u64 = 32;
const MAX_ALIGNMENT: u64 = 1 << 20;

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

/// Reads and checks the header of the file at `path`.
pub fn read_header(path: &Path) -> Result<Header, HeaderError> {
    let file = File::open(path).map_err(HeaderError::Unreadable)?;
    let len = file.metadata().map_err(HeaderError::Unreadable)?.len();
    parse(BufReader::new(file), len)
}

/// Reads and checks a header of a file with `len` bytes.
pub fn parse(source: impl Read + Seek, len: u64) -> Result<Header, HeaderError> {
    Reader::new(source, len).header()
}

/// Reads what `bytes`, the beginning of a file with `len` bytes, say about the model: everything up to its vocabulary, of which the
/// length counts. What comes behind it is not looked at, and tensors are not known.
pub fn parse_beginning(bytes: &[u8], len: u64) -> Result<Header, HeaderError> {
    Reader::new(Cursor::new(bytes), len).beginning()
}

pub(crate) struct Reader<R> {
    source: R,
    len: u64,
    at: u64,
}

/// Where the tensors of a file are, as far as they were read.
#[derive(Default)]
struct Places {
    /// Begin and end of each, counted from where tensor data begins.
    ranges: Vec<(u64, u64)>,
}

impl<R: Read + Seek> Reader<R> {
    pub(crate) fn new(source: R, len: u64) -> Self {
        Self { source, len, at: 0 }
    }

    /// How far it has read.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    pub(crate) fn into_source(self) -> R {
        self.source
    }

    /// Reads what comes before the keys: how many tensors and keys there are.
    pub(crate) fn start(&mut self) -> Result<(u64, u64), HeaderError> {
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
        Ok((n_tensors, n_keys))
    }

    fn header(mut self) -> Result<Header, HeaderError> {
        let (n_tensors, n_keys) = self.start()?;
        let mut header = Header { n_tensors, ..Header::default() };
        let mut alignment = ALIGNMENT;
        for _ in 0..n_keys {
            self.key(&mut header, &mut alignment)?;
        }
        let mut places = Places::default();
        for _ in 0..n_tensors {
            self.tensor(&mut header, &mut places)?;
        }
        let data = self.at.checked_next_multiple_of(alignment).ok_or(HeaderError::Truncated)?;
        places.check(data, self.len)?;
        Ok(header)
    }

    fn beginning(mut self) -> Result<Header, HeaderError> {
        let (n_tensors, n_keys) = self.start()?;
        let mut header = Header { n_tensors, ..Header::default() };
        for _ in 0..n_keys {
            let (key, kind) = self.key_and_kind()?;
            if key == TOKENS && kind == ARRAY {
                let (_, n) = (self.u32()?, self.u64()?);
                // A word takes a byte or more: a longer claim is a lie.
                if n > self.len {
                    return Err(HeaderError::Truncated);
                }
                header.n_vocab = u32::try_from(n).unwrap_or(u32::MAX);
                break;
            }
            self.entry(&key, kind, &mut header, &mut 0)?;
        }
        Ok(header)
    }

    fn key(&mut self, header: &mut Header, alignment: &mut u64) -> Result<(), HeaderError> {
        let (key, kind) = self.key_and_kind()?;
        self.entry(&key, kind, header, alignment)
    }

    fn entry(
        &mut self,
        key: &str,
        kind: u32,
        header: &mut Header,
        alignment: &mut u64,
    ) -> Result<(), HeaderError> {
        match key {
            "general.architecture" => header.architecture = self.text(kind)?,
            "general.name" => header.name = self.text(kind)?,
            "general.type" => header.kind = self.text(kind)?,
            "general.license" => header.licence = self.text(kind)?,
            "general.file_type" => header.file_type = self.integer(kind)?,
            "general.alignment" => {
                let wanted = self.integer(kind)?.filter(|n| n.is_power_of_two() && *n <= MAX_ALIGNMENT);
                *alignment = wanted.ok_or(HeaderError::Damaged("its alignment is no power of two"))?;
            }
            "split.no" => self.split(kind, header, |split, n| split.number = n)?,
            "split.count" => self.split(kind, header, |split, n| split.n_files = n)?,
            "tokenizer.ggml.model" => header.tokenizer[0] = self.text(kind)?,
            "tokenizer.ggml.pre" => header.tokenizer[1] = self.text(kind)?,
            "tokenizer.chat_template" => {
                header.has_chat_template = true;
                let text = self.text_up_to(kind, MAX_TEMPLATE_BYTES)?;
                header.template = TemplateFacts::of(&text.unwrap_or_default());
            }
            TOKENS => header.n_vocab = self.skip_counting(kind)?,
            key if SIZES.iter().any(|size| key.ends_with(size)) => {
                if let Some(size) = self.size(kind)? {
                    header.sizes.insert(key.to_owned(), size);
                }
            }
            _ => self.skip(kind)?,
        }
        Ok(())
    }

    pub(crate) fn key_and_kind(&mut self) -> Result<(String, u32), HeaderError> {
        let key = self.string(MAX_KEY_BYTES)?.ok_or(HeaderError::Damaged("a key is too long"))?;
        Ok((key, self.u32()?))
    }

    fn split(
        &mut self,
        kind: u32,
        header: &mut Header,
        set: impl FnOnce(&mut Split, u32),
    ) -> Result<(), HeaderError> {
        let n = self.integer(kind)?.and_then(|n| u32::try_from(n).ok());
        if let Some(n) = n {
            set(header.split.get_or_insert(Split { number: 0, n_files: 0 }), n);
        }
        Ok(())
    }

    fn tensor(&mut self, header: &mut Header, places: &mut Places) -> Result<(), HeaderError> {
        self.string(MAX_KEY_BYTES)?.ok_or(HeaderError::Damaged("a tensor's name is too long"))?;
        let n_dimensions = self.u32()?;
        if n_dimensions > MAX_DIMENSIONS {
            return Err(HeaderError::Damaged("a tensor has too many dimensions"));
        }
        let (mut n_elements, mut row) = (1_u64, 1);
        for dimension in 0..n_dimensions {
            let n = self.u64()?;
            if dimension == 0 {
                row = n;
            }
            n_elements = n_elements.checked_mul(n).ok_or(HeaderError::Damaged("a tensor is too large"))?;
        }
        let (kind, begin) = (self.u32()?, self.u64()?);
        if !fills_blocks(kind, row) {
            return Err(HeaderError::Damaged("a row of a tensor does not fill its blocks"));
        }
        let n_bytes = tensor_bytes(kind, n_elements);
        let end = begin.checked_add(n_bytes).ok_or(HeaderError::Truncated)?;
        if n_elements > 0 {
            places.ranges.push((begin, end));
        }
        let sum = header.tensors.entry(type_name(kind)).or_default();
        sum.n_tensors += 1;
        sum.n_elements = sum.n_elements.saturating_add(n_elements);
        sum.n_bytes = sum.n_bytes.saturating_add(n_bytes);
        Ok(())
    }

    fn text(&mut self, kind: u32) -> Result<Option<String>, HeaderError> {
        self.text_up_to(kind, MAX_KEPT_BYTES)
    }

    /// `None` for what is no text, and for a longer one.
    pub(crate) fn text_up_to(&mut self, kind: u32, max: u64) -> Result<Option<String>, HeaderError> {
        if kind == 8 {
            return self.string(max);
        }
        self.skip(kind)?;
        Ok(None)
    }

    pub(crate) fn integer(&mut self, kind: u32) -> Result<Option<u64>, HeaderError> {
        match kind {
            2 => Ok(Some(self.u16()?.into())),
            3 => Ok(u64::try_from(self.u16()?.cast_signed()).ok()),
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

    /// A number, a truth as one, or the sum of an array with one for each layer.
    fn size(&mut self, kind: u32) -> Result<Option<Size>, HeaderError> {
        if kind == BOOL {
            let mut truth = [0];
            self.bytes(&mut truth)?;
            return Ok(Some(Size::One(truth[0].into())));
        }
        if kind != ARRAY {
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

    pub(crate) fn skip(&mut self, kind: u32) -> Result<(), HeaderError> {
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

    pub(crate) fn skip_array(&mut self, kind: u32, n: u64) -> Result<(), HeaderError> {
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
        if self.at.checked_add(n).is_none_or(|end| end > self.len) {
            return Err(HeaderError::Truncated);
        }
        let mut bytes = vec![0; n as usize];
        self.bytes(&mut bytes)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    pub(crate) fn advance(&mut self, n: u64) -> Result<(), HeaderError> {
        let to = self.at.checked_add(n).filter(|to| *to <= self.len).ok_or(HeaderError::Truncated)?;
        self.source.seek_relative(n.cast_signed())?;
        self.at = to;
        Ok(())
    }

    pub(crate) fn bytes(&mut self, buffer: &mut [u8]) -> Result<(), HeaderError> {
        self.source.read_exact(buffer)?;
        self.at += buffer.len() as u64;
        Ok(())
    }

    pub(crate) fn u16(&mut self) -> Result<u16, HeaderError> {
        let mut bytes = [0; 2];
        self.bytes(&mut bytes)?;
        Ok(u16::from_le_bytes(bytes))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, HeaderError> {
        let mut bytes = [0; 4];
        self.bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, HeaderError> {
        let mut bytes = [0; 8];
        self.bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
}

impl Places {
    /// Checks that all tensors lie within the file, which has `len` bytes, and that no two share a byte.
    fn check(mut self, data: u64, len: u64) -> Result<(), HeaderError> {
        self.ranges.sort_unstable();
        let last = self.ranges.iter().map(|(_, end)| *end).max().unwrap_or(0);
        if last > 0 && data.checked_add(last).is_none_or(|end| end > len) {
            return Err(HeaderError::Truncated);
        }
        let overlap =
            self.ranges.windows(2).any(|pair| matches!(pair, [(_, end), (begin, _)] if end > begin));
        if overlap { Err(HeaderError::Damaged("two tensors lie in the same place")) } else { Ok(()) }
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
