//! What is measured: how one person, and many, feel the server.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use super::super::load::{Ask, Stream, prompt, together, words};
use super::super::machine::median;
use crate::fail::Result;

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) more_is_better: bool,
    pub(super) against: Against,
    /// The ratio that we want.
    pub(super) wanted: &'static str,
}

/// What a figure is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Against {
    /// The best of the others.
    Others,
    /// The one with its defaults.
    Defaults,
    /// Nothing: it is a ratio already.
    Nothing,
}

/// What kind of work a load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Answers alone, or prompts alone.
    Plain,
    /// Prompts arrive while others are answered.
    Mixed,
    /// Guessing tokens may help.
    Guessable,
}

/// A load and what is read off it.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) figures: &'static [Figure],
    pub(super) work: Work,
    /// One value for every figure. Prompts differ by the seed.
    pub(super) run: fn(SocketAddr, usize) -> Result<Vec<f64>>,
}

const fn more(name: &'static str, wanted: &'static str) -> Figure {
    Figure { name, more_is_better: true, against: Against::Others, wanted }
}

pub(super) const fn less(name: &'static str, wanted: &'static str) -> Figure {
    Figure { name, more_is_better: false, against: Against::Others, wanted }
}

const fn less_than_by_default(name: &'static str, wanted: &'static str) -> Figure {
    Figure { name, more_is_better: false, against: Against::Defaults, wanted }
}

/// A ratio of a side to itself.
pub(super) const fn ratio(name: &'static str, wanted: &'static str) -> Figure {
    Figure { name, more_is_better: false, against: Against::Nothing, wanted }
}

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "1 stream",
        figures: &[
            more("decode, 1 stream, tok/s", "≥ 0.98"),
            less("first token, 1 stream, 60-word prompt, ms", "≤ 1.0"),
        ],
        work: Work::Plain,
        run: |address, seed| {
            let streams = together(address, &distinct(1, seed)).all()?;
            Ok(vec![streams[0].decode_rate(), streams[0].first_token_ms()])
        },
    },
    Scenario {
        name: "repetitive work",
        figures: &[
            more("decode, 1 stream, a text to copy, tok/s", "≥ 1.15"),
            more("decode, 1 stream, a program to edit, tok/s", "≥ 1.15"),
            more("decode, 1 stream, a text to summarise, tok/s", "≥ 1.15"),
            more("decode, 1 stream, a list to write as JSON, tok/s", "≥ 1.15"),
        ],
        work: Work::Guessable,
        run: repetitive_work,
    },
    Scenario {
        name: "free text",
        figures: &[more("decode, 1 stream, a story, tok/s", "≥ 0.97")],
        work: Work::Guessable,
        run: |address, seed| {
            let task = format!("Tell me a story about the {} and a child.", words(4, seed + 30));
            Ok(vec![together(address, &[Ask::new(task, 160)]).all()?[0].decode_rate()])
        },
    },
    Scenario {
        name: "4 streams",
        figures: &[more("in all, 4 distinct streams, tok/s", "≥ 1.00")],
        work: Work::Plain,
        run: |address, seed| Ok(vec![together(address, &distinct(4, seed)).total_rate()]),
    },
    Scenario {
        name: "8 streams",
        figures: &[more("in all, 8 distinct streams, tok/s", "≥ 1.03")],
        work: Work::Plain,
        run: |address, seed| Ok(vec![together(address, &distinct(8, seed)).total_rate()]),
    },
    Scenario {
        name: "16 streams",
        figures: &[more("in all, 16 distinct streams, tok/s", "≥ 1.05")],
        work: Work::Plain,
        run: |address, seed| Ok(vec![together(address, &distinct(16, seed)).total_rate()]),
    },
    Scenario {
        name: "8 streams with the same beginning",
        figures: &[
            more("in all, 8 streams sharing 500 tokens, tok/s", "≥ 2.5"),
            less("worst first token of these, ms", "≤ 0.30"),
        ],
        work: Work::Mixed,
        run: shared_beginning,
    },
    Scenario {
        name: "next turn",
        figures: &[less("first token of a conversation's next turn, ms", "≤ 1.0")],
        work: Work::Plain,
        run: next_turn,
    },
    Scenario {
        name: "displaced turn",
        figures: &[less("the same after 16 others were answered, ms", "≤ 1.0")],
        work: Work::Plain,
        run: displaced_turn,
    },
    Scenario {
        name: "JSON",
        figures: &[ratio("time for a token of JSON by a schema, to one of free text", "≤ 1.05")],
        work: Work::Plain,
        run: json_by_schema,
    },
    Scenario {
        name: "a long prompt arrives",
        figures: &[
            less_than_by_default(
                "longest gap of a stream while a 1.2k prompt arrives, ms, to the default",
                "≤ 0.25",
            ),
            less("first token of that prompt, ms", "≤ 1.25"),
        ],
        work: Work::Mixed,
        run: long_prompt_arrives,
    },
    Scenario {
        name: "short behind long",
        figures: &[less("first token of a short request behind 8 long ones, ms", "≤ 0.5")],
        work: Work::Mixed,
        run: short_behind_long,
    },
    Scenario {
        name: "64 requests",
        figures: &[
            less("failures of 64 requests at once", "0"),
            less("their 95th percentile of first token, ms", "≤ 1.0"),
        ],
        work: Work::Mixed,
        run: overload,
    },
];

