use super::*;
use crate::{
    EmbedInput, EmbedParams, Footprint, GenerateEvent, Tenant, Who,
    llama::{Link, tests::Worker as Wire},
};
use protocol::{Command, Event, LoadProgress, LoraAdapter, RequestId};
use std::{
    io,
    ops::{Deref, DerefMut},
    path::PathBuf,
    time::Duration,
};
use tokio::task::JoinHandle;
use types::{
    chat::{FinishReason, Usage},
    job::JobStep,
    kv::KvType,
    launch::{AdapterChoice, Fate, LaunchOptions, LaunchProfile},
    model::{ModelState, Purpose},
};

const MB: u64 = 1_000_000;

/// Gives the test the other end of every worker that is started.
#[derive(Clone)]
struct Launcher(mpsc::UnboundedSender<Worker>);

/// A worker played by the test. Dropping it is its death.
struct Worker {
    wire: Wire,
    /// Of the model it was told to load.
    name: String,
    n_ctx: Option<u32>,
    saved_bytes: u64,
}

impl Deref for Worker {
    type Target = Wire;

    fn deref(&self) -> &Self::Target {
        &self.wire
    }
}

impl DerefMut for Worker {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.wire
    }
}

impl Launch for Launcher {
    fn launch(&mut self) -> io::Result<Link> {
        let (wire, link) = Wire::start("exit status: 3", None);
        let worker = Worker { wire, name: String::new(), n_ctx: None, saved_bytes: 0 };
        self.0.send(worker).map_err(|_| io::Error::other("no more workers"))?;
        Ok(link)
    }
}

impl Worker {
    /// The next command that is not a heartbeat; `None` when it is to end.
    async fn command(&mut self) -> Option<Command> {
        self.find_command().await
    }

    /// Is told what to load, and does nothing yet.
    async fn begin(&mut self) {
        let Some(Command::Load(request)) = self.command().await else { panic!("not a load") };
        self.n_ctx = request.n_ctx;
        self.saved_bytes = request.saved_bytes;
        self.name = request.path.file_stem().expect("a name").to_string_lossy().into_owned();
    }

    async fn answer(&mut self, id: RequestId, text: &str) {
        let usage = Usage { n_generated_tokens: 1, ..Usage::default() };
        self.write(id, text, usage, Some(FinishReason::Stop)).await;
    }
}

/// An engine with room for 1000 MB, and the workers it starts.
struct Stage {
    engine: Residency,
    workers: mpsc::UnboundedReceiver<Worker>,
}

impl Stage {
    fn new() -> Self {
        Self::saving(0)
    }

    /// With so much memory for computed conversations.
    fn saving(saved_bytes: u64) -> Self {
        Self::with(saved_bytes, || u64::MAX)
    }

    fn with(saved_bytes: u64, left_bytes: fn() -> u64) -> Self {
        let (sender, workers) = mpsc::unbounded_channel();
        let resources = Resources {
            n_ctx: None,
            n_sequences: 2,
            n_threads: None,
            kv_type: KvType::default(),
            saved_bytes,
            kv_files: None,
            has_gpu: false,
        };
        let keep_alive = KeepAlive::For(Duration::from_secs(10));
        let limits = Limits { budget_bytes: 1000 * MB, machine_bytes: 0, left_bytes, keep_alive };
        Self { engine: Residency::with_launcher(Launcher(sender), resources, limits), workers }
    }

    fn load(&self, name: &str, n_mb: u64, intent: Intent) -> JoinHandle<Result<Hold, EngineError>> {
        let (engine, spec) = (self.engine.clone(), spec(name, n_mb));
        tokio::spawn(async move { engine.load(spec, intent).await })
    }

    async fn worker(&mut self) -> Worker {
        let mut worker = self.workers.recv().await.expect("a worker is started");
        worker.begin().await;
        worker
    }

    /// With a model that is loaded and not in use.
    async fn loaded(&mut self, name: &str, n_mb: u64) -> Worker {
        let loading = self.load(name, n_mb, Intent::Use);
        let mut worker = self.worker().await;
        assert_eq!(worker.name, name);
        worker.loaded().await;
        drop(loading.await.expect("no panic").expect("loads"));
        worker
    }

