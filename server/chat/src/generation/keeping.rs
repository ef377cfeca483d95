//! Keeping what a model was given for an answer, as it read it.

use crate::{answering::status_of, now_ms, seen};
use inference::{Engine, GenerateRequest, Prompt, Target};
use std::{sync::Arc, time::Duration};
use store::Store;
use tokio::{task::JoinHandle, time::timeout};
use types::{
    chat::{ChatTurn, Role},
    ids::{MessageId, UserId},
    overrides::Overrides,
    seen::{KeptPrompt, Seen, SeenKind, SeenPart},
};

/// An answer that has ended waits so long for its prompt to be kept.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is kept, and where.
pub(super) struct Keeping {
    pub(super) store: Store,
    pub(super) engine: Arc<dyn Engine>,
    pub(super) user: UserId,
    pub(super) message: MessageId,
    /// For so many days.
    pub(super) days: u16,
    pub(super) target: Target,
    pub(super) request: GenerateRequest,
}

impl Keeping {
    /// Keeps it beside the answer. A prompt that cannot be kept costs nothing but itself.
    async fn keep(self) {
        let seen = self.seen().await;
        let Self { store, user, message, days, .. } = self;
        let Ok(Ok(body)) = tokio::task::spawn_blocking(move || seen::packed(&seen)).await else {
            return tracing::error!("a prompt could not be packed");
        };
        if let Err(err) = store.keep_prompt(user, message, &body, now_ms(), seen::kept_since(days)).await {
            tracing::error!(error = %err, "could not keep what a model was given");
        }
    }

    /// As the model reads it; a server elsewhere says nothing of that.
    async fn seen(&self) -> Seen {
        let Self { engine, target, request, .. } = self;
        let status = status_of(&**engine, target);
        let shown = engine.show(target.clone(), request.clone()).await;
        let is_as_sent = shown.is_err();
        let parts = shown.unwrap_or_else(|_| as_sent(request));
        let views = Overrides::default().views(&request.sampling);
        let set = views.into_iter().filter(|it| !it.usual.is_empty());
        Seen {
            kept: Some(KeptPrompt {
                model: status.name.unwrap_or_default(),
                is_as_sent,
                sampling: set.map(|it| (it.name, it.usual)).collect(),
                made_ms: now_ms(),
            }),
            n_tokens: parts.iter().map(|part| part.n_tokens).sum(),
            parts,
            n_cached_tokens: None,
            n_ctx: status.n_ctx,
        }
    }
}

/// The prompt of an answer's last round, while it is being kept.
#[derive(Default)]
pub(super) struct Kept(Option<JoinHandle<()>>);

impl Kept {
    /// Keeps another one in its place.
    pub(super) async fn begin(&mut self, keeping: Keeping) {
        self.end().await;
        self.0 = Some(tokio::spawn(keeping.keep()));
    }

    /// Waits for it, but not for long.
    pub(super) async fn end(&mut self) {
        let Some(mut task) = self.0.take() else { return };
        if timeout(PATIENCE, &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// What was said, with who said it, and the tools that could be called.
fn as_sent(request: &GenerateRequest) -> Vec<SeenPart> {
    let part = |kind, text| SeenPart { text, kind, n_tokens: 0, token_bytes: Vec::new() };
    let mut parts = Vec::new();
    for tool in request.tools.iter().flat_map(|it| &it.tools) {
        let text = format!("{}: {} {}\n", tool.name, tool.description, tool.parameters);
        parts.extend([part(SeenKind::Special, "tool ".to_owned()), part(SeenKind::Text, text)]);
    }
    match &request.prompt {
        Prompt::Text(text) => parts.push(part(SeenKind::Text, text.clone())),
        Prompt::Fill(gap) => {
            parts.extend([&gap.before, &gap.after].map(|text| part(SeenKind::Text, text.clone())));
        }
        Prompt::Chat(turns) | Prompt::Continue(turns) => {
            for turn in turns {
                parts.push(part(SeenKind::Special, format!("{} ", speaker(turn.role))));
                parts.extend(turn.images.iter().map(|_| part(SeenKind::Image, String::new())));
                parts.push(part(SeenKind::Text, said(turn)));
            }
        }
    }
    parts
}

fn speaker(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

fn said(turn: &ChatTurn) -> String {
    let calls: String = turn.calls.iter().map(|it| format!("\n{} {}", it.name, it.arguments)).collect();
    format!("{}{calls}\n\n", turn.content)
}
