use super::*;
use proptest::{collection::vec, prelude::*};

const TIMES: u32 = 6;

/// After how many bytes of `text`, told in small pieces, the guard trips.
fn trips_after(text: &str) -> Option<usize> {
    let mut passages = Passages::new(TIMES);
    let mut n_bytes = 0;
    for letter in text.chars() {
        n_bytes += letter.len_utf8();
        if passages.text(letter.encode_utf8(&mut [0; 4])) {
            return Some(n_bytes);
        }
    }
    None
}

#[track_caller]
fn check(text: &str, trips: bool) {
    assert_eq!(trips_after(text).is_some(), trips, "{text}");
}

#[test]
fn a_sentence_without_an_end_is_a_loop() {
    check(&"I am not sure about that. ".repeat(40), true);
    check(&"Ich weiß es nicht. ".repeat(60), true);
    check(&"我不知道该怎么办。".repeat(60), true);
}

#[test]
fn a_paragraph_of_several_lines_is_a_loop() {
    let paragraph: String =
        (0..8).map(|i| format!("Line {i} of the paragraph that comes again.\n")).collect();
    check(&paragraph.repeat(7), true);
    check(&paragraph.repeat(4), false);
}

#[test]
fn a_few_times_are_no_loop() {
    check(&"I am not sure about that, and nobody else is either. ".repeat(5), false);
}

#[test]
fn rules_and_numbers_are_no_loop() {
    check(&"=".repeat(2000), false);
    check(&"0, ".repeat(2000), false);
    check(&"|    |    |\n".repeat(400), false);
    check(&"ha ha ".repeat(400), false);
}

#[test]
fn code_tables_lists_and_poems_are_no_loop() {
    let code: String = (0..80).map(|i| format!("    assert_eq!(parse(\"{i}\"), Some({i}));\n")).collect();
    let table: String =
        (0..80).map(|i| format!("| {i} | yes | no | yes | no | the same words in every row |\n")).collect();
    let list: String =
        (0..80).map(|i| format!("{i}. Take a sheet of paper and fold it in the middle.\n")).collect();
    let poem: String =
        (0..40).map(|i| format!("Verse {i} is short,\nand ends like this:\nO hear the waves!\n\n")).collect();
    for text in [code, table, list, poem] {
        check(&text, false);
    }
}

proptest! {
    #[test]
    fn every_loop_is_found_within_the_bound(before in "[a-z ]{0,300}", passage in "[a-z]{9,20}[a-zA-Z ,.éß]{0,400}") {
        let passage_bytes = passage.len();
        let block = passage_bytes * LEAST_BYTES.div_ceil(passage_bytes);
        let bound = before.len() + block * TIMES as usize + STEP;
        let mut different: Vec<_> = passage.bytes().collect();
        different.sort_unstable();
        different.dedup();
        prop_assume!(different.len() >= LEAST_DIFFERENT);
        let text = format!("{before}{}", passage.repeat(bound / passage_bytes + 2));
        let at = trips_after(&text);
        prop_assert!(at.is_some_and(|at| at <= bound + 4), "{:?} of {}", at, bound);
    }

    #[test]
    fn prose_of_random_words_is_no_loop(words in vec("[a-z]{1,10}", 200..600)) {
        prop_assert_eq!(trips_after(&words.join(" ")), None);
    }
}