    fn generate(&self, target: Target) -> JoinHandle<Result<GenerateStream, EngineError>> {
        let engine = self.engine.clone();
        tokio::spawn(async move { engine.generate(target, request()).await })
    }

    /// Waits until these models, in this order, are what is in memory.
    async fn until_there(&self, names: &[&str]) {
        let there = |residents: &Residents| {
            let found = residents.models.iter().filter_map(|it| it.status.name.as_deref());
            found.eq(names.iter().copied())
        };
        self.engine.status().wait_for(there).await.expect("the owner lives");
    }

    async fn until_chosen(&self, name: Option<&str>, state: ModelState) {
        let is_chosen = |it: &Residents| it.chosen.name.as_deref() == name && it.chosen.state == state;
        self.engine.status().wait_for(is_chosen).await.expect("the owner lives");
    }
}

fn spec(name: &str, n_mb: u64) -> ModelSpec {
    ModelSpec {
        id: ModelId(name.into()),
        name: name.into(),
        path: PathBuf::from(name).with_extension("gguf"),
        profile: LaunchProfile::default(),
        // Beside the weights, every model takes a little.
        footprint: Footprint { weights_bytes: (n_mb - 68) * MB, ..Footprint::default() },
        purpose: Purpose::Writing,
        draft_model: None,
        projector: None,
        adapters: Vec::new(),
    }
}

fn named(name: &str) -> Target {
    Target { model: Some(ModelId(name.into())), keep_alive: None }
}

fn request() -> GenerateRequest {
    GenerateRequest::new(Prompt::Text("hello".into()), Tenant(1))
}

async fn read(mut stream: GenerateStream) -> String {
    let mut said = String::new();
    while let Some(event) = stream.next().await {
        said += &match event {
            Ok(GenerateEvent::Text { text, .. }) => text,
            Ok(GenerateEvent::Queued(_) | GenerateEvent::Warned(_)) => String::new(),
            Ok(GenerateEvent::Finished { reason, .. }) => format!("|{reason:?}"),
            Err(error) => format!("|{error}"),
        };
    }
    said
}

#[tokio::test(start_paused = true)]
async fn without_a_model_there_is_no_answer() {
    let stage = Stage::new();
    assert_eq!(stage.generate(Target::default()).await.expect("no panic").err(), Some(EngineError::NoModel));
    assert_eq!(stage.generate(named("a")).await.expect("no panic").err(), Some(EngineError::NoModel));
}

#[tokio::test(start_paused = true)]
async fn memory_for_conversations_is_shared_by_those_that_are_there() {
    let mut stage = Stage::saving(600);
    let mut a = stage.loaded("a", 400).await;
    assert_eq!(a.saved_bytes, 600);
    let b = stage.loaded("b", 400).await;
    assert_eq!(b.saved_bytes, 300);
    assert_eq!(a.command().await, Some(Command::SetSavedBytes { saved_bytes: 300 }));
    drop(b);
    stage.engine.unload(ModelId("b".into())).await;
    assert_eq!(a.command().await, Some(Command::SetSavedBytes { saved_bytes: 600 }));
}

#[tokio::test(start_paused = true)]
async fn each_model_answers_for_itself_and_the_death_of_one_is_not_felt_by_the_other() {
    let mut stage = Stage::new();
    let (mut a, mut b) = (stage.loaded("a", 400).await, stage.loaded("b", 400).await);
    let (for_a, for_b) = (stage.generate(named("a")), stage.generate(named("b")));
    let (_, id) = (a.accept().await, b.accept().await);
    let (for_a, for_b) = (for_a.await.expect("no panic"), for_b.await.expect("no panic"));
    drop(a);
    let mut again = stage.worker().await;
    assert_eq!(again.name, "a");
    b.answer(id, "untouched").await;
    assert_eq!(read(for_b.expect("accepted")).await, "untouched|Stop");
    again.loaded().await;
    let id = again.accept().await;
    again.answer(id, "tried again").await;
    assert_eq!(read(for_a.expect("accepted")).await, "tried again|Stop");
}

