use super::*;
use crate::{
    llama::{load_file, open_context},
    prompt::Prompter,
    scheduler::Work,
    tests::{
        exactly,
        tiny_llama::{self, Manners},
        tiny_memories::{self, Kind},
    },
};
use llama_cpp_2::{llama_backend::LlamaBackend, llama_batch::LlamaBatch, model::params::LlamaModelParams};
use protocol::{GenerateParams, KvFiles, LoadRequest, Prompt, RequestId};
use std::time::Instant;

const ENOUGH: u64 = 1 << 24;

/// Makes the generation with a number that goes on with a text.
type Ask<'a> = &'a dyn Fn(u64, &str) -> Box<Sequence>;

/// What becomes of four sequences of a model of a kind, or of one that keeps everything, in 1024 cells.
fn with_pool(kind: Option<Kind>, saved_bytes: u64, act: impl FnOnce(&mut Pool<'_>, Ask<'_>)) {
    with_files(kind, saved_bytes, 0, act);
}

/// Likewise, with files that take at most so much.
fn with_files(
    kind: Option<Kind>,
    saved_bytes: u64,
    max_bytes: u64,
    act: impl FnOnce(&mut Pool<'_>, Ask<'_>),
) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tiny.gguf");
    match kind {
        Some(kind) => tiny_memories::write(&path, kind, 1, &Manners { template: "", special: &[] }),
        None => tiny_llama::write(&path, 1),
    }
    let backend = LlamaBackend::init().expect("a backend");
    let model = load_file(&backend, &path, LlamaModelParams::default(), |_| true).expect("a model");
    let kv_files = Some(KvFiles { folder: folder.path().join("files"), max_bytes });
    let request = LoadRequest { kv_files, ..exactly(&path, Some(256)) };
    let opened = open_context(&backend, &model, &request, None).expect("a context");
    let mut pool = Pool::new(opened.context, &model, 4, StateFiles::open(&request, 256), saved_bytes);
    let prompter = Prompter::new(&model, 1024);
    let ask = |id, text: &str| {
        let params = GenerateParams::new(Tenant(1));
        let prompt = prompter.prepare(&Prompt::Text(text.to_owned()), &params).expect("a prompt");
        let spelling = |token| prompter.spelling(token);
        match Work::generate(RequestId(id), prompt, params, Instant::now(), prompter.ends(), &spelling) {
            Work::Generate(sequence) => sequence,
            _ => panic!("no generation"),
        }
    };
    act(&mut pool, &ask);
}

/// Computes all of a running sequence but its last token; says how many it has then.
fn compute(pool: &mut Pool<'_>, id: SequenceId) -> usize {
    let sequence = pool.sequence(id).expect("it runs");
    let (n_past, end) = (sequence.n_past, sequence.tokens.len() - 1);
    let tokens = sequence.tokens[n_past..end].to_vec();
    for (i, chunk) in tokens.chunks(256).enumerate() {
        let mut batch = LlamaBatch::new(256, 1);
        for (place, token) in (n_past + 256 * i..).zip(chunk) {
            batch.add(*token, place as i32, &[id as i32], true).expect("room in the batch");
        }
        pool.context.decode(&mut batch).expect("room in the cache");
    }
    pool.sequence_mut(id).expect("it runs").n_past = end;
    end
}

/// Starts a sequence where it should, which is at `expected`; gives its number.
#[track_caller]
fn start(pool: &mut Pool<'_>, sequence: Box<Sequence>, expected: Place) -> SequenceId {
    let place = pool.place(&sequence);
    assert_eq!(place, expected);
    let id = sequence.id;
    assert!(pool.start(sequence, place).is_none());
    pool.running().find(|(_, it)| it.id == id).expect("it runs").0
}

/// The number of what is saved first: there is one for padding behind the four.
const SAVED: SequenceId = 5;

#[test]
fn who_gives_its_cells_back_computes_nothing_again() {
    for kind in [None].into_iter().chain(Kind::ALL.map(Some)) {
        with_pool(kind, ENOUGH, |pool, ask| {
            let id = start(pool, ask(1, "the sea and the sky and nothing else than that"), Place::Fresh);
            let n_tokens = compute(pool, id);
            let sequence = pool.preempt(id).expect("it ran");
            assert_eq!((sequence.n_past, pool.n_running()), (0, 0));
            let id = start(pool, sequence, Place::Resume { sequence: SAVED, n_tokens });
            assert_eq!(pool.sequence(id).expect("it runs").n_past, n_tokens, "{kind:?}");
        });
    }
}

