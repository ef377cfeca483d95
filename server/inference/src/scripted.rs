//! An engine that says what a test told it to, when the test lets it.

use crate::{
    BoxFuture, EmbedInput, EmbedRequest, Embeddings, Engine, EngineError, GenerateEvent, GenerateRequest,
    GenerateStream, Hold, Intent, ModelSpec, Outlook, Prompt, RankRequest, Ranking, Target, TokenLogprob,
    Who, request::check_ranking,
};
use futures::stream;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{Semaphore, watch};
use types::{
    chat::{FinishReason, Queued, Usage},
    ids::ModelId,
    kv::KvUse,
    launch::LoadedAs,
    model::{ModelState, ModelStatus, Resident, Residents},
    seen::{SeenKind, SeenPart},
    tools::CallPiece,
};

/// Holds answers back until the test opens it. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets one answer through, the one that waits or the next to come.
    pub fn open_once(&self) {
        self.0.add_permits(1);
    }

    /// Lets every answer through from now on.
    pub fn open(&self) {
        self.0.close();
    }

    /// Waits until it lets one through.
    pub async fn pass(&self) {
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Say(String),
    Think(String),
    Call(Vec<CallPiece>),
    Queue(Queued),
    Wait(Gate),
    Delay(Duration),
}

#[derive(Clone, Debug)]
enum Ending {
    Finish(FinishReason),
    Fail(EngineError),
    Refuse(EngineError),
}

/// One answer: chunks of text, pauses and an end. Every chunk counts as one token.
#[derive(Clone, Debug)]
pub struct Script {
    steps: VecDeque<Step>,
    ending: Ending,
    n_trimmed_turns: u32,
}

impl Script {
    /// Says these chunks one after the other and stops.
    pub fn say<T: Into<String>>(chunks: impl IntoIterator<Item = T>) -> Self {
        let steps = chunks.into_iter().map(|chunk| Step::Say(chunk.into())).collect();
        Self { steps, ending: Ending::Finish(FinishReason::Stop), n_trimmed_turns: 0 }
    }

    /// Refuses the request: `generate` itself gives this error.
    pub fn refuse(error: EngineError) -> Self {
        Self { steps: VecDeque::new(), ending: Ending::Refuse(error), n_trimmed_turns: 0 }
    }

    /// Then says one more chunk.
    pub fn then(mut self, chunk: impl Into<String>) -> Self {
        self.steps.push_back(Step::Say(chunk.into()));
        self
    }

    /// Then thinks one more chunk.
    pub fn think(mut self, chunk: impl Into<String>) -> Self {
        self.steps.push_back(Step::Think(chunk.into()));
        self
    }

    /// Then calls a function, and ends with that unless it goes on.
    pub fn call(mut self, name: &str, arguments: &str) -> Self {
        let begin = CallPiece::Begin { name: name.to_owned() };
        self.steps.push_back(Step::Call(vec![begin, CallPiece::Arguments(arguments.to_owned())]));
        self.ending = Ending::Finish(FinishReason::ToolCalls);
        self
    }

    /// Then says where the request stands in line.
    pub fn queued(mut self, queued: Queued) -> Self {
        self.steps.push_back(Step::Queue(queued));
        self
    }

    /// Then waits until the gate lets it through.
    pub fn wait(mut self, gate: &Gate) -> Self {
        self.steps.push_back(Step::Wait(gate.clone()));
        self
    }

    /// Then lets time pass.
    pub fn delay(mut self, time: Duration) -> Self {
        self.steps.push_back(Step::Delay(time));
        self
    }

    /// Says that so many turns of a person were left out for lack of room.
    pub fn trimmed(mut self, n_turns: u32) -> Self {
        self.n_trimmed_turns = n_turns;
        self
    }

    /// Ends for lack of room instead of stopping by itself.
    pub fn cut(mut self) -> Self {
        self.ending = Ending::Finish(FinishReason::Length);
        self
    }

    /// Ends with the worker's death instead.
    pub fn crash(mut self) -> Self {
        self.ending = Ending::Fail(EngineError::WorkerDied { detail: "as scripted".into() });
        self
    }
}

/// The scripted engine. Clones are the same engine, so a test keeps one and gives one away.
#[derive(Clone)]
pub struct ScriptedEngine(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    status: watch::Sender<Residents>,
    /// Streams that are alive.
    n_running: watch::Sender<usize>,
}

struct State {
    scripts: VecDeque<Script>,
    requests: Vec<GenerateRequest>,
    loads: Vec<ModelSpec>,
    unloads: Vec<ModelId>,
    outlook: Option<Outlook>,
    /// For whom vectors were made and documents ranked, oldest first.
    vectors_for: Vec<Who>,
    /// What counting waits for.
    counting: Option<Gate>,
    /// Which models were to count, oldest first.
    counted: Vec<Option<ModelId>>,
}

