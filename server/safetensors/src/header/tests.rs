use super::{Dtype, Header, HeaderError, MAX_HEADER_BYTES, parse};
use std::{
    fs,
    io::{Cursor, Read},
    path::Path,
};

/// A file of that description and so many bytes of tensors.
fn file(description: &str, n_bytes: usize) -> Vec<u8> {
    let mut bytes = (description.len() as u64).to_le_bytes().to_vec();
    bytes.extend(description.as_bytes());
    bytes.resize(bytes.len() + n_bytes, 0);
    bytes
}

const WHOLE: &str = r#"{"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   "#;

fn read(bytes: &[u8]) -> Result<Header, HeaderError> {
    parse(Cursor::new(bytes), bytes.len() as u64)
}

#[track_caller]
fn check(description: &str, n_bytes: usize, expected: &str) {
    let found = read(&file(description, n_bytes)).map_or_else(|err| err.to_string(), |_| "ok".to_owned());
    assert!(found.contains(expected), "{found}");
}

/// A tensor of a description.
fn tensor(name: &str, dtype: &str, shape: &str, begin: u64, end: u64) -> String {
    format!(r#""{name}":{{"dtype":"{dtype}","shape":[{shape}],"data_offsets":[{begin},{end}]}}"#)
}

fn tensors(them: &[String]) -> String {
    format!("{{{}}}", them.join(","))
}

#[test]
fn a_whole_header_lists_the_tensors() {
    let header = read(&file(WHOLE, 16)).unwrap();
    assert_eq!(header.data_start, 8 + WHOLE.len() as u64);
    assert_eq!(header.metadata["format"], "pt");
    let b = &header.tensors["b"];
    assert_eq!((b.dtype, b.shape.as_slice(), b.begin, b.end), (Dtype::BF16, &[2, 3][..], 4, 16));
    assert_eq!((b.n_elements(), header.n_parameters()), (6, 7));
}

#[test]
fn cut_at_every_byte_it_is_refused_and_never_panics() {
    let bytes = file(WHOLE, 16);
    for end in 0..bytes.len() {
        let found = read(&bytes[..end]);
        assert!(matches!(found, Err(HeaderError::NotSafetensors | HeaderError::Truncated)), "{end}");
        // The file got shorter while it was read.
        assert!(parse(Cursor::new(&bytes[..end.min(4 + WHOLE.len())]), bytes.len() as u64).is_err(), "{end}");
    }
}

#[test]
fn one_wrong_byte_anywhere_is_read_or_refused() {
    let mut bytes = file(WHOLE, 16);
    for at in 0..bytes.len() {
        let right = bytes[at];
        for wrong in [0, 1, b'"', b'{', b'9', 0x7f, 0x80, 0xff, right ^ 4] {
            bytes[at] = wrong;
            let _ = read(&bytes).map(|header| header.n_parameters());
        }
        bytes[at] = right;
    }
}

#[test]
fn every_type_has_its_width() {
    for (name, width) in
        [("BOOL", 1), ("U8", 1), ("I8", 1), ("F8_E4M3", 1), ("F8_E5M2", 1), ("I16", 2), ("U16", 2)]
            .into_iter()
            .chain([
                ("F16", 2),
                ("BF16", 2),
                ("I32", 4),
                ("U32", 4),
                ("F32", 4),
                ("F64", 8),
                ("I64", 8),
                ("U64", 8),
            ])
    {
        check(&tensors(&[tensor("t", name, "3", 0, 3 * width)]), 3 * width as usize, "ok");
        assert_eq!(Dtype::of(name).map(Dtype::name), Some(name));
    }
    check(&tensors(&[tensor("t", "F99", "1", 0, 4)]), 4, "of the type “F99”");
    check(&tensors(&[tensor("t", "f32", "1", 0, 4)]), 4, "not known");
}

#[test]
fn lies_about_sizes_are_refused() {
    let huge = 1_u64 << 63;
    let one = |shape: &str, begin, end| tensors(&[tensor("t", "F32", shape, begin, end)]);
    check(&one("1", 0, 8), 8, "differ");
    check(&one("1", 4, 0), 8, "differ");
    check(&one("2", 0, 8), 7, "cut off");
    check(&one("2", 0, 8), 9, "belong to none");
    check(&one(&format!("{huge}"), 0, huge), 8, "too large");
    check(&one(&format!("{huge},2"), 0, 8), 8, "too large");
    check(&one(&format!("0,{huge},{huge}"), 0, 0), 0, "too large");
    check(&one(&format!("{huge},0"), 0, 0), 0, "too large");
    check(&one("7,0", 0, 0), 0, "ok");
    check(&one("18446744073709551616", 0, 8), 8, "not valid");
    check(&one("-1", 0, 8), 8, "not valid");
    check(&one("1.5", 0, 8), 8, "not valid");
    check(&one(&["1"; 17].join(","), 0, 4), 4, "too many dimensions");
    check(&tensors(&[tensor("t", "U8", &(huge - 1).to_string(), 0, huge - 1)]), 8, "cut off");
    check(&tensors(&[tensor("t", "U8", "1", u64::MAX - 1, u64::MAX)]), 8, "hole");
}

#[test]
fn tensors_neither_overlap_nor_leave_holes() {
    let two = |a: (u64, u64), b: (u64, u64)| {
        tensors(&[
            tensor("a", "U8", &(a.1 - a.0).to_string(), a.0, a.1),
            tensor("b", "U8", &(b.1 - b.0).to_string(), b.0, b.1),
        ])
    };
    check(&two((0, 4), (4, 8)), 8, "ok");
    check(&two((4, 8), (0, 4)), 8, "ok");
    check(&two((0, 4), (3, 8)), 8, "overlaps");
    check(&two((0, 8), (0, 8)), 8, "overlaps");
    check(&two((0, 8), (2, 4)), 8, "overlaps");
    check(&two((0, 4), (5, 8)), 8, "a hole before the tensor “b”");
    check(&two((1, 4), (4, 8)), 8, "a hole before the tensor “a”");
    check(&two((0, 0), (0, 8)), 8, "ok");
    check("{}", 0, "ok");
    check("{}", 3, "belong to none");
}

#[test]
fn descriptions_that_are_none_are_refused() {
    check("[]", 0, "not in the safetensors format");
    check("{", 0, "not valid");
    check("{} {}", 0, "not valid");
    check(r#"{"t":{"dtype":"F32"}}"#, 0, "not valid");
    check(r#"{"t":[]}"#, 0, "not valid");
    check(r#"{"__metadata__":{"n":1}}"#, 0, "not valid");
    check(r#"{"__metadata__":{},"__metadata__":{}}"#, 0, "twice");
    let t = tensor("t", "U8", "1", 0, 1);
    check(&tensors(&[t.clone(), t]), 1, "the same name");
    check(&tensors(&[tensor(&"n".repeat(2000), "U8", "1", 0, 1)]), 1, "name of a tensor is too long");
    check(&tensors(&[tensor("a\\u0000\\n", "U9", "1", 0, 1)]), 1, r"“a\0\n”");
}

#[test]
fn deep_and_long_descriptions_cost_nothing() {
    check(&format!("{{\"t\":{}", "[".repeat(1_000_000)), 0, "not valid");
    check(&format!("{{\"t\":{{\"x\":{}", "{\"x\":".repeat(100_000)), 0, "not valid");
    check(&format!("{{\"__metadata__\":{{\"x\":{}", "[".repeat(100_000)), 0, "not valid");
}

#[test]
fn long_texts_about_the_model_are_left_out() {
    let long = "x".repeat(100_000);
    let many: Vec<String> = (0..100).map(|i| format!(r#""k{i:02}":"{}""#, "y".repeat(60_000))).collect();
    let text = format!(r#"{{"__metadata__":{{"long":"{long}","short":"s",{}}}}}"#, many.join(","));
    let header = read(&file(&text, 0)).unwrap();
    assert!(!header.metadata.contains_key("long"));
    assert_eq!(header.metadata["short"], "s");
    let kept: usize = header.metadata.iter().map(|(name, text)| name.len() + text.len()).sum();
    assert!((900_000..=1 << 20).contains(&kept), "{kept}");
}

/// Gives so many bytes of `{`, spaces after it, and then an end, without holding them.
struct Endless(u64);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        buffer.fill(b' ');
        let n = (buffer.len() as u64).min(self.0) as usize;
        self.0 -= n as u64;
        Ok(n)
    }
}

#[test]
fn a_long_header_is_looked_at_without_being_held_and_one_above_100_mb_refused() {
    let start = |n: u64| Cursor::new([&n.to_le_bytes()[..], b"{"].concat());
    let of = |n: u64| {
        let source = std::io::BufReader::with_capacity(1 << 16, start(n).chain(Endless(n)));
        parse(source, n + 8).map(|_| ()).unwrap_err().to_string()
    };
    assert!(of(MAX_HEADER_BYTES + 1).contains("at most 100000000 are read"));
    assert!(of(u64::MAX - 8).contains("are read"));
    // Never closed: all of it is looked at, and nothing kept.
    assert!(of(MAX_HEADER_BYTES / 10).contains("not valid"));
}

#[test]
fn other_files_are_named_so() {
    let check = |bytes: &[u8], expected: &str| {
        let found = read(bytes).unwrap_err().to_string();
        assert!(found.contains(expected), "{found}");
    };
    check(b"", "not in the safetensors format");
    check(b"GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0", "not in the safetensors format");
    check(b"<html><body>404</body></html>", "not in the safetensors format");
    check(&[0; 100], "not in the safetensors format");
    check(&[&9_u64.to_le_bytes()[..], b"{"].concat(), "cut off");
}

#[test]
fn what_the_fuzzer_found_worth_keeping_is_read_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let files: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(files.len() >= 100, "the corpus is gone");
    for file in files {
        let _ = read(&fs::read(file).unwrap()).map(|header| header.n_parameters());
    }
}
