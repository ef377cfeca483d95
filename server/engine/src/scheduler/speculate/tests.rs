use super::*;
use proptest::prelude::*;

/// Steps of `first_ms`, and `row_ms` more for every row after the first.
fn check(first_ms: f64, row_ms: f64, n_decoding: usize, offers: &[(usize, f32)], expected: &[usize]) {
    let offers: Vec<_> = offers
        .iter()
        .map(|&(n_tokens, probability)| Offer { n_tokens, probability, is_forced: false })
        .collect();
    let step_ms = |n_rows: usize| Some(first_ms + row_ms * (n_rows - 1) as f64);
    assert_eq!(choose(n_decoding, &offers, 64, step_ms), expected);
}

#[test]
fn cheap_rows_are_taken_as_far_as_they_are_likely() {
    check(10.0, 1.0, 1, &[(8, 0.95)], &[8]);
    check(10.0, 1.0, 1, &[(8, 0.5)], &[2]);
    check(10.0, 1.0, 1, &[(8, 0.05)], &[0]);
}

#[test]
fn rows_that_cost_as_much_as_steps_are_not_taken() {
    check(10.0, 10.0, 1, &[(8, 0.95)], &[0]);
    check(10.0, 9.0, 1, &[(8, 0.5)], &[0]);
}

#[test]
fn the_likeliest_draft_gets_the_rows() {
    check(10.0, 2.0, 2, &[(4, 0.9), (4, 0.3)], &[4, 0]);
}

#[test]
fn what_is_forced_is_taken_as_far_as_there_is_room() {
    let forced = Offer { n_tokens: 5, probability: 0.01, is_forced: true };
    assert_eq!(choose(2, &[forced, forced], 64, |_| None), [5, 5]);
    assert_eq!(choose(2, &[forced, forced], 7, |_| Some(1.0)), [5, 2]);
}

#[test]
fn what_is_not_known_is_not_tried() {
    assert_eq!(choose(1, &[Offer { n_tokens: 4, probability: 0.9, is_forced: false }], 64, |_| None), [0]);
    assert_eq!(choose(1, &[], 64, |_| Some(1.0)), [0; 0]);
}

#[test]
fn acceptance_follows_what_happened_and_comes_back_when_untried() {
    let mut acceptance = Acceptance::default();
    let first = acceptance.probability(4);
    for _ in 0..20 {
        acceptance.learn(4, 4, 0);
    }
    let low = acceptance.probability(4);
    assert!(low < 0.2, "{low}");
    assert!((acceptance.probability(12) - FIRST_GUESS[3]).abs() < 1e-6, "another class is untouched");
    for _ in 0..300 {
        acceptance.learn(4, 0, 0);
    }
    assert!((acceptance.probability(4) - first).abs() < 0.05);
    for _ in 0..20 {
        acceptance.learn(4, 4, 4);
    }
    assert!(acceptance.probability(4) > 0.9);
}

proptest! {
    #[test]
    fn never_more_than_offered_nor_than_there_is_room_for(
        n_decoding in 1_usize..16,
        offers in proptest::collection::vec((0_usize..17, 0.0_f32..1.0), 0..16),
        n_most in 0_usize..40,
        first_ms in 0.1_f64..100.0,
        row_ms in 0.0_f64..100.0,
    ) {
        let offers: Vec<_> = offers.iter().map(|&(n_tokens, probability)| Offer { n_tokens, probability, is_forced: false }).collect();
        let chosen = choose(n_decoding, &offers, n_most, |n| Some(first_ms + row_ms * (n - 1) as f64));
        prop_assert_eq!(chosen.len(), offers.len());
        prop_assert!(chosen.iter().sum::<usize>() <= n_most);
        prop_assert!(chosen.iter().zip(&offers).all(|(&n, offer)| n <= offer.n_tokens));
    }
}
