//! A better title than the rule's, by the model that answered, once it has nothing else to do.
//!
//! Only for the first question and its answer, only by a model of this machine, and never over a title that a person chose.

use crate::{
    notes::Notes,
    title::{MAX_CHARS, title_of, without_marks},
};
use futures::StreamExt;
use inference::{Engine, GenerateEvent, GenerateRequest, Prompt, ServerText, Target, Tenant};
use std::{sync::Arc, time::Duration};
use store::Store;
use tokio::time::timeout;
use types::{
    chat::{ChatTurn, Role},
    ids::{MessageId, ModelId, SessionId, UserId},
    model::ModelState,
    reasoning::{Effort, Reasoning},
    sampling::Sampling,
};

/// Smaller models write worse titles than the rule does.
const SMALLEST_MODEL_BYTES: u64 = 700_000_000;
/// The model has had nothing to do for so long.
const IDLE: Duration = if cfg!(test) { Duration::from_millis(10) } else { Duration::from_secs(3) };
/// A title that comes later than that would surprise more than it helps.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
const WRITING: Duration = Duration::from_secs(60);
const MAX_TOKENS: u32 = 32;
/// Of the question and of the answer each: what they are about stands at their beginning.
const SHOWN_CHARS: usize = 1500;

const TASK: &str = "Write a title for this conversation: three to six words in its language, which say what it is about. \
    Write the title alone, without quotation marks.";

/// Where titles come from and go to.
pub(crate) struct BetterTitle {
    pub(crate) store: Store,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) notes: Notes,
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) reply: MessageId,
}

impl BetterTitle {
    /// Replaces the rule's title of a session whose first answer has ended. Nobody waits for it, so that whatever fails leaves
    /// the title as it is.
    pub(crate) async fn find(self) {
        let Some((question, answer)) = self.first_turns().await else { return };
        let Some(model) = self.model() else { return };
        let idle = timeout(PATIENCE, until_idle(self.engine.as_ref(), &model)).await;
        if idle != Ok(true) {
            return;
        }
        let Some(title) = self.written(model, &question, &answer).await else { return };
        match self.store.improve_title(self.user, self.session, &title_of(&question), &title).await {
            Ok(true) => self.notes.sessions_changed(self.user),
            Ok(false) => {}
            Err(err) => tracing::warn!(error = %err, "could not save a title"),
        }
    }

    /// The question and the answer, where there is nothing else yet and titles may be written.
    async fn first_turns(&self) -> Option<(String, String)> {
        if self.store.load_settings(self.user).await.ok()?.rule_titles {
            return None;
        }
        let (user, session) = (self.user, self.session);
        // One more than wanted tells whether there is anything else.
        let rows = self.store.load_end_of_thread(user, session, self.reply, 3).await.ok()?;
        let [question, answer] = <[_; 2]>::try_from(rows.messages).ok()?;
        let says_something = |text: &String| !text.trim().is_empty();
        Some((question.body, answer.body)).filter(|(a, b)| says_something(a) && says_something(b))
    }

    /// The chosen model, where it is on this machine and large enough.
    fn model(&self) -> Option<ModelId> {
        let status = self.engine.status();
        let residents = status.borrow();
        let id = residents.chosen.id.clone().filter(|id| !id.is_remote())?;
        let is_large = residents.find(&id)?.memory_bytes >= SMALLEST_MODEL_BYTES;
        is_large.then_some(id)
    }

    async fn written(&self, model: ModelId, question: &str, answer: &str) -> Option<String> {
        let request = GenerateRequest {
            sampling: Sampling { temperature: 0.3, max_tokens: Some(MAX_TOKENS), ..Sampling::default() },
            reasoning: Reasoning { effort: Some(Effort::None), max_tokens: Some(0) },
            server_text: Some(ServerText { n_bytes: TASK.len(), has_tools: false }),
            ..GenerateRequest::new(Prompt::Chat(task(question, answer)), Tenant(self.user.0))
        };
        let target = Target { model: Some(model), keep_alive: None };
        let mut events = self.engine.generate(target, request).await.ok()?;
        let write = async {
            let mut title = String::new();
            while let Some(event) = events.next().await {
                if let GenerateEvent::Text { text, .. } = event.ok()? {
                    title.push_str(&text);
                }
            }
            Some(title)
        };
        timeout(WRITING, write).await.ok().flatten().and_then(|title| usable(&title))
    }
}

fn task(question: &str, answer: &str) -> Vec<ChatTurn> {
    let cut = |text: &str| text.chars().take(SHOWN_CHARS).collect::<String>();
    let conversation = format!(
        "{TASK}\n\n<question>\n{}\n</question>\n\n<answer>\n{}\n</answer>",
        cut(question),
        cut(answer)
    );
    vec![ChatTurn::new(Role::User, conversation)]
}

/// Whether the model has nothing to do; `false` once it is not in memory any more.
async fn until_idle(engine: &dyn Engine, model: &ModelId) -> bool {
    let mut status = engine.status();
    loop {
        let state = status.borrow_and_update().find(model).map(|resident| resident.status.state.clone());
        let is_idle = match state {
            Some(ModelState::Ready) => true,
            Some(ModelState::Busy { .. } | ModelState::Loading { .. }) => false,
            _ => return false,
        };
        match timeout(IDLE, status.changed()).await {
            Err(_) if is_idle => return true,
            Ok(Err(_)) => return false,
            _ => {}
        }
    }
}

/// What the model wrote as a title, if it is one.
fn usable(written: &str) -> Option<String> {
    let line = written.lines().map(without_marks).find(|line| !line.is_empty())?;
    let line = line.strip_prefix("Title:").unwrap_or(&line).trim();
    let title = line.trim_matches(|c| matches!(c, '"' | '\'' | '“' | '”' | '„' | '«' | '»' | '.' | ' '));
    let has_words = title.chars().filter(|c| c.is_alphabetic()).count() > 1;
    (has_words && title.chars().count() <= MAX_CHARS).then(|| title.to_owned())
}

#[cfg(test)]
mod tests {
    use super::usable;

    #[test]
    fn what_a_model_writes_becomes_a_title_where_it_is_one() {
        let check = |written: &str, expected: Option<&str>| assert_eq!(usable(written).as_deref(), expected);
        check("Lanterns and their light", Some("Lanterns and their light"));
        check("\n**\"Lanterns at sea.\"**\nmore", Some("Lanterns at sea"));
        check("Title: „Laternen“", Some("Laternen"));
        check("# 灯籠の光", Some("灯籠の光"));
        check("", None);
        check("...", None);
        check(&"word ".repeat(20), None);
    }
}
