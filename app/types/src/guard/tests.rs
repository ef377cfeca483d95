use super::*;

#[track_caller]
fn check(change: impl FnOnce(&mut GuardSettings), expected: &str) {
    let mut settings = GuardSettings::default();
    change(&mut settings);
    let found = settings.check().map_or_else(|err| err.to_string(), |()| "ok".to_owned());
    assert_eq!(found, expected);
}

#[test]
fn every_value_has_a_range_and_can_be_switched_off() {
    check(|_| (), "ok");
    check(|it| *it = GuardSettings::NONE, "ok");
    check(|it| it.repeated_lines = Some(1), "repeated_lines must be between 2 and 1000, not 1");
    check(|it| it.repeated_passages = Some(21), "repeated_passages must be between 2 and 20, not 21");
    check(
        |it| it.warn_memory_percent = Some(f32::NAN),
        "warn_memory_percent must be between 0 and 100, not NaN",
    );
    check(|it| it.warn_celsius = Some(29.5), "warn_celsius must be between 30 and 150, not 29.5");
    check(|it| it.warn_celsius = Some(150.0), "ok");
}

#[test]
fn a_guard_is_known_by_its_word() {
    for guard in Guard::ALL {
        assert_eq!(Guard::parse(guard.as_str()), Some(guard));
    }
    assert_eq!(Guard::parse("the worker died"), None);
}

#[test]
fn a_warning_is_read_as_it_was_written() {
    for warning in [Warning::Heat, Warning::Memory { available_bytes: 5 }] {
        assert_eq!(Warning::read(&warning.written()), Some(warning));
    }
    for other in ["", "memory", "memory much", "heat 5"] {
        assert_eq!(Warning::read(other), None, "{other}");
    }
}
