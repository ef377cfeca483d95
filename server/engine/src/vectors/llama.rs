//! Vectors by llama.cpp, in a context of their own.

use super::{BATCH_SEQUENCES, BATCH_TOKENS, Encoder, Failure, Head, Ranks, Tokenizer, VectorFacts};
use crate::{
    llama::{self, Output, VectorShape},
    logprobs::likelihood,
    prompt::{guard::Guard, text_cutter::TextCutter},
};
use llama_cpp_2::{
    context::{LlamaContext, params::LlamaPoolingType},
    llama_backend::LlamaBackend,
    llama_batch::LlamaBatch,
    model::LlamaModel,
    token::LlamaToken,
    vocab::LlamaVocab,
};
use protocol::{LoadRequest, Pooling, pool};
use std::ops::Range;
use types::model::Purpose;

const NO_PARTS: &str = "it takes whole texts only";

/// Stands between a document and what somebody asks about it.
const ASKED: &str = "Question that this text answers:";

/// What `model` makes vectors of, and how it was made to.
pub(crate) fn vector_facts(model: &LlamaModel, request: &LoadRequest) -> VectorFacts {
    let n_vocab = u32::try_from(model.n_vocab()).unwrap_or(0);
    // A file that does not say it has zero there.
    let n_ctx_train = Some(model.n_ctx_train()).filter(|&n| n > 0);
    let writes = (!llama::is_encoder(model)).then_some(n_vocab);
    VectorFacts {
        limit: pool::n_vector_tokens(request.n_ctx, n_ctx_train, writes) as usize,
        n_vocab,
        n_dimensions: u32::try_from(model.n_embd_out()).unwrap_or(0),
        pooling: pooling(model),
        ranks: match llama::purpose(model) {
            Purpose::Reranking => Ranks::ByHead,
            Purpose::Writing => Ranks::ByLikelihood,
            Purpose::Embedding => Ranks::Not,
        },
    }
}

fn pooling(model: &LlamaModel) -> Pooling {
    match llama::pooling_type(model).map(LlamaPoolingType::from) {
        // A ranking head looks at the first token.
        Some(LlamaPoolingType::Cls | LlamaPoolingType::Rank) => Pooling::Cls,
        Some(LlamaPoolingType::Last) => Pooling::Last,
        _ => Pooling::Mean,
    }
}

/// Tokens of a context that is opened only for what it tells of the model.
const PROBED_TOKENS: u32 = 32;

/// How contexts are opened.
type OpenContext =
    for<'m> fn(&LlamaBackend, &'m LlamaModel, &LoadRequest, VectorShape) -> Result<LlamaContext<'m>, String>;

/// Computes in a context that is opened when it is needed, since what comes out of it is fixed with it.
///
/// Of a model whose tokens look at none behind them that is a vector of every token, from which everything else is made here: so a long
/// sequence may come in parts, and only a few of its tokens are computed at once, which takes less memory. Else llama.cpp makes one vector
/// of all, which are computed at once.
pub(crate) struct LlamaEncoder<'m> {
    backend: &'m LlamaBackend,
    model: &'m LlamaModel,
    request: LoadRequest,
    /// Tokens that fit the context.
    n_tokens: u32,
    /// Whether tokens look at none behind them; `None` before the first context was opened.
    looks_back: Option<bool>,
    open_context: OpenContext,
    open: Option<(VectorShape, LlamaContext<'m>)>,
    /// What the parts of a sequence came to so far.
    parts: Gathered,
}

impl<'m> LlamaEncoder<'m> {
    pub(crate) fn new(
        backend: &'m LlamaBackend,
        model: &'m LlamaModel,
        request: &LoadRequest,
        facts: VectorFacts,
    ) -> Self {
        let n_tokens = u32::try_from(facts.limit.max(BATCH_TOKENS)).unwrap_or(u32::MAX);
        let request = request.clone();
        Self {
            backend,
            model,
            request,
            n_tokens,
            looks_back: None,
            open_context: llama::open_vector_context,
            open: None,
            parts: Gathered::default(),
        }
    }

