//! The same tiny models as files, computed by llama.cpp, and as folders, computed by candle.

mod broken;
mod caches;
mod memory;
mod server_text;

use crate::tests::{
    Worker, exactly,
    tiny_twins::{Family, Form, write_file, write_folder},
};
use protocol::{
    Command, EmbedParams, Event, GenerateParams, LoadRequest, LoraAdapter, Prompt, Rejection, RequestId,
    Tenant, TokenLogprob, Who,
};
use std::{
    collections::BTreeMap,
    iter,
    path::{Path, PathBuf},
};
use types::{
    chat::{ChatTurn, FinishReason, Role, Usage},
    constraint::Constraint,
    reasoning::Effort,
    sampling::Sampling,
    tools::{CallPiece, Tool, ToolChoice, ToolUse},
};

/// How far the natural logarithms of probabilities may lie apart. Both engines compute in single precision, and sum up
/// in another order.
const TOLERANCE: f32 = 1e-3;

/// What came of one request.
#[derive(Clone, Debug, Default, PartialEq)]
struct Answer {
    text: String,
    reasoning: String,
    calls: Vec<CallPiece>,
    logprobs: Vec<TokenLogprob>,
    end: Option<(FinishReason, Usage)>,
}

impl Answer {
    fn usage(&self) -> Usage {
        self.end.expect("an end").1
    }
}

/// What is asked.
#[derive(Clone)]
struct Ask {
    prompt: Prompt,
    params: GenerateParams,
}

fn ask(prompt: &str) -> Ask {
    let sampling =
        Sampling { temperature: 0.0, repeat_penalty: 1.0, max_tokens: Some(60), ..Sampling::default() };
    let params = GenerateParams { sampling, ..GenerateParams::new(Tenant(1)) };
    Ask { prompt: Prompt::Text(prompt.to_owned()), params }
}

fn chat(text: &str) -> Ask {
    let turn = ChatTurn::new(Role::User, text);
    Ask { prompt: Prompt::Chat(vec![turn]), ..ask("") }
}

fn by_llama(family: Family) -> Worker {
    Worker::start(None, |path| write_file(path, family, 1))
}

fn by_candle(family: Family, form: Form) -> Worker {
    Worker::start(None, |path| write_folder(path, family, 1, form))
}

impl Worker {
    fn request(&mut self, id: u64, ask: &Ask) {
        let Ask { prompt, params } = ask.clone();
        self.tell(&Command::Generate { id: RequestId(id), prompt, params: Box::new(params) });
    }

