//! The task that writes one answer: what the model says, what it calls, and its end.

use super::{
    Admission, First, Generation, Hands, Start, Starts,
    hands::Round,
    keeping::{Keeping, Kept},
    pace::Pace,
    thought::Thought,
};
use crate::{
    SERVER_STOPPED,
    answering::{MOST_KEPT, kept, kv_of},
    better_title::BetterTitle,
    calls,
    notes::Notes,
    thread::shown,
};
use futures::StreamExt;
use inference::{Engine, EngineError, GenerateEvent, GenerateRequest, Prompt, Rejection, Target};
use markup::BlockStream;
use std::{sync::Arc, time::Duration};
use store::{CallRow, LeftOutRow, MessageRow, ProbabilityRow, Store};
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use types::{
    chat::{ChatEvent, ChatTurn, FinishReason, MessageState, Queued, Usage},
    document::SourceView,
    guard::Warning,
    ids::{MessageId, SessionId},
    tools::{CallPiece, MAX_CALLS, ToolCall},
};

/// Faster than that nobody sees it.
const REPAINT: Duration = Duration::from_millis(33);
/// What a crash may cost.
const SAVE: Duration = Duration::from_secs(1);
const CALLED_NOTHING: &str = "the model called a tool instead of answering, but no tool may run in this chat: allow it one below the \
    message box, or ask again";

const CALLED_TO_THE_END: &str = "the model called tools instead of answering, and may not any more: ask again, or allow more rounds of \
    tool calls in the settings";

/// How an answer ended, or one of its rounds.
pub(super) struct End {
    pub(super) state: MessageState,
    pub(super) error: Option<String>,
    pub(super) usage: Option<Usage>,
    /// The model waits for what it called.
    pub(super) has_called: bool,
}

impl End {
    fn new(state: MessageState, error: Option<String>) -> Self {
        Self { state, error, usage: None, has_called: false }
    }

    fn failed(err: &EngineError) -> Self {
        let state = match err {
            EngineError::Rejected(Rejection::TooLong { .. }) => MessageState::Refused,
            _ => MessageState::Failed,
        };
        Self::new(state, Some(err.to_string()))
    }

    pub(super) fn unsaved(err: &store::StoreError) -> Self {
        Self::new(MessageState::Failed, Some(format!("the answer could not be saved: {err}")))
    }
}

/// What an answer is kept in and told through.
pub(super) struct Below {
    pub(super) store: Store,
    pub(super) notes: Notes,
    /// Fires when the server cannot wait any longer.
    pub(super) hurry: CancellationToken,
}

/// Where the round that is being written began.
#[derive(Clone, Copy, Default)]
pub(super) struct Began {
    pub(super) text: usize,
    pub(super) block: usize,
}

/// The task that writes one answer.
pub(super) struct Writer {
    pub(super) session: SessionId,
    pub(super) generation: Arc<Generation>,
    pub(super) below: Below,
    pub(super) text: String,
    /// Of the round.
    pub(super) rendered: BlockStream,
    pub(super) began: Began,
    /// How many blocks of the round are text.
    pub(super) n_text_blocks: usize,
    pub(super) thought: Thought,
    /// The calls that the model is writing.
    pub(super) written: Vec<ToolCall>,
    pub(super) called: Vec<CallRow>,
    /// What is written is JSON.
    pub(super) has_form: bool,
    /// What is said now is a critique, which is shown as a thought.
    pub(super) is_critique: bool,
    /// For how many days it is kept what the model is given.
    pub(super) prompt_days: u16,
    pub(super) kept: Kept,
    /// What of the conversation it is not given.
    pub(super) left_out: LeftOutRow,
    /// Where the turns begin that the model may leave out besides.
    pub(super) starts: Starts,
    pub(super) pace: Pace,
    /// What the rounds before cost.
    pub(super) spent: Option<Usage>,
    /// How likely its tokens were, where that is asked for.
    pub(super) probabilities: Vec<ProbabilityRow>,
    /// Others come first.
    pub(super) queued: Option<Queued>,
    /// What a person should know about the machine.
    pub(super) warning: Option<Warning>,
    /// What is being saved of it.
    pub(super) saving: Option<JoinHandle<()>>,
}

