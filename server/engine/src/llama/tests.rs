use super::*;
use crate::tests::{exactly, tiny_llama};
use llama_cpp_2::{llama_batch::LlamaBatch, token::LlamaToken};

/// Bytes that a token takes of a model, as the worker reckons them, as the header foretells them, and as they are.
#[track_caller]
fn check(write: impl FnOnce(&Path), expected: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tiny.gguf");
    write(&path);
    let request = exactly(&path, Some(256));
    let backend = LlamaBackend::init().expect("a backend");
    let model = load_file(&backend, &path, LlamaModelParams::default(), |_| true).expect("a model");
    let header = gguf::read_header(&path).expect("a header");
    assert_eq!(cell_bytes(&model, &path, request.kv_type), expected);
    assert_eq!(header.cell_bytes().map(|n| request.kv_type.bytes(n)), Some(expected));
    let mut context = open_context(&backend, &model, &request, None).expect("a context").context;
    let mut batch = LlamaBatch::new(64, 1);
    (0..64).for_each(|i| batch.add(LlamaToken(5), i, &[0], i == 63).expect("room in the batch"));
    context.decode(&mut batch).expect("room in the cache");
    let n_bytes = SequenceState::of(&context, 0).expect("a state").bytes().len() as u64;
    // Beside keys and values there are positions and the like.
    assert!((64 * expected..64 * (expected + 32)).contains(&n_bytes), "{n_bytes} of 64 times {expected}");
}

#[test]
fn a_token_takes_what_was_foretold_however_wide_heads_are() {
    // Two layers of two heads with keys and values of 16 and of 40 numbers.
    check(|path| tiny_llama::write(path, 1), 2 * 2 * (16 + 16) * 4);
    check(|path| tiny_llama::write_with_wide_heads(path, 1), 2 * 2 * (40 + 40) * 4);
}
