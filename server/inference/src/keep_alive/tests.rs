use super::*;

#[track_caller]
fn check(text: &str, expected: &str) {
    let given = match text.parse::<KeepAlive>() {
        Ok(KeepAlive::For(time)) => format!("{} s", time.as_secs()),
        Ok(KeepAlive::Forever) => "for ever".to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(given, expected);
}

#[test]
fn times_have_units() {
    check("90", "90 s");
    check("5m", "300 s");
    check("2h", "7200 s");
    check("10s", "10 s");
    check("0", "0 s");
    check("-1", "for ever");
    check("-1m", "for ever");
}

#[test]
fn what_is_no_time_is_named() {
    check("soon", "“soon” is no time such as 90, 5m or 2h, nor -1 for ever");
    check("", "“” is no time such as 90, 5m or 2h, nor -1 for ever");
    check("9223372036854775807h", "“9223372036854775807h” is no time such as 90, 5m or 2h, nor -1 for ever");
}
