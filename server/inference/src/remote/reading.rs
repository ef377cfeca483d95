//! An answer that is arriving. Dropping it closes the connection.

use super::{Patience, RemoteProblem, answer::Answer, places::Place, server::Trial, sse::Events};
use crate::{EngineError, GenerateEvent, GenerateStream};
use futures::stream;
use reqwest::Response;
use std::{collections::VecDeque, time::Duration};
use tokio::time::{Instant, timeout};
use types::chat::Usage;

pub(super) fn stream(
    response: Response,
    trial: Trial,
    place: Place,
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
        quiet: Duration::ZERO,
        first: None,
        last: None,
    };
    Box::pin(stream::unfold(reading, Reading::next))
}

/// What an answer that goes on holds.
struct Open {
    response: Response,
    trial: Trial,
    _place: Place,
}

struct Reading {
    /// `None` once the end was sent.
    open: Option<Open>,
    events: Events,
    answer: Answer,
    ready: VecDeque<GenerateEvent>,
    patience: Patience,
    started: Instant,
    /// How long was read since the reply, the last text or the end's announcement came. While nobody asks for more, nothing is read.
    quiet: Duration,
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
        let (begun, left) = (Instant::now(), self.left());
        let chunk = match timeout(left, open.response.chunk()).await {
            // A server that never pauses is never late: its time is up all the same.
            Ok(Ok(Some(chunk))) if !left.is_zero() => chunk,
            // The counts did not come; the answer is whole without them.
            _ if self.answer.has_ended() => {
                self.take("[DONE]", open)?;
                return Ok(());
            }
            Ok(Ok(None) | Err(_)) => return Err(RemoteProblem::Cut),
            _ if self.first.is_some() && left == self.patience.idle => {
                return Err(RemoteProblem::Silent(self.patience.idle));
            }
            _ => return Err(RemoteProblem::Silent(self.patience.first)),
        };
        let complete = self.events.feed(&chunk);
        let complete = complete.map_err(|_| RemoteProblem::Garbage("an endless event".to_owned()))?;
        let mut is_news = false;
        for data in complete {
            is_news |= self.take(&data, open)?;
            if self.answer.is_over() {
                break;
            }
        }
        self.quiet = if is_news { Duration::ZERO } else { self.quiet + begun.elapsed() };
        Ok(())
    }

    /// Takes in an event, and says whether the answer goes on by it or its end is announced.
    fn take(&mut self, data: &str, open: &Open) -> Result<bool, RemoteProblem> {
        let had_ended = self.answer.has_ended();
        let event = self.answer.take(data)?;
        let is_news = !had_ended && (event.is_some() || self.answer.has_ended());
        let Some(event) = event else { return Ok(is_news) };
        let now = Instant::now();
        if self.first.is_none() {
            self.first = Some(now);
            open.trial.answered();
        }
        self.last = Some(now);
        self.ready.push_back(event);
        Ok(is_news)
    }

    /// For how long is waited for more. Signs of life put off neither text nor the end.
    fn left(&self) -> Duration {
        let Patience { first, idle, last, .. } = self.patience;
        match self.first {
            _ if self.answer.has_ended() => last.saturating_sub(self.quiet),
            None => first.saturating_sub(self.quiet),
            Some(_) => idle.min(first.saturating_sub(self.quiet)),
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
