//! How long a model stays in memory after its last answer.

use std::{str::FromStr, time::Duration};

/// How long an unused model stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// So long; zero unloads it with the end of the answer.
    For(Duration),
    /// Until somebody unloads it or its memory is needed.
    Forever,
}

/// Not a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is no time such as 90, 5m or 2h, nor -1 for ever")]
pub struct NoTime(String);

impl KeepAlive {
    /// Seconds; a negative number is for ever.
    pub fn from_seconds(seconds: i64) -> Self {
        u64::try_from(seconds).map_or(Self::Forever, |seconds| Self::For(Duration::from_secs(seconds)))
    }
}

impl FromStr for KeepAlive {
    type Err = NoTime;

    fn from_str(text: &str) -> Result<Self, NoTime> {
        let trimmed = text.trim();
        let (number, unit) = match trimmed.char_indices().next_back() {
            Some((at, 's')) => (&trimmed[..at], 1),
            Some((at, 'm')) => (&trimmed[..at], 60),
            Some((at, 'h')) => (&trimmed[..at], 3600),
            _ => (trimmed, 1),
        };
        let seconds = number.parse::<i64>().ok().and_then(|number| number.checked_mul(unit));
        seconds.map(Self::from_seconds).ok_or_else(|| NoTime(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
