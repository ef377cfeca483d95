//! What was asked of a worker and not answered yet, and what becomes of it when the worker dies.

use super::{
    mailbox::{Mailbox, Reader, mailbox},
    pending::{Pending, pending},
    said::Said,
    turnover::Turnover,
};
use crate::{
    EmbedRequest, Embeddings, EngineError, GenerateRequest, GenerateStream, Prompt, RankRequest, Ranking,
    Tenant,
};
use protocol::{Command, Delta, GenerateParams, Rejection, RequestId};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::{
    sync::{mpsc::UnboundedSender, oneshot},
    time::Instant,
};
use types::{
    chat::{FinishReason, Queued},
    seen::SeenPart,
};

/// Where an answer stands that another worker is to go on with. Nobody comes first.
const NEXT: Queued = Queued { position: 1, estimated_ms: None };

pub(super) type Reply<T> = oneshot::Sender<Result<T, EngineError>>;

enum Asked {
    Generate {
        prompt: Prompt,
        params: Box<GenerateParams>,
        mailbox: Mailbox,
        said: Said,
        /// What it belongs to.
        together: Option<u64>,
        /// Until the worker accepted it.
        waiting: Option<(Reply<GenerateStream>, Reader)>,
    },
    Count {
        prompt: Prompt,
        reply: Reply<u32>,
    },
    Show {
        prompt: Prompt,
        params: Box<GenerateParams>,
        reply: Reply<Vec<SeenPart>>,
    },
    Embed {
        request: EmbedRequest,
        reply: Reply<Embeddings>,
    },
    Rank {
        request: RankRequest,
        reply: Reply<Ranking>,
    },
}

struct Request {
    asked: Asked,
    /// The worker has it.
    sent: bool,
    /// This worker said that it took it; another one before may have, too.
    is_taken: bool,
    /// Of this worker.
    n_generated: u32,
    /// When it began to run; `None` while it is in line.
    began: Option<Instant>,
    /// A worker may have died over it.
    is_suspect: bool,
}

impl Request {
    /// A worker that died now may have died over it: it is being prepared or computed, not only in line. What it prepares next it
    /// takes in order, so that of all that were not accepted `first_unaccepted` alone may have been under way.
    fn may_have_killed(&self, is_first_unaccepted: bool) -> bool {
        match self.asked {
            _ if !self.sent => false,
            Asked::Generate { .. } if self.is_taken => self.began.is_some(),
            // Whether these are being computed already is not told.
            Asked::Embed { .. } | Asked::Rank { .. } => true,
            Asked::Generate { .. } | Asked::Count { .. } | Asked::Show { .. } => is_first_unaccepted,
        }
    }

    /// A worker has it which may die over it as another did before. One that has said something does not die of the prompt.
    fn is_probing(&self) -> bool {
        let is_in_line = self.is_taken && self.began.is_none();
        self.sent && self.is_suspect && self.n_generated == 0 && !is_in_line
    }

    /// Somebody waits for it, and another worker can do it, or the rest of it.
    fn can_go_on(&self) -> bool {
        let is_possible = match &self.asked {
            Asked::Generate { params, said, .. } => self.n_generated == 0 || said.can_go_on(params),
            Asked::Count { .. } | Asked::Show { .. } | Asked::Embed { .. } | Asked::Rank { .. } => true,
        };
        is_possible && !self.asked.is_abandoned()
    }

    /// Its worker died: the next one gets it, or the rest of it.
    fn go_on(&mut self) {
        (self.sent, self.is_taken, self.began, self.n_generated) = (false, false, None, 0);
        if let Asked::Generate { prompt, params, mailbox, said, .. } = &mut self.asked
            && said.go_on(prompt, params)
        {
            mailbox.queue(NEXT);
        }
    }
}

/// Everything under way, in the order it came.
#[derive(Default)]
pub(super) struct Requests {
    by_id: BTreeMap<RequestId, Request>,
    /// Suspects have not been sent again yet.
    holds_back: bool,
    last_id: u64,
    turnover: Turnover,
}

impl Requests {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Those that somebody still waits for: the others end with the worker's next step.
    pub(super) fn n_wanted(&self) -> usize {
        self.by_id.values().filter(|request| !request.asked.is_abandoned()).count()
    }