    /// The context for `head`, opened if it is not there.
    fn context(&mut self, head: Head) -> Result<&mut LlamaContext<'m>, String> {
        let opened = match self.open.take() {
            Some(opened) if opened.0 == self.shape(head) => opened,
            // The other one's memory is free before this one's is taken.
            other => {
                drop(other);
                self.open_for(head)?
            }
        };
        Ok(&mut self.open.insert(opened).1)
    }

    fn open_for(&mut self, head: Head) -> Result<(VectorShape, LlamaContext<'m>), String> {
        if self.looks_back.is_none() {
            // Before buffers for whole texts are asked for: there may be memory for those of parts only.
            self.looks_back = Some(self.probe(head)?);
        }
        let shape = self.shape(head);
        let context = (self.open_context)(self.backend, self.model, &self.request, shape)?;
        Ok((shape, context))
    }

    /// Whether tokens look at none behind them, as a context says that takes next to nothing.
    fn probe(&self, head: Head) -> Result<bool, String> {
        let n_tokens = PROBED_TOKENS;
        let shape = VectorShape { n_tokens, n_at_once: n_tokens, n_sequences: 1, ..self.shape(head) };
        let context = (self.open_context)(self.backend, self.model, &self.request, shape)?;
        Ok(llama::looks_back_only(&context))
    }

    fn shape(&self, head: Head) -> VectorShape {
        let looks_back = self.looks_back == Some(true);
        let output = match head {
            Head::Pooled(_) if looks_back => Output::Tokens,
            Head::Pooled(Pooling::Mean) => Output::Pooled(LlamaPoolingType::Mean),
            Head::Pooled(Pooling::Cls) => Output::Pooled(LlamaPoolingType::Cls),
            Head::Pooled(Pooling::Last) => Output::Pooled(LlamaPoolingType::Last),
            Head::Rank => Output::Pooled(LlamaPoolingType::Rank),
            Head::Likelihood { .. } => Output::Likelihoods,
        };
        let is_pooled = matches!(output, Output::Pooled(_));
        let n_at_once = if looks_back && !is_pooled { BATCH_TOKENS as u32 } else { self.n_tokens };
        VectorShape { output, n_tokens: self.n_tokens, n_at_once, n_sequences: BATCH_SEQUENCES as u32 }
    }

    /// Computes tokens and adds what comes out of each to those before it of its sequence.
    fn decode_tokens(&mut self, sequences: &[&[u32]], pooling: Pooling) -> Result<Vec<Vec<f32>>, Failure> {
        let context = self.context(Head::Pooled(pooling)).map_err(Failure::Refused)?;
        context.clear_kv_cache();
        decode(context, sequences, 0)?;
        let mut first = 0;
        let vector = |tokens: &&[u32]| -> Result<Vec<f32>, Failure> {
            let range = first..first + tokens.len();
            first = range.end;
            let mut gathered = Gathered::default();
            gathered.add(context, range, pooling)?;
            Ok(gathered.vector(pooling))
        };
        sequences.iter().map(vector).collect()
    }
}

/// Computes `sequences`, of each of which `n_before` tokens are computed already.
fn decode(context: &mut LlamaContext<'_>, sequences: &[&[u32]], n_before: usize) -> Result<(), Failure> {
    let mut batch = LlamaBatch::new(sequences.iter().map(|tokens| tokens.len()).sum(), 1);
    for (sequence, tokens) in (0..).zip(sequences) {
        for (token, position) in tokens.iter().zip(i32::try_from(n_before).unwrap_or(i32::MAX)..) {
            let token = LlamaToken(token.cast_signed());
            batch.add(token, position, &[sequence], true).map_err(|error| Failure::Fatal(error.into()))?;
        }
    }
    context.decode(&mut batch).map_err(|error| Failure::Fatal(error.into()))
}

/// What the vectors of a sequence's tokens come to.
#[derive(Default)]
struct Gathered {
    /// Their sum, or the one that stands for all.
    vector: Vec<f64>,
    n_tokens: usize,
}

impl Gathered {
    /// Adds what came out of these tokens of the last batch.
    fn add(
        &mut self,
        context: &LlamaContext<'_>,
        tokens: Range<usize>,
        pooling: Pooling,
    ) -> Result<(), Failure> {
        let wanted = match pooling {
            Pooling::Mean => tokens.clone(),
            Pooling::Cls if self.n_tokens > 0 => 0..0,
            Pooling::Cls => tokens.start..tokens.start + 1,
            Pooling::Last => tokens.end - 1..tokens.end,
        };
        for i in wanted {
            let token = context.embeddings_ith(i32::try_from(i).unwrap_or(i32::MAX));
            let token = token.map_err(|error| Failure::Refused(error.to_string()))?;
            if pooling != Pooling::Mean || self.vector.is_empty() {
                self.vector = vec![0.0; token.len()];
            }
            self.vector.iter_mut().zip(token).for_each(|(sum, it)| *sum += f64::from(*it));
        }
        self.n_tokens += tokens.len();
        Ok(())
    }

