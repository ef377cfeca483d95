//! An answer that is arriving. Dropping it closes the connection.

use super::{Patience, RemoteProblem, answer::Answer, server::Trial, sse::Events};
use crate::{EngineError, GenerateEvent, GenerateStream};
use futures::stream;
use reqwest::Response;
use std::collections::VecDeque;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout_at},
};
use types::chat::Usage;

pub(super) fn stream(
    response: Response,
    trial: Trial,
    place: OwnedSemaphorePermit,
    patience: Patience,
    started: Instant,
) -> GenerateStream {
    let reading = Reading {
        open: Some(Open { response, trial, _place: place }),
        events: Events::default(),
        answer: Answer::default(),
        ready: VecDeque::new(),
        patience,
        started,
        first_deadline: Instant::now() + patience.first,
        first: None,
        last: None,
    };
    Box::pin(stream::unfold(reading, Reading::next))
}

/// What an answer that goes on holds.
struct Open {
    response: Response,
    trial: Trial,
    _place: OwnedSemaphorePermit,
}

struct Reading {
    /// `None` once the end was sent.
    open: Option<Open>,
    events: Events,
    answer: Answer,
    ready: VecDeque<GenerateEvent>,
    patience: Patience,
    started: Instant,
    first_deadline: Instant,
    /// When the first and the last text came.
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Reading {
    async fn next(mut self) -> Option<(Result<GenerateEvent, EngineError>, Self)> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some((Ok(event), self));
            }
            let mut open = self.open.take()?;
            match self.read(&mut open).await {
                Ok(()) if self.answer.is_over() => {
                    open.trial.succeeded();
                    let end = GenerateEvent::Finished { reason: self.answer.reason(), usage: self.usage() };
                    self.ready.push_back(end);
                }
                Ok(()) => self.open = Some(open),
                Err(problem) => {
                    let error = open.trial.error(problem.clone());
                    open.trial.ended(&problem);
                    return Some((Err(error), self));
                }
            }
        }
    }

    /// Takes in what arrives next.
    async fn read(&mut self, open: &mut Open) -> Result<(), RemoteProblem> {
        let chunk = match timeout_at(self.deadline(), open.response.chunk()).await {
            Ok(Ok(Some(chunk))) => chunk,
            // The counts did not come; the answer is whole without them.
            _ if self.answer.has_ended() => return self.take("[DONE]", open),
            Ok(_) => return Err(RemoteProblem::Cut),
            Err(_) if self.first.is_none() => return Err(RemoteProblem::Silent(self.patience.first)),
            Err(_) => return Err(RemoteProblem::Silent(self.patience.idle)),
        };
        let complete = self.events.feed(&chunk);
        let complete = complete.map_err(|_| RemoteProblem::Garbage("an endless event".to_owned()))?;
        for data in complete {
            self.take(&data, open)?;
            if self.answer.is_over() {
                break;
            }
        }
        Ok(())
    }

    fn take(&mut self, data: &str, open: &Open) -> Result<(), RemoteProblem> {
        let Some(event) = self.answer.take(data)? else { return Ok(()) };
        let now = Instant::now();
        if self.first.is_none() {
            self.first = Some(now);
            open.trial.answered();
        }
        self.last = Some(now);
        self.ready.push_back(event);
        Ok(())
    }

    /// Signs of life without text do not put off the first token.
    fn deadline(&self) -> Instant {
        match self.first {
            _ if self.answer.has_ended() => Instant::now() + self.patience.last,
            None => self.first_deadline,
            Some(_) => Instant::now() + self.patience.idle,
        }
    }

    fn usage(&self) -> Usage {
        let millis = |from: Instant, to: Option<Instant>| {
            to.map_or(0, |to| u32::try_from(to.duration_since(from).as_millis()).unwrap_or(u32::MAX))
        };
        let first_token_ms = millis(self.started, self.first);
        let decode_ms = self.first.map_or(0, |first| millis(first, self.last));
        Usage { first_token_ms, decode_ms, ..self.answer.usage() }
    }
}