    /// Runs all of them side by side.
    fn answers(&mut self, asks: &[Ask]) -> Vec<Answer> {
        for (id, ask) in (1..).zip(asks) {
            self.request(id, ask);
        }
        let mut answers = BTreeMap::<RequestId, Answer>::new();
        while answers.values().filter(|answer| answer.end.is_some()).count() < asks.len() {
            match self.hear() {
                Event::Step(deltas) => {
                    for delta in deltas {
                        let answer = answers.entry(delta.id).or_default();
                        answer.text += &delta.text;
                        answer.reasoning += &delta.reasoning;
                        CallPiece::join(&mut answer.calls, delta.calls);
                        answer.logprobs.extend(delta.logprobs);
                        let reason = delta.finished.map(|it| it.expect("an answer that ended well"));
                        answer.end = reason.map(|reason| (reason, delta.usage));
                    }
                }
                Event::Accepted { .. } | Event::Line { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        answers.into_values().collect()
    }

    fn only_answer(&mut self, ask: &Ask) -> Answer {
        self.answers(std::slice::from_ref(ask)).remove(0)
    }

    fn refusal_of(&mut self, command: &Command) -> Rejection {
        self.tell(command);
        match self.hear() {
            Event::Rejected { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    }
}

/// The text of `answer` and all that is not measured.
fn essence(answer: &Answer) -> (String, String, Vec<CallPiece>, FinishReason, [u32; 3]) {
    let (reason, usage) = answer.end.expect("an end");
    let counts = [usage.n_prompt_tokens, usage.n_generated_tokens, usage.n_reasoning_tokens];
    (answer.text.clone(), answer.reasoning.clone(), answer.calls.clone(), reason, counts)
}

const PROMPTS: [&str; 3] = ["the cat and a dog", "a", "the sea the sea. 12 x\n  y — ünï the the"];

#[test]
fn both_engines_find_the_same_words_as_likely() {
    let asks = PROMPTS.map(|prompt| {
        let mut ask = ask(prompt);
        ask.params.logprobs = Some(10);
        ask.params.sampling.ignore_eos = true;
        ask
    });
    for family in Family::ALL {
        let expected = one_by_one(by_llama(family), &asks);
        let found = one_by_one(by_candle(family, Form::default()), &asks);
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(essence(found), essence(expected), "{family:?}");
            assert_eq!(found.logprobs.len(), expected.logprobs.len());
            let tokens = found.logprobs.iter().zip(&expected.logprobs);
            tokens.for_each(|(found, expected)| check_near(family, found, expected));
        }
    }
}

#[track_caller]
fn check_near(family: Family, found: &TokenLogprob, expected: &TokenLogprob) {
    let all =
        |it: &TokenLogprob| iter::once(it.logprob).chain(it.top.iter().map(|top| top.1)).collect::<Vec<_>>();
    let apart = all(found).into_iter().zip(all(expected)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert_eq!(found.bytes, expected.bytes, "{family:?}");
    assert!(apart < TOLERANCE, "{family:?}, {apart}: {found:?} {expected:?}");
}

#[test]
fn half_precision_and_several_files_are_the_same_model() {
    let whole = Form::default();
    let mut plain = by_candle(Family::Qwen3, whole);
    let expected = plain.only_answer(&ask(PROMPTS[0]));
    plain.end();
    for form in [
        Form { is_cut_in_two: true, ..whole },
        Form { in_half_precision: true, ..whole },
        Form { is_cut_in_two: true, in_half_precision: true },
    ] {
        let mut worker = by_candle(Family::Qwen3, form);
        assert_eq!(essence(&worker.only_answer(&ask(PROMPTS[0]))), essence(&expected), "{form:?}");
        worker.end();
    }
}

/// Asks both engines the same. There is one llama.cpp in a process, and both use it.
fn check_same(asks: &[Ask]) -> Vec<Answer> {
    let expected = one_by_one(by_llama(Family::Qwen3), asks);
    let found = one_by_one(by_candle(Family::Qwen3, Form::default()), asks);
    let essences = |answers: &[Answer]| answers.iter().map(essence).collect::<Vec<_>>();
    assert_eq!(essences(&found), essences(&expected));
    found
}

fn one_by_one(mut worker: Worker, asks: &[Ask]) -> Vec<Answer> {
    let answers = asks.iter().map(|ask| worker.only_answer(ask)).collect();
    worker.end();
    answers
}

#[test]
fn an_answer_is_the_same_with_any_number_of_threads() {
    let engines: [fn() -> Worker; 2] =
        [|| by_llama(Family::Qwen3), || by_candle(Family::Qwen3, Form::default())];
    for start in engines {
        let mut worker = start();
        let expected = essence(&worker.only_answer(&ask(PROMPTS[0]))).0;
        for n_threads in [Some(2), Some(3), Some(1), None] {
            worker.tell(&Command::SetThreads { n_threads, n_threads_batch: Some(2) });
            assert_eq!(essence(&worker.only_answer(&ask(PROMPTS[0]))).0, expected, "{n_threads:?}");
        }
        worker.end();
    }
}

#[test]
fn another_template_counts_as_for_a_file_and_a_broken_one_is_refused() {
    let load = |template: Option<&str>, write: &dyn Fn(&Path)| {
        Worker::try_loading(|path| {
            write(path);
            LoadRequest { template: template.map(str::to_owned), ..exactly(path, None) }
        })
    };
    let in_file = |path: &Path| write_file(path, Family::Qwen3, 1);
    let in_folder = |path: &Path| write_folder(path, Family::Qwen3, 1, Form::default());
    let other = "{% for message in messages %}the sea {{ message.content }}{% endfor %}";
    let answer = |template, write: &dyn Fn(&Path)| {
        let mut worker = load(template, write).expect("a model that loads");
        let answer = essence(&worker.only_answer(&chat("the cat")));
        worker.end();
        answer
    };
    let expected = answer(Some(other), &in_file);
    assert_eq!(answer(Some(other), &in_folder), expected);
    assert_ne!(answer(None, &in_folder), expected);
    let refused = load(Some("{% for"), &in_folder).err().expect("a reason");
    assert!(refused.contains("chat template that was chosen"), "{refused}");
}

#[test]
fn words_are_chosen_the_same_way() {
    let sampled = |change: &dyn Fn(&mut Sampling)| {
        let mut ask = ask(PROMPTS[0]);
        ask.params.sampling = Sampling { temperature: 0.9, seed: Some(7), ..ask.params.sampling };
        change(&mut ask.params.sampling);
        ask
    };
    check_same(&[
        sampled(&|_| {}),
        sampled(&|it| it.top_k = 3),
        sampled(&|it| it.top_p = 0.5),
        sampled(&|it| it.min_p = 0.2),
        sampled(&|it| it.repeat_penalty = 1.5),
    ]);
}

#[test]
fn answers_end_before_a_stop_string_and_at_their_length() {
    let whole = check_same(&[ask(PROMPTS[0])]).remove(0);
    let middle = whole.text.char_indices().nth(10).expect("a long answer").0;
    let stop = whole.text[middle..].chars().take(2).collect::<String>();
    let mut stopped = ask(PROMPTS[0]);
    stopped.params.stop = vec![stop.clone()];
    let stopped = check_same(&[stopped]).remove(0);
    let end = whole.text.find(&stop).expect("it is in there");
    assert_eq!(stopped.text, whole.text[..end]);
    assert_eq!(whole.end.map(|end| end.0), Some(FinishReason::Length));
    assert_eq!(whole.usage().n_generated_tokens, 60);
}

#[test]
fn an_answer_has_the_form_that_was_asked_for() {
    let mut json = chat("the cat");
    let schema = r#"{
        "type": "object", "properties": {"n": {"enum": [1, 22]}}, "required": ["n"], "additionalProperties": false
    }"#;
    json.params.constraint = Some(Constraint::JsonSchema(schema.to_owned()));
    json.params.reasoning.effort = Some(Effort::None);
    let mut letters = ask("the");
    letters.params.constraint = Some(Constraint::Regex("[ab]{5}".to_owned()));
    let answers = check_same(&[json, letters]);
    let value: serde_json::Value =
        serde_json::from_str(&answers[0].text).unwrap_or_else(|error| panic!("{error}: {:?}", answers[0]));
    assert!(value["n"].is_i64(), "{value}");
    assert_eq!(answers[1].text.len(), 5);
}

#[test]
fn thoughts_are_told_apart_and_functions_called() {
    let mut thinking = chat("think");
    thinking.params.reasoning.effort = Some(Effort::High);
    thinking.params.reasoning.max_tokens = Some(5);
    let mut calling = chat("call");
    let tool = Tool {
        name: "look".to_owned(),
        description: "Looks.".to_owned(),
        parameters: r#"{"type": "object", "properties": {"a": {"enum": ["x", "y"]}}, "required": ["a"]}"#
            .to_owned(),
    };
    calling.params.tools =
        Some(ToolUse { tools: vec![tool], choice: ToolChoice::Required, in_parallel: false });
    calling.params.reasoning.effort = Some(Effort::None);
    let answers = check_same(&[thinking, calling]);
    assert_eq!(answers[1].end.map(|end| end.0), Some(FinishReason::ToolCalls));
    assert!(!answers[1].calls.is_empty());
}

#[test]
fn many_at_once_answer_as_one_by_one() {
    let numbered = PROMPTS.iter().cycle().take(12).enumerate();
    let asks = numbered.map(|(i, prompt)| {
        let mut ask = ask(&format!("{prompt} {i}"));
        ask.params.tenant = Tenant(i as i64 % 2);
        ask
    });
    let asks: Vec<_> = asks.collect();
    let alone = one_by_one(by_candle(Family::Llama3, Form::default()), &asks);
    let expected: Vec<_> = alone.into_iter().map(|answer| answer.text).collect();
    let mut together = by_candle(Family::Llama3, Form::default());
    let found: Vec<_> = together.answers(&asks).into_iter().map(|answer| answer.text).collect();
    together.end();
    assert_eq!(found, expected);
}

#[test]
fn a_conversation_goes_on_where_it_was_and_only_its_own() {
    let mut worker = by_candle(Family::Qwen3, Form::default());
    // Letters of which no two are one word, so that the answer is cut as it was written.
    let mut first = ask("the sea the sea the sea");
    first.params.constraint = Some(Constraint::Regex("[bcd]{30}".to_owned()));
    let first = worker.only_answer(&first);
    assert_eq!(first.usage().n_cached_tokens, 0);
    let mut n_cached = |prompt: &str, tenant| {
        let mut ask = ask(prompt);
        ask.params.tenant = Tenant(tenant);
        worker.only_answer(&ask).usage().n_cached_tokens
    };
    let n_prompt = first.usage().n_prompt_tokens;
    assert_eq!(n_cached("the sea the sea the sea", 1), n_prompt - 1);
    let longer = format!("the sea the sea the sea{}", first.text);
    assert_eq!(n_cached(&longer, 1), n_prompt + 29);
    assert_eq!(n_cached("the sea the sea the sea", 2), 0);
    worker.tell(&Command::Forget { tenant: Tenant(1) });
    assert_eq!(worker.only_answer(&ask("the sea the sea the sea")).usage().n_cached_tokens, 0);
    worker.end();
}

#[test]
fn what_several_share_is_computed_once() {
    let asks: Vec<_> = (0..4).map(|i| ask(&format!("{}{i}", "the sea and the land ".repeat(8)))).collect();
    let mut worker = by_candle(Family::Qwen3, Form::default());
    let together = worker.answers(&asks);
    worker.end();
    let n_prompt = together[0].usage().n_prompt_tokens;
    let n_cached: Vec<_> = together.iter().map(|answer| answer.usage().n_cached_tokens).collect();
    assert_eq!(n_cached, [0, n_prompt - 1, n_prompt - 1, n_prompt - 1]);
    let alone = one_by_one(by_candle(Family::Qwen3, Form::default()), &asks[3..]);
    assert_eq!(together[3].text, alone[0].text);
}

#[test]
fn what_is_cancelled_ends_and_others_go_on() {
    let mut worker = by_candle(Family::Llama3, Form::default());
    let mut long = ask(PROMPTS[0]);
    long.params.sampling.max_tokens = Some(1000);
    long.params.sampling.ignore_eos = true;
    // No request is called as another was: what comes late for this one would be for the next.
    let id = RequestId(99);
    worker.request(id.0, &long);
    while !matches!(worker.hear(), Event::Step(_)) {}
    worker.tell(&Command::Cancel { id });
    let last = loop {
        let Event::Step(deltas) = worker.hear() else { continue };
        if let Some(last) = deltas.into_iter().find(|delta| delta.finished.is_some()) {
            break last;
        }
    };
    assert_eq!(last.finished, Some(Ok(FinishReason::Cancelled)));
    assert!(last.usage.n_generated_tokens < 1000);
    long.params.sampling.max_tokens = Some(60);
    assert_eq!(worker.only_answer(&long).usage().n_generated_tokens, 60);
    worker.end();
}

#[test]
fn what_it_cannot_do_is_refused() {
    let mut worker = by_candle(Family::Llama3, Form::default());
    let id = RequestId(9);
    let (params, who) = (EmbedParams::default(), Who::alone(Tenant(1)));
    let embed = Command::Embed { id, inputs: vec![], params, who };
    assert_eq!(worker.refusal_of(&embed), Rejection::MakesNoVectors);
    let Ask { prompt, mut params } = ask("the");
    params.adapters = vec![LoraAdapter { path: PathBuf::from("blue.gguf"), scale: 1.0 }];
    let adapted = Command::Generate { id, prompt, params: Box::new(params) };
    assert!(matches!(worker.refusal_of(&adapted), Rejection::Adapter { name, .. } if name == "blue"));
    let Ask { prompt, params } = ask(&"the sea ".repeat(2000));
    let long = Command::Generate { id, prompt, params: Box::new(params) };
    assert!(matches!(worker.refusal_of(&long), Rejection::TooLong { n_ctx: 1024, .. }));
    worker.end();
}
