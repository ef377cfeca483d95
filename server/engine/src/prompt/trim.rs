//! Dropping the oldest turns of a conversation that does not fit.

use protocol::Rejection;
use types::chat::{ChatTurn, Role};

/// The most that is kept free for an answer, in tokens.
const MAX_ROOM: usize = 512;

/// Why a prompt is refused.
pub(crate) fn too_long(n_tokens: usize, n_ctx: usize) -> Rejection {
    let bounded = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Rejection::TooLong { n_tokens: bounded(n_tokens), n_ctx: bounded(n_ctx) }
}

/// The longest end of the conversation, rendered, that leaves room for an answer. System turns and the last turn
/// always stay, and what is left begins with a person's turn, as many templates insist. Says also how many turns of a
/// person are left out.
pub(crate) fn fit<R>(
    turns: &[ChatTurn],
    n_ctx: usize,
    mut render: impl FnMut(&[ChatTurn]) -> Result<R, Rejection>,
    n_tokens: impl Fn(&R) -> usize,
) -> Result<(R, usize), Rejection> {
    let limit = n_ctx - (n_ctx / 4).min(MAX_ROOM);
    let whole = render(turns)?;
    let n_whole = n_tokens(&whole);
    if n_whole <= limit {
        return Ok((whole, 0));
    }
    let cuts = cuts(turns);
    let mut best = None;
    // Dropping more never makes it longer, so the first cut that fits is found by halving.
    let (mut low, mut high) = (0, cuts.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        let rendered = render(&dropped(turns, cuts[middle]))?;
        // The last cut cannot be improved on: there the whole context is the limit.
        let limit = if middle + 1 == cuts.len() { n_ctx - 1 } else { limit };
        if n_tokens(&rendered) <= limit {
            best = Some((rendered, n_of_persons(&turns[..cuts[middle]])));
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    match best {
        Some(best) => Ok(best),
        None if n_whole < n_ctx => Ok((whole, 0)),
        None => Err(too_long(n_whole, n_ctx)),
    }
}

/// Where the conversation may begin, earliest first, the beginning itself left out.
fn cuts(turns: &[ChatTurn]) -> Vec<usize> {
    let first = turns.iter().position(|turn| turn.role != Role::System).unwrap_or(0);
    let last = turns.len().saturating_sub(1);
    let begins = |&i: &usize| turns[i].role == Role::User || (i == last && turns[i].role == Role::Assistant);
    (first + 1..turns.len()).filter(begins).collect()
}

fn n_of_persons(turns: &[ChatTurn]) -> usize {
    turns.iter().filter(|turn| turn.role == Role::User).count()
}

/// The conversation without the turns before `cut`, except the system's.
fn dropped(turns: &[ChatTurn], cut: usize) -> Vec<ChatTurn> {
    let system = turns[..cut].iter().filter(|turn| turn.role == Role::System);
    system.chain(&turns[cut..]).cloned().collect()
}

#[cfg(test)]
mod tests;
