//! Workers that find what an earlier one left in files.

use super::{Ask, adapters, ask, plainly, start_with_files};
use crate::tests::Worker;
use protocol::{Event, KvFiles, LoraAdapter, RequestId, Tenant};
use std::{
    fs,
    path::{Path, PathBuf},
};

const SEED: u64 = 7;
const ENOUGH: u64 = 1 << 30;

/// Long enough for a file.
fn question(tenant: i64) -> Ask {
    Ask { tenant, n_tokens: 20, ..ask(&"a question that goes on for a while. ".repeat(8)) }
}

/// The files below `folder`.
pub(super) fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// What was there before a prompt was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum There {
    Nothing,
    /// But for the last token, which has to be computed.
    All,
}

/// Answers in a worker with files in `folder`.
fn answer(seed: u64, folder: &Path, max_bytes: u64, ask: Ask) -> (String, There) {
    let kv_files = Some(KvFiles { folder: folder.to_owned(), max_bytes });
    let mut worker = start_with_files(seed, 1024, kv_files);
    let mut answers = worker.answer(&[ask]);
    worker.end();
    let (text, usage) = answers.remove(0);
    let there = match usage.n_prompt_tokens - usage.n_cached_tokens {
        1 => There::All,
        n if n == usage.n_prompt_tokens => There::Nothing,
        n => panic!("{n} tokens were computed"),
    };
    (text, there)
}

/// Answers, does something to the files, and answers the same question again in a new worker: the answer is the same,
/// and so much of it was there.
fn check(change: impl Fn(&Path), there: There) {
    let folder = tempfile::tempdir().expect("a folder");
    let (text, _) = answer(SEED, folder.path(), ENOUGH, question(1));
    assert_eq!(files_in(folder.path()).len(), 1);
    change(folder.path());
    assert_eq!(answer(SEED, folder.path(), ENOUGH, question(1)), (text, there));
}

/// Changes what is in every file below `folder`.
pub(super) fn change_file(folder: &Path, change: impl Fn(&mut Vec<u8>)) {
    for path in files_in(folder) {
        let mut bytes = fs::read(&path).expect("a file");
        change(&mut bytes);
        fs::write(&path, bytes).expect("a file");
    }
}

#[test]
fn a_conversation_goes_on_after_a_restart_without_being_computed_again() {
    check(|_| {}, There::All);
}

#[test]
fn an_answer_that_was_not_finished_is_in_a_file_as_far_as_it_came() {
    let folder = tempfile::tempdir().expect("a folder");
    let kv_files = Some(KvFiles { folder: folder.path().to_owned(), max_bytes: ENOUGH });
    let mut worker = start_with_files(SEED, 1024, kv_files);
    worker.send(RequestId(1), &Ask { n_tokens: 700, ..question(1) });
    while !matches!(worker.hear(), Event::Step(_)) {}
    worker.break_off();
    assert_eq!(answer(SEED, folder.path(), ENOUGH, question(1)).1, There::All);
}

#[test]
fn a_file_that_was_changed_is_computed_again() {
    check(|folder| change_file(folder, |bytes| *bytes.last_mut().expect("bytes") ^= 1), There::Nothing);
    check(|folder| change_file(folder, |bytes| bytes[100] ^= 1), There::Nothing);
    check(
        |folder| {
            change_file(folder, |bytes| {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0x80;
            });
        },
        There::Nothing,
    );
}

#[test]
fn a_file_that_ends_early_is_computed_again() {
    for length in [0, 4, 11, 60, 2_000] {
        check(|folder| change_file(folder, |bytes| bytes.truncate(length)), There::Nothing);
    }
    check(|folder| change_file(folder, |bytes| bytes.truncate(bytes.len() - 1)), There::Nothing);
}

#[test]
fn a_file_that_vanished_is_computed_again() {
    let remove =
        |folder: &Path| files_in(folder).iter().for_each(|path| fs::remove_file(path).expect("gone"));
    check(remove, There::Nothing);
}

#[test]
fn what_was_never_finished_is_cleared_away() {
    let folder = tempfile::tempdir().expect("a folder");
    answer(SEED, folder.path(), ENOUGH, question(1));
    let whole = files_in(folder.path()).remove(0);
    let unfinished = whole.with_extension("part");
    fs::rename(&whole, &unfinished).expect("renamed");
    assert_eq!(answer(SEED, folder.path(), ENOUGH, question(1)).1, There::Nothing);
    assert_eq!(files_in(folder.path()), [whole]);
}

