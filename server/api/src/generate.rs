//! Running a request and answering it, whole or as server-sent events.

use crate::{
    error::ApiError,
    keep_alive::KeepAliveField,
    request::{Common, Lora},
    response::{Choice, Cost, Head, Shape},
    waiting::{Waiting, queued, warned},
};
use axum::{
    Json,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures::{
    Stream, StreamExt,
    future::{self, try_join_all},
    stream,
};
use inference::{EngineError, GenerateEvent, GenerateRequest, GenerateStream, Hold, LoraAdapter, Target};
use rand::RngExt;
use serde_json::Value;
use state::AppState;
use std::{convert::Infallible, time::Duration};
use tokio::time::{Instant, timeout};
use types::{
    chat::{FinishReason, Usage},
    ids::{ModelId, UserId},
    tools::CallPiece,
};

/// Runs `requests`, which differ in their prompts only, with the model that `common` names.
pub(crate) async fn answer(
    state: &AppState,
    shape: Shape,
    common: &Common,
    requests: Vec<GenerateRequest>,
) -> Result<Response, ApiError> {
    let usual = state.chat.settings(UserId::LOCAL).await.unwrap_or_default().guards;
    let adapters = adapters(state, &common.lora).await?;
    let complete =
        |request| GenerateRequest { guards: common.guards(usual), adapters: adapters.clone(), ..request };
    let requests: Vec<_> = requests.into_iter().map(complete).collect();
    requests.iter().try_for_each(GenerateRequest::check)?;
    let logprobs = requests.iter().any(|it| it.logprobs.is_some());
    let (model, streams) = timeout(PATIENCE, async {
        let (target, _hold) = target(state, common.model.as_deref(), common.keep_alive.as_ref()).await?;
        let model = target.model.clone().ok_or(EngineError::NoModel)?;
        Ok::<_, ApiError>((model, start(state, target, common.n_choices(), requests).await?))
    })
    .await
    .unwrap_or(Err(EngineError::Loading.into()))?;
    let head = Head::new(shape, model.0).with_choices(common.n_choices());
    if !common.stream {
        let choices = try_join_all(streams.into_iter().map(|events| choice(events, logprobs))).await?;
        return Ok(Json(head.whole(choices)).into_response());
    }
    let include_usage = common.stream_options.unwrap_or_default().include_usage;
    let pieces = pieces(head, streams, include_usage);
    Ok(Sse::new(pieces).keep_alive(KeepAlive::default()).into_response())
}

/// How strong an adapter is of which nothing is said.
const AS_TRAINED: f32 = 1.0;

/// The files of the adapters that a request names.
async fn adapters(state: &AppState, wanted: &[Lora]) -> Result<Vec<LoraAdapter>, ApiError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let known = state.models.list_adapters().await;
    let find = |wanted: &Lora| {
        let found = match (&wanted.name, wanted.id) {
            (Some(name), _) => known.iter().find(|it| it.name == *name),
            (None, Some(id)) => known.get(id),
            (None, None) => None,
        };
        let path = found.map(|it| it.path.clone()).ok_or_else(|| {
            ApiError::invalid(
                "lora",
                "lora must name adapters by the name or the id that /lora-adapters tells",
            )
        })?;
        Ok(LoraAdapter { path, scale: wanted.scale.unwrap_or(AS_TRAINED) })
    };
    wanted.iter().map(find).collect()
}

/// Starts `n` generations for each of `requests` that differ in their seeds only; what they share is computed once, and all find room
/// together or not at all.
async fn start(
    state: &AppState,
    target: Target,
    n: u32,
    requests: Vec<GenerateRequest>,
) -> Result<Vec<GenerateStream>, EngineError> {
    let together = (n > 1 || requests.len() > 1).then(|| rand::rng().random());
    let choices = requests.iter().flat_map(|request| (0..n).map(move |i| (request, i)));
    let requests = choices.map(|(request, i)| {
        let mut request = GenerateRequest { together, ..request.clone() };
        request.sampling.seed = request.sampling.seed.map(|seed| seed.wrapping_add(i));
        state.engine.generate(target.clone(), request)
    });
    try_join_all(requests).await
}

/// What programs that do not care call the model: whichever the person chose.
const ANY_MODEL: &str = "default";

/// How long a request waits for a model that loads or is started again. It goes on without it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The model that is to answer, loaded, within the time that a request waits for that.
pub(crate) async fn load(
    state: &AppState,
    name: Option<&str>,
    keep_alive: Option<&KeepAliveField>,
) -> Result<(Target, Option<Hold>), ApiError> {
    let target = timeout(PATIENCE, target(state, name, keep_alive)).await;
    target.unwrap_or(Err(EngineError::Loading.into()))
}

async fn target(
    state: &AppState,
    name: Option<&str>,
    keep_alive: Option<&KeepAliveField>,
) -> Result<(Target, Option<Hold>), ApiError> {
    let keep_alive = keep_alive.map(KeepAliveField::read).transpose()?;
    let (model, hold) = choose_model(state, name).await?;
    Ok((Target { model: Some(model), keep_alive }, hold))
}