impl ScriptedEngine {
    /// An engine with a loaded model. Each request takes the next script; the last one is said again and again.
    pub fn new(scripts: impl IntoIterator<Item = Script>) -> Self {
        let status = ModelStatus {
            id: Some(ModelId("scripted".into())),
            name: Some("Scripted".into()),
            state: ModelState::Ready,
            n_ctx: Some(4096),
            sees: true,
            tokens_per_second: None,
            thinks: false,
            only_continues: false,
        };
        let state = State {
            scripts: scripts.into_iter().collect(),
            requests: vec![],
            loads: vec![],
            unloads: vec![],
            outlook: None,
            vectors_for: vec![],
            counting: None,
            counted: vec![],
        };
        Self(Arc::new(Inner {
            state: Mutex::new(state),
            status: watch::Sender::new(alone(status, None)),
            n_running: watch::Sender::new(0),
        }))
    }

    /// Adds a script behind the ones there are.
    pub fn push(&self, script: Script) {
        self.state().scripts.push_back(script);
    }

    /// Every request that came in, oldest first.
    pub fn requests(&self) -> Vec<GenerateRequest> {
        self.state().requests.clone()
    }

    /// Every model that was asked for, oldest first.
    pub fn loads(&self) -> Vec<ModelSpec> {
        self.state().loads.clone()
    }

    /// Every model that was asked to go, oldest first.
    pub fn unloads(&self) -> Vec<ModelId> {
        self.state().unloads.clone()
    }

    /// Puts the engine in another state, for example `ModelStatus::UNLOADED`.
    pub fn set_status(&self, status: ModelStatus) {
        self.0.status.send_replace(alone(status, None));
    }

    /// Says how its model keeps keys and values; nothing is said before.
    pub fn set_kv(&self, kv: KvUse) {
        self.0.status.send_modify(|residents| {
            for resident in &mut residents.models {
                let profile = resident.loaded.take().map(|it| it.profile).unwrap_or_default();
                resident.loaded = Some(LoadedAs { profile, kv: Some(kv) });
            }
        });
    }

    /// Says that its model takes so much memory; nothing is said before.
    pub fn set_memory(&self, memory_bytes: u64) {
        self.0.status.send_modify(|residents| {
            for resident in &mut residents.models {
                resident.memory_bytes = memory_bytes;
            }
        });
    }

    /// Says that loading anything would do this; nothing is said before.
    pub fn set_outlook(&self, outlook: Outlook) {
        self.0.status.send_modify(|residents| residents.budget_bytes = outlook.budget_bytes);
        self.state().outlook = Some(outlook);
    }

    /// Holds another model beside the chosen one, until anything is loaded.
    pub fn add_beside(&self, status: ModelStatus) {
        self.0.status.send_modify(|residents| residents.models.extend(alone(status, None).models));
    }

    /// For whom vectors were made and documents ranked, oldest first.
    pub fn vectors_for(&self) -> Vec<Who> {
        self.state().vectors_for.clone()
    }

    /// Which models were asked to count tokens, oldest first; `None` is the chosen one.
    pub fn counted(&self) -> Vec<Option<ModelId>> {
        self.state().counted.clone()
    }

    /// Has whoever counts tokens wait for `gate` first.
    pub fn hold_counting(&self, gate: &Gate) {
        self.state().counting = Some(gate.clone());
    }

