//! Answers that are being written: one task each, which outlives every socket.

mod first;
mod hands;
mod keeping;
mod pace;
mod telling;
mod thought;
mod writer;

pub(crate) use first::revise;
pub(crate) use hands::{Hands, Numbers, offered};

use crate::{ChatError, SERVER_STOPPED, citations::Cited, history::Summarise, notes::Notes, prompt};
use hands::Questions;
use inference::{Engine, GenerateRequest, Target};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use store::{MessageRow, Store};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use types::{
    chat::{ChatEvent, MessageState, Queued, ThoughtGrowth, ThoughtView},
    document::SourceView,
    guard::Warning,
    ids::{GenerationId, MessageId, SessionId, UserId},
};
use writer::Writer;

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
    /// What the person is asked meanwhile, once it may call something.
    questions: OnceLock<Questions>,
    stop: CancellationToken,
    shown: Mutex<Shown>,
}

/// What watchers have been sent.
#[derive(Default)]
pub(crate) struct Shown {
    seq: u64,
    blocks: Vec<String>,
    thought: Vec<String>,
    thought_ms: Option<u32>,
    is_thinking: bool,
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

/// An answer that watchers see and that can be stopped; what it is written from is not there yet.
pub(crate) struct Opened {
    admission: Admission,
    generation: Arc<Generation>,
}

/// What an answer starts from.
pub(crate) struct Start {
    pub(crate) row: MessageRow,
    pub(crate) variants: Vec<MessageId>,
    /// The passages that it was given to read.
    pub(crate) sources: Vec<SourceView>,
    /// What the answers before it rely on.
    pub(crate) earlier: Vec<Cited>,
    pub(crate) request: GenerateRequest,
    /// With which messages of the branch the turns of a person in the prompt begin, and how many messages there are.
    pub(crate) starts: Starts,
    pub(crate) target: Target,
    /// What it may call.
    pub(crate) hands: Option<Hands>,
    /// It is JSON, which is shown as a form.
    pub(crate) has_form: bool,
    /// For how many days it is kept what the model is given; 0 keeps nothing.
    pub(crate) prompt_days: u16,
    /// What comes before it, in this order.
    pub(crate) firsts: Vec<First>,
}

/// Where turns of a person begin in a branch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Starts {
    messages: Vec<usize>,
    n_messages: usize,
}

impl Starts {
    /// Of the messages behind the first `from`, which are not in the prompt.
    pub(crate) fn new(messages: &[MessageRow], from: usize) -> Self {
        let from = from.min(messages.len());
        let starts = prompt::starts(&messages[from..]).into_iter().map(|at| from + at).collect();
        Self { messages: starts, n_messages: messages.len() }
    }

    /// How many messages are left out with the first `n_turns` turns of a person.
    fn n_left_out(&self, n_turns: u32) -> u32 {
        let at = self.messages.get(n_turns as usize).copied().unwrap_or(self.n_messages);
        at.try_into().unwrap_or(u32::MAX)
    }
}

/// What a model does before it answers.
pub(crate) enum First {
    /// It summarises the beginning of the conversation, which is not in the prompt.
    Summarise(Summarise),
    /// It criticises the answer that the prompt ends with, which it then mends.
    Criticise,
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

    /// Whether the session is reserved for an answer.
    pub(crate) fn is_held(&self, session: SessionId) -> bool {
        self.lock().contains_key(&session)
    }

    /// Ends the session's answer, if it is `user`'s.
    pub(crate) fn stop(&self, user: UserId, session: SessionId) {
        if let Some(generation) = self.find(session).filter(|generation| generation.user == user) {
            generation.stop.cancel();
        }
    }

    /// Runs `work` whether or not the caller stays to hear what came of it.
    pub(crate) async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ChatError>> + Send + 'static,
    ) -> Result<T, ChatError> {
        self.tasks.spawn(work).await.unwrap_or_else(|err| {
            tracing::error!(error = %err, "a turn could not be begun");
            Err(ChatError::ShuttingDown)
        })
    }

    /// Runs work that ends by itself when it is told to stop.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }

    /// Runs beside the answers until the server is told to stop.
    pub(crate) fn beside(&self, work: impl Future<Output = ()> + Send + 'static) {
        let leisure = self.leisure.clone();
        self.tasks.spawn(async move { _ = leisure.run_until_cancelled(work).await });
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

    /// From now on the answer can be followed and stopped. `has` is what it has already.
    pub(crate) fn open(self, message: MessageId, has: Shown) -> Opened {
        let generation = Arc::new(Generation {
            id: GenerationId(self.running.next.fetch_add(1, Ordering::Relaxed) + 1),
            user: self.user,
            message,
            questions: OnceLock::new(),
            stop: CancellationToken::new(),
            shown: Mutex::new(has),
        });
        self.running.lock().insert(self.session, Some(Arc::clone(&generation)));
        Opened { admission: self, generation }
    }
}

