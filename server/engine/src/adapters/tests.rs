use super::*;

fn adapter(path: &str, scale: f32) -> LoraAdapter {
    LoraAdapter { path: path.into(), scale }
}

#[track_caller]
fn check(wanted: &[(&str, f32)], expected: &[(&str, f32)]) {
    let adapters =
        |list: &[(&str, f32)]| list.iter().map(|(path, scale)| adapter(path, *scale)).collect::<Vec<_>>();
    assert_eq!(canonical(&adapters(wanted)), adapters(expected));
}

#[test]
fn sets_do_not_depend_on_how_they_are_written() {
    check(&[("b", 1.0), ("a", 0.5)], &[("a", 0.5), ("b", 1.0)]);
    check(&[("a", 0.5), ("a", 0.5)], &[("a", 1.0)]);
    check(&[("a", 0.0), ("b", 1.0)], &[("b", 1.0)]);
    check(&[("a", 1.0), ("a", -1.0)], &[]);
}

#[test]
fn everybody_has_a_turn_and_nobody_waits_for_ever() {
    let (mut turn, sets) = (Turn::default(), [0, 3, 7].map(SetId));
    let turns: Vec<_> = (0..TURN * 6)
        .map(|_| {
            turn = turn.next(sets.into_iter());
            turn.set
        })
        .collect();
    for set in sets {
        let n = turns.iter().filter(|it| **it == set).count();
        assert!(n.abs_diff(TURN as usize * 2) <= 2, "{set:?} had {n} turns");
    }
    assert!(turns.windows(TURN as usize * 3).all(|steps| sets.iter().all(|set| steps.contains(set))));
}

#[test]
fn whoever_is_alone_keeps_the_turn() {
    let mut turn = Turn::default();
    for _ in 0..100 {
        turn = turn.next([SetId(5)].into_iter());
        assert_eq!(turn.set, SetId(5));
    }
    assert_eq!(turn.next([SetId(2)].into_iter()).set, SetId(2));
}
