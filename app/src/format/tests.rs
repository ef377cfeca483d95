use super::{bytes, decimals, duration_ms, gib, one_decimal, percent};

#[test]
fn sizes_use_the_unit_people_read() {
    assert_eq!(bytes(98_362_432.0), "98 MB");
    assert_eq!(bytes(1_234_000_000.0), "1.2 GB");
    assert_eq!(one_decimal(8.96), "9.0");
    assert_eq!(bytes(12.0), "12 B");
    assert_eq!(gib(24 * 1024 * 1024 * 1024), "24.0");
}

#[test]
fn durations_grow_with_their_unit() {
    assert_eq!(duration_ms(420), "420 ms");
    assert_eq!(duration_ms(3_400), "3.4 s");
    assert_eq!(duration_ms(125_000), "2 min 5 s");
    assert_eq!(duration_ms(300_000), "5 min");
}

#[test]
fn percent_stays_between_0_and_100() {
    assert_eq!(percent(0.426), 43);
    assert_eq!(percent(1.7), 100);
    assert_eq!(percent(-0.1), 0);
}

#[test]
fn decimals_are_rounded_and_filled_up() {
    for (n, n_decimals, expected) in
        [(0.0, 2, "0.00"), (0.0126, 4, "0.0126"), (1.005, 1, "1.0"), (2.999, 2, "3.00")]
    {
        assert_eq!(decimals(n, n_decimals), expected);
    }
}
