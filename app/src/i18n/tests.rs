use super::{Locale, fill};

#[track_caller]
fn check(accept_language: &str, expected: Option<Locale>) {
    assert_eq!(Locale::negotiate(accept_language), expected);
}

#[test]
fn the_first_known_language_wins() {
    check("de-AT,de;q=0.9,en;q=0.8", Some(Locale::De));
    check("fr, en-GB;q=0.7", Some(Locale::En));
}

#[test]
fn unknown_and_odd_headers_choose_nothing() {
    check("fr,it", None);
    check("", None);
    check(";;;,,,", None);
}

#[test]
fn placeholders_are_filled_everywhere() {
    assert_eq!(fill("{n} of {n}", "n", 3), "3 of 3");
}
