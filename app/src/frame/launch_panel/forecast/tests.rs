use super::verdict;
use crate::i18n::{LaunchTexts, Locale};
use types::launch::{Fate, Forecast, MemoryParts};

/// What is said where ten gigabytes are for models and two are left.
#[track_caller]
fn check(fate: Fate, state: &str, sentences: &str) {
    let forecast = Forecast {
        parts: MemoryParts::default(),
        budget_bytes: 10_000_000_000,
        left_bytes: 2_000_000_000,
        fate,
        alternatives: Vec::new(),
    };
    assert_eq!(verdict(&forecast, LaunchTexts::of(Locale::En)), (state, sentences.to_owned()));
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&it| it.to_owned()).collect()
}

#[test]
fn what_fits_is_told_with_what_is_free() {
    check(
        Fate::Loads { unloads: vec![] },
        "fits",
        "It fits into the 10.0 GB for models; 2.0 GB are free now.",
    );
}

#[test]
fn what_is_tight_is_told_with_what_is_free_and_what_would_help() {
    let tight = "It fits into the 10.0 GB for models, but only 2.0 GB are free now, 500 MB too few: other programs would have to give way, or answers take long. Closing some of them helps.";
    let missing_bytes = 500_000_000;
    check(Fate::Tight { missing_bytes, unloads: vec![], in_the_way: vec![] }, "tight", tight);
    let fate = Fate::Tight { missing_bytes, unloads: names(&["a"]), in_the_way: names(&["b", "c"]) };
    let more = "a is unloaded for it, which nobody uses. Unloading b, c would make room.";
    check(fate, "tight", &format!("{tight} {more}"));
}

#[test]
fn what_does_not_fit_is_told_with_what_is_in_the_way() {
    let fate = Fate::DoesNotFit { missing_bytes: 500_000_000, in_the_way: names(&["b"]) };
    check(
        fate,
        "too-large",
        "It does not fit into the 10.0 GB for models: 500 MB are missing. Unloading b would make room.",
    );
}
