//! Any bytes: every reader of a header answers or refuses, and what it answers can be asked everything.

#![no_main]

use gguf::{parse, parse_beginning, parse_details, parse_imatrix};
use libfuzzer_sys::fuzz_target;
use std::io::Cursor;

fuzz_target!(|bytes: &[u8]| {
    let len = bytes.len() as u64;
    // Of a beginning there may be more.
    for header in [parse(Cursor::new(bytes), len), parse_beginning(bytes, len), parse_beginning(bytes, 1 << 40)] {
        let _ = header.map(|it| (it.n_ctx_train(), it.cell_bytes(), it.purpose(), it.quantisation()));
    }
    let _ = (parse_details(Cursor::new(bytes), len), parse_imatrix(Cursor::new(bytes), len));
});
