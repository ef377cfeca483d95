use super::title_of;

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(title_of(text), expected);
}

#[test]
fn the_first_sentence_names_the_session() {
    check("How do otters sleep? I have wondered for years.", "How do otters sleep?");
    check("Write a poem. Make it rhyme.", "Write a poem");
    check("hello", "hello");
}

#[test]
fn short_abbreviations_do_not_end_it() {
    check("1. buy milk and 2. bread", "1. buy milk and 2. bread");
}

#[test]
fn markdown_and_blank_lines_are_left_out() {
    check("\n\n## **Fix** the `parser`\nplease", "Fix the parser");
    check("> quoted words", "quoted words");
    check("```\ncode here\n```", "code here");
}

#[test]
fn long_text_is_cut_at_a_word() {
    check(
        "Please explain to me in great detail how the scheduler of a language model server works",
        "Please explain to me in great detail how the scheduler of a…",
    );
    check(&"a".repeat(100), &format!("{}…", "a".repeat(59)));
}

#[test]
fn nothing_to_say_gives_no_title() {
    check("", "");
    check(" \n\t", "");
    check("***", "");
}

#[test]
fn letters_are_never_cut_in_two() {
    check(&"ö".repeat(70), &format!("{}…", "ö".repeat(59)));
    check("睡眠とは何ですか。教えてください", "睡眠とは何ですか。教えてください");
}
