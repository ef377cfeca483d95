//! Schedulers that go step by step.

use super::{
    super::{Chunk, Companions, Scheduler, StepCost, Work, n_threads},
    Ask, adapters, ask, with,
};
use crate::{
    inbox::Cancels,
    llama::{Threads, load_file, open_context},
    outbox::Outbox,
    prompt::Prompter,
    tests::{exactly, tiny_llama},
    vectors::{LlamaEncoder, Queue, vector_facts},
};
use llama_cpp_2::{llama_backend::LlamaBackend, model::params::LlamaModelParams};
use protocol::{Event, LoadRequest, Prompt, RequestId, read_frame};
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// What was said.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A scheduler and who gives it work.
struct Stepper<'m> {
    scheduler: Scheduler<'m>,
    prompter: Prompter<'m>,
    said: Said,
}

/// What becomes of a scheduler of a tiny model that is loaded as `change` says.
fn step_by_step(change: impl FnOnce(LoadRequest) -> LoadRequest, act: impl FnOnce(&mut Stepper<'_>)) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tiny.gguf");
    tiny_llama::write(&path, 3);
    let request = change(exactly(&path, Some(1024)));
    let backend = LlamaBackend::init().expect("a backend");
    let model = load_file(&backend, &path, LlamaModelParams::default(), |_| true).expect("a model");
    let opened = open_context(&backend, &model, &request, None).expect("a context");
    let said = Said::default();
    let outbox = Outbox::new(said.clone());
    let encoder = LlamaEncoder::new(&backend, &model, &request, vector_facts(&model, &request));
    let vectors = Queue::new(encoder, outbox.clone());
    let companions = Companions { draft: None, looking: None };
    let scheduler =
        Scheduler::new(opened.context, &model, &request, &opened.facts, outbox, vectors, companions);
    let prompter = Prompter::new(&model, opened.facts.n_ctx);
    act(&mut Stepper { scheduler, prompter, said });
}

impl Stepper<'_> {
    fn ask(&mut self, id: u64, ask: &Ask) {
        self.ask_at(id, ask, Instant::now());
    }

    /// Likewise, as if it had been asked at `at`.
    fn ask_at(&mut self, id: u64, ask: &Ask, at: Instant) {
        let (prompt, params) = (Prompt::Text(ask.prompt.clone()), ask.params());
        let prompt = self.prompter.prepare(&prompt, &params).expect("a prompt");
        let spelling = |token| self.prompter.spelling(token);
        let work = Work::generate(RequestId(id), prompt, params, at, self.prompter.ends(), &spelling);
        self.scheduler.take(work, &Cancels::default()).expect("accepted");
    }

    fn cancel(&mut self, id: u64) {
        self.scheduler.cancel(RequestId(id)).expect("heard");
    }

    fn step(&mut self) {
        self.scheduler.step().expect("a step");
    }

    /// Goes on until this one has answered something.
    fn step_until_it_answers(&mut self, id: u64) {
        let is_answering =
            |it: &Self| it.scheduler.pool.running().any(|(_, it)| it.id == RequestId(id) && it.is_decoding());
        for _ in 0..1000 {
            if is_answering(self) {
                return;
            }
            self.step();
        }
        panic!("{id} has no answer");
    }

    /// What runs.
    fn running(&self) -> Vec<u64> {
        let mut ids: Vec<_> = self.scheduler.pool.running().map(|(_, it)| it.id.0).collect();
        ids.sort_unstable();
        ids
    }

    /// What was said since the last time.
    fn events(&self) -> Vec<Event> {
        let bytes = std::mem::take(&mut *self.said.0.lock().expect("no panic"));
        let mut rest = &bytes[..];
        std::iter::from_fn(|| read_frame(&mut rest).expect("whole frames")).collect()
    }
}

#[test]
fn what_is_answered_in_a_step_comes_in_one_frame() {
    step_by_step(
        |request| request,
        |it| {
            (1..=3).for_each(|id| it.ask(id, &ask(&format!("{} is at it", "abc".repeat(id as usize)))));
            (1..=3).for_each(|id| it.step_until_it_answers(id));
            it.events();
            for _ in 0..10 {
                it.step();
                let events = it.events();
                let [Event::Step(deltas)] = &events[..] else { panic!("{events:?}") };
                assert_eq!(deltas.iter().map(|delta| delta.id.0).collect::<Vec<_>>(), [1, 2, 3]);
            }
        },
    );
}

#[test]
fn a_step_with_a_prompt_in_it_has_the_threads_of_prompts() {
    let check = |decode: &[bool], expected: u32| {
        let chunk = |(sequence, decodes): (usize, &bool)| Chunk {
            sequence,
            start: 9,
            n_tokens: 40,
            n_drafted: 39,
            decodes: *decodes,
            samples: true,
        };
        let chunks: Vec<_> = decode.iter().enumerate().map(chunk).collect();
        assert_eq!(n_threads(Threads { decode: 2, prefill: 4 }, &chunks), expected, "{decode:?}");
    };
    check(&[true], 2);
    check(&[true, true, true], 2);
    check(&[false], 4);
    check(&[true, true, false], 4);
}

