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

/// What comes of working with the scheduler of a small model that has such limits, and with what makes work for it: of a request, whose
/// it is, and since when it waits.
fn with_scheduler<T>(
    limit: impl Fn(Limits) -> Limits,
    then: impl FnOnce(&mut FolderScheduler<'_>, &dyn Fn(u64, i64, Instant) -> Work) -> T,
) -> T {
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
    let mut scheduler = FolderScheduler::new(decoder, vocabulary.vocab(), limit(limits), outbox);
    let work = |id: u64, tenant: i64, since: Instant| {
        let mut params = GenerateParams::new(Tenant(tenant));
        (params.sampling.max_tokens, params.sampling.ignore_eos) = (Some(400), true);
        let text = format!("{id}, the sea and the land ");
        let prompt = prompter.prepare(&Prompt::Text(text), &params).expect("a prompt");
        let spelling = |token| prompter.spelling(token);
        Work::generate(RequestId(id), prompt, params, since, prompter.ends(), &spelling)
    };
    then(&mut scheduler, &work)
}

/// Two answers that grow until the younger one has to make room, which it does for long enough that both cannot be computed
/// in one step. How many tokens it has then, how many where it has gone on for a step, and what was paused in between.
fn interrupted(saved_bytes: u64) -> [u64; 3] {
    // Two layers, two heads of 24 numbers, keys and values: as much as one of 512 tokens takes.
    let limit = |limits| Limits { max_bytes: 512 * 2 * 2 * 24 * 2 * 4, saved_bytes, ..limits };
    with_scheduler(limit, |scheduler, work| {
        for (id, tenant) in [(1, 1), (2, 2)] {
            scheduler.take(work(id, tenant, Instant::now()), &Cancels::default()).expect("accepted");
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
    })
}

/// The requests that run after a step.
fn running_after_a_step(scheduler: &mut FolderScheduler<'_>) -> Vec<u64> {
    scheduler.step().expect("a step");
    scheduler.running.values().map(|it| it.sequence.id.0).collect()
}

#[test]
fn whoever_has_no_place_gets_one_of_somebody_who_has_several() {
    let limit = |limits| Limits { n_parallel: 2, ..limits };
    with_scheduler(limit, |scheduler, work| {
        let now = Instant::now();
        let long_ago = now.checked_sub(PLACE_AFTER).expect("the machine is older");
        let mut check = |id: u64, tenant: i64, since: Instant, expected: &[u64]| {
            scheduler.take(work(id, tenant, since), &Cancels::default()).expect("accepted");
            assert_eq!(running_after_a_step(scheduler), expected, "after {id}");
        };
        check(1, 1, now, &[1]);
        check(2, 1, long_ago, &[1, 2]);
        // Its own have all places.
        check(3, 1, long_ago, &[1, 2]);
        // Others' turn comes soon enough.
        check(4, 2, now, &[1, 2]);
        check(5, 3, long_ago, &[1, 5]);
        // Nobody has several any more.
        check(6, 4, long_ago, &[1, 5]);
        assert!(scheduler.paused.has(RequestId(2)), "it goes on where it was");
    });
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
