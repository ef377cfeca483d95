use super::{pause, retry_after};
use std::time::{Duration, UNIX_EPOCH};

fn check(n_tries: u32, asked: Option<u64>, random: f64, expected_ms: Option<u128>) {
    let pause = pause(n_tries, asked.map(Duration::from_secs), random);
    assert_eq!(pause.map(|pause| pause.as_millis()), expected_ms);
}

#[test]
fn pauses_double_and_are_spread() {
    check(1, None, 0.0, Some(200));
    check(1, None, 1.0, Some(400));
    check(2, None, 0.0, Some(400));
    check(3, None, 1.0, Some(1600));
}

#[test]
fn it_is_not_tried_for_ever() {
    check(4, None, 0.5, None);
    check(40, Some(1), 0.5, None);
}

#[test]
fn what_the_server_asks_for_is_waited_for_or_told() {
    check(1, Some(3), 0.0, Some(3050));
    check(1, Some(20), 0.0, Some(20_050));
    check(1, Some(21), 0.0, None);
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now = UNIX_EPOCH + Duration::from_secs(784_111_770);
    let seconds = |header| retry_after(header, now).map(|it| it.as_secs());
    assert_eq!(seconds("120"), Some(120));
    assert_eq!(seconds(" 0 "), Some(0));
    assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(7));
    assert_eq!(seconds("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
    assert_eq!(seconds("soon"), None);
    assert_eq!(seconds("-5"), None);
}
