use super::*;
use crate::{
    adapters::SetId,
    scheduler::window::{Gaps, Window},
};
use protocol::Tenant;
use types::kv::KvType;

fn header(n_tokens: i32) -> Header {
    Header {
        tenant: Tenant(1),
        set: SetId::NONE,
        tokens: (0..n_tokens).collect(),
        gaps: Gaps::default(),
        first: 0,
        parts: Vec::new(),
    }
}

/// What is forgotten by someone who remembers 16 tokens of 17.
fn gaps() -> Gaps {
    let mut window = Window::new(16, &[], Vec::new()).unwrap();
    window.forget(&window.to_forget(16));
    window.gaps().clone()
}

#[test]
fn a_state_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.kv");
    let bytes = |n: usize| (0..=255).cycle().skip(n % 7).take(n).collect::<Vec<u8>>();
    let state = SequenceState::from_checked_bytes(bytes(100_000));
    let check = |sizes: &[usize]| {
        let parts: Vec<_> =
            sizes.iter().map(|&n| Arc::new(PartState::from_checked_bytes(bytes(n)))).collect();
        let facts =
            (1..).zip(&parts).map(|(i, part)| PartFacts { n_tokens: i * 10, n_bytes: part.n_bytes() });
        let header = Header { gaps: gaps(), parts: facts.collect(), ..header(300) };
        format::write(create(&path).unwrap(), &header, &state, &parts).unwrap();
        assert_eq!(format::read_header(&path).unwrap(), header);
        assert_eq!(format::n_bytes(&header, &state).unwrap(), fs::metadata(&path).unwrap().len());
        let body = format::read_body(&path).unwrap();
        assert_eq!(body.state.bytes(), state.bytes());
        let mut read: Vec<_> = body.parts.into_iter().map(|(n, part)| (n, part.bytes().to_vec())).collect();
        read.sort();
        let written: Vec<_> = (1..).zip(&parts).map(|(i, part)| (i * 10, part.bytes().to_vec())).collect();
        assert_eq!(read, written, "{sizes:?}");
    };
    check(&[]);
    check(&[5_000]);
    check(&[5_000, 1, 70_000]);
}

#[test]
fn a_file_with_less_than_its_header_says_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.kv");
    let state = SequenceState::from_checked_bytes(vec![1; 100]);
    let header = Header { parts: vec![PartFacts { n_tokens: 10, n_bytes: 101 }], ..header(300) };
    format::write(create(&path).unwrap(), &header, &state, &[]).unwrap();
    assert!(format::read_body(&path).is_err());
}

/// Ends after a few bytes of every file.
struct FullDisk(fs::File, usize);

impl Write for FullDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = bytes.len().min(self.1);
        if n == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.1 -= n;
        self.0.write(&bytes[..n])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn what_a_full_disk_takes_in_part_is_not_left_and_is_written_once_there_is_room() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("model");
    fs::create_dir(&folder).unwrap();
    let state = SequenceState::from_checked_bytes(vec![1; 100_000]);
    let writer = |create: Create| Writer {
        files: KvFiles { folder: root.path().to_owned(), max_bytes: 1 << 30 },
        folder: folder.clone(),
        unwanted: SharedUnwanted::default(),
        create,
    };
    let disks: [Create; 3] = [
        |path| Ok(Box::new(FullDisk(fs::File::create(path)?, 0))),
        |path| Ok(Box::new(FullDisk(fs::File::create(path)?, 20))),
        |path| Ok(Box::new(FullDisk(fs::File::create(path)?, 90_000))),
    ];
    for disk in disks {
        let error = writer(disk).write(&header(300), &state, &[]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }
    let (path, _) = writer(create).write(&header(300), &state, &[]).unwrap();
    assert_eq!(format::read_body(&path).unwrap().state.bytes(), state.bytes());
}