impl Writer {
    /// Writes on what the answer has already, which is shown at once.
    pub(super) fn new(session: SessionId, generation: Arc<Generation>, below: Below, start: &Start) -> Self {
        let row = &start.row;
        let began = row.calls.last().map_or(0, |call| call.text_before);
        let mut writer = Self {
            session,
            generation,
            below,
            text: row.body.clone(),
            rendered: BlockStream::default(),
            began: Began { text: began.min(row.body.len()), block: 0 },
            n_text_blocks: 0,
            thought: Thought::resume(row.thought.as_ref(), !row.body.is_empty())
                .after(row.calls.last().map_or(0, |call| call.thought_before)),
            written: Vec::new(),
            called: row.calls.clone(),
            has_form: start.has_form,
            is_critique: false,
            prompt_days: start.prompt_days,
            kept: Kept::default(),
            left_out: row.left_out.clone(),
            starts: start.starts.clone(),
            pace: Pace::start(),
            spent: None,
            probabilities: Vec::new(),
            queued: None,
            warning: None,
            saving: None,
        };
        if !row.calls.is_empty() {
            let before = MessageRow { body: writer.text[..writer.began.text].to_owned(), ..row.clone() };
            let blocks = calls::blocks(&before, false);
            writer.began.block = blocks.len();
            writer.generation.lock().blocks = blocks;
        }
        if !writer.text.is_empty() || !writer.thought.text.is_empty() {
            // An answer that goes on is never shown without its beginning.
            writer.show();
        }
        writer
    }

    pub(super) async fn run(mut self, admission: Admission, engine: Arc<dyn Engine>, start: Start) {
        let Start { row, variants, sources, earlier, request, target, hands, firsts, has_form, .. } = start;
        let end = self.write(Arc::clone(&engine), target.clone(), request, hands, firsts).await;
        // Now that the model has been awake.
        let kv = kv_of(&*engine, &target);
        let usage = and(self.spent, end.usage.or_else(|| self.pace.usage()));
        // Of an answer that went on, both parts count.
        let end = End { usage: and(row.usage, usage), ..end };
        self.thought.end();
        // First of all: nothing else is worth losing the end for.
        let (end, kept_probabilities) = self.commit(end, kv.as_deref()).await;
        self.kept.end().await;
        let (sources, calls, left_out) = self.kept(sources, row.left_out.clone()).await;
        let row = MessageRow {
            body: std::mem::take(&mut self.text),
            thought: self.thought.row(),
            calls,
            left_out,
            warning: self.warning.or(row.warning),
            state: end.state,
            error: end.error,
            usage: end.usage,
            kv,
            has_probabilities: row.has_probabilities | kept_probabilities,
            ..row
        };
        let may_be_better = end.state == MessageState::Complete && !self.session.is_temporary();
        let title = may_be_better.then(|| self.better_title(engine, row.id));
        let user = self.generation.user;
        // The session takes a new message before anybody is told that this answer ended.
        let running = Arc::clone(&admission.running);
        drop(admission);
        let message = Box::new(shown(row, variants, &sources, &earlier, has_form));
        self.below.notes.send(user, self.session, ChatEvent::Finished { message });
        self.below.notes.sessions_changed(user);
        if let Some(title) = title {
            _ = running.leisure.run_until_cancelled(title.find()).await;
        }
    }

    /// What the answer relies on, called and was not given: tools may have found more, and calls may have been interrupted.
    async fn kept(
        &mut self,
        sources: Vec<SourceView>,
        left_out: LeftOutRow,
    ) -> (Vec<SourceView>, Vec<CallRow>, LeftOutRow) {
        let (user, session, message) = (self.generation.user, self.session, self.generation.message);
        let store = &self.below.store;
        let sources = match store.sources_of(user, &[message]).await {
            Ok(mut all) => all.remove(&message).unwrap_or_default(),
            Err(_) => sources,
        };
        match store.find_message(user, session, message).await {
            Ok(Some(row)) => (sources, row.calls, row.left_out),
            _ => (sources, std::mem::take(&mut self.called), left_out),
        }
    }

    fn better_title(&self, engine: Arc<dyn Engine>, reply: MessageId) -> BetterTitle {
        let (store, notes) = (self.below.store.clone(), self.below.notes.clone());
        BetterTitle { store, engine, notes, user: self.generation.user, session: self.session, reply }
    }

