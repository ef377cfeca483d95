use super::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

#[track_caller]
fn check(expression: &str, expected: &str) {
    let found = evaluate(expression).unwrap_or_else(|err| err.to_string());
    assert_eq!(found, expected, "{expression}");
}

#[track_caller]
fn check_problem(expression: &str, expected: CalculatorError) {
    assert_eq!(evaluate(expression), Err(expected), "{expression}");
}

#[test]
fn operators_bind_as_usual() {
    check("1 + 2 * 3", "7");
    check("(1 + 2) * 3", "9");
    check("-2^2", "-4");
    check("2^3^2", "512");
    check("2**-1", "0.5");
    check("2 * -3", "-6");
    check("--3", "3");
    check("7 // 2", "3");
    check("-7 // 2", "-4");
    check("-7 % 3", "2");
    check("7 / 2", "3.5");
    check("6 ÷ 2 × 5 − 1", "14");
    check("5!", "120");
    check("2(3 + 4)", "14");
    check("2 pi", "6.28318530717959");
}

#[test]
fn a_percent_sign_is_what_stands_around_it() {
    check("20% * 50", "10");
    check("7 % 4", "3");
    check("5% - 1", "-0.95");
    check("(50%)", "0.5");
    check("10 % (2 + 1)", "1");
}

#[test]
fn whole_numbers_are_exact_and_fractions_look_as_they_should() {
    check("2^100", "1267650600228229401496703205376");
    check("30!", "265252859812191058636308480000000");
    check("123456789012345678 * 987654321", "121932631124828531222374638");
    check("0.1 + 0.2", "0.3");
    check("1/3", "0.333333333333333");
    check("1e3", "1000");
    check("1_000_000 * 3", "3000000");
    check("2.5e-9", "2.5e-9");
    check("2^1000", "1.07150860718627e301");
    check("-0.0 * 1", "0");
    check(".5 + 5.", "5.5");
    check("2e", "5.43656365691809");
}

#[test]
fn functions_do_what_their_names_say() {
    check("sqrt(16) + abs(-3) + cbrt(27)", "10");
    check("max(1, 5, 3) - min(4, 2)", "3");
    check("sum(1, 2, 3) + mean(1, 2)", "7.5");
    check("log(1000) + log(8, 2) + ln(e)", "7");
    check("round(2.567, 2) + round(2.5)", "5.57");
    check("floor(-1.5) + ceil(1.2) + trunc(-1.9)", "-1");
    check("gcd(12, 18) + lcm(4, 6)", "18");
    check("sin(pi / 2) + cos(0) + tan(0)", "2");
    check("degrees(pi) + radians(180)", "183.14159265359");
    check("SQRT(9) + √(4)", "5");
    check("floor(10^30 / 1)", "1000000000000000000000000000000");
}

#[test]
fn what_has_no_value_says_why() {
    check_problem("1 / 0", CalculatorError::DividedByZero);
    check_problem("1 % 0", CalculatorError::DividedByZero);
    check_problem("0^-1", CalculatorError::DividedByZero);
    check_problem("sqrt(-1)", CalculatorError::NoValue);
    check_problem("9**9**9**9", CalculatorError::NoValue);
    check_problem("171!", CalculatorError::Whole("factorial"));
    check_problem("(-1)!", CalculatorError::Whole("factorial"));
    check_problem("round(1, 400)", CalculatorError::Whole("round"));
    check_problem("min()", CalculatorError::Count { name: "min", wanted: "1 value or more", given: 0 });
    check_problem("sqrt(1, 2)", CalculatorError::Count { name: "sqrt", wanted: "1 value", given: 2 });
}

#[test]
fn what_is_no_expression_says_where() {
    check_problem("", CalculatorError::Missing);
    check_problem("1 +", CalculatorError::Missing);
    check_problem("(1", CalculatorError::Missing);
    check_problem("1)", CalculatorError::Unexpected(")".to_owned()));
    check_problem("1 2", CalculatorError::Unexpected("2".to_owned()));
    check_problem("1.2.3", CalculatorError::Number("1.2.3".to_owned()));
    check_problem("__import__('os')", CalculatorError::Character('_'));
    check_problem("exec(1)", CalculatorError::Unknown("exec".to_owned()));
    check_problem("x + 1", CalculatorError::Unknown("x".to_owned()));
    check_problem("1e999", CalculatorError::Number("1e999".to_owned()));
}

#[test]
fn what_is_too_much_is_refused_at_once() {
    let started = Instant::now();
    check_problem(&"(".repeat(MAX_BYTES), CalculatorError::TooDeep);
    check_problem(&"-".repeat(MAX_BYTES), CalculatorError::TooDeep);
    check_problem(&"2^".repeat(MAX_BYTES / 2), CalculatorError::TooDeep);
    check_problem(&"sqrt(".repeat(MAX_BYTES / 5), CalculatorError::TooDeep);
    check_problem(&"1".repeat(MAX_BYTES + 1), CalculatorError::TooLong);
    check_problem(&"9!".repeat(MAX_BYTES / 2), CalculatorError::Unexpected("9".to_owned()));
    assert!(evaluate(&format!("170{}", "!".repeat(MAX_BYTES - 3))).is_err());
    // What it guards against takes minutes, and a busy machine some seconds for nothing.
    assert!(started.elapsed() < Duration::from_secs(10));
}

proptest! {
    #[test]
    fn any_text_ends_in_a_value_or_a_sentence(text in "[0-9a-z+*/^%!().,eπ√ -]{0,60}") {
        let said = evaluate(&text).unwrap_or_else(|err| err.to_string());
        prop_assert!(!said.is_empty() && said != "NaN" && said != "inf");
    }

    #[test]
    fn sums_and_products_are_those_of_whole_numbers(a in -1_000_000i64..1_000_000, b in -1_000_000i64..1_000_000) {
        prop_assert_eq!(evaluate(&format!("{a} * {b} - ({b})")), Ok((a * b - b).to_string()));
    }
}
