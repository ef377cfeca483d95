use super::{END, ending_of, parse, run};
use crate::extract::Unreadable;

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
