//! Guesses from the model's hidden rows: its own head for the token after the next (MTP, arXiv 2404.19737 and 2412.19437), or a
//! drafter of EAGLE-3 (arXiv 2503.01840).
//!
//! Both compute a token together with what the model knew one token earlier, and say what follows; what they knew themselves
//! takes the model's place for the token after that. What the model knows of a token exists only while it computes the token,
//! so it is taken over after every step, of the tokens that turned out to be right. It is computed in the context of
//! the heads as late as possible: together with the next draft, or when much of it has gathered.
//!
//! Where a text goes on from cells that were computed for another sequence, what is held of that one is shared; where they were
//! computed before a restart or come from memory, nothing is known of what came before, which makes guesses worse and nothing
//! wrong.

use super::{
    Owner,
    cost::StepCost,
    drafter::{Level, Wish, likeliest},
    prefix::SequenceId,
    speculate::{Acceptance, Basis, MOST_DEPTH},
};
use crate::llama::{HeadKind, HeadToken, Heads, MAX_SEQUENCES, N_BATCH};
use llama_cpp_2::{context::LlamaContext, token::LlamaToken};
use protocol::Tenant;
use std::time::Instant;
use types::chat::Guesser;

/// After so many steps in which no draft paid, nothing is taken over until one would.
const PATIENCE: usize = 64;

/// Tokens of a sequence that are put off; with the next one, those of all sequences fit into a batch.
const MOST_PENDING: usize = (N_BATCH / MAX_SEQUENCES) as usize - 2;

/// What the model has just computed of a sequence.
pub(crate) struct Computed<'s> {
    pub(crate) number: SequenceId,
    pub(crate) owner: Owner,
    /// All of the sequence that is right and computed.
    pub(crate) tokens: &'s [LlamaToken],
    /// The rows of the batch with the last of them.
    pub(crate) rows: Vec<usize>,
    /// Drafts are wanted.
    pub(crate) is_wanted: bool,
}

/// What is held of one sequence.
#[derive(Clone, Debug)]
struct Held {
    owner: Option<Owner>,
    /// From the text's beginning, be it that not all of it is held.
    tokens: Vec<LlamaToken>,
    /// So many of them are computed, or will never be.
    n_computed: usize,
    /// What the model showed of the last of these, and of all behind it; zeros where that is not known.
    shown: Vec<f32>,
}

/// The heads and what they hold.
pub(crate) struct HeadDrafter<'m> {
    heads: Heads<'m>,
    /// The longest sequence they can follow.
    n_ctx: usize,
    held: Vec<Held>,
    /// Steps since a draft paid.
    n_idle: usize,
    /// What they take.
    cost: StepCost,
    /// How often their drafts came true lately, whoever they were for.
    pub(super) acceptance: Acceptance,
}

/// A draft on its way.
struct Draft {
    wish: usize,
    levels: Vec<Level>,
    likelihood: f32,
    /// What was known when its last token was chosen.
    row: Vec<f32>,
}

impl<'m> HeadDrafter<'m> {
    /// Drafts for sequences below `n_sequences`.
    pub(super) fn new(heads: Heads<'m>, n_ctx: u32, n_sequences: usize) -> Self {
        let nothing = Held { owner: None, tokens: vec![], n_computed: 0, shown: vec![0.0; heads.n_shown()] };
        Self {
            heads,
            n_ctx: n_ctx as usize,
            held: vec![nothing; n_sequences],
            n_idle: 0,
            cost: StepCost::default(),
            acceptance: Acceptance::default(),
        }
    }

    /// Who guesses.
    pub(super) fn guesser(&self) -> Guesser {
        match self.heads.kind() {
            HeadKind::Own => Guesser::Mtp,
            HeadKind::Eagle => Guesser::Eagle3,
        }
    }

    /// Computes a token twice, so that the weights are in memory and what it takes is known.
    pub(super) fn warm_up(&mut self, token: LlamaToken) {
        for _ in 0..2 {
            self.cost = StepCost::default();
            let rows = self.heads.encode(&vec![0.0; self.heads.n_shown()]).unwrap_or_default();
            let token = HeadToken { token, position: 0, sequence: 0, is_wanted: true };
            self.decode(&[token], &rows, 0);
            self.clear(0);
        }
    }

