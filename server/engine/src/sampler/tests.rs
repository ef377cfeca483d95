use super::*;

/// The token that ends an answer.
const END: i32 = 3;

fn plain() -> Sampling {
    Sampling { temperature: 0.0, repeat_penalty: 1.0, seed: Some(7), ..Sampling::default() }
}

/// Tokens are letters.
fn spelled(token: LlamaToken) -> Vec<u8> {
    vec![b'a' + token.0 as u8 % 26]
}

/// Samples four tokens from the same logits.
fn check(sampling: &Sampling, prompt: &[i32], logits: &[f32], expected: &[i32]) {
    let prompt: Vec<_> = prompt.iter().copied().map(LlamaToken).collect();
    let mut sampler = TokenSampler::new(sampling, &prompt, Arc::new([LlamaToken(END)]), None, &spelled);
    let mut scratch = Scratch::default();
    let given: Vec<_> =
        expected.iter().map(|_| sampler.sample(logits, &mut scratch, &spelled).unwrap().0).collect();
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
        let mut sampler = TokenSampler::new(&sampling, &[], Arc::new([]), None, &spelled);
        let mut scratch = Scratch::default();
        (0..20).map(|_| sampler.sample(&logits, &mut scratch, &spelled).unwrap().0).collect::<Vec<_>>()
    };
    assert_eq!(draw(), draw());
}

#[test]
fn logits_are_biased() {
    let sampling = Sampling { logit_bias: vec![(0, 5.0), (99, 5.0)], ..plain() };
    check(&sampling, &[], &[0.1, 3.0, 2.0], &[0, 0]);
}

#[test]
fn an_answer_does_not_end_too_early() {
    let logits = [0.1, 1.0, 2.0, 9.0];
    check(&Sampling { min_tokens: 2, ..plain() }, &[], &logits, &[2, 2, END, END]);
    check(&Sampling { ignore_eos: true, ..plain() }, &[], &logits, &[2, 2, 2]);
    check(&Sampling { ignore_eos: true, temperature: 1.0, top_k: 1, ..plain() }, &[], &logits, &[2, 2, 2]);
}

#[test]
fn only_the_last_tokens_are_penalised() {
    let sampling = Sampling { repeat_penalty: 9.0, repeat_last_n: 1, ..plain() };
    check(&sampling, &[], &[3.0, 2.0, 1.0], &[0, 1, 0, 1]);
    check(&Sampling { repeat_last_n: 0, ..sampling }, &[0], &[3.0, 2.0, 1.0], &[0, 0]);
}

/// Which tokens come with these settings at all, at temperature 1.
fn check_reach(sampling: Sampling, probabilities: &[f32], expected: &[i32]) {
    let logits: Vec<_> = probabilities.iter().map(|p| p.ln()).collect();
    let sampling = Sampling { temperature: 1.0, ..sampling };
    let mut sampler = TokenSampler::new(&sampling, &[], Arc::new([]), None, &spelled);
    let mut scratch = Scratch::default();
    let drawn: std::collections::BTreeSet<_> =
        (0..2000).map(|_| sampler.sample(&logits, &mut scratch, &spelled).unwrap().0).collect();
    assert_eq!(drawn.into_iter().collect::<Vec<_>>(), expected);
}

fn all() -> Sampling {
    Sampling { top_k: 0, top_p: 1.0, min_p: 0.0, ..plain() }
}

#[test]
fn each_step_leaves_what_its_paper_says() {
    let p = [0.4, 0.3, 0.15, 0.1, 0.05];
    check_reach(all(), &p, &[0, 1, 2, 3, 4]);
    check_reach(Sampling { top_k: 2, ..all() }, &p, &[0, 1]);
    check_reach(Sampling { top_p: 0.69, ..all() }, &p, &[0, 1]);
    check_reach(Sampling { top_p: 0.71, ..all() }, &p, &[0, 1, 2]);
    check_reach(Sampling { min_p: 0.26, ..all() }, &p, &[0, 1, 2]);
    // The expected surprise is 1.39; that of 0.3 is 1.20 and nearest, then 0.4 with 0.92, then 0.15 with 1.90.
    check_reach(Sampling { typical_p: 0.29, ..all() }, &p, &[1]);
    check_reach(Sampling { typical_p: 0.5, ..all() }, &p, &[0, 1]);
    check_reach(Sampling { xtc_probability: 1.0, xtc_threshold: 0.12, ..all() }, &p, &[2, 3, 4]);
    check_reach(Sampling { xtc_probability: 1.0, xtc_threshold: 0.9, ..all() }, &p, &[0, 1, 2, 3, 4]);
    // The logits' standard deviation is 0.74.
    check_reach(Sampling { top_n_sigma: 1.0, ..all() }, &p, &[0, 1]);
}

