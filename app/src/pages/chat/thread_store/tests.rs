use super::{Block, Row, number, question_before, update_blocks};
use leptos::prelude::*;
use types::{
    chat::{MessageState, MessageView, Role, Searched},
    ids::{GenerationId, MessageId},
};

fn strings(html: &[&str]) -> Vec<String> {
    html.iter().map(|html| (*html).to_owned()).collect()
}

/// Applies one growth to `before`; shows the outcome and how many leading elements survive.
#[track_caller]
fn check(before: &[&str], first: usize, grown: &[&str], expected: &[&str], n_kept: usize) {
    let old = number(0, &strings(before));
    let mut blocks = old.clone();
    let changed = update_blocks(&mut blocks, first, &strings(grown));
    let html: Vec<_> = blocks.iter().map(|block: &Block| &*block.html).collect();
    assert_eq!(html, expected);
    let kept = old.iter().zip(&blocks).take_while(|(old, new)| old.key == new.key).count();
    assert_eq!(kept, n_kept);
    assert_eq!(changed, old != blocks);
}

#[test]
fn only_the_last_block_is_replaced() {
    check(&["<p>a</p>", "<p>b</p>"], 1, &["<p>bc</p>"], &["<p>a</p>", "<p>bc</p>"], 1);
}

#[test]
fn a_new_block_keeps_those_before() {
    check(&["<p>a</p>"], 1, &["<p>b</p>"], &["<p>a</p>", "<p>b</p>"], 1);
}

#[test]
fn a_replay_from_the_start_of_what_is_there_changes_nothing() {
    check(&["<p>a</p>", "<p>b</p>"], 0, &["<p>a</p>", "<p>b</p>"], &["<p>a</p>", "<p>b</p>"], 2);
}

#[test]
fn equal_blocks_at_different_places_have_different_keys() {
    let blocks = number(0, &strings(&["<hr>", "<hr>"]));
    assert_ne!(blocks[0].key, blocks[1].key);
}

fn message(role: Role, state: MessageState, text: &str, run: Option<GenerationId>) -> MessageView {
    MessageView {
        id: MessageId(1),
        role,
        images: Vec::new(),
        text: text.to_owned(),
        blocks: vec![format!("<p>{text}</p>")],
        thought: None,
        state,
        error: None,
        guard: None,
        model: None,
        usage: None,
        created_at_ms: 0,
        generation: run,
        variants: vec![MessageId(1)],
        n_sources: 0,
        n_left_out: 0,
        n_unseen_images: 0,
        searched: Searched::Usually,
        warning: None,
        summary: None,
        is_revised: false,
        is_corrected: false,
        kv: None,
        has_probabilities: false,
    }
}

#[test]
fn an_answer_that_has_ended_stays_ended_until_it_goes_on() {
    let message = |state, text: &str, run| message(Role::Assistant, state, text, run);
    let (first, second) = (Some(GenerationId(1)), Some(GenerationId(2)));
    let row = Row::new(message(MessageState::Running, "half", first));
    row.replace(message(MessageState::Cut, "half and half", None));
    row.replace(message(MessageState::Running, "half", first));
    assert!(!row.is_running());
    assert_eq!(row.blocks.read_untracked().len(), 1);
    assert_eq!(row.view.read_untracked().text, "half and half");
    row.replace(message(MessageState::Running, "half and half and", second));
    assert!(row.is_running(), "it goes on");
    row.replace(message(MessageState::Complete, "half and half and half", None));
    row.replace(message(MessageState::Running, "half and half and", second));
    assert!(!row.is_running());
}

#[test]
fn images_without_a_word_are_no_question_to_ask_again() {
    let row = |role, text: &str| Row::new(message(role, MessageState::Complete, text, None));
    let rows = [
        row(Role::User, "first"),
        row(Role::Assistant, "an answer"),
        row(Role::User, " "),
        row(Role::Assistant, "what it sees"),
        row(Role::User, "last"),
    ];
    let asked: Vec<_> = (0..3).map(|n| question_before(&rows, n)).collect();
    assert_eq!(asked, [Some("last".to_owned()), Some("first".to_owned()), None]);
}
