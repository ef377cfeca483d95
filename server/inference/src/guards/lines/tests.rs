use super::*;
use proptest::{collection::vec, prelude::*};

/// What the guards say about this text, and after how many lines.
fn check(text: &str, expected: Option<(Guard, usize)>) {
    let mut lines = Lines::new(Some(4), Some(20));
    let found = (1..).zip(text.split_inclusive('\n')).find_map(|(n, line)| Some((lines.text(line)?, n)));
    assert_eq!(found, expected, "{text}");
}

const LONG: &str = "I am the walrus, and this is my song.\n";

#[test]
fn the_fourth_equal_line_in_a_row_is_too_many() {
    check(&LONG.repeat(3), None);
    check(&LONG.repeat(9), Some((Guard::RepeatedLine, 4)));
    check(&format!("{LONG}{LONG}{LONG}Something else comes between them here.\n{LONG}{LONG}{LONG}"), None);
}

#[test]
fn spaces_capitals_and_list_marks_do_not_make_a_line_another_one() {
    let lines = [
        LONG,
        "- i AM the walrus,  and this is my song.\n",
        "\n",
        "  * I am the walrus, and this is my song. \n",
        LONG,
    ];
    check(&lines.concat(), Some((Guard::RepeatedLine, 5)));
}

#[test]
fn short_lines_may_come_again() {
    check(&"Yes.\n".repeat(50), None);
    check(&"    }\n".repeat(50), None);
}

#[test]
fn rules_empty_rows_and_numbers_may_come_again() {
    check(&"---------------------------------------------\n".repeat(9), None);
    check(&"| -------------- | -------------- | --------- |\n".repeat(9), None);
    check(&"0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,\n".repeat(9), None);
}

#[test]
fn ten_doubts_in_a_row_are_a_loop_also_between_other_lines() {
    let doubts: String = (0..12).map(|i| format!("Wait, {i} is wrong.\n")).collect();
    check(&doubts, Some((Guard::ReasoningLoop, 10)));
    check(&doubts.lines().take(9).collect::<Vec<_>>().join("\n"), None);
    let between: String = (0..40).map(|i| format!("Hmm, is it {i}?\n{i}\n")).collect();
    check(&between, Some((Guard::ReasoningLoop, 37)));
}

#[test]
fn words_that_only_begin_like_doubt_are_none() {
    let lines: String = (0..40).map(|i| format!("Waiter {i} came, so there was okayish wine.\n")).collect();
    check(&lines, None);
}

#[test]
fn a_poem_with_its_refrain_is_fine() {
    let verse = |i: u32| {
        format!("The {i}th verse tells of the sea and of the wind,\nand of what came to pass that day,\n")
    };
    let poem: String =
        (0..30).map(|i| verse(i) + "O hear the waves, o hear the waves, they call!\n\n").collect();
    check(&poem, None);
}

proptest! {
    #[test]
    fn lines_that_differ_never_trip(words in vec("[a-z]{3,9}", 1..30)) {
        let lines: String = (0..60).map(|i| format!("{i} {}\n", words.join(" "))).collect();
        let mut guards = Lines::new(Some(4), None);
        prop_assert_eq!(guards.text(&lines), None);
    }

    #[test]
    fn the_same_line_trips_however_it_is_cut(n in 1usize..20) {
        let text = LONG.repeat(6);
        let mut guards = Lines::new(Some(4), Some(20));
        let pieces: Vec<_> = text.as_bytes().chunks(n).map(|it| String::from_utf8_lossy(it).into_owned()).collect();
        let at = pieces.iter().position(|piece| guards.text(piece).is_some());
        prop_assert_eq!(at, Some((LONG.len() * 4).div_ceil(n) - 1));
    }
}
