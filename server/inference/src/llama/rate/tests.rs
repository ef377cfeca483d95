use super::*;

/// Counts as `(milliseconds, tokens)`, then the rate at a time.
fn check(counts: &[(u64, u32)], at: u64, expected: Option<f32>) {
    let start = Instant::now();
    let time = |ms| start + Duration::from_millis(ms);
    let mut rate = Rate::default();
    for &(ms, n) in counts {
        rate.add(time(ms), n);
    }
    assert_eq!(rate.per_second(time(at)), expected);
}

#[test]
fn one_count_is_no_rate() {
    check(&[], 0, None);
    check(&[(0, 5)], 100, None);
}

#[test]
fn tokens_are_divided_by_the_time_they_took() {
    check(&[(0, 1), (100, 1), (200, 1)], 200, Some(10.0));
    check(&[(0, 4), (500, 4)], 600, Some(8.0));
}

#[test]
fn old_counts_do_not_matter() {
    check(&[(0, 900), (5000, 1), (5500, 1)], 5500, Some(2.0));
    check(&[(0, 1), (100, 1)], 9000, None);
}
