use super::*;
use proptest::prelude::*;

/// Pushes the pieces and shows what came out, with `|` between pushes and `!` for a stop.
fn check(stops: &[&str], pieces: &[&[u8]], expected: &str) {
    let mut assembler = Assembler::new(stops.iter().map(|&stop| stop.to_owned()).collect());
    let mut given = String::new();
    for piece in pieces {
        let released = assembler.push(piece);
        given += &released.text;
        given += if released.stopped { "!" } else { "|" };
    }
    given += &assembler.finish();
    assert_eq!(given, expected);
}

#[test]
fn plain_text_passes_at_once() {
    check(&[], &[b"Hello", b" world"], "Hello| world|");
}

#[test]
fn a_character_waits_for_all_its_bytes() {
    check(&[], &[b"a\xf0\x9f", b"\x98", b"\x80b"], "a||😀b|");
    check(&[], &[b"\xc3", b"\xa9\xc3", b"\xa9"], "|é|é|");
}

#[test]
fn half_a_character_is_never_sent() {
    check(&[], &[b"a\xf0\x9f"], "a|");
}

#[test]
fn bytes_that_are_no_character_are_replaced() {
    check(&[], &[b"a\xffb", b"\xf0", b"c"], "a\u{fffd}b||\u{fffd}c|");
}

#[test]
fn a_stop_string_ends_the_answer_before_it() {
    check(&["END"], &[b"so END of"], "so !");
    check(&["END"], &[b"so E", b"N", b"D"], "so ||!");
}

#[test]
fn what_only_looked_like_a_stop_string_is_sent_after_all() {
    check(&["END"], &[b"so E", b"N", b"T"], "so ||ENT|");
    check(&["END"], &[b"so EN"], "so |EN");
    check(&["aab"], &[b"aa", b"ab"], "|a!");
}

#[test]
fn the_first_of_several_stop_strings_counts() {
    check(&["ll", "lo", "e"], &[b"hello"], "h!");
    check(&["\nUser:", "\n\n"], &[b"one\n", b"two\n", b"User", b":"], "one|\ntwo||!");
}

#[test]
fn what_would_stop_is_seen_before_it_is_pushed() {
    let mut assembler = Assembler::new(vec![".\n".to_owned(), "\n\n".to_owned()]);
    assembler.push(b"So.");
    assert!(assembler.would_stop(" \n\n") && assembler.would_stop("\n"));
    assert!(!assembler.would_stop("") && !assembler.would_stop(" \n"));
}

#[test]
fn stop_strings_may_be_split_inside_a_character() {
    check(&["→."], &[b"a\xe2\x86", b"\x92", b".b"], "a||!");
    check(&["é"], &["è".as_bytes()], "è|");
}

proptest! {
    #[test]
    fn pieces_do_not_matter(text in "[ab→\n]{0,40}", cuts in prop::collection::vec(0usize..100, 0..8)) {
        let stops = vec!["ab→".to_owned(), "\n\n".to_owned(), "→→b".to_owned()];
        let expected = stops.iter().filter_map(|stop| text.find(stop)).min().map_or(&text[..], |end| &text[..end]);
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let mut assembler = Assembler::new(stops);
        let mut given = String::new();
        let mut stopped = false;
        for piece in cuts.windows(2) {
            let released = assembler.push(&text.as_bytes()[piece[0]..piece[1]]);
            given += &released.text;
            stopped = released.stopped;
            if stopped { break; }
        }
        if !stopped { given += &assembler.finish(); }
        // Where two stop strings overlap, the one that is complete first ends the answer.
        prop_assert!(given == expected || (stopped && text.starts_with(&given)), "{given:?} {expected:?}");
    }

    #[test]
    fn any_bytes_become_text(bytes in prop::collection::vec(any::<u8>(), 0..60), size in 1usize..5) {
        let mut assembler = Assembler::new(vec![]);
        let mut given = String::new();
        for piece in bytes.chunks(size) { given += &assembler.push(piece).text; }
        given += &assembler.finish();
        prop_assert!(String::from_utf8_lossy(&bytes).starts_with(&given));
    }
}
