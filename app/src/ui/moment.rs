//! A point in time as people read it.

use crate::platform;
use leptos::prelude::*;

/// Date and time of day where the reader is; until the browser says where that is, in UTC.
#[component]
pub(crate) fn Moment(
    /// Milliseconds since 1970, UTC.
    ms: i64,
) -> AnyView {
    let shown = RwSignal::new(utc(ms));
    Effect::new(move |_| {
        if let Some(local) = platform::local_offset_minutes(ms) {
            shown.set(date_and_time(ms - i64::from(local) * 60_000));
        }
    });
    view! { <time datetime=machine_time(ms) class="tabular">{move || shown.get()}</time> }.into_any()
}

fn utc(ms: i64) -> String {
    format!("{} UTC", date_and_time(ms))
}

fn machine_time(ms: i64) -> String {
    format!("{}Z", date_and_time(ms).replace(' ', "T"))
}

/// `2026-03-09 14:05`.
fn date_and_time(ms: i64) -> String {
    let minutes = ms.div_euclid(60_000);
    let (days, minute) = (minutes.div_euclid(24 * 60), minutes.rem_euclid(24 * 60));
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", minute / 60, minute % 60)
}

/// Year, month and day of a day counted from 1970-01-01, by the rules of the Gregorian calendar. Years are counted from
/// March, so that the day that comes and goes is the last of a year.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    const DAYS_FROM_MARCH_OF_YEAR_0: i64 = 719_468;
    let days = days + DAYS_FROM_MARCH_OF_YEAR_0;
    let (cycle, day_of_cycle) = (days.div_euclid(DAYS_IN_400_YEARS), days.rem_euclid(DAYS_IN_400_YEARS));
    let leap_days = day_of_cycle / 1460 - day_of_cycle / 36_524 + day_of_cycle / 146_096;
    let year_of_cycle = (day_of_cycle - leap_days) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = cycle * 400 + year_of_cycle + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::{date_and_time, machine_time};

    #[track_caller]
    fn check(seconds: i64, expected: &str) {
        assert_eq!(date_and_time(seconds * 1000), expected);
    }

    #[test]
    fn moments_are_those_of_the_calendar() {
        check(0, "1970-01-01 00:00");
        check(-60, "1969-12-31 23:59");
        check(951_782_400, "2000-02-29 00:00");
        check(951_868_800, "2000-03-01 00:00");
        check(1_709_164_799, "2024-02-28 23:59");
        check(1_709_164_800, "2024-02-29 00:00");
        check(4_107_542_400, "2100-03-01 00:00");
        check(1_773_065_100, "2026-03-09 14:05");
    }

    #[test]
    fn programs_read_it_too() {
        assert_eq!(machine_time(0), "1970-01-01T00:00Z");
    }
}
