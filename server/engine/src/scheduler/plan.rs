//! Which tokens go into the next batch. Pure: sequences and a budget in, chunks out.

/// A running sequence as the plan sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// Which sequence.
    pub(crate) slot: usize,
    /// Tokens in the cache, and so the position of the next one.
    pub(crate) n_past: usize,
    /// Tokens known but not in the cache: one while decoding, the rest of the prompt before that. Never zero.
    pub(crate) n_pending: usize,
    /// It has produced a token already.
    pub(crate) decoding: bool,
}

/// A run of tokens of one sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) slot: usize,
    /// Position of the first token.
    pub(crate) start: usize,
    pub(crate) n_tokens: usize,
    /// Nothing is pending behind it: its last token's logits give the next one.
    pub(crate) samples: bool,
}

/// How much one step may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Tokens of a step; at least as many as sequences can run.
    pub(crate) n_tokens: usize,
    /// Prompt tokens of a step in which others decode: they wait for it before their next token.
    pub(crate) n_prompt_beside_decode: usize,
}

/// Decoding sequences come first, one token each. What is left goes to prompts in equal shares, where a prompt
/// that needs less leaves its share to the longer ones; so nobody waits for a long prompt of somebody else.
pub(crate) fn plan(needs: &[Need], budget: Budget) -> Vec<Chunk> {
    let mut chunks: Vec<_> = needs.iter().filter(|need| need.decoding).map(|need| chunk(need, 1)).collect();
    chunks.truncate(budget.n_tokens);
    let mut left = budget.n_tokens - chunks.len();
    let mut prompts: Vec<_> = needs.iter().filter(|need| !need.decoding).collect();
    if !chunks.is_empty() {
        left = left.min(budget.n_prompt_beside_decode.max(prompts.len()));
    }
    prompts.sort_by_key(|need| need.n_pending);
    for (i, need) in prompts.iter().enumerate() {
        let share = left / (prompts.len() - i);
        let n_tokens = need.n_pending.min(share);
        if n_tokens > 0 {
            chunks.push(chunk(need, n_tokens));
            left -= n_tokens;
        }
    }
    chunks
}

fn chunk(need: &Need, n_tokens: usize) -> Chunk {
    Chunk { slot: need.slot, start: need.n_past, n_tokens, samples: n_tokens == need.n_pending }
}

#[cfg(test)]
mod tests;
