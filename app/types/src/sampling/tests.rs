use super::Sampling;

#[track_caller]
fn check(change: impl FnOnce(&mut Sampling), expected: &str) {
    let mut sampling = Sampling::default();
    change(&mut sampling);
    let found = sampling.check().map_or_else(|err| err.to_string(), |()| "ok".to_owned());
    assert_eq!(found, expected);
}

#[test]
fn defaults_are_in_range() {
    check(|_| {}, "ok");
}

#[test]
fn out_of_range_values_are_named() {
    check(|s| s.temperature = -1.0, "temperature must be between 0 and 5, not -1");
    check(|s| s.top_p = 1.5, "top_p must be between 0 and 1, not 1.5");
    check(|s| s.min_p = f32::NAN, "min_p must be between 0 and 1, not NaN");
    check(|s| s.repeat_penalty = f32::INFINITY, "repeat_penalty must be between 0.1 and 3, not inf");
    check(|s| s.dry_base = 0.5, "dry_base must be between 1 and 100, not 0.5");
    check(
        |s| s.dry_sequence_breakers = vec![String::new()],
        "dry_sequence_breakers (bytes) must be between 1 and 40, not 0",
    );
    check(
        |s| s.dynamic_temperature_exponent = -1.0,
        "dynamic_temperature_exponent must be between 0 and 10, not -1",
    );
    check(|s| s.mirostat_tau = f32::NAN, "mirostat_tau must be between 0 and 20, not NaN");
    check(|s| s.samplers = vec![], "samplers (entries) must be between 1 and 16, not 0");
    check(|s| s.max_tokens = Some(0), "max_tokens must be between 1 and 1000000, not 0");
}

#[test]
fn limits_themselves_are_allowed() {
    check(|s| s.temperature = 0.0, "ok");
    check(|s| s.max_tokens = Some(1), "ok");
    check(|s| s.presence_penalty = -2.0, "ok");
}
