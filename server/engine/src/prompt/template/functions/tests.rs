use super::*;

fn check(seconds: u64, expected: &str) {
    assert_eq!(strftime("%a %d %b %Y %H:%M:%S %q", seconds), expected);
}

#[test]
fn dates_are_right_around_leap_days() {
    check(0, "Thu 01 Jan 1970 00:00:00 %q");
    check(951_782_400, "Tue 29 Feb 2000 00:00:00 %q");
    check(951_868_799, "Tue 29 Feb 2000 23:59:59 %q");
    check(1_709_251_200, "Fri 01 Mar 2024 00:00:00 %q");
    check(1_735_689_599, "Tue 31 Dec 2024 23:59:59 %q");
    check(4_107_542_400, "Mon 01 Mar 2100 00:00:00 %q");
}
