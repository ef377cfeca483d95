//! Importance matrices: how much each number that goes into a layer mattered on texts of a calibration. Both forms in which
//! llama.cpp writes them: a GGUF file with sums and counts, and the older list of names and numbers.

use crate::reader::{HeaderError, Reader};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};

const MAX_ENTRIES: u64 = 100_000;
const MAX_NAME_BYTES: u64 = 1024;
/// Numbers of all entries together: more than any model that fits on one machine has.
const MAX_NUMBERS: u64 = 1 << 28;
const MAX_DIMENSIONS: u32 = 4;
const ALIGNMENT: u64 = 32;
const F32: u32 = 0;

/// By the name of a tensor, how much each of its columns matters; for each expert, where it has several.
pub type Imatrix = BTreeMap<String, Vec<f32>>;

/// Reads the file at `path`, with every count and length checked. No number in what is given is infinite or none.
pub fn read_imatrix(path: &Path) -> Result<Imatrix, HeaderError> {
    let file = File::open(path).map_err(HeaderError::Unreadable)?;
    let len = file.metadata().map_err(HeaderError::Unreadable)?.len();
    parse_imatrix(BufReader::new(file), len)
}

/// Likewise of a file with `len` bytes.
pub fn parse_imatrix(mut source: impl Read + Seek, len: u64) -> Result<Imatrix, HeaderError> {
    let mut magic = [0; 4];
    source.read_exact(&mut magic)?;
    source.seek(SeekFrom::Start(0)).map_err(HeaderError::Unreadable)?;
    let matrix = if &magic == b"GGUF" { sums(source, len)? } else { list(source, len)? };
    if matrix.is_empty() {
        return Err(HeaderError::Damaged("it is no importance matrix"));
    }
    if matrix.values().flatten().any(|n| !n.is_finite()) {
        return Err(HeaderError::Damaged("its numbers are no numbers"));
    }
    Ok(matrix)
}

/// Where the numbers of a tensor are, counted from where tensor data begins, and its rows and columns.
#[derive(Clone, Copy)]
struct Place {
    at: u64,
    n_columns: u64,
    n_rows: u64,
}

/// Sums of squares, and how many of them there were.
fn sums(source: impl Read + Seek, len: u64) -> Result<Imatrix, HeaderError> {
    let mut reader = Reader::new(source, len);
    let (n_tensors, n_keys) = reader.start()?;
    if n_tensors > 2 * MAX_ENTRIES {
        return Err(HeaderError::Damaged("it claims more entries than any model has"));
    }
    let mut alignment = ALIGNMENT;
    for _ in 0..n_keys {
        let (key, kind) = reader.key_and_kind()?;
        if key == "general.alignment" {
            let wanted = reader.integer(kind)?.filter(|n| n.is_power_of_two() && *n <= 1 << 20);
            alignment = wanted.ok_or(HeaderError::Damaged("its alignment is no power of two"))?;
        } else {
            reader.skip(kind)?;
        }
    }
    let mut places = BTreeMap::new();
    for _ in 0..n_tensors {
        let (name, place) = reader.place()?;
        places.insert(name, place);
    }
    let data = reader.at().checked_next_multiple_of(alignment).ok_or(HeaderError::Truncated)?;
    let mut source = reader.into_source();
    let mut matrix = Imatrix::new();
    let mut n_left = MAX_NUMBERS;
    for (name, place) in &places {
        let Some(tensor) = name.strip_suffix(".in_sum2") else { continue };
        let counts = places.get(&format!("{tensor}.counts"));
        let counts = counts.filter(|it| it.n_columns.saturating_mul(it.n_rows) == place.n_rows);
        let counts = counts.ok_or(HeaderError::Damaged("sums without counts"))?;
        let mut values = numbers(&mut source, data, *place, len, &mut n_left)?;
        let counts = numbers(&mut source, data, *counts, len, &mut n_left)?;
        let width = usize::try_from(place.n_columns).map_err(|_| HeaderError::Truncated)?.max(1);
        for (row, count) in values.chunks_mut(width).zip(counts) {
            // An expert that nothing was asked of: no column matters more than another.
            row.iter_mut().for_each(|n| *n = if count > 0.0 { *n / count } else { 1.0 });
        }
        matrix.insert(tensor.to_owned(), values);
    }
    Ok(matrix)
}

fn numbers(
    source: &mut (impl Read + Seek),
    data: u64,
    place: Place,
    len: u64,
    n_left: &mut u64,
) -> Result<Vec<f32>, HeaderError> {
    let n = place.n_columns.checked_mul(place.n_rows).filter(|n| *n <= *n_left);
    let n = n.ok_or(HeaderError::Damaged("it has more numbers than any model"))?;
    *n_left -= n;
    let begin = data.checked_add(place.at).ok_or(HeaderError::Truncated)?;
    if begin.checked_add(n * 4).is_none_or(|end| end > len) {
        return Err(HeaderError::Truncated);
    }
    source.seek(SeekFrom::Start(begin)).map_err(HeaderError::Unreadable)?;
    read_numbers(source, n)
}

fn read_numbers(source: &mut impl Read, n: u64) -> Result<Vec<f32>, HeaderError> {
    let mut bytes = vec![0; usize::try_from(n * 4).map_err(|_| HeaderError::Truncated)?];
    source.read_exact(&mut bytes)?;
    let (numbers, _) = bytes.as_chunks::<4>();
    Ok(numbers.iter().map(|it| f32::from_le_bytes(*it)).collect())
}

