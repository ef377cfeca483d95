//! Which tokens go into the next batch. Pure: sequences and a budget in, chunks out.

use super::prefix::SequenceId;
use crate::adapters::SetId;
use protocol::Tenant;
use std::collections::BTreeMap;

/// A running sequence as the plan sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) sequence: SequenceId,
    /// Whose part of the step it takes.
    pub(crate) share: Tenant,
    /// Sequences of different sets are not in one batch; whoever plans leaves out the others.
    pub(crate) set: SetId,
    /// Tokens in the cache, and so the position of the next one.
    pub(crate) n_past: usize,
    /// Tokens known but not in the cache: one while decoding, the rest of the prompt before that. Never zero.
    pub(crate) n_pending: usize,
    /// More are known behind them, which are not computed in the same step.
    pub(crate) is_part: bool,
    /// It has produced a token already and has only that one to compute.
    pub(crate) decoding: bool,
    /// Guesses at what comes next, verified in the same step. Only while decoding.
    pub(crate) n_drafted: usize,
    /// Milliseconds since it was asked for.
    pub(crate) waited_ms: usize,
}

impl Need {
    /// Short prompts come first. A token more to compute counts like a millisecond less of waiting, so that a long
    /// one is not passed for ever.
    fn urgency(&self) -> (isize, SequenceId) {
        let order = self.n_pending.cast_signed().saturating_sub(self.waited_ms.cast_signed());
        (order, self.sequence)
    }
}

/// A run of tokens of one sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) sequence: SequenceId,
    /// Position of the first token.
    pub(crate) start: usize,
    pub(crate) n_tokens: usize,
    /// So many at the end are guesses: each of them, and the token before them, gives logits.
    pub(crate) n_drafted: usize,
    /// It belongs to a sequence that decodes, not to a prompt.
    pub(crate) decodes: bool,
    /// Nothing comes behind it: its last token's logits give the next one.
    pub(crate) samples: bool,
}

impl Chunk {
    /// Whether the token at `position` gives logits.
    pub(crate) fn has_logits(&self, position: usize) -> bool {
        self.samples && position + 1 + self.n_drafted >= self.start + self.n_tokens
    }
}

/// How much one step may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Tokens of a step; at least as many as sequences can run.
    pub(crate) n_tokens: usize,
    /// Prompt tokens of a step in which others decode: they wait for it before their next token.
    pub(crate) n_prompt_beside_decode: usize,
    /// Steps before it: where there are fewer tokens than shares, these take turns.
    pub(crate) n_steps: u64,
}

/// What does not end in a step keeps this part of what it may have beside those who decode.
const LEAST_BESIDE_ENDINGS: usize = 8;

/// Decoding sequences come first, one token each and their guesses. What is left goes to prompts: the same part for every share
/// (where one needs less, the others get it), and that to its most urgent prompt first. Where there are fewer tokens than shares, it
/// is the next ones' turn in the next step. Where a prompt ends, its first token waits for everything beside it, as those do who
/// decode: what does not end takes less of that step.
pub(crate) fn plan(needs: &[Need], budget: Budget) -> Vec<Chunk> {
    let decoding: Vec<_> = needs.iter().filter(|need| need.decoding).take(budget.n_tokens).collect();
    let mut left = budget.n_tokens - decoding.len();
    let mut chunks = Vec::with_capacity(needs.len());
    for need in decoding {
        let n_drafted = need.n_drafted.min(left);
        left -= n_drafted;
        chunks.push(Chunk { n_tokens: 1 + n_drafted, n_drafted, ..chunk(need, 1) });
    }
    let somebody_decodes = !chunks.is_empty();
    if somebody_decodes {
        left = left.min(budget.n_prompt_beside_decode);
    }
    let shares = prompts_by_share(needs, left, budget.n_steps);
    let mut of_prompts = Vec::with_capacity(shares.len());
    for (i, prompts) in shares.iter().enumerate() {
        let part = take(prompts, left.div_ceil(shares.len() - i));
        left -= n_tokens_of(&part);
        of_prompts.push(part);
    }
    if !somebody_decodes {
        shorten_beside_endings(&mut of_prompts, budget.n_prompt_beside_decode);
    }
    chunks.extend(of_prompts.into_iter().flatten());
    chunks
}

/// The prompts of every share that gets some of `n_tokens`, most urgent first; shares with less to compute first, so that what they
/// leave of their part goes to the others.
fn prompts_by_share(needs: &[Need], n_tokens: usize, n_steps: u64) -> Vec<Vec<&Need>> {
    let mut shares = BTreeMap::<Tenant, Vec<&Need>>::new();
    for need in needs.iter().filter(|need| !need.decoding) {
        shares.entry(need.share).or_default().push(need);
    }
    let mut shares: Vec<_> = shares.into_values().collect();
    if n_tokens < shares.len() {
        let n_turns = n_steps % shares.len() as u64 * n_tokens as u64;
        let first = usize::try_from(n_turns % shares.len() as u64).unwrap_or(0);
        shares.rotate_left(first);
        shares.truncate(n_tokens);
    }
    for prompts in &mut shares {
        prompts.sort_by_key(|need| need.urgency());
    }
    shares.sort_by_key(|prompts| prompts.iter().map(|need| need.n_pending).sum::<usize>());
    shares
}

/// Spends at most `left` tokens on `prompts`.
fn take(prompts: &[&Need], mut left: usize) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    for need in prompts {
        let n_tokens = need.n_pending.min(left);
        if n_tokens == 0 {
            break;
        }
        chunks.push(chunk(need, n_tokens));
        left -= n_tokens;
    }
    chunks
}

/// Where prompts end, what does not end has about `n_beside` tokens in all, or as many as the share with most endings has of these, and
/// never so little that a stream of short prompts keeps it from getting on. The same bound holds for all shares, so that none has more
/// than another that wants as much.
fn shorten_beside_endings(shares: &mut [Vec<Chunk>], n_beside: usize) {
    let n_ending =
        |chunks: &[Chunk]| chunks.iter().filter(|it| it.samples).map(|it| it.n_tokens).sum::<usize>();
    let goes_on = |chunks: &[Chunk]| chunks.iter().any(|it| !it.samples);
    if shares.iter().all(|chunks| n_ending(chunks) == 0) {
        return;
    }
    let least = n_beside.div_ceil(LEAST_BESIDE_ENDINGS);
    let needed = shares.iter().map(|it| n_ending(it) + if goes_on(it) { least } else { 0 });
    let n_unfinished = shares.iter().filter(|it| goes_on(it)).count();
    let most = needed.max().unwrap_or(0).max(n_beside.div_ceil(n_unfinished.max(1)));
    for chunks in shares {
        let mut left = most - n_ending(chunks);
        for chunk in chunks.iter_mut().filter(|it| !it.samples) {
            chunk.n_tokens = chunk.n_tokens.min(left);
            left -= chunk.n_tokens;
        }
        chunks.retain(|it| it.n_tokens > 0);
    }
}

fn n_tokens_of(chunks: &[Chunk]) -> usize {
    chunks.iter().map(|chunk| chunk.n_tokens).sum()
}

fn chunk(need: &Need, n_tokens: usize) -> Chunk {
    Chunk {
        sequence: need.sequence,
        start: need.n_past,
        n_tokens,
        n_drafted: 0,
        decodes: need.decoding,
        samples: n_tokens == need.n_pending && !need.is_part,
    }
}

#[cfg(test)]
mod tests;