fn distinct(n: usize, seed: usize) -> Vec<Ask> {
    (0..n).map(|i| Ask::new(prompt(60, seed + i), 96).without_guesses().until_limit()).collect()
}

/// Texts of which most was said before: to copy, to edit, to summarise, to bring into another form.
fn repetitive_work(address: SocketAddr, seed: usize) -> Result<Vec<f64>> {
    let copied = format!("Write this text again, word for word: {}", words(120, seed + 20));
    let edited = format!(
        "Rename the function `load` to `read_file` in this program and write the whole program again:\n\n{}",
        program(seed + 21)
    );
    let summarised = format!("Summarise this report in a few sentences:\n\n{}", report(seed + 22));
    let listed = format!(
        "Write this list as a JSON array of objects with the keys name, colour and count:\n\n{}",
        list(seed + 23)
    );
    let rate = |task: String| Ok(together(address, &[Ask::new(task, 200)]).all()?[0].decode_rate());
    [copied, edited, summarised, listed].into_iter().map(rate).collect()
}

fn program(seed: usize) -> String {
    let load = "def load(path):\n    with open(path) as file:\n        return file.read()\n\n";
    let uses = (0..5).map(|i| {
        let name = words(2, seed + i).replace(' ', "_");
        format!("def {name}(folder):\n    text = load(folder + \"/{name}.txt\")\n    return text.strip()\n\n")
    });
    std::iter::once(load.to_owned()).chain(uses).collect()
}

fn report(seed: usize) -> String {
    let sentence = |i: usize| {
        format!(
            "In week {} the {} team mended {} faults in the {}.",
            i + 1,
            words(1, seed + i),
            i * 3 + 2,
            words(2, seed + i + 9)
        )
    };
    (0..12).map(sentence).collect::<Vec<_>>().join(" ")
}

fn list(seed: usize) -> String {
    let colours = ["red", "green", "blue", "yellow"];
    let entry = |i: usize| {
        format!(
            "- {} is {}, and there are {} of them\n",
            words(2, seed + i),
            colours[(seed + i) % colours.len()],
            i + 2
        )
    };
    (0..10).map(entry).collect()
}

fn worst_first_token_ms(streams: &[Stream]) -> f64 {
    streams.iter().map(Stream::first_token_ms).fold(0.0, f64::max)
}

