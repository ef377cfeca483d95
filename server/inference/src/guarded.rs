//! Guards on every stream of an engine, whichever it is.

use crate::{
    BoxFuture, EmbedRequest, Embeddings, Engine, EngineError, GenerateEvent, GenerateRequest, GenerateStream,
    Hold, Intent, ModelSpec, Prompt, RankRequest, Ranking, Target, Tenant, TokenLogprob,
    guards::{Guards, may_begin},
};
use futures::{StreamExt, stream};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, interval},
};
use types::{
    chat::{FinishReason, Usage},
    guard::Guard,
    ids::ModelId,
    model::Residents,
    seen::SeenPart,
    system::SystemSample,
};

/// How often the clock and the machine are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// As how many tokens an answer counts for which no number was asked, of a model whose context is not known.
const MOST_TOKENS: u32 = 32_768;

/// Says how the machine is, at once.
pub type Readings = Arc<dyn Fn() -> SystemSample + Send + Sync>;

/// An engine whose answers end when they have gone wrong.
#[derive(Clone)]
pub struct Guarded {
    engine: Arc<dyn Engine>,
    readings: Readings,
}

impl Guarded {
    /// Watches over what `engine` says, with `readings` of the machine.
    pub fn new(engine: Arc<dyn Engine>, readings: Readings) -> Self {
        Self { engine, readings }
    }

    /// A model elsewhere takes no memory here.
    fn is_here(&self, target: &Target) -> bool {
        let is_elsewhere = match &target.model {
            Some(id) => id.is_remote(),
            None => self.engine.status().borrow().chosen.id.as_ref().is_some_and(ModelId::is_remote),
        };
        !is_elsewhere
    }

    /// How many tokens the model has room for.
    fn n_ctx(&self, target: &Target) -> Option<u32> {
        let status = self.engine.status();
        let residents = status.borrow();
        match &target.model {
            Some(id) => residents.find(id)?.status.n_ctx,
            None => residents.chosen.n_ctx,
        }
    }
}

impl Engine for Guarded {
    fn load(&self, spec: ModelSpec, intent: Intent) -> BoxFuture<'_, Result<Hold, EngineError>> {
        self.engine.load(spec, intent)
    }

    fn hold(&self, id: ModelId) -> BoxFuture<'_, Option<Hold>> {
        self.engine.hold(id)
    }

    fn refuse(&self, spec: ModelSpec, reason: String) -> BoxFuture<'_, ()> {
        self.engine.refuse(spec, reason)
    }

    fn unload(&self, id: ModelId) -> BoxFuture<'_, ()> {
        self.engine.unload(id)
    }

    fn unload_all(&self) -> BoxFuture<'_, ()> {
        self.engine.unload_all()
    }

    fn pin(&self, id: ModelId, is_pinned: bool) -> BoxFuture<'_, ()> {
        self.engine.pin(id, is_pinned)
    }

    fn renew(&self, spec: ModelSpec) -> BoxFuture<'_, ()> {
        self.engine.renew(spec)
    }

    fn foresee(&self, spec: ModelSpec) -> BoxFuture<'_, Option<crate::Outlook>> {
        self.engine.foresee(spec)
    }

    fn generate(
        &self,
        target: Target,
        request: GenerateRequest,
    ) -> BoxFuture<'_, Result<GenerateStream, EngineError>> {
        Box::pin(async move {
            let (is_here, sample) = (self.is_here(&target), (self.readings)());
            if is_here && !may_begin(&request.guards, &sample) {
                return Err(EngineError::MemoryShort { available_bytes: sample.memory_available_bytes });
            }
            let (settings, asked) = (request.guards, request.sampling.max_tokens);
            let readings = is_here.then(|| Arc::clone(&self.readings));
            let started = Instant::now();
            let events = self.engine.generate(target.clone(), request).await?;
            // Now that the model is loaded.
            let most_tokens = asked.or_else(|| self.n_ctx(&target)).unwrap_or(MOST_TOKENS);
            let guards = Guards::new(settings, most_tokens);
            let mut clock = interval(LOOK);
            clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let watched = Watched {
                events: Some(events),
                guards,
                readings,
                clock,
                ready: VecDeque::new(),
                started,
                first: None,
                last: None,
                usage: Usage::default(),
            };
            let stream: GenerateStream = Box::pin(stream::unfold(watched, Watched::next));
            Ok(stream)
        })
    }

    fn count_tokens(&self, target: Target, prompt: Prompt) -> BoxFuture<'_, Result<u32, EngineError>> {
        self.engine.count_tokens(target, prompt)
    }

    fn show(
        &self,
        target: Target,
        request: GenerateRequest,
    ) -> BoxFuture<'_, Result<Vec<SeenPart>, EngineError>> {
        self.engine.show(target, request)
    }

    fn embed(&self, target: Target, request: EmbedRequest) -> BoxFuture<'_, Result<Embeddings, EngineError>> {
        self.engine.embed(target, request)
    }

    fn rank(&self, target: Target, request: RankRequest) -> BoxFuture<'_, Result<Ranking, EngineError>> {
        self.engine.rank(target, request)
    }

    fn forget(&self, tenant: Tenant) -> BoxFuture<'_, ()> {
        self.engine.forget(tenant)
    }

    fn status(&self) -> watch::Receiver<Residents> {
        self.engine.status()
    }
}

