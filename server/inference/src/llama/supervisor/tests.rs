mod going_on;

use super::*;
use crate::{
    EmbedInput, EmbedParams, EmbedRequest, Embeddings, Footprint, GenerateEvent, Prompt, RankRequest,
    Ranking, Tenant, Who,
    llama::{Link, SupervisedModel, tests::Worker},
};
use futures::StreamExt;
use protocol::Rejection;
use std::{io, path::PathBuf};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use types::{
    chat::{FinishReason, Usage},
    ids::ModelId,
    launch::LaunchProfile,
    model::Purpose,
};

/// Gives the test the other end of every worker that is started.
#[derive(Clone)]
struct Launcher(mpsc::UnboundedSender<Worker>);

impl Launch for Launcher {
    fn launch(&mut self) -> io::Result<Link> {
        let memory = MemoryUse { bytes: 5 << 20, held_bytes: 4 << 20 };
        let (worker, link) = Worker::start("exit status: 3\nfirst\nlast words", Some(memory));
        self.0.send(worker).map_err(|_| io::Error::other("no more workers"))?;
        Ok(link)
    }
}

impl Worker {
    /// Says that it waits, and lets that be heard.
    async fn line(&mut self, id: RequestId) {
        self.say(Event::Line { waiting: vec![id] }).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    async fn token(&mut self, id: RequestId, text: &str, n_generated: u32, ends: bool) {
        let usage = Usage { n_generated_tokens: n_generated, ..Usage::default() };
        self.write(id, text, usage, ends.then_some(FinishReason::Stop)).await;
    }
}

/// A model and the workers that are started for it.
struct Stage {
    model: SupervisedModel,
    reports: watch::Receiver<Report>,
    workers: mpsc::UnboundedReceiver<Worker>,
}

impl Stage {
    fn new() -> Self {
        Self::when(Box::pin(async {}))
    }

    /// With memory for the model at that time.
    fn when(room: BoxFuture<'static, ()>) -> Self {
        let (sender, workers) = mpsc::unbounded_channel();
        let resources = Resources {
            n_ctx: None,
            n_sequences: 2,
            n_threads: None,
            kv_type: KvType::default(),
            saved_bytes: 0,
            kv_files: None,
            has_gpu: false,
        };
        let (model, reports) = SupervisedModel::start(Launcher(sender), resources, spec("a"), room);
        Self { model, reports, workers }
    }

    /// With a model that is ready.
    async fn ready() -> (Self, Worker) {
        let mut stage = Self::new();
        let mut worker = stage.worker().await;
        worker.load().await;
        assert_eq!(stage.model.ready().await, Ok(()));
        (stage, worker)
    }

    async fn worker(&mut self) -> Worker {
        self.workers.recv().await.expect("a worker is started")
    }

    /// Starts a generation without waiting for it.
    fn generate(&self) -> tokio::task::JoinHandle<String> {
        self.generate_for(Tenant(1))
    }

    fn generate_for(&self, tenant: Tenant) -> tokio::task::JoinHandle<String> {
        let model = self.model.clone();
        tokio::spawn(async move {
            match model.generate(GenerateRequest::new(Prompt::Text("hello".into()), tenant)).await {
                Ok(stream) => read(stream).await,
                Err(error) => format!("refused: {error}"),
            }
        })
    }

