//! One running generation.

use crate::{llama::TokenSampler, prompt::TokenPrompt, text::Assembler};
use llama_cpp_2::{token::LlamaToken, token::data_array::LlamaTokenDataArray, vocab::LlamaVocab};
use protocol::{Delta, Finished, GenerateParams, RequestId};
use std::time::Instant;
use types::chat::{FinishReason, Usage};

/// A generation that waits for a sequence.
pub(crate) struct Request {
    pub(crate) id: RequestId,
    pub(crate) prompt: TokenPrompt,
    pub(crate) params: GenerateParams,
    /// When it came in.
    pub(crate) at: Instant,
}

impl Request {
    /// The end of a request that never ran.
    pub(crate) fn cancelled(&self) -> Delta {
        let usage = Usage { n_prompt_tokens: count(self.prompt.tokens.len()), ..Usage::default() };
        let finished = Some(Finished { reason: FinishReason::Cancelled, usage });
        Delta { id: self.id, text: String::new(), n_generated: 0, finished }
    }
}

/// A generation that has a sequence.
pub(crate) struct Sequence {
    pub(crate) id: RequestId,
    /// The prompt and what was generated.
    pub(crate) tokens: Vec<LlamaToken>,
    /// How many of them are in the cache.
    pub(crate) n_past: usize,
    n_prompt: usize,
    /// Ends the answer when reached.
    max_tokens: usize,
    sampler: TokenSampler,
    assembler: Assembler,
    bytes: Vec<u8>,
    submitted: Instant,
    first_token: Option<Instant>,
    last_token: Option<Instant>,
}

impl Sequence {
    /// `n_past` tokens of the prompt are in the cache already.
    pub(crate) fn new(request: Request, n_past: usize, n_ctx: usize) -> Self {
        let Request { id, prompt, params, at } = request;
        let room = n_ctx.saturating_sub(prompt.tokens.len());
        let asked = params.sampling.max_tokens.map_or(usize::MAX, |n| n as usize);
        let mut stops = params.stop;
        stops.extend(prompt.stops);
        Self {
            id,
            n_past,
            n_prompt: prompt.tokens.len(),
            max_tokens: room.min(asked),
            sampler: TokenSampler::new(&params.sampling, &prompt.tokens),
            assembler: Assembler::new(stops),
            bytes: Vec::with_capacity(32),
            tokens: prompt.tokens,
            submitted: at,
            first_token: None,
            last_token: None,
        }
    }

    /// It has produced a token.
    pub(crate) fn is_decoding(&self) -> bool {
        self.n_generated() > 0
    }

    fn n_generated(&self) -> usize {
        self.tokens.len() - self.n_prompt
    }

    /// Chooses the next token from the logits of the last.
    pub(crate) fn advance(
        &mut self,
        logits: &[f32],
        vocab: &LlamaVocab<'_>,
        scratch: &mut LlamaTokenDataArray,
    ) -> Delta {
        let token = self.sampler.sample(logits, scratch);
        let now = Instant::now();
        self.first_token.get_or_insert(now);
        if vocab.is_eog(token) {
            let text = self.assembler.finish();
            return self.delta(text, Some(FinishReason::Stop));
        }
        self.last_token = Some(now);
        self.tokens.push(token);
        self.bytes.clear();
        vocab.token_to_piece_into(token, &mut self.bytes, false, None);
        let released = self.assembler.push(&self.bytes);
        if released.stopped {
            return self.delta(released.text, Some(FinishReason::Stop));
        }
        if self.n_generated() >= self.max_tokens {
            let text = released.text + &self.assembler.finish();
            return self.delta(text, Some(FinishReason::Length));
        }
        self.delta(released.text, None)
    }

    /// Ends it because somebody asked to.
    pub(crate) fn cancel(&mut self) -> Delta {
        let text = self.assembler.finish();
        self.delta(text, Some(FinishReason::Cancelled))
    }

    fn delta(&self, text: String, reason: Option<FinishReason>) -> Delta {
        let finished = reason.map(|reason| Finished { reason, usage: self.usage() });
        Delta { id: self.id, text, n_generated: count(self.n_generated()), finished }
    }

    fn usage(&self) -> Usage {
        let between = |from: Option<Instant>, to: Option<Instant>| match (from, to) {
            (Some(from), Some(to)) => u32::try_from(to.duration_since(from).as_millis()).unwrap_or(u32::MAX),
            _ => 0,
        };
        Usage {
            n_prompt_tokens: count(self.n_prompt),
            n_generated_tokens: count(self.n_generated()),
            first_token_ms: between(Some(self.submitted), self.first_token),
            decode_ms: between(self.first_token, self.last_token),
        }
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
