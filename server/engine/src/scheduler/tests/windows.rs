//! Conversations that become longer than the memory they are given, against the same removals done by hand.

use super::{
    Ask, ask,
    restarts::{change_file, files_in},
};
use crate::{
    llama::{load_file, with_kv_type},
    tests::{Worker, exactly, tiny_llama},
};
use llama_cpp_2::{
    context::params::LlamaContextParams, llama_backend::LlamaBackend, llama_batch::LlamaBatch,
    model::params::LlamaModelParams, token::LlamaToken,
};
use protocol::{
    Command, Delta, DraftModel, Event, GenerateParams, KvFiles, LoadRequest, Prompt, RequestId, Speculation,
    Tenant,
};
use std::{num::NonZeroU32, path::Path};
use types::{
    chat::{ChatTurn, FinishReason, Guesser, Role, Usage},
    sampling::Sampling,
};

/// Tokens that are remembered, the first of them that stay, and those that are forgotten at once.
const N_CTX: u32 = 256;
const N_SINKS: usize = 4;
const N_AT_ONCE: usize = 32;

fn with_window(path: &Path) -> LoadRequest {
    let request = exactly(path, Some(N_CTX));
    LoadRequest { kv_type: request.kv_type.with_window(true), ..request }
}

fn start(seed: u64) -> Worker {
    Worker::start_loading(|path| {
        tiny_llama::write(path, seed);
        with_window(path)
    })
}

/// What the model of `seed` answers to `prompt` where whoever decodes takes tokens out of the middle by hand, of which
/// the first `n_head` stay.
fn by_hand(seed: u64, prompt: &str, n_head: usize, n_tokens: u32) -> String {
    by_hand_with(|path| tiny_llama::write(path, seed), prompt, n_head, n_tokens)
}

fn by_hand_with(write: impl FnOnce(&Path), prompt: &str, n_head: usize, n_tokens: u32) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tiny.gguf");
    write(&path);
    let backend = LlamaBackend::init().expect("a backend");
    let model = load_file(&backend, &path, LlamaModelParams::default(), |_| true).expect("a model");
    let kv_type = exactly(&path, None).kv_type;
    let params = LlamaContextParams::default().with_n_ctx(NonZeroU32::new(N_CTX)).with_n_threads(1);
    let mut context = model.new_context(&backend, with_kv_type(params, kv_type)).expect("a context");
    let vocab = model.vocab();
    let mut pending = vocab.tokenize(prompt.as_bytes(), true, true);
    pending.reverse();
    let mut batch = LlamaBatch::new(1, 1);
    let (mut n_past, mut text) = (0, Vec::new());
    for i in 0.. {
        let Some(token) = pending.pop() else { break };
        if n_past == N_CTX as usize {
            let (start, end) = (n_head as u32, (n_head + N_AT_ONCE) as u32);
            context.kv_cache_seq_rm(0, Some(start), Some(end)).expect("tokens that can be taken out");
            context.kv_cache_seq_add(0, Some(end), None, -(N_AT_ONCE as i32)).expect("tokens that move");
            n_past -= N_AT_ONCE;
        }
        batch.clear();
        batch.add(token, n_past as i32, &[0], true).expect("room for a token");
        context.decode(&mut batch).expect("a step");
        n_past += 1;
        if !pending.is_empty() {
            continue;
        }
        let logits = context.get_logits_ith(0);
        let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).expect("a vocabulary");
        let next = LlamaToken(best as i32);
        text.extend(vocab.token_to_piece(next, false, None));
        pending.push(next);
        if text.len() == n_tokens as usize || i > 10_000 {
            break;
        }
    }
    String::from_utf8(text).expect("letters")
}

fn long(prompt: &str, n_tokens: u32) -> Ask {
    Ask { n_tokens, ..ask(prompt) }
}

/// More tokens than are remembered: letters are tokens.
fn long_prompt(n: usize) -> String {
    let words = ["the", "sea", "and", "a", "cat", "say", "that", "nothing", "is", "here"];
    let text: Vec<_> = (0..).map(|i: usize| words[(i * i + i / 3) % words.len()]).take(n).collect();
    text.join(" ")[..n].to_owned()
}

