//! Conversations that ended, kept for whoever goes on with them.

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
    pub(super) cache: Box<dyn KvCache>,
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

    /// How many of the first `tokens` one of the tenant's conversations has at most.
    pub(super) fn n_common(&self, tenant: Tenant, tokens: &[LlamaToken]) -> usize {
        self.best(tenant, tokens).map_or(0, |(_, n)| n)
    }

    /// A cache with as many of the first `tokens` as there are.
    pub(super) fn lend(
        &mut self,
        tenant: Tenant,
        tokens: &[LlamaToken],
    ) -> Result<Option<Box<dyn KvCache>>, TensorError> {
        let Some((i, n)) = self.best(tenant, tokens) else { return Ok(None) };
        let Some(mut lender) = self.0.remove(i) else { return Ok(None) };
        // What little is lost of the old conversation is sooner computed again than all of it copied.
        if lender.tokens.len() - n <= n / 4 {
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

    fn best(&self, tenant: Tenant, tokens: &[LlamaToken]) -> Option<(usize, usize)> {
        let own = self.0.iter().enumerate().filter(|(_, it)| it.tenant == tenant);
        let common = own.map(|(i, it)| (i, n_common(&it.tokens, tokens)));
        common.filter(|(_, n)| *n > 0).max_by_key(|(_, n)| *n)
    }
}

/// With how many of the same tokens both begin.
pub(super) fn n_common(a: &[LlamaToken], b: &[LlamaToken]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
