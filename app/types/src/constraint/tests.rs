use super::*;

#[track_caller]
fn check(constraint: &Constraint, expected: &str) {
    let found = constraint.check().map_or_else(|err| err.to_string(), |()| "ok".to_owned());
    assert_eq!(found, expected);
}

#[test]
fn something_must_be_there() {
    check(&Constraint::Regex("a".into()), "ok");
    check(&Constraint::Regex(" \n".into()), "the regular expression is empty");
    check(&Constraint::Lark(String::new()), "the Lark grammar is empty");
    check(&Constraint::json_object(), "ok");
}

#[test]
fn sizes_are_bounded() {
    check(&Constraint::Gbnf("x".repeat(MAX_CONSTRAINT_BYTES)), "ok");
    check(
        &Constraint::JsonSchema("x".repeat(MAX_CONSTRAINT_BYTES + 1)),
        "the JSON schema has 65537 bytes, at most 65536 are taken",
    );
}
