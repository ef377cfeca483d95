use super::*;
use proptest::prelude::*;

#[test]
fn places_that_are_close_to_each_other_are_worth_one_state() {
    let tokens = vec![LlamaToken(1); 200];
    let check = |places: &[usize], expected: &[usize]| assert_eq!(worth_a_state(places, &tokens), expected);
    check(&[], &[]);
    check(&[40, 60, 72, 150], &[40, 72, 150]);
    // The beginning is there in any case, and behind the last token is nothing left to compute.
    check(&[20, 199, 200], &[199]);
}

#[test]
fn the_last_that_is_not_too_far_is_found() {
    let mut states = Checkpoints::new(100);
    for n_tokens in [50, 100, 200] {
        states.add(1, n_tokens, n_tokens, 1);
    }
    assert_eq!([49, 50, 199, 1000].map(|most| states.last_within(1, most)), [0, 50, 100, 200]);
    assert_eq!(states.last_within(2, 1000), 0);
    assert_eq!(states.at(1, 100).as_deref(), Some(&100));
    assert_eq!(states.at(1, 101), None);
}

#[test]
fn who_begins_like_another_has_what_both_have() {
    let mut states = Checkpoints::new(100);
    for n_tokens in [50, 100, 200] {
        states.add(1, n_tokens, n_tokens, 1);
    }
    states.inherit(1, 2, 150);
    assert_eq!((states.last_within(2, 1000), states.last_within(1, 1000)), (100, 200));
    states.remove(1);
    assert_eq!(states.at(2, 50).as_deref(), Some(&50));
    states.inherit(2, 2, 60);
    assert_eq!(states.last_within(2, 1000), 50);
}

#[test]
fn of_many_the_first_and_the_latest_stay() {
    let mut states = Checkpoints::new(100);
    (1..=12).for_each(|i| states.add(1, i * 100, i, 1));
    assert_eq!(states.last_within(1, 500), 100);
    assert_eq!(states.last_within(1, 600), 600);
    assert_eq!(states.last_within(1, 5000), 1200);
}

#[test]
fn of_those_the_first_and_the_last_turns_are_written() {
    let check = |n: usize, expected: &[usize]| {
        let mut states = Checkpoints::new(100);
        (1..=n).for_each(|i| states.add(1, i * 100, i, 1));
        let written: Vec<_> =
            states.for_file(1).into_iter().map(|(n_tokens, state)| (n_tokens, *state)).collect();
        let expected: Vec<_> = expected.iter().map(|&i| (i * 100, i)).collect();
        assert_eq!(written, expected, "of {n}");
    };
    check(0, &[]);
    check(1, &[1]);
    check(3, &[1, 2, 3]);
    check(4, &[1, 3, 4]);
    check(8, &[1, 7, 8]);
}

#[test]
fn what_is_too_large_is_not_kept_at_all() {
    let mut states = Checkpoints::new(10);
    states.add(1, 50, "small", 10);
    states.add(1, 100, "large", 11);
    assert_eq!(states.last_within(1, 100), 50);
}

#[test]
fn without_room_for_one_none_are_waited_for() {
    let mut states = Checkpoints::new(0);
    assert!(!states.are_kept());
    states.set_max_bytes(100);
    assert!(states.are_kept());
    states.add(1, 5, (), 101);
    assert!(!states.are_kept());
    states.set_max_bytes(200);
    states.add(1, 5, (), 101);
    assert!(states.are_kept());
}

proptest! {
    #[test]
    fn they_never_take_more_than_they_may(
        adds in prop::collection::vec((0_usize..5, 0_usize..20, 1_u64..40, 0_usize..5), 0..60),
    ) {
        let mut states = Checkpoints::new(100);
        for (number, n_tokens, n_bytes, heir) in adds {
            states.add(number, n_tokens, (), n_bytes);
            states.inherit(number, heir, n_tokens);
            prop_assert!(states.n_bytes() <= 100);
            prop_assert!(states.by_number.values().all(|own| own.len() <= MOST));
            // What was added last is there.
            prop_assert!(n_tokens == 0 || states.last_within(number, n_tokens) > 0);
        }
    }
}
