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

/// Lets a tenant ask for 400 tokens behind a text, as a request of that number that came in then.
type Asking<'a> = &'a dyn Fn(&mut FolderScheduler<'_>, u64, i64, Instant, &str);

const TEXT: &str = ", the sea and the land ";

/// As much as one of 512 tokens takes: two layers, two heads of 24 numbers, keys and values.
const LONGEST_BYTES: u64 = 512 * 2 * 2 * 24 * 2 * 4;

/// What `check` finds in a scheduler of a tiny network that has limits as `limited` makes them.
fn with_scheduler<T>(
    limited: impl FnOnce(Limits) -> Limits,
    check: impl FnOnce(&mut FolderScheduler<'_>, Asking<'_>) -> T,
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
    let mut scheduler = FolderScheduler::new(decoder, vocabulary.vocab(), limited(limits), outbox);
    let ask = |scheduler: &mut FolderScheduler<'_>, id: u64, tenant: i64, at: Instant, text: &str| {
        let mut params = GenerateParams::new(Tenant(tenant));
        (params.sampling.max_tokens, params.sampling.ignore_eos) = (Some(400), true);
        let prompt = prompter.prepare(&Prompt::Text(format!("{id}{text}")), &params).expect("a prompt");
        let spelling = |token| prompter.spelling(token);
        let work = Work::generate(RequestId(id), prompt, params, at, prompter.ends(), &spelling);
        scheduler.take(work, &Cancels::default()).expect("accepted");
    };
    check(&mut scheduler, &ask)
}

fn running(scheduler: &FolderScheduler<'_>) -> Vec<u64> {
    let mut running: Vec<_> = scheduler.running.values().map(|it| it.sequence.id.0).collect();
    running.sort_unstable();
    running
}

/// Two answers that grow until the younger one has to make room, which it does for long enough that both cannot be computed
/// in one step. How many tokens it has then, how many where it has gone on for a step, and what was paused in between.
fn interrupted(saved_bytes: u64) -> [u64; 3] {
    let limited = |limits| Limits { max_bytes: LONGEST_BYTES, saved_bytes, ..limits };
    with_scheduler(limited, |scheduler, ask| {
        (1..=2).for_each(|id| ask(scheduler, id, id.cast_signed(), Instant::now(), TEXT));
        while !scheduler.is_full {
            scheduler.step().expect("a step");
        }
        let n_before = scheduler.waiting[0].tokens.len() as u64;
        let n_bytes = scheduler.paused.bytes();
        while !running(scheduler).contains(&2) {
            scheduler.step().expect("a step");
        }
        let gone_on = scheduler.running.values().find(|it| it.sequence.id == RequestId(2));
        [n_before, gone_on.expect("it runs").sequence.n_past as u64, n_bytes]
    })
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

#[test]
fn who_has_no_place_is_given_one_of_somebody_who_has_several() {
    let limited = |limits| Limits { n_parallel: 2, saved_bytes: 1 << 20, ..limits };
    with_scheduler(limited, |scheduler, ask| {
        let now = Instant::now();
        let long_ago = now.checked_sub(PLACE_AFTER).expect("a clock that ran");
        (1..=3).for_each(|id| ask(scheduler, id, 1, now, TEXT));
        (0..40).for_each(|_| scheduler.step().expect("a step"));
        let n_tokens = scheduler.running.values().map(|it| it.sequence.tokens.len()).min();
        ask(scheduler, 4, 2, now + Duration::from_secs(3600), TEXT);
        scheduler.step().expect("a step");
        assert_eq!(running(scheduler), [1, 2], "a moment is nothing");
        ask(scheduler, 5, 3, long_ago, TEXT);
        ask(scheduler, 6, 3, long_ago, TEXT);
        scheduler.step().expect("a step");
        assert_eq!(running(scheduler), [1, 5]);
        ask(scheduler, 7, 4, long_ago, TEXT);
        scheduler.step().expect("a step");
        assert_eq!(running(scheduler), [1, 5], "nobody gives its only one");
        // Whoever gave its place goes on where it was, before others of its own, when it is their turn.
        scheduler.cancel(RequestId(4)).expect("cancelled");
        scheduler.cancel(RequestId(1)).expect("cancelled");
        scheduler.step().expect("a step");
        assert_eq!(running(scheduler), [5, 7]);
        scheduler.cancel(RequestId(6)).expect("cancelled");
        scheduler.cancel(RequestId(5)).expect("cancelled");
        scheduler.step().expect("a step");
        assert_eq!(running(scheduler), [2, 7]);
        let second = scheduler.running.values().find(|it| it.sequence.id == RequestId(2));
        assert!(second.map(|it| it.sequence.n_past) >= n_tokens);
    });
}

#[test]
fn no_place_is_given_where_there_is_no_room_for_whoever_has_none() {
    let limited = |limits| Limits { n_parallel: 2, max_bytes: LONGEST_BYTES, ..limits };
    with_scheduler(limited, |scheduler, ask| {
        let now = Instant::now();
        let long_ago = now.checked_sub(PLACE_AFTER).expect("a clock that ran");
        (1..=2).for_each(|id| ask(scheduler, id, 1, now, TEXT));
        scheduler.step().expect("a step");
        ask(scheduler, 3, 2, long_ago, &TEXT.repeat(16));
        scheduler.step().expect("a step");
        assert_eq!(running(scheduler), [1, 2]);
        scheduler.cancel(RequestId(3)).expect("cancelled");
        ask(scheduler, 4, 2, long_ago, TEXT);
        scheduler.step().expect("a step");
        assert_eq!(running(scheduler), [1, 4]);
    });
}
