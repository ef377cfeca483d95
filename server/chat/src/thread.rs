//! A session as a page shows it.

use crate::{
    Chat, ChatError, attached, calls,
    citations::{self, Cited},
    generation::{Generation, Shown},
};
use std::{collections::HashMap, sync::Arc};
use store::{MessageRow, SessionRow, ThreadRows};
use types::{
    called::is_call,
    chat::{
        Chip, History, MESSAGES_SHOWN, MOST_MESSAGES, MessageState, MessageView, Role, ThoughtView, Thread,
    },
    document::SourceView,
    guard::Guard,
    ids::{MessageId, SessionId, UserId},
};

/// An answer ends once; that others begin and end meanwhile is no reason to look on and on.
const MOST_LOOKS: u32 = 3;

const UNSAVED: &str = "the end of this answer could not be saved";

impl Chat {
    /// What a session begins with that there is not yet.
    pub async fn new_thread(&self, user: UserId) -> Result<Thread, ChatError> {
        Ok(Thread { n_tools: self.n_tools(user, None).await?, ..Thread::default() })
    }

    /// The session and the last `last` messages of its shown branch, at most [`MOST_MESSAGES`] of them. An answer that is being
    /// written has what it has so far.
    pub async fn thread(&self, user: UserId, id: SessionId, last: u32) -> Result<Thread, ChatError> {
        let session = self.store.find_session(user, id).await?.ok_or(ChatError::NotFound)?;
        let leaf = session.leaf;
        self.thread_to(user, session, leaf, last).await
    }

    /// Likewise, with the last `last` messages before `before`.
    pub async fn earlier(
        &self,
        user: UserId,
        id: SessionId,
        before: MessageId,
        last: u32,
    ) -> Result<Thread, ChatError> {
        let session = self.store.find_session(user, id).await?.ok_or(ChatError::NotFound)?;
        let message = self.store.find_message(user, id, before).await?.ok_or(ChatError::NotFound)?;
        self.thread_to(user, session, message.parent, last).await
    }

    async fn thread_to(
        &self,
        user: UserId,
        session: SessionRow,
        leaf: Option<MessageId>,
        last: u32,
    ) -> Result<Thread, ChatError> {
        let id = session.id;
        let ((rows, generation), n_all) = match leaf {
            Some(leaf) => {
                (self.rows_to(user, id, leaf, last).await?, self.store.count_thread(user, id, leaf).await?)
            }
            None => ((ThreadRows::default(), None), 0),
        };
        let n_earlier = n_all.saturating_sub(rows.messages.len() as u32);
        let shown: Vec<_> = rows.messages.iter().map(|message| message.id).collect();
        let sources = self.store.sources_of(user, &shown).await?;
        let mut messages = render(rows, sources, session.answer_schema.is_some()).await;
        if let Some(generation) = generation
            && let Some(message) = messages.iter_mut().find(|message| message.id == generation.message)
            // One that has just ended has more to tell than was sent while it ran.
            && message.state == MessageState::Running
        {
            let (blocks, thought) = generation.so_far();
            message.blocks = blocks;
            message.thought = thought;
            message.generation = Some(generation.id);
        }
        let n_collections = self.store.session_collections(user, id).await?.len() as u32;
        let n_attached = self.store.count_draft_documents(user, id).await?;
        let n_tools = self.n_tools(user, Some(id)).await?;
        Ok(Thread {
            n_tools,
            effort: session.effort,
            n_collections,
            n_attached,
            origin: session.origin,
            model: self.answering_model(user, id).await?,
            chips: chips(&session),
            session: self.summary(session),
            n_earlier,
            messages,
        })
    }
}

impl Chat {
    /// What the last of these messages rely on, as answers behind them can name it.
    pub(crate) async fn cited_in(
        &self,
        user: UserId,
        messages: &[MessageRow],
    ) -> Result<Vec<Cited>, ChatError> {
        let last = &messages[messages.len().saturating_sub(MESSAGES_SHOWN as usize)..];
        let ids: Vec<_> = last.iter().map(|it| it.id).collect();
        let sources = self.store.sources_of(user, &ids).await?;
        let of =
            |it: &MessageRow| citations::all(sources.get(&it.id).map_or(&[][..], Vec::as_slice), &it.calls);
        Ok(last.iter().flat_map(of).collect())
    }

