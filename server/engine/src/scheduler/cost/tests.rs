use super::*;

/// Learns each of `steps` (decoding, prompt tokens, milliseconds) fifty times.
fn check(steps: &[(usize, usize, f64)], n_decoding: usize, expected: usize) {
    let mut cost = StepCost::default();
    for _ in 0..50 {
        for &(n_decoding, n_prompt, ms) in steps {
            cost.learn(n_decoding, n_prompt, ms);
        }
    }
    assert_eq!(cost.prompt_tokens_beside(n_decoding), expected);
}

#[test]
fn before_anything_is_known_it_guesses() {
    check(&[], 1, FIRST_GUESS);
    check(&[(1, 0, 10.0)], 1, FIRST_GUESS);
}

#[test]
fn what_decoding_leaves_of_the_step_goes_to_prompts() {
    check(&[(1, 0, 50.0), (0, 512, 1024.0)], 1, 50);
    check(&[(1, 0, 50.0), (1, 50, 150.0)], 1, 50);
}

#[test]
fn a_number_of_streams_never_seen_costs_what_the_nearest_one_does() {
    check(&[(1, 0, 10.0), (8, 0, 110.0), (0, 100, 100.0)], 6, 110);
}

#[test]
fn a_slow_machine_still_reads_prompts() {
    check(&[(1, 0, 400.0), (0, 100, 1000.0)], 1, 40);
    check(&[(1, 0, 20.0), (0, 100, 100_000.0)], 1, LEAST);
}

#[test]
fn a_full_tile_is_worth_a_longer_step_where_its_rows_cost_less() {
    let one = |few_ms: f64, many_ms: f64| {
        [(1, 0, 17.0), (1, 32, 17.0 + 32.0 * few_ms), (1, 127, 17.0 + 127.0 * many_ms)]
    };
    check(&one(8.0, 4.0), 1, 63);
    check(&one(4.0, 4.0), 1, 33);
    check(&one(9.5, 8.0), 1, LEAST);
    // Where even the least step takes long, a tile may take twice as long.
    check(&one(20.0, 8.0), 1, 63);
    check(&one(50.0, 40.0), 1, LEAST);
    // More than a tile is what the step's time allows.
    check(&one(2.0, 1.0), 1, 133);
}

#[test]
fn what_comes_behind_a_step_takes_as_long_as_a_prompt_in_it_would() {
    let mut cost = StepCost::default();
    assert!(cost.tokens_within(100.0).is_none());
    for _ in 0..50 {
        cost.learn(1, 0, 50.0);
        cost.learn(4, 0, 400.0);
        cost.learn(0, 100, 100.0);
    }
    assert!((cost.ms_beside(1) - 100.0).abs() < 1e-6);
    assert_eq!(cost.tokens_within(cost.ms_beside(1)), Some(100));
    // A slow machine computes something, too.
    assert!((cost.ms_beside(4) - 400.0).abs() < 1e-6);
    assert_eq!(cost.tokens_within(1.0), Some(LEAST));
}

/// What a step takes of prompts while nobody decodes where a token of one takes so long, of at most 512.
fn check_alone(token_ms: f64, expected: usize) {
    let mut cost = StepCost::default();
    for _ in 0..50 {
        cost.learn(0, 64, 64.0 * token_ms);
    }
    assert_eq!(cost.budget(0, false, 512).n_tokens, expected, "{token_ms} ms");
    assert_eq!(cost.budget(1, false, 512).n_tokens, 512, "{token_ms} ms");
}

#[test]
fn nobody_waits_much_longer_than_a_second_for_a_step() {
    check_alone(0.5, 512);
    check_alone(4.0, 224);
    check_alone(33.0, LEAST_ALONE);
    check_alone(500.0, LEAST_ALONE);
    assert_eq!(StepCost::default().budget(0, false, 512).n_tokens, FIRST_GUESS);
}

#[test]
fn who_decodes_elsewhere_waits_no_longer_than_for_a_prompt_beside() {
    let mut cost = StepCost::default();
    cost.learn(0, 64, 64.0 * 4.0);
    let n_tokens = [false, true].map(|others_decode| cost.budget(0, others_decode, 512).n_tokens);
    assert_eq!(n_tokens, [224, 37]);
}

#[test]
fn steps_with_few_prompt_tokens_teach_nothing_about_them() {
    check(&[(0, 1, 500.0)], 1, FIRST_GUESS);
}

#[test]
fn one_slow_step_changes_little() {
    let mut cost = StepCost::default();
    for _ in 0..50 {
        cost.learn(0, 100, 100.0);
    }
    cost.learn(0, 100, 100_000.0);
    assert_eq!(cost.prompt_tokens_beside(1), 93);
}

