//! Whether and when a request that was not taken is sent again. Pure: the caller brings time and randomness.

use std::time::{Duration, SystemTime};

const FIRST_PAUSE: Duration = Duration::from_millis(400);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// Sent so often, the first time included.
const MAX_TRIES: u32 = 4;
/// Whoever wants more time is told to the person instead of waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// The pause before the next try, or `None` where there is none: exponential, and of that at least half, by `random` in
/// 0..1, so that clients that failed together do not come back together. What the server asked for is honoured.
pub(super) fn pause(n_tries: u32, asked: Option<Duration>, random: f64) -> Option<Duration> {
    if n_tries >= MAX_TRIES || asked.is_some_and(|asked| asked > LONGEST_WAIT) {
        return None;
    }
    let doubled = FIRST_PAUSE * (1 << n_tries.saturating_sub(1));
    let jittered = doubled.min(LONGEST_PAUSE).mul_f64(0.5 + random / 2.0);
    Some(asked.map_or(jittered, |asked| asked + jittered / 4))
}

/// A `Retry-After` header (RFC 9110, 10.2.3): seconds or a date.
pub(super) fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let date = httpdate::parse_http_date(header).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests;
