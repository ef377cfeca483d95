//! Any bytes: the header reader answers or refuses, and what it answers can be asked everything.

#![no_main]

use gguf::parse;
use libfuzzer_sys::fuzz_target;
use std::io::Cursor;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(header) = parse(Cursor::new(bytes), bytes.len() as u64) {
        let _ = (header.n_ctx_train(), header.cell_bytes(), header.purpose(), header.quantisation());
    }
});
