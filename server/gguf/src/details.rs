//! Everything that a header says, for people to read.

use crate::{HeaderError, reader::Reader};
use std::{
    fs::File,
    io::{BufReader, Read, Seek},
    path::Path,
};

/// More keys than people read.
const MAX_SHOWN: usize = 500;
/// What is shown of a text.
const MAX_TEXT_BYTES: u64 = 4096;
/// The longest chat template that is shown.
const MAX_TEMPLATE_BYTES: u64 = 1 << 18;

/// What a header says, in its own words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// Keys with their values, in the file's order, as many as are shown.
    pub values: Vec<(String, Value)>,
    pub chat_template: Option<String>,
}

/// A value of a header.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(String),
    Yes(bool),
    Text(String),
    /// A text that is too long to be shown.
    LongText,
    /// So many values, which are not shown.
    List(u64),
}

/// Reads what people may want to know of the file at `path`. Its tensors are not looked at.
pub fn read_details(path: &Path) -> Result<Details, HeaderError> {
    let file = File::open(path).map_err(HeaderError::Unreadable)?;
    let len = file.metadata().map_err(HeaderError::Unreadable)?.len();
    parse_details(BufReader::new(file), len)
}

/// Likewise of a file with `len` bytes.
pub fn parse_details(source: impl Read + Seek, len: u64) -> Result<Details, HeaderError> {
    let mut reader = Reader::new(source, len);
    let (_, n_keys) = reader.start()?;
    let mut details = Details::default();
    for _ in 0..n_keys {
        let (key, kind) = reader.key_and_kind()?;
        if key == "tokenizer.chat_template" {
            details.chat_template = reader.text_up_to(kind, MAX_TEMPLATE_BYTES)?;
            continue;
        }
        let value = reader.value(kind)?;
        if details.values.len() < MAX_SHOWN {
            details.values.push((key, value));
        }
    }
    Ok(details)
}

impl<R: Read + Seek> Reader<R> {
    fn value(&mut self, kind: u32) -> Result<Value, HeaderError> {
        let number = |n: &dyn std::fmt::Display| Value::Number(n.to_string());
        let mut byte = [0; 1];
        Ok(match kind {
            0 | 1 | 7 => {
                self.bytes(&mut byte)?;
                match kind {
                    0 => number(&byte[0]),
                    1 => number(&byte[0].cast_signed()),
                    _ => Value::Yes(byte[0] != 0),
                }
            }
            2 => number(&self.u16()?),
            3 => number(&self.u16()?.cast_signed()),
            4 => number(&self.u32()?),
            5 => number(&self.u32()?.cast_signed()),
            6 => number(&f32::from_bits(self.u32()?)),
            8 => self.text_up_to(kind, MAX_TEXT_BYTES)?.map_or(Value::LongText, Value::Text),
            9 => {
                let (kind, n) = (self.u32()?, self.u64()?);
                self.skip_array(kind, n)?;
                Value::List(n)
            }
            10 => number(&self.u64()?),
            11 => number(&self.u64()?.cast_signed()),
            12 => number(&f64::from_bits(self.u64()?)),
            other => {
                self.skip(other)?;
                Value::LongText
            }
        })
    }
}