#[tokio::test(start_paused = true)]
async fn two_loads_of_one_model_load_it_once() {
    let mut stage = Stage::new();
    let (one, two) = (stage.load("a", 400, Intent::Use), stage.load("a", 400, Intent::Choose));
    let mut worker = stage.worker().await;
    worker.loaded().await;
    assert!(one.await.expect("no panic").is_ok() && two.await.expect("no panic").is_ok());
    assert!(stage.workers.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn the_longest_unused_goes_and_comes_back_when_it_is_asked_for() {
    let mut stage = Stage::new();
    let mut a = stage.loaded("a", 400).await;
    let mut b = stage.loaded("b", 400).await;
    let loading = stage.load("c", 400, Intent::Use);
    assert_eq!(a.command().await, None);
    let mut c = stage.worker().await;
    assert_eq!(c.name, "c");
    c.loaded().await;
    drop(loading.await.expect("no panic").expect("loads"));
    stage.until_there(&["b", "c"]).await;
    // The first one loaded is the chosen one, and only asleep.
    stage.until_chosen(Some("a"), ModelState::Unloaded).await;
    let answer = stage.generate(Target::default());
    assert_eq!(b.command().await, None);
    let mut a = stage.worker().await;
    assert_eq!(a.name, "a");
    a.loaded().await;
    let id = a.accept().await;
    a.answer(id, "awake").await;
    assert_eq!(read(answer.await.expect("no panic").expect("accepted")).await, "awake|Stop");
}

fn with_context(spec: ModelSpec, n_ctx: u32) -> ModelSpec {
    ModelSpec { profile: LaunchProfile { n_ctx: Some(n_ctx), ..LaunchProfile::default() }, ..spec }
}

#[tokio::test(start_paused = true)]
async fn a_model_wakes_as_it_was_renewed_while_it_slept() {
    let mut stage = Stage::new();
    let mut a = stage.loaded("a", 400).await;
    let _b = stage.loaded("b", 400).await;
    let loading = stage.load("c", 400, Intent::Use);
    assert_eq!(a.command().await, None);
    stage.worker().await.loaded().await;
    drop(loading.await.expect("no panic").expect("loads"));
    stage.until_there(&["b", "c"]).await;
    stage.engine.renew(with_context(spec("a", 400), 512)).await;
    stage.until_there(&["b", "c"]).await;
    _ = stage.generate(named("a"));
    let a = stage.worker().await;
    assert_eq!((a.name.as_str(), a.n_ctx), ("a", Some(512)));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_renewed_in_memory_stays_until_it_has_slept() {
    let mut stage = Stage::new();
    let mut a = stage.loaded("a", 400).await;
    let _b = stage.loaded("b", 400).await;
    stage.engine.renew(with_context(spec("a", 400), 512)).await;
    stage.engine.renew(with_context(spec("nobody", 400), 512)).await;
    let answer = stage.generate(named("a"));
    let id = a.accept().await;
    a.answer(id, "as it was").await;
    assert_eq!(read(answer.await.expect("no panic").expect("accepted")).await, "as it was|Stop");
    // What it is loaded with counts, not what it will be: this is no other profile.
    assert!(stage.load("a", 400, Intent::Use).await.expect("no panic").is_ok());
    let _b_again = stage.load("b", 400, Intent::Choose).await;
    let loading = stage.load("c", 400, Intent::Use);
    assert_eq!(a.command().await, None);
    stage.worker().await.loaded().await;
    drop(loading.await.expect("no panic").expect("loads"));
    _ = stage.generate(named("a"));
    let a = stage.worker().await;
    assert_eq!((a.name.as_str(), a.n_ctx), ("a", Some(512)));
}

#[tokio::test(start_paused = true)]
async fn adapters_and_threads_change_while_a_model_stays_loaded() {
    let mut stage = Stage::new();
    let mut a = stage.loaded("a", 400).await;
    let pirate = LoraAdapter { path: "pirate.gguf".into(), scale: 0.5 };
    let choice = AdapterChoice { name: "pirate".into(), percent: 50 };
    let options = LaunchOptions { adapters: vec![choice], ..LaunchOptions::default() };
    let profile = LaunchProfile { options, ..LaunchProfile::default() };
    let renewed = ModelSpec { profile, adapters: vec![pirate.clone()], ..spec("a", 400) };
    stage.engine.renew(renewed.clone()).await;
    let own = LoraAdapter { path: "own.gguf".into(), scale: 1.0 };
    for (named_by_request, expected) in [(vec![], vec![pirate]), (vec![own.clone()], vec![own])] {
        let (engine, request) =
            (stage.engine.clone(), GenerateRequest { adapters: named_by_request, ..request() });
        let answer = tokio::spawn(async move { engine.generate(named("a"), request).await });
        let Some(Command::Generate { id, params, .. }) = a.command().await else {
            panic!("not a generation")
        };
        assert_eq!(params.adapters, expected);
        a.say(Event::Accepted { id, n_prompt_tokens: 1 }).await;
        drop(answer.await.expect("no panic").expect("accepted"));
        assert!(matches!(a.command().await, Some(Command::Cancel { .. })));
    }
    // It is loaded so already.
    assert!(stage.engine.load(renewed.clone(), Intent::Use).await.is_ok());
    // Whoever is answered goes on meanwhile.
    let _in_use = stage.generate(named("a"));
    assert!(matches!(a.command().await, Some(Command::Generate { .. })));
    for (n_threads, n_threads_batch) in [(Some(3), None), (Some(3), Some(4)), (None, None)] {
        let mut other = renewed.clone();
        other.profile.options.n_threads = n_threads;
        other.profile.options.n_threads_batch = n_threads_batch;
        let outlook = stage.engine.foresee(other.clone()).await.expect("an outlook");
        assert_eq!(outlook.fate, Fate::IsThere);
        assert!(stage.engine.load(other, Intent::Use).await.is_ok());
        assert_eq!(a.command().await, Some(Command::SetThreads { n_threads, n_threads_batch }));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_in_use_or_pinned_stays_and_the_refusal_says_what_would_help() {
    let mut stage = Stage::new();
    let mut a = stage.loaded("a", 400).await;
    let _b = stage.loaded("b", 400).await;
    let answer = stage.generate(named("a"));
    let id = a.accept().await;
    let stream = answer.await.expect("no panic").expect("accepted");
    stage.engine.pin(ModelId("b".into()), true).await;
    let refused = stage.load("c", 400, Intent::Use).await.expect("no panic").expect_err("no room");
    assert_eq!(
        refused.to_string(),
        "c needs about 0.4 GB, 0.1 GB more than is left of 1.0 GB for models; a smaller quant of at most 0.2 GB would fit, unloading a would make room"
    );
    a.answer(id, "done").await;
    assert_eq!(read(stream).await, "done|Stop");
    let loading = stage.load("c", 400, Intent::Use);
    assert_eq!(a.command().await, None);
    stage.worker().await.loaded().await;
    stage.until_there(&["b", "c"]).await;
    drop(loading);
}

#[tokio::test(start_paused = true)]
async fn where_the_machine_has_little_left_the_unused_goes_and_what_is_wanted_is_loaded_all_the_same() {
    let mut stage = Stage::with(0, || 500 * MB);
    let mut a = stage.loaded("a", 300).await;
    // Lets the owner hear that nobody uses it any more.
    tokio::time::sleep(Duration::from_millis(1)).await;
    let foreseen = |name: &str, n_mb: u64| stage.engine.foresee(spec(name, n_mb));
    let fate = foreseen("b", 400).await.expect("an outlook").fate;
    assert_eq!(fate, Fate::Loads { unloads: vec!["a".into()] }, "the budget has room for both");
    let Fate::Tight { unloads, .. } = foreseen("b", 600).await.expect("an outlook").fate else {
        panic!("the machine has less left");
    };
    assert_eq!(unloads, ["a"]);
    let _b = {
        let loading = stage.load("b", 600, Intent::Use);
        assert_eq!(a.command().await, None);
        let mut b = stage.worker().await;
        b.loaded().await;
        drop(loading.await.expect("no panic").expect("it is no refusal"));
        b
    };
    stage.until_there(&["b"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_load_that_everybody_gave_up_stops() {
    let mut stage = Stage::new();
    let (one, two) = (stage.load("a", 400, Intent::Use), stage.load("a", 400, Intent::Use));
    let mut worker = stage.worker().await;
    one.abort();
    assert!(one.await.is_err());
    let (step, fraction) = (JobStep::LoadingDraft, 0.5);
    worker.say(Event::LoadProgress(LoadProgress { step, fraction })).await;
    stage.until_chosen(Some("a"), ModelState::Loading { step, fraction }).await;
    two.abort();
    assert!(two.await.is_err());
    assert_eq!(worker.command().await, None);
    stage.until_there(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_load_that_somebody_gave_up_goes_on_for_a_request_that_waits_for_it() {
    let mut stage = Stage::new();
    let loading = stage.load("a", 400, Intent::Choose);
    let mut worker = stage.worker().await;
    let answer = stage.generate(named("a"));
    tokio::time::sleep(Duration::from_millis(1)).await;
    loading.abort();
    assert!(loading.await.is_err());
    tokio::time::sleep(Duration::from_millis(1)).await;
    worker.loaded().await;
    let id = worker.accept().await;
    let stream = answer.await.expect("no panic").expect("accepted");
    worker.answer(id, "done").await;
    assert_eq!(read(stream).await, "done|Stop");
}

#[tokio::test(start_paused = true)]
async fn a_load_that_failed_is_shown_whoever_hears_of_it_first() {
    // The asker and the owner hear of it at once, in an order that is left to chance.
    for _ in 0..40 {
        let mut stage = Stage::new();
        let loading = stage.load("a", 400, Intent::Use);
        drop(stage.worker().await);
        let failed = loading.await.expect("no panic").map(drop);
        assert!(matches!(failed, Err(EngineError::LoadFailed { .. })), "{failed:?}");
        let is_shown = |it: &Residents| matches!(it.chosen.state, ModelState::Failed { .. });
        stage.engine.status().wait_for(is_shown).await.expect("the owner lives");
        // Nothing is left to be done that could take it back.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(is_shown(&stage.engine.status().borrow()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_failed_is_shown_at_once_and_tried_again_when_its_worker_has_ended() {
    let mut stage = Stage::new();
    let loading = stage.load("a", 400, Intent::Choose);
    let mut worker = stage.worker().await;
    worker.may_end.send_replace(false);
    worker.say(Event::LoadFailed { reason: "it is no model".into() }).await;
    assert!(loading.await.expect("no panic").is_err());
    let state = ModelState::Failed { reason: "a could not be loaded: it is no model".into() };
    let shown = tokio::time::timeout(Duration::from_secs(1), stage.until_chosen(Some("a"), state)).await;
    assert!(shown.is_ok());
    let again = stage.load("a", 400, Intent::Choose);
    let (step, fraction) = (JobStep::WaitingForMemory, 0.0);
    stage.until_chosen(Some("a"), ModelState::Loading { step, fraction }).await;
    worker.may_end.send_replace(true);
    stage.worker().await.loaded().await;
    assert!(again.await.expect("no panic").is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_asks_right_after_a_load_failed_does_not_hear_of_that_one_again() {
    // The asker and the owner hear of it at once, in an order that is left to chance.
    for _ in 0..40 {
        let mut stage = Stage::new();
        let loading = stage.load("a", 400, Intent::Choose);
        stage.worker().await.say(Event::LoadFailed { reason: "it is no model".into() }).await;
        assert!(loading.await.expect("no panic").is_err());
        let again = stage.load("a", 400, Intent::Choose);
        stage.worker().await.loaded().await;
        assert!(again.await.expect("no panic").is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn what_keeps_failing_is_not_loaded_anew_for_every_request() {
    let mut stage = Stage::new();
    let fails = async |stage: &mut Stage, n_mb, intent| {
        let loading = stage.load("a", n_mb, intent);
        drop(stage.worker().await);
        assert!(loading.await.expect("no panic").is_err());
    };
    // Once it may have been unlucky.
    for _ in 0..2 {
        fails(&mut stage, 400, Intent::Use).await;
    }
    let told = stage.load("a", 400, Intent::Use).await.expect("no panic").map(drop);
    assert!(matches!(told, Err(EngineError::LoadFailed { .. })), "{told:?}");
    assert!(stage.workers.try_recv().is_err());
    // A person tries it when they like, and another file is another try.
    fails(&mut stage, 400, Intent::Choose).await;
    fails(&mut stage, 401, Intent::Use).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let loading = stage.load("a", 401, Intent::Use);
    stage.worker().await.loaded().await;
    assert!(loading.await.expect("no panic").is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_takes_long_to_end_holds_up_only_who_needs_its_memory() {
    let mut stage = Stage::with(0, || 500 * MB);
    let a = stage.loaded("a", 300).await;
    a.may_end.send_replace(false);
    let unload = |name: &str| {
        let (engine, id) = (stage.engine.clone(), ModelId(name.into()));
        tokio::spawn(async move { engine.unload(id).await })
    };
    let unloading = unload("a");
    stage.until_there(&[]).await;
    let _b = stage.loaded("b", 300).await;
    stage.engine.unload(ModelId("b".into())).await;
    let loading = stage.load("c", 600, Intent::Choose);
    let (step, fraction) = (JobStep::WaitingForMemory, 0.0);
    stage.until_chosen(Some("c"), ModelState::Loading { step, fraction }).await;
    // The same model waits for itself, too: its earlier worker may still write what the next one reads.
    let again = stage.load("a", 300, Intent::Use);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(stage.workers.try_recv().is_err() && !unloading.is_finished());
    a.may_end.send_replace(true);
    unloading.await.expect("no panic");
    for _ in 0..2 {
        stage.worker().await.loaded().await;
    }
    assert!(loading.await.expect("no panic").is_ok() && again.await.expect("no panic").is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_chosen_one_answers_where_none_is_named() {
    let mut stage = Stage::new();
    let _a = stage.loaded("a", 400).await;
    stage.until_chosen(Some("a"), ModelState::Ready).await;
    let _b = stage.loaded("b", 400).await;
    stage.until_chosen(Some("a"), ModelState::Ready).await;
    assert!(stage.load("b", 400, Intent::Choose).await.expect("no panic").is_ok());
    stage.until_chosen(Some("b"), ModelState::Ready).await;
    stage.engine.unload(ModelId("b".into())).await;
    stage.until_chosen(Some("a"), ModelState::Ready).await;
    stage.engine.unload(ModelId("a".into())).await;
    stage.until_chosen(None, ModelState::Unloaded).await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_used_for_long_goes_except_the_chosen_and_the_pinned() {
    let mut stage = Stage::new();
    let _a = stage.loaded("a", 300).await;
    let _b = stage.loaded("b", 300).await;
    let mut c = stage.loaded("c", 300).await;
    stage.engine.pin(ModelId("b".into()), true).await;
    // The clock moves by itself as long as nothing else is to be done.
    assert_eq!(c.command().await, None);
    stage.until_there(&["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn where_the_chosen_one_is_not_there_the_last_that_works_stays() {
    let mut stage = Stage::new();
    let _a = stage.loaded("a", 400).await;
    let mut b = stage.loaded("b", 400).await;
    // The chosen one goes for it.
    let mut c = stage.loaded("c", 400).await;
    stage.until_chosen(Some("a"), ModelState::Unloaded).await;
    let failing = stage.load("d", 100, Intent::Use);
    drop(stage.worker().await);
    assert!(failing.await.expect("no panic").is_err());
    let both = async { tokio::join!(b.command(), c.command()) };
    assert!(tokio::time::timeout(Duration::from_secs(60), both).await.is_err());
    stage.until_there(&["c", "d"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_pinned_model_that_is_loaded_in_another_way_stays_pinned() {
    let mut stage = Stage::new();
    let mut worker = stage.loaded("a", 300).await;
    stage.engine.pin(ModelId("a".into()), true).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    let engine = stage.engine.clone();
    let loading =
        tokio::spawn(async move { engine.load(with_context(spec("a", 300), 512), Intent::Use).await });
    assert_eq!(worker.command().await, None);
    stage.worker().await.loaded().await;
    drop(loading.await);
    let is_pinned = |it: &Residents| it.models.iter().any(|model| model.is_pinned);
    stage.engine.status().wait_for(is_pinned).await.expect("the owner lives");
    stage.engine.unload(ModelId("a".into())).await;
    stage.loaded("a", 300).await;
    assert!(!is_pinned(&stage.engine.status().borrow()), "unloading it took the pin back");
}

#[tokio::test(start_paused = true)]
async fn a_request_says_how_long_its_model_stays() {
    let mut stage = Stage::new();
    let mut worker = stage.loaded("a", 400).await;
    let keep_alive = Some(KeepAlive::For(Duration::ZERO));
    let answer = stage.generate(Target { keep_alive, ..named("a") });
    let id = worker.accept().await;
    let stream = answer.await.expect("no panic").expect("accepted");
    stage.until_there(&["a"]).await;
    worker.answer(id, "bye").await;
    assert_eq!(read(stream).await, "bye|Stop");
    assert_eq!(worker.command().await, None);
    stage.until_chosen(Some("a"), ModelState::Unloaded).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_request_said_holds_for_those_that_say_nothing_until_the_model_has_gone() {
    let mut stage = Stage::new();
    let mut worker = stage.loaded("a", 400).await;
    let keep_alive = Some(KeepAlive::For(Duration::from_secs(60)));
    for target in [Target { keep_alive, ..named("a") }, named("a")] {
        let answer = stage.generate(target);
        let id = worker.accept().await;
        worker.answer(id, "hi").await;
        assert_eq!(read(answer.await.expect("no panic").expect("accepted")).await, "hi|Stop");
    }
    let answered = tokio::time::Instant::now();
    assert_eq!(worker.command().await, None);
    assert_eq!(answered.elapsed().as_secs(), 60);
    let answer = stage.generate(named("a"));
    let mut worker = stage.worker().await;
    worker.loaded().await;
    let id = worker.accept().await;
    worker.answer(id, "hi").await;
    assert_eq!(read(answer.await.expect("no panic").expect("accepted")).await, "hi|Stop");
    // As a chosen model of which nothing was said, it stays.
    assert!(tokio::time::timeout(Duration::from_secs(600), worker.command()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_refused_file_is_shown_where_no_model_works() {
    let mut stage = Stage::new();
    stage.engine.refuse(spec("broken", 100), "it ends early".into()).await;
    let reason = "broken could not be loaded: it ends early".to_owned();
    stage.until_chosen(Some("broken"), ModelState::Failed { reason: reason.clone() }).await;
    let refused = stage.generate(Target::default()).await.expect("no panic").err().expect("refused");
    assert_eq!(refused.to_string(), reason);

    let _a = stage.loaded("a", 400).await;
    stage.until_chosen(Some("a"), ModelState::Ready).await;
    stage.engine.refuse(spec("broken", 100), "it ends early".into()).await;
    assert!(stage.load("a", 400, Intent::Use).await.expect("no panic").is_ok());
    stage.until_chosen(Some("a"), ModelState::Ready).await;
}

#[tokio::test(start_paused = true)]
async fn a_model_for_vectors_does_not_answer_where_none_is_named() {
    let mut stage = Stage::new();
    let (engine, purpose) = (stage.engine.clone(), Purpose::Embedding);
    let embedder = ModelSpec { purpose, ..spec("e", 100) };
    let loading = tokio::spawn(async move { engine.load(embedder, Intent::Use).await });
    let mut worker = stage.worker().await;
    worker.loaded().await;
    drop(loading.await.expect("no panic").expect("loads"));
    assert_eq!(stage.generate(Target::default()).await.expect("no panic").err(), Some(EngineError::NoModel));
    let _writer = stage.loaded("w", 100).await;
    stage.until_chosen(Some("w"), ModelState::Ready).await;
}

#[tokio::test(start_paused = true)]
async fn many_texts_are_sent_in_parts_and_counted_through() {
    let mut stage = Stage::new();
    let mut worker = stage.loaded("a", 100).await;
    let engine = stage.engine.clone();
    let inputs = (0..200).map(|i| EmbedInput::Text(i.to_string())).collect();
    let who = Who { share: Tenant(1), tenant: Tenant(2) };
    let request = EmbedRequest { inputs, params: EmbedParams::default(), who };
    let ask = tokio::spawn(async move { engine.embed(named("a"), request).await });
    let Some(Command::Embed { id, inputs, .. }) = worker.command().await else { panic!("not an embedding") };
    assert_eq!((inputs.len(), &inputs[0]), (128, &EmbedInput::Text("0".into())));
    worker.say(Event::Embedded { id, vectors: vec![vec![1.0]; 128], n_tokens: 128 }).await;
    let second = worker.command().await;
    let Some(Command::Embed { id, inputs, who: of_second, .. }) = second else { panic!("not an embedding") };
    assert_eq!((inputs.len(), &inputs[0], of_second), (72, &EmbedInput::Text("128".into()), who));
    let reason = Rejection::InputTooLong { index: 2, n_tokens: 9, limit: 8 };
    worker.say(Event::Rejected { id, reason }).await;
    let reason = Rejection::InputTooLong { index: 130, n_tokens: 9, limit: 8 };
    assert_eq!(ask.await.expect("no panic"), Err(reason.into()));
}