    /// Messages, and the answer that is being written. One that ends between the two looks is looked at again: what is still
    /// being written has somebody who writes it.
    async fn rows_to(
        &self,
        user: UserId,
        id: SessionId,
        leaf: MessageId,
        last: u32,
    ) -> Result<(ThreadRows, Option<Arc<Generation>>), ChatError> {
        let mut n_looks = 0;
        loop {
            let mut rows = self.store.load_end_of_thread(user, id, leaf, last.min(MOST_MESSAGES)).await?;
            let generation = self.running.find(id);
            n_looks += 1;
            let is_written = rows.messages.iter().any(|row| row.state == MessageState::Running);
            if generation.is_some() || !is_written || n_looks == MOST_LOOKS {
                if is_written && !self.running.is_held(id) {
                    end_unsaved(&mut rows.messages);
                }
                return Ok((rows, generation));
            }
        }
    }
}

/// Whoever wrote an answer is gone and could not save its end, on a full disk perhaps: the next start of the server ends it.
fn end_unsaved(rows: &mut [MessageRow]) {
    for row in rows.iter_mut().filter(|row| row.state == MessageState::Running) {
        row.state = MessageState::Failed;
        row.error = Some(UNSAVED.to_owned());
    }
}

/// What the session sets apart.
fn chips(session: &SessionRow) -> Vec<Chip> {
    let mut chips = Vec::new();
    chips.extend(session.system_prompt.is_some().then_some(Chip::SystemPrompt));
    chips.extend(session.overrides.words().into_iter().map(Chip::Sampler));
    chips.extend(session.answer_schema.is_some().then_some(Chip::Form));
    chips.extend(match session.history {
        History::Stop => None,
        History::TrimOldest => Some(Chip::TrimOldest),
        History::Summarise => Some(Chip::Summarise),
    });
    chips.extend(session.keeps_probabilities.then_some(Chip::Probabilities));
    chips
}

/// Markdown takes time: off the runtime.
async fn render(
    rows: ThreadRows,
    sources: HashMap<MessageId, Vec<SourceView>>,
    has_form: bool,
) -> Vec<MessageView> {
    let work = move || {
        let mut earlier = Vec::new();
        let show = |(row, variants): (MessageRow, Vec<MessageId>)| {
            let sources = sources.get(&row.id).map_or(&[][..], Vec::as_slice);
            let cited = citations::all(sources, &row.calls);
            let message = shown(row, variants, sources, &earlier, has_form);
            earlier.extend(cited);
            message
        };
        rows.messages.into_iter().zip(rows.variants).map(show).collect()
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|err| {
        tracing::error!(error = %err, "rendering a thread failed");
        Vec::new()
    })
}

/// One message as a page shows it, with its citations as links. `earlier` is what the answers before it rely on.
pub(crate) fn shown(
    row: MessageRow,
    variants: Vec<MessageId>,
    sources: &[SourceView],
    earlier: &[Cited],
    has_form: bool,
) -> MessageView {
    let cited = citations::all(sources, &row.calls);
    let mut message = view(row, variants, has_form);
    message.n_sources = sources.len() as u32;
    if !cited.is_empty() || !earlier.is_empty() {
        for block in message.blocks.iter_mut().filter(|block| !is_call(block)) {
            *block = citations::link(block, &cited, earlier);
        }
    }
    message
}

/// What an answer has that goes on.
pub(crate) async fn so_far(row: MessageRow, has_form: bool) -> Shown {
    let work = move || {
        let thought = row.thought.as_ref().map(|thought| ThoughtView {
            blocks: markup::render(&thought.text),
            text: String::new(),
            ms: thought.ms,
            goes_on: false,
        });
        Shown::of(calls::blocks(&row, has_form), thought)
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|err| {
        tracing::error!(error = %err, "rendering an answer failed");
        Shown::default()
    })
}

fn view(row: MessageRow, variants: Vec<MessageId>, has_form: bool) -> MessageView {
    let is_rendered = row.role == Role::Assistant && row.state != MessageState::Running;
    // What a guard ended is stored as stopped, with the guard's word in the place of an error.
    let guard = row.error.as_deref().filter(|_| row.state == MessageState::Stopped).and_then(Guard::parse);
    MessageView {
        blocks: match row.role {
            Role::Assistant if is_rendered => calls::blocks(&row, has_form),
            _ => attached::block(&row.documents).into_iter().collect(),
        },
        thought: row.thought.map(|thought| ThoughtView {
            blocks: if is_rendered { markup::render(&thought.text) } else { Vec::new() },
            text: thought.text,
            ms: thought.ms,
            goes_on: false,
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
        n_left_out: row.left_out.n_messages,
        summary: row.left_out.summary,
        n_unseen_images: row.left_out.n_images,
        searched: row.left_out.searched,
        warning: row.warning,
        is_revised: row.is_revised,
        is_corrected: row.is_corrected,
        kv: row.kv,
        has_probabilities: row.has_probabilities,
    }
}