/// Names, how often they were asked, and sums.
fn list(source: impl Read + Seek, len: u64) -> Result<Imatrix, HeaderError> {
    let mut reader = Reader::new(source, len);
    let none = || HeaderError::Damaged("it is no importance matrix");
    let n = u64::from(reader.u32()?);
    if n > MAX_ENTRIES {
        return Err(none());
    }
    let mut matrix = Imatrix::new();
    let mut n_left = MAX_NUMBERS;
    for _ in 0..n {
        let n_bytes = u64::from(reader.u32()?);
        if n_bytes > MAX_NAME_BYTES {
            return Err(none());
        }
        let mut name = vec![0; n_bytes as usize];
        reader.bytes(&mut name)?;
        let (n_calls, n_values) = (reader.u32()?, u64::from(reader.u32()?));
        if n_values > n_left || n_values * 4 > len {
            return Err(HeaderError::Truncated);
        }
        n_left -= n_values;
        let mut values = Vec::with_capacity(n_values as usize);
        for _ in 0..n_values {
            values.push(f32::from_bits(reader.u32()?));
        }
        if n_calls > 0 {
            values.iter_mut().for_each(|it| *it /= n_calls as f32);
        }
        matrix.insert(String::from_utf8_lossy(&name).into_owned(), values);
    }
    Ok(matrix)
}

impl<R: Read + Seek> Reader<R> {
    /// A tensor's name, and where its numbers are, which have four bytes each.
    fn place(&mut self) -> Result<(String, Place), HeaderError> {
        let name = self.text_up_to(8, MAX_NAME_BYTES)?;
        let name = name.ok_or(HeaderError::Damaged("a tensor's name is too long"))?;
        let n_dimensions = self.u32()?;
        if n_dimensions > MAX_DIMENSIONS {
            return Err(HeaderError::Damaged("a tensor has too many dimensions"));
        }
        let (mut n_columns, mut n_rows) = (1, 1_u64);
        for dimension in 0..n_dimensions {
            let n = self.u64()?;
            if dimension == 0 {
                n_columns = n;
            } else {
                n_rows = n_rows.checked_mul(n).ok_or(HeaderError::Damaged("a tensor is too large"))?;
            }
        }
        let (kind, at) = (self.u32()?, self.u64()?);
        if kind != F32 {
            return Err(HeaderError::Damaged("it is no importance matrix"));
        }
        Ok((name, Place { at, n_columns, n_rows }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn text(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
    }

    fn floats(numbers: &[f32]) -> Vec<u8> {
        numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
    }

    /// Two experts with three columns, of which nothing was asked of the second.
    fn as_gguf() -> Vec<u8> {
        let mut file =
            [&b"GGUF"[..], &3_u32.to_le_bytes(), &2_u64.to_le_bytes(), &1_u64.to_le_bytes()].concat();
        file.extend([text("general.type"), 8_u32.to_le_bytes().to_vec(), text("imatrix")].concat());
        let tensors =
            [("blk.0.ffn_up_exps.weight.in_sum2", 3_u64, 0_u64), ("blk.0.ffn_up_exps.weight.counts", 1, 32)];
        for (name, n_columns, at) in tensors {
            file.extend([text(name), 2_u32.to_le_bytes().to_vec()].concat());
            file.extend([n_columns.to_le_bytes(), 2_u64.to_le_bytes()].concat());
            file.extend([&F32.to_le_bytes()[..], &at.to_le_bytes()].concat());
        }
        file.resize(file.len().next_multiple_of(32), 0);
        file.extend(floats(&[2.0, 4.0, 8.0, 0.0, 0.0, 0.0]));
        file.resize(file.len().next_multiple_of(32), 0);
        file.extend(floats(&[2.0, 0.0]));
        file
    }

    fn as_list(numbers: &[f32]) -> Vec<u8> {
        let name = "blk.0.attn_q.weight";
        let mut file =
            [&1_u32.to_le_bytes()[..], &(name.len() as u32).to_le_bytes(), name.as_bytes()].concat();
        file.extend([&4_u32.to_le_bytes()[..], &(numbers.len() as u32).to_le_bytes()].concat());
        file.extend(floats(numbers));
        file
    }

    fn read(file: &[u8]) -> Result<Imatrix, HeaderError> {
        parse_imatrix(Cursor::new(file), file.len() as u64)
    }

    #[test]
    fn both_forms_are_read() {
        let matrix = read(&as_gguf()).unwrap();
        assert_eq!(matrix["blk.0.ffn_up_exps.weight"], [1.0, 2.0, 4.0, 1.0, 1.0, 1.0]);
        let matrix = read(&as_list(&[4.0, 8.0])).unwrap();
        assert_eq!(matrix["blk.0.attn_q.weight"], [1.0, 2.0]);
    }

    #[test]
    fn one_wrong_byte_anywhere_is_read_or_refused() {
        for mut file in [as_gguf(), as_list(&[4.0, 8.0])] {
            for at in 0..file.len() {
                let right = file[at];
                for wrong in [0, 1, 0x7f, 0x80, 0xff, right ^ 4] {
                    file[at] = wrong;
                    let numbers = read(&file).unwrap_or_default();
                    assert!(numbers.values().flatten().all(|n| n.is_finite()), "{wrong} at {at}");
                }
                file[at] = right;
            }
        }
    }

    #[test]
    fn what_is_cut_off_or_no_matrix_is_refused_at_every_byte() {
        for file in [as_gguf(), as_list(&[1.0, 2.0])] {
            for n in 0..file.len() {
                assert!(read(&file[..n]).is_err(), "{n} of {} bytes", file.len());
            }
        }
        assert!(read(&as_list(&[f32::NAN])).is_err());
        assert!(read(b"a text that is no matrix at all").is_err());
        assert!(read(&[255; 64]).is_err());
    }
}
