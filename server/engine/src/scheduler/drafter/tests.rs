use super::{is_known, likeliest};
use llama_cpp_2::token::LlamaToken;

fn check(logits: &[f32], n: usize, expected: &[(i32, f32)]) {
    let found = likeliest(logits, n);
    let tokens: Vec<_> = found.iter().map(|it| it.0.0).collect();
    assert_eq!(tokens, expected.iter().map(|it| it.0).collect::<Vec<_>>());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found.1 - expected.1).abs() < 1e-6, "{found:?} is not {expected:?}");
    }
}

#[test]
fn the_likeliest_come_first_with_their_share_of_all() {
    let ln = f32::ln;
    check(&[ln(0.1), ln(0.6), ln(0.3)], 2, &[(1, 0.6), (2, 0.3)]);
    check(&[ln(0.1), ln(0.6), ln(0.3)], 5, &[(1, 0.6), (2, 0.3), (0, 0.1)]);
}

#[test]
fn of_equals_the_first_comes_first_and_what_is_no_number_never() {
    check(&[0.0, 0.0, 0.0, 0.0], 2, &[(0, 0.25), (1, 0.25)]);
    check(&[f32::NAN, 0.0, 0.0], 2, &[(1, 0.5), (2, 0.5)]);
    check(&[f32::NAN], 2, &[]);
    check(&[], 1, &[]);
}

#[test]
fn known_are_the_first_tokens_only() {
    let known = [-1, 0, 9, 10].map(|token| is_known(LlamaToken(token), 10));
    assert_eq!(known, [false, true, true, false]);
}
