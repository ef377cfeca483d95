//! What a worker said of an answer, so that another one can go on with it where the first has died.

use crate::Prompt;
use protocol::{Delta, GenerateParams};
use types::chat::{ChatTurn, Role, Usage};

/// Of longer answers nothing is kept, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// One answer, as far as it was told.
#[derive(Debug, Default)]
pub(super) struct Said {
    thought: String,
    text: String,
    /// A turn that says something is not thought about any more.
    has_spoken: bool,
    /// It cannot go on elsewhere.
    is_bound: bool,
    /// What it cost the worker that has it.
    usage: Usage,
    /// What it cost those that had it before and died, once they had said something.
    before: Option<Usage>,
}

impl Said {
    /// Nothing yet. Forms, functions and likelihoods of tokens hold from an answer's beginning: such an answer cannot go on.
    pub(super) fn nothing(prompt: &Prompt, params: &GenerateParams) -> Self {
        let is_plain = params.constraint.is_none() && params.tools.is_none() && params.logprobs.is_none();
        let has_spoken = match prompt {
            Prompt::Continue(turns) => turns.last().is_some_and(|turn| !turn.content.is_empty()),
            Prompt::Chat(_) | Prompt::Text(_) | Prompt::Fill(_) => false,
        };
        Self { has_spoken, is_bound: !is_plain, ..Self::default() }
    }

    /// A worker said more. Tells what the whole answer cost so far.
    pub(super) fn grow(&mut self, delta: &Delta) -> Usage {
        self.usage = delta.usage;
        let n_bytes = self.thought.len() + self.text.len() + delta.reasoning.len() + delta.text.len();
        let thinks_again = self.has_spoken && !delta.reasoning.is_empty();
        self.is_bound |= thinks_again || !delta.calls.is_empty() || n_bytes > MOST_BYTES;
        self.has_spoken |= !delta.text.is_empty();
        if self.is_bound {
            (self.thought, self.text) = (String::new(), String::new());
        } else {
            self.thought.push_str(&delta.reasoning);
            self.text.push_str(&delta.text);
        }
        self.cost()
    }

    /// What the whole answer cost so far. The prompt is the one that was given.
    pub(super) fn cost(&self) -> Usage {
        let Some(before) = self.before else { return self.usage };
        let Usage { n_prompt_tokens, n_cached_tokens, .. } = before;
        Usage { n_prompt_tokens, n_cached_tokens, ..before.and(self.usage) }
    }

    /// Whether another worker can do the rest.
    pub(super) fn can_go_on(&self, params: &GenerateParams) -> bool {
        let has_room = |most: u32| most > self.usage.n_generated_tokens;
        !self.is_bound && params.sampling.max_tokens.is_none_or(has_room)
    }

    /// Makes a prompt for the answer one for the rest of it. What nobody was told is answered anew, and `false`.
    pub(super) fn go_on(&mut self, prompt: &mut Prompt, params: &mut GenerateParams) -> bool {
        let cost = self.cost();
        let Usage { n_generated_tokens, n_reasoning_tokens, .. } = std::mem::take(&mut self.usage);
        let (thought, text) = (std::mem::take(&mut self.thought), std::mem::take(&mut self.text));
        if thought.is_empty() && text.is_empty() {
            return false;
        }
        self.before = Some(cost);
        let sampling = &mut params.sampling;
        sampling.max_tokens = sampling.max_tokens.map(|most| most.saturating_sub(n_generated_tokens));
        sampling.min_tokens = sampling.min_tokens.saturating_sub(n_generated_tokens);
        if text.is_empty() {
            // Not nothing: templates write another prompt for an answer without a thought.
            let rest = |most: u32| most.saturating_sub(n_reasoning_tokens).max(most.min(1));
            params.reasoning.max_tokens = params.reasoning.max_tokens.map(rest);
        }
        match prompt {
            Prompt::Text(before) => before.push_str(&text),
            Prompt::Fill(gap) => gap.said.push_str(&text),
            Prompt::Chat(turns) => {
                turns.push(ChatTurn { reasoning: thought, ..ChatTurn::new(Role::Assistant, text) });
                *prompt = Prompt::Continue(std::mem::take(turns));
            }
            Prompt::Continue(turns) => {
                if let Some(turn) = turns.last_mut() {
                    turn.reasoning.push_str(&thought);
                    turn.content.push_str(&text);
                }
            }
        }
        true
    }

    /// Another worker has gone on with it.
    pub(super) fn has_gone_on(&self) -> bool {
        self.before.is_some()
    }
}

#[cfg(test)]
mod tests;
