use super::{Entry, MOST_SHOWN, entry, matching};
use leptos::prelude::*;

/// What is shown of entries, each with whether the server found it.
#[track_caller]
fn check(entries: &[(&str, bool)], query: &str, expected: &[&str]) {
    Owner::new().with(|| {
        let of =
            |(text, is_hit): &(&str, bool)| Entry { is_hit: *is_hit, ..entry("", (*text).to_owned(), || {}) };
        let entries: Vec<_> = entries.iter().map(of).collect();
        let shown: Vec<_> = matching(&entries, query).into_iter().map(|entry| entry.text).collect();
        assert_eq!(shown, expected);
    });
}

#[test]
fn every_word_must_be_in_a_name() {
    check(&[("Theme: Dark", false), ("Theme: Light", false)], "dark th", &["Theme: Dark"]);
    check(&[("Settings", false), ("Models", false)], "", &["Settings", "Models"]);
}

#[test]
fn what_the_server_found_in_messages_comes_behind_what_is_called_so() {
    check(
        &[("Holiday", true), ("Tides", false), ("A lighthouse", true), ("Lighthouse-7B", false)],
        "lighthouse",
        &["A lighthouse", "Lighthouse-7B", "Holiday"],
    );
}

#[test]
fn no_more_are_shown_than_would_be_read() {
    let many = vec![("Holiday", true); 2 * MOST_SHOWN];
    check(&many, "lighthouse", &vec!["Holiday"; MOST_SHOWN]);
}
