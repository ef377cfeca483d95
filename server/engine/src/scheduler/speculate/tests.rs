use super::*;
use proptest::prelude::*;

fn offer(n_tokens: usize, probability: f32) -> Offer {
    Offer { likelihoods: (1..=n_tokens as i32).map(|i| probability.powi(i)).collect(), is_forced: false }
}

/// Steps of `first_ms`, and `row_ms` more for every row after the first.
fn check(first_ms: f64, row_ms: f64, n_decoding: usize, offers: &[(usize, f32)], expected: &[usize]) {
    let offers: Vec<_> = offers.iter().map(|&(n_tokens, probability)| offer(n_tokens, probability)).collect();
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
fn a_tile_of_cheaper_rows_is_taken_though_some_below_it_would_take_too_long() {
    let chosen = |n_decoding: usize, probability: f32, tile_ms: f64| {
        let step_ms =
            |n_rows: usize| Some(if n_rows < ATTENTION_TILE { 4.0 + 6.0 * n_rows as f64 } else { tile_ms });
        choose(n_decoding, &[offer(64, probability)], 64, step_ms)[0]
    };
    assert_eq!(chosen(1, 0.999, 240.0), 64);
    assert_eq!(chosen(1, 0.999, 301.0), 23);
    assert_eq!(chosen(1, 0.8, 240.0), 1);
    assert!(chosen(2, 0.999, 240.0) < 24, "somebody else waits for words");
}

#[test]
fn what_is_forced_is_taken_as_far_as_there_is_room() {
    let forced = Offer { is_forced: true, ..offer(5, 0.01) };
    let both = [forced.clone(), forced];
    assert_eq!(choose(2, &both, 64, |_| None), [5, 5]);
    assert_eq!(choose(2, &both, 7, |_| Some(1.0)), [5, 2]);
}

#[test]
fn what_is_not_known_is_not_tried() {
    assert_eq!(choose(1, &[offer(4, 0.9)], 64, |_| None), [0]);
    assert_eq!(choose(1, &[], 64, |_| Some(1.0)), [0; 0]);
}

#[test]
fn acceptance_follows_what_happened_and_comes_back_when_untried() {
    let mut acceptance = Acceptance::default();
    let short = Basis::Match(4);
    let first = acceptance.probability(short);
    for _ in 0..20 {
        acceptance.learn(&[(short, false)]);
    }
    let low = acceptance.probability(short);
    assert!(low < 0.2, "{low}");
    let long = acceptance.probability(Basis::Match(12));
    assert!((long - FIRST_GUESS[3]).abs() < 1e-6, "another class is untouched");
    for _ in 0..300 {
        acceptance.fade(short);
    }
    assert!((acceptance.probability(short) - first).abs() < 0.05);
    for _ in 0..20 {
        acceptance.learn(&[(short, true); 4]);
    }
    assert!(acceptance.probability(short) > 0.9);
}

#[test]
fn what_a_draft_model_is_sure_of_is_judged_apart_and_expected_from_others() {
    let (sure, unsure) = (Basis::Confidence(0.99), Basis::Confidence(0.3));
    let mut others = Acceptance::default();
    for _ in 0..40 {
        others.learn(&[(sure, true), (unsure, false)]);
    }
    let of_new = |basis| Acceptance::default().probability_beside(&others, basis);
    assert!(of_new(sure) > 0.95 && of_new(unsure) < 0.1);
    let both = of_new(Basis::DraftModel);
    assert!((0.4..0.6).contains(&both), "{both}");
    let mut own = Acceptance::default();
    for _ in 0..40 {
        own.learn(&[(sure, false)]);
    }
    assert!(own.probability_beside(&others, sure) < 0.4, "what its own drafts show counts more");
}

/// A candidate, and an n-gram's offer if it has one.
fn candidate(probability: f32, rival: Option<Offer>) -> Candidate {
    Candidate { probability, most: 100, rival, is_forced: false }
}

/// Steps of 10 ms and `row_ms` for every further row; a draft step takes `draft_ms` and a tenth of that for every
/// further sequence.
fn check_drafting(row_ms: f64, draft_ms: f64, candidates: &[Candidate], expected: &[usize]) {
    let step_ms = |n: usize| Some(10.0 + row_ms * (n - 1) as f64);
    let of_draft = |n: usize, depth: usize| Some(draft_ms * depth as f64 * (1.0 + (n - 1) as f64 / 10.0));
    let plan = plan_drafting(candidates.len(), candidates, MOST_DEPTH, step_ms, of_draft);
    assert_eq!(plan.depths, expected);
}

#[test]
fn a_draft_model_guesses_as_far_as_it_pays() {
    check_drafting(0.1, 1.0, &[candidate(0.9, None)], &[8]);
    check_drafting(0.1, 1.0, &[candidate(0.6, None)], &[3]);
    check_drafting(0.1, 1.0, &[candidate(0.15, None)], &[0]);
    check_drafting(0.1, 8.0, &[candidate(0.7, None)], &[0]);
    check_drafting(10.0, 1.0, &[candidate(0.9, None)], &[0]);
}

#[test]
fn what_one_alone_would_not_pay_for_several_share() {
    check_drafting(0.1, 7.0, &[candidate(0.7, None)], &[0]);
    let several = vec![candidate(0.7, None); 4];
    let plan = plan_drafting(
        4,
        &several,
        MOST_DEPTH,
        |n| Some(10.0 + 0.1 * n as f64),
        |_, depth| Some(4.0 * depth as f64),
    );
    assert!(plan.depths.iter().all(|&depth| depth > 0), "{plan:?}");
    assert_eq!(
        plan_drafting(1, &several[..1], MOST_DEPTH, |_| Some(4.1), |_, depth| Some(4.0 * depth as f64))
            .depths,
        [0]
    );
}

#[test]
fn a_block_costs_the_same_however_much_of_it_is_used() {
    let plan =
        plan_drafting(1, &[candidate(0.8, None)], 15, |n| Some(10.0 + 0.1 * n as f64), |_, _| Some(5.0));
    assert_eq!(plan.depths, [15]);
}

#[test]
fn what_n_grams_know_better_costs_no_drafting() {
    check_drafting(0.1, 1.0, &[candidate(0.7, Some(offer(16, 0.95)))], &[0]);
    check_drafting(0.1, 1.0, &[candidate(0.9, Some(offer(16, 0.3)))], &[8]);
    check_drafting(0.1, 1.0, &[candidate(0.9, Some(offer(1, 0.9)))], &[8]);
}

#[test]
fn a_draft_model_that_must_guess_does_and_an_unknown_cost_is_not_tried() {
    let forced = Candidate { is_forced: true, most: 5, ..candidate(0.01, None) };
    let plan = plan_drafting(1, std::slice::from_ref(&forced), MOST_DEPTH, |_| None, |_, _| None);
    assert_eq!((plan.depths, plan.least_likely), (vec![5], 0.0));
    let plan = plan_drafting(1, &[candidate(0.99, None)], MOST_DEPTH, |_| Some(10.0), |_, _| None);
    assert_eq!(plan.depths, [0]);
}

#[test]
fn a_long_text_is_computed_for_a_long_answer_only() {
    assert!(is_worth_catching_up(1, 0, 1));
    assert!(is_worth_catching_up(400, 0, 1000));
    assert!(!is_worth_catching_up(4000, 0, 1000));
    assert!(is_worth_catching_up(4000, 500, 1000));
    assert!(!is_worth_catching_up(4000, 500, 10));
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
        let offers: Vec<_> = offers.iter().map(|&(n_tokens, probability)| offer(n_tokens, probability)).collect();
        let chosen = choose(n_decoding, &offers, n_most, |n| Some(first_ms + row_ms * (n - 1) as f64));
        prop_assert_eq!(chosen.len(), offers.len());
        prop_assert!(chosen.iter().sum::<usize>() <= n_most);
        prop_assert!(chosen.iter().zip(&offers).all(|(&n, offer)| n <= offer.likelihoods.len()));
    }
}
