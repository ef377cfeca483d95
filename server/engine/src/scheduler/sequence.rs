//! One generation.

mod memory;

use super::{
    Owner,
    checkpoints::worth_a_state,
    guess::{Guess, Tally},
    ngram::{Draft, Histories, NgramIndex},
    plan::Need,
    prefix::SequenceId,
    speculate::{Acceptance, Basis, Candidate, MOST_DRAFTED, Offer, is_worth_catching_up},
    tree,
    turns::Who,
    window::Window,
};
use crate::{
    adapters::AdapterSet,
    answer::{Parts, Reading},
    logprobs::{Waiting, likelihoods},
    prompt::{
        TokenPrompt,
        images::{Piece, is_stand_in, n_more_cells},
    },
    sampler::{Scratch, Spelling, TokenSampler},
    text::Assembler,
};
use llama_cpp_2::{token::LlamaToken, vocab::LlamaVocab};
use memory::worth_sharing;
use protocol::{Delta, GenerateParams, LoraAdapter, RequestId, Speculation, Tenant, TokenLogprob};
use std::{ops::Range, sync::Arc, time::Instant};
use types::chat::{FinishReason, Guesser, Usage};

/// So many tokens of an answer are soon there; what comes behind them is nobody's concern yet.
const NEAR_TOKENS: usize = 256;

/// What came of a guess.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verified {
    /// What the tokens that were reached are judged by, and which of them came true.
    pub(crate) reached: Vec<(Basis, bool)>,
    /// The last that came true.
    pub(crate) last_right: Option<usize>,
}

/// A generation, waiting or running.
pub(crate) struct Sequence {
    pub(crate) id: RequestId,
    /// Only this person's sequences share anything with it but what the server wrote.
    pub(crate) tenant: Tenant,
    /// Whose turn it takes.
    pub(crate) share: Tenant,
    /// What it asked for, until it is loaded.
    pub(crate) adapters: Vec<LoraAdapter>,
    /// What it is computed with.
    pub(crate) set: Arc<AdapterSet>,
    /// Nothing of it may be kept when it has ended.
    pub(crate) is_forgotten: bool,
    /// The prompt and what was generated, without what was forgotten.
    pub(crate) tokens: Vec<LlamaToken>,
    /// How many of them are in the cache.
    pub(crate) n_past: usize,
    /// What its stand-ins are for, in their order.
    pieces: Vec<Piece>,
    /// Rows of the piece at `n_past` that are in the cache.
    pub(crate) n_rows: usize,
    /// What is forgotten where there is no memory for more; `None` where it ends instead.
    window: Option<Window>,
    /// Places of the prompt that are not forgotten.
    pinned: Vec<Range<usize>>,
    /// Tokens of the prompt after which its state is kept.
    places: Vec<usize>,
    /// So many of its first tokens the server wrote, which serve everybody.
    n_server_tokens: usize,
    /// Those were computed, and it was seen to it that others find them.
    is_server_text_seen_to: bool,
    n_prompt: usize,
    /// Turns of a person that it does not have any more.
    n_trimmed_turns: usize,
    /// Prompt tokens that were in the cache when it began.
    n_cached: Option<usize>,
    /// Ends the answer when reached.
    max_tokens: usize,
    sampler: TokenSampler,
    reading: Reading,
    assembler: Assembler,
    speculation: Speculation,
    /// Where its own tokens occur, to guess from.
    ngrams: NgramIndex,
    guess: Guess,
    verified: Verified,
    acceptance: Acceptance,
    tally: Tally,
    n_steps: usize,
    bytes: Vec<u8>,
    /// Alternatives whose likelihood is told with that of every token.
    n_top: Option<usize>,
    likelihoods: Waiting,
    /// Bytes of text so far, sent or not.
    n_said: usize,
    submitted: Instant,
    begun: Option<Instant>,
    /// Since when it waits for cells that it had, or that it needs to go on.
    pub(crate) without_cells: Option<Instant>,
    first_token: Option<Instant>,
    last_token: Option<Instant>,
}