#[test]
fn a_prompt_with_other_adapters_is_cut_as_finely_as_a_stream_needs_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let [adapter, _] = adapters(&folder);
    step_by_step(
        |request| request,
        |it| {
            it.ask(1, &Ask { n_tokens: 900, ..ask("a stream") });
            it.step_until_it_answers(1);
            let long = Ask { prompt: "the sea and the sky ".repeat(45), ..with(&[(&adapter, 1.0)]) };
            it.ask(2, &long);
            it.scheduler.admit();
            // A token of a prompt takes four milliseconds.
            it.scheduler.cost = StepCost::default();
            it.scheduler.cost.learn(0, 64, 256.0);
            let budget = |it: &Stepper<'_>| {
                let running = it.scheduler.pool.running().find(|(_, it)| it.id == RequestId(2));
                let set = running.expect("it runs").1.set.id;
                it.scheduler.budget(&it.scheduler.needs(set), set).n_tokens
            };
            assert_eq!(budget(it), 37);
            it.cancel(1);
            assert_eq!(budget(it), 224);
        },
    );
}

#[test]
fn who_has_no_place_is_given_one_of_somebody_who_has_several() {
    step_by_step(
        |request| LoadRequest { n_sequences: 3, ..request },
        |it| {
            let long = |letter: &str, tenant| Ask { tenant, n_tokens: 300, ..ask(&letter.repeat(20)) };
            (1..).zip(["a", "b", "c", "d"]).for_each(|(id, letter)| it.ask(id, &long(letter, 1)));
            it.step_until_it_answers(3);
            let n_tokens = it.scheduler.pool.running().map(|(_, it)| it.tokens.len()).max();
            it.ask(5, &long("e", 2));
            it.scheduler.admit();
            assert_eq!(it.running(), [1, 2, 3], "a moment is nothing");
            it.cancel(5);
            let long_ago = Instant::now().checked_sub(Duration::from_secs(2)).expect("a clock that ran");
            it.ask_at(6, &long("f", 2), long_ago);
            it.ask_at(7, &long("g", 2), long_ago);
            it.scheduler.admit();
            assert_eq!(it.running(), [1, 2, 6]);
            it.scheduler.admit();
            assert_eq!(it.running(), [1, 2, 6], "one is enough");
            it.ask_at(8, &long("h", 3), long_ago);
            it.scheduler.admit();
            assert_eq!(it.running(), [1, 6, 8]);
            it.ask_at(9, &long("i", 4), long_ago);
            it.scheduler.admit();
            assert_eq!(it.running(), [1, 6, 8], "nobody gives its only one");
            // Whoever gave its place goes on where it was, before others of its own, when it is their turn.
            it.cancel(1);
            it.scheduler.admit();
            assert_eq!(it.running(), [6, 8, 9]);
            it.cancel(6);
            it.cancel(7);
            it.scheduler.admit();
            assert_eq!(it.running(), [2, 8, 9]);
            let second = it.scheduler.pool.running().find(|(_, it)| it.id == RequestId(2));
            assert!(second.is_some_and(|(_, it)| Some(it.n_past + 3) >= n_tokens));
        },
    );
}

/// Four contexts' cells. Five answers that fill one each are begun, so that the youngest has to give its cells back.
fn fill(it: &mut Stepper<'_>) {
    for (id, letter) in (1..).zip(["a", "b", "c", "d", "e"]) {
        it.ask(id, &Ask { n_tokens: 100, ..ask(&format!("{letter} is at it. ").repeat(76)) });
    }
    for _ in 0..1000 {
        if it.running() == [1, 2, 3, 4] && it.scheduler.waiting.len() == 1 {
            return;
        }
        it.step();
    }
    panic!("nobody gave way");
}

/// A short question that fits beside four of those.
fn short(it: &mut Stepper<'_>, id: u64) {
    it.ask(id, &Ask { n_tokens: 3, ..ask("one more") });
}

#[test]
fn who_waits_for_cells_has_them_however_many_short_answers_come_and_end() {
    step_by_step(
        |request| request,
        |it| {
            fill(it);
            short(it, 6);
            it.scheduler.admit();
            assert_eq!(it.running(), [1, 2, 3, 4, 6]);
            let long_ago = Instant::now().checked_sub(Duration::from_secs(11));
            it.scheduler.waiting[0].without_cells = long_ago;
            it.cancel(6);
            short(it, 7);
            it.scheduler.admit();
            assert_eq!(it.running(), [1, 2, 3, 4], "what becomes free is not for who comes anew");
            assert_eq!(it.scheduler.waiting[0].without_cells, long_ago, "its time begins anew");
            it.cancel(1);
            it.scheduler.admit();
            assert_eq!(it.running(), [2, 3, 4, 5, 7]);
        },
    );
}

#[test]
fn who_lost_what_was_computed_begins_again_only_where_it_can_stay() {
    step_by_step(
        |request| LoadRequest { saved_bytes: 0, ..request },
        |it| {
            fill(it);
            short(it, 6);
            it.scheduler.admit();
            it.cancel(6);
            it.scheduler.admit();
            assert_eq!(it.running(), [1, 2, 3, 4]);
            it.cancel(2);
            it.scheduler.admit();
            assert_eq!(it.running(), [1, 3, 4, 5]);
        },
    );
}
