use super::{FormValues, apply};
use types::settings::{Theme, UserSettings};

fn form() -> FormValues {
    FormValues {
        theme: "dark".into(),
        language: "de".into(),
        system_prompt: "Be brief.\r\nBe kind.".into(),
        temperature: "0.5".into(),
        top_k: "20".into(),
        top_p: "0.9".into(),
        min_p: "0".into(),
        repeat_penalty: "1".into(),
        max_tokens: String::new(),
        seed: String::new(),
        guard_chars: String::new(),
        guard_lines: String::new(),
        guard_passages: String::new(),
        guard_doubt: String::new(),
        guard_tokens: String::new(),
        guard_start_mb: String::new(),
        guard_start_percent: String::new(),
        guard_warn_mb: String::new(),
        guard_warn_percent: String::new(),
        guard_heat: "off".into(),
        guard_celsius: String::new(),
        titles: "rule".into(),
        tool_rounds: "3".into(),
        prompt_days: "7".into(),
    }
}

#[track_caller]
fn check(change: impl FnOnce(&mut FormValues), expected: &str) {
    let mut form = form();
    change(&mut form);
    let found = apply(&form, UserSettings::default()).map_or_else(|err| err.to_string(), |_| "ok".to_owned());
    assert_eq!(found, expected);
}

#[test]
fn a_whole_form_becomes_settings() {
    let settings = apply(&form(), UserSettings::default()).unwrap();
    assert_eq!(settings.theme, Theme::Dark);
    assert_eq!(settings.language.as_deref(), Some("de"));
    assert_eq!(settings.system_prompt, "Be brief.\nBe kind.");
    assert_eq!((settings.sampling.temperature, settings.sampling.top_k), (0.5, 20));
    assert_eq!((settings.tool_rounds, settings.prompt_days), (3, 7));
    assert_eq!((settings.sampling.max_tokens, settings.sampling.seed), (None, None));
}

#[test]
fn empty_means_not_set_where_that_is_possible() {
    check(|form| form.language.clear(), "ok");
    check(|form| form.temperature.clear(), "temperature cannot be “”");
}

#[test]
fn a_decimal_comma_is_understood() {
    check(|form| form.temperature = "0,7".into(), "ok");
}

#[test]
fn what_cannot_be_read_or_is_out_of_range_is_named() {
    check(|form| form.top_k = "many".into(), "top_k cannot be “many”");
    check(|form| form.theme = "neon".into(), "theme cannot be “neon”");
    check(|form| form.language = "tlh".into(), "language cannot be “tlh”");
    check(|form| form.temperature = "9".into(), "temperature must be between 0 and 5, not 9");
    check(|form| form.tool_rounds = "0".into(), "tool_rounds must be between 1 and 50, not 0");
    check(|form| form.prompt_days = "9999".into(), "prompt_days must be between 0 and 3650, not 9999");
    check(|form| form.prompt_days = "0".into(), "ok");
    check(|form| form.max_tokens = "0".into(), "max_tokens must be between 1 and 1000000, not 0");
}