impl Sequence {
    /// A generation that came in at `submitted`; `ends` are the tokens that end an answer.
    pub(crate) fn new(
        id: RequestId,
        prompt: TokenPrompt,
        params: GenerateParams,
        submitted: Instant,
        ends: Arc<[LlamaToken]>,
        spelling: Spelling<'_>,
    ) -> Self {
        let mut stops = params.stop;
        stops.extend(prompt.stops);
        // What is seen is not repeated when it is said.
        let said: Vec<_> = prompt.tokens.iter().copied().filter(|&token| !is_stand_in(token)).collect();
        let mut sampler = TokenSampler::new(&params.sampling, &said, ends, prompt.constraint, spelling);
        prompt.reading.begin(&mut sampler);
        let places = worth_a_state(&prompt.places, &prompt.tokens);
        let n_server_tokens = worth_sharing(prompt.n_server_tokens, &prompt.places, &places);
        Self {
            id,
            tenant: params.tenant,
            share: params.share,
            adapters: params.adapters,
            set: Arc::default(),
            is_forgotten: false,
            n_past: 0,
            n_rows: 0,
            window: None,
            pinned: prompt.pinned,
            places,
            n_server_tokens,
            is_server_text_seen_to: false,
            n_prompt: prompt.tokens.len(),
            n_trimmed_turns: prompt.n_trimmed_turns,
            n_cached: None,
            max_tokens: params.sampling.max_tokens.map_or(usize::MAX, |n| n as usize),
            sampler,
            reading: prompt.reading,
            assembler: Assembler::new(stops),
            speculation: params.speculation,
            ngrams: NgramIndex::default(),
            guess: Guess::default(),
            verified: Verified::default(),
            acceptance: Acceptance::default(),
            tally: Tally::default(),
            n_steps: 0,
            bytes: Vec::with_capacity(32),
            n_top: params.logprobs.map(|n| n as usize),
            likelihoods: Waiting::default(),
            n_said: 0,
            tokens: prompt.tokens,
            pieces: prompt.pieces,
            submitted,
            begun: None,
            without_cells: None,
            first_token: None,
            last_token: None,
        }
    }

    /// Whose computed tokens it may use.
    pub(crate) fn owner(&self) -> Owner {
        Owner { tenant: self.tenant, set: self.set.id }
    }

    pub(crate) fn who(&self) -> Who {
        Who { share: self.share, tenant: self.tenant }
    }

    /// Makes it end where the context does.
    pub(crate) fn limit(&mut self, n_ctx: usize) {
        let n_cells = self.n_prompt + n_more_cells(&self.pieces);
        self.max_tokens = self.max_tokens.min(n_ctx.saturating_sub(n_cells));
    }

    /// Of its first `n_tokens`, as many as end with a whole piece or with a token.
    pub(crate) fn whole(&self, n_tokens: usize) -> usize {
        let is_inside = |piece: &&Piece| (piece.start + 1..piece.end()).contains(&n_tokens);
        self.pieces.iter().find(is_inside).map_or(n_tokens, |piece| piece.start)
    }

    /// The piece that comes next.
    pub(crate) fn next_piece(&self) -> Option<&Piece> {
        self.pieces.iter().find(|piece| piece.start == self.n_past)
    }

    /// The pieces that it has not looked at, in order.
    pub(crate) fn pieces_left(&self) -> impl Iterator<Item = &Piece> {
        self.pieces.iter().skip_while(|piece| piece.start < self.n_past)
    }

    /// The first `n_rows` of the piece that comes next are in the cache.
    pub(crate) fn look(&mut self, piece: &Piece, n_rows: usize) {
        self.n_rows = n_rows;
        if n_rows == piece.size.n_rows {
            self.n_past = piece.end();
            self.n_rows = 0;
        }
    }