    /// Whether they could draft what comes behind `tokens` if they followed.
    pub(super) fn has_room(&self, tokens: &[LlamaToken]) -> bool {
        tokens.len() + MOST_DEPTH < self.n_ctx
    }

    /// Milliseconds of a draft of `depth` tokens for so many sequences; free as long as it is not known, so that it is tried.
    pub(super) fn draft_ms(&self, n_sequences: usize, depth: usize) -> Option<f64> {
        // The first of its steps computes what was put off, too.
        let first = self.cost.step_ms(2 * n_sequences).unwrap_or(0.0);
        let later = self.cost.step_ms(n_sequences).unwrap_or(0.0);
        Some(first + later * depth.saturating_sub(1) as f64)
    }

    /// No draft would have paid in this step.
    pub(super) fn idle(&mut self) {
        self.n_idle += 1;
        self.acceptance.fade(Basis::DraftModel);
    }

    /// Whether the model has to show in the next step what is looked at; `is_wanted` where drafts are wanted for what it computes.
    pub(super) fn look(&mut self, target: &LlamaContext<'_>, is_wanted: bool) {
        self.heads.show(target, is_wanted && self.n_idle <= PATIENCE);
    }

    /// Takes over what `target` knew when it computed rows of the batch of `n_batch` rows that it has just decoded.
    pub(super) fn follow(&mut self, target: &LlamaContext<'_>, part: &Computed<'_>, n_batch: usize) {
        let Computed { number, tokens, .. } = *part;
        let is_followed = part.is_wanted && self.n_idle <= PATIENCE && self.has_room(tokens);
        if !is_followed || part.rows.len() > tokens.len() {
            return self.clear(number);
        }
        let start = tokens.len() - part.rows.len();
        self.align(part, start);
        let held = &mut self.held[number];
        if self.heads.shown(target, &part.rows, n_batch, &mut held.shown) {
            held.tokens.extend_from_slice(&tokens[start..]);
        } else {
            self.clear(number);
        }
    }

    /// Makes what is held of a sequence end where its rows begin.
    fn align(&mut self, part: &Computed<'_>, start: usize) {
        let before = &part.tokens[..start];
        let begins = |held: &Held| held.owner == Some(part.owner) && held.tokens.starts_with(before);
        if !begins(&self.held[part.number]) {
            self.clear(part.number);
            match (0..self.held.len()).find(|&other| start > 0 && begins(&self.held[other])) {
                Some(other) => self.share(other, part.number),
                None => {
                    self.held[part.number].tokens = before.to_vec();
                    self.held[part.number].n_computed = start;
                }
            }
        }
        self.held[part.number].owner = Some(part.owner);
        self.cut(part.number, start);
    }

    /// Holds of the sequence `to`, of which nothing is held, what is held of `from`.
    fn share(&mut self, from: SequenceId, to: SequenceId) {
        // Within one pool of cells a copy is a mark on every cell and cannot fail.
        let _ = self.heads.context().copy_kv_cache_seq(from as i32, to as i32, None, None);
        self.held[to] = self.held[from].clone();
    }

    /// Drops what is behind the first `n_tokens`.
    fn cut(&mut self, number: SequenceId, n_tokens: usize) {
        let n_shown = self.heads.n_shown();
        let held = &mut self.held[number];
        if n_tokens >= held.tokens.len() {
            return;
        }
        held.tokens.truncate(n_tokens);
        if n_tokens < held.n_computed {
            held.n_computed = n_tokens;
            held.shown = vec![0.0; n_shown];
            self.drop_cells(number, n_tokens);
        } else {
            held.shown.truncate((n_tokens - held.n_computed + 1) * n_shown);
        }
    }

    /// Drops the cells of all but the first `n_tokens`.
    fn drop_cells(&mut self, number: SequenceId, n_tokens: usize) {
        let start = u32::try_from(self.position(n_tokens)).ok();
        // Where some of its layers have moved on, what is left is a worse beginning and no wrong one.
        let _ = self.heads.context().kv_cache_seq_rm(number as i32, start, None);
    }

    /// Where the token at `index` of a text is computed. A drafter of EAGLE-3 counts from the second, since the first follows
    /// nothing.
    fn position(&self, index: usize) -> i32 {
        match self.heads.kind() {
            HeadKind::Own => index as i32,
            HeadKind::Eagle => index as i32 - 1,
        }
        .max(0)
    }

