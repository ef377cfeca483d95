//! With a real model, against the computation of sentence-transformers written out in numpy (`tests/reference.py`), of which the first
//! six numbers of one text are compared with those that sentence-transformers itself gives, as published.

use super::TextEncoder;
use protocol::Pooling;
use serde::Deserialize;
use std::{env, path::PathBuf};

#[derive(Deserialize)]
struct Reference {
    text: String,
    n_tokens: usize,
    vector: Vec<f32>,
}

fn references() -> Vec<Reference> {
    serde_json::from_str(include_str!("tests/reference.json")).expect("the file is whole")
}

fn encoder() -> TextEncoder {
    let folder = env::var_os("CHAOSENGINE_TEST_ENCODER").map(PathBuf::from);
    let folder = folder.expect("CHAOSENGINE_TEST_ENCODER is not set: run the tests with `cargo xtask test`");
    TextEncoder::load(&folder, 2).expect("a model")
}

/// The text's tokens, cut as the model wants it.
fn tokens(encoder: &TextEncoder, text: &str) -> Vec<u32> {
    let mut tokens = encoder.tokens(text).expect("a text");
    let limit = encoder.manifest().limit;
    if tokens.len() > limit {
        tokens.drain(limit - 1..tokens.len() - 1);
    }
    tokens
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let product =
        |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}

#[test]
fn vectors_are_those_of_the_reference() {
    let encoder = encoder();
    assert_eq!((encoder.manifest().pooling, encoder.manifest().limit), (Pooling::Mean, 256));
    for reference in references() {
        let tokens = tokens(&encoder, &reference.text);
        assert_eq!(tokens.len(), reference.n_tokens, "{}", reference.text);
        let vectors = encoder.encode(&[&tokens], Pooling::Mean).expect("a vector");
        let cosine = cosine(&vectors[0], &reference.vector);
        assert!(cosine > 0.99999, "{cosine} for {}", reference.text);
    }
}

#[test]
fn together_or_alone_a_text_has_the_same_vector() {
    let encoder = encoder();
    let texts = references();
    let short = texts.iter().filter(|it| it.n_tokens < 40);
    let sequences: Vec<_> = short.map(|it| tokens(&encoder, &it.text)).collect();
    let sequences: Vec<_> = sequences.iter().map(Vec::as_slice).collect();
    for pooling in [Pooling::Mean, Pooling::Cls, Pooling::Last] {
        let together = encoder.encode(&sequences, pooling).expect("vectors");
        for (tokens, vector) in sequences.iter().zip(together) {
            let alone = encoder.encode(&[tokens], pooling).expect("a vector");
            assert!(cosine(&alone[0], &vector) > 0.999_999, "{pooling:?}, {} tokens", tokens.len());
        }
    }
}
