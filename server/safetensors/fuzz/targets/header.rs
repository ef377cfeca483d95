//! Any bytes: the header reader answers or refuses, and what it answers can be asked everything.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::Cursor;
use weights::{parse, recognise::recognise};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(header) = parse(Cursor::new(bytes), bytes.len() as u64) {
        let _ = (header.n_parameters(), recognise(&header));
    }
});