#[test]
fn what_memory_has_no_room_for_or_must_be_forgotten_is_computed_again() {
    for (saved_bytes, is_forgotten) in [(0, false), (ENOUGH, true)] {
        with_pool(None, saved_bytes, |pool, ask| {
            let id = start(pool, ask(1, "the sea and the sky and nothing else than that"), Place::Fresh);
            compute(pool, id);
            pool.sequence_mut(id).expect("it runs").is_forgotten = is_forgotten;
            let sequence = pool.preempt(id).expect("it ran");
            start(pool, sequence, Place::Fresh);
            assert_eq!(pool.saved_bytes(), 0);
        });
    }
}

#[test]
fn what_is_mostly_in_the_cells_of_others_begins_with_theirs_again() {
    with_pool(None, ENOUGH, |pool, ask| {
        let first = start(pool, ask(1, &format!("{} one", "the sea ".repeat(9))), Place::Fresh);
        compute(pool, first);
        let second = ask(2, &format!("{} two", "the sea ".repeat(9)));
        let place = pool.place(&second);
        assert!(matches!(place, Place::Fork { n_tokens, .. } if n_tokens > 70), "{place:?}");
        let id = start(pool, second, place);
        compute(pool, id);
        let interrupted = pool.preempt(id).expect("it ran");
        start(pool, interrupted, place);
        assert_eq!(pool.saved_bytes(), 0);
    });
}

#[test]
fn who_was_interrupted_waits_for_room_for_where_it_was() {
    with_pool(None, ENOUGH, |pool, ask| {
        let first = start(pool, ask(1, &"the sea ".repeat(80)), Place::Fresh);
        let n_tokens = compute(pool, first);
        let interrupted = pool.preempt(first).expect("it ran");
        let second = start(pool, ask(2, &"a quiet night ".repeat(40)), Place::Fresh);
        compute(pool, second);
        let place = pool.place(&interrupted);
        let interrupted = pool.start(interrupted, place).expect("no room beside the other one");
        // What is only kept makes room.
        pool.release(second);
        let id = start(pool, interrupted, Place::Resume { sequence: SAVED, n_tokens });
        assert_eq!(pool.sequence(id).expect("it runs").n_past, n_tokens);
    });
}

#[test]
fn what_is_written_while_nobody_works_is_saved_once_and_stays_in_the_cache() {
    with_files(None, ENOUGH, ENOUGH, |pool, ask| {
        let text = "the sea and the sky ".repeat(10);
        let id = start(pool, ask(1, &text), Place::Fresh);
        let n_tokens = compute(pool, id);
        pool.release(id);
        assert!(pool.has_unwritten());
        while !pool.write_files() || pool.is_busy_with_files() {
            pool.note_files(true);
        }
        let n_bytes = pool.saved_bytes();
        assert!(!pool.has_unwritten() && n_bytes > 0);
        let next = ask(2, &text);
        assert_eq!(pool.place(&next), Place::Resume { sequence: id, n_tokens });
        pool.save_kept();
        assert_eq!(pool.saved_bytes(), n_bytes);
        start(pool, next, Place::Resume { sequence: SAVED, n_tokens });
    });
}

#[test]
fn what_is_only_in_a_file_is_in_memory_again_when_it_leaves_the_cache() {
    with_files(None, ENOUGH, ENOUGH, |pool, ask| {
        let text = "the sea and the sky ".repeat(10);
        let id = start(pool, ask(1, &text), Place::Fresh);
        let n_tokens = compute(pool, id);
        pool.release(id);
        while !pool.write_files() || pool.is_busy_with_files() {
            pool.note_files(true);
        }
        pool.set_saved_bytes(0);
        assert_eq!(pool.saved_bytes(), 0);
        pool.set_saved_bytes(ENOUGH);
        pool.save_kept();
        assert!(pool.saved_bytes() > 0);
        start(pool, ask(2, &text), Place::Resume { sequence: SAVED, n_tokens });
    });
}

#[test]
fn who_waits_for_a_file_starts_with_it_however_much_the_rest_of_memory_is_worth() {
    with_files(None, ENOUGH, ENOUGH, |pool, ask| {
        let text = "the sea and the sky ".repeat(10);
        let id = start(pool, ask(1, &text), Place::Fresh);
        let n_tokens = compute(pool, id);
        pool.release(id);
        while !pool.write_files() || pool.is_busy_with_files() {
            pool.note_files(true);
        }
        pool.save_kept();
        let n_bytes = pool.saved_bytes();
        pool.set_saved_bytes(0);
        pool.set_saved_bytes(n_bytes * 3 / 2);
        // Of this there is no file.
        let mut other = ask(2, &"a quiet night ".repeat(14));
        other.tenant = Tenant(1).fleeting();
        let id = start(pool, other, Place::Fresh);
        compute(pool, id);
        pool.release(id);
        pool.save_kept();
        assert!(pool.saved_bytes() > n_bytes / 2);
        let next = ask(3, &text);
        let place = pool.place(&next);
        assert!(!pool.is_ready(place));
        while pool.is_busy_with_files() {
            pool.note_files(true);
        }
        assert!(pool.saved_bytes() <= n_bytes * 3 / 2);
        assert!(pool.is_ready(place), "it would be read over and over");
        start(pool, next, Place::Resume { sequence: SAVED, n_tokens });
    });
}

