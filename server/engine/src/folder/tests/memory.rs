//! Little room for what is remembered.

use super::{Ask, ask};
use crate::{
    folder::{self, FolderModel, FolderScheduler, Limits},
    inbox::{Cancels, Inbox},
    loading::Loading,
    outbox::Outbox,
    prompt::Prompter,
    pulse::Pulse,
    scheduler::Work,
    tests::{
        exactly,
        tiny_twins::{Family, Form, write_folder},
    },
};
use llama_cpp_2::llama_backend::LlamaBackend;
use protocol::{Event, RequestId, Tenant, read_frame};
use std::{
    collections::BTreeMap,
    io::PipeReader,
    sync::{atomic::AtomicBool, mpsc::sync_channel},
    thread,
    time::Instant,
};
use types::chat::FinishReason;

/// What several that run together answer where all caches may take as much as `n_cells` tokens do, and how often the
/// line of those that wait changed.
fn answers(asks: &[Ask], n_cells: u64) -> (Vec<String>, usize) {
    let mut answers = (Vec::new(), 0);
    run(asks, n_cells, &Cancels::default(), |events| answers = hear(events, asks.len()));
    answers
}

/// Runs all of them, and lets `hear` hear what is said.
fn run(asks: &[Ask], n_cells: u64, cancels: &Cancels, hear: impl FnOnce(&mut PipeReader)) {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("model");
    write_folder(&path, Family::Qwen3, 1, Form::default());
    let (mut events, output) = std::io::pipe().expect("a pipe");
    let outbox = Outbox::new(output);
    let backend = LlamaBackend::init().expect("llama.cpp");
    let stop = AtomicBool::new(false);
    let request = exactly(&path, Some(512));
    let loading = Loading::new(&request, outbox.clone(), Pulse::leaked());
    let model = folder::load(&backend, &request, &loading, &stop).expect("a model");
    let FolderModel { decoder, vocabulary, words, facts, limits } = model;
    let prompter = Prompter::new(&vocabulary, facts.n_ctx).with_words(words);
    // Two layers, two heads of 24 numbers, keys and values.
    let limits = Limits { max_bytes: n_cells * 2 * 2 * 24 * 2 * 4, ..limits };
    let (sender, work) = sync_channel(asks.len());
    for (id, Ask { prompt, params }) in (1..).map(RequestId).zip(asks) {
        let tokens = prompter.prepare(prompt, params).expect("a prompt");
        let spelling = |token| prompter.spelling(token);
        let params = params.clone();
        let generate = Work::generate(id, tokens, params, Instant::now(), prompter.ends(), &spelling);
        sender.send(generate).expect("room");
    }
    thread::scope(|scope| {
        let vocab = vocabulary.vocab();
        let work = Inbox::new(work, cancels.clone(), Pulse::leaked());
        let scheduler = scope.spawn(move || FolderScheduler::new(decoder, vocab, limits, outbox).run(&work));
        hear(&mut events);
        drop(sender);
        scheduler.join().expect("no panic").expect("no error");
    });
}

fn hear(events: &mut PipeReader, n_asks: usize) -> (Vec<String>, usize) {
    let (mut texts, mut n_lines, mut n_ended) = (BTreeMap::<RequestId, String>::new(), 0, 0);
    while n_ended < n_asks {
        match read_frame(&mut *events).expect("whole frames").expect("an answer") {
            Event::Step(deltas) => {
                for delta in deltas {
                    *texts.entry(delta.id).or_default() += &delta.text;
                    n_ended += usize::from(delta.finished.is_some());
                }
            }
            Event::Line { .. } => n_lines += 1,
            Event::Accepted { .. } | Event::LoadProgress(_) => {}
            other => panic!("{other:?}"),
        }
    }
    (texts.into_values().collect(), n_lines)
}

#[test]
fn a_cancel_takes_effect_whatever_waits_before_it() {
    let mut ask = ask("the sea");
    ask.params.sampling.max_tokens = Some(500);
    ask.params.sampling.ignore_eos = true;
    let cancels = Cancels::default();
    let mut finished = None;
    // The command itself never comes.
    run(&[ask], 512, &cancels, |events| {
        while finished.is_none() {
            if let Event::Step(deltas) = read_frame(&mut *events).expect("whole frames").expect("an answer") {
                cancels.announce(RequestId(1));
                finished = deltas.into_iter().find_map(|delta| delta.finished);
            }
        }
    });
    assert_eq!(finished, Some(Ok(FinishReason::Cancelled)));
}

#[test]
fn what_is_cancelled_before_it_is_looked_at_does_not_start() {
    let cancels = Cancels::default();
    cancels.announce(RequestId(1));
    let mut said = Vec::new();
    run(&[ask("the sea")], 512, &cancels, |events| {
        while !matches!(said.last(), Some(Event::Step(_))) {
            said.extend(read_frame::<Event>(&mut *events).expect("whole frames"));
        }
    });
    let Some(Event::Step(deltas)) = said.pop() else { panic!("{said:?}") };
    assert_eq!(deltas[0].finished, Some(Ok(FinishReason::Cancelled)));
    assert!(said.iter().all(|event| matches!(event, Event::LoadProgress(_))), "{said:?}");
}

#[test]
fn who_has_no_room_waits_and_goes_on_where_it_was() {
    let asks: Vec<_> = (0..4)
        .map(|i| {
            let mut ask = ask(&format!("{i}, the sea and the land ").repeat(4));
            ask.params.tenant = Tenant(i);
            ask.params.sampling.max_tokens = Some(300);
            ask.params.sampling.ignore_eos = true;
            ask
        })
        .collect();
    let (expected, n_lines) = answers(&asks, 4 * 512);
    assert_eq!(n_lines, 0);
    let (found, n_lines) = answers(&asks, 2 * 512);
    assert_eq!(found, expected);
    assert!(n_lines > 0);
    let (found, _) = answers(&asks, 512);
    assert_eq!(found, expected);
}
