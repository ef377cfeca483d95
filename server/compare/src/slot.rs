//! One answer: written, shown while it grows, and committed when it ends.

use crate::{SERVER_STOPPED, run::Run};
use futures::StreamExt;
use inference::{EngineError, GenerateEvent, Rejection};
use markup::BlockStream;
use std::time::{Duration, Instant};
use store::{PAUSES, SlotRow, insist};
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};
use types::{
    chat::{FinishReason, MessageState, Usage},
    compare::Phase,
};

/// Faster than that nobody sees it.
const REPAINT: Duration = Duration::from_millis(50);
/// What a crash may cost.
const SAVE: Duration = Duration::from_secs(1);

/// Writes an answer whose model is in memory.
pub(crate) async fn write(run: &Run, slot: usize) {
    let mut writer = Writer::new(run, slot);
    let (stop, hurry) = (run.live.slots[slot].stop.clone(), run.compare.running.hurry.clone());
    let end = tokio::select! {
        biased;
        () = stop.cancelled() => End::of(MessageState::Stopped),
        () = hurry.cancelled() => End::failed(SERVER_STOPPED),
        end = writer.follow() => end,
    };
    writer.kv = writer.kv();
    writer.end(end).await;
}

/// Ends an answer that could not begin.
pub(crate) async fn fail(run: &Run, slot: usize, reason: String) {
    Writer::new(run, slot).end(End::failed(reason)).await;
}

/// Ends an answer that somebody stopped before it began.
pub(crate) async fn stop(run: &Run, slot: usize) {
    Writer::new(run, slot).end(End::of(MessageState::Stopped)).await;
}

/// How an answer ended.
struct End {
    state: MessageState,
    error: Option<String>,
    usage: Option<Usage>,
}

impl End {
    fn of(state: MessageState) -> Self {
        Self { state, error: None, usage: None }
    }

    fn failed(reason: impl Into<String>) -> Self {
        Self { error: Some(reason.into()), ..Self::of(MessageState::Failed) }
    }

    fn by(err: &EngineError) -> Self {
        tracing::warn!(error = %err, "a compared answer broke off");
        let state = match err {
            EngineError::Rejected(Rejection::TooLong { .. }) => MessageState::Refused,
            _ => MessageState::Failed,
        };
        Self { error: Some(err.to_string()), ..Self::of(state) }
    }

    fn finished(reason: FinishReason, usage: Usage) -> Self {
        let error = reason.guard().map(|guard| guard.as_str().to_owned());
        Self { state: reason.state(), error, usage: Some(usage) }
    }
}

struct Writer<'a> {
    run: &'a Run,
    slot: usize,
    text: String,
    thought: String,
    rendered: BlockStream,
    rendered_thought: BlockStream,
    n_thought_shown: usize,
    /// For answers whose engine could not report its own at their end.
    began: Instant,
    first_token: Option<Instant>,
    last_token: Option<Instant>,
    so_far: Usage,
    /// How its model kept keys and values, in words.
    kv: Option<String>,
    /// What is being saved of it.
    saving: Option<JoinHandle<()>>,
}

impl<'a> Writer<'a> {
    fn new(run: &'a Run, slot: usize) -> Self {
        Self {
            run,
            slot,
            text: String::new(),
            thought: String::new(),
            rendered: BlockStream::default(),
            rendered_thought: BlockStream::default(),
            n_thought_shown: 0,
            began: Instant::now(),
            first_token: None,
            last_token: None,
            so_far: Usage::default(),
            kv: None,
            saving: None,
        }
    }

