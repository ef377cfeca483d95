use super::*;

/// A minute, what the thread does then, and whether it seems to hang.
type Moment = (u64, fn(&Pulse), bool);

/// What a watch with a patience of ten minutes, which looks every five seconds, sees just after what the thread does at these
/// minutes.
#[track_caller]
fn check(seen: &[Moment]) {
    let (pulse, start) = (Pulse::leaked(), Instant::now());
    let mut watch = Watch::new(pulse, Duration::from_secs(600));
    let mut second = 0;
    for &(minute, act, expected) in seen {
        while second < 60 * minute {
            watch.hangs(start + Duration::from_secs(second));
            second += 5;
        }
        act(pulse);
        assert_eq!(watch.hangs(start + Duration::from_secs(second)), expected, "minute {minute}");
    }
}

#[test]
fn who_rests_does_not_hang() {
    check(&[(0, |_| (), false), (99, |_| (), false)]);
    check(&[(0, Pulse::works, false), (9, Pulse::rests, false), (99, |_| (), false)]);
}

#[test]
fn who_gives_signs_of_life_does_not_hang() {
    check(&[
        (0, Pulse::works, false),
        (9, Pulse::beat, false),
        (18, Pulse::beat, false),
        (27, |_| (), false),
    ]);
}

#[test]
fn who_works_without_a_sign_of_life_hangs() {
    check(&[(0, Pulse::works, false), (9, |_| (), false), (10, |_| (), true)]);
    check(&[(0, Pulse::works, false), (99, Pulse::works, false), (109, |_| (), true)]);
}

#[test]
fn who_reads_much_may_be_silent_for_longer_until_it_rests() {
    // Twelve minutes' worth.
    let reads: fn(&Pulse) = |pulse| pulse.reads(12 * 60 * SLOWEST_READ);
    check(&[(0, reads, false), (21, |_| (), false), (22, |_| (), true)]);
    check(&[(0, reads, false), (21, Pulse::beat, false), (42, |_| (), false), (43, |_| (), true)]);
    check(&[(0, reads, false), (1, Pulse::rests, false), (2, Pulse::works, false), (12, |_| (), true)]);
}

#[test]
fn a_machine_that_slept_is_no_thread_that_hangs() {
    let (pulse, start) = (Pulse::leaked(), Instant::now());
    let mut watch = Watch::new(pulse, Duration::from_secs(600));
    pulse.works();
    assert_eq!([0, 1, 9000].map(|second| watch.hangs(start + Duration::from_secs(second))), [false; 3]);
}

#[test]
fn a_rest_begins_the_count_anew() {
    check(&[
        (0, Pulse::works, false),
        (9, Pulse::rests, false),
        (20, Pulse::works, false),
        (29, |_| (), false),
    ]);
}