    /// Generations and work on vectors of one share that somebody still waits for.
    pub(super) fn n_of(&self, share: Tenant) -> usize {
        let is_of = |it: &&Request| it.asked.share() == Some(share) && !it.asked.is_abandoned();
        self.by_id.values().filter(is_of).count()
    }

    /// Whether a generation that belongs to the same as `request` is under way.
    pub(super) fn has_begun(&self, request: &GenerateRequest) -> bool {
        let is_of = |it: &Request| {
            matches!(&it.asked, Asked::Generate { together, .. } if *together == request.together)
                && !it.asked.is_abandoned()
        };
        request.together.is_some() && self.by_id.values().any(is_of)
    }

    /// Generations and work on vectors that the worker has.
    pub(super) fn n_running(&self) -> usize {
        let runs = |it: &&Request| it.sent && !matches!(it.asked, Asked::Count { .. } | Asked::Show { .. });
        self.by_id.values().filter(runs).count()
    }

    pub(super) fn add_generate(
        &mut self,
        request: GenerateRequest,
        reply: Reply<GenerateStream>,
        cancels: UnboundedSender<RequestId>,
    ) {
        let id = self.next_id();
        let together = request.together;
        let (prompt, params) = parts(request);
        let (mailbox, reader) = mailbox(id, cancels);
        let said = Said::nothing(&prompt, &params);
        let waiting = Some((reply, reader));
        self.add(id, Asked::Generate { prompt, params, mailbox, said, together, waiting });
    }

    pub(super) fn add_count(&mut self, prompt: Prompt, reply: Reply<u32>) {
        let id = self.next_id();
        self.add(id, Asked::Count { prompt, reply });
    }

    pub(super) fn add_show(&mut self, request: GenerateRequest, reply: Reply<Vec<SeenPart>>) {
        let id = self.next_id();
        let (prompt, params) = parts(request);
        self.add(id, Asked::Show { prompt, params, reply });
    }

    pub(super) fn add_embed(
        &mut self,
        request: EmbedRequest,
        cancels: UnboundedSender<RequestId>,
    ) -> Pending<Embeddings> {
        let id = self.next_id();
        let (reply, answer) = pending(id, cancels);
        self.add(id, Asked::Embed { request, reply });
        answer
    }

    pub(super) fn add_rank(
        &mut self,
        request: RankRequest,
        cancels: UnboundedSender<RequestId>,
    ) -> Pending<Ranking> {
        let id = self.next_id();
        let (reply, answer) = pending(id, cancels);
        self.add(id, Asked::Rank { request, reply });
        answer
    }

    fn next_id(&mut self) -> RequestId {
        self.last_id += 1;
        RequestId(self.last_id)
    }

    fn add(&mut self, id: RequestId, asked: Asked) {
        self.by_id.insert(
            id,
            Request { asked, sent: false, is_taken: false, n_generated: 0, began: None, is_suspect: false },
        );
    }

    /// Forgets unsent requests whose asker has left.
    pub(super) fn prune(&mut self) {
        self.by_id.retain(|_, request| request.sent || !request.asked.is_abandoned());
    }

    /// Commands for what the worker does not have yet; it has it now. Of those that a worker may have died over one at a time: should it
    /// die again, it is known over which.
    pub(super) fn send_all(&mut self, mut send: impl FnMut(Command)) {
        let mut is_probing = self.by_id.values().any(Request::is_probing);
        self.holds_back = false;
        for (&id, request) in self.by_id.iter_mut().filter(|(_, request)| !request.sent) {
            if request.is_suspect && std::mem::replace(&mut is_probing, true) {
                self.holds_back = true;
                continue;
            }
            request.sent = true;
            send(request.asked.command(id));
        }
    }

    /// Something was held back that may be sent by now.
    pub(super) fn holds_back(&self) -> bool {
        self.holds_back
    }

    /// Whether the worker has to be told.
    pub(super) fn cancel(&mut self, id: RequestId) -> bool {
        match self.by_id.get(&id) {
            // Its end will be told.
            Some(Request { sent: true, asked: Asked::Generate { .. }, .. }) => true,
            _ => self.by_id.remove(&id).is_some_and(|request| request.sent),
        }
    }

