use super::*;

/// Tokens are letters.
fn check(change: impl FnOnce(&mut Sampling), text: &str, expected: &[(char, f32)]) {
    let mut sampling = Sampling { dry_multiplier: 1.0, dry_base: 2.0, ..Sampling::default() };
    change(&mut sampling);
    let tokens: Vec<_> = text.bytes().map(|byte| LlamaToken(byte.into())).collect();
    let dry = Dry::new(&sampling, &tokens, &|token| vec![token.0 as u8]);
    let given = dry.map(|dry| dry.penalties()).unwrap_or_default();
    let given: Vec<_> = given.into_iter().map(|(token, it)| (token as u8 as char, it)).collect();
    assert_eq!(given, expected, "{text}");
}

#[test]
fn what_would_go_on_with_a_repetition_is_punished() {
    check(|_| {}, "abcd", &[]);
    check(|_| {}, "abcxab", &[('c', 1.0)]);
    check(|_| {}, "zabcxzab", &[('c', 2.0)]);
    check(|_| {}, "abcabdab", &[('c', 1.0), ('d', 1.0)]);
    check(|_| {}, "aaaaa", &[('a', 4.0)]);
    check(|s| s.dry_multiplier = 0.0, "aaaaa", &[]);
}

#[test]
fn short_repetitions_are_fine() {
    check(|s| s.dry_allowed_length = 3, "abcxab", &[]);
    check(|s| s.dry_allowed_length = 1, "abcxab", &[('c', 2.0)]);
}

#[test]
fn repetitions_do_not_reach_over_breakers() {
    check(|_| {}, "z:abcxz:ab", &[('c', 1.0)]);
    check(|_| {}, "zab:cxzab:", &[]);
    check(|s| s.dry_sequence_breakers = vec!["xz".into()], "xzabcyxzab", &[('c', 1.0)]);
    check(|s| s.dry_sequence_breakers = vec![], "z:abcxz:ab", &[('c', 4.0)]);
}

#[test]
fn only_the_last_tokens_count() {
    check(|s| s.dry_penalty_last_n = Some(4), "abcxab", &[]);
    check(|s| s.dry_penalty_last_n = Some(6), "abcxab", &[('c', 1.0)]);
    check(|s| s.dry_penalty_last_n = Some(0), "abcxab", &[]);
}

#[test]
fn long_repetitions_count_in_full_where_each_token_adds_little() {
    check(|s| s.dry_base = 1.05, &"a".repeat(200), &[('a', 1.05_f32.powf(197.0))]);
}

#[test]
fn no_penalty_overflows() {
    check(|s| s.dry_base = 100.0, &"a".repeat(500), &[('a', f32::MAX)]);
}