impl Opened {
    pub(crate) fn id(&self) -> GenerationId {
        self.generation.id
    }

    pub(crate) fn session(&self) -> SessionId {
        self.admission.session
    }

    /// Does `work` until the answer is stopped or the server cannot wait any longer; then it says how the answer ended.
    pub(crate) async fn unless_stopped<T>(
        &self,
        work: impl Future<Output = T>,
    ) -> Result<T, (MessageState, Option<String>)> {
        tokio::select! {
            biased;
            () = self.generation.stop.cancelled() => Err((MessageState::Stopped, None)),
            () = self.admission.running.hurry.cancelled() => {
                Err((MessageState::Failed, Some(SERVER_STOPPED.to_owned())))
            }
            done = work => Ok(done),
        }
    }

    /// Writes it to its end.
    pub(crate) async fn write(self, store: Store, engine: Arc<dyn Engine>, notes: Notes, mut start: Start) {
        let Self { admission, generation } = self;
        if let Some(hands) = &mut start.hands {
            _ = generation.questions.set(hands.questions());
        }
        let below = writer::Below { store, notes, hurry: admission.running.hurry.clone() };
        Writer::new(admission.session, generation, below, &start).run(admission, engine, start).await;
    }
}

impl Shown {
    /// An answer with what it has, as it is shown.
    pub(crate) fn of(blocks: Vec<String>, thought: Option<ThoughtView>) -> Self {
        let (thought, thought_ms) = thought.map(|it| (it.blocks, it.ms)).unwrap_or_default();
        Self { blocks, thought, thought_ms, ..Self::default() }
    }
}

impl Generation {
    /// What the person is asked; `None` until it may call something.
    pub(crate) fn questions(&self) -> Option<&Questions> {
        self.questions.get()
    }

    /// What watchers have been sent so far of the answer and of the thought before it.
    pub(crate) fn so_far(&self) -> (Vec<String>, Option<ThoughtView>) {
        let shown = self.lock();
        let thought = ThoughtView {
            text: String::new(),
            blocks: shown.thought.clone(),
            ms: shown.thought_ms,
            goes_on: shown.is_thinking,
        };
        (self.told_now(&shown.blocks), (!shown.thought.is_empty()).then_some(thought))
    }

    fn told_now(&self, blocks: &[String]) -> Vec<String> {
        self.questions().map_or_else(|| blocks.to_vec(), |questions| questions.told_now(blocks))
    }

    /// Everything so far as one event, and its place in the sequence.
    pub(crate) fn snapshot(&self) -> (u64, ChatEvent) {
        let shown = self.lock();
        (shown.seq, self.grew(&shown, 0, 0))
    }

    /// Changes what watchers see, from the block `first` on, and tells them.
    fn change(&self, notes: &Notes, session: SessionId, first: usize, change: impl FnOnce(&mut Shown)) {
        let mut shown = self.lock();
        shown.seq += 1;
        change(&mut shown);
        let event = self.grew(&shown, first, shown.thought.len());
        // Sent under the lock: a watcher that takes a snapshot now either has this event in it or receives it.
        notes.send(self.user, session, event);
    }

    /// `first` and `first_thought` are the first blocks that changed.
    fn grew(&self, shown: &Shown, first: usize, first_thought: usize) -> ChatEvent {
        ChatEvent::Grew {
            message: self.message,
            generation: self.id,
            seq: shown.seq,
            first: first as u32,
            blocks: self.told_now(&shown.blocks[first..]),
            thought: ThoughtGrowth {
                first: first_thought as u32,
                blocks: shown.thought[first_thought..].to_vec(),
                ms: shown.thought_ms,
                goes_on: shown.is_thinking,
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
