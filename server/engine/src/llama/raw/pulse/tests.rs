use super::*;
use crate::{
    llama::{load_file, open_context},
    tests::{exactly, tiny_llama},
};
use llama_cpp_2::{
    llama_backend::LlamaBackend, llama_batch::LlamaBatch, model::params::LlamaModelParams, token::LlamaToken,
};

#[test]
fn a_step_gives_signs_of_life_while_it_is_computed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tiny.gguf");
    tiny_llama::write(&path, 1);
    let backend = LlamaBackend::init().expect("llama.cpp");
    let model = load_file(&backend, &path, LlamaModelParams::default(), |_| true).expect("a model");
    let mut context =
        open_context(&backend, &model, &exactly(&path, Some(64)), None).expect("a context").context;
    let pulse = Pulse::leaked();
    beat_with(&mut context, pulse).expect("the context's address");
    assert_eq!(pulse.count(), 0);
    let mut batch = LlamaBatch::new(4, 1);
    batch.add(LlamaToken(5), 0, &[0], true).expect("room");
    context.decode(&mut batch).expect("a step");
    context.synchronize();
    // Two layers have many more.
    assert!(pulse.count() > 20, "{}", pulse.count());
}