#[test]
fn files_are_not_for_another_person_or_another_model() {
    let folder = tempfile::tempdir().expect("a folder");
    answer(SEED, folder.path(), ENOUGH, question(1));
    assert_eq!(answer(SEED, folder.path(), ENOUGH, question(2)).1, There::Nothing);
    assert_eq!(answer(SEED + 1, folder.path(), ENOUGH, question(1)).1, There::Nothing);
    assert_eq!(answer(SEED, folder.path(), ENOUGH, question(1)).1, There::All);
    assert_eq!(files_in(folder.path()).len(), 3);
}

#[test]
fn files_stay_within_their_bound() {
    let folder = tempfile::tempdir().expect("a folder");
    answer(SEED, folder.path(), ENOUGH, question(1));
    let n_bytes = fs::metadata(&files_in(folder.path())[0]).expect("a file").len();
    // Room for one and a half.
    answer(SEED, folder.path(), n_bytes * 3 / 2, question(2));
    assert_eq!(files_in(folder.path()).len(), 1);
    answer(SEED, folder.path(), n_bytes / 2, question(3));
    answer(SEED, folder.path(), 0, question(4));
    assert_eq!(files_in(folder.path()).len(), 1);
    assert_eq!(answer(SEED, folder.path(), ENOUGH, question(2)).1, There::All);
}

#[test]
fn a_conversation_that_went_on_leaves_one_file() {
    let folder = tempfile::tempdir().expect("a folder");
    // What is kept of an answer of one token is its prompt.
    let at =
        |n_times: usize| Ask { tenant: 1, n_tokens: 1, ..ask(&"it goes on for a while. ".repeat(n_times)) };
    let n_cached = |asks: &[Ask]| {
        let kv_files = Some(KvFiles { folder: folder.path().to_owned(), max_bytes: ENOUGH });
        let mut worker = start_with_files(SEED, 1024, kv_files);
        let n_cached = worker.answer(asks)[0].1.n_cached_tokens;
        worker.end();
        n_cached
    };
    n_cached(&[at(8)]);
    n_cached(&[at(12)]);
    let n_whole = n_cached(&[at(12)]);
    assert!(n_whole > 200, "{n_whole}");
    assert_eq!(files_in(folder.path()).len(), 1);
    // The longer one serves for the shorter one.
    assert!(n_cached(&[at(8)]) > 150);
}

#[test]
fn what_is_to_be_forgotten_is_gone_from_memory_and_files() {
    let folder = tempfile::tempdir().expect("a folder");
    answer(SEED, folder.path(), ENOUGH, question(1));
    answer(SEED, folder.path(), ENOUGH, question(2));
    let kv_files = Some(KvFiles { folder: folder.path().to_owned(), max_bytes: ENOUGH });
    let mut worker = start_with_files(SEED, 1024, kv_files);
    worker.answer(&[question(1)]);
    worker.forget(1);
    let n_cached =
        worker.answer(&[question(1), question(2)]).into_iter().map(|(_, usage)| usage.n_cached_tokens);
    let n_cached: Vec<_> = n_cached.collect();
    assert!(n_cached[0] == 0 && n_cached[1] > 200, "{n_cached:?}");
    worker.forget(1);
    worker.end();
    let names: Vec<_> =
        files_in(folder.path()).iter().map(|path| path.file_name().map(|it| it.to_owned())).collect();
    let is_of_2 = |name: &std::ffi::OsString| name.to_string_lossy().starts_with("2-");
    assert!(names.len() == 1 && names.iter().flatten().all(is_of_2), "{names:?}");
}

