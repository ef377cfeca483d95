//! Answers that have a form, that are punished for what they repeat, or that end where something says so, are the same whoever
//! guesses.

use super::thinking::{THINKER, budget, not_thinking};
use crate::tests::{Worker, exactly, tiny_llama};
use protocol::{
    Command, Delta, DraftModel, Event, GenerateParams, LoadRequest, Prompt, RequestId, Speculation, Tenant,
    TokenLogprob,
};
use types::{
    chat::{ChatTurn, Guesser, Role},
    constraint::Constraint,
    sampling::{Mirostat, Sampling, Step},
    tools::{Tool, ToolChoice, ToolUse},
};

/// The token that ends the tiny model's answers, and those that are letters.
const END: u32 = 2;
const LETTERS: std::ops::Range<u32> = 3..31;

fn params(temperature: f32) -> GenerateParams {
    let sampling = Sampling {
        temperature,
        repeat_penalty: 1.0,
        max_tokens: Some(80),
        ignore_eos: true,
        seed: Some(11),
        ..Sampling::default()
    };
    GenerateParams { sampling, reasoning: not_thinking(), ..GenerateParams::new(Tenant(1)) }
}

/// A record with texts that only the schema knows, and with some that the model chooses.
const RECORD: &str = r#"{"type": "object", "properties": {
    "first_name": {"enum": ["ada", "grace"]},
    "years_of_life": {"type": "array", "items": {"enum": [1815, 1906]}, "minItems": 2, "maxItems": 4},
    "remark": {"type": "string", "maxLength": 12}
}, "required": ["first_name", "years_of_life", "remark"], "additionalProperties": false}"#;

fn formed(constraint: Constraint, temperature: f32) -> GenerateParams {
    GenerateParams { constraint: Some(constraint), ..params(temperature) }
}

fn sampled(temperature: f32, change: impl FnOnce(&mut Sampling)) -> GenerateParams {
    let mut params = params(temperature);
    change(&mut params.sampling);
    params
}

/// Forms, and what else decides on tokens besides the model.
fn ways(temperature: f32) -> Vec<(&'static str, GenerateParams)> {
    let tool = Tool { name: "count".into(), description: "counts".into(), parameters: RECORD.into() };
    let tools = Some(ToolUse { tools: vec![tool], choice: ToolChoice::Required, in_parallel: false });
    let regex = r"(the sea and the (sky|land)\. ){3}";
    let mut ways = vec![
        ("schema", formed(Constraint::JsonSchema(RECORD.into()), temperature)),
        ("regex", formed(Constraint::Regex(regex.into()), temperature)),
        (
            "call",
            GenerateParams {
                tools,
                reasoning: budget(9),
                ..sampled(temperature, |it| it.max_tokens = Some(250))
            },
        ),
        ("thought", GenerateParams { reasoning: budget(15), ..params(temperature) }),
        ("logprobs", GenerateParams { logprobs: Some(2), ..params(temperature) }),
        ("repetition", sampled(temperature, |it| (it.repeat_penalty, it.presence_penalty) = (1.3, 0.5))),
        ("DRY", sampled(temperature, |it| it.dry_multiplier = 0.8)),
        ("order", sampled(temperature, |it| it.samplers = vec![Step::TopK, Step::Dry, Step::Penalties])),
        ("end", {
            let ends_soon = |it: &mut Sampling| {
                (it.ignore_eos, it.min_tokens, it.logit_bias) = (false, 40, vec![(END, 100.0)]);
            };
            sampled(temperature, ends_soon)
        }),
    ];
    if temperature > 0.0 {
        ways.push(("mirostat 1", sampled(temperature, |it| it.mirostat = Mirostat::V1)));
        ways.push(("mirostat 2", sampled(temperature, |it| it.mirostat = Mirostat::V2)));
    }
    ways
}

/// The model, and one that guesses for it: of the same weights, or of others.
fn start(draft_seed: Option<u64>) -> Worker {
    Worker::start_loading(|path| {
        tiny_llama::write_with(path, 1, &THINKER);
        let draft_model = draft_seed.map(|seed| {
            let draft = path.with_file_name("draft.gguf");
            tiny_llama::write_with(&draft, seed, &THINKER);
            DraftModel { path: draft, is_required: true }
        });
        LoadRequest { draft_model, ..exactly(path, Some(1024)) }
    })
}

fn answer(worker: &mut Worker, params: &GenerateParams, speculation: Speculation) -> Delta {
    let prompt =
        Prompt::Chat(vec![ChatTurn::new(Role::User, "the sea and the sky and the sea and the land")]);
    let params = Box::new(GenerateParams { speculation, ..params.clone() });
    worker.tell(&Command::Generate { id: RequestId(1), prompt, params });
    let mut whole: Option<Delta> = None;
    while whole.as_ref().is_none_or(|delta| delta.finished.is_none()) {
        let Event::Step(deltas) = worker.hear() else { continue };
        for delta in deltas {
            match &mut whole {
                Some(whole) => whole.append(delta),
                None => whole = Some(delta),
            }
        }
    }
    whole.expect("a step")
}

