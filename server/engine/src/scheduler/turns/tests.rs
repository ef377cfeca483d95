use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// `a` is who has a share alone, `a.x` one of those for whom a share is used.
fn who(name: &str) -> Who {
    let number = |name: &str| Tenant(name.bytes().fold(0, |n, byte| 256 * n + i64::from(byte)));
    let share = name.split('.').next().unwrap_or(name);
    Who { share: number(share), tenant: number(name) }
}

/// Who starts in which order, where these had turns, these run, and these wait; `-a` gave way.
fn check(turns: &str, running: &str, waiting: &str, expected: &str) {
    let mut had = Turns::default();
    turns.split_whitespace().for_each(|name| had.note(who(name)));
    let waiting: Vec<_> = waiting.split_whitespace().collect();
    let asked = waiting.iter().map(|name| (who(name.trim_start_matches('-')), name.starts_with('-')));
    let line = had.line(asked, running.split_whitespace().map(who));
    let line: Vec<_> = line.into_iter().map(|i| format!("{}{i}", waiting[i])).collect();
    assert_eq!(line.join(" "), expected);
}

#[test]
fn alone_whoever_came_first_is_first() {
    check("", "", "a a a", "a0 a1 a2");
    check("a a", "a a", "a a a", "a0 a1 a2");
}

#[test]
fn who_has_fewer_running_comes_first() {
    check("a a", "a a", "a a b", "b2 a0 a1");
    check("a b a", "a b a", "a a b b b", "b2 a0 b3 a1 b4");
}

#[test]
fn one_at_a_time_they_take_turns() {
    check("a", "", "a a a b", "b3 a0 a1 a2");
    check("a b", "", "a a a b b", "a0 b3 a1 b4 a2");
    check("a b c", "", "c b a", "a2 b1 c0");
}

#[test]
fn many_names_of_one_who_calls_have_one_share() {
    check("a.x", "a.x", "a.y a.z a.w b b", "b3 a.y0 b4 a.z1 a.w2");
    check("", "", "a.x a.y a.z b", "a.x0 b3 a.y1 a.z2");
    // And these take turns in it.
    check("", "", "a.x a.x a.x a.y", "a.x0 a.y3 a.x1 a.x2");
}

#[test]
fn who_gave_way_goes_on_before_others_start() {
    check("b a", "a b", "-a c b", "-a0 c1 b2");
}

#[test]
fn whoever_has_most_gives_way_but_not_its_only_one() {
    let check = |running: &str, expected: Option<&str>| {
        let given = Turns::gives_way(running.split_whitespace().map(|name| who(name).share));
        assert_eq!(given, expected.map(|name| who(name).share), "{running}");
    };
    check("", None);
    check("a", None);
    check("a b c", None);
    check("a b b c", Some("b"));
    check("a a b b b c", Some("b"));
    check("a a b.x b.y b.z", Some("b"));
}

#[test]
fn a_bounded_number_of_turns_is_remembered() {
    let mut turns = Turns::default();
    let nth = |n: i64| Who { share: Tenant(n), tenant: Tenant(n) };
    (0..1000).for_each(|n| turns.note(nth(n)));
    assert_eq!(turns.last.len(), MOST);
    assert!(turns.last.contains_key(&nth(999)) && !turns.last.contains_key(&nth(0)));
}

proptest! {
    #[test]
    fn nobody_is_left_out_and_of_one_tenant_nobody_is_passed(
        had in prop::collection::vec((0i64..3, 0i64..3), 0..20),
        running in prop::collection::vec((0i64..3, 0i64..3), 0..8),
        waiting in prop::collection::vec((0i64..3, 0i64..3), 0..40),
    ) {
        let who = |&(share, name): &(i64, i64)| Who { share: Tenant(share), tenant: Tenant(10 * share + name) };
        let mut turns = Turns::default();
        had.iter().for_each(|it| turns.note(who(it)));
        let line = turns.line(waiting.iter().map(|it| (who(it), false)), running.iter().map(who));
        prop_assert_eq!(line.iter().copied().collect::<BTreeSet<_>>(), (0..waiting.len()).collect());
        prop_assert_eq!(line.len(), waiting.len());
        for (n, &i) in line.iter().enumerate() {
            prop_assert!(line[..n].iter().all(|&j| waiting[j] != waiting[i] || j < i));
        }
    }

    /// Where one generation runs at a time, whoever comes anew waits for one turn of each other share at most.
    #[test]
    fn who_comes_anew_waits_for_one_turn_of_everybody(
        others in prop::collection::vec(0i64..6, 0..60),
    ) {
        let who = |share: i64| Who { share: Tenant(share), tenant: Tenant(share) };
        let mut turns = Turns::default();
        others.iter().for_each(|&share| turns.note(who(share)));
        let waiting = others.iter().chain(&[9]).map(|&share| (who(share), false));
        let line = turns.line(waiting, std::iter::empty());
        let place = line.iter().position(|&i| i == others.len());
        prop_assert!(place.is_some_and(|place| place <= 6));
    }
}
