use super::{Identity, Journal, Log};
use crate::transfer::{disk, pieces::Piece};
use std::{fs, path::PathBuf};

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("x.gguf");
    (folder, target)
}

fn journal(pieces: &[Piece]) -> Journal {
    let identity = Identity {
        url: "https://a.test/x".to_owned(),
        etag: Some("\"1\"".to_owned()),
        size: 100,
        sha256: None,
    };
    Journal::new(identity, 7, pieces)
}

fn piece(start: u64, end: u64) -> Piece {
    Piece { start, end, crc: (start * 31 + end) as u32 }
}

#[test]
fn a_journal_comes_back_as_it_was() {
    let (_folder, target) = folder();
    assert_eq!(Journal::load(&target), None);
    let written = journal(&[piece(0, 10), piece(20, 30)]);
    written.save(&target).unwrap();
    written.save(&target).unwrap();
    assert_eq!(Journal::load(&target), Some(written));
}

#[test]
fn journals_that_are_cut_or_lie_are_none() {
    let (_folder, target) = folder();
    journal(&[piece(0, 101)]).save(&target).unwrap();
    assert_eq!(Journal::load(&target), None);
    journal(&[piece(5, 5)]).save(&target).unwrap();
    assert_eq!(Journal::load(&target), None);
    journal(&[piece(0, 10)]).save(&target).unwrap();
    let path = disk::journal(&target);
    let bytes = fs::read(&path).unwrap();
    for n in 0..bytes.len() {
        fs::write(&path, &bytes[..n]).unwrap();
        assert_eq!(Journal::load(&target), None, "{n} bytes");
    }
}

#[test]
fn the_log_tells_the_last_of_each_stretch_and_nothing_of_other_runs() {
    let (_folder, target) = folder();
    let mut log = Log::open(&target).unwrap().unwrap();
    for (run, start, end) in [(7, 0, 5), (7, 50, 60), (7, 0, 9), (8, 0, 99)] {
        log.append(run, [piece(start, end)].into_iter()).unwrap();
    }
    assert_eq!(log.read(7).unwrap(), [piece(0, 9), piece(50, 60)]);
    log.clear().unwrap();
    assert_eq!((log.read(7).unwrap(), log.len()), (vec![], 0));
    log.append(7, [piece(1, 2)].into_iter()).unwrap();
    assert_eq!(log.read(7).unwrap(), [piece(1, 2)]);
}

#[test]
fn a_log_that_was_cut_or_damaged_tells_what_is_whole() {
    let (_folder, target) = folder();
    let mut log = Log::open(&target).unwrap().unwrap();
    log.append(7, [piece(0, 5)].into_iter()).unwrap();
    log.append(7, [piece(0, 9)].into_iter()).unwrap();
    drop(log);
    let path = disk::log(&target);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..40]).unwrap();
    assert_eq!(Log::open(&target).unwrap().unwrap().read(7).unwrap(), [piece(0, 5)]);
    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let left = Log::open(&target).unwrap().unwrap().read(7).unwrap();
        assert_eq!(left, [if at < 32 { piece(0, 9) } else { piece(0, 5) }], "byte {at}");
    }
}

#[test]
fn one_handle_has_the_log_at_a_time() {
    let (_folder, target) = folder();
    let log = Log::open(&target).unwrap().unwrap();
    assert!(Log::open(&target).unwrap().is_none());
    drop(log);
    assert!(Log::open(&target).unwrap().is_some());
}
