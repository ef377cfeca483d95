use super::*;
use protocol::Tenant;

fn header(n_tokens: i32) -> Header {
    Header { tenant: Tenant(1), tokens: (0..n_tokens).collect(), first: 0 }
}

#[test]
fn a_state_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.kv");
    let state = SequenceState::from_checked_bytes((0..=255).cycle().take(100_000).collect());
    format::write(&path, &header(300), &state).unwrap();
    assert_eq!(format::read_header(&path).unwrap(), header(300));
    assert_eq!(format::read_state(&path).unwrap().bytes(), state.bytes());
    assert_eq!(format::n_bytes(&header(300), &state).unwrap(), fs::metadata(&path).unwrap().len());
}

#[test]
fn names_differ_by_person_and_tokens_and_say_how_many() {
    let other = Header { tenant: Tenant(2), ..header(300) };
    let names = [header(300), header(301), other].map(|header| format::file_name(&header));
    assert_ne!(names[0], names[1]);
    assert_ne!(names[0], names[2]);
    assert_eq!(format::n_tokens(Path::new(&names[1])), Some(301));
}

#[test]
fn garbage_is_no_state_and_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [("a.kv", &b"garbage"[..]), ("b.kv", b"CHAOSKV1\xff\xff\xff\xff"), ("c.txt", b"")] {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    assert!(headers(folder.path()).unwrap().is_empty());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_key_follows_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let key = |bytes: &[u8], rest: &str| {
        fs::write(&path, bytes).unwrap();
        format::key(&path, rest).unwrap()
    };
    let large = vec![1; 6 * 1024 * 1024];
    let mut changed_at_the_end = large.clone();
    changed_at_the_end[6 * 1024 * 1024 - 1] = 2;
    assert_eq!(key(&large, "F16"), key(&large, "F16"));
    assert_ne!(key(&large, "F16"), key(&large, "F32"));
    assert_ne!(key(&large, "F16"), key(&large[1..], "F16"));
    assert_ne!(key(&large, "F16"), key(&changed_at_the_end, "F16"));
    assert!(format::key(&folder.path().join("none"), "").is_err());
}