    /// It has answered something and goes on.
    pub(crate) fn is_decoding(&self) -> bool {
        self.n_generated() > 0
    }

    /// It shows images, which drafters cannot look at, and which are not forgotten in parts.
    pub(crate) fn has_pieces(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// What it needs next, for the plan; nothing where it has to look at a piece of an image first. It must run under the number
    /// `sequence`.
    pub(crate) fn need(&self, sequence: SequenceId, now: Instant) -> Option<Need> {
        let next = self.pieces.iter().map(|piece| piece.start).find(|&start| start >= self.n_past);
        let n_known = self.tokens.len() - self.n_past;
        let n_pending = (next.unwrap_or(self.tokens.len()) - self.n_past).min(self.room());
        (n_pending > 0).then(|| Need {
            sequence,
            share: self.share,
            set: self.set.id,
            n_past: self.n_past,
            n_pending,
            is_part: n_pending < n_known,
            decoding: self.n_generated() > 0 && n_known == 1,
            n_drafted: 0,
            waited_ms: usize::try_from(now.duration_since(self.submitted).as_millis()).unwrap_or(usize::MAX),
        })
    }

    pub(crate) fn n_prompt_tokens(&self) -> u32 {
        count(self.n_prompt)
    }

    fn n_generated(&self) -> usize {
        self.tokens.len() + self.n_forgotten() - self.n_prompt
    }

    /// Tokens that may still come behind the one that the step itself gives.
    fn n_left(&self) -> usize {
        self.max_tokens.saturating_sub(self.n_generated() + 1)
    }

    /// Cells that it has or soon needs.
    pub(crate) fn n_cells_needed(&self) -> usize {
        let most = self.window.as_ref().map_or(usize::MAX, |window| window.room(0));
        (self.tokens.len() + n_more_cells(&self.pieces) + self.n_left().min(NEAR_TOKENS)).min(most)
    }

    /// Guesses what comes next, from what it and the tenant's earlier answers say or because nothing else can come, where that
    /// may be; forgets what was guessed before.
    pub(crate) fn look_up(&mut self, histories: &Histories) {
        self.guess = Guess::default();
        let most = self.n_left().min(MOST_DRAFTED);
        if !self.speculation.allows(Guesser::Ngrams) || most == 0 {
            return;
        }
        let known = self.known_next(most);
        let repeated = self.repeated(histories, most);
        self.guess = if repeated.n_expected() > known.n_expected() { repeated } else { known };
    }

    /// What comes next because nothing else can.
    fn known_next(&mut self, most: usize) -> Guess {
        let forced = self.sampler.forced(most);
        let (tokens, basis) = match forced.is_empty() {
            true => (self.sampler.left_by_form(most), Basis::Form),
            false => (forced, Basis::Certain),
        };
        Guess::of_known(tokens, basis, |basis| self.acceptance.probability(basis))
    }

    /// What followed the same tokens before, as far as the answer's form allows it.
    fn repeated(&mut self, histories: &Histories, most: usize) -> Guess {
        self.ngrams.follow(&self.tokens);
        let own = self.ngrams.draft_own(&self.tokens, most);
        let earlier = || histories.draft(self.tenant, &self.tokens, most);
        let longer = |best: Draft, it: Draft| if it.n_matched > best.n_matched { it } else { best };
        let Some(mut draft) = own.into_iter().chain(earlier()).reduce(longer) else {
            return Guess::default();
        };
        draft.tokens.truncate(draft.tokens.iter().take_while(|&&token| !is_stand_in(token)).count());
        let probability = |basis| self.acceptance.probability(basis);
        let guess = Guess::of_ngrams(draft.tokens, draft.n_matched, probability);
        self.allowed(guess)
    }

    /// Has this verified, of a chain as far as the answer's form allows it.
    pub(crate) fn take_guess(&mut self, guess: Guess) {
        self.guess = self.allowed(guess);
    }

    fn allowed(&mut self, mut guess: Guess) -> Guess {
        if guess.is_chain() {
            guess.truncate(self.sampler.n_allowed(&guess.tokens));
        }
        guess
    }

    /// A draft model may guess in more than one way for it. A form would have to be followed along every one.
    pub(crate) fn may_branch(&self) -> bool {
        self.speculation.allows(Guesser::DraftTree) && !self.sampler.is_bound()
    }

    /// What it guesses.
    pub(crate) fn guess(&self) -> &Guess {
        &self.guess
    }

    /// What it guessed and would have verified; `None` where it has no guess.
    pub(crate) fn offer(&self) -> Option<Offer> {
        let likelihoods = self.guess.likelihoods.clone();
        (!likelihoods.is_empty()).then(|| Offer { likelihoods, is_forced: self.speculation.is_forced() })
    }

    /// How likely a draft model's token with such a basis comes true; `others` say it as long as its own did not show it.
    pub(crate) fn probability(&self, basis: Basis, others: &Acceptance) -> f32 {
        self.acceptance.probability_beside(others, basis)
    }

    /// A block drafter may guess for it.
    pub(crate) fn wants_blocks(&self) -> bool {
        self.may_be_guessed(&[Guesser::Dflash, Guesser::DraftTree])
    }

    /// One of these may guess for it. None of them can look at images.
    pub(crate) fn may_be_guessed(&self, by: &[Guesser]) -> bool {
        !self.has_pieces() && by.iter().any(|it| self.speculation.allows(*it))
    }

    /// What a draft model, by whom of `by` ever, could do for it that would first have to compute `n_missing` of its tokens; `None` where it
    /// should not guess.
    pub(crate) fn candidate(
        &self,
        n_missing: usize,
        others: &Acceptance,
        by: &[Guesser],
    ) -> Option<Candidate> {
        let n_left = self.n_left();
        if !self.may_be_guessed(by) || n_left == 0 || self.sampler.is_forced() {
            return None;
        }
        let rival = self.offer();
        // Where it must guess and n-grams have a guess, that one is as good.
        let is_forced = self.speculation.is_forced() && rival.is_none();
        let is_out = self.speculation.is_forced() && !is_forced;
        if is_out || !is_forced && !is_worth_catching_up(n_missing, self.n_generated(), n_left) {
            return None;
        }
        let probability = self.probability(Basis::DraftModel, others);
        Some(Candidate { probability, most: n_left, rival, is_forced })
    }

    /// The draft model was not worth trying.
    pub(crate) fn forgo_draft_model(&mut self) {
        self.acceptance.fade(Basis::DraftModel);
    }

    /// Keeps the first `n_tokens` of the guess, to be verified in this step, as far as they need at most `n_branches` sequences
    /// more; says how many they need.
    pub(crate) fn keep_guess(&mut self, n_tokens: usize, n_branches: usize) -> usize {
        if let Some(&basis) = self.guess.bases.first().filter(|_| n_tokens == 0) {
            self.acceptance.fade(basis);
        }
        // Guesses take cells, too.
        self.guess.truncate(n_tokens.min(self.room().saturating_sub(1)));
        self.guess.truncate(tree::n_within(&self.guess.parents, n_branches + 1));
        tree::leaves(&self.guess.parents)[0].len() - 1
    }

    /// Goes on with the logits that a step gave for its last token and for each guess behind it, as far as the guesses
    /// were right. What is in the cache is right up to `n_past` afterwards, on the path to the last right guess.
    pub(crate) fn advance(
        &mut self,
        logits: &[&[f32]],
        vocab: &LlamaVocab<'_>,
        scratch: &mut Scratch,
    ) -> Option<Delta> {
        let mut guess = std::mem::take(&mut self.guess);
        // Where the step had no room for a guess, it was not verified.
        guess.truncate(logits.len().saturating_sub(1));
        let known = self.tokens.len();
        self.n_steps += 1;
        self.tally.draft(&guess);
        self.verified = Verified::default();
        let mut whole: Option<Delta> = None;
        let mut row = 0;
        let mut n_right = 0;
        while let Some(logits) = logits.get(row) {
            self.n_past = known + n_right;
            let delta = self.choose(logits, vocab, scratch);
            let ended = delta.finished.is_some();
            match &mut whole {
                Some(whole) => whole.append(delta),
                None => whole = Some(delta),
            }
            let Some(&token) = self.tokens.last().filter(|_| !ended) else { break };
            let at = self.verified.last_right;
            let reached = tree::children(&guess.parents, at);
            self.verified
                .reached
                .extend(reached.map(|node| (guess.bases[node], guess.tokens[node] == token)));
            let Some(next) = tree::child(&guess.tokens, &guess.parents, at, token) else { break };
            self.verified.last_right = Some(next);
            (row, n_right) = (next + 1, n_right + 1);
            self.tally.accept(&guess);
        }
        self.acceptance.learn(&self.verified.reached);
        whole
    }

    /// What came of the guess of the last step.
    pub(crate) fn take_verified(&mut self) -> Verified {
        std::mem::take(&mut self.verified)
    }

    /// What was answered so far, as far as it is not forgotten.
    pub(crate) fn answer(&self) -> &[LlamaToken] {
        let n_prompt =
            self.window.as_ref().map_or(self.n_prompt, |window| window.gaps().n_kept_of(self.n_prompt));
        &self.tokens[n_prompt..]
    }

    /// Chooses the next token from the logits of the last.
    fn choose(&mut self, logits: &[f32], vocab: &LlamaVocab<'_>, scratch: &mut Scratch) -> Delta {
        let spelling = |token| vocab.token_to_piece(token, true, None);
        let mut sampled = self.sampler.sample(logits, scratch, &spelling);
        if sampled.as_ref().is_ok_and(|&token| vocab.is_eog(token))
            && self.reading.must_go_on(&mut self.sampler)
        {
            sampled = self.sampler.sample(logits, scratch, &spelling);
        }
        let token = match sampled {
            Ok(token) => token,
            Err(reason) => return self.broken_off(reason),
        };
        let now = Instant::now();
        self.first_token.get_or_insert(now);
        if vocab.is_eog(token) {
            return self.end(Parts::default(), FinishReason::Stop);
        }
        self.last_token = Some(now);
        self.tokens.push(token);
        if let Some(window) = &mut self.window {
            window.push(token);
        }
        self.bytes.clear();
        vocab.token_to_piece_into(token, &mut self.bytes, false, None);
        let begin = self.n_said + self.reading.n_held();
        let mut parts = match self.reading.take(token, &self.bytes, &mut self.sampler) {
            Ok(parts) => parts,
            Err(reason) => return self.broken_off(reason),
        };
        self.n_said += parts.text.len();
        if self.reading.is_saying() {
            self.note_likelihood(begin, logits, token, vocab);
        } else {
            self.likelihoods.drop_from(self.n_said);
        }
        if self.release(&mut parts) {
            return self.stop(parts);
        }
        if self.sampler.is_complete() {
            return self.end(parts, FinishReason::Stop);
        }
        if self.n_generated() >= self.max_tokens {
            return self.end(parts, FinishReason::Length);
        }
        self.delta(parts, None)
    }

    /// Leaves of the text what can be sent; says whether a stop string came. White space counts at once: whoever writes
    /// nothing else would never be stopped by it.
    fn release(&mut self, parts: &mut Parts) -> bool {
        let mut released = self.assembler.push(parts.text.as_bytes());
        let space = self.reading.held_space();
        if !released.stopped && self.assembler.would_stop(space) {
            let rest = self.assembler.push(space.as_bytes());
            released.text += &rest.text;
            released.stopped = rest.stopped;
        }
        parts.text = released.text;
        released.stopped
    }

    /// Ends it because it cannot go on.
    pub(crate) fn fail(&mut self, reason: &str) -> Delta {
        self.broken_off(reason.to_owned())
    }

    /// Ends it because somebody asked to.
    pub(crate) fn cancel(&mut self) -> Delta {
        self.end(Parts::default(), FinishReason::Cancelled)
    }

    /// A stop string came.
    fn stop(&mut self, parts: Parts) -> Delta {
        let mut delta = self.delta(parts, None);
        // What stopped it is not part of the answer, and neither are its tokens.
        self.likelihoods.send_rest();
        delta.finished = Some(Ok(FinishReason::Stop));
        delta
    }

    /// Sends these last parts with what was held back.
    fn end(&mut self, parts: Parts, reason: FinishReason) -> Delta {
        let (parts, stopped) = self.with_rest(parts);
        if stopped {
            return self.stop(parts);
        }
        let has_called = reason == FinishReason::Stop && self.reading.has_called();
        self.delta(parts, Some(if has_called { FinishReason::ToolCalls } else { reason }))
    }

    fn broken_off(&mut self, reason: String) -> Delta {
        let (parts, _) = self.with_rest(Parts::default());
        Delta { finished: Some(Err(reason)), ..self.delta(parts, None) }
    }

    /// The parts with what was held back, and whether that has a stop string in it.
    fn with_rest(&mut self, mut parts: Parts) -> (Parts, bool) {
        let rest = self.reading.finish();
        let released = self.assembler.push(rest.text.as_bytes());
        parts.text += &released.text;
        if !released.stopped {
            parts.text += &self.assembler.finish();
        }
        parts.reasoning += &rest.reasoning;
        parts.calls.extend(rest.calls);
        (parts, released.stopped)
    }

    /// `self.bytes` must be the token's, whose text begins so many bytes behind the beginning.
    fn note_likelihood(&mut self, begin: usize, logits: &[f32], token: LlamaToken, vocab: &LlamaVocab<'_>) {
        let Some(n_top) = self.n_top else { return };
        let (logprob, top) = likelihoods(logits, token, n_top);
        let spelled = |(token, logprob)| (vocab.token_to_piece(token, true, None), logprob);
        let top = top.into_iter().map(spelled).collect();
        let likelihood = TokenLogprob { bytes: self.bytes.clone(), logprob, top };
        self.likelihoods.push(begin, likelihood);
    }

    fn delta(&mut self, parts: Parts, reason: Option<FinishReason>) -> Delta {
        let Parts { text, reasoning, calls } = parts;
        let mut logprobs = self.likelihoods.send(text.len());
        if reason.is_some() {
            logprobs.extend(self.likelihoods.send_rest());
        }
        Delta { id: self.id, text, reasoning, calls, logprobs, usage: self.usage(), finished: reason.map(Ok) }
    }

    fn usage(&self) -> Usage {
        let between = |from: Option<Instant>, to: Option<Instant>| match (from, to) {
            (Some(from), Some(to)) => u32::try_from(to.duration_since(from).as_millis()).unwrap_or(u32::MAX),
            _ => 0,
        };
        Usage {
            n_prompt_tokens: count(self.n_prompt),
            n_cached_tokens: count(self.n_cached.unwrap_or(0)),
            n_generated_tokens: count(self.n_generated()),
            n_reasoning_tokens: count(self.reading.n_reasoning()),
            n_forgotten_tokens: count(self.n_forgotten()),
            n_trimmed_turns: count(self.n_trimmed_turns),
            n_drafted_tokens: count(self.tally.n_drafted()),
            n_accepted_tokens: count(self.tally.n_accepted()),
            n_steps: count(self.n_steps),
            guesser: self.tally.guesser(),
            queued_ms: between(Some(self.submitted), self.begun),
            first_token_ms: between(Some(self.submitted), self.first_token),
            decode_ms: between(self.first_token, self.last_token),
        }
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