    async fn follow(&mut self) -> End {
        let (target, request) = self.run.request(self.slot);
        let mut events = match self.run.compare.engine.generate(target, request).await {
            Ok(events) => events,
            Err(err) => return End::by(&err),
        };
        let mut repaint = interval(REPAINT);
        repaint.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut save = interval(SAVE);
        let (mut unseen, mut unsaved) = (false, false);
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Ok(GenerateEvent::Queued(queued))) => {
                        self.run.live.show(self.slot, |shown| shown.queued = Some(queued));
                    }
                    Some(Ok(GenerateEvent::Text { text, reasoning, usage, .. })) => {
                        self.grow(&text, &reasoning, usage);
                        (unseen, unsaved) = (true, true);
                    }
                    Some(Ok(GenerateEvent::Warned(_))) => {}
                    Some(Ok(GenerateEvent::Finished { reason, usage })) => return End::finished(reason, usage),
                    Some(Err(err)) => return End::by(&err),
                    None => return End::failed("the model stopped unexpectedly"),
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

    fn grow(&mut self, text: &str, reasoning: &str, usage: Usage) {
        let now = Instant::now();
        self.first_token.get_or_insert(now);
        self.last_token = Some(now);
        self.so_far = usage;
        self.text.push_str(text);
        self.thought.push_str(reasoning);
    }

    /// Renders what is new.
    fn show(&mut self) {
        let (first, blocks) = self.rendered.update(&self.text);
        let thought =
            (self.n_thought_shown < self.thought.len()).then(|| self.rendered_thought.update(&self.thought));
        self.n_thought_shown = self.thought.len();
        let (n_tokens, speed) =
            (self.so_far.n_generated_tokens, self.measured().and_then(|it| it.tokens_per_second()));
        self.run.live.show(self.slot, |shown| {
            shown.text.update(shown.seq, first, blocks);
            if let Some((first, blocks)) = thought {
                shown.thought.update(shown.seq, first, blocks);
            }
            shown.queued = None;
            (shown.n_tokens, shown.tokens_per_second) = (n_tokens, speed);
        });
    }

    /// Saves what there is beside what goes on: whoever keeps the database busy must not keep the words back. Says whether it
    /// does; one that has not ended is not overtaken.
    fn save_beside(&mut self) -> bool {
        if self.saving.as_ref().is_some_and(|it| !it.is_finished()) {
            return false;
        }
        let (store, run, slot) = (self.run.compare.store.clone(), self.run.live.id, self.slot as u8);
        let (text, thought) = (self.text.clone(), self.thought.clone());
        self.saving = Some(tokio::spawn(async move {
            if let Err(err) = store.save_partial_slot(run, slot, &text, &thought).await {
                tracing::error!(error = %err, "could not save a part of a compared answer");
            }
        }));
        true
    }

    fn measured(&self) -> Option<Usage> {
        let (first, last) = (self.first_token?, self.last_token?);
        Some(Usage {
            first_token_ms: first.duration_since(self.began).as_millis() as u32,
            decode_ms: last.duration_since(first).as_millis() as u32,
            ..self.so_far
        })
    }

    /// As long as the model is in memory.
    fn kv(&self) -> Option<String> {
        let residents = self.run.compare.engine.status();
        let residents = residents.borrow();
        let model = residents.find(&self.run.live.slots[self.slot].asked.row.model)?;
        Some(model.loaded.as_ref()?.kv?.to_string())
    }

    /// Commits the answer, then shows that it has ended.
    async fn end(mut self, end: End) {
        let live = &self.run.live;
        let row = SlotRow {
            body: self.text.clone(),
            reasoning: self.thought.clone(),
            state: end.state,
            error: end.error,
            had_no_room: live.slots[self.slot].lock().had_no_room,
            usage: end.usage.or_else(|| self.measured()),
            kv: self.kv.take(),
            ..SlotRow::begun(live.slots[self.slot].asked.row.clone())
        };
        let (store, hurry) = (&self.run.compare.store, self.run.compare.running.hurry.cancelled());
        let saved = insist(&PAUSES, hurry, || store.finish_slot(live.id, self.slot as u8, &row)).await;
        if let Err(err) = &saved {
            tracing::error!(error = %err, "could not save a compared answer");
        }
        self.show();
        self.run.live.show(self.slot, |shown| {
            shown.phase = Phase::Ended;
            shown.is_unsaved = saved.is_err();
        });
    }
}