    /// Waits for a state.
    async fn until(&self, expected: impl Fn(&ModelState) -> bool) {
        let mut reports = self.reports.clone();
        reports.wait_for(|report| expected(&report.status.state)).await.expect("the supervisor lives");
    }
}

fn spec(name: &str) -> ModelSpec {
    let path = PathBuf::from(name).with_extension("gguf");
    ModelSpec {
        id: ModelId(name.into()),
        name: name.into(),
        path,
        profile: LaunchProfile::default(),
        footprint: Footprint::default(),
        purpose: Purpose::Writing,
        draft_model: None,
        projector: None,
        adapters: Vec::new(),
    }
}

fn request() -> GenerateRequest {
    GenerateRequest::new(Prompt::Text("hello".into()), Tenant(1))
}

/// The whole answer, then how it ended.
async fn read(mut stream: GenerateStream) -> String {
    let mut said = String::new();
    while let Some(event) = stream.next().await {
        said += &match event {
            Ok(GenerateEvent::Text { text, .. }) => text,
            Ok(GenerateEvent::Queued(queued)) => format!("{}. {:?} ", queued.position, queued.estimated_ms),
            Ok(GenerateEvent::Warned(warning)) => format!("{warning:?} "),
            Ok(GenerateEvent::Finished { reason, .. }) => format!("|{reason:?}"),
            Err(error) => format!("|{error}"),
        };
    }
    said
}

#[tokio::test(start_paused = true)]
async fn no_worker_starts_before_there_is_memory_for_it() {
    let (free, room) = oneshot::channel();
    let mut stage = Stage::when(Box::pin(async { _ = room.await }));
    let answer = stage.generate();
    tokio::task::yield_now().await;
    assert!(stage.workers.try_recv().is_err());
    free.send(()).expect("somebody waits");
    let mut worker = stage.worker().await;
    worker.load().await;
    let id = worker.accept().await;
    worker.token(id, "a", 1, true).await;
    assert_eq!(answer.await.expect("no panic"), "a|Stop");
}

#[tokio::test(start_paused = true)]
async fn what_the_worker_has_in_memory_is_measured() {
    let (stage, _worker) = Stage::ready().await;
    let mut reports = stage.reports.clone();
    let report =
        reports.wait_for(|report| report.memory_bytes.is_some()).await.expect("the supervisor lives");
    assert_eq!((report.memory_bytes, report.held_bytes), (Some(5 << 20), 4 << 20));
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_known_while_it_is_loaded_and_no_more_once_the_worker_died() {
    let mut stage = Stage::new();
    let mut worker = stage.worker().await;
    let mut reports = stage.reports.clone();
    let report = reports.wait_for(|report| report.held_bytes > 0).await.expect("the supervisor lives");
    assert_eq!((report.memory_bytes, report.held_bytes), (None, 4 << 20), "nothing that counts yet");
    drop(report);
    worker.load().await;
    drop(worker);
    let died = reports.wait_for(|report| report.held_bytes == 0).await;
    assert!(died.is_ok());
}

#[tokio::test(start_paused = true)]
async fn saved_conversations_are_nothing_that_the_model_needs() {
    let (stage, mut worker) = Stage::ready().await;
    worker.say(Event::Saved { n_bytes: 3 << 20 }).await;
    let mut reports = stage.reports.clone();
    let told = (Some(2 << 20), 1 << 20);
    let report = reports.wait_for(|report| (report.memory_bytes, report.held_bytes) == told).await;
    assert!(report.is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_told_the_place_and_how_long() {
    let (stage, mut worker) = Stage::ready().await;
    let first = stage.generate();
    let first_id = worker.accept().await;
    // Two run at a time and the first took four seconds: the next in line starts after two.
    tokio::time::sleep(Duration::from_secs(4)).await;
    worker.token(first_id, "a", 1, true).await;
    assert_eq!(first.await.expect("no panic"), "a|Stop");
    let second = stage.generate();
    let id = worker.accept().await;
    worker.say(Event::Line { waiting: vec![RequestId(99), id] }).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    worker.say(Event::Line { waiting: vec![] }).await;
    worker.token(id, "b", 1, true).await;
    assert_eq!(second.await.expect("no panic"), "2. Some(4000) b|Stop");
}

#[tokio::test(start_paused = true)]
async fn an_answer_streams_from_the_worker() {
    let (stage, mut worker) = Stage::ready().await;
    let answer = stage.generate();
    let id = worker.accept().await;
    stage.until(|state| *state == ModelState::Busy { n_running: 1, n_slots: 2 }).await;
    worker.token(id, "a", 1, false).await;
    worker.token(id, "b", 2, true).await;
    assert_eq!(answer.await.expect("no panic"), "ab|Stop");
    stage.until(|state| *state == ModelState::Ready).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_given_by_generate_itself() {
    let (stage, mut worker) = Stage::ready().await;
    let answer = stage.generate();
    let Command::Generate { id, .. } = worker.command().await else { panic!("not a generation") };
    worker.say(Event::Rejected { id, reason: Rejection::TooLong { n_tokens: 99, n_ctx: 64 } }).await;
    let expected = "refused: the conversation has 99 tokens, the model's context holds 64";
    assert_eq!(answer.await.expect("no panic"), expected);
}

#[tokio::test(start_paused = true)]
async fn requests_wait_for_a_load() {
    let mut stage = Stage::new();
    let mut worker = stage.worker().await;
    let (step, fraction) = (JobStep::LoadingDraft, 0.5);
    worker.say(Event::LoadProgress(LoadProgress { step, fraction })).await;
    stage.until(|state| *state == ModelState::Loading { step, fraction }).await;
    let answer = stage.generate();
    worker.load().await;
    let id = worker.accept().await;
    worker.token(id, "late", 1, true).await;
    assert_eq!(answer.await.expect("no panic"), "late|Stop");
}

#[tokio::test(start_paused = true)]
async fn a_bad_file_says_why_and_is_not_tried_again() {
    let mut stage = Stage::new();
    let model = stage.model.clone();
    let loading = tokio::spawn(async move { model.ready().await });
    let mut worker = stage.worker().await;
    worker.say(Event::LoadFailed { reason: "it is no model".into() }).await;
    let error = loading.await.expect("no panic").expect_err("failed");
    assert_eq!(error.to_string(), "a could not be loaded: it is no model");
    stage.until(|state| matches!(state, ModelState::Failed { .. })).await;
    assert_eq!(stage.generate().await.expect("no panic"), "refused: a could not be loaded: it is no model");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_dies_over_a_file_says_its_last_words() {
    let mut stage = Stage::new();
    let model = stage.model.clone();
    let loading = tokio::spawn(async move { model.ready().await });
    drop(stage.worker().await);
    let error = loading.await.expect("no panic").expect_err("failed");
    let expected = "a could not be loaded: the worker ended: exit status: 3 (last words)";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_token_is_tried_once_more() {
    let (mut stage, mut worker) = Stage::ready().await;
    let answer = stage.generate();
    worker.accept().await;
    drop(worker);
    let mut worker = stage.worker().await;
    worker.load().await;
    worker.accept().await;
    drop(worker);
    assert_eq!(answer.await.expect("no panic"), "|the model stopped unexpectedly");
}

#[tokio::test(start_paused = true)]
async fn whoever_was_only_in_line_is_tried_as_often_as_it_takes() {
    let (mut stage, mut worker) = Stage::ready().await;
    let culprit = stage.generate();
    let first = worker.accept().await;
    let innocent = stage.generate();
    let second = worker.accept().await;
    worker.line(second).await;
    drop(worker);
    let mut worker = stage.worker().await;
    worker.load().await;
    assert_eq!([worker.accept().await, worker.accept().await], [first, second]);
    worker.line(second).await;
    drop(worker);
    assert_eq!(culprit.await.expect("no panic"), "|the model stopped unexpectedly");
    let mut worker = stage.worker().await;
    worker.load().await;
    assert_eq!(worker.accept().await, second);
    worker.token(second, "a", 1, true).await;
    assert!(innocent.await.expect("no panic").ends_with("a|Stop"));
}

#[tokio::test(start_paused = true)]
async fn those_that_a_worker_may_have_died_over_are_tried_one_by_one() {
    let (mut stage, mut worker) = Stage::ready().await;
    let answers = [stage.generate(), stage.generate()];
    let ids = [worker.accept().await, worker.accept().await];
    drop(worker);
    let mut worker = stage.worker().await;
    worker.load().await;
    // What was never there before is not kept waiting.
    let fresh = stage.generate();
    assert_eq!(worker.accept().await, ids[0]);
    let fresh_id = worker.accept().await;
    assert!(fresh_id > ids[1]);
    worker.token(ids[0], "a", 1, false).await;
    assert_eq!(worker.accept().await, ids[1]);
    for id in [ids[0], ids[1], fresh_id] {
        worker.token(id, "b", 2, true).await;
    }
    let [first, second] = answers;
    assert_eq!(first.await.expect("no panic"), "ab|Stop");
    assert_eq!(second.await.expect("no panic"), "b|Stop");
    assert_eq!(fresh.await.expect("no panic"), "b|Stop");
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_no_reason_to_end_a_worker_that_reads_slowly() {
    let (mut stage, mut worker) = Stage::ready().await;
    // They come and leave, and nothing of that is read yet.
    let texts = vec![EmbedInput::Text("x".repeat(4096))];
    let mut n = 0;
    let mut refused = 0;
    while refused == 0 && n < 8 * MAX_REQUESTS {
        let model = stage.model.clone();
        let request = EmbedRequest { inputs: texts.clone(), ..embedding("") };
        let ask = tokio::spawn(async move { model.embed(request).await });
        tokio::time::sleep(Duration::from_millis(1)).await;
        if ask.is_finished() {
            assert!(matches!(ask.await.expect("no panic"), Err(EngineError::Overloaded { .. })));
            refused += 1;
        } else {
            ask.abort();
        }
        n += 1;
    }
    assert_eq!(refused, 1, "no bound in {n}");
    assert!(n > MAX_REQUESTS / 2, "{n}");
    // It is still the same worker.
    let Command::Embed { .. } = worker.command().await else { panic!("not an embedding") };
    assert!(stage.workers.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_model_that_keeps_dying_is_given_up() {
    let (mut stage, worker) = Stage::ready().await;
    drop(worker);
    for _ in 0..4 {
        let mut worker = stage.worker().await;
        worker.load().await;
        stage.until(|state| *state == ModelState::Ready).await;
    }
    stage.until(|state| matches!(state, ModelState::Failed { .. })).await;
    assert!(stage.workers.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_silent_worker_is_ended() {
    let (mut stage, worker) = Stage::ready().await;
    let mut next = stage.worker().await;
    next.load().await;
    stage.until(|state| *state == ModelState::Ready).await;
    drop(worker);
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_the_machine_is_no_silence_of_a_worker() {
    let (mut stage, mut worker) = Stage::ready().await;
    // It answers heartbeats before and after.
    let answering = tokio::spawn(async move { worker.find_command().await.map(|_| worker) });
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(3)).await;
        tokio::time::advance(Duration::from_secs(3600)).await;
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    let answer = stage.generate();
    let mut worker = answering.await.expect("no panic").expect("it is still the same worker");
    worker.say(Event::Line { waiting: vec![] }).await;
    assert!(stage.workers.try_recv().is_err());
    drop(answer);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_talks_nonsense_is_ended() {
    let (mut stage, mut worker) = Stage::ready().await;
    worker.events.write_all(&[255; 8]).await.expect("somebody listens");
    let mut next = stage.worker().await;
    next.load().await;
    stage.until(|state| *state == ModelState::Ready).await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_cancels() {
    let (stage, mut worker) = Stage::ready().await;
    let model = stage.model.clone();
    let asked = tokio::spawn(async move { model.generate(request()).await.map(drop) });
    let id = worker.accept().await;
    assert_eq!(asked.await.expect("no panic"), Ok(()));
    assert_eq!(worker.command().await, Command::Cancel { id });
}

#[tokio::test(start_paused = true)]
async fn an_asker_who_leaves_before_the_answer_begins_cancels() {
    let (stage, mut worker) = Stage::ready().await;
    let answer = stage.generate();
    let Command::Generate { id, .. } = worker.command().await else { panic!("not a generation") };
    answer.abort();
    assert!(answer.await.is_err());
    worker.say(Event::Accepted { id, n_prompt_tokens: 1 }).await;
    assert_eq!(worker.command().await, Command::Cancel { id });
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_are_refused() {
    let (stage, mut worker) = Stage::ready().await;
    // Two of them run.
    let n = MAX_WAITING + 2;
    let answers: Vec<_> = (0..n).map(|_| stage.generate()).collect();
    for _ in 0..n {
        worker.accept().await;
    }
    let expected = "refused: 66 requests are running or waiting, try again in a moment";
    assert_eq!(stage.generate().await.expect("no panic"), expected);
    // Whoever leaves makes room at once, however long the worker takes to notice.
    for answer in answers.iter().take(2) {
        answer.abort();
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    let next = stage.generate();
    assert!(matches!(worker.command().await, Command::Cancel { .. }));
    assert!(matches!(worker.command().await, Command::Cancel { .. }));
    worker.accept().await;
    drop((answers, next));
}

#[tokio::test(start_paused = true)]
async fn a_line_that_somebody_fills_has_room_for_few_of_everybody_else() {
    let (stage, mut worker) = Stage::ready().await;
    let mut answers: Vec<_> = (0..MAX_WAITING + 2).map(|_| stage.generate()).collect();
    answers.extend((0..4).map(|_| stage.generate_for(Tenant(2))));
    for _ in 0..answers.len() {
        worker.accept().await;
    }
    let expected = "refused: 70 requests are running or waiting, try again in a moment";
    for tenant in [1, 2] {
        assert_eq!(stage.generate_for(Tenant(tenant)).await.expect("no panic"), expected, "{tenant}");
    }
    let third = stage.generate_for(Tenant(3));
    worker.accept().await;
    // What is told at once needs no place in the line.
    let model = stage.model.clone();
    let counting = tokio::spawn(async move { model.count_tokens(Prompt::Text("hello".into())).await });
    assert!(matches!(worker.command().await, Command::CountTokens { .. }));
    drop((answers, third, counting));
}

#[tokio::test(start_paused = true)]
async fn answers_that_belong_together_find_room_together() {
    let (stage, mut worker) = Stage::ready().await;
    let answers: Vec<_> = (0..MAX_WAITING + 2).map(|_| stage.generate()).collect();
    let of = |together: u64| {
        let request = GenerateRequest::new(Prompt::Text("hello".into()), Tenant(2));
        let (model, request) = (stage.model.clone(), GenerateRequest { together: Some(together), ..request });
        tokio::spawn(async move { model.generate(request).await })
    };
    for _ in 0..answers.len() {
        worker.accept().await;
    }
    let choices: Vec<_> = (0..8).map(|_| of(7)).collect();
    for n in 0..choices.len() {
        let accepted = tokio::time::timeout(Duration::from_secs(1), worker.accept());
        accepted.await.unwrap_or_else(|_| panic!("choice {n} is refused"));
    }
    // Another request of theirs is too much.
    let next = of(8).await.expect("no panic");
    assert!(matches!(next, Err(EngineError::Overloaded { .. })));
    drop((answers, choices));
}

#[tokio::test(start_paused = true)]
async fn unloading_ends_what_runs() {
    let (stage, mut worker) = Stage::ready().await;
    let model = stage.model.clone();
    let asked = tokio::spawn(async move { model.generate(request()).await });
    let id = worker.accept().await;
    let mut stream = asked.await.expect("no panic").expect("accepted");
    worker.token(id, "half", 1, false).await;
    assert!(matches!(stream.next().await, Some(Ok(GenerateEvent::Text { .. }))));
    stage.model.unload().await;
    assert_eq!(read(stream).await, "|the model was unloaded");
    assert_eq!(stage.generate().await.expect("no panic"), "refused: the model was unloaded");
    worker.commands.read_to_end(&mut Vec::new()).await.expect("closed");
}

#[tokio::test(start_paused = true)]
async fn tokens_are_counted_by_the_worker() {
    let (stage, mut worker) = Stage::ready().await;
    let model = stage.model.clone();
    let counting = tokio::spawn(async move { model.count_tokens(Prompt::Text("hello".into())).await });
    let Command::CountTokens { id, .. } = worker.command().await else { panic!("not a count") };
    worker.say(Event::Counted { id, n_tokens: 5 }).await;
    assert_eq!(counting.await.expect("no panic"), Ok(5));
}

fn embedding(text: &str) -> EmbedRequest {
    embedding_for(Tenant(1), text)
}

fn embedding_for(tenant: Tenant, text: &str) -> EmbedRequest {
    let inputs = vec![EmbedInput::Text(text.into())];
    EmbedRequest { inputs, params: EmbedParams::default(), who: Who::alone(tenant) }
}

fn ranking_for(tenant: Tenant) -> RankRequest {
    let documents = vec!["d".into()];
    RankRequest { query: "q".into(), documents, truncate: false, who: Who::alone(tenant) }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_somebody_fills_with_vectors_has_room_for_few_of_everybody_else() {
    let (stage, mut worker) = Stage::ready().await;
    let embed = |tenant| {
        let model = stage.model.clone();
        tokio::spawn(async move { model.embed(embedding_for(tenant, "a")).await.map(drop) })
    };
    let rank = |tenant| {
        let model = stage.model.clone();
        tokio::spawn(async move { model.rank(ranking_for(tenant)).await.map(drop) })
    };
    let many: Vec<_> = (0..MAX_WAITING + 2).map(|_| embed(Tenant(1))).collect();
    for _ in 0..many.len() {
        assert!(matches!(worker.command().await, Command::Embed { .. }));
    }
    for refused in [embed(Tenant(1)), rank(Tenant(1))] {
        assert!(matches!(refused.await.expect("no panic"), Err(EngineError::Overloaded { n: 66, .. })));
    }
    let others = [embed(Tenant(2)), rank(Tenant(2)), embed(Tenant(2)), rank(Tenant(2))];
    for _ in 0..others.len() {
        let command = worker.command().await;
        let who = Who::alone(Tenant(2));
        let is_theirs = match command {
            Command::Embed { who: it, .. } => it == who,
            Command::Rank { request, .. } => request.who == who,
            _ => false,
        };
        assert!(is_theirs);
    }
    // Answers and vectors are counted together.
    let expected = "refused: 70 requests are running or waiting, try again in a moment";
    assert_eq!(stage.generate_for(Tenant(2)).await.expect("no panic"), expected);
    let third = stage.generate_for(Tenant(3));
    worker.accept().await;
    drop((many, others, third));
}

#[tokio::test(start_paused = true)]
async fn vectors_come_to_whoever_asked() {
    let (stage, mut worker) = Stage::ready().await;
    let asks = ["a", "b"].map(|text| {
        let model = stage.model.clone();
        tokio::spawn(async move { model.embed(embedding(text)).await })
    });
    let mut ids = Vec::new();
    for _ in 0..2 {
        let Command::Embed { id, inputs, .. } = worker.command().await else { panic!("not an embedding") };
        ids.push((id, inputs));
    }
    for (id, inputs) in ids.into_iter().rev() {
        let number = if inputs == embedding("a").inputs { 1.0 } else { 2.0 };
        worker.say(Event::Embedded { id, vectors: vec![vec![number]], n_tokens: 3 }).await;
    }
    for (ask, number) in asks.into_iter().zip([1.0, 2.0]) {
        let expected = Embeddings { vectors: vec![vec![number]], n_tokens: 3 };
        assert_eq!(ask.await.expect("no panic"), Ok(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn who_no_longer_waits_for_vectors_ends_the_work() {
    let (stage, mut worker) = Stage::ready().await;
    let model = stage.model.clone();
    let ask = tokio::spawn(async move { model.embed(embedding("a")).await });
    let Command::Embed { id, .. } = worker.command().await else { panic!("not an embedding") };
    ask.abort();
    assert_eq!(worker.command().await, Command::Cancel { id });
    stage.until(|state| *state == ModelState::Ready).await;
}

#[tokio::test(start_paused = true)]
async fn vectors_are_asked_for_once_more_when_the_worker_dies() {
    let (mut stage, mut worker) = Stage::ready().await;
    let model = stage.model.clone();
    let request = ranking_for(Tenant(1));
    let ask = tokio::spawn(async move { model.rank(request).await });
    assert!(matches!(worker.command().await, Command::Rank { .. }));
    drop(worker);
    let mut worker = stage.worker().await;
    worker.load().await;
    let Command::Rank { id, .. } = worker.command().await else { panic!("not a ranking") };
    worker.say(Event::Ranked { id, scores: vec![0.5], n_tokens: 4 }).await;
    assert_eq!(ask.await.expect("no panic"), Ok(Ranking { scores: vec![0.5], n_tokens: 4 }));
}