/// What is the same, whoever guesses. Likelihoods may differ in their last digits.
fn told(delta: &Delta) -> String {
    let hundredths = |it: &TokenLogprob| (it.bytes.clone(), (it.logprob * 100.0).round() as i64);
    let likelihoods: Vec<_> = delta.logprobs.iter().map(hundredths).collect();
    let Delta { text, reasoning, calls, finished, usage, .. } = delta;
    let n_tokens = (usage.n_generated_tokens, usage.n_reasoning_tokens);
    format!("{text:?} {reasoning:?} {calls:?} {finished:?} {n_tokens:?} {likelihoods:?}")
}

/// Every way is answered as without guesses, and some of the guesses come true.
fn check(draft_seed: Option<u64>, speculation: Speculation) {
    let ways: Vec<_> = [0.0, 0.9].into_iter().flat_map(ways).collect();
    let mut plain = start(None);
    let expected: Vec<_> =
        ways.iter().map(|(_, params)| answer(&mut plain, params, Speculation::Off)).collect();
    plain.end();
    let mut guessing = start(draft_seed);
    for ((name, params), expected) in ways.iter().zip(expected) {
        let what = format!("{name}, temperature {}, {speculation:?}", params.sampling.temperature);
        assert!(matches!(expected.finished, Some(Ok(_))), "{what}: {expected:?}");
        // The second time all of it was said before.
        for round in 0..2 {
            let found = answer(&mut guessing, params, speculation);
            assert_eq!(told(&found), told(&expected), "{what}, round {round}");
            // A form may cut all that a draft model guesses.
            let has_form = params.constraint.is_some() || params.tools.is_some();
            let may_be_cut = round == 0 || has_form && speculation != Speculation::Always;
            assert!(may_be_cut || found.usage.n_drafted_tokens > 0, "{what}, round {round}");
        }
    }
    guessing.end();
}

#[test]
fn what_n_grams_and_forms_guess_changes_no_guided_answer() {
    check(None, Speculation::Always);
}

#[test]
fn what_a_draft_model_guesses_changes_no_guided_answer() {
    for seed in [1, 2] {
        check(Some(seed), Speculation::Only(Guesser::DraftModel));
    }
}

#[test]
fn what_a_tree_guesses_changes_no_guided_answer() {
    for seed in [1, 2] {
        check(Some(seed), Speculation::Only(Guesser::DraftTree));
    }
}

#[test]
fn a_stop_string_within_a_guess_ends_the_answer_where_it_would_without() {
    let mut worker = start(Some(1));
    let long = answer(&mut worker, &params(0.0), Speculation::Off).text;
    for at in [10, 23, 41] {
        let stop: String = long.chars().skip(at).take(3).collect();
        let params = GenerateParams { stop: vec![stop], ..params(0.0) };
        let expected = answer(&mut worker, &params, Speculation::Off);
        assert!(long.starts_with(&expected.text) && expected.text.len() < long.len());
        for speculation in [Speculation::Always, Speculation::Only(Guesser::DraftModel)] {
            let found = answer(&mut worker, &params, speculation);
            assert_eq!(told(&found), told(&expected), "{speculation:?}, {at}");
        }
    }
    worker.end();
}

#[test]
fn what_comes_in_any_case_takes_no_step_of_its_own() {
    let mut worker = start(None);
    // A budget of thinking is spent, and the tiny model's tokens are letters.
    let thought = GenerateParams { reasoning: budget(15), ..params(0.0) };
    let expected = answer(&mut worker, &thought, Speculation::Off);
    let found = answer(&mut worker, &thought, Speculation::Always);
    assert_eq!(told(&found), told(&expected));
    let n_forced = "\n\nThat is enough thinking; I will answer now.\n".len() as u32;
    assert!(found.usage.n_accepted_tokens + 1 >= n_forced, "{:?}", found.usage);
    assert_eq!(found.usage.n_steps, found.usage.n_generated_tokens - found.usage.n_accepted_tokens);
    worker.end();
}

#[test]
fn what_a_form_leaves_no_choice_of_takes_no_step_of_its_own() {
    let mut worker = start(None);
    let mut only = formed(Constraint::Regex("pack my box with jugs\\.".into()), 0.0);
    // Letters are bytes, too, and the model has no opinion of those.
    only.sampling.logit_bias = LETTERS.map(|letter| (letter, 50.0)).collect();
    let expected = answer(&mut worker, &only, Speculation::Off);
    // Nothing like it was said before.
    worker.tell(&Command::Forget { tenant: Tenant(1) });
    let found = answer(&mut worker, &only, Speculation::Always);
    assert_eq!((told(&found), found.text.as_str()), (told(&expected), "pack my box with jugs."));
    // The last one ends the answer, and is not counted as one that came true.
    assert_eq!(found.usage.n_accepted_tokens + 1, found.usage.n_drafted_tokens);
    assert!(found.usage.n_steps < 6, "{:?}", found.usage);
    worker.end();
}
