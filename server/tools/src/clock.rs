//! What time it is, which a model cannot know.

use crate::{Answer, Arguments, Asker, Description, Failure, Tool};
use futures::future::BoxFuture;
use jiff::{Timestamp, ZonedDateTime, tz::TimeZone};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use types::{
    called::{CallFailure, CallProblem},
    toolbox::Effect,
};

const MAX_ZONE_BYTES: usize = 64;

/// The tool `clock`.
pub struct Clock {
    now: fn() -> Timestamp,
    here: fn() -> TimeZone,
}

#[derive(Deserialize)]
struct Asked {
    zone: Option<String>,
}

impl Clock {
    /// Ready for a registry; with the machine's time and zone.
    pub fn tool() -> Arc<dyn Tool> {
        Arc::new(Self { now: Timestamp::now, here: TimeZone::system })
    }

    fn answer(&self, zone: Option<&str>) -> Result<Answer, Failure> {
        let zone = match zone.map(str::trim).filter(|it| !it.is_empty()) {
            None => (self.here)(),
            Some(name) => TimeZone::get(name).map_err(|_| {
                let name = crate::shown::line(name);
                let sentence = format!("there is no time zone “{name}”; names are like Europe/Berlin or UTC");
                Failure::refused_as(CallFailure::of(CallProblem::NoZone).about(name), sentence)
            })?,
        };
        let now = (self.now)().to_zoned_datetime(zone);
        let told = now.strftime("%A, %-d %B %Y, %H:%M:%S").to_string();
        let text = format!("{told} {}\nISO 8601: {}", zone_of(&now), now.strftime("%Y-%m-%dT%H:%M:%S%:z"));
        let zone = now.time_zone().iana_name().unwrap_or_default();
        let shown = format!("{} {zone}", now.strftime("%Y-%m-%d %H:%M:%S (UTC%:z)"));
        Ok(Answer::new(text, shown.trim()))
    }
}

fn zone_of(now: &ZonedDateTime) -> String {
    let offset = now.strftime("UTC%:z");
    match now.time_zone().iana_name() {
        Some(name) => format!("in {name} ({offset})"),
        None => format!("({offset})"),
    }
}

impl Tool for Clock {
    fn describe(&self) -> Description {
        let parameters = json!({
            "type": "object",
            "properties": {
                "zone": {
                    "type": "string",
                    "maxLength": MAX_ZONE_BYTES,
                    "description": "IANA name of a time zone, for example Asia/Tokyo; left out, the person's own",
                },
            },
            "additionalProperties": false,
        });
        let description = "Tells the current date, day of the week and time.";
        Description::builtin("clock", description, parameters, Effect::None)
    }

    fn run<'a>(&'a self, arguments: Arguments, _: &'a Asker) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async {
            let Asked { zone } = arguments.read()?;
            self.answer(zone.as_deref())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz;

    #[track_caller]
    fn check(zone: Option<&str>, expected: &str) {
        let now = || Timestamp::from_second(1_790_000_000).unwrap();
        let clock = Clock { now, here: || TimeZone::fixed(tz::offset(2)) };
        let found = clock.answer(zone).map_or_else(|err| err.to_string(), |it| it.text);
        assert_eq!(found, expected);
    }

    #[test]
    fn time_is_told_with_day_and_zone() {
        check(None, "Monday, 21 September 2026, 16:13:20 (UTC+02:00)\nISO 8601: 2026-09-21T16:13:20+02:00");
        check(
            Some("Asia/Tokyo"),
            "Monday, 21 September 2026, 23:13:20 in Asia/Tokyo (UTC+09:00)\nISO 8601: 2026-09-21T23:13:20+09:00",
        );
    }

    #[test]
    fn what_a_person_reads_of_the_time_has_no_language() {
        let shown = |here| {
            let now = || Timestamp::from_second(1_790_000_000).unwrap();
            Clock { now, here }.answer(None).unwrap().shown
        };
        assert_eq!(shown(|| TimeZone::fixed(tz::offset(2))), "2026-09-21 16:13:20 (UTC+02:00)");
        assert_eq!(
            shown(|| TimeZone::get("Asia/Tokyo").unwrap()),
            "2026-09-21 23:13:20 (UTC+09:00) Asia/Tokyo"
        );
    }

    #[test]
    fn a_zone_that_is_none_says_what_one_looks_like() {
        check(Some("Moon/Base"), "there is no time zone “Moon/Base”; names are like Europe/Berlin or UTC");
        check(
            Some("../../etc/passwd"),
            "there is no time zone “../../etc/passwd”; names are like Europe/Berlin or UTC",
        );
    }
}
