//! A session as a page shows it.

use crate::{Chat, ChatError, documents};
use std::collections::HashMap;
use store::{MessageRow, ThreadRows};
use types::{
    chat::{MessageState, MessageView, Role, ThoughtView, Thread},
    document::SourceView,
    guard::Guard,
    ids::{MessageId, SessionId, UserId},
};

impl Chat {
    /// The session and its shown branch. An answer that is being written has what it has so far.
    pub async fn thread(&self, user: UserId, id: SessionId) -> Result<Thread, ChatError> {
        let session = self.store.find_session(user, id).await?.ok_or(ChatError::NotFound)?;
        let rows = match session.leaf {
            Some(leaf) => self.store.load_thread(user, id, leaf).await?,
            None => ThreadRows::default(),
        };
        let sources = self.store.sources_of(user, id).await?;
        let mut messages = render(rows, sources).await;
        if let Some(generation) = self.running.find(id)
            && let Some(message) = messages.iter_mut().find(|message| message.id == generation.message)
        {
            let (blocks, thought) = generation.so_far();
            message.blocks = blocks;
            message.thought = thought;
            message.generation = Some(generation.id);
        }
        let n_collections = self.store.session_collections(user, id).await?.len() as u32;
        Ok(Thread {
            effort: session.effort,
            n_collections,
            origin: session.origin,
            chips: session.overrides.words(),
            session: self.summary(session),
            messages,
        })
    }
}

/// Markdown takes time: off the runtime.
async fn render(rows: ThreadRows, sources: HashMap<MessageId, Vec<SourceView>>) -> Vec<MessageView> {
    let work = move || {
        let shown = |(row, variants): (MessageRow, Vec<MessageId>)| {
            let sources = sources.get(&row.id).map_or(&[][..], Vec::as_slice);
            documents::show(view(row, variants), sources)
        };
        rows.messages.into_iter().zip(rows.variants).map(shown).collect()
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|err| {
        tracing::error!(error = %err, "rendering a thread failed");
        Vec::new()
    })
}

/// One message as a page shows it.
pub(crate) fn view(row: MessageRow, variants: Vec<MessageId>) -> MessageView {
    let is_rendered = row.role == Role::Assistant && row.state != MessageState::Running;
    // What a guard ended is stored as stopped, with the guard's word in the place of an error.
    let guard = row.error.as_deref().filter(|_| row.state == MessageState::Stopped).and_then(Guard::parse);
    MessageView {
        blocks: if is_rendered { markup::render(&row.body) } else { Vec::new() },
        thought: row.thought.map(|thought| ThoughtView {
            blocks: if is_rendered { markup::render(&thought.text) } else { Vec::new() },
            text: thought.text,
            ms: thought.ms,
        }),
        id: row.id,
        role: row.role,
        text: row.body,
        images: row.images,
        state: row.state,
        error: row.error.filter(|_| guard.is_none()),
        guard,
        model: row.model,
        usage: row.usage,
        created_at_ms: row.created_ms,
        generation: None,
        variants,
        n_sources: 0,
    }
}
