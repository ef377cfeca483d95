use super::*;
use crate::{
    folder::{self, FolderModel},
    loading::Loading,
    prompt::Prompter,
    pulse::Pulse,
    tests::{
        exactly,
        tiny_twins::{Family, Form, write_folder},
    },
};
use llama_cpp_2::llama_backend::LlamaBackend;
use protocol::{GenerateParams, Prompt, Tenant};
use std::sync::atomic::AtomicBool;

/// Two answers that grow until the younger one has to make room, which it does for long enough that both cannot be computed
/// in one step. How many tokens it has then, how many where it has gone on for a step, and what was paused in between.
fn interrupted(saved_bytes: u64) -> [u64; 3] {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("model");
    write_folder(&path, Family::Qwen3, 1, Form::default());
    let outbox = Outbox::new(std::io::sink());
    let backend = LlamaBackend::init().expect("llama.cpp");
    let request = exactly(&path, Some(512));
    let loading = Loading::new(&request, outbox.clone(), Pulse::leaked());
    let model = folder::load(&backend, &request, &loading, &AtomicBool::new(false));
    let FolderModel { decoder, vocabulary, words, facts, limits } = model.expect("a model");
    let prompter = Prompter::new(&vocabulary, facts.n_ctx).with_words(words);
    // Two layers, two heads of 24 numbers, keys and values: as much as one of 512 tokens takes.
    let limits = Limits { max_bytes: 512 * 2 * 2 * 24 * 2 * 4, saved_bytes, ..limits };
    let mut scheduler = FolderScheduler::new(decoder, vocabulary.vocab(), limits, outbox);
    for tenant in [1, 2] {
        let mut params = GenerateParams::new(Tenant(tenant));
        (params.sampling.max_tokens, params.sampling.ignore_eos) = (Some(400), true);
        let text = format!("{tenant}, the sea and the land ");
        let prompt = prompter.prepare(&Prompt::Text(text), &params).expect("a prompt");
        let id = RequestId(tenant.cast_unsigned());
        let spelling = |token| prompter.spelling(token);
        let work = Work::generate(id, prompt, params, Instant::now(), prompter.ends(), &spelling);
        scheduler.take(work, &Cancels::default()).expect("accepted");
    }
    while !scheduler.is_full {
        scheduler.step().expect("a step");
    }
    let n_before = scheduler.waiting[0].tokens.len() as u64;
    let n_bytes = scheduler.paused.bytes();
    while scheduler.running.values().all(|it| it.sequence.id != RequestId(2)) {
        scheduler.step().expect("a step");
    }
    let gone_on = scheduler.running.values().find(|it| it.sequence.id == RequestId(2));
    [n_before, gone_on.expect("it runs").sequence.n_past as u64, n_bytes]
}

#[test]
fn who_made_room_goes_on_where_it_was_where_memory_has_room_for_that() {
    let [n_before, n_after, n_bytes] = interrupted(1 << 20);
    assert!(n_before > 2 * STEP_TOKENS as u64 - 60, "{n_before}");
    assert!(n_bytes > 0);
    assert!(n_after >= n_before, "{n_after} of {n_before}");
    let [n_before, n_after, n_bytes] = interrupted(0);
    assert_eq!(n_bytes, 0);
    assert!(n_after < n_before, "{n_after} of {n_before}");
}
