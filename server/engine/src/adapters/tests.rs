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

#[test]
fn a_set_is_named_by_what_is_in_its_files_and_by_their_strength() {
    let [a, b] = [&b"a"[..], b"b"].map(blake3::hash);
    let check = |one: &[(blake3::Hash, f32)], other: &[(blake3::Hash, f32)], is_same: bool| {
        assert_eq!(SetId::of(one.to_vec()) == SetId::of(other.to_vec()), is_same, "{one:?}, {other:?}");
    };
    check(&[(a, 1.0)], &[(a, 1.0)], true);
    check(&[(a, 1.0), (b, 0.5)], &[(b, 0.5), (a, 1.0)], true);
    check(&[(a, 1.0)], &[(b, 1.0)], false);
    check(&[(a, 1.0)], &[(a, 0.5)], false);
    check(&[(a, 1.0), (b, 0.5)], &[(a, 0.5), (b, 1.0)], false);
    check(&[(a, 1.0)], &[(a, 1.0), (b, 1.0)], false);
    assert_ne!(SetId::of(vec![(a, 1.0)]), SetId::NONE);
}

#[test]
fn a_file_is_told_apart_by_every_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("adapter");
    let of = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        content(&path).unwrap()
    };
    let mut bytes = vec![1; 3_000_000];
    let before = of(&bytes);
    assert_eq!(of(&bytes), before);
    bytes[1_234_567] = 2;
    assert_ne!(of(&bytes), before);
    assert!(content(&folder.path().join("none")).is_err());
}
