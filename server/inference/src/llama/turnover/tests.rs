use super::*;

/// After answers of these seconds, the wait of the one at `position` with two slots, in milliseconds.
fn check(took: &[u64], position: usize, expected: Option<u128>) {
    let mut turnover = Turnover::default();
    for &seconds in took {
        turnover.note(Duration::from_secs(seconds));
    }
    assert_eq!(turnover.wait(position, 2).map(|wait| wait.as_millis()), expected);
}

#[test]
fn nothing_is_guessed_before_an_answer_has_ended() {
    check(&[], 1, None);
}

#[test]
fn the_line_moves_as_fast_as_answers_end() {
    check(&[4], 1, Some(2000));
    check(&[4], 3, Some(6000));
    check(&[4, 14], 1, Some(3500));
}
