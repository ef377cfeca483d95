use crate::{Compare, CompareError, Load, LoadError};
use inference::{EngineError, Gate, Hold, Prompt, Script, ScriptedEngine};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use store::{NewRun, Store};
use tempfile::TempDir;
use types::{
    chat::{MAX_MESSAGE_BYTES, MessageState},
    compare::{Contestant, Followed, Phase, RunDraft, RunLines, RunView, Vote},
    ids::{CompareRunId, ModelId, UserId},
    kv::{KvFormat, KvType, KvUse},
    reasoning::Effort,
    sampling::Sampling,
    settings::{MAX_SYSTEM_PROMPT_BYTES, UserSettings},
};

const ME: UserId = UserId::LOCAL;
const OTHER: UserId = UserId(2);
const LONG_AGO: Duration = Duration::from_secs(30);

/// Comparisons on a real store, with a scripted engine and a memory that has room for so many models.
struct Bench {
    _folder: TempDir,
    store: Store,
    engine: ScriptedEngine,
    compare: Compare,
    /// What happened to models, in order.
    loads: Loads,
}

type Loads = Arc<Mutex<Vec<String>>>;

/// A model in memory; says when it goes.
struct InMemory(Loads, String);

impl Drop for InMemory {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(format!("-{}", self.1));
    }
}

fn memory(room: usize, loads: &Loads) -> Load {
    let loads = Arc::clone(loads);
    Arc::new(move |_, id: ModelId| {
        let loads = Arc::clone(&loads);
        Box::pin(async move {
            let mut events = loads.lock().unwrap();
            let count = |sign: char| events.iter().filter(|event| event.starts_with(sign)).count();
            if id.0 == "missing" {
                return Err(LoadError::Failed("there is no model missing in the library".into()));
            }
            if count('+') - count('-') >= room {
                return Err(LoadError::DoesNotFit(format!("{id} needs more")));
            }
            events.push(format!("+{id}"));
            Ok(Hold::new(InMemory(Arc::clone(&loads), id.0)))
        })
    })
}