    fn clear(&mut self, number: SequenceId) {
        // Removing a whole sequence never fails.
        let _ = self.heads.context().kv_cache_seq_rm(number as i32, None, None);
        let shown = vec![0.0; self.heads.n_shown()];
        self.held[number] = Held { owner: None, tokens: Vec::new(), n_computed: 0, shown };
    }

    fn clear_all(&mut self) {
        (0..self.held.len()).for_each(|number| self.clear(number));
    }

    /// Computes what was put off where much of it has gathered.
    pub(super) fn catch_up(&mut self) {
        loop {
            let mut left = N_BATCH as usize;
            let mut parts = Vec::new();
            for (number, held) in self.held.iter().enumerate() {
                let n_pending = held.tokens.len() - held.n_computed;
                if n_pending > MOST_PENDING && left > 0 {
                    let n_tokens = n_pending.min(left);
                    left -= n_tokens;
                    parts.push((number, n_tokens));
                }
            }
            if parts.is_empty() {
                return;
            }
            let (mut tokens, mut shown) = (Vec::new(), Vec::new());
            for &(number, n_tokens) in &parts {
                self.add_pending(number, n_tokens, &mut tokens, &mut shown);
            }
            if !self.compute(&tokens, &shown, tokens.len()) {
                return self.clear_all();
            }
            for (number, n_tokens) in parts {
                self.note_computed(number, n_tokens);
            }
        }
    }

    /// Adds the first `n_tokens` of those that were put off.
    fn add_pending(
        &self,
        number: SequenceId,
        n_tokens: usize,
        tokens: &mut Vec<HeadToken>,
        shown: &mut Vec<f32>,
    ) {
        let (held, n_shown) = (&self.held[number], self.heads.n_shown());
        // Nothing was known before the first token of a text, so EAGLE-3 does not compute it.
        let first = usize::from(self.heads.kind() == HeadKind::Eagle).max(held.n_computed);
        for index in first..held.n_computed + n_tokens {
            let place = (index - held.n_computed) * n_shown;
            shown.extend_from_slice(&held.shown[place..place + n_shown]);
            tokens.push(HeadToken {
                token: held.tokens[index],
                position: self.position(index),
                sequence: number as i32,
                is_wanted: false,
            });
        }
    }

    fn note_computed(&mut self, number: SequenceId, n_tokens: usize) {
        let held = &mut self.held[number];
        held.n_computed += n_tokens;
        held.shown.drain(..n_tokens * self.heads.n_shown());
    }

    /// Computes tokens behind what the model showed of those before them; `n_prompt` of them were not part of a draft. Says
    /// whether that worked.
    fn compute(&mut self, tokens: &[HeadToken], shown: &[f32], n_prompt: usize) -> bool {
        if tokens.is_empty() {
            return true;
        }
        let Some(rows) = self.heads.encode(shown) else { return false };
        self.decode(tokens, &rows, n_prompt)
    }

    fn decode(&mut self, tokens: &[HeadToken], rows: &[f32], n_prompt: usize) -> bool {
        let begun = Instant::now();
        if self.heads.decode(tokens, rows).is_err() {
            return false;
        }
        self.heads.context().synchronize();
        self.cost.learn(tokens.len() - n_prompt, n_prompt, begun.elapsed().as_secs_f64() * 1000.0);
        true
    }

    /// Drops what is held of sequences that neither run nor are kept.
    pub(super) fn keep(&mut self, is_used: impl Fn(SequenceId) -> bool) {
        for number in 0..self.held.len() {
            if self.held[number].owner.is_some() && !is_used(number) {
                self.clear(number);
            }
        }
    }

    /// Drops what is held of a tenant.
    pub(super) fn forget(&mut self, tenant: Tenant) {
        for number in 0..self.held.len() {
            if self.held[number].owner.is_some_and(|owner| owner.tenant == tenant) {
                self.clear(number);
            }
        }
    }

    /// All but the last of the tokens were taken over.
    fn is_at_end(&self, wish: &Wish<'_>) -> bool {
        let held = &self.held[wish.number];
        held.owner == Some(wish.owner)
            && !held.tokens.is_empty()
            && held.tokens.len() + 1 == wish.tokens.len()
    }

