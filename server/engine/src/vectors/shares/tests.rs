use super::*;

/// `a` is who has a share alone, `a.x` one of those for whom a share is used.
fn who(name: &str) -> Who {
    let number = |name: &str| Tenant(name.bytes().fold(0, |n, byte| 256 * n + i64::from(byte)));
    let share = name.split('.').next().unwrap_or(name);
    Who { share: number(share), tenant: number(name) }
}

fn names(names: &str) -> impl Iterator<Item = Who> {
    names.split_whitespace().map(who)
}

/// What `new` had, where so many tokens were computed for each of these, in that order, and these wait when it comes.
#[track_caller]
fn check(had: &[(&str, usize)], waiting: &str, new: &str, expected: [u64; 2]) {
    let mut shares = Shares::default();
    had.iter().for_each(|&(name, n_tokens)| shares.note(who(name), n_tokens));
    shares.enter(who(new), &names(waiting).collect());
    assert_eq!(shares.had(who(new)), expected);
}

#[test]
fn who_begins_has_had_as_much_as_those_who_had_least() {
    check(&[], "", "a", [0, 0]);
    check(&[("a", 90), ("b", 70)], "a b", "c", [70, 0]);
    check(&[("a", 90), ("b", 70)], "a", "b", [90, 70]);
    check(&[("a.x", 60), ("a.y", 40), ("b", 70)], "a.x a.y b", "a.z", [100, 40]);
}

#[test]
fn who_leaves_and_comes_back_has_had_what_it_had() {
    check(&[("a", 50), ("b", 80)], "a", "b", [80, 80]);
    check(&[("a.x", 30), ("a.y", 50)], "a.x", "a.y", [80, 50]);
}

#[test]
fn where_nobody_waits_nobody_is_owed_anything() {
    check(&[("a", 90)], "", "a", [0, 0]);
    check(&[("a", 90)], "", "b", [0, 0]);
}

#[test]
fn who_waits_already_has_had_what_it_had() {
    check(&[("a", 10), ("b", 70)], "a b", "a", [10, 10]);
}

#[test]
fn only_so_many_are_remembered() {
    let mut shares = Shares::default();
    let waiting = BTreeSet::from([who("a")]);
    for n in 0..3 * MOST as i64 {
        let new = Who::alone(Tenant(1_000_000 + n));
        shares.enter(new, &waiting);
        shares.note(new, 5);
    }
    assert!(shares.tenants.len() <= MOST + 2 && shares.shares.len() <= MOST + 2);
}