    fn vector(&self, pooling: Pooling) -> Vec<f32> {
        let n = if pooling == Pooling::Mean { self.n_tokens.max(1) as f64 } else { 1.0 };
        self.vector.iter().map(|sum| (sum / n) as f32).collect()
    }
}

/// How likely the last `n_tokens` of each sequence are, each as a vector of one number.
fn likelihoods(
    context: &mut LlamaContext<'_>,
    sequences: &[&[u32]],
    n_tokens: usize,
) -> Result<Vec<Vec<f32>>, Failure> {
    let fatal = |error: llama_cpp_2::llama_batch::BatchAddError| Failure::Fatal(error.into());
    let mut batch = LlamaBatch::new(sequences.iter().map(|tokens| tokens.len()).sum(), 1);
    // Where in the batch the token stands that foretells the next one, and which one that is.
    let mut foretold: Vec<Vec<(i32, LlamaToken)>> = Vec::with_capacity(sequences.len());
    for (sequence, tokens) in (0..).zip(sequences) {
        let first = tokens.len().saturating_sub(n_tokens);
        let mut own = Vec::with_capacity(n_tokens);
        for (i, position) in (0..tokens.len()).zip(0..) {
            let next = tokens.get(i + 1).filter(|_| i + 1 >= first);
            own.extend(next.map(|next| (batch.n_tokens(), LlamaToken(next.cast_signed()))));
            let token = LlamaToken(tokens[i].cast_signed());
            batch.add(token, position, &[sequence], next.is_some()).map_err(fatal)?;
        }
        foretold.push(own);
    }
    context.clear_kv_cache();
    context.decode(&mut batch).map_err(|error| Failure::Fatal(error.into()))?;
    let mean = |own: Vec<(i32, LlamaToken)>| {
        let sum: f32 = own.iter().map(|&(i, token)| likelihood(context.get_logits_ith(i), token)).sum();
        vec![sum / own.len().max(1) as f32]
    };
    Ok(foretold.into_iter().map(mean).collect())
}

impl Encoder for LlamaEncoder<'_> {
    fn encode(&mut self, sequences: &[&[u32]], head: Head) -> Result<Vec<Vec<f32>>, Failure> {
        if let Head::Likelihood { n_tokens } = head {
            let context = self.context(head).map_err(Failure::Refused)?;
            return likelihoods(context, sequences, n_tokens as usize);
        }
        if let Head::Pooled(pooling) = head
            && self.takes_parts(head)
        {
            return self.decode_tokens(sequences, pooling);
        }
        let context = self.context(head).map_err(Failure::Refused)?;
        context.clear_kv_cache();
        decode(context, sequences, 0)?;
        let vectors = (0..).zip(sequences).map(|(i, _)| context.embeddings_seq_ith(i).map(<[f32]>::to_vec));
        vectors.collect::<Result<_, _>>().map_err(|error| Failure::Refused(error.to_string()))
    }

    fn is_open_for(&self, head: Head) -> bool {
        self.open.as_ref().is_none_or(|(opened, _)| *opened == self.shape(head))
    }

    fn prepare(&mut self, head: Head) -> Result<(), Failure> {
        self.context(head).map(drop).map_err(Failure::Refused)
    }

    fn close(&mut self) {
        self.open = None;
    }

    fn takes_parts(&mut self, head: Head) -> bool {
        matches!(head, Head::Pooled(_))
            && self.context(head).is_ok()
            && self.shape(head).output == Output::Tokens
    }

    fn encode_part(&mut self, part: &[u32], start: usize, head: Head) -> Result<Vec<f32>, Failure> {
        let Head::Pooled(pooling) = head else { return Err(Failure::Refused(NO_PARTS.into())) };
        let mut gathered = if start == 0 { Gathered::default() } else { std::mem::take(&mut self.parts) };
        let context = self.context(head).map_err(Failure::Refused)?;
        if start == 0 {
            context.clear_kv_cache();
        }
        decode(context, &[part], start)?;
        gathered.add(context, 0..part.len(), pooling)?;
        let vector = gathered.vector(pooling);
        self.parts = gathered;
        Ok(vector)
    }
}

