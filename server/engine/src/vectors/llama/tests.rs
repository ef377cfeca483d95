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