#[test]
fn what_is_to_be_forgotten_is_not_left_in_a_file_by_who_has_not_heard_of_it() {
    let mark = |path: &Path| {
        let root = path.parent().and_then(Path::parent).unwrap();
        fs::write(KvFiles { folder: root.to_owned(), max_bytes: 0 }.mark(Tenant(1)), "late").unwrap();
    };
    // Whether a file is left where the server marks before, while or long before it is written.
    let check = |is_marked: bool, heard: bool, create: Create, expected: bool| {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("model");
        fs::create_dir(&folder).unwrap();
        let files = KvFiles { folder: root.path().to_owned(), max_bytes: 1 << 30 };
        let unwanted = SharedUnwanted::default();
        if is_marked {
            mark(&folder.join("a"));
        }
        if heard {
            lock(&unwanted).marks.note_forgotten(&files, Tenant(1));
        }
        let (jobs, inbox) = channel();
        let (outbox, done) = channel();
        let state = Arc::new(SequenceState::from_checked_bytes(vec![1; 1000]));
        jobs.send(Job::Write { number: 7, header: header(300), state, parts: Vec::new() }).unwrap();
        drop(jobs);
        Writer { files, folder: folder.clone(), unwanted, create }.work(&inbox, &outbox);
        let is_there = matches!(done.recv().unwrap(), Done::Written { number: 7, file: Some(_) });
        let n_files = fs::read_dir(&folder).unwrap().count();
        assert_eq!((is_there, n_files), (expected, usize::from(expected)));
    };
    check(false, false, create, true);
    check(true, false, create, false);
    check(true, true, create, true);
    let marks_first: Create = |path| {
        let root = path.parent().and_then(Path::parent).unwrap();
        fs::write(KvFiles { folder: root.to_owned(), max_bytes: 0 }.mark(Tenant(1)), "later")?;
        create(path)
    };
    check(false, false, marks_first, false);
    check(true, true, marks_first, false);
}

#[test]
fn names_differ_by_what_a_state_is_of_and_say_how_many_tokens() {
    let name = |header: &Header| format::file_name(header).unwrap();
    let others = [
        header(301),
        Header { tenant: Tenant(2), ..header(300) },
        Header { set: SetId::of(vec![(blake3::hash(b"a"), 1.0)]), ..header(300) },
        Header { gaps: gaps(), ..header(300) },
    ];
    for other in others {
        assert_ne!(name(&header(300)), name(&other));
        assert_eq!(format::n_tokens(Path::new(&name(&other))), Some(other.tokens.len() as u64));
    }
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

#[test]
fn one_byte_anywhere_makes_another_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    // The second is too large to be read as a whole; no sample has the byte.
    for size in [8 << 20, 65 << 20] {
        let file = fs::File::create(&path).unwrap();
        file.set_len(size).unwrap();
        let before = format::key(&path, "").unwrap();
        assert_eq!(format::key(&path, "").unwrap(), before);
        let mut bytes = fs::read(&path).unwrap();
        bytes[(5 << 20) + 7] = 1;
        fs::write(&path, bytes).unwrap();
        // Whatever the clock, a file that was written later says so.
        let later = SystemTime::now() + Duration::from_secs(1);
        fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        assert_ne!(format::key(&path, "").unwrap(), before, "{size} bytes");
    }
}

#[test]
fn states_are_for_one_projector_and_where_the_middle_is_forgotten_for_one_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("projector");
    let with_projector = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let request = LoadRequest { projector: Some(path.clone()), ..LoadRequest::new("model".into()) };
        conditions(&request, 100, "a build")
    };
    assert_eq!(with_projector(b"one"), with_projector(b"one"));
    assert_ne!(with_projector(b"one"), with_projector(b"two"));
    let with = |window: bool, n_ctx: u32| {
        let kv_type = KvType::default().with_window(window);
        conditions(&LoadRequest { kv_type, ..LoadRequest::new("model".into()) }, n_ctx, "a build")
    };
    assert_eq!(with(false, 100), with(false, 200));
    assert_eq!(with(true, 100), with(true, 100));
    assert_ne!(with(true, 100), with(true, 200));
}

#[test]
fn states_are_for_one_build_of_llama_cpp() {
    let request = LoadRequest::new("model".into());
    let with = |build: &str| conditions(&request, 100, build);
    assert_eq!(with("0.26.0 unknown 0.1.161"), with("0.26.0 unknown 0.1.161"));
    assert_ne!(with("0.26.0 unknown 0.1.161"), with("0.26.0 unknown 0.1.162"));
    // Which one this is, the lock file knows.
    let locked = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock")).unwrap();
    let package = locked.split("[[package]]").find(|it| it.contains("name = \"llama-cpp-sys-2\"")).unwrap();
    let version = package.lines().find_map(|line| line.strip_prefix("version = ")).unwrap().trim_matches('"');
    assert!(llama::build().contains(version), "{} is not {version}", llama::build());
}
