//! GGUF files, read in the plainest way: nothing is shared with what wrote them.

use crate::support::digest;
use std::{fs, path::Path};

/// Digests of what a file has, in its order.
#[derive(Debug, PartialEq)]
pub(crate) struct GgufFile {
    pub(crate) file: String,
    /// Keys, with their values as they stand in the file.
    pub(crate) keys: Vec<(String, String)>,
    /// Name, type, dimensions and bytes.
    pub(crate) tensors: Vec<(String, String, Vec<u64>, String)>,
}

pub(crate) fn read(path: &Path) -> GgufFile {
    let bytes = fs::read(path).unwrap();
    let mut at = Reader { bytes: &bytes, at: 8 };
    let (n_tensors, n_keys) = (at.u64(), at.u64());
    let mut keys = Vec::new();
    for _ in 0..n_keys {
        let key = at.text();
        let begin = at.at;
        let kind = at.u32();
        at.skip(kind);
        keys.push((key, digest(&bytes[begin..at.at])));
    }
    let mut listed = Vec::new();
    for _ in 0..n_tensors {
        let name = at.text();
        let n_dimensions = at.u32();
        let dimensions: Vec<u64> = (0..n_dimensions).map(|_| at.u64()).collect();
        listed.push((name, at.u32(), dimensions, at.u64() as usize));
    }
    let start = at.at.next_multiple_of(32);
    let tensors = listed.into_iter().map(|(name, kind, dimensions, offset)| {
        let (kind, per, width) = match kind {
            0 => ("F32", 1, 4),
            1 => ("F16", 1, 2),
            8 => ("Q8_0", 32, 34),
            30 => ("BF16", 1, 2),
            other => panic!("type {other}"),
        };
        let n = dimensions.iter().product::<u64>() as usize / per * width;
        let digest = digest(&bytes[start + offset..start + offset + n]);
        (name, kind.to_owned(), dimensions, digest)
    });
    let tensors = tensors.collect();
    GgufFile { file: digest(&bytes), keys, tensors }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        self.at += N;
        self.bytes[self.at - N..self.at].try_into().unwrap()
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }

    fn text(&mut self) -> String {
        let n = self.u64() as usize;
        self.at += n;
        String::from_utf8(self.bytes[self.at - n..self.at].to_vec()).unwrap()
    }

    fn skip(&mut self, kind: u32) {
        match kind {
            8 => drop(self.text()),
            9 => {
                let (kind, n) = (self.u32(), self.u64());
                (0..n).for_each(|_| self.skip(kind));
            }
            0 | 1 | 7 => self.at += 1,
            2 | 3 => self.at += 2,
            4..=6 => self.at += 4,
            _ => self.at += 8,
        }
    }
}
