use super::*;
use proptest::prelude::*;

/// What is said and thought of these pieces.
fn split<'p>(pieces: impl IntoIterator<Item = &'p str>) -> (String, String) {
    let mut splitter = Splitter::default();
    let (mut said, mut thought) = (String::new(), String::new());
    for piece in pieces {
        let (more_said, more_thought) = splitter.feed(piece);
        said += &more_said;
        thought += &more_thought;
    }
    let (rest_said, rest_thought) = splitter.end();
    (said + &rest_said, thought + &rest_thought)
}

/// However the text is cut.
#[track_caller]
fn check(text: &str, said: &str, thought: &str) {
    let whole = split([text]);
    let by_characters = split(text.split_inclusive(|_| true));
    assert_eq!((whole.0.as_str(), whole.1.as_str()), (said, thought));
    assert_eq!((by_characters.0.trim_start(), by_characters.1.trim_start()), (said.trim_start(), thought));
}

#[test]
fn what_stands_between_marks_at_the_beginning_is_thought() {
    check("<think>hm\n</think>\n\nYes.", "Yes.", "hm\n");
    check(" \n<think>hm</think>", "", "hm");
    check("<think></think>Yes.", "Yes.", "");
    check("<think>a < b </thin</think>Yes.", "Yes.", "a < b </thin");
}

#[test]
fn marks_elsewhere_are_text() {
    check("Yes. <think>hm</think>", "Yes. <think>hm</think>", "");
    check("<thinker>", "<thinker>", "");
    check("a </think> b", "a </think> b", "");
}

#[test]
fn what_ends_too_early_loses_nothing() {
    check("<thi", "<thi", "");
    check("<think>hm</thi", "", "hm</thi");
    check("  ", "  ", "");
}

proptest! {
    #[test]
    fn text_without_marks_stays_as_it_is(text in "[^<]{0,80}") {
        prop_assert_eq!(split([text.as_str()]), (text.clone(), String::new()));
    }
}