fn shared_beginning(address: SocketAddr, seed: usize) -> Result<Vec<f64>> {
    // About one and a third tokens a word.
    let shared = format!("Instructions number {seed}: {}.", words(370, seed + 50));
    let asks: Vec<_> = (0..8)
        .map(|i| Ask::new(format!("{shared} Now question {i}: what is it?"), 32))
        .map(|ask| ask.without_guesses().until_limit())
        .collect();
    let answers = together(address, &asks);
    let rate = answers.total_rate();
    Ok(vec![rate, worst_first_token_ms(&answers.all()?)])
}

fn next_turn(address: SocketAddr, seed: usize) -> Result<Vec<f64>> {
    let next = first_turn(address, seed + 60)?;
    Ok(vec![first_token_ms(address, next)?])
}

fn displaced_turn(address: SocketAddr, seed: usize) -> Result<Vec<f64>> {
    let next = first_turn(address, seed + 40)?;
    let others: Vec<_> = (0..16).map(|i| Ask::new(prompt(60, seed + 41 + i), 16)).collect();
    together(address, &others).all()?;
    Ok(vec![first_token_ms(address, next)?])
}

/// Has the first turn of a long conversation answered, and gives the next one.
pub(super) fn first_turn(address: SocketAddr, seed: usize) -> Result<Ask> {
    let mut ask = Ask::new(prompt(600, seed), 32);
    let first = together(address, std::slice::from_ref(&ask)).all()?;
    ask.turns.extend(first.into_iter().map(|stream| stream.text));
    ask.turns.push("Tell me more about the third word.".to_owned());
    Ok(ask)
}

pub(super) fn first_token_ms(address: SocketAddr, ask: Ask) -> Result<f64> {
    Ok(together(address, &[ask]).all()?[0].first_token_ms())
}

fn json_by_schema(address: SocketAddr, seed: usize) -> Result<Vec<f64>> {
    let item = json!({"type": "string", "maxLength": 12});
    let schema = json!({"type": "array", "items": item, "minItems": 16, "maxItems": 16});
    let ask = |seed: usize| Ask::new(prompt(20, seed + 35), 96).without_guesses();
    let free = together(address, &[ask(seed).until_limit()]).all()?;
    let formed = together(address, &[ask(seed + 1).in_json(schema)]).all()?;
    Ok(vec![free[0].decode_rate() / formed[0].decode_rate()])
}

fn long_prompt_arrives(address: SocketAddr, seed: usize) -> Result<Vec<f64>> {
    let stream = Ask::new(prompt(30, seed + 70), 250).without_guesses().until_limit();
    let newcomer = Ask::new(prompt(900, seed + 71), 16).after(Duration::from_millis(800));
    let streams = together(address, &[stream, newcomer]).all()?;
    Ok(vec![streams[0].longest_gap.as_secs_f64() * 1000.0, streams[1].first_token_ms()])
}

fn short_behind_long(address: SocketAddr, seed: usize) -> Result<Vec<f64>> {
    let mut asks: Vec<_> = (0..8).map(|i| Ask::new(prompt(450, seed + 80 + i), 32)).collect();
    asks.push(Ask::new(prompt(20, seed + 90), 16).after(Duration::from_millis(300)));
    let streams = together(address, &asks).all()?;
    Ok(vec![streams[8].first_token_ms()])
}

fn overload(address: SocketAddr, seed: usize) -> Result<Vec<f64>> {
    let asks: Vec<_> = (0..64).map(|i| Ask::new(prompt(40, seed + 100 + i), 16)).collect();
    let streams = together(address, &asks).streams;
    let n_failed = streams.iter().filter(|it| it.is_err()).count();
    let mut first: Vec<_> = streams.iter().flatten().map(Stream::first_token_ms).collect();
    first.sort_by(f64::total_cmp);
    let percentile = first.get(first.len() * 95 / 100).copied().unwrap_or(median(first));
    Ok(vec![n_failed as f64, percentile])
}
