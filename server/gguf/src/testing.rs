//! Writes GGUF files for tests, small ones: a file is put together in memory.

use std::{fs, io, path::Path};

/// GGUF's numbers for types of values, from its specification.
const U32: u32 = 4;
const I32: u32 = 5;
const F32: u32 = 6;
const BOOL: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// GGUF's numbers for types of tensors: single precision, and whole numbers of 64 bits.
const SINGLE: u32 = 0;
const WHOLE: u32 = 27;

/// Tensor data begins, and each tensor, at a multiple of this.
const ALIGNMENT: usize = 32;

/// SentencePiece's types of tokens.
pub const NORMAL: i32 = 1;
pub const UNKNOWN: i32 = 2;
pub const CONTROL: i32 = 3;
pub const USER_DEFINED: i32 = 4;
pub const BYTE: i32 = 6;

/// A name, a shape with the fastest dimension first, and the weights.
pub type Tensor = (String, Vec<u64>, Vec<f32>);

/// A file that is being put together.
#[derive(Default)]
pub struct Gguf {
    n_values: u64,
    values: Vec<u8>,
}

impl Gguf {
    /// A whole number.
    pub fn u32(&mut self, name: &str, number: u32) {
        self.key(name, U32);
        self.values.extend(number.to_le_bytes());
    }

    /// A fraction.
    pub fn f32(&mut self, name: &str, number: f32) {
        self.key(name, F32);
        self.values.extend(number.to_le_bytes());
    }

    /// Yes or no.
    pub fn bool(&mut self, name: &str, value: bool) {
        self.key(name, BOOL);
        self.values.push(value.into());
    }

    /// A text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.key(name, STRING);
        string(&mut self.values, text);
    }

    /// A list of texts.
    pub fn texts<'t>(&mut self, name: &str, texts: impl ExactSizeIterator<Item = &'t str>) {
        self.array(name, STRING, texts.len());
        texts.for_each(|text| string(&mut self.values, text));
    }

    /// A list of fractions.
    pub fn f32s(&mut self, name: &str, numbers: impl ExactSizeIterator<Item = f32>) {
        self.array(name, F32, numbers.len());
        numbers.for_each(|number| self.values.extend(number.to_le_bytes()));
    }

    /// A list of whole numbers.
    pub fn i32s(&mut self, name: &str, numbers: impl ExactSizeIterator<Item = i32>) {
        self.array(name, I32, numbers.len());
        numbers.for_each(|number| self.values.extend(number.to_le_bytes()));
    }

    fn key(&mut self, name: &str, kind: u32) {
        self.n_values += 1;
        string(&mut self.values, name);
        self.values.extend(kind.to_le_bytes());
    }

    fn array(&mut self, name: &str, kind: u32, n: usize) {
        self.key(name, ARRAY);
        self.values.extend(kind.to_le_bytes());
        self.values.extend((n as u64).to_le_bytes());
    }

    /// Writes the file.
    pub fn write(self, path: &Path, tensors: &[Tensor]) -> io::Result<()> {
        self.write_with_numbers(path, tensors, &[])
    }

    /// Likewise, with lists of whole numbers.
    pub fn write_with_numbers(
        self,
        path: &Path,
        tensors: &[Tensor],
        lists: &[(&str, &[i64])],
    ) -> io::Result<()> {
        let weights = tensors.iter().map(|(name, shape, weights)| {
            let bytes: Vec<_> = weights.iter().flat_map(|weight| weight.to_le_bytes()).collect();
            (name.as_str(), shape.clone(), SINGLE, bytes)
        });
        let numbers = lists.iter().map(|(name, numbers)| {
            let bytes: Vec<_> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            (*name, vec![numbers.len() as u64], WHOLE, bytes)
        });
        let tensors: Vec<_> = weights.chain(numbers).collect();
        let mut file = b"GGUF".to_vec();
        file.extend(3_u32.to_le_bytes());
        file.extend((tensors.len() as u64).to_le_bytes());
        file.extend(self.n_values.to_le_bytes());
        file.extend(self.values);
        let mut offset = 0_u64;
        for (name, shape, kind, bytes) in &tensors {
            string(&mut file, name);
            file.extend((shape.len() as u32).to_le_bytes());
            shape.iter().for_each(|n| file.extend(n.to_le_bytes()));
            file.extend(kind.to_le_bytes());
            file.extend(offset.to_le_bytes());
            offset += bytes.len().next_multiple_of(ALIGNMENT) as u64;
        }
        for (_, _, _, bytes) in tensors {
            file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
            file.extend(bytes);
        }
        fs::write(path, file)
    }
}

fn string(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}
