use super::{Before, Part, Request, Shared, TransferError, arrived_bytes, look};
use crate::transfer::{
    disk,
    journal::{Identity, Journal},
    pieces::{Piece, Pieces},
};
use reqwest::Url;
use std::fs;

const URL: &str = "https://a.test/x";
const UNIT: usize = 1 << 14;

struct Left {
    folder: tempfile::TempDir,
    bytes: Vec<u8>,
}

impl Left {
    /// A download of 40 units of which the journal knows the first 20 and the log some more.
    fn new() -> Self {
        let left = Self {
            folder: tempfile::tempdir().unwrap(),
            bytes: (0..40 * UNIT).map(|i| (i / 7) as u8).collect(),
        };
        let Before::Part(mut part) = left.look() else { panic!("there is no target") };
        let mut pieces = Pieces::default();
        for (from, to) in [(0, 16), (16, 20)] {
            let crc = crc32fast::hash(&left.bytes[from * UNIT..to * UNIT]);
            pieces.insert(Piece { start: (from * UNIT) as u64, end: (to * UNIT) as u64, crc });
        }
        let identity = Identity {
            url: URL.to_owned(),
            etag: Some("\"1\"".to_owned()),
            size: left.bytes.len() as u64,
            sha256: None,
        };
        let target = left.request().target;
        Journal::new(identity, part.run, &pieces.list()).save(&target).unwrap();
        for (from, to) in [(20, 22), (30, 31)] {
            let piece = pieces.write((from * UNIT) as u64, &left.bytes[from * UNIT..to * UNIT]);
            part.log.append(part.run, [piece].into_iter()).unwrap();
        }
        fs::write(disk::part(&target), &left.bytes[..31 * UNIT]).unwrap();
        left
    }

    fn request(&self) -> Request {
        let target = self.folder.path().join("x");
        Request {
            url: Url::parse(URL).unwrap(),
            token: None,
            target,
            replaces: false,
            size: None,
            sha256: None,
            git_id: None,
        }
    }

    fn look(&self) -> Before {
        look(&self.request(), URL, &Shared::default()).unwrap()
    }

    fn part(&self) -> Part {
        match self.look() {
            Before::Part(part) => *part,
            Before::Target { .. } => panic!("there is no target"),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Vec<u8>)) {
        let path = disk::part(&self.request().target);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    }

    #[track_caller]
    fn check(&self, frontier: usize, present: usize) {
        let part = self.part();
        assert_eq!(
            (part.pieces.frontier(), part.pieces.present()),
            ((frontier * UNIT) as u64, (present * UNIT) as u64)
        );
        assert_eq!(part.hashed.at, part.pieces.frontier());
        let mut expected = super::Hashed::default();
        expected.update(&self.bytes[..frontier * UNIT]);
        assert_eq!(part.hashed.digest(), expected.digest());
    }
}

#[test]
fn what_the_journal_and_the_log_say_is_believed_where_the_bytes_agree() {
    Left::new().check(22, 23);
}

#[test]
fn what_has_arrived_is_counted_without_the_gaps() {
    let left = Left::new();
    let target = left.request().target;
    let check = |units: usize| assert_eq!(arrived_bytes(&target), (units * UNIT) as u64);
    // The file is 31 units long.
    check(23);
    left.change(|bytes| bytes.truncate(21 * UNIT));
    check(21);
    fs::remove_file(disk::log(&target)).unwrap();
    check(20);
    fs::remove_file(disk::journal(&target)).unwrap();
    check(0);
}

#[test]
fn a_log_that_is_ahead_of_the_disk_costs_only_what_was_not_flushed() {
    let left = Left::new();
    left.change(|bytes| bytes[21 * UNIT..].fill(0));
    left.check(20, 20);
    left.change(|bytes| bytes.truncate(21 * UNIT));
    left.check(20, 20);
}

#[test]
fn a_rotten_byte_costs_its_stretch_and_no_more() {
    let left = Left::new();
    left.change(|bytes| bytes[3 * UNIT] ^= 1);
    left.check(0, 7);
}

#[test]
fn without_a_journal_or_with_another_file_it_begins_anew() {
    let left = Left::new();
    fs::remove_file(disk::journal(&left.request().target)).unwrap();
    left.check(0, 0);

    for change in [
        |request: &mut Request| request.size = Some(41 << 14),
        |request: &mut Request| request.url = Url::parse("https://a.test/y").unwrap(),
    ] {
        let left = Left::new();
        let mut request = left.request();
        change(&mut request);
        let Before::Part(part) = look(&request, request.url.as_str(), &Shared::default()).unwrap() else {
            panic!()
        };
        assert_eq!((part.pieces.present(), part.identity), (0, None));
    }
}

#[test]
fn a_target_counts_if_it_is_what_is_wanted() {
    let left = Left { folder: tempfile::tempdir().unwrap(), bytes: vec![7; 1000] };
    fs::write(left.request().target, &left.bytes).unwrap();
    let check = |size: Option<u64>, sha256: Option<&str>, expected: bool| {
        let request = Request { size, sha256: sha256.map(str::to_owned), ..left.request() };
        match look(&request, URL, &Shared::default()) {
            Ok(Before::Target { .. }) => assert!(expected, "{size:?} {sha256:?}"),
            found => {
                assert!(!expected && matches!(found, Err(TransferError::Taken(_))), "{size:?} {sha256:?}")
            }
        }
        let found = look(&Request { replaces: true, ..request }, URL, &Shared::default()).unwrap();
        assert_eq!(matches!(found, Before::Target { .. }), expected, "{size:?} {sha256:?}");
    };
    let mut hashed = super::Hashed::default();
    hashed.update(&left.bytes);
    let digest = hashed.digest();
    check(Some(1000), Some(&digest), true);
    check(Some(1000), Some(&digest.to_uppercase()), true);
    check(None, Some(&digest), true);
    check(Some(1000), None, true);
    check(Some(999), Some(&digest), false);
    check(Some(1000), Some(&"0".repeat(64)), false);
    check(None, None, false);
}
