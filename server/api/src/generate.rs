//! Running a request and answering it, whole or as server-sent events.

use crate::{
    error::ApiError,
    request::Common,
    response::{Head, Shape},
};
use axum::{
    Json,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures::{Stream, StreamExt, stream};
use inference::{EngineError, GenerateEvent, GenerateRequest, GenerateStream, Hold, Target};
use serde_json::Value;
use state::AppState;
use std::{convert::Infallible, time::Duration};
use tokio::time::timeout;
use types::{
    chat::{FinishReason, Usage},
    ids::{ModelId, UserId},
};

/// Runs `request` with the model that `common` names.
pub(crate) async fn answer(
    state: &AppState,
    shape: Shape,
    common: &Common,
    request: GenerateRequest,
) -> Result<Response, ApiError> {
    let keep_alive = common.keep_alive.as_ref().map(|it| it.read()).transpose()?;
    let (model, events) = timeout(PATIENCE, async {
        let (model, _hold) = choose_model(state, common.model.as_deref()).await?;
        let target = Target { model: Some(model.clone()), keep_alive };
        Ok::<_, ApiError>((model, state.engine.generate(target, request).await?))
    })
    .await
    .unwrap_or(Err(EngineError::Loading.into()))?;
    let head = Head::new(shape, model.0);
    if !common.stream {
        return Ok(Json(whole(&head, events).await?).into_response());
    }
    let include_usage = common.stream_options.unwrap_or_default().include_usage;
    let pieces = pieces(head, events, include_usage);
    Ok(Sse::new(pieces).keep_alive(KeepAlive::default()).into_response())
}

/// What programs that do not care call the model: whichever the person chose.
const ANY_MODEL: &str = "default";

/// How long a request waits for a model that loads or is started again. It goes on without it.
const PATIENCE: Duration = Duration::from_secs(60);

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
            Ok((chosen.ok_or(EngineError::NoModel)?, None))
        }
    }
}

async fn whole(head: &Head, mut events: GenerateStream) -> Result<Value, ApiError> {
    let mut text = String::new();
    while let Some(event) = events.next().await {
        match event? {
            GenerateEvent::Queued(_) => {}
            GenerateEvent::Text { text: piece, .. } => text.push_str(&piece),
            GenerateEvent::Finished { reason, usage } => return Ok(head.whole(&text, reason, usage)),
        }
    }
    Err(ended_early().into())
}

fn ended_early() -> EngineError {
    EngineError::WorkerDied { detail: "the stream ended early".to_owned() }
}

/// The answer as events. An error is an event too, and the last one before the end mark.
fn pieces(
    head: Head,
    events: GenerateStream,
    include_usage: bool,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let opening = stream::iter(head.opening());
    let body = events.flat_map(move |event| {
        let pieces = match event {
            Ok(GenerateEvent::Queued(_)) => vec![],
            Ok(GenerateEvent::Text { text, .. }) if text.is_empty() => vec![],
            Ok(GenerateEvent::Text { text, .. }) => vec![head.piece(&text)],
            Ok(GenerateEvent::Finished { reason, usage }) => ending(&head, reason, usage, include_usage),
            Err(err) => vec![ApiError::from(err).body()],
        };
        stream::iter(pieces)
    });
    let events = opening.chain(body).map(|piece| Event::default().data(piece.to_string()));
    events.chain(stream::iter([Event::default().data("[DONE]")])).map(Ok)
}

fn ending(head: &Head, reason: FinishReason, usage: Usage, include_usage: bool) -> Vec<Value> {
    let mut pieces = vec![head.ending(reason)];
    if include_usage {
        pieces.push(head.counts(usage));
    }
    pieces
}
