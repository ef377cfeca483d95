use super::*;

/// Deaths at these seconds give these pauses in milliseconds; zero gives up.
fn check(deaths: &[u64], expected: &[u128]) {
    let start = Instant::now();
    let mut restarts = Restarts::default();
    let given: Vec<_> = deaths
        .iter()
        .map(|&s| restarts.died(start + Duration::from_secs(s)).map_or(0, |pause| pause.as_millis()))
        .collect();
    assert_eq!(given, expected);
}

#[test]
fn pauses_double() {
    check(&[0, 1, 2, 3], &[250, 500, 1000, 2000]);
}

#[test]
fn five_deaths_in_a_minute_are_too_many() {
    check(&[0, 10, 20, 30, 40], &[250, 500, 1000, 2000, 0]);
}

#[test]
fn old_deaths_are_forgotten() {
    check(&[0, 10, 61, 62, 200], &[250, 500, 500, 1000, 250]);
}
