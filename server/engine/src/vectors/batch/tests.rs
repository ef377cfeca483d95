use super::{super::Head, Need, Room, plan};
use protocol::Pooling;

const MEAN: Head = Head::Pooled(Pooling::Mean);

/// Tasks by what they want and how long their sequences are, where 10 tokens and 4 sequences fit.
#[track_caller]
fn check(needs: &[(Head, &[usize])], expected: &[usize]) {
    let needs: Vec<_> =
        needs.iter().map(|(head, lengths)| Need { head: *head, lengths: lengths.to_vec() }).collect();
    assert_eq!(plan(&needs, Room { n_tokens: 10, n_sequences: 4 }), expected);
}

#[test]
fn nobody_waits() {
    check(&[], &[]);
}

#[test]
fn a_batch_is_filled() {
    check(&[(MEAN, &[5, 3, 2, 1])], &[3]);
    check(&[(MEAN, &[1, 1, 1, 1, 1])], &[4]);
}

#[test]
fn a_long_sequence_comes_alone() {
    check(&[(MEAN, &[30, 1])], &[1]);
}

#[test]
fn a_short_request_does_not_wait_for_a_long_one() {
    check(&[(MEAN, &[3; 100]), (MEAN, &[2])], &[2, 1]);
}

#[test]
fn who_is_too_long_for_what_is_left_is_passed() {
    check(&[(MEAN, &[6]), (MEAN, &[6]), (MEAN, &[4])], &[1, 0, 1]);
}

#[test]
fn only_the_same_is_computed_together() {
    check(&[(MEAN, &[1]), (Head::Rank, &[1]), (MEAN, &[1])], &[1, 0, 1]);
    check(&[(Head::Rank, &[1]), (Head::Pooled(Pooling::Last), &[1])], &[1, 0]);
}
