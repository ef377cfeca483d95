//! Answers that are being written: one task each, which outlives every socket.

use crate::{ChatError, SERVER_STOPPED, better_title::BetterTitle, documents, notes::Notes, thread::view};
use futures::StreamExt;
use inference::{Engine, EngineError, GenerateEvent, GenerateRequest, Rejection, Target};
use markup::BlockStream;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};
use store::{MessageRow, Outcome, Store, ThoughtRow};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use types::{
    chat::{ChatEvent, FinishReason, MessageState, Queued, ThoughtGrowth, ThoughtView, Usage},
    document::SourceView,
    guard::Warning,
    ids::{GenerationId, MessageId, SessionId, UserId},
};

/// Faster than that nobody sees it.
const REPAINT: Duration = Duration::from_millis(33);
/// What a crash may cost.
const SAVE: Duration = Duration::from_secs(1);

/// All answers that are being written, at most one a session.
#[derive(Default)]
pub(crate) struct Running {
    by_session: Mutex<HashMap<SessionId, Option<Arc<Generation>>>>,
    next: AtomicI64,
    tasks: TaskTracker,
    /// Fires when the server cannot wait any longer.
    hurry: CancellationToken,
    /// Fires when the server is told to stop: nobody waits for what this ends.
    leisure: CancellationToken,
}

/// One answer that is being written.
pub(crate) struct Generation {
    pub(crate) id: GenerationId,
    pub(crate) user: UserId,
    pub(crate) message: MessageId,
    stop: CancellationToken,
    shown: Mutex<Shown>,
}

/// What watchers have been sent.
#[derive(Default)]
struct Shown {
    seq: u64,
    blocks: Vec<String>,
    thought: Vec<String>,
    thought_ms: Option<u32>,
    n_tokens: u32,
    tokens_per_second: Option<f32>,
    queued: Option<Queued>,
    warning: Option<Warning>,
}

/// The right to write one answer in a session; given back when dropped.
pub(crate) struct Admission {
    running: Arc<Running>,
    user: UserId,
    session: SessionId,
}

/// What an answer starts from.
pub(crate) struct Start {
    pub(crate) row: MessageRow,
    pub(crate) variants: Vec<MessageId>,
    /// The passages that it was given to read.
    pub(crate) sources: Vec<SourceView>,
    pub(crate) request: GenerateRequest,
    pub(crate) target: Target,
}

impl Running {
    /// Reserves the session for one answer.
    pub(crate) fn admit(self: &Arc<Self>, user: UserId, session: SessionId) -> Result<Admission, ChatError> {
        if self.tasks.is_closed() {
            return Err(ChatError::ShuttingDown);
        }
        let mut by_session = self.lock();
        if by_session.contains_key(&session) {
            return Err(ChatError::Busy);
        }
        by_session.insert(session, None);
        Ok(Admission { running: Arc::clone(self), user, session })
    }

    /// The session's answer, if one is being written.
    pub(crate) fn find(&self, session: SessionId) -> Option<Arc<Generation>> {
        self.lock().get(&session).cloned().flatten()
    }

    /// Ends the session's answer, if it is `user`'s.
    pub(crate) fn stop(&self, user: UserId, session: SessionId) {
        if let Some(generation) = self.find(session).filter(|generation| generation.user == user) {
            generation.stop.cancel();
        }
    }

    /// See [`crate::Chat::shutdown`].
    pub(crate) async fn shutdown(&self, grace: Duration) {
        self.tasks.close();
        self.leisure.cancel();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            self.hurry.cancel();
            self.tasks.wait().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Option<Arc<Generation>>>> {
        self.by_session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.running.lock().remove(&self.session);
    }
}

impl Admission {
    pub(crate) fn session(&self) -> SessionId {
        self.session
    }

    /// Starts writing.
    pub(crate) fn begin(
        self,
        store: Store,
        engine: Arc<dyn Engine>,
        notes: Notes,
        start: Start,
    ) -> GenerationId {
        let id = GenerationId(self.running.next.fetch_add(1, Ordering::Relaxed) + 1);
        let generation = Arc::new(Generation {
            id,
            user: self.user,
            message: start.row.id,
            stop: CancellationToken::new(),
            shown: Mutex::default(),
        });
        self.running.lock().insert(self.session, Some(Arc::clone(&generation)));
        let running = Arc::clone(&self.running);
        let mut writer = Writer {
            hurry: running.hurry.clone(),
            session: self.session,
            generation,
            store,
            notes,
            text: start.row.body.clone(),
            rendered: BlockStream::default(),
            thought: Thought::resume(start.row.thought.as_ref(), !start.row.body.is_empty()),
            pace: Pace::start(),
            queued: None,
            warning: None,
        };
        if !writer.text.is_empty() || !writer.thought.text.is_empty() {
            // An answer that goes on is never shown without its beginning.
            writer.show();
        }
        running.tasks.spawn(writer.run(self, engine, start));
        id
    }
}

impl Generation {
    /// What watchers have been sent so far of the answer and of the thought before it.
    pub(crate) fn so_far(&self) -> (Vec<String>, Option<ThoughtView>) {
        let shown = self.lock();
        let thought =
            ThoughtView { text: String::new(), blocks: shown.thought.clone(), ms: shown.thought_ms };
        (shown.blocks.clone(), (!shown.thought.is_empty()).then_some(thought))
    }