    /// The worker took a generation: its stream goes to the asker. An asker who left drops it, and so cancels.
    pub(super) fn accepted(&mut self, id: RequestId, now: Instant) {
        let Some(request) = self.by_id.get_mut(&id) else { return };
        request.began = Some(now);
        request.is_taken = true;
        if let Asked::Generate { waiting, .. } = &mut request.asked
            && let Some((reply, reader)) = waiting.take()
        {
            let _ = reply.send(Ok(Box::pin(reader)));
        }
    }

    /// Tells those in `line` where they stand; whoever left it runs from now on.
    pub(super) fn line(&mut self, line: &[RequestId], n_slots: u32, now: Instant) {
        for (position, id) in (1..).zip(line) {
            let estimated = self.turnover.wait(position, n_slots);
            let Some(request) = self.by_id.get_mut(id) else { continue };
            request.began = None;
            if let Asked::Generate { mailbox, .. } = &request.asked {
                let estimated_ms = estimated.and_then(|wait| u64::try_from(wait.as_millis()).ok());
                let position = u32::try_from(position).unwrap_or(u32::MAX);
                mailbox.queue(Queued { position, estimated_ms });
            }
        }
        for (id, request) in &mut self.by_id {
            if request.is_taken && !line.contains(id) {
                request.began.get_or_insert(now);
            }
        }
    }

    /// When one of those that run has probably ended; `None` before the first has.
    pub(super) fn next_end(&self, n_slots: u32) -> Option<Duration> {
        self.turnover.wait(1, n_slots)
    }

    /// Delivers a delta and says how many tokens are new.
    pub(super) fn put(&mut self, mut delta: Delta, now: Instant) -> u32 {
        let (id, finished) = (delta.id, delta.finished.is_some());
        let Some(request) = self.by_id.get_mut(&id) else { return 0 };
        let n_new = delta.usage.n_generated_tokens.saturating_sub(request.n_generated);
        request.n_generated = delta.usage.n_generated_tokens;
        if let Asked::Generate { mailbox, said, .. } = &mut request.asked {
            delta.usage = said.grow(&delta);
            mailbox.put(delta);
        }
        if finished && let Some(Request { began: Some(began), .. }) = self.by_id.remove(&id) {
            self.turnover.note(now.duration_since(began));
        }
        n_new
    }

    pub(super) fn counted(&mut self, id: RequestId, n_tokens: u32) {
        if let Some(Request { asked: Asked::Count { reply, .. }, .. }) = self.by_id.remove(&id) {
            let _ = reply.send(Ok(n_tokens));
        }
    }

    pub(super) fn shown(&mut self, id: RequestId, parts: Vec<SeenPart>) {
        if let Some(Request { asked: Asked::Show { reply, .. }, .. }) = self.by_id.remove(&id) {
            let _ = reply.send(Ok(parts));
        }
    }

    pub(super) fn embedded(&mut self, id: RequestId, embeddings: Embeddings) {
        if let Some(Request { asked: Asked::Embed { reply, .. }, .. }) = self.by_id.remove(&id) {
            let _ = reply.send(Ok(embeddings));
        }
    }

    pub(super) fn ranked(&mut self, id: RequestId, ranking: Ranking) {
        if let Some(Request { asked: Asked::Rank { reply, .. }, .. }) = self.by_id.remove(&id) {
            let _ = reply.send(Ok(ranking));
        }
    }

    pub(super) fn rejected(&mut self, id: RequestId, reason: Rejection) {
        let Some(request) = self.by_id.remove(&id) else { return };
        match (request.asked, reason) {
            // What was said has filled the context.
            (Asked::Generate { mailbox, said, .. }, Rejection::TooLong { .. }) if said.has_gone_on() => {
                mailbox.finish(FinishReason::Length, said.cost());
            }
            (asked, reason) => asked.fail(reason.into()),
        }
    }

