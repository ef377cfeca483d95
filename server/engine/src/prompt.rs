//! From a prompt to tokens: the model's template, its special tokens, and what to drop when it is too long.

pub(crate) mod guard;
mod template;
mod trim;

use crate::constraint::{Compiler, Constrained};
use guard::Guard;
use llama_cpp_2::{model::LlamaModel, token::LlamaToken, token_type::LlamaTokenAttr, vocab::LlamaVocab};
use protocol::{GenerateParams, Prompt, Rejection};
use std::sync::Arc;
use template::Template;
use types::chat::ChatTurn;

/// A prompt ready to decode.
pub(crate) struct TokenPrompt {
    pub(crate) tokens: Vec<LlamaToken>,
    /// Stop strings that belong to the prompt's form.
    pub(crate) stops: Vec<String>,
    /// What the answer must look like.
    pub(crate) constraint: Option<Constrained>,
}

/// Turns prompts into tokens for one model.
pub(crate) struct Prompter<'m> {
    vocab: LlamaVocab<'m>,
    template: Template,
    guard: Guard,
    ends: Arc<[LlamaToken]>,
    compiler: Compiler<'m>,
    n_ctx: usize,
}

impl<'m> Prompter<'m> {
    pub(crate) fn new(model: &'m LlamaModel, n_ctx: u32) -> Self {
        let vocab = model.vocab();
        let source = model.chat_template(None).ok().and_then(|template| template.to_string().ok());
        let template = Template::new(source, spelling(&vocab, vocab.bos()), spelling(&vocab, vocab.eos()));
        let control = vocab.tokens().filter(|&token| vocab.attr(token).contains(LlamaTokenAttr::Control));
        let guard = Guard::new(control.map(|token| spelling(&vocab, token)));
        let ends: Arc<[_]> = vocab.tokens().filter(|&token| vocab.is_eog(token)).collect();
        let compiler = Compiler::new(model.vocab(), ends.clone());
        Self { vocab, template, guard, ends, compiler, n_ctx: n_ctx as usize }
    }

    /// Tokens that end an answer.
    pub(crate) fn ends(&self) -> Arc<[LlamaToken]> {
        self.ends.clone()
    }

    /// How a token is written.
    pub(crate) fn spelling(&self, token: LlamaToken) -> Vec<u8> {
        self.vocab.token_to_piece(token, true, None)
    }

    /// Tokens that fit the context with room for an answer and what the answer must look like, or why not.
    pub(crate) fn prepare(&self, prompt: &Prompt, params: &GenerateParams) -> Result<TokenPrompt, Rejection> {
        let tokens = match prompt {
            Prompt::Text(text) => self.text(text),
            Prompt::Chat(turns) if params.trim_history => {
                trim::fit(turns, self.n_ctx, |turns| self.chat(turns))?
            }
            Prompt::Chat(turns) => self.chat(turns)?,
        };
        if tokens.is_empty() {
            return Err(Rejection::EmptyPrompt);
        }
        if tokens.len() >= self.n_ctx {
            return Err(trim::too_long(tokens.len(), self.n_ctx));
        }
        let stops = match prompt {
            Prompt::Chat(_) => self.template.stops(),
            Prompt::Text(_) => vec![],
        };
        let constraint = params.constraint.as_ref().map(|it| self.compiler.compile(it)).transpose()?;
        Ok(TokenPrompt { tokens, stops, constraint })
    }

    /// How many tokens the whole prompt has.
    pub(crate) fn count(&self, prompt: &Prompt) -> Result<u32, Rejection> {
        let tokens = match prompt {
            Prompt::Text(text) => self.text(text),
            Prompt::Chat(turns) => self.chat(turns)?,
        };
        Ok(u32::try_from(tokens.len()).unwrap_or(u32::MAX))
    }

    fn chat(&self, turns: &[ChatTurn]) -> Result<Vec<LlamaToken>, Rejection> {
        if turns.is_empty() {
            return Err(Rejection::EmptyPrompt);
        }
        let defused = self.guard.defuse_turns(turns);
        let rendered = self.template.render(&defused).map_err(Rejection::Template)?;
        Ok(self.tokenize(&rendered))
    }

    /// Whoever writes a raw prompt may spell special tokens in it.
    fn text(&self, text: &str) -> Vec<LlamaToken> {
        if text.is_empty() { vec![] } else { self.tokenize(text) }
    }

    /// Parses special tokens, except where the guard broke them, and begins with the model's own beginning.
    fn tokenize(&self, text: &str) -> Vec<LlamaToken> {
        let mut tokens = Vec::with_capacity(text.len() / 3);
        for piece in guard::pieces(text) {
            tokens.extend(self.vocab.tokenize(piece.as_bytes(), false, true));
        }
        let bos = self.vocab.bos();
        if self.vocab.should_add_bos() && bos.0 >= 0 && tokens.first() != Some(&bos) {
            tokens.insert(0, bos);
        }
        tokens
    }
}

/// How a token is written; empty where the model has no such token.
fn spelling(vocab: &LlamaVocab<'_>, token: LlamaToken) -> String {
    if token.0 < 0 {
        return String::new();
    }
    String::from_utf8_lossy(&vocab.token_to_piece(token, true, None)).into_owned()
}
