use super::*;

const FULL: Memory = Memory { can_cut: true, window: None };
const RECURRENT: Memory = Memory { can_cut: false, window: None };
const SLIDING: Memory = Memory { can_cut: true, window: Some(100) };

/// Sequences are `common/held`, running ones with an `r` before that, with `@first` where a window moved on, with
/// `^least` where fewer tokens are not worth it, with `~start-end` where something between is forgotten, with `#n`
/// where there is a state of the first `n` tokens, and with `+n` where there will be one.
fn check(memory: Memory, n_prompt: usize, sequences: &str, expected: &str) {
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let parse = |text: &str| {
        let (text, coming) = text.split_once('+').unwrap_or((text, "0"));
        let (text, checkpoint) = text.split_once('#').unwrap_or((text, "0"));
        let (text, hole) = text.split_once('~').unwrap_or((text, "0-0"));
        let (start, end) = hole.split_once('-').expect("start-end");
        let (rest, least) = text.split_once('^').unwrap_or((text, "0"));
        let (rest, first) = rest.split_once('@').unwrap_or((rest, "0"));
        let (n_common, n_past) = rest.trim_start_matches('r').split_once('/').expect("common/held");
        let held = Held {
            n_past: number(n_past),
            first: number(first),
            hole: number(start)..number(end),
            running: text.starts_with('r'),
            least: number(least),
        };
        (number(n_common), held, [number(checkpoint), number(coming)])
    };
    let sequences: Vec<_> = sequences.split_whitespace().map(parse).collect();
    let matches: Vec<_> = sequences
        .iter()
        .enumerate()
        .map(|(sequence, (n_common, ..))| Match { sequence, n_common: *n_common })
        .collect();
    let held = |sequence: usize| sequences[sequence].1.clone();
    let state = |which: usize| {
        let sequences = &sequences;
        move |sequence: usize, most| Some(sequences[sequence].2[which]).filter(|n| *n <= most).unwrap_or(0)
    };
    let given = match place(n_prompt, &matches, memory, held, state(0), state(1)) {
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
fn what_has_forgotten_its_middle_serves_before_and_behind_it() {
    check(FULL, 900, "800/800~100-300", "resume 0+800");
    check(FULL, 900, "500/800~100-300", "fork 0+500");
    check(FULL, 900, "300/800~100-300", "fork 0+300");
    check(FULL, 900, "299/800~100-300", "fork 0+100");
    check(FULL, 900, "50/800~100-300", "fork 0+50");
    check(FULL, 900, "800/800~100-99999", "fork 0+100");
    check(FULL, 900, "800/800~100-99999 200/200", "resume 1+200");
}

#[test]
fn what_cannot_be_cut_is_set_back_to_a_state_that_was_kept() {
    check(RECURRENT, 500, "300/310#250", "fork 0+250");
    check(RECURRENT, 500, "310/310#250", "resume 0+310");
    check(RECURRENT, 500, "240/310#250", "fresh");
    check(RECURRENT, 500, "300/310#250 280/280", "resume 1+280");
    check(RECURRENT, 500, "r300/310#250", "fork 0+250");
    check(RECURRENT, 500, "500/500#450", "resume 0+450");
    check(SLIDING, 500, "300/800@700#200", "fork 0+200");
    check(SLIDING, 500, "300/800@100#200", "fork 0+300");
    check(RECURRENT, 500, "300/310^260#250", "fresh");
}

#[test]
fn a_state_that_somebody_comes_to_is_waited_for_where_nothing_can_be_cut() {
    check(RECURRENT, 500, "r300/10+250", "wait");
    check(RECURRENT, 500, "r500/0+499", "wait");
    check(RECURRENT, 500, "r300/0+301", "fresh");
    check(RECURRENT, 500, "r300/250#250", "fork 0+250");
    check(RECURRENT, 500, "r300/200#200+290", "wait");
    check(RECURRENT, 500, "r300/200#200+220", "fork 0+200");
    check(RECURRENT, 500, "r300/10+30", "fork 0+10");
}

#[test]
fn what_costs_more_to_fetch_than_to_compute_is_left() {
    check(FULL, 500, "20/4000^500", "fresh");
    check(FULL, 500, "20/4000^20", "fork 0+20");
    check(FULL, 500, "20/4000^500 18/30", "fork 1+18");
}
