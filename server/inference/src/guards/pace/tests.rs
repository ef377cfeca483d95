use super::*;

/// Tokens as `(second, how many there are then)`, with a look at the clock every second; when it was too slow.
fn check(tokens: &[(u64, u32)], waits_from: Option<u64>, expected: Option<u64>) {
    let start = Instant::now();
    let mut pace = Pace::new(0.3);
    let slow = (0..200).find(|&second| {
        let now = start + Duration::from_secs(second);
        for &(_, n) in tokens.iter().filter(|(at, _)| *at == second) {
            pace.tokens(now, n);
        }
        if waits_from == Some(second) {
            pace.waits();
        }
        pace.tick(now)
    });
    assert_eq!(slow, expected);
}

#[test]
fn a_steady_answer_is_fine() {
    let tokens: Vec<_> = (0..200).map(|second| (second, second as u32 + 1)).collect();
    check(&tokens, None, None);
}

#[test]
fn one_that_stalls_is_seen_at_the_end_of_the_window() {
    check(&[(10, 1)], None, Some(40));
    let tokens: Vec<_> = (0..45).map(|second| (second, second as u32 + 1)).collect();
    check(&tokens, None, Some(90));
}

#[test]
fn before_the_first_token_nothing_is_slow() {
    check(&[], None, None);
}

#[test]
fn who_waits_for_others_is_not_slow() {
    check(&[(0, 1)], Some(5), None);
    check(&[(0, 1), (100, 2)], Some(5), Some(130));
}
