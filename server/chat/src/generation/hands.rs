//! The calls of one round: asked about where need be, run side by side, kept, shown as they go.

use super::{Generation, Shown};
use crate::{calls, images, notes::Notes, now_ms};
use futures::{StreamExt, stream::FuturesUnordered};
use inference::ServerText;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use store::{CallRow, Store, StoreError};
use tokio::sync::{Notify, Semaphore};
use tools::{
    Answered, Approvals, Approved, Asker, Decision, Failure, Limits, Outcome, Registry, Rounds, run,
};
use types::{
    called::{CallQuestion, CallState, is_call},
    ids::SessionId,
    toolbox::{Fingerprint, Origin, Question, QuestionId, Standing},
    tools::{ToolCall, ToolChoice, ToolUse},
};

/// What an answer may call, and how often.
pub(crate) struct Hands {
    pub(crate) registry: Registry,
    /// How long the person may think about a call.
    pub(crate) approval_time: Duration,
    pub(crate) limits: Limits,
    pub(crate) rounds: Rounds,
    pub(crate) numbers: Numbers,
    /// Where it is kept what a person always allows and never; a temporary chat has no such place of its own.
    pub(crate) permissions: Store,
}

/// By which numbers an answer names what it relies on. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Numbers(Arc<AtomicU32>);

impl Numbers {
    /// The first is `first`.
    pub(crate) fn from(first: u32) -> Self {
        Self(Arc::new(AtomicU32::new(first)))
    }

    /// Takes `n` numbers, and says the first of them.
    pub(crate) fn take(&self, n: usize) -> u32 {
        self.0.fetch_add(n.try_into().unwrap_or_default(), Ordering::Relaxed)
    }
}

/// Of one result, in bytes, however many there are.
const LEAST_RESULT: usize = 1 << 10;
/// What the model is told where images are not kept.
const NO_ROOM: &str = "\n[Nobody sees the images that came of this: memory has no room for more images of temporary \
                       chats. Say that; the person can delete a temporary chat with images, or ask in a chat that is kept.]";

impl Hands {
    /// What the person is asked about them.
    pub(super) fn questions(&self) -> Questions {
        Questions::new(self.approval_time)
    }

    /// What each of `n` calls may take that are made together, where results have taken `n_told` bytes already: a round may fill as much of the
    /// context as one call may, and all rounds twice that.
    pub(super) fn limits_of(&self, n: usize, n_told: usize) -> Limits {
        let left = (2 * self.limits.text_bytes).saturating_sub(n_told).min(self.limits.text_bytes);
        let text_bytes = (left / n.max(1)).max(LEAST_RESULT);
        Limits { text_bytes, ..self.limits.clone() }
    }

    /// The tools as a request names them.
    pub(crate) fn offered(&self) -> ToolUse {
        offered(&self.registry)
    }

    /// What turns say is the person's; what this server says of its own tools is not.
    pub(crate) fn server_text(hands: Option<&Self>) -> ServerText {
        let are_built_in = |it: &Self| it.registry.list().all(|(it, _)| it.origin == Origin::Builtin);
        ServerText { n_bytes: 0, has_tools: hands.is_some_and(are_built_in) }
    }

    fn server_of(&self, tool: &str) -> Option<String> {
        let (description, _) = self.registry.list().find(|(it, _)| it.name == tool)?;
        match &description.origin {
            Origin::Builtin => None,
            Origin::Mcp(server) => Some(server.clone()),
        }
    }
}

/// For how many milliseconds a question waits yet.
fn left_of(question: &Question) -> u64 {
    u64::try_from(question.expires_ms - now_ms()).unwrap_or_default()
}

/// Tools as a request names them.
pub(crate) fn offered(registry: &Registry) -> ToolUse {
    ToolUse { tools: registry.for_model(), choice: ToolChoice::Auto, in_parallel: true }
}

/// What the person is asked while an answer is written.
#[derive(Default)]
pub(crate) struct Questions {
    approvals: Mutex<Approvals>,
    answered: Notify,
}

impl Questions {
    fn new(time: Duration) -> Self {
        let approvals = Approvals::default().with_life(time);
        Self { approvals: Mutex::new(approvals), answered: Notify::new() }
    }

    /// The tool that a question is about, as it is described there, while it waits for its answer.
    pub(crate) fn asked_about(&self, id: QuestionId) -> Option<(String, Fingerprint)> {
        self.lock().asked_about(id, now_ms())
    }

    /// Blocks as they are told now: what is asked in them waits less long than it did when they were made.
    pub(super) fn told_now(&self, blocks: &[String]) -> Vec<String> {
        let mut blocks = blocks.to_vec();
        let mut open = None;
        for block in blocks.iter_mut().filter(|block| is_call(block)) {
            let Some(mut call) = calls::of_block(block) else { continue };
            let CallState::Asked(asked) = &mut call.state else { continue };
            let open = open.get_or_insert_with(|| self.lock().open_questions(now_ms()));
            asked.wait_ms = open.iter().find(|it| it.id == asked.id).map_or(0, left_of);
            *block = calls::block(&call);
        }
        blocks
    }

    /// Answers a question. `false` if nobody asks that any more.
    pub(crate) fn answer(&self, id: QuestionId, answered: Answered) -> bool {
        if self.lock().answer(id, answered, now_ms()).is_err() {
            return false;
        }
        self.answered.notify_waiters();
        true
    }