    /// How many streams are alive, and every change: a test sees a cancellation here.
    pub fn n_running(&self) -> watch::Receiver<usize> {
        self.0.n_running.subscribe()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_script(&self, request: GenerateRequest) -> Script {
        let mut state = self.state();
        state.requests.push(request);
        match state.scripts.len() {
            0 => Script::say(["Hello."]),
            1 => state.scripts[0].clone(),
            _ => state.scripts.pop_front().unwrap_or_else(|| Script::say(["Hello."])),
        }
    }

    fn start(&self, request: GenerateRequest) -> Result<GenerateStream, EngineError> {
        request.check()?;
        if matches!(self.0.status.borrow().chosen.state, ModelState::Unloaded) {
            return Err(EngineError::NoModel);
        }
        let n_prompt_tokens = count_words(&request.prompt);
        let n_top = request.logprobs;
        let script = self.next_script(request);
        if let Ending::Refuse(error) = script.ending {
            return Err(error);
        }
        let n_trimmed_turns = script.n_trimmed_turns;
        let run = Run {
            script: Some(script),
            n_prompt_tokens,
            n_trimmed_turns,
            n_generated: 0,
            n_reasoning: 0,
            n_top,
            _alive: Alive::new(self),
        };
        Ok(Box::pin(stream::unfold(run, Run::next)))
    }
}

/// Counts a stream among the running ones while it lives.
struct Alive(ScriptedEngine);

impl Alive {
    fn new(engine: &ScriptedEngine) -> Self {
        engine.0.n_running.send_modify(|n| *n += 1);
        Self(engine.clone())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.0.n_running.send_modify(|n| *n -= 1);
    }
}

struct Run {
    /// `None` once the end was sent.
    script: Option<Script>,
    n_prompt_tokens: u32,
    n_trimmed_turns: u32,
    n_generated: u32,
    n_reasoning: u32,
    /// How likely tokens were is told, beside so many others.
    n_top: Option<u32>,
    _alive: Alive,
}

impl Run {
    async fn next(mut self) -> Option<(Result<GenerateEvent, EngineError>, Self)> {
        while let Some(step) = self.script.as_mut()?.steps.pop_front() {
            match step {
                Step::Wait(gate) => gate.pass().await,
                Step::Queue(queued) => return Some((Ok(GenerateEvent::Queued(queued)), self)),
                Step::Delay(time) => tokio::time::sleep(time).await,
                Step::Say(text) => return Some((Ok(self.piece(text, String::new(), vec![])), self)),
                Step::Think(text) => {
                    self.n_reasoning += 1;
                    return Some((Ok(self.piece(String::new(), text, vec![])), self));
                }
                Step::Call(calls) => {
                    return Some((Ok(self.piece(String::new(), String::new(), calls)), self));
                }
            }
        }
        let event = match self.script.take()?.ending {
            Ending::Finish(reason) => Ok(GenerateEvent::Finished { reason, usage: self.usage() }),
            Ending::Fail(error) | Ending::Refuse(error) => Err(error),
        };
        Some((event, self))
    }

    fn piece(&mut self, text: String, reasoning: String, calls: Vec<CallPiece>) -> GenerateEvent {
        self.n_generated += 1;
        let logprobs = self.n_top.map(|n_top| likelihood(&text, n_top)).into_iter().collect();
        GenerateEvent::Text { text, reasoning, calls, logprobs, usage: self.usage() }
    }

    /// Made-up times, the same in every run.
    fn usage(&self) -> Usage {
        Usage {
            n_prompt_tokens: self.n_prompt_tokens,
            n_trimmed_turns: self.n_trimmed_turns,
            n_generated_tokens: self.n_generated,
            n_reasoning_tokens: self.n_reasoning,
            first_token_ms: 5,
            decode_ms: self.n_generated.saturating_sub(1) * 10,
            ..Usage::default()
        }
    }
}

/// Every piece is a token with a probability of a half, and what else was likely has less and less.
fn likelihood(text: &str, n_top: u32) -> TokenLogprob {
    let half = -std::f32::consts::LN_2;
    let own = (text.as_bytes().to_vec(), half);
    let others = (2..=n_top).map(|n| (format!("other{n}").into_bytes(), half * n as f32));
    let top = std::iter::once(own).chain(others).take(n_top as usize).collect();
    TokenLogprob { bytes: text.as_bytes().to_vec(), logprob: half, top }
}

fn count_words(prompt: &Prompt) -> u32 {
    let n_words = match prompt {
        Prompt::Chat(turns) | Prompt::Continue(turns) => {
            turns.iter().map(|turn| turn.content.split_whitespace().count()).sum()
        }
        Prompt::Text(text) => text.split_whitespace().count(),
        Prompt::Fill(gap) => [&gap.before, &gap.after].map(|it| it.split_whitespace().count()).iter().sum(),
    };
    n_words as u32
}

/// One model, which is the chosen one.
fn alone(chosen: ModelStatus, loaded: Option<LoadedAs>) -> Residents {
    let status = chosen.clone();
    let resident = Resident { status, memory_bytes: 0, is_measured: false, is_pinned: false, loaded };
    let models = chosen.id.iter().map(|_| resident.clone()).collect();
    Residents { chosen, models, budget_bytes: 0 }
}

/// Holds one model at a time, whichever a request names.
impl Engine for ScriptedEngine {
    fn load(&self, spec: ModelSpec, _: Intent) -> BoxFuture<'_, Result<Hold, EngineError>> {
        self.state().loads.push(spec.clone());
        let loaded = LoadedAs { profile: spec.profile.clone(), kv: None };
        let status = ModelStatus {
            id: Some(spec.id),
            name: Some(spec.name),
            state: ModelState::Ready,
            n_ctx: Some(spec.profile.n_ctx.unwrap_or(4096)),
            sees: spec.projector.is_some(),
            tokens_per_second: None,
            thinks: false,
            only_continues: false,
        };
        self.0.status.send_replace(alone(status, Some(loaded)));
        Box::pin(async { Ok(Hold::new(())) })
    }