#[test]
fn an_answer_goes_on_beyond_the_context() {
    for seed in [1, 2] {
        let expected = by_hand(seed, "a cat and a dog", N_SINKS, 900);
        let mut worker = start(seed);
        let [(text, usage)] = &worker.answer(&[long("a cat and a dog", 900)])[..] else {
            panic!("one answer")
        };
        worker.end();
        assert_eq!(*text, expected, "seed {seed}");
        assert_eq!(usage.n_generated_tokens, 900);
        // All of it, the last token not computed, but for what is remembered.
        assert!((660..=720).contains(&usage.n_forgotten_tokens), "{usage:?}");
    }
}

#[test]
fn a_prompt_may_be_longer_than_the_context() {
    let prompt = long_prompt(700);
    let expected = by_hand(3, &prompt, N_SINKS, 300);
    let mut worker = start(3);
    let answers = worker.answer(&[long(&prompt, 300), long("the sea", 10)]);
    worker.end();
    assert_eq!(answers[0].0, expected);
    assert!(answers[0].1.n_prompt_tokens > 690 && answers[0].1.n_forgotten_tokens > 690);
    assert_eq!(answers[1].1.n_forgotten_tokens, 0);
}

#[test]
fn what_forgets_and_goes_on_computes_only_what_is_new() {
    let prompt = long_prompt(700);
    let mut worker = start(4);
    let first = worker.answer(&[long(&prompt, 200)]).remove(0).0;
    let next = format!("{prompt}{first} and then");
    // Something else in between, so that it is saved and comes back.
    worker.answer(&[long("quite another text", 300)]);
    let (text, usage) = worker.answer(&[long(&next, 200)]).remove(0);
    assert!(usage.n_cached_tokens + 20 > usage.n_prompt_tokens, "{usage:?}");
    // The same conversation with another end; and one that has only the beginning in common.
    let (_, changed) = worker.answer(&[long(&format!("{prompt}{first} but not"), 5)]).remove(0);
    assert!(changed.n_cached_tokens + 20 > changed.n_prompt_tokens, "{changed:?}");
    let (_, other) =
        worker.answer(&[long(&format!("{}{}", &prompt[..100], "zzz ".repeat(200)), 5)]).remove(0);
    assert!(other.n_cached_tokens < 10, "{other:?}");
    worker.end();
    assert_eq!(text, by_hand(4, &next, N_SINKS, 200));
}

/// Answers in a worker that remembers `n_ctx` tokens and has files in `folder`.
fn answer_with_files(folder: &Path, n_ctx: u32, ask: Ask) -> (String, Usage) {
    let mut worker = Worker::start_loading(|path| {
        tiny_llama::write(path, 4);
        let kv_files = Some(KvFiles { folder: folder.to_owned(), max_bytes: 1 << 30 });
        LoadRequest { kv_files, n_ctx: Some(n_ctx), ..with_window(path) }
    });
    let answer = worker.answer(&[ask]).remove(0);
    worker.end();
    answer
}

#[test]
fn what_forgets_goes_on_after_a_restart_and_computes_only_what_is_new() {
    let (folder, prompt) = (tempfile::tempdir().expect("a folder"), long_prompt(700));
    let (first, _) = answer_with_files(folder.path(), N_CTX, long(&prompt, 200));
    assert_eq!(files_in(folder.path()).len(), 1);
    let next = format!("{prompt}{first} and then");
    let expected = by_hand(4, &next, N_SINKS, 200);
    // For who remembers another length it is of no use.
    let (_, other) = answer_with_files(folder.path(), 2 * N_CTX, long(&next, 5));
    assert_eq!(other.n_cached_tokens, 0);
    let (text, usage) = answer_with_files(folder.path(), N_CTX, long(&next, 200));
    assert!(usage.n_cached_tokens + 20 > usage.n_prompt_tokens, "{usage:?}");
    assert_eq!(text, expected);
    // What has only the beginning in common does not begin behind what is forgotten.
    let other = format!("{}{}", &prompt[..100], "zzz ".repeat(200));
    let (text, usage) = answer_with_files(folder.path(), N_CTX, long(&other, 50));
    assert!(usage.n_cached_tokens < 10, "{usage:?}");
    assert_eq!(text, by_hand(4, &other, N_SINKS, 50));
    change_file(folder.path(), |bytes| *bytes.last_mut().expect("bytes") ^= 1);
    let (text, usage) = answer_with_files(folder.path(), N_CTX, long(&next, 200));
    assert_eq!((text, usage.n_cached_tokens), (expected, 0));
}

