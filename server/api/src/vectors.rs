//! Vectors of texts in OpenAI's shape, and documents ranked for a query in the shape that Jina, Cohere and llama-server
//! share.

use crate::{
    caller::{Caller, Names},
    error::ApiError,
    generate::load,
    keep_alive::KeepAliveField,
    lenient::null_is_default,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use inference::{EmbedInput, EmbedParams, EmbedRequest, Embeddings, Pooling, RankRequest, Ranking, Who};
use serde::Deserialize;
use serde_json::{Value, json};
use state::AppState;

/// `POST /v1/embeddings`. Fields of the API that change nothing here are ignored.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct EmbeddingsRequest {
    input: Input,
    model: Option<String>,
    #[serde(flatten)]
    names: Names,
    keep_alive: Option<KeepAliveField>,
    dimensions: Option<u32>,
    #[serde(default, deserialize_with = "null_is_default")]
    encoding_format: Encoding,
    /// Not OpenAI's: how one vector is made of those of all tokens.
    pooling: Option<Pooling>,
    /// Not OpenAI's: whether vectors are one long.
    normalize: Option<bool>,
    /// Not OpenAI's: whether the end of what is too long is left away.
    #[serde(default, deserialize_with = "null_is_default")]
    truncate: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Texts(Vec<String>),
    Tokens(Vec<u32>),
    ManyTokens(Vec<Vec<u32>>),
}

/// How a vector is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Encoding {
    /// As JSON numbers.
    #[default]
    Float,
    /// As the base64 of little-endian numbers of four bytes.
    Base64,
}

/// `POST /v1/rerank`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RerankRequest {
    query: String,
    documents: Vec<Document>,
    model: Option<String>,
    #[serde(flatten)]
    names: Names,
    keep_alive: Option<KeepAliveField>,
    /// Only so many of the best.
    top_n: Option<usize>,
    /// Whether results bring the documents' texts.
    #[serde(default, deserialize_with = "null_is_default")]
    return_documents: bool,
    /// Not in the other APIs: whether the end of a document that is too long is left away.
    #[serde(default, deserialize_with = "null_is_default")]
    truncate: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Document {
    Text(String),
    Object { text: String },
}

impl Document {
    fn text(&self) -> &String {
        match self {
            Self::Text(text) | Self::Object { text } => text,
        }
    }
}

/// Answers a request for vectors.
pub(crate) async fn embed(
    state: &AppState,
    caller: &Caller,
    request: EmbeddingsRequest,
) -> Result<Value, ApiError> {
    let work = request.work(caller.who(&request.names));
    work.check().map_err(|err| ApiError::invalid("input", err.to_string()))?;
    let (target, _hold) = load(state, request.model.as_deref(), request.keep_alive.as_ref()).await?;
    let model = target.model.clone();
    let Embeddings { vectors, n_tokens } = state.engine.embed(target, work).await?;
    let data = (0..).zip(vectors).map(|(index, vector): (u32, _)| {
        let embedding = request.encoding_format.write(&vector);
        json!({"object": "embedding", "index": index, "embedding": embedding})
    });
    Ok(json!({
        "object": "list",
        "data": data.collect::<Vec<_>>(),
        "model": model,
        "usage": usage(n_tokens),
    }))
}

/// Answers a request to rank documents, the best first.
pub(crate) async fn rerank(
    state: &AppState,
    caller: &Caller,
    request: RerankRequest,
) -> Result<Value, ApiError> {
    let work = request.work(caller.who(&request.names));
    let (target, _hold) = load(state, request.model.as_deref(), request.keep_alive.as_ref()).await?;
    let model = target.model.clone();
    let Ranking { scores, n_tokens } = state.engine.rank(target, work).await?;
    let mut ranked: Vec<_> = scores.into_iter().enumerate().collect();
    ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    ranked.truncate(request.top_n.unwrap_or(usize::MAX));
    let results = ranked.into_iter().map(|(index, score)| {
        let mut result = json!({"index": index, "relevance_score": score});
        if request.return_documents {
            result["document"] = json!({"text": request.documents.get(index).map(Document::text)});
        }
        result
    });
    Ok(json!({
        "object": "list",
        "model": model,
        "results": results.collect::<Vec<_>>(),
        "usage": usage(n_tokens),
    }))
}

fn usage(n_tokens: u64) -> Value {
    json!({"prompt_tokens": n_tokens, "total_tokens": n_tokens})
}

impl EmbeddingsRequest {
    fn work(&self, who: Who) -> EmbedRequest {
        let text = |text: &String| EmbedInput::Text(text.clone());
        let tokens = |tokens: &Vec<u32>| EmbedInput::Tokens(tokens.clone());
        let inputs = match &self.input {
            Input::Text(it) => vec![text(it)],
            Input::Texts(texts) => texts.iter().map(text).collect(),
            Input::Tokens(it) => vec![tokens(it)],
            Input::ManyTokens(many) => many.iter().map(tokens).collect(),
        };
        let params = EmbedParams {
            pooling: self.pooling,
            dimensions: self.dimensions,
            normalize: self.normalize.unwrap_or(true),
            truncate: self.truncate,
        };
        EmbedRequest { inputs, params, who }
    }
}

impl RerankRequest {
    fn work(&self, who: Who) -> RankRequest {
        let documents = self.documents.iter().map(|document| document.text().clone()).collect();
        RankRequest { query: self.query.clone(), documents, truncate: self.truncate, who }
    }
}

impl Encoding {
    fn write(self, vector: &[f32]) -> Value {
        match self {
            Self::Float => json!(vector),
            Self::Base64 => {
                let bytes: Vec<u8> = vector.iter().flat_map(|it| it.to_le_bytes()).collect();
                json!(BASE64_STANDARD.encode(bytes))
            }
        }
    }
}

#[cfg(test)]
mod tests;
