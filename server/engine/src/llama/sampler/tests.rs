use super::*;

fn plain() -> Sampling {
    Sampling { temperature: 0.0, repeat_penalty: 1.0, seed: Some(7), ..Sampling::default() }
}

/// Samples four tokens from the same logits.
fn check(sampling: &Sampling, prompt: &[i32], logits: &[f32], expected: &[i32]) {
    let prompt: Vec<_> = prompt.iter().copied().map(LlamaToken).collect();
    let mut sampler = TokenSampler::new(sampling, &prompt);
    let mut scratch = LlamaTokenDataArray::new(Vec::new(), false);
    let given: Vec<_> = expected.iter().map(|_| sampler.sample(logits, &mut scratch).0).collect();
    assert_eq!(given, expected);
}

#[test]
fn temperature_zero_takes_the_most_likely() {
    check(&plain(), &[], &[0.1, 3.0, 2.0], &[1, 1, 1, 1]);
    check(&plain(), &[], &[f32::NAN, -3.0, -2.0], &[2, 2]);
}

#[test]
fn repetition_is_penalised_for_either_sign() {
    let sampling = Sampling { repeat_penalty: 2.0, ..plain() };
    check(&sampling, &[1], &[0.1, 3.0, 2.0], &[2, 1]);
    check(&sampling, &[0], &[-1.0, -1.5, -9.0], &[1, 0]);
}

#[test]
fn presence_counts_once_and_frequency_every_time() {
    check(&Sampling { presence_penalty: 1.5, ..plain() }, &[], &[3.0, 2.0, -5.0], &[0, 1, 0, 0]);
    check(&Sampling { frequency_penalty: 1.5, ..plain() }, &[], &[3.0, 2.0, -5.0], &[0, 1, 0, 1]);
}

#[test]
fn one_candidate_leaves_no_choice() {
    check(&Sampling { temperature: 1.0, top_k: 1, ..plain() }, &[], &[0.1, 3.0, 2.0], &[1, 1]);
    check(&Sampling { temperature: 1.0, top_k: 0, top_p: 0.0, ..plain() }, &[], &[0.1, 3.0, 2.0], &[1, 1]);
    check(&Sampling { temperature: 1.0, min_p: 1.0, ..plain() }, &[], &[0.1, 3.0, 2.0], &[1, 1]);
}

#[test]
fn the_same_seed_gives_the_same_tokens() {
    let sampling = Sampling { temperature: 2.0, seed: Some(5), ..plain() };
    let logits: Vec<f32> = (0..50).map(|i| (i % 7) as f32).collect();
    let draw = || {
        let mut sampler = TokenSampler::new(&sampling, &[]);
        let mut scratch = LlamaTokenDataArray::new(Vec::new(), false);
        (0..20).map(|_| sampler.sample(&logits, &mut scratch).0).collect::<Vec<_>>()
    };
    assert_eq!(draw(), draw());
}
