//! Where keys and tensors are in a file. Nothing it claims is believed.

use super::{ALIGNMENT, Kind, MAGIC, TensorInfo, n_bytes, value_kind};
use crate::{
    ConvertError,
    error::{shown, unreadable},
};
use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

const MAX_KEYS: u64 = 100_000;
const MAX_TENSORS: u64 = 1_000_000;
const MAX_NAME_BYTES: u64 = 65_535;
const MAX_DIMENSIONS: u32 = 8;
const MAX_ALIGNMENT: u64 = 1 << 20;

/// A file as it is laid out.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) path: PathBuf,
    pub(crate) keys: Vec<KeyAt>,
    pub(crate) tensors: Vec<TensorAt>,
    pub(crate) alignment: u64,
}

/// A key, and where its value (its kind before it) is.
#[derive(Debug)]
pub(crate) struct KeyAt {
    pub(crate) key: String,
    pub(crate) at: u64,
    pub(crate) n_bytes: u64,
    /// The value, where it is a whole number.
    pub(crate) number: Option<i64>,
}

/// A tensor, and where its bytes are in the file.
#[derive(Debug)]
pub(crate) struct TensorAt {
    pub(crate) info: TensorInfo,
    pub(crate) at: u64,
}

impl Container {
    /// Reads where things are, and checks that all of them are there.
    pub(crate) fn open(path: &Path) -> Result<Self, ConvertError> {
        let file = File::open(path).map_err(unreadable(path))?;
        let len = file.metadata().map_err(unreadable(path))?.len();
        let reader = Reader { source: BufReader::new(file), len, at: 0 };
        let mut found = reader.container().map_err(|fault| match fault {
            Fault::Io(source) if source.kind() == io::ErrorKind::UnexpectedEof => {
                refused(path, "it is cut off: it was not downloaded or copied whole")
            }
            Fault::Io(source) => ConvertError::Unreadable { path: path.to_owned(), source },
            Fault::Damaged(reason) => refused(path, reason),
        })?;
        path.clone_into(&mut found.path);
        Ok(found)
    }

    /// A whole number that the file has under a key.
    pub(crate) fn number(&self, key: &str) -> Option<i64> {
        self.keys.iter().find(|it| it.key == key)?.number
    }
}

pub(crate) fn refused(path: &Path, reason: impl Into<String>) -> ConvertError {
    ConvertError::Container { path: path.to_owned(), reason: reason.into() }
}

enum Fault {
    Io(io::Error),
    Damaged(String),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn damaged<T>(reason: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Damaged(reason.into()))
}

struct Reader {
    source: BufReader<File>,
    len: u64,
    at: u64,
}

impl Reader {
    fn container(mut self) -> Result<Container, Fault> {
        if self.bytes::<4>()? != *MAGIC {
            return damaged("it is not a GGUF file");
        }
        let version = self.u32()?;
        if !(2..=3).contains(&version) {
            return damaged(format!("GGUF version {version} is not known; 2 and 3 are"));
        }
        let (n_tensors, n_keys) = (self.u64()?, self.u64()?);
        if n_tensors > MAX_TENSORS || n_keys > MAX_KEYS {
            return damaged("it claims more entries than any model has");
        }
        let mut keys = Vec::new();
        let mut names = HashSet::new();
        for _ in 0..n_keys {
            let key = self.key()?;
            if !names.insert(key.key.clone()) {
                return damaged(format!("the key “{}” is there twice", shown(&key.key)));
            }
            keys.push(key);
        }
        let alignment = match keys.iter().find(|it| it.key == "general.alignment") {
            Some(it) => it.number.and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
            None => ALIGNMENT,
        };
        if !alignment.is_power_of_two() || alignment > MAX_ALIGNMENT {
            return damaged("its alignment is none that there is");
        }
        let tensors = self.tensors(n_tensors, alignment)?;
        Ok(Container { path: PathBuf::new(), keys, tensors, alignment })
    }