/// The model's own tokenizer.
pub(crate) struct LlamaTokens<'m> {
    vocab: LlamaVocab<'m>,
    /// How a pair is written, where it is not two texts with separators.
    template: Option<(String, Guard)>,
}

impl<'m> LlamaTokens<'m> {
    pub(crate) fn new(model: &'m LlamaModel) -> Self {
        let vocab = model.vocab();
        let template = model.chat_template(Some("rerank")).ok();
        let template = template.and_then(|template| template.to_string().ok());
        let template = template.map(|template| (template, guard(&vocab)));
        Self { vocab, template }
    }

    fn cut(&self, text: &str, parse_special: bool) -> Vec<LlamaToken> {
        self.vocab.tokenize(text.as_bytes(), false, parse_special)
    }

    fn spelling(&self, token: LlamaToken) -> Vec<u8> {
        self.vocab.token_to_piece(token, true, None)
    }

    /// The template with both texts in it; nothing that they say is a special token.
    fn fill(&self, template: &str, guard: &Guard, query: &str, document: &str) -> Vec<LlamaToken> {
        // Not one replacement after the other: a query may speak of documents in braces.
        let filled: Vec<String> = template
            .split("{query}")
            .map(|part| part.split("{document}").collect::<Vec<_>>().join(&guard.defuse(document)))
            .collect();
        let cut = |text: &str| self.cut(text, true);
        let spelling = |token: LlamaToken| self.spelling(token);
        TextCutter::new(&cut, &spelling).pieces(&filled.join(&guard.defuse(query)), false)
    }

    /// Both texts between the model's separators.
    fn separated(&self, query: &str, document: &str) -> Vec<LlamaToken> {
        let there = |token: LlamaToken| (token.0 >= 0).then_some(token);
        let end = there(self.vocab.eos()).or(there(self.vocab.sep()));
        let end = end.filter(|_| self.vocab.should_add_eos());
        let separator = there(self.vocab.sep()).filter(|_| self.vocab.should_add_sep());
        let begin = there(self.vocab.bos()).filter(|_| self.vocab.should_add_bos());
        // Where there is no end token, the separator ends the second text too.
        let last = end.or(separator);
        let (query, document) = (self.cut(query, false), self.cut(document, false));
        begin.into_iter().chain(query).chain(end).chain(separator).chain(document).chain(last).collect()
    }
}

impl Tokenizer for LlamaTokens<'_> {
    fn text(&self, text: &str) -> Result<Vec<u32>, String> {
        Ok(numbers(self.vocab.tokenize(text.as_bytes(), true, true)))
    }

    fn pair(&self, query: &str, document: &str) -> Result<Vec<u32>, String> {
        Ok(numbers(match &self.template {
            Some((template, guard)) => self.fill(template, guard, query, document),
            None => self.separated(query, document),
        }))
    }

    fn asked(&self, query: &str, document: &str) -> Result<(Vec<u32>, usize), String> {
        let begin = Some(self.vocab.bos()).filter(|token| token.0 >= 0 && self.vocab.should_add_bos());
        let cut = |text: &str| self.cut(text, false);
        let spelling = |token: LlamaToken| self.spelling(token);
        let said = cut(&format!("{document}\n\n{ASKED}"));
        let query = TextCutter::new(&cut, &spelling).behind(&format!(" {}", query.trim()));
        let n_query = query.len();
        Ok((numbers(begin.into_iter().chain(said).chain(query).collect()), n_query))
    }
}

/// Knows how control tokens are written.
fn guard(vocab: &LlamaVocab<'_>) -> Guard {
    let control = vocab.tokens().filter(|&token| vocab.is_control(token));
    let spelling = |token| vocab.token_to_piece(token, true, None);
    Guard::new(control.map(|token| String::from_utf8_lossy(&spelling(token)).into_owned()))
}

fn numbers(tokens: Vec<LlamaToken>) -> Vec<u32> {
    tokens.into_iter().map(|token| token.0.cast_unsigned()).collect()
}

#[cfg(test)]
mod tests;
