use super::*;

/// What happens, in this order; a time is in seconds since the start.
enum Step {
    Fail(u64),
    Succeed,
    Answer,
    Abandon(u64),
    /// Whether a request passes, or the seconds it has to wait.
    Ask(u64, Result<(), u64>),
}
use Step::{Abandon, Answer, Ask, Fail, Succeed};

fn check(steps: impl IntoIterator<Item = Step>) {
    let start = Instant::now();
    let time = |seconds| start + Duration::from_secs(seconds);
    let mut breaker = Breaker::default();
    for (i, step) in steps.into_iter().enumerate() {
        match step {
            Fail(at) => breaker.failed(time(at)),
            Succeed => breaker.succeeded(),
            Answer => breaker.answered(),
            Abandon(at) => breaker.abandoned(time(at)),
            Ask(at, expected) => {
                let admitted = breaker.admit(time(at)).map_err(|wait| wait.as_secs());
                assert_eq!(admitted, expected, "step {i}");
            }
        }
    }
}

#[test]
fn a_few_failures_change_nothing() {
    check([Fail(0), Fail(1), Fail(2), Fail(3), Ask(4, Ok(()))]);
    check([Fail(0), Fail(1), Fail(2), Fail(3), Succeed, Fail(4), Ask(5, Ok(()))]);
}

#[test]
fn after_five_in_a_row_nothing_passes_for_ten_seconds() {
    check([Fail(0), Fail(0), Fail(0), Fail(0), Fail(0), Ask(1, Err(9)), Ask(9, Err(1)), Ask(10, Ok(()))]);
}

fn opened() -> impl Iterator<Item = Step> {
    (0..5).map(|_| Fail(0))
}

#[test]
fn then_one_passes_and_decides() {
    check(opened().chain([Ask(10, Ok(())), Ask(10, Err(10)), Succeed, Ask(11, Ok(())), Ask(11, Ok(()))]));
    check(opened().chain([Ask(10, Ok(())), Answer, Ask(11, Ok(()))]));
    check(opened().chain([
        Ask(10, Ok(())),
        Fail(12),
        Ask(13, Err(19)),
        Ask(32, Ok(())),
        Fail(33),
        Ask(34, Err(39)),
    ]));
}

#[test]
fn one_who_leaves_decides_nothing() {
    check(opened().chain([Ask(10, Ok(())), Abandon(11), Ask(11, Ok(())), Fail(12), Ask(12, Err(20))]));
}

#[test]
fn pauses_do_not_grow_for_ever() {
    let mut breaker = Breaker::default();
    let mut now = Instant::now();
    for _ in 0..40 {
        breaker.failed(now);
        if let Some(wait) = breaker.is_open_for(now) {
            assert!(wait <= LONGEST_PAUSE);
            now += wait;
            assert_eq!(breaker.admit(now), Ok(()));
        }
    }
    breaker.failed(now);
    assert_eq!(breaker.is_open_for(now), Some(LONGEST_PAUSE));
}
