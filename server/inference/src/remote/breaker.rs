//! When a server that fails is left alone, and when it is tried again. Pure: the caller brings the time.
//!
//! A circuit breaker (M. Nygard, Release It!): after some failures in a row nothing is sent for a while, then one
//! request is let through, and what becomes of it decides.

use std::time::Duration;
use tokio::time::Instant;

/// Failures in a row after which it is left alone.
const MAX_FAILURES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What is known of one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breaker {
    /// Requests pass.
    Closed { n_failures: u32 },
    /// None passes before `until`.
    Open { until: Instant, pause: Duration },
    /// One is on its way; `pause` was the last one.
    HalfOpen { pause: Duration },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { n_failures: 0 }
    }
}

impl Breaker {
    /// Lets a request pass, or says for how long none does. Whoever passes says later what became of it.
    pub(super) fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        match *self {
            Self::Closed { .. } => Ok(()),
            Self::Open { until, .. } if now < until => Err(until.duration_since(now)),
            Self::Open { pause, .. } => {
                *self = Self::HalfOpen { pause };
                Ok(())
            }
            Self::HalfOpen { pause } => Err(pause.min(FIRST_PAUSE)),
        }
    }

    /// The server has begun to answer.
    pub(super) fn answered(&mut self) {
        if matches!(self, Self::HalfOpen { .. }) {
            *self = Self::default();
        }
    }

    /// It answered to the end, or refused for a reason that lies with the request.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// It did not.
    pub(super) fn failed(&mut self, now: Instant) {
        let pause = match *self {
            Self::Closed { n_failures } if n_failures + 1 < MAX_FAILURES => {
                *self = Self::Closed { n_failures: n_failures + 1 };
                return;
            }
            Self::Closed { .. } => FIRST_PAUSE,
            Self::HalfOpen { pause } => (pause * 2).min(LONGEST_PAUSE),
            Self::Open { .. } => return,
        };
        *self = Self::Open { until: now + pause, pause };
    }

    /// Whoever asked has left before there was an answer: nothing is known, and the next one may try.
    pub(super) fn abandoned(&mut self, now: Instant) {
        if let Self::HalfOpen { pause } = *self {
            *self = Self::Open { until: now, pause };
        }
    }

    /// For how long nothing will be sent.
    pub(super) fn is_open_for(&self, now: Instant) -> Option<Duration> {
        match *self {
            Self::Open { until, .. } if now < until => Some(until.duration_since(now)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