#[test]
fn large_vocabularies_are_cut_like_small_ones() {
    let mut p = vec![1e-9; 50_000];
    (p[17], p[49_999], p[30_000]) = (0.5, 0.3, 0.2);
    check_reach(Sampling { top_k: 2, ..all() }, &p, &[17, 49_999]);
    check_reach(Sampling { top_p: 0.9, ..all() }, &p, &[17, 30_000, 49_999]);
    check_reach(Sampling { top_p: 0.9, top_k: 40, min_p: 0.5, ..all() }, &p, &[17, 49_999]);
}

#[test]
fn tokens_come_as_often_as_they_are_likely() {
    let p = [0.5_f32, 0.3, 0.2];
    let logits: Vec<_> = p.iter().map(|p| p.ln()).collect();
    let mut sampler =
        TokenSampler::new(&Sampling { temperature: 1.0, ..all() }, &[], Arc::new([]), None, &spelled);
    let mut scratch = Scratch::default();
    let mut counts = [0.0; 3];
    for _ in 0..20_000 {
        counts[sampler.sample(&logits, &mut scratch, &spelled).unwrap().0 as usize] += 1.0;
    }
    // Pearson's chi-squared with two degrees of freedom: over 13.8 one time in a thousand, and the seed is fixed.
    let chi: f32 = counts.iter().zip(p).map(|(n, p)| (n - p * 20_000.0_f32).powi(2) / (p * 20_000.0)).sum();
    assert!(chi < 13.8, "{counts:?}");
}

#[test]
fn the_temperature_follows_the_entropy() {
    let check = |logits: &[f32], exponent: f32, expected: f32| {
        let mut candidates = Candidates::default();
        candidates.fill(logits, 0, 0.0);
        let given = candidates.temperature_by_entropy(1.0, 0.5, exponent);
        assert!((given - expected).abs() < 0.01, "{given}");
    };
    check(&[1.0, 1.0, 1.0, 1.0], 1.0, 1.5);
    check(&[50.0, 1.0, 1.0, 1.0], 1.0, 0.5);
    check(&[1.0], 1.0, 1.0);
    // Half of the entropy that four tokens can have.
    check(&[50.0, 50.0, 1.0, 1.0], 1.0, 1.0);
    check(&[50.0, 50.0, 1.0, 1.0], 2.0, 0.75);
    check(&[50.0, 50.0, 1.0, 1.0], 0.5, 1.207);
}

/// The mask has a bit for tokens 1 and 40.
fn check_masked(sampling: &Sampling, expected: i32) {
    let mut logits = vec![9.0; 45];
    (logits[1], logits[40]) = (1.0, 2.0);
    let mut sampler = TokenSampler::new(sampling, &[], Arc::new([LlamaToken(40)]), None, &spelled);
    let token = sampler.pick(&logits, Some(&[1 << 1, 1 << 8]), &mut Scratch::default());
    assert_eq!(token.0, expected);
}

#[test]
fn only_what_the_mask_allows_is_picked() {
    check_masked(&plain(), 40);
    check_masked(&Sampling { logit_bias: vec![(1, 5.0), (2, 99.0)], ..plain() }, 1);
    check_masked(&Sampling { temperature: 1.0, top_k: 1, ..plain() }, 40);
    check_masked(&Sampling { ignore_eos: true, ..plain() }, 1);
    check_masked(&Sampling { ignore_eos: true, logit_bias: vec![(1, f32::NEG_INFINITY)], ..plain() }, 40);
}

