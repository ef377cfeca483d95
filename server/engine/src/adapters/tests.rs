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

/// Whose turn is each of so many steps where three sets have something to compute in steps of so many milliseconds.
fn turns(step_ms: u64, n_steps: usize) -> Vec<u128> {
    let (mut turn, sets) = (Turn::default(), [0, 3, 7].map(SetId));
    let step = |_| {
        let now = turn.next(sets.into_iter());
        turn = now.after(Duration::from_millis(step_ms));
        now.set.0
    };
    (0..n_steps).map(step).collect()
}

#[test]
fn a_set_keeps_its_turn_for_as_long_as_a_stream_may_pause_whatever_a_step_takes() {
    assert_eq!(turns(60, 10), [0, 0, 0, 3, 3, 3, 7, 7, 7, 0]);
    assert_eq!(turns(1000, 7), [0, 3, 7, 0, 3, 7, 0]);
    let short = turns(1, 900);
    for set in [0, 3, 7] {
        assert_eq!(short.iter().filter(|it| **it == set).count(), 300, "{set}");
    }
}

#[test]
fn a_set_that_has_nothing_to_compute_holds_up_nobody() {
    let sets = [0, 3].map(SetId);
    let turn = Turn::default().next(sets.into_iter());
    assert_eq!((turn.set, turn.over().next(sets.into_iter()).set), (SetId(0), SetId(3)));
    // Alone it is asked again.
    assert_eq!(turn.over().next([SetId(0)].into_iter()), Turn::default());
}

#[test]
fn whoever_is_alone_keeps_the_turn() {
    let mut turn = Turn::default();
    for _ in 0..100 {
        turn = turn.next([SetId(5)].into_iter()).after(Duration::from_secs(1));
        assert_eq!(turn.set, SetId(5));
    }
    // Nor is that taken from its time once another one comes.
    let turn = turn.next([SetId(5)].into_iter());
    assert_eq!(turn.next([SetId(2), SetId(5)].into_iter()).set, SetId(5));
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
