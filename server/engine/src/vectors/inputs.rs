//! From texts to sequences that fit the model.

use super::{Head, Ranks, Task, Tokenizer, VectorFacts, queue::Finish};
use protocol::{EmbedInput, EmbedParams, RankRequest, Rejection, RequestId, Who};

/// Turns what is asked for into work, or says why it cannot be done.
pub(crate) struct Inputs<T> {
    tokenizer: T,
    facts: VectorFacts,
    /// Special tokens behind every text.
    n_closing: usize,
}

impl<T: Tokenizer> Inputs<T> {
    pub(crate) fn new(tokenizer: T, facts: VectorFacts) -> Result<Self, String> {
        let n_closing = n_closing(&tokenizer.text("")?, &tokenizer.text("a")?);
        Ok(Self { tokenizer, facts, n_closing })
    }

    pub(crate) fn embed(
        &self,
        id: RequestId,
        inputs: Vec<EmbedInput>,
        params: EmbedParams,
        who: Who,
    ) -> Result<Task, Rejection> {
        let n_dimensions = self.facts.n_dimensions;
        if let Some(asked) = params.dimensions.filter(|asked| !(1..=n_dimensions).contains(asked)) {
            return Err(Rejection::Dimensions { asked, n_dimensions });
        }
        let inputs = (0..).zip(inputs);
        let sequences = inputs.map(|(index, input)| self.sequence(index, input, params.truncate));
        let head = Head::Pooled(params.pooling.unwrap_or(self.facts.pooling));
        let finish = Finish::Vectors { dimensions: params.dimensions, normalize: params.normalize };
        Ok(Task::new(id, who, head, sequences.collect::<Result<_, _>>()?, finish))
    }

    pub(crate) fn rank(&self, id: RequestId, request: &RankRequest) -> Result<Task, Rejection> {
        let head = match self.facts.ranks {
            Ranks::Not => return Err(Rejection::RanksNothing),
            Ranks::ByHead => Head::Rank,
            Ranks::ByLikelihood => {
                let (_, n_tokens) = self.tokenizer.asked(&request.query, "").map_err(Rejection::Engine)?;
                if n_tokens == 0 {
                    return Err(Rejection::EmptyInput { index: 0 });
                }
                Head::Likelihood { n_tokens: u32::try_from(n_tokens).unwrap_or(u32::MAX) }
            }
        };
        let documents = (0..).zip(&request.documents);
        let sequences = documents.map(|(index, document)| {
            let tokens = self.pair(&request.query, document)?;
            match self.check(index, tokens) {
                Err(Rejection::InputTooLong { n_tokens, .. }) if request.truncate => {
                    self.shortened(index, &request.query, document, n_tokens as usize)
                }
                result => result,
            }
        });
        Ok(Task::new(id, request.who, head, sequences.collect::<Result<_, _>>()?, Finish::Scores))
    }

    /// A short sequence, and what the model is asked for most.
    pub(super) fn warm_up(&self) -> (Vec<u32>, Head) {
        let ranks = self.facts.ranks == Ranks::ByHead;
        let head = if ranks { Head::Rank } else { Head::Pooled(self.facts.pooling) };
        let mut tokens = self.tokenizer.text("a").unwrap_or_default();
        tokens.retain(|&token| token < self.facts.n_vocab);
        if tokens.is_empty() {
            tokens.push(0);
        }
        (tokens, head)
    }

    /// How many tokens a text has.
    pub(crate) fn count(&self, text: &str) -> Result<u32, Rejection> {
        Ok(u32::try_from(self.text(text)?.len()).unwrap_or(u32::MAX))
    }

    fn text(&self, text: &str) -> Result<Vec<u32>, Rejection> {
        self.tokenizer.text(text).map_err(Rejection::Engine)
    }

    fn pair(&self, query: &str, document: &str) -> Result<Vec<u32>, Rejection> {
        let tokens = match self.facts.ranks {
            Ranks::ByLikelihood => self.tokenizer.asked(query, document).map(|(tokens, _)| tokens),
            Ranks::Not | Ranks::ByHead => self.tokenizer.pair(query, document),
        };
        tokens.map_err(Rejection::Engine)
    }

    fn sequence(&self, index: u32, input: EmbedInput, truncate: bool) -> Result<Vec<u32>, Rejection> {
        let mut tokens = match input {
            EmbedInput::Text(text) => {
                let mut tokens = self.text(&text)?;
                if truncate && tokens.len() > self.facts.limit {
                    // What closes a sequence has to be there whatever else is not.
                    let kept = self.facts.limit.saturating_sub(self.n_closing);
                    tokens.drain(kept..tokens.len() - self.n_closing);
                }
                tokens
            }
            EmbedInput::Tokens(tokens) => tokens,
        };
        if truncate {
            tokens.truncate(self.facts.limit);
        }
        self.check(index, tokens)
    }

    fn check(&self, index: u32, tokens: Vec<u32>) -> Result<Vec<u32>, Rejection> {
        let VectorFacts { limit, n_vocab, .. } = self.facts;
        if tokens.is_empty() {
            return Err(Rejection::EmptyInput { index });
        }
        if let Some(&token) = tokens.iter().find(|&&token| token >= n_vocab) {
            return Err(Rejection::UnknownToken { index, token, n_vocab });
        }
        if tokens.len() > limit {
            let [n_tokens, limit] = [tokens.len(), limit].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
            return Err(Rejection::InputTooLong { index, n_tokens, limit });
        }
        Ok(tokens)
    }

    /// As much of the document's beginning as fits beside the query. `n_tokens` are the whole pair's.
    fn shortened(
        &self,
        index: u32,
        query: &str,
        mut document: &str,
        mut n_tokens: usize,
    ) -> Result<Vec<u32>, Rejection> {
        let n_query = self.pair(query, "")?.len();
        loop {
            // In proportion, and again where the rest has more tokens for its length; at least a little every time.
            let (room, taken) = (self.facts.limit.saturating_sub(n_query), n_tokens.saturating_sub(n_query));
            let n_bytes = document.len() * room / taken.max(1);
            let n_bytes = n_bytes.min(document.len().saturating_sub(1));
            document = &document[..document.floor_char_boundary(n_bytes)];
            let tokens = self.pair(query, document)?;
            if tokens.len() <= self.facts.limit || document.is_empty() {
                return self.check(index, tokens);
            }
            n_tokens = tokens.len();
        }
    }
}

/// How many of the tokens that an empty text gets stand behind what a text says.
fn n_closing(empty: &[u32], one: &[u32]) -> usize {
    empty.iter().rev().zip(one.iter().rev()).take_while(|(a, b)| a == b).count()
}