    fn lock(&self) -> MutexGuard<'_, Approvals> {
        self.approvals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs the calls of a round.
pub(super) struct Round<'a> {
    pub(super) generation: &'a Generation,
    pub(super) session: SessionId,
    pub(super) store: &'a Store,
    pub(super) notes: &'a Notes,
    pub(super) hands: &'a Hands,
    /// The first of the answer's blocks that shows one of them.
    pub(super) first_block: usize,
    /// None of them runs, and this is what is said of all.
    pub(super) refused: Option<String>,
    /// What one of them may take.
    pub(super) limits: Limits,
}

impl Round<'_> {
    /// Every call with its result, once all have ended. What ends is kept at once.
    pub(super) async fn run(&self, mut rows: Vec<CallRow>) -> Result<Vec<CallRow>, StoreError> {
        let generation = self.generation;
        for row in &mut rows {
            row.server = self.hands.server_of(&row.call.name);
        }
        for (at, row) in rows.iter().enumerate() {
            self.show(at, row, CallState::Written);
        }
        let first = self.store.add_calls(generation.user, generation.message, &rows).await?;
        let places = Semaphore::new(self.hands.limits.parallel.max(1));
        let mut running: FuturesUnordered<_> = rows
            .iter()
            .enumerate()
            .map(|(at, row)| {
                let (row, places) = (row.clone(), &places);
                async move { (at, self.outcome(at, &row, places).await) }
            })
            .collect();
        while let Some((at, outcome)) = running.next().await {
            let result = self.keep(outcome?).await?;
            let number = first + u32::try_from(at).unwrap_or_default();
            self.store.finish_call(generation.user, generation.message, number, &result).await?;
            self.show(at, &rows[at], CallState::Ended(calls::end(&result)));
            rows[at].result = Some(result);
        }
        Ok(rows)
    }

    /// Asks until there is an answer, or nobody waits for it any more, and runs the call if it may run.
    async fn outcome(&self, at: usize, row: &CallRow, places: &Semaphore) -> Result<Outcome, StoreError> {
        let failed = |failure| Outcome::failed(row.call.clone(), failure, Duration::ZERO);
        if let Some(sentence) = &self.refused {
            return Ok(failed(Failure::OutOfRounds(sentence.clone())));
        }
        let mut asked: Option<Box<Question>> = None;
        loop {
            if asked.as_ref().is_some_and(|question| question.expires_ms <= now_ms()) {
                return Ok(failed(Failure::NotAllowed(tools::NotAllowed::Unanswered)));
            }
            // An answer that comes between deciding and waiting is not missed.
            let mut answered = std::pin::pin!(self.questions().answered.notified());
            answered.as_mut().enable();
            // What was chosen elsewhere since the answer began holds for it too.
            let standing = self.hands.permissions.tool_permissions(self.generation.user).await?;
            match self.decide(row.call.clone(), standing) {
                Decision::Run(approved) => return Ok(self.call(at, row, approved, places).await),
                Decision::Refuse(outcome) => return Ok(*outcome),
                Decision::Ask(question) => {
                    let left = left_of(&question);
                    if asked.is_none() {
                        self.show(at, row, CallState::Asked(self.question(&question)));
                        asked = Some(question);
                    }
                    _ = tokio::time::timeout(Duration::from_millis(left), answered).await;
                }
            }
        }
    }

    fn questions(&self) -> &Questions {
        self.generation.questions.get_or_init(Questions::default)
    }

    fn decide(&self, call: ToolCall, standing: Vec<Standing>) -> Decision {
        match self.hands.registry.prepare(call, &self.hands.limits) {
            Ok(prepared) => {
                let mut approvals = self.questions().lock();
                approvals.renew(standing);
                approvals.decide(prepared, now_ms())
            }
            Err(outcome) => Decision::Refuse(outcome),
        }
    }

    async fn call(&self, at: usize, row: &CallRow, approved: Approved, places: &Semaphore) -> Outcome {
        // Closed never: it lives as long as the round.
        let _place = places.acquire().await;
        self.show(at, row, CallState::Running);
        let (user, session) = (self.generation.user, Some(self.session));
        let asker = Asker { user, session, text_bytes: self.limits.text_bytes };
        let ended = run(vec![approved], asker, &self.limits).all().await.pop();
        ended.unwrap_or_else(|| Outcome::failed(row.call.clone(), Failure::Broken, Duration::ZERO))
    }

    fn question(&self, question: &Question) -> CallQuestion {
        CallQuestion {
            generation: self.generation.id,
            id: question.id,
            effect: question.effect,
            why: question.why,
            description: question.description.clone(),
            wait_ms: left_of(question),
        }
    }

    async fn keep(&self, mut outcome: Outcome) -> Result<store::CallResult, StoreError> {
        let first_source = self.hands.numbers.take(outcome.sources.len());
        outcome.number_sources_from(first_source as usize);
        if !images::have_room(self.store, self.generation.user, self.session, &outcome.images).await? {
            outcome.images.clear();
            outcome.text.push_str(NO_ROOM);
        }
        let mut kept = Vec::with_capacity(outcome.images.len());
        for image in &outcome.images {
            kept.extend(images::keep(self.store, self.generation.user, image).await?);
        }
        Ok(calls::result(&outcome, first_source, kept))
    }

    /// Shows a call in the place that is its own.
    fn show(&self, at: usize, row: &CallRow, state: CallState) {
        let block = calls::block(&calls::view_in(row, state));
        let put = |shown: &mut Shown| match shown.blocks.get_mut(self.first_block + at) {
            Some(place) => *place = block,
            None => shown.blocks.push(block),
        };
        self.generation.change(self.notes, self.session, self.first_block + at, put);
    }
}