/// The model that is to answer, loaded. Without a name it is the chosen one, which the engine loads itself.
async fn choose_model(state: &AppState, name: Option<&str>) -> Result<(ModelId, Option<Hold>), ApiError> {
    match name.filter(|name| !name.is_empty() && *name != ANY_MODEL) {
        Some(name) => {
            let id = ModelId(name.to_owned());
            let hold = state.models.ensure_loaded(UserId::LOCAL, &id).await?;
            Ok((id, Some(hold)))
        }
        None => {
            let chosen = state.engine.status().borrow().chosen.id.clone();
            let chosen = chosen.ok_or(EngineError::NoModel)?;
            if chosen.is_remote() {
                // A person chose it for the chats of the page; a program has to say that its text may leave.
                let message =
                    format!("the chosen model runs elsewhere; name it, “{chosen}”, to send text there");
                return Err(ApiError::invalid("model", message));
            }
            Ok((chosen, None))
        }
    }
}

async fn choice(mut events: GenerateStream, logprobs: bool) -> Result<Choice, EngineError> {
    let (mut text, mut reasoning) = (String::new(), String::new());
    let (mut calls, mut tokens) = (Vec::new(), Vec::new());
    let mut waiting = Waiting::default();
    while let Some(event) = events.next().await {
        let event = event?;
        waiting.note(&event, Instant::now());
        match event {
            GenerateEvent::Queued(_) | GenerateEvent::Warned(_) => {}
            GenerateEvent::Text { text: piece, reasoning: thought, calls: called, logprobs, .. } => {
                text.push_str(&piece);
                reasoning.push_str(&thought);
                CallPiece::join(&mut calls, called);
                tokens.extend(logprobs);
            }
            GenerateEvent::Finished { reason, usage } => {
                let logprobs = logprobs.then_some(tokens);
                let cost = Cost { usage, queued: waiting.took() };
                return Ok(Choice { text, reasoning, calls, logprobs, reason, cost });
            }
        }
    }
    Err(EngineError::WorkerDied { detail: "the stream ended early".to_owned() })
}

/// The answers as events, as they come. An error is an event too, and the last one before the end mark. Where an answer stands in line, and
/// what the machine suffers, are comments, which every reader of such streams passes over.
fn pieces(
    head: Head,
    streams: Vec<GenerateStream>,
    include_usage: bool,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let mut written = Written::new(head, streams.len(), include_usage);
    let opening: Vec<_> = (0..).zip(&streams).filter_map(|(index, _)| written.head.opening(index)).collect();
    let streams = (0..).zip(streams).map(|(index, events)| events.map(move |event| (index, event)));
    let events = stream::select_all(streams).scan(false, |is_over, (index, event)| {
        let goes_on = !std::mem::replace(is_over, *is_over || event.is_err());
        future::ready(goes_on.then_some((index, event)))
    });
    let body = events.flat_map(move |(index, event)| stream::iter(written.events(index, event)));
    let events = stream::iter(opening).map(data).chain(body);
    events.chain(stream::iter([Event::default().data("[DONE]")])).map(Ok)
}

fn data(piece: Value) -> Event {
    Event::default().data(piece.to_string())
}

fn comment(text: String) -> Event {
    Event::default().comment(text)
}

/// How far the answers of one stream are.
struct Written {
    head: Head,
    /// Where the next token's text begins, of each answer.
    offsets: Vec<usize>,
    /// How many calls each answer has made.
    n_calls: Vec<usize>,
    /// How long each answer has waited.
    waiting: Vec<Waiting>,
    /// What each took that has ended.
    ended: Vec<Option<Cost>>,
    include_usage: bool,
}

impl Written {
    fn new(head: Head, n: usize, include_usage: bool) -> Self {
        Self {
            head,
            offsets: vec![0; n],
            n_calls: vec![0; n],
            waiting: vec![Waiting::default(); n],
            ended: vec![None; n],
            include_usage,
        }
    }

    fn events(&mut self, index: u32, event: Result<GenerateEvent, EngineError>) -> Vec<Event> {
        if let Ok(event) = &event {
            self.waiting[index as usize].note(event, Instant::now());
        }
        let pieces = match event {
            Ok(GenerateEvent::Queued(place)) => return vec![comment(queued(index, place))],
            Ok(GenerateEvent::Warned(warning)) => return vec![comment(warned(warning))],
            Ok(GenerateEvent::Text { text, reasoning, calls, logprobs, .. }) => {
                let mut pieces = Vec::new();
                if !reasoning.is_empty() {
                    pieces.push(self.head.thought(index, &reasoning));
                }
                if !text.is_empty() || !logprobs.is_empty() {
                    let offset = &mut self.offsets[index as usize];
                    pieces.push(self.head.piece(index, &text, &logprobs, offset));
                }
                let n_calls = &mut self.n_calls[index as usize];
                pieces.extend(calls.iter().map(|piece| self.head.call(index, piece, n_calls)));
                pieces
            }
            Ok(GenerateEvent::Finished { reason, usage }) => self.ending(index, reason, usage),
            Err(err) => vec![ApiError::from(err).body()],
        };
        pieces.into_iter().map(data).collect()
    }

    fn ending(&mut self, index: u32, reason: FinishReason, usage: Usage) -> Vec<Value> {
        self.ended[index as usize] = Some(Cost { usage, queued: self.waiting[index as usize].took() });
        let mut pieces = vec![self.head.ending(index, reason)];
        if self.include_usage
            && let Some(costs) = self.ended.iter().copied().collect::<Option<Vec<_>>>()
        {
            pieces.push(self.head.counts(&costs));
        }
        pieces
    }
}

#[cfg(test)]
mod tests;
