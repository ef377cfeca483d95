use super::*;
use protocol::{KvFiles, LoadRequest, Tenant};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Nowhere near the bound of memory.
const N: usize = 100;

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
    (SavedStates::new(0, StateFiles::open(&request), 1 << 30), root)
}

/// Whether all is written, or nothing more will be.
fn is_written(states: &mut SavedStates) -> bool {
    (0..10 * N).any(|_| {
        let is_done = states.write_all();
        states.note_done(true, 0);
        is_done
    })
}

fn n_states_in(root: &Path) -> usize {
    let models = fs::read_dir(root).unwrap().map(|it| it.unwrap().path()).filter(|it| it.is_dir());
    models.map(|model| fs::read_dir(model).unwrap().count()).sum()
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
