use super::*;

#[track_caller]
fn check(logits: &[f32], token: i32, n_top: usize, expected: (f32, &[(i32, f32)])) {
    let (own, top) = likelihoods(logits, LlamaToken(token), n_top);
    let is_near = |a: f32, b: f32| (a - b).abs() < 1e-4;
    assert!(is_near(own, expected.0), "{own}");
    assert_eq!(top.len(), expected.1.len(), "{top:?}");
    let same = top.iter().zip(expected.1).all(|(a, b)| a.0.0 == b.0 && is_near(a.1, b.1));
    assert!(same, "{top:?}");
}

#[test]
fn likelihoods_are_of_the_whole_distribution() {
    let logits = [0.5_f32, 0.25, 0.25].map(f32::ln).map(|it| it + 7.0);
    check(&logits, 1, 0, (0.25_f32.ln(), &[]));
    check(&logits, 0, 2, (0.5_f32.ln(), &[(0, 0.5_f32.ln()), (1, 0.25_f32.ln())]));
}

#[test]
fn what_cannot_come_has_a_finite_likelihood() {
    check(&[0.0, f32::NEG_INFINITY, f32::NAN], 1, 3, (IMPOSSIBLE, &[(0, 0.0), (1, IMPOSSIBLE)]));
}

fn token(name: &str) -> TokenLogprob {
    TokenLogprob { bytes: name.into(), logprob: -1.0, top: vec![] }
}

fn names(tokens: Vec<TokenLogprob>) -> String {
    tokens.into_iter().map(|it| String::from_utf8(it.bytes).unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn likelihoods_come_with_their_text() {
    let mut waiting = Waiting::default();
    waiting.push(0, token("one"));
    waiting.push(3, token("to"));
    assert_eq!(names(waiting.send(0)), "");
    assert_eq!(names(waiting.send(3)), "one");
    waiting.push(5, token("x"));
    assert_eq!(names(waiting.send(1)), "to");
    assert_eq!(names(waiting.send_rest()), "x");
    assert_eq!(names(waiting.send_rest()), "");
}

#[test]
fn what_never_becomes_text_is_not_waited_for() {
    let mut waiting = Waiting::default();
    waiting.push(0, token("one"));
    waiting.push(3, token("<"));
    waiting.push(4, token("a"));
    waiting.drop_from(3);
    waiting.push(3, token("to"));
    waiting.push(3, token("x"));
    assert_eq!(names(waiting.send(3)), "one");
    assert_eq!(names(waiting.send(1)), "to x");
}