    async fn write(
        &mut self,
        engine: Arc<dyn Engine>,
        target: Target,
        request: GenerateRequest,
        hands: Option<Hands>,
        firsts: Vec<First>,
    ) -> End {
        let (stop, hurry) = (self.generation.stop.clone(), self.below.hurry.clone());
        let work = async {
            match self.begin_with(firsts, &engine, &target, request).await {
                Ok(request) => self.rounds(engine, target, request, hands).await,
                Err(end) => end,
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => End::new(MessageState::Stopped, None),
            () = hurry.cancelled() => End::new(MessageState::Failed, Some(SERVER_STOPPED.to_owned())),
            end = work => end,
        }
    }

    /// Lets the model say and call what it wants, until it calls nothing any more.
    async fn rounds(
        &mut self,
        engine: Arc<dyn Engine>,
        target: Target,
        mut request: GenerateRequest,
        hands: Option<Hands>,
    ) -> End {
        let Some(mut hands) = hands else {
            let end = self.follow(&engine, target, request).await;
            return self.without_hands(end, CALLED_NOTHING);
        };
        loop {
            let end = self.follow(&engine, target.clone(), request.clone()).await;
            if !end.has_called || self.written.is_empty() {
                return end;
            }
            if request.tools.is_none() {
                return self.without_hands(end, CALLED_TO_THE_END);
            }
            let refused = (!hands.rounds.take()).then(|| hands.rounds.last_word());
            if refused.is_some() {
                request.tools = None;
            }
            self.spent = and(self.spent, end.usage.or_else(|| self.pace.usage()));
            match self.call(&hands, refused).await {
                Ok(turns) => add(&mut request.prompt, turns),
                Err(err) => return End::unsaved(&err),
            }
            self.pace = Pace::start();
        }
    }

    /// What a model calls that was offered nothing comes to nothing; where it said nothing besides, that has to be said by `sentence`.
    fn without_hands(&self, end: End, sentence: &str) -> End {
        let said = &self.text[self.began.text..];
        let is_riddle = end.has_called && !self.written.is_empty() && said.trim().is_empty();
        if !is_riddle {
            return end;
        }
        End { state: MessageState::Failed, error: Some(sentence.to_owned()), ..end }
    }

    /// Runs what the model called, and begins the next round.
    async fn call(
        &mut self,
        hands: &Hands,
        refused: Option<String>,
    ) -> Result<Vec<ChatTurn>, store::StoreError> {
        self.thought.end();
        let thought = self.thought.end_round();
        let said = self.text[self.began.text..].to_owned();
        if !said.is_empty() {
            self.text.push_str("\n\n");
        }
        self.written.truncate(MAX_CALLS);
        self.show();
        self.save().await;
        let round = self.called.last().map_or(0, |call| call.round + 1);
        let (text_before, thought_before) = (self.text.len(), self.thought.text.len());
        let row = |call| CallRow { round, text_before, thought_before, call, server: None, result: None };
        let rows: Vec<_> = std::mem::take(&mut self.written).into_iter().map(row).collect();
        let told = self.called.iter().filter_map(|call| call.result.as_ref());
        let limits = hands.limits_of(rows.len(), told.map(|result| result.text.len()).sum());
        let first_block = self.began.block + self.n_text_blocks;
        let Below { store, notes, .. } = &self.below;
        let (generation, session) = (&*self.generation, self.session);
        let runner = Round { generation, session, store, notes, hands, first_block, refused, limits };
        let rows = runner.run(rows).await?;
        let turns = calls::turns(&calls::Round { text: &said, thought: &thought, calls: &rows });
        self.began = Began { text: text_before, block: first_block + rows.len() };
        (self.rendered, self.n_text_blocks) = (BlockStream::default(), 0);
        self.called.extend(rows);
        Ok(turns)
    }

    pub(super) async fn follow(
        &mut self,
        engine: &Arc<dyn Engine>,
        target: Target,
        request: GenerateRequest,
    ) -> End {
        let mut keeping = self.keeping(engine, &target, &request);
        let mut events = match engine.generate(target, request).await {
            Ok(events) => events,
            Err(err) => return self.refused(&err).await,
        };
        let mut repaint = interval(REPAINT);
        repaint.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut save = interval(SAVE);
        let (mut unseen, mut unsaved) = (false, false);
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Ok(GenerateEvent::Queued(queued))) => {
                        self.queued = Some(queued);
                        unseen = true;
                    }
                    Some(Ok(GenerateEvent::Text { text, reasoning, calls, logprobs, usage })) => {
                        self.queued = None;
                        // Now that the model is awake, and nobody waits for it any more.
                        if let Some(keeping) = keeping.take() {
                            self.kept.begin(keeping).await;
                        }
                        let room = MOST_KEPT.saturating_sub(self.probabilities.len());
                        self.probabilities.extend(logprobs.into_iter().map(kept).take(room));
                        self.thought.grow(&reasoning);
                        if self.is_critique {
                            self.thought.grow(&text);
                        } else {
                            if !text.is_empty() {
                                self.thought.end();
                            }
                            self.text.push_str(&text);
                        }
                        join(&mut self.written, self.called.len(), calls);
                        self.note_left_out(usage).await;
                        self.pace.note(usage);
                        (unseen, unsaved) = (true, true);
                    }
                    Some(Ok(GenerateEvent::Warned(warning))) => {
                        self.warn(warning).await;
                        unseen = true;
                    }
                    Some(Ok(GenerateEvent::Finished { reason, usage })) => return ended(reason, usage),
                    Some(Err(err)) => return self.broke_off(&err),
                    None => return self.broke_off(&EngineError::WorkerDied { detail: "the stream ended early".to_owned() }),
                },
                _ = repaint.tick(), if unseen => {
                    self.show();
                    unseen = false;
                }
                _ = save.tick(), if unsaved => {
                    unsaved = !self.save_beside();
                }
            }
        }
    }

    /// What is kept of a request for an answer.
    fn keeping(
        &self,
        engine: &Arc<dyn Engine>,
        target: &Target,
        request: &GenerateRequest,
    ) -> Option<Keeping> {
        let (user, message, days) = (self.generation.user, self.generation.message, self.prompt_days);
        let (store, engine) = (self.below.store.clone(), Arc::clone(engine));
        let (target, request) = (target.clone(), request.clone());
        let is_kept = days > 0 && !self.is_critique;
        is_kept.then_some(Keeping { store, engine, user, message, days, target, request })
    }

    /// A prompt that became too long, by what tools gave perhaps, lost its oldest turns: that is told with the answer.
    async fn note_left_out(&mut self, usage: Usage) {
        if usage.n_trimmed_turns == 0 || self.is_critique {
            return;
        }
        let n_messages = self.starts.n_left_out(usage.n_trimmed_turns);
        if n_messages <= self.left_out.n_messages {
            return;
        }
        self.left_out.n_messages = n_messages;
        if let Err(err) = self.below.store.set_left_out(self.generation.message, &self.left_out).await {
            tracing::error!(error = %err, "could not keep what an answer was not given");
        }
    }

    /// Shows it, and keeps it with the answer: who looks later wants to know, too.
    async fn warn(&mut self, warning: Warning) {
        self.warning = Some(warning);
        if let Err(err) = self.below.store.set_warning(self.generation.message, warning).await {
            tracing::error!(error = %err, "could not keep what an answer was warned of");
        }
    }

    /// Where memory is short, the page can offer to make room.
    async fn refused(&mut self, err: &EngineError) -> End {
        if let EngineError::MemoryShort { available_bytes } = *err {
            self.warn(Warning::Memory { available_bytes }).await;
        }
        tracing::warn!(error = %err, generation.id = %self.generation.id, "an answer could not begin");
        End::failed(err)
    }

    pub(super) fn broke_off(&self, err: &EngineError) -> End {
        let detail = match err {
            EngineError::WorkerDied { detail } => detail.as_str(),
            _ => "",
        };
        tracing::warn!(error = %err, detail, generation.id = %self.generation.id, "an answer broke off");
        End::failed(err)
    }
}

