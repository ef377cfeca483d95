//! Whole workers with a tiny model whose weights are in single precision.

mod checkpoints;
mod guesses;
mod guided;
mod heads;
mod images;
mod recurrent;
mod restarts;
mod server_text;
mod shares;
mod steps;
mod thinking;
mod windows;

use crate::tests::{Worker, tiny_llama};
use protocol::{
    Command, Event, GenerateParams, KvFiles, LoraAdapter, Prompt, Rejection, RequestId, ServerText,
    Speculation, Tenant,
};
use std::{collections::BTreeMap, path::PathBuf};
use types::{chat::Usage, sampling::Sampling};

/// One generation.
#[derive(Clone)]
struct Ask {
    prompt: String,
    tenant: i64,
    n_tokens: u32,
    temperature: f32,
    seed: u32,
    speculation: Speculation,
    adapters: Vec<LoraAdapter>,
    /// How many of the prompt's first bytes the server wrote.
    n_server_bytes: Option<usize>,
}

fn ask(prompt: &str) -> Ask {
    let prompt = prompt.to_owned();
    Ask {
        prompt,
        tenant: 1,
        n_tokens: 120,
        temperature: 0.0,
        seed: 5,
        speculation: Speculation::Off,
        adapters: vec![],
        n_server_bytes: None,
    }
}

fn start(seed: u64, n_ctx: u32) -> Worker {
    start_with_files(seed, n_ctx, None)
}

fn start_with_files(seed: u64, n_ctx: u32, kv_files: Option<KvFiles>) -> Worker {
    Worker::start_with_files(Some(n_ctx), kv_files, |path| tiny_llama::write(path, seed))
}

impl Ask {
    fn params(&self) -> GenerateParams {
        let sampling = Sampling {
            temperature: self.temperature,
            repeat_penalty: 1.0,
            seed: Some(self.seed),
            max_tokens: Some(self.n_tokens),
            ignore_eos: true,
            ..Sampling::default()
        };
        GenerateParams {
            sampling,
            speculation: self.speculation,
            adapters: self.adapters.clone(),
            server_text: self.n_server_bytes.map(|n_bytes| ServerText { n_bytes, has_tools: false }),
            ..GenerateParams::new(Tenant(self.tenant))
        }
    }
}