#[test]
fn steps_are_taken_in_the_order_asked_for() {
    let p = [0.5, 0.3, 0.15, 0.05];
    let order = |samplers: &[Step]| Sampling { samplers: samplers.to_vec(), top_k: 2, top_p: 0.7, ..all() };
    check_reach(order(&[Step::TopK, Step::TopP]), &p, &[0, 1]);
    check_reach(order(&[Step::TopP]), &p, &[0, 1]);
    check_reach(order(&[Step::Temperature]), &p, &[0, 1, 2, 3]);
    // Of two candidates the first has 0.625 of the probability, of all 0.5.
    let narrow = |samplers: &[Step]| Sampling { top_p: 0.6, ..order(samplers) };
    check_reach(narrow(&[Step::TopK, Step::TopP]), &p, &[0]);
    check_reach(narrow(&[Step::TopP, Step::TopK]), &p, &[0, 1]);
    check_reach(Sampling { top_n_sigma: 0.1, ..order(&[Step::TopK, Step::TopNSigma]) }, &p, &[0]);
}

#[test]
fn penalties_may_come_late_or_not_at_all() {
    let sampling = Sampling { temperature: 1.0, top_k: 1, repeat_penalty: 3.0, ..all() };
    let logits = [3.0, 2.0, 1.0];
    check(&sampling, &[0], &logits, &[1]);
    check(&Sampling { samplers: vec![Step::TopK, Step::Penalties], ..sampling.clone() }, &[0], &logits, &[0]);
    check(&Sampling { samplers: vec![Step::TopK], ..sampling }, &[0], &logits, &[0, 0]);
    check(&Sampling { samplers: vec![Step::TopK], repeat_penalty: 3.0, ..plain() }, &[0], &logits, &[0, 0]);
}

#[test]
fn mirostat_keeps_the_penalties_of_every_order() {
    for mirostat in [Mirostat::V1, Mirostat::V2] {
        let order = |step| vec![Step::TopK, step, Step::Temperature];
        let sampling = Sampling { temperature: 1.0, mirostat, ..all() };
        let logits = [60.0, 40.0, 0.0];
        let late = Sampling { samplers: order(Step::Penalties), repeat_penalty: 3.0, ..sampling.clone() };
        check(&late, &[0], &logits, &[1]);
        let late = Sampling { samplers: order(Step::Dry), dry_multiplier: 50.0, ..sampling };
        check(&late, &[1, 2, 0, 1, 2], &logits, &[1]);
    }
}

#[test]
fn what_is_forced_allows_what_begins_like_it() {
    let mut sampler = TokenSampler::new(&plain(), &[], Arc::new([]), None, &spelled);
    sampler.force(&[LlamaToken(1), LlamaToken(2), LlamaToken(0)]);
    assert_eq!(sampler.forced(2), [LlamaToken(1), LlamaToken(2)]);
    assert_eq!(sampler.n_allowed(&[1, 2, 1].map(LlamaToken)), 2);
    assert_eq!(sampler.n_allowed(&[1, 2, 0, 1].map(LlamaToken)), 3);
    assert_eq!(sampler.n_allowed(&[LlamaToken(2)]), 0);
    sampler.sample(&[9.0, 0.0, 0.0], &mut Scratch::default(), &spelled).unwrap();
    assert_eq!(sampler.forced(9), [LlamaToken(2), LlamaToken(0)]);
}

#[test]
fn repetitions_are_broken_off() {
    let sampling = Sampling { dry_multiplier: 9.0, ..plain() };
    check(&sampling, &[0, 1, 5, 0], &[0.0, 3.0, 2.0], &[1, 1]);
    check(&sampling, &[0, 1, 2, 5, 0, 1], &[0.0, 2.0, 3.0], &[1]);
}

#[test]
fn mirostat_keeps_the_surprise_near_its_aim() {
    let logits: Vec<f32> = (0..500).map(|i| -(i as f32 + 1.0).ln() * 1.1).collect();
    let total: f32 = logits.iter().map(|it| it.exp()).sum();
    for mirostat in [Mirostat::V1, Mirostat::V2] {
        let sampling = Sampling { temperature: 1.0, mirostat, mirostat_tau: 2.0, ..all() };
        let mut sampler = TokenSampler::new(&sampling, &[], Arc::new([]), None, &spelled);
        let mut scratch = Scratch::default();
        let mut surprise = 0.0;
        for _ in 0..2000 {
            let token = sampler.sample(&logits, &mut scratch, &spelled).unwrap();
            surprise -= (logits[token.0 as usize].exp() / total).log2() / 2000.0;
        }
        // Without it the mean would be 6 bits; those left out make what is kept less surprising than it was.
        assert!((1.5..4.5).contains(&surprise), "{mirostat:?}: {surprise}");
    }
}
