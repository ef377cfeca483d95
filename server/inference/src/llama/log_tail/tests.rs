use super::*;

fn check(pieces: &[&[u8]], expected: &str) {
    let mut tail = LogTail::default();
    for piece in pieces {
        tail.push(piece, |_| {});
    }
    assert_eq!(tail.text(), expected);
}

#[test]
fn lines_are_put_together() {
    check(&[b"one\ntw", b"o\r\n\nthree"], "one\ntwo\nthree");
    check(&[], "");
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    check(&[b"a\xff\n"], "a\u{fffd}");
}

#[test]
fn only_the_last_lines_are_kept_and_long_ones_are_cut() {
    let many: String = (0..100).map(|i| format!("{i}\n")).collect();
    let expected: Vec<_> = (60..100).map(|i| i.to_string()).collect();
    check(&[many.as_bytes()], &expected.join("\n"));
    check(&[&[b'x'; 10_000]], &"x".repeat(500));
}
