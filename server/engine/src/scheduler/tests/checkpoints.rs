//! Models that cannot be cut go on from where turns end, and answer what they answer from nothing.

use super::restarts::{change_file, files_in};
use crate::tests::{
    Worker, exactly,
    tiny_llama::Manners,
    tiny_memories::{self, Kind},
};
use protocol::{
    Command, Delta, Event, GenerateParams, KvFiles, LoadRequest, Prompt, RequestId, Speculation, Tenant,
};
use std::path::Path;
use types::{
    chat::{ChatTurn, Role, Usage},
    sampling::Sampling,
};

const SEED: u64 = 3;

/// A template that writes thoughts of the last answer only, as many do: an answer that was given is written otherwise
/// than it came.
const PLAIN: Manners =
    Manners { template: "{% for m in messages %}{{ m.content }} {% endfor %}well ", special: &[] };

fn load(path: &Path, kind: Kind, saved_bytes: u64) -> LoadRequest {
    tiny_memories::write(path, kind, SEED, &PLAIN);
    LoadRequest { saved_bytes, ..exactly(path, Some(1024)) }
}

fn start(kind: Kind, saved_bytes: u64) -> Worker {
    Worker::start_loading(|path| load(path, kind, saved_bytes))
}

const ENOUGH: u64 = 1 << 30;

fn send(worker: &mut Worker, id: u64, turns: &[ChatTurn]) {
    let sampling = Sampling {
        temperature: 1.0,
        seed: Some(5),
        repeat_penalty: 1.0,
        max_tokens: Some(30),
        ignore_eos: true,
        ..Sampling::default()
    };
    let params =
        GenerateParams { sampling, speculation: Speculation::Always, ..GenerateParams::new(Tenant(1)) };
    let prompt = Prompt::Chat(turns.to_vec());
    worker.tell(&Command::Generate { id: RequestId(id), prompt, params: Box::new(params) });
}

