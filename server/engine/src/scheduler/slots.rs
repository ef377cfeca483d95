//! Which sequence a request gets: the one that remembers most of its prompt. Pure.

use llama_cpp_2::token::LlamaToken;

/// A sequence nobody uses, as the choice sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Free<'s> {
    pub(crate) slot: usize,
    /// The tokens in its cache.
    pub(crate) cached: &'s [LlamaToken],
    /// Larger is more recent; zero was never used.
    pub(crate) last_use: u64,
}

/// A sequence and how many tokens of the prompt its cache already holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) slot: usize,
    pub(crate) n_kept: usize,
}

/// Takes the longest common beginning where it is worth it: where it is at least half of the prompt or half of
/// what is remembered. Else the sequence unused for longest, so that a beginning everybody shares does not cost
/// somebody a long conversation. At least one token is left to decode, or there would be no logits.
pub(crate) fn choose(free: &[Free<'_>], prompt: &[LlamaToken]) -> Option<Choice> {
    let usable = prompt.len().saturating_sub(1);
    let common = |it: &Free<'_>| common_length(it.cached, prompt).min(usable);
    let best = free.iter().max_by_key(|it| (common(it), std::cmp::Reverse(it.last_use)))?;
    let n_common = common(best);
    let worth_it = n_common > 0 && (n_common * 2 >= prompt.len() || n_common * 2 >= best.cached.len());
    let taken = if worth_it { best } else { free.iter().min_by_key(|it| it.last_use)? };
    Some(Choice { slot: taken.slot, n_kept: common(taken) })
}

fn common_length(a: &[LlamaToken], b: &[LlamaToken]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests;
