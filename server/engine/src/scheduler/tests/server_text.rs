//! What the server itself wrote serves everybody, and nothing behind it does.

use super::{Ask, ask, plainly, restarts::files_in};
use crate::tests::{
    Worker, exactly,
    tiny_heads::Knows,
    tiny_llama::{self, Manners},
    tiny_memories::{self, Kind},
    tiny_recurrent,
};
use protocol::{KvFiles, LoadRequest};
use std::path::Path;

const SEED: u64 = 7;

/// The server's words.
fn rules() -> String {
    "be kind and brief and say so when you do not know. ".repeat(4)
}

/// Every letter is a token; the model's own beginning and a space come before them.
fn n_shared() -> usize {
    rules().len() + 2
}

/// The server's words, and then a tenant's.
fn question(tenant: i64, text: &str) -> Ask {
    let n_server_bytes = Some(rules().len());
    Ask { tenant, n_tokens: 20, n_server_bytes, ..ask(&(rules() + text)) }
}

fn start() -> Worker {
    super::start(SEED, 1024)
}

/// The prompt tokens that were there already, of each answer.
fn n_cached(worker: &mut Worker, asks: &[Ask]) -> Vec<usize> {
    worker.answer(asks).into_iter().map(|(_, usage)| usage.n_cached_tokens as usize).collect()
}

#[test]
fn what_the_server_wrote_is_computed_once_for_everybody() {
    let asks = [question(1, "is it raining?"), question(2, "what time is it?"), question(3, "who is there?")];
    let expected = plainly(SEED, &asks);
    let mut worker = start();
    for (i, ask) in asks.iter().enumerate() {
        let (text, usage) = worker.answer(std::slice::from_ref(ask)).remove(0);
        assert_eq!(text, expected[i]);
        assert_eq!(usage.n_cached_tokens as usize, if i == 0 { 0 } else { n_shared() });
    }
    worker.end();
}

#[test]
fn who_comes_at_the_same_time_waits_for_it_and_goes_on_apart() {
    let asks = [question(1, "is it raining?"), question(2, "what time is it?"), question(3, "who is there?")];
    let expected = plainly(SEED, &asks);
    let mut worker = start();
    let answers = worker.answer(&asks);
    assert_eq!(answers.iter().map(|(text, _)| text.clone()).collect::<Vec<_>>(), expected);
    let n_computed = answers.iter().filter(|(_, usage)| usage.n_cached_tokens == 0).count();
    assert_eq!(n_computed, 1, "{answers:?}");
    worker.end();
}

#[test]
fn nothing_behind_what_the_server_wrote_is_anybody_elses() {
    let secret = "the key is under the third stone behind the house.";
    let mut worker = start();
    n_cached(&mut worker, &[question(1, secret)]);
    // Word for word the same question finds no more than the server's words, be they there or running.
    assert_eq!(n_cached(&mut worker, &[question(2, secret)]), [n_shared()]);
    for id in 3..6 {
        assert_eq!(n_cached(&mut worker, &[question(id, secret)]), [n_shared()]);
    }
    let both = [question(6, secret), question(7, secret)];
    assert_eq!(n_cached(&mut worker, &both), [n_shared(); 2]);
    worker.end();
}

#[test]
fn who_does_not_say_what_the_server_wrote_shares_nothing() {
    let mut worker = start();
    let private = |tenant| Ask { n_server_bytes: None, ..question(tenant, "hello") };
    assert_eq!(n_cached(&mut worker, &[private(1)]), [0]);
    assert_eq!(n_cached(&mut worker, &[question(2, "hello")]), [0]);
    assert_eq!(n_cached(&mut worker, &[private(3)]), [0]);
    // As few words of one's own as are said to be the server's.
    let few = Ask { n_server_bytes: Some(60), ..question(4, "hello") };
    assert_eq!(n_cached(&mut worker, &[few]), [62]);
    let too_few = Ask { n_server_bytes: Some(8), ..question(5, "hello") };
    assert_eq!(n_cached(&mut worker, &[too_few]), [0]);
    worker.end();
}

#[test]
fn it_stays_when_whoever_asked_first_is_forgotten() {
    let mut worker = start();
    n_cached(&mut worker, &[question(1, "hello")]);
    worker.forget(1);
    assert_eq!(n_cached(&mut worker, &[question(2, "hello")]), [n_shared()]);
    worker.end();
}

#[test]
fn after_a_restart_it_is_in_a_file_that_holds_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = || {
        let kv_files = Some(KvFiles { folder: folder.path().to_owned(), max_bytes: 1 << 30 });
        super::start_with_files(SEED, 1024, kv_files)
    };
    let mut worker = start();
    // Of a temporary chat nothing is written but what the server said.
    n_cached(&mut worker, &[question(-2, "hello")]);
    worker.end();
    let files = files_in(folder.path());
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    assert_eq!(files.len(), 1);
    assert!(name(&files[0]).contains(&format!("-{}-", n_shared())), "{files:?}");
    let mut worker = start();
    assert_eq!(n_cached(&mut worker, &[question(2, "hello")]), [n_shared()]);
    worker.end();
}

#[test]
fn models_that_cannot_be_cut_share_it_too() {
    let of_kind = |kind: Kind| {
        move |path: &Path| tiny_memories::write(path, kind, SEED, &Manners { template: "", special: &[] })
    };
    let kinds = Kind::ALL.map(|kind| Box::new(of_kind(kind)) as Box<dyn Fn(&Path)>);
    let hybrid: Box<dyn Fn(&Path)> =
        Box::new(|path| tiny_recurrent::write_hybrid(path, SEED, Knows::Nothing));
    let plain: Box<dyn Fn(&Path)> = Box::new(|path| tiny_llama::write(path, SEED));
    for (i, write) in kinds.into_iter().chain([hybrid, plain]).enumerate() {
        let mut worker = Worker::start_loading(|path| {
            write(path);
            LoadRequest { n_sequences: 2, ..exactly(path, Some(1024)) }
        });
        let long = "and another thing that takes a while to say. ".repeat(6);
        n_cached(&mut worker, &[question(1, &long)]);
        assert_eq!(n_cached(&mut worker, &[question(2, "what time is it?")]), [n_shared()], "model {i}");
        worker.end();
    }
}
