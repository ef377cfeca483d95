use super::*;

fn tokens(text: &str) -> Vec<LlamaToken> {
    text.bytes().map(|byte| LlamaToken(i32::from(byte))).collect()
}

/// Each slot is `text@last_use`; the result is `slot+kept`.
fn check(slots: &[&str], prompt: &str, expected: &str) {
    let slots: Vec<_> = slots
        .iter()
        .map(|slot| slot.split_once('@').expect("text@last_use"))
        .map(|(text, last_use)| (tokens(text), last_use.parse().expect("a number")))
        .collect();
    let free: Vec<_> = slots
        .iter()
        .enumerate()
        .map(|(slot, (cached, last_use))| Free { slot, cached, last_use: *last_use })
        .collect();
    let given = match choose(&free, &tokens(prompt)) {
        Some(choice) => format!("{}+{}", choice.slot, choice.n_kept),
        None => "none".to_owned(),
    };
    assert_eq!(given, expected);
}

#[test]
fn without_a_free_sequence_there_is_no_choice() {
    check(&[], "abc", "none");
}

#[test]
fn a_conversation_comes_back_to_its_sequence() {
    check(&["xyz@1", "abcdef@2", "@0"], "abcdefghi", "1+6");
    check(&["abcd@3", "abcdef@2"], "abcdefghijklmnopq", "1+6");
}

#[test]
fn the_last_token_is_always_decoded() {
    check(&["abc@1"], "abc", "0+2");
    check(&["abcdef@1"], "abc", "0+2");
    check(&["a@1"], "a", "0+0");
}

#[test]
fn a_small_common_beginning_does_not_cost_a_long_conversation() {
    check(&["ab0123456789@5", "@0"], "abxxxxxxxxxx", "1+0");
    check(&["ab0123456789@5", "xy@2"], "abxxxxxxxxxx", "1+0");
}

#[test]
fn an_empty_sequence_is_taken_before_a_used_one() {
    check(&["xyz@3", "@0", "uvw@1"], "abc", "1+0");
}

#[test]
fn equal_beginnings_give_the_older_sequence() {
    check(&["abc1@9", "abc2@4"], "abcdef", "1+3");
}
