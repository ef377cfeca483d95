use super::*;
use crate::adapters::SetId;
use protocol::{KvFiles, LoadRequest, Tenant};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Nowhere near the bound of memory.
const N: usize = 100;

fn saved_at(tenant: i64, last_use: u64) -> Saved {
    Saved { last_use, ..saved(tenant) }
}

/// Which of those numbers are still in memory.
fn in_memory(states: &SavedStates, numbers: &[SequenceId]) -> Vec<bool> {
    numbers.iter().map(|&number| states.get(number).is_some_and(|it| it.state.is_some())).collect()
}

/// Keeps memory within its bound where nothing is in two of them; what was lost for it.
fn trim(states: &mut SavedStates) -> Vec<SequenceId> {
    let mut lost = Vec::new();
    while states.is_over()
        && let Some(number) = states.least_worth(|_, saved| saved.tokens.len())
    {
        lost.extend(states.let_go(number, Vec::new()).map(|(_, number)| number));
    }
    lost
}

#[test]
fn memory_holds_what_fits_and_what_was_used_last() {
    // Each takes 64 bytes.
    let mut states = SavedStates::new(0, None, 3 * 64 + 63);
    let mut numbers = Vec::new();
    let mut dropped = Vec::new();
    for last_use in [5, 1, 7, 6, 2] {
        numbers.push(states.next_number());
        states.add(saved_at(1, last_use));
        dropped.extend(trim(&mut states));
        assert!(states.n_bytes() <= 3 * 64 + 63, "{}", states.n_bytes());
    }
    // The last one was used less than those that are there.
    assert_eq!(in_memory(&states, &numbers), [true, false, true, true, false]);
    assert_eq!(dropped, [numbers[1], numbers[4]]);
    states.set_max_bytes(64);
    assert_eq!((trim(&mut states), states.n_bytes()), (vec![numbers[0], numbers[3]], 64));
    states.set_max_bytes(0);
    assert_eq!((trim(&mut states), states.n_bytes()), (vec![numbers[2]], 0));
}

#[test]
fn what_is_worth_least_leaves_memory_first() {
    // For each its tokens that nothing else has, its bytes and when it was used; the first that goes.
    let check = |all: &[(usize, usize, u64)], expected: usize| {
        let mut states = SavedStates::new(0, None, 0);
        for &(n_tokens, n_bytes, last_use) in all {
            let state = Some(Arc::new(SequenceState::from_checked_bytes(vec![1; n_bytes])));
            let tokens = vec![LlamaToken(1); n_tokens];
            states.add(Saved { tokens, state, ..saved_at(1, last_use) });
        }
        assert_eq!(states.least_worth(|_, saved| saved.tokens.len()), Some(expected), "{all:?}");
    };
    check(&[(100, 100, 1), (100, 100, 2)], 0);
    // As many bytes for fewer tokens, as recurrent layers need.
    check(&[(100, 100, 2), (50, 100, 2)], 1);
    check(&[(100, 100, 2), (100, 200, 2)], 1);
    // A little older, and much more to compute.
    check(&[(100, 100, 1), (10, 100, 2)], 1);
    // What others hold as well costs nothing, however lately it was used; of two such the older one.
    check(&[(100, 100, 1), (0, 100, 9)], 1);
    check(&[(0, 100, 3), (0, 100, 2), (1, 1000, 1)], 1);
}

#[test]
fn what_can_be_read_from_a_file_leaves_memory_before_what_must_be_computed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut states, _) = states(folder.path());
    let numbers = [Tenant(1).fleeting(), Tenant(1)].map(|tenant| {
        let number = states.next_number();
        states.add(saved(tenant.0));
        number
    });
    states.set_max_bytes(64);
    assert!(trim(&mut states).is_empty());
    assert_eq!(in_memory(&states, &numbers), [true, false]);
    states.set_max_bytes(0);
    assert_eq!(trim(&mut states), [numbers[0]]);
}

#[test]
fn of_more_files_than_are_remembered_those_go_that_were_unused_for_longest() {
    let folder = tempfile::tempdir().unwrap();
    let (mut states, root) = states(folder.path());
    for last_use in [5, 1, 3, 2] {
        states.add(saved_at(i64::try_from(last_use).unwrap(), last_use));
    }
    assert_eq!(states.one_too_many(2), None, "none is in a file yet");
    assert!(is_written(&mut states));
    while states.is_busy() {
        states.note_done(true, 0);
    }
    let gone: Vec<_> = std::iter::from_fn(|| {
        let number = states.one_too_many(2)?;
        states.remove(number).map(|it| it.last_use)
    })
    .collect();
    assert_eq!(gone, [1, 2]);
    drop(states);
    assert_eq!(n_states_in(&root), 2);
}

/// Waits until nothing is on its way from or into files.
fn rest(states: &mut SavedStates) {
    while states.is_busy() {
        states.note_done(true, 0);
    }
}

