//! Drafts from what was said before: where the last tokens occurred already, what followed them then is likely to
//! follow again (n-gram speculation, "prompt lookup decoding"). Pure.
//!
//! A draft is a guess about speed, never about content: each of its tokens is only kept where the model itself chooses
//! it. A text is searched for a tenant only if it is that tenant's own.

use super::turns::Who;
use llama_cpp_2::token::LlamaToken;
use protocol::Tenant;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

/// Fewer equal tokens in a row say too little about what comes next.
const LEAST_MATCH: usize = 3;

/// More equal tokens say nothing more.
pub(crate) const MOST_MATCH: usize = 128;

/// Earlier places that are compared, the latest first.
const MOST_PLACES: usize = 8;

/// Tokens of finished answers that are remembered for one tenant.
const HISTORY_TOKENS: usize = 32_768;

/// Tenants that answers are remembered for.
const MOST_TENANTS: usize = 64;

/// No place.
const NOWHERE: u32 = u32::MAX;

/// Stands between answers that have nothing to do with each other.
const BORDER: LlamaToken = LlamaToken(-1);

/// A guess at the next tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) tokens: Vec<LlamaToken>,
    /// Tokens that were equal before it.
    pub(crate) n_matched: usize,
}

/// Where runs of tokens occur in a text that only grows. The text itself is kept elsewhere.
#[derive(Debug, Default)]
pub(crate) struct NgramIndex {
    /// By run, the last place that follows it.
    last: HashMap<[LlamaToken; LEAST_MATCH], u32>,
    /// By place, the one before it that follows the same run.
    earlier: Vec<u32>,
}

impl NgramIndex {
    /// Takes note of what was added to `text` since the last call.
    pub(crate) fn follow(&mut self, text: &[LlamaToken]) {
        // A place without a token yet predicts nothing.
        while self.earlier.len() < text.len() {
            let place = self.earlier.len();
            let run = run_before(text, place);
            let earlier = run.and_then(|run| self.last.insert(run, place as u32));
            self.earlier.push(earlier.unwrap_or(NOWHERE));
        }
    }

    /// What followed the longest run in `text` that `recent` ends with, up to `most` tokens.
    pub(crate) fn draft(&self, text: &[LlamaToken], recent: &[LlamaToken], most: usize) -> Option<Draft> {
        let (n_matched, place) = self.best_place(text, recent)?;
        let followed = text[place..].iter().copied().take_while(|&token| token != BORDER);
        let tokens: Vec<_> = followed.take(most).collect();
        (!tokens.is_empty()).then_some(Draft { tokens, n_matched })
    }

    /// Likewise of the run that `text` itself ends with. What followed it reaches to the end of the text, and what would follow
    /// there is the draft: a table that goes on row by row is drafted for as many rows as there is room.
    pub(crate) fn draft_own(&self, text: &[LlamaToken], most: usize) -> Option<Draft> {
        let (n_matched, place) = self.best_place(text, text)?;
        let tokens: Vec<_> = text[place..].iter().copied().cycle().take(most).collect();
        (!tokens.is_empty()).then_some(Draft { tokens, n_matched })
    }

    /// Where the longest run in `text` ends that `recent` ends with, of equals the latest; and how long it is.
    fn best_place(&self, text: &[LlamaToken], recent: &[LlamaToken]) -> Option<(usize, usize)> {
        let run = run_before(recent, recent.len())?;
        let matched = |place: usize| common_end(&text[..place], recent);
        let places = std::iter::successors(self.last.get(&run).copied(), |&place| {
            self.earlier.get(place as usize).copied().filter(|&earlier| earlier != NOWHERE)
        });
        let places = places.take(MOST_PLACES).map(|place| place as usize);
        let rated = places.map(|place| (matched(place), place));
        // The latest comes first.
        rated.reduce(|best, it| if it.0 > best.0 { it } else { best })
    }
}

fn run_before(text: &[LlamaToken], place: usize) -> Option<[LlamaToken; LEAST_MATCH]> {
    text.get(place.checked_sub(LEAST_MATCH)?..place)?.try_into().ok()
}

/// Tokens that both end with.
fn common_end(a: &[LlamaToken], b: &[LlamaToken]) -> usize {
    a.iter().rev().zip(b.iter().rev()).take(MOST_MATCH).take_while(|(a, b)| a == b).count()
}

/// Finished answers, each tenant's apart.
#[derive(Debug, Default)]
pub(crate) struct Histories {
    by_tenant: BTreeMap<Tenant, History>,
    n_added: u64,
}

#[derive(Debug, Default)]
struct History {
    /// Whoever asked.
    share: Option<Tenant>,
    tokens: Vec<LlamaToken>,
    index: NgramIndex,
    /// Larger is more recent.
    last_use: u64,
}

impl Histories {
    /// Remembers an answer.
    pub(crate) fn add(&mut self, who: Who, answer: &[LlamaToken]) {
        let answer = &answer[answer.len().saturating_sub(HISTORY_TOKENS / 2)..];
        if answer.len() <= LEAST_MATCH {
            return;
        }
        self.n_added += 1;
        let history = self.by_tenant.entry(who.tenant).or_default();
        history.add(answer);
        (history.share, history.last_use) = (Some(who.share), self.n_added);
        if self.by_tenant.len() > MOST_TENANTS {
            self.drop_one();
        }
    }

    /// Drops the oldest of the share that has the most: who calls under many names displaces nobody else.
    fn drop_one(&mut self) {
        let mut n_of = BTreeMap::<Option<Tenant>, usize>::new();
        self.by_tenant.values().for_each(|it| *n_of.entry(it.share).or_default() += 1);
        let worth = |it: &History| (Reverse(n_of.get(&it.share).copied()), it.last_use);
        let least = self.by_tenant.iter().min_by_key(|(_, it)| worth(it)).map(|(&tenant, _)| tenant);
        least.and_then(|tenant| self.by_tenant.remove(&tenant));
    }

    /// Drops what a tenant was answered.
    pub(crate) fn forget(&mut self, tenant: Tenant) {
        self.by_tenant.remove(&tenant);
    }

    /// What followed the end of `recent` in one of the tenant's earlier answers.
    pub(crate) fn draft(&self, tenant: Tenant, recent: &[LlamaToken], most: usize) -> Option<Draft> {
        let history = self.by_tenant.get(&tenant)?;
        history.index.draft(&history.tokens, recent, most)
    }
}

impl History {
    fn add(&mut self, answer: &[LlamaToken]) {
        if self.tokens.len() + answer.len() > HISTORY_TOKENS {
            self.tokens.drain(..self.tokens.len() / 2 + answer.len() / 2);
            self.index = NgramIndex::default();
        }
        self.tokens.push(BORDER);
        self.tokens.extend_from_slice(answer);
        self.index.follow(&self.tokens);
    }
}

#[cfg(test)]
mod tests;