    fn key(&mut self) -> Result<KeyAt, Fault> {
        let key = self.text()?;
        let at = self.at;
        let kind = self.u32()?;
        let number = match kind {
            0 => Some(self.bytes::<1>()?[0].into()),
            2 => Some(u16::from_le_bytes(self.bytes()?).into()),
            4 => Some(self.u32()?.into()),
            5 => Some(i32::from_le_bytes(self.bytes()?).into()),
            10 => i64::try_from(self.u64()?).ok(),
            11 => Some(i64::from_le_bytes(self.bytes()?)),
            _ => {
                self.skip(kind)?;
                None
            }
        };
        Ok(KeyAt { key, at, n_bytes: self.at - at, number })
    }

    fn tensors(&mut self, n: u64, alignment: u64) -> Result<Vec<TensorAt>, Fault> {
        let mut tensors = Vec::new();
        let mut names = HashSet::new();
        for _ in 0..n {
            let name = self.text()?;
            let n_dimensions = self.u32()?;
            if n_dimensions > MAX_DIMENSIONS {
                return damaged("a tensor has too many dimensions");
            }
            let dimensions = (0..n_dimensions).map(|_| self.u64()).collect::<Result<Vec<_>, _>>()?;
            let (kind, at) = (Kind(self.u32()?), self.u64()?);
            let Some(n_bytes) = n_bytes(kind, &dimensions) else {
                return damaged(format!("the tensor “{}” is too large, or of an unknown type", shown(&name)));
            };
            if at % alignment != 0 {
                return damaged(format!("the tensor “{}” is not where it should be", shown(&name)));
            }
            if !names.insert(name.clone()) {
                return damaged(format!("the tensor “{}” is there twice", shown(&name)));
            }
            tensors.push(TensorAt { info: TensorInfo { name, kind, dimensions, n_bytes }, at });
        }
        let start = self.at.next_multiple_of(alignment);
        for tensor in &mut tensors {
            let end = start.checked_add(tensor.at).and_then(|at| at.checked_add(tensor.info.n_bytes));
            if end.is_none_or(|end| end > self.len) {
                return Err(Fault::Io(io::ErrorKind::UnexpectedEof.into()));
            }
            tensor.at += start;
        }
        Ok(tensors)
    }

    fn skip(&mut self, kind: u32) -> Result<(), Fault> {
        if kind == value_kind::TEXT {
            let n = self.u64()?;
            return self.advance(n);
        }
        if kind != value_kind::LIST {
            return self.advance(width(kind)?);
        }
        let (kind, n) = (self.u32()?, self.u64()?);
        // The shortest element of each kind takes a byte or more: a longer claim is a lie.
        if n > self.len {
            return damaged("a list is longer than the file");
        }
        if kind == value_kind::TEXT {
            for _ in 0..n {
                let bytes = self.u64()?;
                self.advance(bytes)?;
            }
            return Ok(());
        }
        match width(kind)?.checked_mul(n) {
            Some(n) => self.advance(n),
            None => damaged("a list is too large"),
        }
    }

    fn text(&mut self) -> Result<String, Fault> {
        let n = self.u64()?;
        if n > MAX_NAME_BYTES {
            return damaged("a name is too long");
        }
        let mut bytes = vec![0; n as usize];
        self.source.read_exact(&mut bytes)?;
        self.at += n;
        String::from_utf8(bytes).or_else(|_| damaged("a name is no text"))
    }

    fn advance(&mut self, n: u64) -> Result<(), Fault> {
        let Some(to) = self.at.checked_add(n).filter(|to| *to <= self.len) else {
            return Err(Fault::Io(io::ErrorKind::UnexpectedEof.into()));
        };
        self.source.seek_relative(n.cast_signed())?;
        self.at = to;
        Ok(())
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        self.source.read_exact(&mut bytes)?;
        self.at += N as u64;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, Fault> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    fn u64(&mut self) -> Result<u64, Fault> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }
}

/// Bytes of a value of a kind without length. Lists of lists do not occur in models.
fn width(kind: u32) -> Result<u64, Fault> {
    match kind {
        0 | 1 | 7 => Ok(1),
        2 | 3 => Ok(2),
        4..=6 => Ok(4),
        10..=12 => Ok(8),
        _ => damaged("a value has an unknown type"),
    }
}