fn ended(reason: FinishReason, usage: Usage) -> End {
    let error = reason.guard().map(|guard| guard.as_str().to_owned());
    let has_called = reason == FinishReason::ToolCalls;
    End { usage: Some(usage), has_called, ..End::new(reason.state(), error) }
}

/// What both parts of an answer cost.
pub(super) fn and(before: Option<Usage>, later: Option<Usage>) -> Option<Usage> {
    match (before, later) {
        (Some(before), Some(later)) => Some(before.and(later)),
        (before, later) => later.or(before),
    }
}

fn add(prompt: &mut Prompt, turns: Vec<ChatTurn>) {
    match prompt {
        Prompt::Chat(said) | Prompt::Continue(said) => said.extend(turns),
        Prompt::Text(_) | Prompt::Fill(_) => {}
    }
}

/// Adds pieces to the calls that are being written.
fn join(calls: &mut Vec<ToolCall>, n_before: usize, pieces: Vec<CallPiece>) {
    for piece in pieces {
        match piece {
            CallPiece::Begin { name } => {
                let id = format!("call{}", n_before + calls.len());
                calls.push(ToolCall { id, name, arguments: String::new() });
            }
            CallPiece::Arguments(text) => {
                if let Some(call) = calls.last_mut() {
                    call.arguments.push_str(&text);
                }
            }
        }
    }
}