#[test]
fn what_is_on_its_way_into_a_file_is_in_memory_until_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (mut states, root) = states(folder.path());
    let first = states.next_number();
    (1..=8).for_each(|tenant| states.add(saved(tenant)));
    states.set_max_bytes(4 * 64);
    // One may leave at a time. The others have to go at once.
    assert_eq!(trim(&mut states), [first + 1, first + 2, first + 3]);
    assert_eq!((states.n_bytes(), states.is_over()), (5 * 64, false));
    // What is forgotten meanwhile is there as long.
    states.remove(first);
    assert_eq!(states.n_bytes(), 5 * 64);
    rest(&mut states);
    assert_eq!(states.n_bytes(), 4 * 64);
    assert!(trim(&mut states).is_empty());
    assert!(is_written(&mut states));
    states.remove(first + 4);
    rest(&mut states);
    assert_eq!(states.n_bytes(), 3 * 64);
    states.set_max_bytes(0);
    assert_eq!((trim(&mut states), states.n_bytes()), (vec![], 0));
    drop(states);
    assert_eq!(n_states_in(&root), 3);
}

#[test]
fn one_is_read_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let (mut states, _) = states(folder.path());
    let numbers = [1, 2].map(|tenant| {
        let number = states.next_number();
        states.add(saved(tenant));
        number
    });
    assert!(is_written(&mut states));
    rest(&mut states);
    states.set_max_bytes(0);
    assert!(trim(&mut states).is_empty());
    states.set_max_bytes(1 << 30);
    let are_here = |states: &mut SavedStates| numbers.map(|number| states.is_here(number));
    assert_eq!(are_here(&mut states), [false, false]);
    rest(&mut states);
    assert_eq!(states.n_bytes(), 64);
    assert_eq!(are_here(&mut states), [true, false]);
    rest(&mut states);
    assert_eq!((are_here(&mut states), states.n_bytes()), ([true, true], 128));
}

#[test]
fn what_has_no_room_in_memory_goes_on_in_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let (mut states, _) = states(folder.path());
    let number = states.next_number();
    states.add(saved(1));
    states.set_max_bytes(0);
    assert!(trim(&mut states).is_empty());
    assert!(is_written(&mut states));
    rest(&mut states);
    assert_eq!((states.n_bytes(), in_memory(&states, &[number])), (0, vec![false]));
    assert!(states.get(number).is_some());
    // It is not even fetched where there is no room for it.
    let saved = states.get(number).unwrap();
    assert_eq!(states.least_worth_fetching(saved), usize::MAX);
}

fn saved(tenant: i64) -> Saved {
    let owner = Owner { tenant: Tenant(tenant), set: SetId::NONE };
    let state = SequenceState::from_checked_bytes(vec![1; 64]);
    Saved::new(owner, vec![LlamaToken(1); WORTH_A_FILE], Gaps::default(), 0, 0, state)
}

/// States in memory and in files below the folder, which is also given.
fn states(folder: &Path) -> (SavedStates, PathBuf) {
    let (path, root) = (folder.join("model"), folder.join("kv"));
    fs::write(&path, "a model").unwrap();
    let kv_files = Some(KvFiles { folder: root.clone(), max_bytes: 1 << 30 });
    let request = LoadRequest { kv_files, ..LoadRequest::new(path) };
    (SavedStates::new(0, StateFiles::open(&request, 256), 1 << 30), root)
}

/// Whether all is written, or nothing more will be.
fn is_written(states: &mut SavedStates) -> bool {
    (0..10 * N).any(|_| {
        let is_done = states.write_all(|_| Vec::new());
        states.note_done(true, 0);
        is_done
    })
}

fn n_states_in(root: &Path) -> usize {
    let models = fs::read_dir(root).unwrap().map(|it| it.unwrap().path()).filter(|it| it.is_dir());
    models.map(|model| fs::read_dir(model).unwrap().count()).sum()
}

#[test]
fn what_is_forgotten_on_its_way_into_a_file_has_none_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (mut states, root) = states(folder.path());
    let numbers: Vec<_> = (0..N)
        .map(|i| {
            let number = states.next_number();
            states.add(saved(i as i64));
            number
        })
        .collect();
    states.write_all(|_| Vec::new());
    for number in numbers {
        states.remove(number);
    }
    drop(states);
    assert_eq!(n_states_in(&root), 0);
}

#[test]
fn however_many_files_are_forgotten_at_once_all_of_them_go() {
    let folder = tempfile::tempdir().unwrap();
    let (mut states, root) = states(folder.path());
    let first = states.next_number();
    (0..N).for_each(|i| states.add(saved(i as i64)));
    assert!(is_written(&mut states));
    while states.is_busy() {
        states.note_done(true, 0);
    }
    assert_eq!(n_states_in(&root), N);
    for number in first..first + N {
        states.remove(number);
    }
    drop(states);
    assert_eq!(n_states_in(&root), 0);
}

/// Reads one that is in a file only, as for somebody who waits for it.
#[track_caller]
fn read(states: &mut SavedStates, number: SequenceId) {
    assert!(!states.is_here(number));
    while states.is_busy() {
        states.note_done(true, 0);
    }
}