    /// Drafts for every wish, as far as the tokens together are at least as likely as `least_likely`; `probability` says how
    /// likely a token with such a confidence comes true. A draft is empty where the text before was not followed, or where there
    /// was no room.
    pub(super) fn draft(
        &mut self,
        wishes: &[Wish<'_>],
        least_likely: f32,
        probability: impl Fn(usize, f32) -> f32,
    ) -> Vec<Vec<Level>> {
        self.n_idle = 0;
        let mut found = vec![Vec::new(); wishes.len()];
        let mut drafts = self.begin(wishes);
        while !drafts.is_empty() {
            let best = |draft: &Draft| draft.levels.last().and_then(|level| level.first()).copied();
            for draft in &mut drafts {
                draft.likelihood *= best(draft).map_or(0.0, |best| probability(draft.wish, best.1));
            }
            let (going_on, ended): (Vec<_>, Vec<_>) = drafts.into_iter().partition(|draft| {
                draft.levels.len() < wishes[draft.wish].depth && draft.likelihood >= least_likely
            });
            for draft in ended {
                found[draft.wish] = draft.levels;
            }
            drafts = going_on;
            if !drafts.is_empty() && !self.go_on(wishes, &mut drafts) {
                for draft in drafts.drain(..) {
                    found[draft.wish] = draft.levels;
                }
            }
        }
        for wish in wishes {
            // What was guessed may be wrong, and what was known of it is not what the model will know.
            self.drop_cells(wish.number, self.held[wish.number].n_computed);
        }
        found
    }

    /// Computes what was put off, and the last token of every wish.
    fn begin(&mut self, wishes: &[Wish<'_>]) -> Vec<Draft> {
        let (mut tokens, mut shown, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for (i, wish) in wishes.iter().enumerate().filter(|(_, wish)| self.is_at_end(wish)) {
            let held = &self.held[wish.number];
            let n_pending = held.tokens.len() - held.n_computed;
            if tokens.len() + n_pending + 1 > N_BATCH as usize {
                break;
            }
            self.add_pending(wish.number, n_pending, &mut tokens, &mut shown);
            let Some(&token) = wish.tokens.last() else { continue };
            ends.push((i, tokens.len(), n_pending));
            shown.extend_from_slice(&held.shown[n_pending * self.heads.n_shown()..]);
            tokens.push(HeadToken {
                token,
                position: self.position(held.tokens.len()),
                sequence: wish.number as i32,
                is_wanted: true,
            });
        }
        if tokens.is_empty() {
            return Vec::new();
        }
        if !self.compute(&tokens, &shown, 0) {
            self.clear_all();
            return Vec::new();
        }
        let mut drafts = Vec::with_capacity(ends.len());
        for (wish, index, n_pending) in ends {
            self.note_computed(wishes[wish].number, n_pending);
            let mut draft = Draft { wish, levels: Vec::new(), likelihood: 1.0, row: Vec::new() };
            if self.read(&mut draft, index, wishes[wish].width) {
                drafts.push(draft);
            }
        }
        drafts
    }

    /// Computes the best token of every draft; says whether there was room.
    fn go_on(&mut self, wishes: &[Wish<'_>], drafts: &mut Vec<Draft>) -> bool {
        let (mut tokens, mut rows) = (Vec::new(), Vec::new());
        for draft in &*drafts {
            let wish = &wishes[draft.wish];
            let Some(&(token, _)) = draft.levels.last().and_then(|level| level.first()) else { return false };
            rows.extend_from_slice(&draft.row);
            tokens.push(HeadToken {
                token,
                position: self.position(wish.tokens.len() + draft.levels.len() - 1),
                sequence: wish.number as i32,
                is_wanted: true,
            });
        }
        if !self.decode(&tokens, &rows, 0) {
            return false;
        }
        drafts.iter_mut().enumerate().all(|(index, draft)| self.read(draft, index, wishes[draft.wish].width))
    }

    /// Reads what was said behind the token at `index` of those last computed; says whether there is something.
    fn read(&mut self, draft: &mut Draft, index: usize, width: usize) -> bool {
        let Some(level) = self.heads.logits(index).map(|logits| likeliest(logits, width)) else {
            return false;
        };
        let Some(row) = self.heads.row(index) else { return false };
        draft.row.clear();
        draft.row.extend_from_slice(row);
        draft.levels.push(level);
        true
    }
}
