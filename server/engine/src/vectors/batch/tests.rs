use super::{super::Head, Need, Rest, Room, plan};
use protocol::Pooling;

const MEAN: Head = Head::Pooled(Pooling::Mean);

/// Tasks by what they want and how long their sequences are, where 10 tokens and 4 sequences fit.
#[track_caller]
fn check(needs: &[(Head, &[usize])], expected: &[usize]) {
    assert_eq!(planned(needs, true), expected);
}

fn planned(needs: &[(Head, &[usize])], takes_longer: bool) -> Vec<usize> {
    let needs: Vec<_> =
        needs.iter().map(|(head, lengths)| Need { head: *head, lengths: lengths.to_vec() }).collect();
    plan(&needs, Room { n_tokens: 10, n_sequences: 4, takes_longer })
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

#[test]
fn while_no_long_sequence_may_come_short_ones_do() {
    let check = |needs: &[(Head, &[usize])], expected: &[usize]| {
        assert_eq!(planned(needs, false), expected, "{needs:?}");
    };
    check(&[(MEAN, &[30])], &[0]);
    check(&[(MEAN, &[30, 1]), (MEAN, &[6]), (MEAN, &[4, 4])], &[0, 1, 1]);
    check(&[(Head::Rank, &[30]), (MEAN, &[6])], &[0, 1]);
    check(&[(MEAN, &[10])], &[1]);
}

/// The first task's sequences that come in each of so many steps beside others, where 10 tokens fit.
fn steps(lengths: &[usize], n_steps: usize) -> Vec<usize> {
    let (mut rest, mut n_done) = (Rest::default(), 0);
    let step = |_| {
        let n = planned(&[(MEAN, &lengths[n_done..])], rest.is_over())[0];
        rest = rest.after(lengths[n_done..n_done + n].iter().sum(), 10);
        n_done += n;
        n
    };
    (0..n_steps).map(step).collect()
}

#[test]
fn between_long_sequences_others_compute_as_if_they_came_in_parts() {
    assert_eq!(steps(&[30, 30], 7), [1, 0, 0, 1, 0, 0, 0]);
    assert_eq!(steps(&[11, 11, 11], 5), [1, 0, 1, 0, 1]);
    // What fits goes on meanwhile, and makes nobody wait.
    assert_eq!(steps(&[30, 10, 10, 30], 6), [1, 1, 1, 1, 0, 0]);
}