/// Learns steps of so many rows and milliseconds, and prompt tokens of one millisecond each.
fn check_step(steps: &[(usize, f64)], n_rows: usize, expected: Option<f64>) {
    let mut cost = StepCost::default();
    for &(n_rows, ms) in steps {
        cost.learn(n_rows, 0, ms);
    }
    cost.learn(0, 100, 100.0);
    assert_eq!(cost.step_ms(n_rows), expected);
}

#[test]
fn the_cost_of_a_step_is_measured_or_lies_between_what_was() {
    check_step(&[], 1, None);
    check_step(&[(2, 10.0)], 1, None);
    check_step(&[(1, 10.0)], 1, Some(10.0));
    check_step(&[(1, 10.0), (5, 30.0)], 5, Some(30.0));
    check_step(&[(1, 10.0), (5, 30.0)], 2, Some(15.0));
    check_step(&[(1, 10.0), (5, 30.0)], 9, Some(34.0));
}

#[test]
fn a_row_is_taken_to_cost_a_share_of_the_first_until_it_is_known() {
    let mut cost = StepCost::default();
    assert_eq!(cost.step_ms(2), None);
    cost.learn(1, 0, 10.0);
    assert_eq!((cost.step_ms(1), cost.step_ms(5)), (Some(10.0), Some(20.0)));
    cost.learn(0, 100, 100.0);
    assert_eq!(cost.step_ms(5), Some(14.0));
    cost.learn(5, 0, 30.0);
    assert_eq!(cost.step_ms(5), Some(30.0));
}

#[test]
fn what_guesses_cost_once_is_believed_for_a_while() {
    let mut cost = StepCost::default();
    cost.learn(9, 0, 100.0);
    for _ in 0..BELIEVED {
        cost.learn(1, 0, 10.0);
    }
    assert_eq!(cost.step_ms(9), Some(100.0));
    for _ in 0..100 {
        cost.learn(1, 0, 10.0);
    }
    let faded = cost.step_ms(9).expect("measured");
    assert!((89.0..91.0).contains(&faded), "{faded}");
}

/// Learns steps of so many rows and milliseconds.
fn check_padding(steps: &[(usize, f64)], n_rows: usize, expected: usize) {
    let mut cost = StepCost::default();
    for &(n_rows, ms) in steps {
        cost.learn(n_rows, 0, ms);
    }
    assert_eq!(cost.n_padding(n_rows), expected);
}

#[test]
fn a_step_is_filled_up_where_that_was_faster() {
    check_padding(&[(7, 38.0), (8, 31.0)], 7, 1);
    check_padding(&[(2, 38.0), (4, 30.0), (8, 31.0)], 2, 2);
    check_padding(&[(2, 38.0), (4, 30.0), (8, 20.0)], 2, 6);
    check_padding(&[(7, 30.0), (8, 31.0)], 7, 0);
    check_padding(&[(8, 31.0), (12, 20.0), (16, 10.0)], 8, 0);
}

#[test]
fn full_tiles_are_tried_once_the_step_as_it_is_was_measured() {
    check_padding(&[], 7, 0);
    check_padding(&[(7, 38.0)], 7, 1);
    check_padding(&[(3, 38.0)], 3, 1);
    check_padding(&[(3, 38.0), (4, 39.0)], 3, 5);
    check_padding(&[(3, 38.0), (4, 39.0), (8, 39.0)], 3, 0);
}

#[test]
fn a_single_row_is_not_filled_up() {
    check_padding(&[(1, 38.0), (4, 31.0), (8, 10.0)], 1, 0);
    check_padding(&[(0, 38.0), (4, 31.0)], 0, 0);
}

#[test]
fn what_was_slow_is_tried_again_after_a_while() {
    let mut cost = StepCost::default();
    cost.learn(7, 0, 30.0);
    cost.learn(8, 0, 31.0);
    for _ in 0..10 {
        cost.learn(7, 0, 30.0);
        assert_eq!(cost.n_padding(7), 0);
    }
    for _ in 0..100 {
        cost.learn(7, 0, 30.0);
    }
    assert_eq!(cost.n_padding(7), 1);
    cost.learn(8, 0, 31.0);
    assert_eq!(cost.n_padding(7), 0);
}

#[test]
fn what_a_copy_takes_is_learned_from_large_ones() {
    let mut cost = CopyCost::default();
    let million = 1 << 20;
    cost.learn(1000, 500.0);
    assert!((1.0..1.1).contains(&cost.ms(million)));
    cost.learn(10 * million, 50.0);
    assert!((4.9..5.1).contains(&cost.ms(million)));
    // Something else kept the machine busy.
    cost.learn(million, 5000.0);
    assert!(cost.ms(million) < 10.0);
}
