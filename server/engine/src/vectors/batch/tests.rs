use super::{
    super::{Head, shares::Shares},
    Need, Rest, Room, plan,
};
use protocol::{Pooling, Tenant, Who};

const MEAN: Head = Head::Pooled(Pooling::Mean);

/// Tasks by what they want and how long their sequences are, where 10 tokens and 4 sequences fit.
#[track_caller]
fn check(needs: &[(Head, &[usize])], expected: &[usize]) {
    assert_eq!(planned(needs, true), expected);
}

/// All of one who had nothing yet.
fn planned(needs: &[(Head, &[usize])], takes_longer: bool) -> Vec<usize> {
    let who = Who::alone(Tenant(1));
    let need = |&(head, lengths): &(Head, &[usize])| Need {
        head,
        who,
        n_computed: 0,
        stays: false,
        lengths: lengths.into(),
    };
    let needs: Vec<_> = needs.iter().map(need).collect();
    plan(&needs, &Shares::default(), Room { n_tokens: 10, n_sequences: 4, takes_longer })
}

/// How many of one token each task gets, and of what share and for whom it is; so many tokens were computed for some before.
#[track_caller]
fn check_shares(tasks: &[(i64, i64)], had: &[((i64, i64), usize)], expected: &[usize]) {
    let who = |(share, tenant): (i64, i64)| Who { share: Tenant(share), tenant: Tenant(tenant) };
    let mut shares = Shares::default();
    had.iter().for_each(|&(it, n_tokens)| shares.note(who(it), n_tokens));
    let need = |&it: &(i64, i64)| Need {
        head: MEAN,
        who: who(it),
        n_computed: 0,
        stays: false,
        lengths: vec![1; 12],
    };
    let needs: Vec<_> = tasks.iter().map(need).collect();
    let room = Room { n_tokens: 12, n_sequences: 12, takes_longer: true };
    assert_eq!(plan(&needs, &shares, room), expected);
}

#[test]
fn every_share_gets_as_much_however_much_it_asks_for() {
    check_shares(&[(1, 1); 6], &[], &[2; 6]);
    check_shares(&[(1, 1), (1, 1), (1, 1), (2, 2)], &[], &[2, 2, 2, 6]);
    // Whoever calls for many gets no more, and each of those as much.
    check_shares(&[(1, 10), (1, 11), (1, 11), (2, 2)], &[], &[3, 2, 1, 6]);
}

#[test]
fn who_had_less_comes_first() {
    check_shares(&[(1, 1), (2, 2)], &[((1, 1), 50), ((2, 2), 42)], &[2, 10]);
    check_shares(&[(1, 10), (1, 11), (2, 2)], &[((1, 10), 7), ((1, 11), 3), ((2, 2), 10)], &[1, 5, 6]);
    check_shares(&[(1, 1), (2, 2)], &[((1, 1), 100)], &[0, 12]);
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

#[test]
fn what_is_open_is_used_before_something_else_is_opened() {
    let who = Who::alone(Tenant(1));
    let need = |head, stays, length| Need { head, who, n_computed: 0, stays, lengths: vec![length] };
    let check = |needs: &[Need], expected: &[usize]| {
        let room = Room { n_tokens: 10, n_sequences: 4, takes_longer: false };
        assert_eq!(plan(needs, &Shares::default(), room), expected);
    };
    check(&[need(MEAN, false, 1), need(Head::Rank, true, 1)], &[0, 1]);
    check(&[need(MEAN, true, 1), need(Head::Rank, true, 1)], &[1, 0]);
    // Unless it has nothing to compute now.
    check(&[need(MEAN, false, 1), need(Head::Rank, true, 30)], &[1, 0]);
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