/// An answer with its guards.
struct Watched {
    /// `None` once a guard ended it.
    events: Option<GenerateStream>,
    guards: Guards,
    readings: Option<Readings>,
    clock: Interval,
    ready: VecDeque<GenerateEvent>,
    started: Instant,
    /// When the first and the last text came.
    first: Option<Instant>,
    last: Option<Instant>,
    /// What came last said that it cost.
    usage: Usage,
}

impl Watched {
    async fn next(mut self) -> Option<(Result<GenerateEvent, EngineError>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((Ok(event), self));
            }
            let events = self.events.as_mut()?;
            tokio::select! {
                biased;
                event = events.next() => match event? {
                    Ok(event) => self.take(event),
                    Err(err) => return Some((Err(err), self)),
                },
                _ = self.clock.tick() => self.look(),
            }
        }
    }

    fn take(&mut self, mut event: GenerateEvent) {
        let now = Instant::now();
        let mut tripped = None;
        match &mut event {
            GenerateEvent::Queued(_) => self.guards.waits(),
            GenerateEvent::Text { text, reasoning, calls, usage, logprobs } => {
                self.first.get_or_insert(now);
                self.last = Some(now);
                self.usage = *usage;
                let n_generated = usage.n_generated_tokens;
                // What is thought comes before the text that comes with it, and calls behind both.
                if let Some((guard, n_bytes)) = self.guards.text(now, reasoning, n_generated) {
                    reasoning.truncate(n_bytes);
                    text.clear();
                    tripped = Some(guard);
                } else if let Some((guard, n_bytes)) = self.guards.text(now, text, n_generated) {
                    text.truncate(n_bytes);
                    tripped = Some(guard);
                }
                if tripped.is_some() {
                    calls.clear();
                    keep_bytes(logprobs, reasoning.len() + text.len());
                } else {
                    tripped = calls.iter().find_map(|piece| self.guards.call(piece));
                }
            }
            GenerateEvent::Warned(_) | GenerateEvent::Finished { .. } => {}
        }
        self.ready.push_back(event);
        if let Some(guard) = tripped {
            self.end(guard);
        }
    }

    fn look(&mut self) {
        if let Some(guard) = self.guards.tick(Instant::now()) {
            self.end(guard);
            return;
        }
        let warning = self.readings.as_ref().and_then(|readings| self.guards.machine(&readings()));
        self.ready.extend(warning.map(GenerateEvent::Warned));
    }

    /// Cancels the answer; what came of it stays.
    fn end(&mut self, guard: Guard) {
        tracing::info!(
            guard = guard.as_str(),
            n_tokens = self.usage.n_generated_tokens,
            "a guard ended an answer"
        );
        self.events = None;
        let millis = |from: Option<Instant>, to: Option<Instant>| match (from, to) {
            (Some(from), Some(to)) => u32::try_from(to.duration_since(from).as_millis()).unwrap_or(u32::MAX),
            _ => 0,
        };
        let usage = Usage {
            first_token_ms: millis(Some(self.started), self.first),
            decode_ms: millis(self.first, self.last),
            ..self.usage
        };
        self.ready.push_back(GenerateEvent::Finished { reason: FinishReason::Guarded(guard), usage });
    }
}

/// Leaves the tokens of the first so many bytes.
fn keep_bytes(tokens: &mut Vec<TokenLogprob>, n_bytes: usize) {
    let mut n_so_far = 0;
    tokens.retain(|token| {
        n_so_far += token.bytes.len();
        n_so_far <= n_bytes
    });
}

#[cfg(test)]
mod tests;
