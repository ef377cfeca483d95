use super::{END, ReadLimits, Reader, ending_of, parse, run};
use crate::extract::Unreadable;
use std::time::Duration;

fn answer_to(file: &[u8], ending: &str) -> Vec<u8> {
    let mut answer = Vec::new();
    run(file, &mut answer, ending).unwrap();
    answer
}

#[test]
fn an_answer_arrives_whatever_was_printed_before() {
    let answer = answer_to(b"some text", "txt");
    assert_eq!(parse(&answer).unwrap().blocks[0].text, "some text");
    let printed = [b"warning: odd font\n".as_slice(), &answer].concat();
    assert_eq!(parse(&printed), parse(&answer));
    assert_eq!(parse(&answer_to(b"", "txt")), Err(Unreadable::Empty));
}

#[test]
fn what_is_no_answer_is_a_crash() {
    let answer = answer_to(b"some text", "txt");
    for wrong in [&b""[..], b"thread panicked", END, &answer[1..], &answer[..answer.len() - 1]] {
        assert_eq!(parse(wrong), Err(Unreadable::Crashed));
    }
}

#[test]
fn only_the_ending_of_a_name_is_told() {
    let check = |name: &str, expected: &str| assert_eq!(ending_of(name), expected);
    check("a.b.PDF", "pdf");
    check("Makefile", "none");
    check("--help", "none");
    check("a.--x", "none");
    check("a.", "none");
}

/// A file is read by a program that does this instead.
#[cfg(unix)]
async fn read_by(script: &str, limits: ReadLimits) -> Unreadable {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "text").unwrap();
    let args = vec!["-c".into(), script.into()];
    let reader = Reader { program: "/bin/sh".into(), args, limits };
    let reading = reader.read(std::fs::File::open(path).unwrap(), "file.txt");
    tokio::time::timeout(Duration::from_secs(60), reading).await.unwrap().unwrap_err()
}

#[cfg(unix)]
#[tokio::test]
async fn whoever_reads_is_ended_at_the_limits() {
    let time = Duration::from_secs(30);
    let limits = ReadLimits { time, memory_bytes: 60_000_000, ..ReadLimits::default() };
    let short = ReadLimits { time: Duration::from_secs(1), ..limits };
    assert_eq!(read_by("exec sleep 100", short).await, Unreadable::TooSlow { seconds: 1 });
    assert_eq!(read_by("exec tail /dev/zero", limits).await, Unreadable::TooMuchMemory { limit: 60_000_000 });
    assert_eq!(read_by("exec cat /dev/zero", limits).await, Unreadable::TooMuchText);
    assert_eq!(read_by("echo no answer; kill -9 $$", limits).await, Unreadable::Crashed);
}
