//! Conversations that ended, kept for whoever goes on with them.

use crate::scheduler::Sequence;
use candle::{KvCache, TensorError};
use llama_cpp_2::token::LlamaToken;
use protocol::Tenant;
use std::collections::VecDeque;

/// The most conversations that are kept, whatever room there is.
const MOST: usize = 32;

/// A cache and the tokens in it.
pub(super) struct Conversation {
    pub(super) tenant: Tenant,
    pub(super) tokens: Vec<LlamaToken>,
    /// So many of the first the server wrote, which serve everybody.
    pub(super) n_server: usize,
    pub(super) cache: Box<dyn KvCache>,
}

/// The beginning of a text, and who may know it.
#[derive(Clone, Copy)]
pub(super) struct Beginning<'t> {
    tenant: Tenant,
    tokens: &'t [LlamaToken],
    n_server: usize,
}

impl<'t> Beginning<'t> {
    pub(super) fn new(tenant: Tenant, tokens: &'t [LlamaToken], n_server: usize) -> Self {
        Self { tenant, tokens, n_server: n_server.min(tokens.len()) }
    }

    /// What may be copied of a prompt. The last token is computed in any case: it says what comes next.
    pub(super) fn wanted(sequence: &'t Sequence) -> Self {
        let n_tokens = sequence.tokens.len().saturating_sub(1);
        Self::of(sequence, n_tokens)
    }

    /// What is computed of a sequence.
    pub(super) fn computed(sequence: &'t Sequence) -> Self {
        Self::of(sequence, sequence.n_past)
    }

    /// What a sequence knows, computed or not.
    pub(super) fn known(sequence: &'t Sequence) -> Self {
        Self::of(sequence, sequence.tokens.len())
    }

    fn of(sequence: &'t Sequence, n_tokens: usize) -> Self {
        Self::new(sequence.tenant, &sequence.tokens[..n_tokens], sequence.server_text().len())
    }

    /// With how many of the same tokens both begin that one may have of the other: of somebody else's, what the server wrote.
    pub(super) fn n_shared(self, other: Self) -> usize {
        if self.is_of_same(other) {
            return n_common(self.tokens, other.tokens);
        }
        n_common(&self.tokens[..self.n_server], &other.tokens[..other.n_server])
    }

    pub(super) fn is_of_same(self, other: Self) -> bool {
        self.tenant == other.tenant
    }
}

impl Conversation {
    fn beginning(&self) -> Beginning<'_> {
        Beginning::new(self.tenant, &self.tokens, self.n_server)
    }
}

/// Those that ended, the longest unused first.
#[derive(Default)]
pub(super) struct Kept(VecDeque<Conversation>);

impl Kept {
    pub(super) fn add(&mut self, conversation: Conversation) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(conversation);
    }

    /// How many of the first tokens of `wanted` one of them has at most.
    pub(super) fn n_shared(&self, wanted: Beginning<'_>) -> usize {
        self.best(wanted).map_or(0, |(_, n)| n)
    }

    /// A cache with as many of the first tokens of `wanted` as there are.
    pub(super) fn lend(&mut self, wanted: Beginning<'_>) -> Result<Option<Box<dyn KvCache>>, TensorError> {
        let Some((i, n)) = self.best(wanted) else { return Ok(None) };
        let Some(mut lender) = self.0.remove(i) else { return Ok(None) };
        // What little is lost of one's own old conversation is sooner computed again than all of it copied.
        if lender.beginning().is_of_same(wanted) && lender.tokens.len() - n <= n / 4 {
            lender.cache.truncate(n);
            return Ok(Some(lender.cache));
        }
        let copy = lender.cache.copy(n)?;
        self.0.push_back(lender);
        Ok(copy)
    }

    /// Forgets the conversation that was unused longest; whether there was one.
    pub(super) fn drop_oldest(&mut self) -> bool {
        self.0.pop_front().is_some()
    }

    pub(super) fn forget(&mut self, tenant: Tenant) {
        self.0.retain(|it| it.tenant != tenant);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().map(|it| it.cache.bytes_with(0)).sum()
    }

    /// Of equals the latest.
    fn best(&self, wanted: Beginning<'_>) -> Option<(usize, usize)> {
        let shared = self.0.iter().enumerate().map(|(i, it)| (i, it.beginning().n_shared(wanted)));
        shared.filter(|(_, n)| *n > 0).max_by_key(|(_, n)| *n)
    }
}

/// With how many of the same tokens both begin.
fn n_common(a: &[LlamaToken], b: &[LlamaToken]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