impl Worker {
    /// Runs all of them side by side; text and cost of each.
    fn answer(&mut self, asks: &[Ask]) -> Vec<(String, Usage)> {
        for (id, ask) in (1..).map(RequestId).zip(asks) {
            self.send(id, ask);
        }
        let mut answers = BTreeMap::<RequestId, (String, Option<Usage>)>::new();
        while answers.values().filter(|(_, usage)| usage.is_some()).count() < asks.len() {
            match self.hear() {
                Event::Step(deltas) => {
                    for delta in deltas {
                        let (text, usage) = answers.entry(delta.id).or_default();
                        text.push_str(&delta.text);
                        *usage = delta
                            .finished
                            .map(|it| it.map(|_| delta.usage).expect("an answer that ended well"));
                    }
                }
                Event::Accepted { .. } | Event::Line { .. } | Event::Saved { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        answers.into_values().map(|(text, usage)| (text, usage.unwrap_or_default())).collect()
    }

    fn send(&mut self, id: RequestId, ask: &Ask) {
        let prompt = Prompt::Text(ask.prompt.clone());
        self.tell(&Command::Generate { id, prompt, params: Box::new(ask.params()) });
    }

    /// Why it does not answer.
    fn refusal(&mut self, ask: &Ask) -> Rejection {
        self.send(RequestId(1), ask);
        match self.hear() {
            Event::Rejected { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    }

    fn forget(&mut self, tenant: i64) {
        self.tell(&Command::Forget { tenant: Tenant(tenant) });
    }
}

/// What `asks` answer one by one in a worker of their own, without guesses.
fn plainly(seed: u64, asks: &[Ask]) -> Vec<String> {
    let mut texts = Vec::new();
    for ask in asks {
        let mut worker = start(seed, 1024);
        let ask = Ask { speculation: Speculation::Off, ..ask.clone() };
        texts.extend(worker.answer(&[ask]).into_iter().map(|(text, _)| text));
        worker.end();
    }
    texts
}

const PROMPTS: [&str; 4] = [
    "a cat and a dog and a cat and a dog and a cat",
    "the sea the sea the sea",
    "one two three. one two three. one two",
    "nothing here is said again",
];

fn guessed(speculation: Speculation, temperature: f32) -> Vec<Ask> {
    PROMPTS.map(|prompt| Ask { speculation, temperature, ..ask(prompt) }).into()
}

#[test]
fn guesses_change_nothing_but_the_number_of_steps() {
    for (seed, temperature) in [(1, 0.0), (2, 0.0), (3, 0.0), (1, 0.8), (2, 0.8)] {
        let asks = guessed(Speculation::Always, temperature);
        let expected = plainly(seed, &asks);
        let mut worker = start(seed, 1024);
        let answers = worker.answer(&asks);
        worker.end();
        let texts: Vec<_> = answers.iter().map(|(text, _)| text.clone()).collect();
        assert_eq!(texts, expected, "seed {seed}, temperature {temperature}");
        for (_, usage) in answers {
            assert_eq!(usage.n_generated_tokens, 120);
            assert_eq!(usage.n_steps, 120 - usage.n_accepted_tokens);
            assert!(usage.n_accepted_tokens <= usage.n_drafted_tokens);
        }
    }
}

#[test]
fn guesses_that_come_true_save_steps() {
    let mut worker = start(1, 1024);
    let plain = worker.answer(&guessed(Speculation::Off, 0.0));
    // What was answered once is a good guess the second time.
    let answers = worker.answer(&guessed(Speculation::Always, 0.0));
    for (_, usage) in answers {
        assert!(usage.n_accepted_tokens > 90 && usage.n_steps < 30, "{usage:?}");
    }
    let of_another: Vec<_> =
        guessed(Speculation::Always, 0.0).into_iter().map(|ask| Ask { tenant: 2, ..ask }).collect();
    let n_accepted: u32 = worker.answer(&of_another).iter().map(|(_, usage)| usage.n_accepted_tokens).sum();
    assert!(n_accepted < 240, "{n_accepted} tokens were guessed from what somebody else was told");
    assert!(plain.iter().all(|(_, usage)| usage.n_drafted_tokens == 0 && usage.n_steps == 120));
    worker.end();
}

#[test]
fn guesses_where_they_pay_change_nothing_either() {
    let asks = guessed(Speculation::Auto, 0.0);
    let expected = plainly(4, &asks);
    let mut worker = start(4, 1024);
    // The second time everything was said before, by the same person.
    for _ in 0..2 {
        let texts: Vec<_> = worker.answer(&asks).into_iter().map(|(text, _)| text).collect();
        assert_eq!(texts, expected);
    }
    worker.end();
}

#[test]
fn who_waits_for_room_answers_the_same() {
    // Four contexts of 256 cells; eight answers that all grow to about that length.
    let asks: Vec<_> = (0..8)
        .map(|n| Ask {
            n_tokens: 200,
            speculation: Speculation::Always,
            ..ask(&format!("{} says again and again", "abcdefgh".chars().nth(n).unwrap_or('z')))
        })
        .collect();
    let expected = plainly(5, &asks);
    let mut worker = start(5, 256);
    let answers = worker.answer(&asks);
    worker.end();
    for (_, usage) in &answers {
        assert_eq!(usage.n_steps, 200 - usage.n_accepted_tokens);
    }
    let texts: Vec<_> = answers.into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts, expected);
}

#[test]
fn what_is_shared_or_kept_answers_the_same() {
    let beginning = "a long beginning that everybody shares. ".repeat(5);
    let asks: Vec<_> =
        ["one", "two", "three", "four"].iter().map(|end| ask(&format!("{beginning}{end}"))).collect();
    let expected = plainly(6, &asks);
    let mut worker = start(6, 1024);
    for round in 0..2 {
        let answers = worker.answer(&asks);
        let texts: Vec<_> = answers.iter().map(|(text, _)| text.clone()).collect();
        assert_eq!(texts, expected, "round {round}");
        let n_cached = answers.iter().filter(|(_, usage)| usage.n_cached_tokens >= 190).count();
        assert!(n_cached >= if round == 0 { 3 } else { 4 }, "{answers:?}");
    }
    worker.end();
}

/// Files of adapters for the tiny model, with weights of their own.
fn adapters(folder: &tempfile::TempDir) -> [PathBuf; 2] {
    [21, 22].map(|seed| {
        let path = folder.path().join(format!("adapter-{seed}.gguf"));
        tiny_llama::write_adapter(&path, seed);
        path
    })
}

fn with(adapters: &[(&PathBuf, f32)]) -> Ask {
    let adapters = adapters.iter().map(|(path, scale)| LoraAdapter { path: (*path).clone(), scale: *scale });
    Ask { adapters: adapters.collect(), ..ask("the sea and the sky and the sea") }
}

#[test]
fn an_adapter_changes_the_answer_by_its_strength() {
    let folder = tempfile::tempdir().expect("a folder");
    let [a, b] = adapters(&folder);
    let asks = [
        with(&[]),
        with(&[(&a, 0.0)]),
        with(&[(&a, 1.0)]),
        with(&[(&a, 0.3)]),
        with(&[(&a, 1.0), (&b, 1.0)]),
    ];
    let texts = plainly(7, &asks);
    assert_eq!(texts[0], texts[1], "at no strength it is not there");
    let different: std::collections::BTreeSet<_> = texts[1..].iter().collect();
    assert_eq!(different.len(), 4, "{texts:#?}");
}

#[test]
fn answers_with_different_adapters_side_by_side_are_what_each_is_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let [a, b] = adapters(&folder);
    let sets: [&[(&PathBuf, f32)]; 5] =
        [&[], &[(&a, 1.0)], &[(&b, 1.0)], &[(&b, 0.5), (&a, 1.0)], &[(&a, 1.0), (&b, 0.5)]];
    let asks = sets.map(with);
    let expected = plainly(8, &asks);
    assert_eq!(expected[3], expected[4], "the order is no matter");
    let mut worker = start(8, 1024);
    // The second time everything was computed before, with each set.
    for round in 0..2 {
        let answers = worker.answer(&asks);
        let texts: Vec<_> = answers.iter().map(|(text, _)| text.clone()).collect();
        assert_eq!(texts, expected, "round {round}");
        let n_cached: Vec<_> = answers.iter().map(|(_, usage)| usage.n_cached_tokens).collect();
        if round == 0 {
            assert_eq!(&n_cached[..3], &[0; 3], "nothing is shared between sets");
        } else {
            assert!(
                n_cached.iter().all(|&n| n > 20),
                "each set finds what was computed with it: {n_cached:?}"
            );
        }
    }
    worker.end();
}

#[test]
fn an_adapter_that_does_not_fit_is_refused_and_the_worker_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let broken = folder.path().join("broken.gguf");
    std::fs::write(&broken, "no adapter").expect("the folder is there");
    let mut worker = start(9, 1024);
    for path in [broken, folder.path().join("missing.gguf")] {
        let refused = worker.refusal(&with(&[(&path, 1.0)]));
        assert!(matches!(&refused, Rejection::Adapter { .. }), "{refused:?}");
    }
    assert_eq!(worker.answer(&[with(&[])]).len(), 1);
    worker.end();
}