impl Bench {
    async fn open(room: usize, scripts: impl IntoIterator<Item = Script>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("app.sqlite")).await.unwrap();
        let engine = ScriptedEngine::new(scripts);
        let loads = Loads::default();
        let compare =
            Compare::open(store.clone(), Arc::new(engine.clone()), memory(room, &loads)).await.unwrap();
        Self { _folder: folder, store, engine, compare, loads }
    }

    async fn start(&self, draft: RunDraft) -> CompareRunId {
        self.compare.start(ME, draft).await.unwrap()
    }

    async fn view(&self, id: CompareRunId) -> RunView {
        self.compare.run(ME, id).await.unwrap()
    }

    /// The run once all its answers have ended.
    async fn end_of(&self, id: CompareRunId) -> RunView {
        let end = async {
            while self.compare.follow(ME, id, &[u64::MAX; 4]).await.unwrap() != Followed::Over {}
            self.view(id).await
        };
        tokio::time::timeout(LONG_AGO, end).await.unwrap()
    }

    /// The run once `is_so`.
    async fn until(&self, id: CompareRunId, is_so: impl Fn(&RunView) -> bool) -> RunView {
        let wait = async {
            loop {
                let view = self.view(id).await;
                if is_so(&view) {
                    return view;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(LONG_AGO, wait).await.unwrap()
    }

    fn loads(&self) -> String {
        self.loads.lock().unwrap().join(" ")
    }
}

fn contestant(model: &str) -> Contestant {
    Contestant { model: ModelId(model.into()), system_prompt: None, effort: None, numbers: Vec::new() }
}

fn numbers(said: &[(&str, &str)]) -> Vec<(String, String)> {
    said.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn draft(models: &[&str]) -> RunDraft {
    let slots = models.iter().map(|model| contestant(model)).collect();
    RunDraft { prompt: "Which?".into(), slots, is_blind: false, in_turn: false }
}

fn texts(view: &RunView) -> Vec<&str> {
    view.slots.iter().map(|slot| slot.text.as_str()).collect()
}

#[tokio::test]
async fn models_that_fit_together_answer_side_by_side() {
    let gate = Gate::new();
    let bench = Bench::open(2, [Script::say(["one"]).wait(&gate), Script::say(["two"]).wait(&gate)]).await;
    let id = bench.start(draft(&["a", "b"])).await;
    let both = |view: &RunView| {
        view.slots.iter().all(|slot| slot.phase == Phase::Writing && !slot.blocks.is_empty())
    };
    bench.until(id, both).await;
    gate.open();
    let view = bench.end_of(id).await;
    assert_eq!(texts(&view), ["one", "two"]);
    assert!(view.slots.iter().all(|slot| slot.state == MessageState::Complete && !slot.had_no_room));
    // Who goes first depends on whose row is committed first.
    assert!(bench.loads().starts_with("+a +b"), "{}", bench.loads());
    assert!(view.slots[0].usage.unwrap().n_generated_tokens > 0);
}

#[tokio::test]
async fn models_that_do_not_fit_together_have_their_turns_and_say_so() {
    let gate = Gate::new();
    let bench = Bench::open(1, [Script::say(["one"]).wait(&gate), Script::say(["two"])]).await;
    let id = bench.start(draft(&["a", "b", "c"])).await;
    let view = bench.until(id, |view| view.slots[2].phase == Phase::NoRoom).await;
    assert_eq!(view.slots[1].phase, Phase::NoRoom);
    gate.open();
    let view = bench.end_of(id).await;
    assert_eq!(texts(&view), ["one", "two", "two"]);
    assert_eq!(view.slots.iter().map(|slot| slot.had_no_room).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(bench.loads(), "+a -a +b -b +c -c");
}

#[tokio::test]
async fn answers_are_written_in_turn_where_that_is_wanted() {
    let bench = Bench::open(4, [Script::say(["x"])]).await;
    let id = bench.start(RunDraft { in_turn: true, ..draft(&["a", "b"]) }).await;
    let view = bench.end_of(id).await;
    assert_eq!(bench.loads(), "+a -a +b -b");
    assert!(view.slots.iter().all(|slot| !slot.had_no_room), "there was room");
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_leaves_the_others_alone() {
    let bench = Bench::open(1, [Script::say(["x"])]).await;
    let view = bench.end_of(bench.start(draft(&["missing", "b"])).await).await;
    assert_eq!(view.slots[0].state, MessageState::Failed);
    assert_eq!(view.slots[0].error.as_deref(), Some("there is no model missing in the library"));
    assert_eq!(view.slots[1].text, "x");
    let alone = Bench::open(0, [Script::say(["x"])]).await;
    let view = alone.end_of(alone.start(draft(&["a", "b"])).await).await;
    assert_eq!(view.slots[1].error.as_deref(), Some("b needs more"), "nobody goes who could make room");
}

#[tokio::test]
async fn every_answer_has_its_own_settings_and_the_same_prompt() {
    let bench = Bench::open(2, [Script::say(["x"])]).await;
    let settings = UserSettings {
        system_prompt: "Be brief.".into(),
        sampling: Sampling { presence_penalty: 0.5, ..Sampling::default() },
        ..UserSettings::default()
    };
    bench.store.save_settings(ME, &settings, 1).await.unwrap();
    let mut draft = RunDraft { in_turn: true, ..draft(&["a", "a"]) };
    draft.slots[0].system_prompt = Some("  ".into());
    draft.slots[1] = Contestant {
        system_prompt: Some("Rhyme.".into()),
        effort: Some(Effort::Low),
        numbers: numbers(&[("temperature", "0"), ("dry_multiplier", "0,8"), ("top_k", "")]),
        ..contestant("a")
    };
    bench.end_of(bench.start(draft).await).await;
    let requests = bench.engine.requests();
    let [first, second] = &requests[..] else { panic!("{} requests", requests.len()) };
    assert_eq!(first.sampling, settings.sampling);
    let expected = Sampling { temperature: 0.0, dry_multiplier: 0.8, ..settings.sampling };
    assert_eq!(second.sampling, expected);
    assert_eq!((first.reasoning.effort, second.reasoning.effort), (None, Some(Effort::Low)));
    for (request, told) in [(first, "Be brief."), (second, "Rhyme.")] {
        let Prompt::Chat(turns) = &request.prompt else { panic!("no chat") };
        assert_eq!(turns.iter().map(|turn| turn.content.as_str()).collect::<Vec<_>>(), [told, "Which?"]);
    }
}

#[tokio::test]
async fn a_run_says_how_it_was_whatever_is_set_later() {
    let bench = Bench::open(2, [Script::say(["x"])]).await;
    let warm = |temperature: f32| UserSettings {
        sampling: Sampling { temperature, ..Sampling::default() },
        ..UserSettings::default()
    };
    bench.store.save_settings(ME, &warm(1.5), 1).await.unwrap();
    let mut draft = draft(&["a", "a"]);
    draft.slots[1].numbers = numbers(&[("temperature", "0.7"), ("seed", "7")]);
    let id = bench.start(draft).await;
    bench.end_of(id).await;
    let said = async || {
        let slots = bench.view(id).await.slots;
        slots.into_iter().map(|slot| slot.contestant.unwrap().numbers).collect::<Vec<_>>()
    };
    let (hot, usual) =
        (numbers(&[("temperature", "1.5")]), numbers(&[("temperature", "0.7"), ("seed", "7")]));
    assert_eq!(said().await, [hot.clone(), usual.clone()]);
    bench.store.save_settings(ME, &warm(0.2), 2).await.unwrap();
    assert_eq!(said().await, [hot.clone(), usual]);
    // What the program has by itself needs no words once the settings have it, too.
    bench.store.save_settings(ME, &warm(0.7), 3).await.unwrap();
    assert_eq!(said().await, [hot, numbers(&[("seed", "7")])]);
}

#[tokio::test]
async fn an_answer_tells_how_its_model_kept_keys_and_values() {
    let bench = Bench::open(2, [Script::say(["x"])]).await;
    bench.engine.set_kv(KvUse { asked: KvType::of(KvFormat::Q8), used: KvType::of(KvFormat::F32) });
    let view = bench.end_of(bench.start(draft(&["scripted", "missing"])).await).await;
    assert_eq!(view.slots[0].kv.as_deref(), Some("q8 → f32"));
    assert_eq!(view.slots[1].kv, None);
}

#[tokio::test]
async fn pages_are_told_what_changed_since_they_looked() {
    let gate = Gate::new();
    let bench = Bench::open(2, [Script::say(["one\n\ntwo"]).wait(&gate).then(" three")]).await;
    let id = bench.start(draft(&["a", "a"])).await;
    let view = bench.until(id, |view| view.slots.iter().all(|slot| slot.blocks.len() == 2)).await;
    let seen: Vec<u64> = view.slots.iter().map(|slot| slot.seq).collect();
    gate.open();
    let Followed::Grew(growths) = bench.compare.follow(ME, id, &seen).await.unwrap() else { panic!("over") };
    let growth = growths.into_iter().flatten().next().unwrap();
    // The first paragraph stays as it was.
    assert_eq!(growth.first, 1);
    assert_eq!(growth.blocks.len(), 1);
    // A page that knows nothing is told everything.
    bench.end_of(id).await;
    assert_eq!(bench.view(id).await.slots[0].blocks.concat().matches("three").count(), 1);
}

#[tokio::test]
async fn one_answer_is_stopped_or_all() {
    let gate = Gate::new();
    let script = Script::say(["x"]).wait(&gate);
    let bench = Bench::open(2, [script.clone(), script]).await;
    let id = bench.start(draft(&["a", "b"])).await;
    bench.until(id, |view| view.slots.iter().all(|slot| !slot.blocks.is_empty())).await;
    bench.compare.stop(OTHER, id, None);
    bench.compare.stop(ME, id, Some(0));
    let view = bench.until(id, |view| view.slots[0].state == MessageState::Stopped).await;
    assert_eq!((view.slots[0].text.as_str(), view.slots[1].state), ("x", MessageState::Running));
    bench.compare.stop(ME, id, None);
    let view = bench.end_of(id).await;
    assert_eq!(view.slots[1].state, MessageState::Stopped);
    assert_eq!(*bench.engine.n_running().borrow(), 0);
}

#[tokio::test]
async fn who_waits_is_stopped_before_beginning() {
    let gate = Gate::new();
    let bench = Bench::open(1, [Script::say(["x"]).wait(&gate)]).await;
    let id = bench.start(draft(&["a", "b"])).await;
    bench.until(id, |view| view.slots[1].phase == Phase::NoRoom).await;
    bench.compare.stop(ME, id, Some(1));
    gate.open();
    let view = bench.end_of(id).await;
    assert_eq!((view.slots[0].state, view.slots[1].state), (MessageState::Complete, MessageState::Stopped));
    assert_eq!(bench.loads(), "+a -a");
}

#[tokio::test]
async fn a_blind_run_tells_nothing_before_the_vote() {
    let bench = Bench::open(4, [Script::say(["x", "y", "z"])]).await;
    let kv = KvUse { asked: KvType::of(KvFormat::Q8), used: KvType::of(KvFormat::Q8) };
    bench.engine.set_kv(kv);
    let id = bench.start(RunDraft { is_blind: true, ..draft(&["scripted", "b", "missing"]) }).await;
    let view = bench.end_of(id).await;
    assert!(view.is_hidden());
    for slot in &view.slots {
        assert_eq!((&slot.contestant, slot.usage, &slot.kv), (&None, None, &None));
        assert!(!slot.error.as_deref().unwrap_or_default().contains("missing"));
    }
    assert!(bench.compare.list(ME, None).await.unwrap().lines[0].models.is_empty());
    assert!(bench.compare.tally(ME).await.unwrap().is_empty());
    assert!(matches!(bench.compare.exchange(ME, id, 0).await, Err(CompareError::Hidden)));
    let best = view.slots.iter().position(|slot| slot.state == MessageState::Complete).unwrap() as u8;
    bench.compare.vote(ME, id, Vote::For(best)).await.unwrap();
    assert!(matches!(bench.compare.vote(ME, id, Vote::Even).await, Err(CompareError::NoVote)));
    let view = bench.view(id).await;
    let winner = view.slots[usize::from(best)].contestant.clone().unwrap();
    let tally = bench.compare.tally(ME).await.unwrap();
    assert_eq!((tally[0].contestant.model.clone(), tally[0].n_won), (winner.model, 1));
    assert_eq!(bench.compare.list(ME, None).await.unwrap().lines[0].models.len(), 3);
    assert_eq!(bench.compare.exchange(ME, id, best).await.unwrap().answer.body, "xyz");
}

#[tokio::test]
async fn an_answer_that_nobody_writes_has_failed() {
    let bench = Bench::open(4, [Script::say(["A"])]).await;
    let ended = bench.start(draft(&["a"; 2])).await;
    bench.end_of(ended).await;
    let contestants = bench.store.find_run(ME, ended).await.unwrap().unwrap().slots;
    let contestants: Vec<_> = contestants.into_iter().map(|slot| slot.contestant).collect();
    let run = NewRun {
        prompt: "Which?",
        system_prompt: "",
        is_blind: false,
        in_turn: false,
        contestants: &contestants,
        now_ms: 1,
    };
    let lost = bench.store.create_run(ME, run).await.unwrap();
    let states: Vec<_> =
        bench.view(lost).await.slots.into_iter().map(|slot| (slot.state, slot.phase)).collect();
    assert_eq!(states, [(MessageState::Failed, Phase::Ended); 2]);
    let lines = bench.compare.list(ME, None).await.unwrap().lines;
    assert!(lines.iter().all(|run| !run.is_running));
}

#[tokio::test]
async fn every_run_is_listed_a_window_at_a_time() {
    let bench = Bench::open(4, []).await;
    let mut ids = Vec::new();
    for _ in 0..120 {
        let run = NewRun {
            prompt: "Which?",
            system_prompt: "",
            is_blind: false,
            in_turn: false,
            contestants: &[],
            now_ms: 1,
        };
        ids.push(bench.store.create_run(ME, run).await.unwrap());
    }
    ids.reverse();
    let (mut seen, mut than, mut sizes) = (Vec::new(), None, Vec::new());
    loop {
        let window = bench.compare.list(ME, than).await.unwrap();
        sizes.push(window.lines.len());
        seen.extend(window.lines.iter().map(|run| run.id));
        than = seen.last().copied();
        if !window.has_older {
            break;
        }
    }
    assert_eq!((seen, sizes), (ids, vec![50, 50, 20]));
    assert_eq!(bench.compare.list(OTHER, than).await.unwrap(), RunLines::default());
}

#[tokio::test]
async fn the_order_of_a_blind_run_says_nothing() {
    let bench = Bench::open(4, [Script::say(["x"])]).await;
    let mut first = std::collections::BTreeSet::new();
    for _ in 0..60 {
        let id = bench.start(RunDraft { is_blind: true, ..draft(&["a", "b"]) }).await;
        bench.end_of(id).await;
        bench.compare.vote(ME, id, Vote::Even).await.unwrap();
        first.extend(bench.view(id).await.slots[0].contestant.clone().map(|it| it.model.0));
    }
    assert_eq!(first.len(), 2, "always the same one first");
}

#[tokio::test]
async fn what_cannot_be_compared_is_refused() {
    let gate = Gate::new();
    let bench = Bench::open(2, [Script::say(["x"]).wait(&gate)]).await;
    let refused = async |draft| bench.compare.start(ME, draft).await.unwrap_err();
    assert!(matches!(
        refused(RunDraft { prompt: " ".into(), ..draft(&["a", "b"]) }).await,
        CompareError::Empty
    ));
    let long = "x".repeat(MAX_MESSAGE_BYTES + 1);
    assert!(matches!(
        refused(RunDraft { prompt: long, ..draft(&["a", "b"]) }).await,
        CompareError::TooLong { .. }
    ));
    assert!(matches!(refused(draft(&["a"])).await, CompareError::Slots { given: 1 }));
    assert!(matches!(refused(draft(&["a"; 5])).await, CompareError::Slots { given: 5 }));
    let mut hot = draft(&["a", "b"]);
    hot.slots[1].numbers = numbers(&[("temperature", "NaN")]);
    assert!(matches!(refused(hot).await, CompareError::Setting(_)));
    let mut odd = draft(&["a", "b"]);
    odd.slots[1].numbers = numbers(&[("heat", "1")]);
    assert!(matches!(refused(odd).await, CompareError::Setting(_)));
    let mut wordy = draft(&["a", "b"]);
    wordy.slots[0].system_prompt = Some("x".repeat(MAX_SYSTEM_PROMPT_BYTES + 1));
    assert!(matches!(refused(wordy).await, CompareError::TooLong { .. }));
    let id = bench.start(draft(&["a", "b"])).await;
    assert!(matches!(refused(draft(&["a", "b"])).await, CompareError::Busy));
    assert!(matches!(bench.compare.run(OTHER, id).await, Err(CompareError::NotFound)));
    assert!(matches!(bench.compare.follow(OTHER, id, &[]).await, Err(CompareError::NotFound)));
    assert!(matches!(bench.compare.vote(ME, id, Vote::Even).await, Err(CompareError::NoVote)));
    gate.open();
    bench.end_of(id).await;
    bench.start(draft(&["a", "b"])).await;
}

#[tokio::test]
async fn a_failure_is_told_with_what_was_written_and_deleting_stops() {
    let endless = Script::say(["x"]).wait(&Gate::new());
    let bench = Bench::open(2, [Script::say(["half"]).crash(), endless]).await;
    let id = bench.start(draft(&["a", "b"])).await;
    let view = bench.until(id, |view| view.slots[0].state == MessageState::Failed).await;
    assert_eq!(view.slots[0].text, "half");
    assert_eq!(view.slots[0].error, Some(EngineError::WorkerDied { detail: String::new() }.to_string()));
    bench.compare.delete(ME, id).await.unwrap();
    assert!(matches!(bench.compare.run(ME, id).await, Err(CompareError::NotFound)));
    bench.compare.restore(ME, id).await.unwrap();
    assert_eq!(bench.end_of(id).await.slots[1].state, MessageState::Stopped, "deleting stops");
}

#[tokio::test]
async fn the_end_of_the_server_ends_answers_and_keeps_their_text() {
    let bench = Bench::open(2, [Script::say(["half"]).wait(&Gate::new())]).await;
    let id = bench.start(draft(&["a", "b"])).await;
    bench.until(id, |view| view.slots.iter().all(|slot| !slot.blocks.is_empty())).await;
    bench.compare.shutdown(Duration::from_millis(10)).await;
    let view = bench.view(id).await;
    assert_eq!(texts(&view), ["half", "half"]);
    assert!(view.slots.iter().all(|slot| slot.state == MessageState::Failed));
    assert!(matches!(bench.compare.start(ME, draft(&["a", "b"])).await, Err(CompareError::ShuttingDown)));
}