    /// The worker died. What cannot go on elsewhere ends, and so does what a worker may have died over before; the rest is tried
    /// again, whoever was only in line as often as it takes.
    pub(super) fn worker_died(&mut self, error: &EngineError) {
        let is_unaccepted = |it: &Request| {
            let is_computed = matches!(it.asked, Asked::Embed { .. } | Asked::Rank { .. });
            it.sent && !is_computed && !it.is_taken
        };
        let first = self.by_id.iter().find(|(_, it)| is_unaccepted(it)).map(|(id, _)| *id);
        let suspects = self.by_id.iter().filter(|(id, it)| it.may_have_killed(first == Some(**id)));
        let suspects: BTreeSet<_> = suspects.map(|(id, _)| *id).collect();
        self.end_where(error, |id, request| {
            request.sent && (!request.can_go_on() || request.is_suspect && suspects.contains(&id))
        });
        for (id, request) in self.by_id.iter_mut().filter(|(_, request)| request.sent) {
            request.is_suspect |= suspects.contains(id);
            request.go_on();
        }
    }

    /// Ends everything.
    pub(super) fn fail_all(&mut self, error: &EngineError) {
        self.end_where(error, |_, _| true);
    }

    fn end_where(&mut self, error: &EngineError, ends: impl Fn(RequestId, &Request) -> bool) {
        for (_, request) in self.by_id.extract_if(.., |id, request| ends(*id, request)) {
            request.asked.fail(error.clone());
        }
    }
}

/// What a worker is asked, without what is kept from it.
pub(super) fn parts(request: GenerateRequest) -> (Prompt, Box<GenerateParams>) {
    let GenerateRequest {
        prompt,
        sampling,
        stop,
        constraint,
        reasoning,
        tools,
        template_values,
        logprobs,
        tenant,
        share,
        server_text,
        trim_history,
        speculation,
        adapters,
        guards: _,
        together: _,
    } = request;
    let params = Box::new(GenerateParams {
        sampling,
        stop,
        constraint,
        reasoning,
        tools,
        template_values,
        logprobs,
        tenant,
        share,
        server_text,
        trim_history,
        speculation,
        adapters,
    });
    (prompt, params)
}

impl Asked {
    fn command(&self, id: RequestId) -> Command {
        match self {
            Self::Generate { prompt, params, .. } => {
                Command::Generate { id, prompt: prompt.clone(), params: params.clone() }
            }
            Self::Count { prompt, .. } => Command::CountTokens { id, prompt: prompt.clone() },
            Self::Show { prompt, params, .. } => {
                Command::Show { id, prompt: prompt.clone(), params: params.clone() }
            }
            Self::Embed { request: EmbedRequest { inputs, params, who }, .. } => {
                Command::Embed { id, inputs: inputs.clone(), params: *params, who: *who }
            }
            Self::Rank { request, .. } => Command::Rank { id, request: request.clone() },
        }
    }

    /// Whose part of the machine it takes; `None` of what is told at once.
    fn share(&self) -> Option<Tenant> {
        match self {
            Self::Generate { params, .. } => Some(params.share),
            Self::Embed { request, .. } => Some(request.who.share),
            Self::Rank { request, .. } => Some(request.who.share),
            Self::Count { .. } | Self::Show { .. } => None,
        }
    }

    fn is_abandoned(&self) -> bool {
        match self {
            Self::Generate { waiting: Some((reply, _)), .. } => reply.is_closed(),
            Self::Generate { mailbox, .. } => !mailbox.has_reader(),
            Self::Count { reply, .. } => reply.is_closed(),
            Self::Show { reply, .. } => reply.is_closed(),
            Self::Embed { reply, .. } => reply.is_closed(),
            Self::Rank { reply, .. } => reply.is_closed(),
        }
    }

    fn fail(self, error: EngineError) {
        match self {
            Self::Count { reply, .. } => drop(reply.send(Err(error))),
            Self::Show { reply, .. } => drop(reply.send(Err(error))),
            Self::Embed { reply, .. } => drop(reply.send(Err(error))),
            Self::Rank { reply, .. } => drop(reply.send(Err(error))),
            Self::Generate { waiting: Some((reply, _)), .. } => drop(reply.send(Err(error))),
            Self::Generate { mailbox, .. } => mailbox.fail(error),
        }
    }
}