#[test]
fn what_is_kept_is_copied_beside_a_stream_only_where_nobody_notices() {
    // Milliseconds that the copy takes, and whether somebody waits for tokens; whether it is copied.
    let check = |copy_ms: f64, streams: bool, expected: bool| {
        with_pool(None, ENOUGH, |pool, ask| {
            let stream = start(pool, ask(1, "a stream that goes on"), Place::Fresh);
            compute(pool, stream);
            if streams {
                pool.sequence_mut(stream).expect("it runs").tokens.push(LlamaToken(5));
            }
            let text = ask(2, &"the sea and the sky ".repeat(10));
            // Both begin with the same two tokens.
            let id = start(pool, text, Place::Fork { from: stream, n_tokens: 2 });
            compute(pool, id);
            pool.release(id);
            pool.copying = CopyCost::default();
            pool.copying.learn(1 << 20, copy_ms * f64::from(1 << 20) / kept_bytes(pool, id) as f64);
            pool.save_kept();
            assert_eq!(
                (pool.saved_bytes() > 0, pool.is_used(id)),
                (expected, !expected),
                "{copy_ms}, {streams}"
            );
            // Who needs the cells has them.
            pool.save_oldest();
            assert!(pool.saved_bytes() > 0 && !pool.is_used(id));
        });
    };
    check(1.0, true, true);
    check(99.0, true, true);
    check(101.0, true, false);
    check(101.0, false, true);
}

fn kept_bytes(pool: &Pool<'_>, id: SequenceId) -> usize {
    match pool.entries[id] {
        Entry::Kept { n_bytes, .. } => n_bytes,
        _ => panic!("it is not kept"),
    }
}

/// Keeps a text of so many letters; how many tokens it has.
fn keep(pool: &mut Pool<'_>, ask: Ask<'_>, id: u64, letter: &str, n: usize) -> usize {
    let sequence = ask(id, &letter.repeat(n));
    let place = pool.place(&sequence);
    assert!(pool.start(sequence, place).is_none());
    let number = pool.running().find(|(_, it)| it.id == RequestId(id)).expect("it runs").0;
    let n_tokens = compute(pool, number);
    pool.release(number);
    n_tokens
}

#[test]
fn what_loses_its_place_in_memory_to_what_makes_room_for_it_is_computed_again() {
    with_pool(None, ENOUGH, |pool, ask| {
        let n_tokens = keep(pool, ask, 1, "a", 100);
        pool.save_kept();
        // From now on there is room for one.
        let n_bytes = pool.saved_bytes();
        pool.set_saved_bytes(n_bytes * 5 / 4);
        for (id, letter) in (2..).zip(["b", "c", "d", "e"]) {
            keep(pool, ask, id, letter, 110);
        }
        assert_eq!(pool.saved_bytes(), n_bytes, "nothing else was saved");
        let again = ask(6, &"a".repeat(100));
        let place = Place::Resume { sequence: SAVED, n_tokens };
        assert_eq!(pool.place(&again), place);
        assert!(pool.start(again, place).is_none());
        let running = pool.running().map(|(_, it)| it.n_past).collect::<Vec<_>>();
        assert_eq!(running, [0]);
    });
}

#[test]
fn what_cannot_be_set_back_any_more_is_computed_again() {
    for kind in Kind::ALL {
        with_pool(Some(kind), ENOUGH, |pool, ask| {
            let n_tokens = keep(pool, ask, 1, "the sea and the sky ", 10);
            pool.save_kept();
            let next = ask(2, &format!("{}and so on", "the sea and the sky ".repeat(5)));
            // As if there had been a state at a place of both when it was asked where to start.
            let place = Place::Fork { from: SAVED, n_tokens: n_tokens / 2 };
            assert!(pool.start(next, place).is_none());
            let n_past = pool.running().map(|(_, it)| it.n_past).next();
            assert_eq!(n_past, Some(0), "{kind:?}");
        });
    }
}
