use super::*;

const FULL: Memory = Memory { can_cut: true, window: None };
const RECURRENT: Memory = Memory { can_cut: false, window: None };
const SLIDING: Memory = Memory { can_cut: true, window: Some(100) };

/// Sequences are `common/held`, running ones with an `r` before that, with `@first` where a window moved on, and with
/// `^least` where fewer tokens are not worth it.
fn check(memory: Memory, n_prompt: usize, sequences: &str, expected: &str) {
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let parse = |text: &str| {
        let (rest, least) = text.split_once('^').unwrap_or((text, "0"));
        let (rest, first) = rest.split_once('@').unwrap_or((rest, "0"));
        let (n_common, n_past) = rest.trim_start_matches('r').split_once('/').expect("common/held");
        let held = Held {
            n_past: number(n_past),
            first: number(first),
            running: text.starts_with('r'),
            least: number(least),
        };
        (number(n_common), held)
    };
    let sequences: Vec<_> = sequences.split_whitespace().map(parse).collect();
    let matches: Vec<_> = sequences
        .iter()
        .enumerate()
        .map(|(sequence, (n_common, _))| Match { sequence, n_common: *n_common })
        .collect();
    let given = match place(n_prompt, &matches, memory, |sequence| sequences[sequence].1) {
        Place::Fresh => "fresh".to_owned(),
        Place::Wait => "wait".to_owned(),
        Place::Fork { from, n_tokens } => format!("fork {from}+{n_tokens}"),
        Place::Resume { sequence, n_tokens } => format!("resume {sequence}+{n_tokens}"),
    };
    assert_eq!(given, expected);
}

#[test]
fn without_anything_in_common_it_starts_fresh() {
    check(FULL, 100, "", "fresh");
}

#[test]
fn a_conversation_goes_on_where_it_was() {
    check(FULL, 500, "20/20 400/400 300/800", "resume 1+400");
}

#[test]
fn what_holds_more_than_the_prompt_wants_is_forked() {
    check(FULL, 500, "300/800", "fork 0+300");
}

#[test]
fn the_same_prompt_again_computes_its_last_token() {
    check(FULL, 500, "500/500", "resume 0+499");
    check(FULL, 500, "500/700", "fork 0+499");
}

#[test]
fn of_the_same_beginning_the_one_nobody_uses_is_taken() {
    check(FULL, 500, "r300/400 300/300", "resume 1+300");
    check(FULL, 500, "300/300 r300/400", "resume 0+300");
}

#[test]
fn a_beginning_that_somebody_computes_is_waited_for() {
    check(FULL, 500, "r300/10", "wait");
    check(FULL, 500, "r300/10 20/20", "wait");
    check(FULL, 500, "r300/300", "fork 0+300");
    check(FULL, 500, "r300/350", "fork 0+300");
}

#[test]
fn nobody_waits_for_little() {
    check(FULL, 500, "r300/280", "fork 0+280");
    check(FULL, 500, "r20/0", "fresh");
}

#[test]
fn a_recurrent_model_goes_on_only_from_where_it_is() {
    check(RECURRENT, 500, "300/300 400/401", "resume 0+300");
    check(RECURRENT, 500, "r300/10", "fork 0+10");
    check(RECURRENT, 500, "300/310", "fresh");
    check(RECURRENT, 500, "r300/300", "fork 0+300");
}

#[test]
fn a_window_that_moved_on_cannot_be_cut() {
    check(SLIDING, 500, "300/800@700", "fresh");
    check(SLIDING, 500, "300/350@250", "fresh");
    check(SLIDING, 500, "300/350@200", "fork 0+300");
    check(SLIDING, 500, "300/300@200", "resume 0+300");
    check(SLIDING, 500, "r300/350@250", "fresh");
}

#[test]
fn what_costs_more_to_fetch_than_to_compute_is_left() {
    check(FULL, 500, "20/4000^500", "fresh");
    check(FULL, 500, "20/4000^20", "fork 0+20");
    check(FULL, 500, "20/4000^500 18/30", "fork 1+18");
}