    fn hold(&self, id: ModelId) -> BoxFuture<'_, Option<Hold>> {
        let is_there = self.0.status.borrow().find(&id).is_some();
        Box::pin(async move { is_there.then(|| Hold::new(())) })
    }

    fn refuse(&self, spec: ModelSpec, reason: String) -> BoxFuture<'_, ()> {
        let is_idle =
            matches!(self.0.status.borrow().chosen.state, ModelState::Unloaded | ModelState::Failed { .. });
        if is_idle {
            let reason = EngineError::LoadFailed { name: spec.name.clone(), reason }.to_string();
            let (id, name) = (Some(spec.id), Some(spec.name));
            let state = ModelState::Failed { reason };
            self.set_status(ModelStatus { id, name, state, ..ModelStatus::UNLOADED });
        }
        Box::pin(async {})
    }

    fn unload(&self, id: ModelId) -> BoxFuture<'_, ()> {
        self.state().unloads.push(id);
        self.unload_all()
    }

    fn unload_all(&self) -> BoxFuture<'_, ()> {
        self.set_status(ModelStatus::UNLOADED);
        Box::pin(async {})
    }

    fn pin(&self, id: ModelId, is_pinned: bool) -> BoxFuture<'_, ()> {
        self.0.status.send_modify(|residents| {
            let found = residents.models.iter_mut().filter(|it| it.status.id.as_ref() == Some(&id));
            found.for_each(|resident| resident.is_pinned = is_pinned);
        });
        Box::pin(async {})
    }

    fn foresee(&self, _: ModelSpec) -> BoxFuture<'_, Option<Outlook>> {
        let outlook = self.state().outlook.clone();
        Box::pin(async { outlook })
    }

    fn generate(
        &self,
        _: Target,
        request: GenerateRequest,
    ) -> BoxFuture<'_, Result<GenerateStream, EngineError>> {
        Box::pin(async { self.start(request) })
    }

    /// Counts words.
    fn count_tokens(&self, target: Target, prompt: Prompt) -> BoxFuture<'_, Result<u32, EngineError>> {
        let mut state = self.state();
        state.counted.push(target.model);
        let gate = state.counting.clone();
        drop(state);
        Box::pin(async move {
            if let Some(gate) = gate {
                gate.pass().await;
            }
            Ok(count_words(&prompt))
        })
    }

    /// Words, without any that are special.
    fn show(&self, _: Target, request: GenerateRequest) -> BoxFuture<'_, Result<Vec<SeenPart>, EngineError>> {
        let n_tokens = count_words(&request.prompt);
        let text = match request.prompt {
            Prompt::Text(text) => text,
            Prompt::Fill(gap) => [gap.before.as_str(), &gap.after].join("\n"),
            Prompt::Chat(turns) | Prompt::Continue(turns) => {
                turns.iter().map(|turn| turn.content.as_str()).collect::<Vec<_>>().join("\n")
            }
        };
        Box::pin(async move {
            Ok(vec![SeenPart { text, kind: SeenKind::Text, n_tokens, token_bytes: Vec::new() }])
        })
    }

    /// Counts words: as a vector of two numbers, one for the words and one for the bytes.
    fn embed(&self, _: Target, request: EmbedRequest) -> BoxFuture<'_, Result<Embeddings, EngineError>> {
        self.state().vectors_for.push(request.who);
        Box::pin(async move {
            request.check()?;
            let counts = request.inputs.iter().map(|input| match input {
                EmbedInput::Text(text) => (text.split_whitespace().count(), text.len()),
                EmbedInput::Tokens(tokens) => (tokens.len(), tokens.len()),
            });
            let vectors: Vec<_> = counts.map(|(words, bytes)| vec![words as f32, bytes as f32]).collect();
            let n_tokens = vectors.iter().map(|vector| vector[0] as u64).sum();
            Ok(Embeddings { vectors, n_tokens })
        })
    }

    /// Counts the query's words that a document has.
    fn rank(&self, _: Target, request: RankRequest) -> BoxFuture<'_, Result<Ranking, EngineError>> {
        self.state().vectors_for.push(request.who);
        Box::pin(async move {
            check_ranking(&request)?;
            let RankRequest { query, documents, .. } = request;
            let shared =
                |document: &String| query.split_whitespace().filter(|it| document.contains(it)).count();
            let scores: Vec<_> = documents.iter().map(|document| shared(document) as f32).collect();
            let n_tokens = documents.iter().map(|document| document.split_whitespace().count() as u64).sum();
            Ok(Ranking { scores, n_tokens })
        })
    }

    fn status(&self) -> watch::Receiver<Residents> {
        self.0.status.subscribe()
    }
}

#[cfg(test)]
mod tests;