#[test]
fn what_was_read_for_somebody_stays_until_they_have_started() {
    let folder = tempfile::tempdir().unwrap();
    let (mut states, _) = states(folder.path());
    let awaited = states.next_number();
    states.add(saved(1));
    assert!(is_written(&mut states));
    states.set_max_bytes(0);
    assert!(trim(&mut states).is_empty());
    // Room for one, which is worth more: it would have to be computed.
    states.set_max_bytes(64 + 63);
    let add_fleeting = |states: &mut SavedStates| {
        let number = states.next_number();
        states.add(saved(Tenant(1).fleeting().0));
        number
    };
    let other = add_fleeting(&mut states);
    read(&mut states, awaited);
    assert_eq!(trim(&mut states), [other]);
    assert!(states.is_here(awaited));
    // Once it is used, or nobody could start with it, it is worth what it is worth.
    states.touch(awaited, 0);
    let other = add_fleeting(&mut states);
    assert!(trim(&mut states).is_empty());
    assert_eq!(in_memory(&states, &[awaited, other]), [false, true]);
    read(&mut states, awaited);
    states.await_nothing();
    assert!(trim(&mut states).is_empty());
    assert_eq!(in_memory(&states, &[awaited, other]), [false, true]);
}

#[test]
fn what_alone_is_too_much_by_the_time_it_is_read_is_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut states, _) = states(folder.path());
    let awaited = states.next_number();
    states.add(saved(1));
    assert!(is_written(&mut states));
    states.set_max_bytes(0);
    assert!(trim(&mut states).is_empty());
    states.set_max_bytes(1 << 30);
    assert!(!states.is_here(awaited));
    states.set_max_bytes(63);
    while states.is_busy() {
        states.note_done(true, 0);
    }
    assert!(trim(&mut states).is_empty());
    assert_eq!(states.n_bytes(), 0);
    assert_eq!(states.least_worth_fetching(states.get(awaited).unwrap()), usize::MAX);
}

#[test]
fn nothing_is_written_of_a_fleeting_tenant() {
    let check = |tenant: Tenant, expected: usize| {
        let folder = tempfile::tempdir().unwrap();
        let (mut states, root) = states(folder.path());
        states.add(saved(tenant.0));
        assert!(is_written(&mut states));
        drop(states);
        assert_eq!(n_states_in(&root), expected, "{tenant:?}");
    };
    check(Tenant(1), 1);
    check(Tenant(1).fleeting(), 0);
}

#[test]
fn what_cannot_be_written_stays_in_memory_and_is_not_tried_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let (mut states, root) = states(folder.path());
    // As a disk that is full or gone.
    fs::remove_dir_all(&root).unwrap();
    fs::write(&root, "in the way").unwrap();
    let numbers: Vec<_> = (0..N)
        .map(|i| {
            let number = states.next_number();
            states.add(saved(i as i64));
            number
        })
        .collect();
    assert!(is_written(&mut states), "it is tried over and over");
    assert!(numbers.into_iter().all(|number| states.is_here(number)));
}

#[test]
fn a_place_to_go_back_to_counts_while_its_file_is_not_read_and_memory_has_room_for_all() {
    let parts = vec![PartFacts { n_tokens: 50, n_bytes: 10 }, PartFacts { n_tokens: 100, n_bytes: 10 }];
    let read = Saved { parts: parts.clone(), ..saved(1) };
    let unread = Saved { parts, state: None, ..saved(1) };
    let check = |saved: &Saved, most: usize, max_bytes: u64, expected: usize| {
        assert_eq!(saved.last_part_within(most, max_bytes), expected, "{most} tokens, {max_bytes} bytes");
    };
    check(&unread, 1000, 20, 100);
    check(&unread, 100, 20, 100);
    check(&unread, 99, 20, 50);
    check(&unread, 49, 20, 0);
    check(&unread, 1000, 19, 0);
    check(&read, 1000, 20, 0);
}

#[test]
fn nobody_waits_for_files_whose_thread_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (mut states, root) = states(folder.path());
    let [in_file, leaving, in_memory] = [1, 2, 3].map(|tenant: i64| {
        let number = states.next_number();
        states.add(saved_at(tenant, tenant.cast_unsigned()));
        number
    });
    states.set_max_bytes(2 * 64);
    assert!(trim(&mut states).is_empty());
    rest(&mut states);
    states.files.as_mut().unwrap().break_down();
    states.set_max_bytes(64);
    trim(&mut states);
    assert!(!states.is_here(in_file), "it is not read any more");
    let lost: Vec<_> = states.note_done(true, 0).lost.into_iter().map(|(_, number)| number).collect();
    assert!(lost.contains(&in_file) && states.get(leaving).is_none());
    assert!(states.is_here(in_memory) && !states.is_busy() && !states.has_unwritten());
    assert_eq!(states.n_bytes(), 64);
    assert!(states.write_all(|_| Vec::new()), "it is tried over and over");
    drop(states);
    assert_eq!(n_states_in(&root), 1, "it is there for the next");
}
