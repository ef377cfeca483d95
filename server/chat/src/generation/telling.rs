//! What watchers are shown of an answer while it is written, and what is kept of it.

use super::writer::{End, Writer};
use crate::calls;
use store::{Outcome, PAUSES, StoreError, insist};
use types::{
    called::{CallState, CallView},
    tools::ToolCall,
};

/// What is shown of arguments while they are written.
const WRITTEN_BYTES: usize = 4 << 10;

impl Writer {
    /// Renders what is new and tells the watchers which blocks changed.
    pub(super) fn show(&mut self) {
        let said = &self.text[self.began.text..];
        let (first_text, mut blocks) = match self.has_form && !said.is_empty() {
            true => self.rendered.update(&markup::fenced(said)),
            false => self.rendered.update(said),
        };
        self.n_text_blocks = first_text + blocks.len();
        blocks.extend(self.written.iter().map(being_written));
        let first = self.began.block + first_text;
        let has_thought = self.thought.n_shown < self.thought.text.len();
        let thought = has_thought.then(|| self.thought.render());
        let mut shown = self.generation.lock();
        shown.seq += 1;
        shown.blocks.truncate(first);
        shown.blocks.extend(blocks);
        let mut first_thought = shown.thought.len();
        if let Some((first, blocks)) = thought {
            first_thought = first;
            shown.thought.truncate(first);
            shown.thought.extend(blocks);
        }
        (shown.thought_ms, shown.is_thinking) = self.thought.so_far();
        shown.n_tokens = self.n_tokens();
        shown.queued = self.queued;
        shown.warning = self.warning;
        shown.tokens_per_second = self.pace.usage().and_then(|usage| usage.tokens_per_second());
        let event = self.generation.grew(&shown, first, first_thought);
        // Sent under the lock: a watcher that takes a snapshot now either has this event in it or receives it.
        self.below.notes.send(self.generation.user, self.session, event);
    }

    fn n_tokens(&self) -> u32 {
        let before = self.spent.map_or(0, |usage| usage.n_generated_tokens);
        before + self.pace.so_far.n_generated_tokens
    }

    /// Saves what there is beside what goes on: whoever keeps the database busy must not keep the words back. Says whether it
    /// does; one that has not ended is not overtaken.
    pub(super) fn save_beside(&mut self) -> bool {
        if self.saving.as_ref().is_some_and(|it| !it.is_finished()) {
            return false;
        }
        let (store, message) = (self.below.store.clone(), self.generation.message);
        let (text, thought) = (self.text.clone(), self.thought.row());
        self.saving = Some(tokio::spawn(async move {
            if let Err(err) = store.save_partial(message, &text, thought.as_ref()).await {
                tracing::error!(error = %err, "could not save a part of an answer");
            }
        }));
        true
    }

    /// Likewise, and waits for it.
    pub(super) async fn save(&mut self) {
        self.end_saving().await;
        self.save_beside();
        self.end_saving().await;
    }

    async fn end_saving(&mut self) {
        if let Some(saving) = self.saving.take() {
            _ = saving.await;
        }
    }

    /// An answer whose end could not be saved however often it was tried is shown nevertheless, and says so: its text can still
    /// be copied. Says also whether it is kept how likely its tokens were, without which an answer is none the worse.
    pub(super) async fn commit(&self, end: End, kv: Option<&str>) -> (End, bool) {
        let thought = self.thought.row();
        let outcome = Outcome {
            body: &self.text,
            thought: thought.as_ref(),
            state: end.state,
            error: end.error.as_deref(),
            usage: end.usage,
            kv,
            probabilities: &self.probabilities,
        };
        let (store, message) = (&self.below.store, self.generation.message);
        if !self.probabilities.is_empty() {
            match store.finish_message(message, outcome.clone()).await {
                Ok(()) => return (end, true),
                Err(err) => {
                    tracing::warn!(error = %err, "could not keep how likely the tokens of an answer were");
                }
            }
        }
        let outcome = Outcome { probabilities: &[], ..outcome };
        let kept = insist(&PAUSES, self.below.hurry.cancelled(), || self.finish(outcome.clone())).await;
        let Err(err) = kept else { return (end, false) };
        tracing::error!(error = %err, message.id = %message, "could not save an answer");
        (End { usage: end.usage, ..End::unsaved(&err) }, false)
    }

    async fn finish(&self, outcome: Outcome<'_>) -> Result<(), StoreError> {
        let message = self.generation.message;
        let kept = self.below.store.finish_message(message, outcome).await;
        if let Err(err) = &kept {
            tracing::warn!(error = %err, message.id = %message, "an answer is not saved yet");
        }
        kept
    }
}

/// A call that is not complete yet.
fn being_written(call: &ToolCall) -> String {
    let end = call.arguments.floor_char_boundary(WRITTEN_BYTES);
    calls::block(&CallView {
        name: call.name.clone(),
        server: None,
        arguments: tools::shown_arguments(&call.arguments[..end]),
        state: CallState::Written,
    })
}