/// Beginnings that several have in common, so that cells are shared when the first of them has to forget.
fn crowd() -> Vec<Ask> {
    let beginning = long_prompt(150);
    let asks = (0..8).map(|i| {
        let letter = char::from(b'a' + i);
        let prompt = if i % 2 == 0 { format!("{beginning} {letter}") } else { format!("{letter} alone") };
        Ask { speculation: Speculation::Always, ..long(&prompt, 400 + u32::from(i) * 10) }
    });
    asks.collect()
}

#[test]
fn many_that_forget_side_by_side_answer_as_each_alone() {
    // Four contexts of cells for eight that each fill one: some wait and go on where they were.
    let asks = crowd();
    let expected: Vec<_> = asks.iter().map(|it| by_hand(5, &it.prompt, N_SINKS, it.n_tokens)).collect();
    let mut worker = start(5);
    for round in 0..2 {
        let answers = worker.answer(&asks);
        for (i, (text, usage)) in answers.iter().enumerate() {
            assert_eq!(*text, expected[i], "answer {i}, round {round}");
            assert_eq!(usage.n_steps, usage.n_generated_tokens - usage.n_accepted_tokens);
            assert!(usage.n_forgotten_tokens > 100, "{usage:?}");
        }
        assert!(answers.iter().any(|(_, usage)| usage.n_accepted_tokens > 0));
    }
    worker.end();
}

#[test]
fn who_leaves_in_the_middle_takes_nothing_along() {
    let asks = crowd();
    let expected = by_hand(6, &asks[0].prompt, N_SINKS, 400);
    let mut worker = start(6);
    for round in 0..12_u64 {
        for (i, ask) in (0..).zip(&asks) {
            worker.send(RequestId(100 + i), ask);
        }
        let mut n_ended = 0;
        let mut n_steps = 0;
        while n_ended < asks.len() {
            let Event::Step(deltas) = worker.hear() else { continue };
            n_ended += deltas.iter().filter(|delta| delta.finished.is_some()).count();
            n_steps += 1;
            if n_steps == 5 + 20 * round {
                (0..8).for_each(|i| worker.tell(&Command::Cancel { id: RequestId(100 + i) }));
            }
        }
    }
    // With all cells free again nobody waits and all of it is there.
    assert_eq!(worker.answer(&asks[..1])[0].0, expected);
    worker.end();
}

#[test]
fn guesses_change_nothing_where_the_middle_is_forgotten() {
    let expected = by_hand(7, "the sea the sea", N_SINKS, 700);
    let by = [
        (Speculation::Always, None),
        (Speculation::Only(Guesser::DraftModel), Some(Guesser::DraftModel)),
        (Speculation::Only(Guesser::DraftTree), Some(Guesser::DraftModel)),
        (Speculation::Only(Guesser::Dflash), Some(Guesser::Dflash)),
    ];
    for (speculation, drafter) in by {
        let mut worker = Worker::start_loading(|path| {
            tiny_llama::write(path, 7);
            let draft = path.with_file_name("draft.gguf");
            match drafter {
                Some(Guesser::Dflash) => tiny_llama::write_block_drafter(&draft, 7, &[0, 1]),
                _ => tiny_llama::write_relative(&draft, 7, 0.002),
            }
            let draft_model = drafter.map(|_| DraftModel { path: draft, is_required: true });
            LoadRequest { draft_model, ..with_window(path) }
        });
        let (text, usage) = worker.answer(&[Ask { speculation, ..long("the sea the sea", 700) }]).remove(0);
        worker.end();
        assert_eq!(text, expected, "{speculation:?}");
        assert!(usage.n_drafted_tokens > 0, "{speculation:?}: {usage:?}");
    }
}