    /// Everything so far as one event, and its place in the sequence.
    pub(crate) fn snapshot(&self) -> (u64, ChatEvent) {
        let shown = self.lock();
        (shown.seq, self.grew(&shown, 0, 0))
    }

    /// `first` and `first_thought` are the first blocks that changed.
    fn grew(&self, shown: &Shown, first: usize, first_thought: usize) -> ChatEvent {
        ChatEvent::Grew {
            message: self.message,
            generation: self.id,
            seq: shown.seq,
            first: first as u32,
            blocks: shown.blocks[first..].to_vec(),
            thought: ThoughtGrowth {
                first: first_thought as u32,
                blocks: shown.thought[first_thought..].to_vec(),
                ms: shown.thought_ms,
            },
            n_tokens: shown.n_tokens,
            tokens_per_second: shown.tokens_per_second,
            queued: shown.queued,
            warning: shown.warning,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Times and counts, for answers whose engine could not report its own at their end.
struct Pace {
    started: Instant,
    first_token: Option<Instant>,
    last_token: Option<Instant>,
    /// What came last said that it cost.
    so_far: Usage,
}

impl Pace {
    fn start() -> Self {
        Self { started: Instant::now(), first_token: None, last_token: None, so_far: Usage::default() }
    }

    fn note(&mut self, so_far: Usage) {
        let now = Instant::now();
        self.first_token.get_or_insert(now);
        self.last_token = Some(now);
        self.so_far = so_far;
    }

    fn usage(&self) -> Option<Usage> {
        let (first, last) = (self.first_token?, self.last_token?);
        Some(Usage {
            first_token_ms: first.duration_since(self.started).as_millis() as u32,
            decode_ms: last.duration_since(first).as_millis() as u32,
            ..self.so_far
        })
    }
}

/// What the model thinks before it answers.
#[derive(Default)]
struct Thought {
    text: String,
    rendered: BlockStream,
    /// How much of the text watchers have been sent.
    n_shown: usize,
    began: Option<Instant>,
    ended: Option<Instant>,
    /// Nobody knows how long a part of it took.
    is_untimed: bool,
}

impl Thought {
    /// One that came to an end, or was broken off before anything was said.
    fn resume(row: Option<&ThoughtRow>, has_said: bool) -> Self {
        let Some(row) = row else { return Self::default() };
        let now = Instant::now();
        let took = Duration::from_millis(row.ms.unwrap_or_default().into());
        Self {
            text: row.text.clone(),
            began: now.checked_sub(took),
            ended: has_said.then_some(now),
            is_untimed: row.ms.is_none(),
            ..Self::default()
        }
    }

    fn grow(&mut self, text: &str) {
        if !text.is_empty() {
            self.began.get_or_insert_with(Instant::now);
            self.ended = None;
            self.text.push_str(text);
        }
    }

    /// Something else came.
    fn end(&mut self) {
        if self.began.is_some() {
            self.ended.get_or_insert_with(Instant::now);
        }
    }

    fn ms(&self) -> Option<u32> {
        if self.is_untimed {
            return None;
        }
        Some(self.ended?.duration_since(self.began?).as_millis() as u32)
    }

    fn row(&self) -> Option<ThoughtRow> {
        self.began.map(|_| ThoughtRow { text: self.text.clone(), ms: self.ms() })
    }

    /// Renders what is new: the first block that changed, and all blocks from there on.
    fn render(&mut self) -> (usize, Vec<String>) {
        self.n_shown = self.text.len();
        self.rendered.update(&self.text)
    }
}

/// How an answer ended.
struct End {
    state: MessageState,
    error: Option<String>,
    usage: Option<Usage>,
}

impl End {
    fn failed(err: &EngineError) -> Self {
        let state = match err {
            EngineError::Rejected(Rejection::TooLong { .. }) => MessageState::Refused,
            _ => MessageState::Failed,
        };
        Self { state, error: Some(err.to_string()), usage: None }
    }
}

/// The task that writes one answer.
struct Writer {
    session: SessionId,
    generation: Arc<Generation>,
    store: Store,
    notes: Notes,
    hurry: CancellationToken,
    text: String,
    rendered: BlockStream,
    thought: Thought,
    pace: Pace,
    /// Others come first.
    queued: Option<Queued>,
    /// What a person should know about the machine.
    warning: Option<Warning>,
}

impl Writer {
    async fn run(mut self, admission: Admission, engine: Arc<dyn Engine>, start: Start) {
        let end = self.write(Arc::clone(&engine), start.target, start.request).await;
        let usage = end.usage.or_else(|| self.pace.usage());
        // Of an answer that went on, both parts count.
        let usage = match (start.row.usage, usage) {
            (Some(before), Some(usage)) => Some(before.and(usage)),
            (before, usage) => usage.or(before),
        };
        let end = End { usage, ..end };
        self.thought.end();
        let end = self.commit(end).await;
        let row = MessageRow {
            body: std::mem::take(&mut self.text),
            thought: self.thought.row(),
            state: end.state,
            error: end.error,
            usage: end.usage,
            ..start.row
        };
        let title = (end.state == MessageState::Complete).then(|| self.better_title(engine, row.id));
        // The session takes a new message before anybody is told that this answer ended.
        let running = Arc::clone(&admission.running);
        drop(admission);
        let message = documents::show(view(row, start.variants), &start.sources);
        self.notes.send(self.generation.user, self.session, ChatEvent::Finished { message });
        self.notes.sessions_changed(self.generation.user);
        if let Some(title) = title {
            _ = running.leisure.run_until_cancelled(title.find()).await;
        }
    }

    fn better_title(&self, engine: Arc<dyn Engine>, reply: MessageId) -> BetterTitle {
        let (store, notes) = (self.store.clone(), self.notes.clone());
        BetterTitle { store, engine, notes, user: self.generation.user, session: self.session, reply }
    }

    async fn write(&mut self, engine: Arc<dyn Engine>, target: Target, request: GenerateRequest) -> End {
        let (stop, hurry) = (self.generation.stop.clone(), self.hurry.clone());
        let work = self.follow(engine, target, request);
        tokio::select! {
            biased;
            () = stop.cancelled() => End { state: MessageState::Stopped, error: None, usage: None },
            () = hurry.cancelled() => {
                End { state: MessageState::Failed, error: Some(SERVER_STOPPED.to_owned()), usage: None }
            }
            end = work => end,
        }
    }

    async fn follow(&mut self, engine: Arc<dyn Engine>, target: Target, request: GenerateRequest) -> End {
        let mut events = match engine.generate(target, request).await {
            Ok(events) => events,
            Err(err) => return self.refused(&err),
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
                    Some(Ok(GenerateEvent::Text { text, reasoning, usage, .. })) => {
                        self.queued = None;
                        self.thought.grow(&reasoning);
                        if !text.is_empty() {
                            self.thought.end();
                        }
                        self.text.push_str(&text);
                        self.pace.note(usage);
                        (unseen, unsaved) = (true, true);
                    }
                    Some(Ok(GenerateEvent::Warned(warning))) => {
                        self.warning = Some(warning);
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
                    self.save().await;
                    unsaved = false;
                }
            }
        }
    }

    fn refused(&self, err: &EngineError) -> End {
        tracing::warn!(error = %err, generation.id = %self.generation.id, "an answer could not begin");
        End::failed(err)
    }

    fn broke_off(&self, err: &EngineError) -> End {
        let detail = match err {
            EngineError::WorkerDied { detail } => detail.as_str(),
            _ => "",
        };
        tracing::warn!(error = %err, detail, generation.id = %self.generation.id, "an answer broke off");
        End::failed(err)
    }

    /// Renders what is new and tells the watchers which blocks changed.
    fn show(&mut self) {
        let (first, blocks) = self.rendered.update(&self.text);
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
        shown.thought_ms = self.thought.ms();
        shown.n_tokens = self.pace.so_far.n_generated_tokens;
        shown.queued = self.queued;
        shown.warning = self.warning;
        shown.tokens_per_second = self.pace.usage().and_then(|usage| usage.tokens_per_second());
        let event = self.generation.grew(&shown, first, first_thought);
        // Sent under the lock: a watcher that takes a snapshot now either has this event in it or receives it.
        self.notes.send(self.generation.user, self.session, event);
    }

    async fn save(&self) {
        let thought = self.thought.row();
        if let Err(err) = self.store.save_partial(self.generation.message, &self.text, thought.as_ref()).await
        {
            tracing::error!(error = %err, "could not save a part of an answer");
        }
    }

    /// An answer that could not be saved is shown nevertheless, and says so: its text can still be copied.
    async fn commit(&self, end: End) -> End {
        let thought = self.thought.row();
        let outcome = Outcome {
            body: &self.text,
            thought: thought.as_ref(),
            state: end.state,
            error: end.error.as_deref(),
            usage: end.usage,
        };
        let message = self.generation.message;
        let Err(err) = self.store.finish_message(message, outcome).await else { return end };
        tracing::error!(error = %err, message.id = %message, "could not save an answer");
        End {
            state: MessageState::Failed,
            error: Some(format!("the answer could not be saved: {err}")),
            ..end
        }
    }
}

fn ended(reason: FinishReason, usage: Usage) -> End {
    let state = match reason {
        FinishReason::Stop | FinishReason::ToolCalls => MessageState::Complete,
        FinishReason::Length => MessageState::Cut,
        FinishReason::Cancelled | FinishReason::Guarded(_) => MessageState::Stopped,
    };
    let error = match reason {
        FinishReason::Guarded(guard) => Some(guard.as_str().to_owned()),
        _ => None,
    };
    End { state, error, usage: Some(usage) }
}
