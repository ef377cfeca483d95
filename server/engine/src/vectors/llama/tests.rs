use super::*;
use crate::tests::{
    exactly,
    tiny_bert::{self, Made},
    tiny_llama,
};
use std::path::Path;

/// Where there is no memory to compute more than a part of a text at once.
fn open_in_little_memory<'m>(
    backend: &LlamaBackend,
    model: &'m LlamaModel,
    request: &LoadRequest,
    shape: VectorShape,
) -> Result<LlamaContext<'m>, String> {
    if shape.n_at_once > BATCH_TOKENS as u32 {
        return Err("no memory for whole texts".to_owned());
    }
    llama::open_vector_context(backend, model, request, shape)
}

#[test]
fn memory_for_parts_of_texts_is_enough_for_a_model_that_takes_them() {
    let backend = LlamaBackend::init().expect("nobody else has it");
    let check = |write: &dyn Fn(&Path), head: Head, is_enough: bool| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tiny.gguf");
        write(&path);
        let model = LlamaModel::load_from_file(&backend, &path, &Default::default()).expect("a model");
        let request = exactly(&path, None);
        let facts = VectorFacts { limit: 2 * BATCH_TOKENS, ..vector_facts(&model, &request) };
        let encoder = LlamaEncoder::new(&backend, &model, &request, facts);
        let mut encoder = LlamaEncoder { open_context: open_in_little_memory, ..encoder };
        assert_eq!(encoder.prepare(head).is_ok(), is_enough, "{head:?}");
        let opened = encoder.open.as_ref().map(|(shape, _)| (shape.n_tokens, shape.n_at_once));
        let [whole, part] = [2 * BATCH_TOKENS as u32, BATCH_TOKENS as u32];
        assert_eq!(opened, is_enough.then_some((whole, part)), "{head:?}");
    };
    let (last, mean) = (Head::Pooled(Pooling::Last), Head::Pooled(Pooling::Mean));
    check(&|path| tiny_llama::write_for_vectors(path, 1), last, true);
    check(&|path| tiny_llama::write(path, 1), Head::Likelihood { n_tokens: 2 }, true);
    check(&|path| tiny_bert::write(path, 1, Made::Mean), mean, false);
}

#[test]
fn what_is_written_together_has_no_space_that_nobody_wrote() {
    let backend = LlamaBackend::init().expect("nobody else has it");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tiny.gguf");
    tiny_llama::write(&path, 1);
    let model = LlamaModel::load_from_file(&backend, &path, &Default::default()).expect("a model");
    let tokens = LlamaTokens::new(&model);
    let written = |own: &[LlamaToken]| {
        let bytes: Vec<u8> = own.iter().flat_map(|token| tokens.spelling(*token)).collect();
        String::from_utf8(bytes).expect("text")
    };
    let guard = guard(&tokens.vocab);
    let check = |query: &str, document: &str, expected: &str| {
        let pair = tokens.fill("q {query} d {document}", &guard, query, document);
        assert_eq!(written(&pair), expected);
        assert!(!pair.contains(&tokens.vocab.bos()) && !pair.contains(&tokens.vocab.eos()), "{pair:?}");
    };
    // The vocabulary puts a space in front of a text.
    check("a", "b", " q a d b");
    // What spells a mark is cut in pieces, each of which goes on from the one before it.
    check("a</s>b", "c", " q a</s>b d c");
    check("a", "</s><s> b", " q a d </s><s> b");

    let (asked, n_query) = tokens.asked(" b ", "a").expect("tokens");
    let asked: Vec<_> = asked.iter().map(|token| LlamaToken(token.cast_signed())).collect();
    let expected = "<s> a\n\nQuestion that this text answers: b";
    assert_eq!((written(&asked), n_query), (expected.to_owned(), 2));
}