/// A template without words of its own.
const PLAIN: tiny_llama::Manners =
    tiny_llama::Manners { template: "{% for m in messages %}{{ m.content }} {% endfor %}", special: &[] };

/// The whole answer to a conversation.
fn answer_to(
    worker: &mut Worker,
    turns: Vec<ChatTurn>,
    n_tokens: Option<u32>,
) -> (String, Usage, FinishReason) {
    let sampling = Sampling {
        temperature: 0.0,
        repeat_penalty: 1.0,
        max_tokens: n_tokens,
        ignore_eos: true,
        ..Sampling::default()
    };
    let params = GenerateParams {
        sampling,
        trim_history: true,
        speculation: Speculation::Off,
        ..GenerateParams::new(Tenant(1))
    };
    let id = RequestId(1);
    worker.tell(&Command::Generate { id, prompt: Prompt::Chat(turns), params: Box::new(params) });
    let mut whole: Option<Delta> = None;
    loop {
        let Event::Step(deltas) = worker.hear() else { continue };
        for delta in deltas {
            match &mut whole {
                Some(whole) => whole.append(delta),
                None => whole = Some(delta),
            }
        }
        if let Some(Delta { text, usage, finished: Some(reason), .. }) = &whole {
            return (text.clone(), *usage, reason.clone().expect("an answer that ended well"));
        }
    }
}

fn conversation(n_system: usize) -> Vec<ChatTurn> {
    let system = ChatTurn::new(Role::System, "rules ".repeat(n_system / 6).trim());
    let rest = (0..12).map(|i| {
        let role = if i % 2 == 0 { Role::User } else { Role::Assistant };
        ChatTurn::new(role, long_prompt(60 + i))
    });
    std::iter::once(system).chain(rest).chain([ChatTurn::new(Role::User, "well")]).collect()
}

#[test]
fn system_turns_stay_and_no_turn_is_dropped() {
    let turns = conversation(96);
    let text: String = turns.iter().map(|turn| format!("{} ", turn.content)).collect();
    let write = |path: &Path| tiny_llama::write_with(path, 8, &PLAIN);
    // The beginning of the text, a word's beginning, the letters and the space behind them.
    let n_head = 2 + turns[0].content.len() + 1;
    let expected = by_hand_with(write, &text, n_head, 200);
    let mut worker = Worker::start_loading(|path| {
        write(path);
        with_window(path)
    });
    let (text, usage, _) = answer_to(&mut worker, turns, Some(200));
    assert_eq!(text, expected);
    assert!(usage.n_prompt_tokens > 800 && usage.n_forgotten_tokens > 700, "{usage:?}");
    worker.end();
}

#[test]
fn where_what_must_stay_leaves_no_room_an_answer_ends_at_the_context() {
    let mut worker = Worker::start_loading(|path| {
        tiny_llama::write_with(path, 9, &PLAIN);
        with_window(path)
    });
    // The oldest turns are dropped instead.
    let (_, usage, reason) = answer_to(&mut worker, conversation(204), None);
    assert_eq!(usage.n_forgotten_tokens, 0);
    assert_eq!(usage.n_prompt_tokens + usage.n_generated_tokens, N_CTX);
    assert_eq!(reason, FinishReason::Length);
    // Without a word about its length an answer that could go on for ever ends all the same.
    let (_, usage, reason) = answer_to(&mut worker, vec![ChatTurn::new(Role::User, "well")], None);
    assert_eq!((usage.n_generated_tokens, reason), (8 * N_CTX, FinishReason::Length));
    worker.end();
}