/// Answers of all of them side by side, in order.
fn answer_all(worker: &mut Worker, conversations: &[Vec<ChatTurn>]) -> Vec<(String, Usage)> {
    for (id, turns) in (0..).zip(conversations) {
        send(worker, id, turns);
    }
    let mut answers: Vec<Option<Delta>> = vec![None; conversations.len()];
    let is_done = |it: &Option<Delta>| it.as_ref().is_some_and(|it| it.finished.is_some());
    while !answers.iter().all(is_done) {
        match worker.hear() {
            Event::Step(deltas) => {
                for delta in deltas {
                    match &mut answers[delta.id.0 as usize] {
                        Some(whole) => whole.append(delta),
                        empty => *empty = Some(delta),
                    }
                }
            }
            Event::Accepted { .. } | Event::Line { .. } | Event::Saved { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    answers.into_iter().flatten().map(|it| (it.text, it.usage)).collect()
}

fn answer(worker: &mut Worker, turns: &[ChatTurn]) -> (String, Usage) {
    answer_all(worker, &[turns.to_vec()]).remove(0)
}

/// What a worker says that has seen nothing before.
fn afresh(kind: Kind, turns: &[ChatTurn]) -> String {
    let mut worker = start(kind, ENOUGH);
    let (text, _) = answer(&mut worker, turns);
    worker.end();
    text
}

fn text(n: usize) -> String {
    let words = ["the", "keeper", "of", "a", "light", "counts", "shells", "and", "ships", "by", "night"];
    let text: Vec<_> = (0..n).map(|i| words[(i * i + n + i / 3) % words.len()]).collect();
    text.join(" ")[..n].trim().to_owned()
}

/// A system turn of 100 letters, a question of 150, an answer of 120, and the question `last`.
fn conversation(last: &str) -> Vec<ChatTurn> {
    vec![
        ChatTurn::new(Role::System, text(100)),
        ChatTurn::new(Role::User, text(150)),
        ChatTurn::new(Role::Assistant, text(120)),
        ChatTurn::new(Role::User, last),
    ]
}

/// Where the last question begins, about.
const LAST: u32 = 365;

/// Conversations and what a worker said to them that had seen others before.
type Given = Vec<(Vec<ChatTurn>, (String, Usage))>;

/// Ends the worker, and says whether the answers are those of workers that have seen nothing before.
fn check(worker: Worker, kind: Kind, given: Given, cached: impl Fn(&Usage) -> bool) {
    worker.end();
    for (turns, (text, usage)) in given {
        assert!(cached(&usage), "{kind:?}: {usage:?}");
        assert_eq!(text, afresh(kind, &turns), "{kind:?}");
        // A model that says one thing only would say it whatever it remembers.
        let letters: std::collections::BTreeSet<_> = text.chars().collect();
        assert!(letters.len() > 4, "{kind:?}: {text}");
    }
}

/// Asks one after the other.
fn ask(worker: &mut Worker, conversations: &[Vec<ChatTurn>]) -> Given {
    conversations.iter().map(|turns| (turns.clone(), answer(worker, turns))).collect()
}

fn something_else() -> Vec<ChatTurn> {
    vec![ChatTurn::new(Role::User, text(200))]
}

#[test]
fn a_last_turn_that_is_written_anew_computes_only_itself() {
    for kind in Kind::ALL {
        let mut worker = start(kind, ENOUGH);
        answer(&mut worker, &conversation("what is there to see by night and by day"));
        // So that all of it is saved meanwhile.
        answer(&mut worker, &something_else());
        let others = ["what is there to hear", "and what is there to hear then, on a quiet evening"];
        let given = ask(&mut worker, &others.map(conversation));
        check(worker, kind, given, |usage| usage.n_cached_tokens >= LAST);
    }
}

#[test]
fn the_same_question_again_computes_little() {
    for kind in Kind::ALL {
        let turns = conversation("what is there to see by night and by day, and what is there to hear then");
        let mut worker = start(kind, ENOUGH);
        answer(&mut worker, &turns);
        let given = ask(&mut worker, &[turns]);
        check(worker, kind, given, |usage| usage.n_cached_tokens + 10 >= usage.n_prompt_tokens);
    }
}

#[test]
fn another_conversation_with_the_same_rules_shares_them() {
    for kind in Kind::ALL {
        let mut worker = start(kind, ENOUGH);
        answer(&mut worker, &conversation("what is there to see"));
        let turns = vec![
            ChatTurn::new(Role::System, text(100)),
            ChatTurn::new(Role::User, "something quite different, if you please"),
        ];
        let given = ask(&mut worker, &[turns]);
        check(worker, kind, given, |usage| usage.n_cached_tokens >= 90);
    }
}

#[test]
fn branches_of_one_conversation_side_by_side_answer_as_each_alone() {
    for kind in Kind::ALL {
        let mut worker = start(kind, ENOUGH);
        answer(&mut worker, &conversation("what is there to see by night and by day"));
        let branches = ["one", "two", "three", "four", "five"].map(conversation);
        let mut given = Vec::new();
        for _ in 0..2 {
            given.extend(branches.iter().cloned().zip(answer_all(&mut worker, &branches)));
            answer(&mut worker, &something_else());
        }
        check(worker, kind, given, |usage| usage.n_cached_tokens >= LAST);
    }
}

#[test]
fn what_arrives_together_is_computed_once() {
    for kind in Kind::ALL {
        let mut worker = start(kind, ENOUGH);
        let turns = conversation("what is there to see by night and by day");
        let mut answers = answer_all(&mut worker, &vec![turns.clone(); 4]);
        answers.sort_by_key(|(_, usage)| usage.n_cached_tokens);
        assert_eq!(answers.remove(0).1.n_cached_tokens, 0, "{kind:?}");
        let given = answers.into_iter().map(|answer| (turns.clone(), answer)).collect();
        check(worker, kind, given, |usage| usage.n_cached_tokens >= LAST);
    }
}

#[test]
fn without_memory_for_states_it_is_computed_again() {
    for kind in Kind::ALL {
        let mut worker = start(kind, 0);
        answer(&mut worker, &conversation("what is there to see by night and by day"));
        answer(&mut worker, &something_else());
        let given = ask(&mut worker, &[conversation("what is there to hear")]);
        check(worker, kind, given, |usage| usage.n_cached_tokens < 10);
    }
}

fn start_with_files(kind: Kind, saved_bytes: u64, folder: &Path) -> Worker {
    let kv_files = Some(KvFiles { folder: folder.to_owned(), max_bytes: ENOUGH });
    Worker::start_loading(|path| LoadRequest { kv_files, ..load(path, kind, saved_bytes) })
}

/// Has a conversation, does something to its files, and asks in a new worker.
fn check_restart(
    saved_bytes: u64,
    change: impl Fn(&Path),
    turns: &[ChatTurn],
    cached: impl Fn(&Usage) -> bool,
) {
    for kind in Kind::ALL {
        let folder = tempfile::tempdir().expect("a folder");
        let mut worker = start_with_files(kind, ENOUGH, folder.path());
        answer(&mut worker, &conversation(FIRST));
        worker.end();
        assert_eq!(files_in(folder.path()).len(), 1, "{kind:?}");
        change(folder.path());
        let mut worker = start_with_files(kind, saved_bytes, folder.path());
        let given = ask(&mut worker, &[turns.to_vec()]);
        check(worker, kind, given, &cached);
    }
}

/// The last question of the conversation that is in a file.
const FIRST: &str = "what is there to see by night and by day";

fn nothing(_: &Path) {}

#[test]
fn after_a_restart_a_last_turn_that_is_written_anew_computes_only_itself() {
    let turns = conversation("what is there to hear");
    check_restart(ENOUGH, nothing, &turns, |usage| usage.n_cached_tokens >= LAST);
}

#[test]
fn after_a_restart_the_next_turn_goes_on_behind_the_last() {
    let mut turns = conversation(FIRST);
    turns.push(ChatTurn::new(Role::Assistant, text(40)));
    turns.push(ChatTurn::new(Role::User, "and what is there to see then"));
    check_restart(ENOUGH, nothing, &turns, |usage| usage.n_cached_tokens > LAST + 32);
}

#[test]
fn after_a_restart_another_conversation_with_the_same_rules_shares_them() {
    let turns = [
        ChatTurn::new(Role::System, text(100)),
        ChatTurn::new(Role::User, "something quite different, if you please"),
    ];
    check_restart(ENOUGH, nothing, &turns, |usage| (90..110).contains(&usage.n_cached_tokens));
}

#[test]
fn a_damaged_file_or_one_that_memory_has_no_room_for_is_computed_again() {
    let turns = conversation("what is there to hear");
    // In what is behind the state.
    let spoil = |folder: &Path| {
        change_file(folder, |bytes| {
            let place = bytes.len() - 40;
            bytes[place] ^= 1;
        });
    };
    check_restart(ENOUGH, spoil, &turns, |usage| usage.n_cached_tokens == 0);
    check_restart(
        ENOUGH,
        |folder| change_file(folder, |bytes| bytes.truncate(bytes.len() - 1)),
        &turns,
        |usage| usage.n_cached_tokens == 0,
    );
    check_restart(0, nothing, &turns, |usage| usage.n_cached_tokens < 10);
}

#[test]
fn a_window_that_moved_on_is_minded_where_the_middle_is_forgotten() {
    let with_window = |path: &Path| {
        let request = load(path, Kind::Sliding, ENOUGH);
        LoadRequest { n_ctx: Some(256), kv_type: request.kv_type.with_window(true), ..request }
    };
    let says = |end: &str| [ChatTurn::new(Role::User, format!("{} {end}", text(700)))];
    for end in ["by day", "by the sea"] {
        let mut worker = Worker::start_loading(with_window);
        let afresh = answer(&mut worker, &says(end)).0;
        worker.end();
        let mut worker = Worker::start_loading(with_window);
        answer(&mut worker, &says("by night"));
        // So that all of it is saved meanwhile.
        answer(&mut worker, &something_else());
        assert_eq!(answer(&mut worker, &says(end)).0, afresh, "{end}");
        worker.end();
    }
}

#[test]
fn what_keeps_only_a_state_does_not_forget_the_middle() {
    for (kind, is_possible) in [(Kind::Hybrid, false), (Kind::Recurrent, false), (Kind::Sliding, true)] {
        let loaded = Worker::try_loading(|path| {
            let request = load(path, kind, ENOUGH);
            LoadRequest { kv_type: request.kv_type.with_window(true), ..request }
        });
        match loaded {
            Ok(mut worker) => {
                assert!(is_possible, "{kind:?}");
                let (_, usage) = answer(&mut worker, &[ChatTurn::new(Role::User, text(2500))]);
                assert!(usage.n_forgotten_tokens > 1000, "{usage:?}");
                worker.end();
            }
            Err(reason) => {
                assert!(!is_possible && reason.contains("forget the middle"), "{kind:?}: {reason}");
            }
        }
    }
}
