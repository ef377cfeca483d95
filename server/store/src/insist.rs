//! Ends that must not be lost because somebody keeps the one connection that writes.

use crate::StoreError;
use std::time::Duration;

/// How long is waited before each further try. With the waiting for the connection it is about a minute and a half in all.
pub const PAUSES: [Duration; 5] = [
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(10),
    Duration::from_secs(20),
];

/// Writes again until it is written, or was too often tried in vain. Once `enough` is done there is one last try.
/// What is not there does not come by waiting: `NotFound` is final.
pub async fn insist<F>(
    pauses: &[Duration],
    enough: impl Future<Output = ()>,
    mut write: impl FnMut() -> F,
) -> Result<(), StoreError>
where
    F: Future<Output = Result<(), StoreError>>,
{
    let mut enough = std::pin::pin!(enough);
    for pause in pauses {
        match write().await {
            Err(StoreError::NotFound) => return Err(StoreError::NotFound),
            Err(_) => {}
            Ok(()) => return Ok(()),
        }
        if tokio::time::timeout(*pause, enough.as_mut()).await.is_ok() {
            break;
        }
    }
    write().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{cell::Cell, future};

    type End = fn() -> Result<(), StoreError>;

    /// Tries with what each of them comes to; says what came of all, and how often it was tried.
    async fn check(ends: &[End], enough: impl Future<Output = ()>) -> (String, usize) {
        let n_tries = Cell::new(0);
        let write = || {
            let end = ends[n_tries.get().min(ends.len() - 1)]();
            n_tries.set(n_tries.get() + 1);
            future::ready(end)
        };
        let end = insist(&[Duration::ZERO; 3], enough, write).await;
        (format!("{end:?}"), n_tries.get())
    }

    #[tokio::test]
    async fn what_is_not_written_is_tried_again_as_long_as_that_can_help() {
        let (ok, busy, gone): (End, End, End) =
            (|| Ok(()), || Err(StoreError::Locked), || Err(StoreError::NotFound));
        assert_eq!(check(&[ok], future::pending()).await, ("Ok(())".into(), 1));
        assert_eq!(check(&[busy, busy, ok], future::pending()).await, ("Ok(())".into(), 3));
        assert_eq!(check(&[busy], future::pending()).await, ("Err(Locked)".into(), 4));
        assert_eq!(check(&[busy, gone], future::pending()).await, ("Err(NotFound)".into(), 2));
        assert_eq!(check(&[busy], future::ready(())).await, ("Err(Locked)".into(), 2), "one last time");
    }
}
