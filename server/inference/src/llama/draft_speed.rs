//! How much faster answers come where another model guesses: the same questions are answered with guesses and without any, in
//! turns, so that whatever else the machine does meets both.

use super::{Launch, LlamaConfig, connection::Connection, file_name, until};
use crate::EngineError;
use protocol::{
    Command, DraftModel, Event, GenerateParams, LoadRequest, Prompt, RequestId, Speculation, Tenant,
};
use std::path::Path;
use types::{
    chat::{ChatTurn, Role, Usage},
    sampling::Sampling,
    speed::DraftSpeed,
};

/// What a guess costs, and how often it comes true, is learned with this answer, which does not count.
const FIRST: &str = "Explain in detail how a bicycle stays upright while it is ridden.";

/// Questions whose answers repeat little, so that it is the model that guesses, and not what was said before.
const QUESTIONS: [&str; 3] = [
    "Tell the story of a lighthouse keeper who finds a letter in a bottle.",
    "Explain in detail how bread is made, from the grain to the loaf.",
    "Write a function in Python that finds the shortest path in a maze, and explain every step.",
];

/// Tokens of each answer.
const N_TOKENS: u32 = 96;

/// Enough for a question and its answer.
const N_CTX: u32 = 1024;

/// Measures how fast the model at `path` answers while the one at `draft` guesses for it, where that is expected to pay, and while
/// nobody does, in a worker of its own. Dropping the future ends it. Must be called within a Tokio runtime.
pub async fn measure_draft(
    config: &LlamaConfig,
    path: &Path,
    draft: &Path,
) -> Result<DraftSpeed, EngineError> {
    let failed = |reason: String| EngineError::MeasureFailed { name: file_name(path), reason };
    let request = LoadRequest {
        n_ctx: Some(N_CTX),
        n_threads: config.n_threads,
        saved_bytes: 0,
        draft_model: Some(DraftModel { path: draft.to_owned(), is_required: true }),
        ..LoadRequest::new(path.to_owned())
    };
    let link = config.clone().launch();
    let link = link.map_err(|error| failed(format!("the worker could not be started: {error}")))?;
    let mut connection = Connection::new(link);
    let measured = measure(&mut connection, request).await;
    connection.end().await;
    measured.map_err(failed)
}

/// The error is a sentence.
async fn measure(connection: &mut Connection, request: LoadRequest) -> Result<DraftSpeed, String> {
    connection.send(Command::Load(request));
    let loaded = until(connection, |event| match event {
        Event::Loaded(model) => Some(Ok(model.has_chat_template)),
        Event::LoadFailed { reason } => Some(Err(reason)),
        _ => None,
    });
    let has_chat_template = loaded.await?;
    let mut asked = Asked { connection, has_chat_template, n_asked: 0 };
    asked.answer(FIRST, Speculation::Auto).await?;
    let (mut guessed, mut alone) = (Spent::default(), Spent::default());
    for question in QUESTIONS {
        alone.add(asked.answer(question, Speculation::Off).await?);
        guessed.add(asked.answer(question, Speculation::Auto).await?);
    }
    Ok(DraftSpeed { guessed: guessed.rate(), alone: alone.rate() })
}

/// A loaded model.
struct Asked<'c> {
    connection: &'c mut Connection,
    has_chat_template: bool,
    n_asked: u32,
}

impl Asked<'_> {
    /// What the answer to a question cost, greedy and as long as every other one.
    async fn answer(&mut self, question: &str, speculation: Speculation) -> Result<Usage, String> {
        self.n_asked += 1;
        let id = RequestId(self.n_asked.into());
        let prompt = match self.has_chat_template {
            true => Prompt::Chat(vec![ChatTurn::new(Role::User, question)]),
            false => Prompt::Text(question.to_owned()),
        };
        let sampling = Sampling {
            temperature: 0.0,
            max_tokens: Some(N_TOKENS),
            ignore_eos: true,
            ..Sampling::default()
        };
        // Each is somebody else's, so that none is looked up in the answer before.
        let tenant = Tenant(self.n_asked.into());
        let params = GenerateParams { sampling, speculation, ..GenerateParams::new(tenant) };
        self.connection.send(Command::Generate { id, prompt, params: Box::new(params) });
        let answered = until(self.connection, |event| match event {
            Event::Rejected { reason, .. } => Some(Err(reason.to_string())),
            Event::Step(deltas) => {
                let last = deltas.into_iter().find(|it| it.id == id && it.finished.is_some())?;
                let usage = last.usage;
                Some(last.finished?.map(|_| usage))
            }
            _ => None,
        });
        answered.await
    }
}

/// What several answers took behind their first tokens.
#[derive(Default)]
struct Spent {
    n_tokens: u32,
    ms: u32,
}

impl Spent {
    fn add(&mut self, usage: Usage) {
        self.n_tokens += usage.n_generated_tokens.saturating_sub(1);
        self.ms = self.ms.saturating_add(usage.decode_ms);
    }

    /// Tokens per second.
    fn rate(&self) -> f64 {
        f64::from(self.n_tokens) * 1000.0 / f64::from(self.ms.max(1))
    }
}

#[cfg(test)]
mod tests;
