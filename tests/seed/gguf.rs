//! Writes GGUF files.

use std::{fs, io, path::Path};

/// GGUF's numbers for types of values, and where tensors begin.
const U32: u32 = 4;
const I32: u32 = 5;
const F32: u32 = 6;
const BOOL: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;
const ALIGNMENT: usize = 32;

/// A name, a shape with the fastest dimension first, and the weights.
pub(crate) type Tensor = (String, Vec<u64>, Vec<f32>);

/// A file that is being put together.
#[derive(Default)]
pub(crate) struct Gguf {
    n_values: u64,
    values: Vec<u8>,
}

impl Gguf {
    pub(crate) fn number(&mut self, name: &str, number: u32) {
        self.add(name, U32, &number.to_le_bytes());
    }

    pub(crate) fn fraction(&mut self, name: &str, number: f32) {
        self.add(name, F32, &number.to_le_bytes());
    }

    pub(crate) fn yes(&mut self, name: &str) {
        self.add(name, BOOL, &[1]);
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) {
        let mut bytes = Vec::new();
        text(&mut bytes, value);
        self.add(name, STRING, &bytes);
    }

    pub(crate) fn texts(&mut self, name: &str, values: &[String]) {
        let mut bytes = Vec::new();
        values.iter().for_each(|value| text(&mut bytes, value));
        self.list(name, STRING, values.len(), &bytes);
    }

    pub(crate) fn fractions(&mut self, name: &str, numbers: &[f32]) {
        let bytes: Vec<u8> = numbers.iter().flat_map(|it| it.to_le_bytes()).collect();
        self.list(name, F32, numbers.len(), &bytes);
    }

    pub(crate) fn numbers(&mut self, name: &str, numbers: &[i32]) {
        let bytes: Vec<u8> = numbers.iter().flat_map(|it| it.to_le_bytes()).collect();
        self.list(name, I32, numbers.len(), &bytes);
    }

    fn list(&mut self, name: &str, kind: u32, n: usize, bytes: &[u8]) {
        self.add(name, ARRAY, &[&kind.to_le_bytes()[..], &(n as u64).to_le_bytes(), bytes].concat());
    }

    fn add(&mut self, name: &str, kind: u32, bytes: &[u8]) {
        self.n_values += 1;
        text(&mut self.values, name);
        self.values.extend(kind.to_le_bytes());
        self.values.extend(bytes);
    }

    pub(crate) fn write(self, path: &Path, tensors: &[Tensor]) -> io::Result<()> {
        let mut file = b"GGUF".to_vec();
        file.extend(3_u32.to_le_bytes());
        file.extend((tensors.len() as u64).to_le_bytes());
        file.extend(self.n_values.to_le_bytes());
        file.extend(self.values);
        let mut offset = 0_u64;
        for (name, shape, weights) in tensors {
            text(&mut file, name);
            file.extend((shape.len() as u32).to_le_bytes());
            shape.iter().for_each(|n| file.extend(n.to_le_bytes()));
            // Type 0 is single precision.
            file.extend(0_u32.to_le_bytes());
            file.extend(offset.to_le_bytes());
            offset += (weights.len() * 4).next_multiple_of(ALIGNMENT) as u64;
        }
        for (_, _, weights) in tensors {
            file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
            weights.iter().for_each(|weight| file.extend(weight.to_le_bytes()));
        }
        fs::write(path, file)
    }
}

/// Random ones, small enough that what they make of numbers stays as large.
pub(crate) fn weights(name: &str, shape: &[u64], random: &mut fastrand::Rng) -> Tensor {
    let n_in: u64 = shape[..shape.len() - 1].iter().product();
    let scale = (n_in as f32).sqrt().recip();
    let n: u64 = shape.iter().product();
    (name.to_owned(), shape.to_vec(), (0..n).map(|_| (random.f32() * 2.0 - 1.0) * scale).collect())
}

/// All the same.
pub(crate) fn alike(name: &str, n: u64, weight: f32) -> Tensor {
    (name.to_owned(), vec![n], vec![weight; n as usize])
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}