#[test]
fn who_ends_before_it_hears_what_is_to_be_forgotten_writes_nothing_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let kv_files = KvFiles { folder: folder.path().to_owned(), max_bytes: ENOUGH };
    let mark = |text: &str| fs::write(kv_files.mark(Tenant(1)), text).expect("a mark");
    let is_state = |path: &&PathBuf| path.extension().is_some_and(|it| it == "kv");
    // Answers two people, does something, ends; whose states are there.
    let left = |change: &dyn Fn(&mut Worker)| {
        let mut worker = start_with_files(SEED, 1024, Some(kv_files.clone()));
        worker.answer(&[question(1), question(2)]);
        change(&mut worker);
        worker.end();
        let files = files_in(folder.path());
        let name = |path: &PathBuf| path.file_name().map(|it| it.to_string_lossy()[..2].to_owned());
        let mut left: Vec<_> = files.iter().filter(is_state).filter_map(name).collect();
        left.sort();
        files.iter().filter(is_state).for_each(|path| fs::remove_file(path).expect("gone"));
        left
    };
    assert_eq!(left(&|_| {}), ["1-", "2-"]);
    assert_eq!(left(&|_| mark("a")), ["2-"]);
    assert_eq!(left(&|_| {}), ["1-", "2-"], "what was computed after that is no longer meant");
    let hears = |worker: &mut Worker| {
        mark("b");
        worker.forget(1);
        worker.answer(&[question(1)]);
    };
    assert_eq!(left(&hears), ["1-", "2-"]);
    let hears_once = |worker: &mut Worker| {
        hears(worker);
        mark("c");
    };
    assert_eq!(left(&hears_once), ["2-"]);
}

#[test]
fn a_folder_that_cannot_be_used_holds_up_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("in the way");
    fs::write(&file, "x").expect("a file");
    let (text, there) = answer(SEED, &file, ENOUGH, question(1));
    assert_eq!((text.is_empty(), there), (false, There::Nothing));
}

/// A question to a model with adapters.
fn question_with(adapters: &[(&Path, f32)]) -> Ask {
    let adapters = adapters.iter().map(|&(path, scale)| LoraAdapter { path: path.to_owned(), scale });
    Ask { adapters: adapters.collect(), ..question(1) }
}

/// Answers a question with some adapters, does something to the files, and answers one in a new worker, as from nothing: so much of
/// it was there.
fn check_adapters(before: &[(&Path, f32)], change: impl Fn(&Path), after: &[(&Path, f32)], there: There) {
    let folder = tempfile::tempdir().expect("a folder");
    answer(SEED, folder.path(), ENOUGH, question_with(before));
    assert_eq!(files_in(folder.path()).len(), 1);
    change(folder.path());
    let asks = [question_with(after)];
    let expected = plainly(SEED, &asks).remove(0);
    let [ask] = asks;
    assert_eq!(answer(SEED, folder.path(), ENOUGH, ask), (expected, there), "{before:?}, then {after:?}");
}

#[test]
fn what_was_computed_with_adapters_is_found_after_a_restart_by_the_same_ones_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let [a, b] = &adapters(&folder);
    let same_as_a = folder.path().join("same.gguf");
    fs::copy(a, &same_as_a).expect("a copy");
    let (a, b, same_as_a) = (a.as_path(), b.as_path(), same_as_a.as_path());
    let nothing = |_: &Path| {};
    check_adapters(&[(a, 1.0)], nothing, &[(a, 1.0)], There::All);
    check_adapters(&[(a, 1.0), (b, 0.5)], nothing, &[(b, 0.5), (a, 1.0)], There::All);
    check_adapters(&[(a, 1.0)], nothing, &[(same_as_a, 1.0)], There::All);
    check_adapters(&[(a, 1.0)], nothing, &[(a, 0.5)], There::Nothing);
    check_adapters(&[(a, 1.0)], nothing, &[(b, 1.0)], There::Nothing);
    check_adapters(&[(a, 1.0)], nothing, &[(a, 1.0), (b, 1.0)], There::Nothing);
    check_adapters(&[(a, 1.0)], nothing, &[], There::Nothing);
    check_adapters(&[], nothing, &[(a, 1.0)], There::Nothing);
    let spoil = |folder: &Path| change_file(folder, |bytes| *bytes.last_mut().expect("bytes") ^= 1);
    check_adapters(&[(a, 1.0)], spoil, &[(a, 1.0)], There::Nothing);
}

#[test]
fn an_adapter_that_became_another_one_finds_nothing_of_the_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let [a, b] = &adapters(&folder);
    let (a, b) = (a.as_path(), b.as_path());
    let replace = |_: &Path| {
        fs::copy(b, a).expect("a copy");
    };
    check_adapters(&[(a, 1.0)], replace, &[(a, 1.0)], There::Nothing);
}
