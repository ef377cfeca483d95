//! The addresses.

use crate::{
    caller::Caller,
    error::ApiError,
    generate::answer,
    request::{ChatRequest, CompletionRequest},
    response::Shape,
    vectors::{EmbeddingsRequest, RerankRequest, embed, rerank},
};
use axum::{
    Json,
    extract::{FromRequest, State},
    response::Response,
    routing::{MethodRouter, get, post},
};
use inference::{GenerateRequest, Who};
use serde_json::{Value, json};
use state::AppState;
use types::model::{ModelEntry, ModelState, Residents};

/// One address of the API.
pub struct ApiRoute {
    pub path: &'static str,
    pub method: &'static str,
    /// Whether the caller must be somebody. On loopback everybody is the local person.
    pub needs_person: bool,
    pub handler: fn() -> MethodRouter<AppState>,
}

/// Every address of the API.
pub const ROUTES: &[ApiRoute] = &[
    ApiRoute {
        path: "/health",
        method: "GET",
        needs_person: false,
        handler: || get(health).fallback(wrong_method),
    },
    ApiRoute {
        path: "/v1/models",
        method: "GET",
        needs_person: true,
        handler: || get(list_models).fallback(wrong_method),
    },
    ApiRoute {
        path: "/v1/models/{*id}",
        method: "GET",
        needs_person: true,
        handler: || get(find_model).fallback(wrong_method),
    },
    ApiRoute {
        path: "/lora-adapters",
        method: "GET",
        needs_person: true,
        handler: || get(list_adapters).fallback(wrong_method),
    },
    ApiRoute {
        path: "/v1/chat/completions",
        method: "POST",
        needs_person: true,
        handler: || post(chat_completions).fallback(wrong_method),
    },
    ApiRoute {
        path: "/v1/completions",
        method: "POST",
        needs_person: true,
        handler: || post(completions).fallback(wrong_method),
    },
    ApiRoute {
        path: "/v1/embeddings",
        method: "POST",
        needs_person: true,
        handler: || post(embeddings).fallback(wrong_method),
    },
    ApiRoute {
        path: "/v1/rerank",
        method: "POST",
        needs_person: true,
        handler: || post(ranking).fallback(wrong_method),
    },
];

/// A JSON body whose rejection has OpenAI's shape.
#[derive(FromRequest)]
#[from_request(via(Json), rejection(ApiError))]
struct Body<T>(T);

/// Answers every other address below `/v1`.
pub async fn unknown_route() -> Response {
    use axum::response::IntoResponse;
    ApiError::not_found(
        "unknown_url",
        "there is no such address; see /v1/models, /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/rerank",
    )
    .into_response()
}

async fn wrong_method() -> ApiError {
    ApiError::method_not_allowed()
}

/// Says that the server runs, and what the model does.
async fn health(State(state): State<AppState>) -> Json<Value> {
    let status = state.engine.status().borrow().chosen.clone();
    let model = json!({"id": status.id, "state": status.state.name()});
    Json(json!({"status": "ok", "version": state.version, "model": model}))
}

/// The models that whoever asks can name.
async fn list_models(State(state): State<AppState>, caller: Caller) -> Json<Value> {
    let residents = state.engine.status().borrow().clone();
    let usable = state.models.usable().await;
    let mine = usable.iter().filter(|entry| caller.may_ask(Some(&entry.id.0)).is_ok());
    let data: Vec<_> = mine.map(|entry| model(entry, &residents)).collect();
    Json(json!({"object": "list", "data": data}))
}

async fn find_model(
    State(state): State<AppState>,
    caller: Caller,
    axum::extract::Path(id): axum::extract::Path<String>,
) -> Result<Json<Value>, ApiError> {
    caller.may_ask(Some(&id))?;
    let found = state.models.usable().await.into_iter().find(|entry| entry.id.0 == id);
    let found = found.ok_or_else(|| {
        ApiError::not_found("model_not_found", format!("there is no model {id} in the library"))
    })?;
    let residents = state.engine.status().borrow().clone();
    Ok(Json(model(&found, &residents)))
}

/// OpenAI's fields, then ours: what it is for, whether it is loaded, and what it takes in memory. Of one that is not
/// loaded that is an estimate. One that runs elsewhere says where: what it is asked leaves this machine.
fn model(entry: &ModelEntry, residents: &Residents) -> Value {
    if let Some(host) = &entry.host {
        return json!({
            "id": entry.id, "object": "model", "created": 0, "owned_by": host, "state": "remote", "host": host,
            "leaves_this_machine": true, "is_default": false,
        });
    }
    let resident = residents.find(&entry.id);
    let state = resident.map_or(&ModelState::Unloaded, |resident| &resident.status.state);
    let memory = resident.map(|resident| resident.memory_bytes).or(entry.memory_bytes);
    json!({
        "id": entry.id,
        "object": "model",
        "created": 0,
        "owned_by": "local",
        "purpose": entry.purpose,
        "leaves_this_machine": false,
        "state": state.name(),
        "is_default": residents.chosen.id.as_ref() == Some(&entry.id),
        "is_pinned": resident.is_some_and(|resident| resident.is_pinned),
        "memory_bytes": memory,
        "memory_is_measured": resident.is_some_and(|resident| resident.is_measured),
    })
}

/// As llama-server lists them. Their strength is a matter of each request, so it is 0 here.
async fn list_adapters(State(state): State<AppState>) -> Json<Value> {
    let adapters = state.models.list_adapters().await;
    let adapter = |(id, it): (usize, &models::Adapter)| json!({"id": id, "name": it.name, "path": it.path.file_name().map(|it| it.to_string_lossy()), "scale": 0.0, "size_bytes": it.size_bytes});
    Json(adapters.iter().enumerate().map(adapter).collect())
}

async fn chat_completions(
    State(state): State<AppState>,
    caller: Caller,
    Body(body): Body<ChatRequest>,
) -> Result<Response, ApiError> {
    caller.may_ask(body.common.model.as_deref())?;
    let Who { share, tenant } = caller.who(&body.common.names);
    let request = GenerateRequest { tenant, share, ..body.to_generate()? };
    answer(&state, Shape::Chat, &body.common, vec![request]).await
}

async fn completions(
    State(state): State<AppState>,
    caller: Caller,
    Body(body): Body<CompletionRequest>,
) -> Result<Response, ApiError> {
    caller.may_ask(body.common.model.as_deref())?;
    let Who { share, tenant } = caller.who(&body.common.names);
    let requests = body.to_generate()?.into_iter().map(|it| GenerateRequest { tenant, share, ..it });
    answer(&state, Shape::Text, &body.common, requests.collect()).await
}

async fn embeddings(
    State(state): State<AppState>,
    caller: Caller,
    Body(body): Body<EmbeddingsRequest>,
) -> Result<Json<Value>, ApiError> {
    embed(&state, &caller, body).await.map(Json)
}

async fn ranking(
    State(state): State<AppState>,
    caller: Caller,
    Body(body): Body<RerankRequest>,
) -> Result<Json<Value>, ApiError> {
    rerank(&state, &caller, body).await.map(Json)
}
