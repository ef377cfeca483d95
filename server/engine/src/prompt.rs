//! From a prompt to tokens: the model's template, its special tokens, and what to drop when it is too long.

pub(crate) mod guard;
pub(crate) mod images;
mod server_text;
mod shown;
mod template;
pub(crate) mod text_cutter;
mod tools;
mod trim;
mod turns;

use crate::{
    answer::{Formats, Reading, Rules, Wanted},
    constraint::{Compiler, Constrained, Later},
    llama::{N_BATCH, Projector},
    scheduler::Window,
};
use candle::{Spelling, Words};
use guard::Guard;
use images::{Cut, Cutter, Piece, Stretch, shows_all, stretches};
use llama_cpp_2::{model::LlamaModel, token::LlamaToken, token_type::LlamaTokenAttr, vocab::LlamaVocab};
use protocol::{Gap, GenerateParams, Prompt, Rejection};
use std::{collections::HashMap, ops::Range, sync::Arc};
use template::{Template, Values};
use text_cutter::TextCutter;
use types::{
    chat::{ChatTurn, Role},
    constraint::Constraint,
    reasoning::Reasoning,
    seen::{SeenKind, SeenPart},
    tools::{ToolChoice, ToolUse},
};

/// The longest prompt of which the middle is forgotten, in tokens: all of it is computed.
const MOST_TOKENS: usize = 1 << 20;
/// What models that have several templates call the one for functions.
const WITH_TOOLS: &str = "tool_use";

/// A prompt ready to decode.
pub(crate) struct TokenPrompt {
    /// With stand-ins for pieces of images.
    pub(crate) tokens: Vec<LlamaToken>,
    /// What the stand-ins are for, in their order.
    pub(crate) pieces: Vec<Piece>,
    /// Places of tokens that stay where the middle is forgotten.
    pub(crate) pinned: Vec<Range<usize>>,
    /// With how many tokens turns end or begin from which a conversation may go on another way.
    pub(crate) places: Vec<usize>,
    /// So many of the first tokens the server itself wrote.
    pub(crate) n_server_tokens: usize,
    /// Turns of a person that were left out at the beginning.
    pub(crate) n_trimmed_turns: usize,
    /// Stop strings that belong to the prompt's form.
    pub(crate) stops: Vec<String>,
    /// What the answer must look like.
    pub(crate) constraint: Option<Constrained>,
    /// How the answer is read.
    pub(crate) reading: Reading,
}

/// Turns prompts into tokens for one model.
pub(crate) struct Prompter<'m> {
    vocab: LlamaVocab<'m>,
    template: Template,
    /// What a model writes conversations with functions by, where that is another one.
    template_with_tools: Option<Template>,
    formats: Formats,
    guard: Guard,
    ends: Arc<[LlamaToken]>,
    compiler: Compiler<'m>,
    /// Cuts texts into tokens where llama.cpp does not.
    words: Option<Words>,
    projector: Option<&'m Projector<'m>>,
    n_ctx: usize,
    /// What is longer than the context loses its middle.
    forgets: bool,
    /// It is told where turns begin and end.
    finds_places: bool,
}

/// What an answer must look like, and which calls may begin anywhere in it.
#[derive(Default)]
struct Form {
    whole: Option<Constrained>,
    calls: Vec<Later>,
    /// The whole is an answer rather than a call.
    is_answer: bool,
}

impl<'m> Prompter<'m> {
    pub(crate) fn new(model: &'m LlamaModel, n_ctx: u32) -> Self {
        let source = |name| model.chat_template(name).ok().and_then(|template| template.to_string().ok());
        Self::by_template(model, n_ctx, source(None), source(Some(WITH_TOOLS)))
    }

    /// Likewise, by this template, if there is one, instead of those of the model. The error is a sentence.
    pub(crate) fn instead(model: &'m LlamaModel, n_ctx: u32, template: Option<&str>) -> Result<Self, String> {
        let Some(source) = template else { return Ok(Self::new(model, n_ctx)) };
        let prompter = Self::by_template(model, n_ctx, Some(source.to_owned()), None);
        match &prompter.template {
            Template::Broken(reason) => Err(format!("the chat template that was chosen is none: {reason}")),
            _ => Ok(prompter),
        }
    }

    fn by_template(
        model: &'m LlamaModel,
        n_ctx: u32,
        source: Option<String>,
        source_with_tools: Option<String>,
    ) -> Self {
        let vocab = model.vocab();
        let special: HashMap<_, _> =
            special_tokens(&vocab).map(|token| (spelling(&vocab, token), token)).collect();
        let find = |text: &str| special.get(text).copied();
        let sources = [source.as_deref(), source_with_tools.as_deref()];
        let formats = Formats::detect(&sources.map(Option::unwrap_or_default).concat(), &find);
        let template =
            |source| Template::new(source, spelling(&vocab, vocab.bos()), spelling(&vocab, vocab.eos()));
        let template_with_tools = source_with_tools.map(|source| template(Some(source)));
        let template = template(source);
        let control = vocab.tokens().filter(|&token| vocab.attr(token).contains(LlamaTokenAttr::Control));
        // What fills gaps is marked by tokens that some models have among those of text.
        let marks = [vocab.fim_pre(), vocab.fim_suf(), vocab.fim_mid(), vocab.fim_pad(), vocab.fim_rep()];
        let control = control.chain(marks.into_iter().filter(|mark| mark.0 >= 0));
        let spellings = control.map(|token| spelling(&vocab, token));
        let guard = Guard::new(spellings.chain(formats.marks.spellings().map(str::to_owned)));
        let ends: Arc<[_]> = vocab.tokens().filter(|&token| vocab.is_eog(token)).collect();
        let compiler = Compiler::new(model.vocab(), ends.clone(), formats.marks.tokens().collect());
        Self {
            vocab,
            template,
            template_with_tools,
            formats,
            guard,
            ends,
            compiler,
            words: None,
            projector: None,
            n_ctx: n_ctx as usize,
            forgets: false,
            finds_places: false,
        }
    }

    /// Cuts texts into tokens as these words say.
    pub(crate) fn with_words(mut self, words: Words) -> Self {
        // Where it was told of no token that begins texts, llama.cpp has a word of text for one.
        if words.spelling == Spelling::Bytes && words.bos.is_none() {
            self.template.forget_bos();
            self.template_with_tools.iter_mut().for_each(Template::forget_bos);
        }
        Self { words: Some(words), ..self }
    }

    /// Shows images by this projector, if there is one.
    pub(crate) fn with_projector(self, projector: Option<&'m Projector<'m>>) -> Self {
        Self { projector, ..self }
    }

    /// What is longer than the context loses its middle, as far as what stays leaves room for that.
    pub(crate) fn forgetting(self, forgets: bool) -> Self {
        Self { forgets, ..self }
    }

    /// Tells where turns begin and end.
    pub(crate) fn finding_places(self, finds_places: bool) -> Self {
        Self { finds_places, ..self }
    }

    /// Tokens that end an answer.
    pub(crate) fn ends(&self) -> Arc<[LlamaToken]> {
        self.ends.clone()
    }

    /// Whether it can be chosen how much the model thinks.
    pub(crate) fn thinks(&self) -> bool {
        let switches = ["reasoning_effort", "enable_thinking", "thinking_budget"];
        self.formats.thinking.is_some() || switches.iter().any(|it| self.template.mentions(it))
    }

    /// How a token is written.
    pub(crate) fn spelling(&self, token: LlamaToken) -> Vec<u8> {
        self.vocab.token_to_piece(token, true, None)
    }

    /// Tokens that fit the context with room for an answer and what the answer must look like, or why not.
    pub(crate) fn prepare(&self, prompt: &Prompt, params: &GenerateParams) -> Result<TokenPrompt, Rejection> {
        let (text, stops) = match prompt {
            Prompt::Text(text) => (self.bare(text, params), vec![]),
            Prompt::Fill(gap) => (Rendered { tokens: self.fill(gap)?, ..Rendered::default() }, vec![]),
            Prompt::Chat(turns) => (self.conversation(turns, false, params)?, self.template.stops()),
            Prompt::Continue(turns) => (self.conversation(turns, true, params)?, self.template.stops()),
        };
        if text.tokens.is_empty() {
            return Err(Rejection::EmptyPrompt);
        }
        // What is behind a gap stands in the middle.
        let may_forget = !matches!(prompt, Prompt::Fill(_)) && self.may_forget(&text);
        let limit = if may_forget { MOST_TOKENS } else { self.n_ctx };
        if text.n_cells() >= limit {
            return Err(trim::too_long(text.n_cells(), limit));
        }
        let form = self.form(params)?;
        let (constraint, reading) = match prompt {
            Prompt::Text(_) | Prompt::Fill(_) => (form.whole, Reading::of_text()),
            Prompt::Chat(_) | Prompt::Continue(_) => self.reading(form, &text, params),
        };
        Ok(TokenPrompt {
            tokens: text.tokens,
            pieces: text.pieces,
            pinned: text.pinned,
            places: text.places,
            n_server_tokens: text.n_server_tokens,
            n_trimmed_turns: text.n_trimmed_turns,
            stops,
            constraint,
            reading,
        })
    }

    fn bare(&self, text: &str, params: &GenerateParams) -> Rendered {
        let tokens = self.text(text);
        let n_server_tokens = params.server_text.map_or(0, |it| {
            let write = |word: &str| Some(server_text::text(text, it.n_bytes, word));
            server_text::n_tokens(&tokens, write, |text| self.text(text))
        });
        let places = if self.finds_places && n_server_tokens > 0 { vec![n_server_tokens] } else { vec![] };
        Rendered { tokens, places, n_server_tokens, ..Rendered::default() }
    }

    /// How many tokens the whole prompt has.
    pub(crate) fn count(&self, prompt: &Prompt) -> Result<u32, Rejection> {
        let n_tokens = match prompt {
            Prompt::Text(text) => self.text(text).len(),
            Prompt::Fill(gap) => self.fill(gap)?.len(),
            Prompt::Chat(turns) => {
                self.chat(turns, false, None, &Values::default(), &self.cutter())?.n_cells()
            }
            Prompt::Continue(turns) => {
                self.chat(turns, true, None, &Values::default(), &self.cutter())?.n_cells()
            }
        };
        Ok(u32::try_from(n_tokens).unwrap_or(u32::MAX))
    }

    /// The prompt as the model would be given it for this generation.
    pub(crate) fn show(&self, prompt: &Prompt, params: &GenerateParams) -> Result<Vec<SeenPart>, Rejection> {
        let tokens = match prompt {
            Prompt::Text(text) => self.text(text),
            Prompt::Fill(gap) => self.fill(gap)?,
            Prompt::Chat(turns) => self.conversation(turns, false, params)?.tokens,
            Prompt::Continue(turns) => self.conversation(turns, true, params)?.tokens,
        };
        Ok(shown::parts(&tokens, |token| self.kind(token), |token| self.spelling(token)))
    }

    fn kind(&self, token: LlamaToken) -> SeenKind {
        // Stand-ins for pieces of images are no tokens of the model's.
        if token.0 < 0 {
            return SeenKind::Image;
        }
        let attr = self.vocab.attr(token);
        let is_special = attr.contains(LlamaTokenAttr::Control) || attr.contains(LlamaTokenAttr::UserDefined);
        if is_special { SeenKind::Special } else { SeenKind::Text }
    }

    fn conversation(
        &self,
        turns: &[ChatTurn],
        goes_on: bool,
        params: &GenerateParams,
    ) -> Result<Rendered, Rejection> {
        let tools = params.tools.as_ref().map(|tools| self.guard.defuse_tools(tools));
        let native = tools.as_ref().filter(|_| self.formats.calls.is_native);
        let values = Values::new(params.reasoning, native, params.template_values.as_deref());
        let values = values.map_err(Rejection::Template)?;
        let cutter = self.cutter();
        let cuts = cutter.cut_all(turns)?;
        let render = |turns: &[ChatTurn]| self.chat(turns, goes_on, tools.as_ref(), &values, &cutter);
        let text =
            |turns: &[ChatTurn]| Some(self.rendering(turns, goes_on, tools.as_ref(), &values).ok()?.text);
        let tokenize = |text: &str| self.tokenize_with(text, &cuts).tokens;
        let mut pinned = Vec::new();
        if self.forgets {
            let whole = render(turns)?;
            pinned = turns::pinned(turns, &whole.tokens, text, tokenize);
            let n_server_tokens = self.n_server_tokens(turns, params, &whole.tokens);
            let whole = Rendered { pinned: pinned.clone(), n_server_tokens, ..whole };
            if self.may_forget(&whole) {
                return Ok(whole);
            }
        }
        let (rendered, n_trimmed_turns) = match params.trim_history {
            true => trim::fit(turns, self.n_ctx, render, Rendered::n_cells)?,
            false => (render(turns)?, 0),
        };
        let n_server_tokens = self.n_server_tokens(turns, params, &rendered.tokens);
        let mut places = match self.finds_places {
            true => turns::places(turns, &rendered.tokens, text, tokenize),
            false => Vec::new(),
        };
        if self.finds_places && n_server_tokens > 0 && !places.contains(&n_server_tokens) {
            places.push(n_server_tokens);
            places.sort_unstable();
        }
        Ok(Rendered { pinned, places, n_server_tokens, n_trimmed_turns, ..rendered })
    }

    /// How many of the first `tokens` of a conversation the server wrote.
    fn n_server_tokens(&self, turns: &[ChatTurn], params: &GenerateParams, tokens: &[LlamaToken]) -> usize {
        // Values for the template are somebody's, and may come before everything else.
        let Some(own) = params.server_text.filter(|_| params.template_values.is_none()) else { return 0 };
        let write = |word: &str| {
            let tools = params.tools.as_ref().map(|it| server_text::tools(it, own, word));
            let tools = tools.map(|it| self.guard.defuse_tools(&it));
            let native = tools.as_ref().filter(|_| self.formats.calls.is_native);
            let values = Values::new(params.reasoning, native, None).ok()?;
            let turns = server_text::turns(turns, own, word);
            Some(self.rendering(&turns, false, tools.as_ref(), &values).ok()?.text)
        };
        server_text::n_tokens(tokens, write, |text| self.tokenize(text))
    }

    /// What is longer than the context loses its middle.
    fn may_forget(&self, text: &Rendered) -> bool {
        // An image is seen as a whole or not at all.
        self.forgets && text.pieces.is_empty() && Window::is_possible(self.n_ctx, &text.pinned)
    }

    fn cutter(&self) -> Cutter<'m> {
        Cutter::new(self.projector, N_BATCH as usize)
    }

    /// With the last turn left open where the answer `goes_on`.
    fn chat(
        &self,
        turns: &[ChatTurn],
        goes_on: bool,
        tools: Option<&ToolUse>,
        values: &Values,
        cutter: &Cutter<'_>,
    ) -> Result<Rendered, Rejection> {
        let cuts = cutter.cut_all(turns)?;
        let Rendering { text, is_open, is_led, said } = self.rendering(turns, goes_on, tools, values)?;
        Ok(Rendered { is_open, is_led, said, ..self.tokenize_with(&text, &cuts) })
    }

    /// The conversation as the model's template writes it.
    fn rendering(
        &self,
        turns: &[ChatTurn],
        goes_on: bool,
        tools: Option<&ToolUse>,
        values: &Values,
    ) -> Result<Rendering, Rejection> {
        if turns.is_empty() {
            return Err(Rejection::EmptyPrompt);
        }
        let n_images = turns.iter().map(|turn| turn.images.len()).sum();
        let apart: Vec<_> = turns.iter().map(|turn| self.apart(turn)).collect();
        let mut turns = self.guard.defuse_turns(&apart);
        if !self.formats.calls.is_native {
            turns = tools::in_words(turns, tools);
        }
        let calls = tools.is_some() || turns.iter().any(|it| !it.calls.is_empty() || it.call_id.is_some());
        let template = self.template_with_tools.as_ref().filter(|_| calls).unwrap_or(&self.template);
        let last = if goes_on { turns.pop() } else { None };
        if turns.is_empty() {
            // Only the answer fits; what it answered was too long.
            turns.push(ChatTurn::new(Role::User, ""));
        }
        let mut text = template.render(&turns, values).map_err(Rejection::Template)?;
        if !shows_all(&text, n_images) {
            return Err(Rejection::Template("it does not show every image".to_owned()));
        }
        let Some(ChatTurn { reasoning, content, .. }) = last else {
            let (is_open, is_led) = (self.formats.is_thought_open(&text), self.formats.is_led(&text));
            return Ok(Rendering { text, is_open, is_led, said: None });
        };
        let (more, is_open) = self.formats.resumed(&text, &reasoning, &content);
        text += &more;
        let is_led = !content.is_empty() || self.formats.is_led(&text);
        Ok(Rendering { text, is_open, is_led, said: Some(content) })
    }

    /// What an assistant's turn says apart from what it thought.
    fn apart(&self, turn: &ChatTurn) -> ChatTurn {
        let split = || {
            let thinking = self.formats.thinking.as_ref()?;
            let [begin, end] = [&thinking.begin, &thinking.end].map(|it| self.formats.marks.decode(it));
            let (thought, said) = turn.content.trim_start().strip_prefix(&begin)?.split_once(&end)?;
            Some((thought.trim().to_owned(), said.trim_start().to_owned()))
        };
        match split().filter(|_| turn.role == Role::Assistant && turn.reasoning.is_empty()) {
            Some((reasoning, content)) => ChatTurn { reasoning, content, ..turn.clone() },
            None => turn.clone(),
        }
    }

    fn form(&self, params: &GenerateParams) -> Result<Form, Rejection> {
        let compile = |it: &Constraint| self.compiler.compile(it);
        let calls = |tools, answer| -> Result<Vec<Later>, Rejection> {
            let grammars = self.formats.grammars(tools, answer).map_err(Rejection::Tools)?;
            grammars.into_iter().map(|lark| self.compiler.compile_calls(lark)).collect()
        };
        match (&params.tools, &params.constraint) {
            (None, constraint) => Ok(Form {
                whole: constraint.as_ref().map(compile).transpose()?,
                is_answer: true,
                ..Form::default()
            }),
            (Some(tools), None) if tools.choice == ToolChoice::Auto => {
                Ok(Form { calls: calls(tools, None)?, ..Form::default() })
            }
            (Some(tools), Some(Constraint::JsonSchema(schema))) if tools.choice == ToolChoice::Auto => {
                // Also says what is wrong with the schema by itself.
                compile(&Constraint::JsonSchema(schema.clone()))?;
                let schema = serde_json::from_str(schema).ok();
                let whole = calls(tools, schema)?.first().map(Later::begin);
                Ok(Form { whole, ..Form::default() })
            }
            (Some(tools), Some(constraint)) if tools.choice == ToolChoice::Auto => {
                Err(Rejection::Constraint {
                    kind: constraint.kind().to_owned(),
                    reason: "together with tools, an answer can have the form of a JSON schema only"
                        .to_owned(),
                })
            }
            // What is called instead of answering has the form of a call.
            (Some(tools), _) => {
                Ok(Form { whole: calls(tools, None)?.first().map(Later::begin), ..Form::default() })
            }
        }
    }

    /// How the answer is read, and the form that it has.
    fn reading(
        &self,
        form: Form,
        rendered: &Rendered,
        params: &GenerateParams,
    ) -> (Option<Constrained>, Reading) {
        let wanted = Wanted {
            is_open: rendered.is_open,
            is_led: rendered.is_led,
            budget: self.budget(params.reasoning),
            has_form: form.whole.is_some(),
            is_answer: form.is_answer,
        };
        let rules = self.rules(wanted, form.calls);
        let reading = Reading::new(&self.formats, params.tools.as_ref(), rules);
        match &rendered.said {
            Some(said) => (form.whole, reading.behind(said)),
            None => (form.whole, reading),
        }
    }

    /// What is forced goes on from what was written before it.
    fn rules(&self, wanted: Wanted, calls: Vec<Later>) -> Rules {
        let cut = |text: &str| self.cut(text, false);
        let spelling = |token: LlamaToken| self.spelling(token);
        let cutter = TextCutter::new(&cut, &spelling);
        let tokenize = |text: &str| cutter.behind(text);
        Rules::new(&self.formats, wanted, calls, &tokenize)
    }

    /// Tokens of thinking, at most. A template that knows efforts tells the model itself.
    fn budget(&self, reasoning: Reasoning) -> Option<usize> {
        let by_effort = reasoning.effort.and_then(|effort| match effort.budget() {
            Some(n) if n > 0 && self.template.mentions("reasoning_effort") => None,
            budget => budget,
        });
        let bounds = [reasoning.max_tokens, by_effort];
        bounds.into_iter().flatten().min().map(|n| n as usize)
    }

    /// Whoever writes a raw prompt may spell special tokens in it.
    fn text(&self, text: &str) -> Vec<LlamaToken> {
        if text.is_empty() { vec![] } else { self.tokenize(text) }
    }

    /// What is before the gap, what is behind it, and where it is written, each behind its mark; nothing in the texts counts as one.
    /// Only what is before the gap begins as other texts do.
    fn fill(&self, gap: &Gap) -> Result<Vec<LlamaToken>, Rejection> {
        let marks = [self.vocab.fim_pre(), self.vocab.fim_suf(), self.vocab.fim_mid()];
        if marks.iter().any(|mark| mark.0 < 0) {
            return Err(Rejection::FillsNothing);
        }
        let mut tokens = Vec::new();
        let texts = [(&gap.before, false), (&gap.after, true), (&gap.said, true)];
        for (mark, (text, goes_on)) in marks.into_iter().zip(texts) {
            tokens.push(mark);
            self.cut_pieces(&self.guard.defuse(text), goes_on, &mut tokens);
        }
        self.begin(&mut tokens);
        Ok(tokens)
    }

    /// Parses special tokens, except where the guard broke them, and begins with the model's own beginning.
    fn tokenize(&self, text: &str) -> Vec<LlamaToken> {
        let mut tokens = Vec::with_capacity(text.len() / 3);
        self.cut_pieces(text, false, &mut tokens);
        self.begin(&mut tokens);
        tokens
    }

    /// Likewise, of a conversation with marks for these images.
    fn tokenize_with(&self, rendered: &str, cuts: &[Cut]) -> Rendered {
        let mut tokens = Vec::with_capacity(rendered.len() / 3);
        let mut pieces = Vec::new();
        for stretch in stretches(rendered) {
            match stretch {
                Stretch::Text(text) => self.cut_pieces(text, false, &mut tokens),
                Stretch::Image(image) => images::push(&cuts[image], &mut tokens, &mut pieces),
            }
        }
        let n_added = self.begin(&mut tokens);
        pieces.iter_mut().for_each(|piece| piece.start += n_added);
        Rendered { tokens, pieces, ..Rendered::default() }
    }

    /// The pieces of a text, which `goes_on` from another one or begins as others do.
    fn cut_pieces(&self, text: &str, goes_on: bool, tokens: &mut Vec<LlamaToken>) {
        let cut = |text: &str| self.cut(text, true);
        let spelling = |token: LlamaToken| self.spelling(token);
        tokens.extend(TextCutter::new(&cut, &spelling).pieces(text, goes_on));
    }

    /// Makes the tokens begin with the model's own beginning; says how many were added for that.
    fn begin(&self, tokens: &mut Vec<LlamaToken>) -> usize {
        let bos = self.vocab.bos();
        let is_added = self.vocab.should_add_bos() && bos.0 >= 0 && tokens.first() != Some(&bos);
        if is_added {
            tokens.insert(0, bos);
        }
        usize::from(is_added)
    }

    /// The tokens of a text, and of special ones that are written in it where they count. A tokenizer that fails has
    /// nothing to say.
    fn cut(&self, text: &str, has_special: bool) -> Vec<LlamaToken> {
        let Some(words) = &self.words else {
            return self.vocab.tokenize(text.as_bytes(), false, has_special);
        };
        let tokens = words.tokens(text).unwrap_or_default();
        tokens.into_iter().map(|token| LlamaToken(token.cast_signed())).collect()
    }
}

/// A conversation as the model gets it.
#[derive(Default)]
struct Rendered {
    tokens: Vec<LlamaToken>,
    pieces: Vec<Piece>,
    /// It ends with the beginning of a thought.
    is_open: bool,
    /// It ends with what leads to an answer.
    is_led: bool,
    /// What was said before in an answer that goes on.
    said: Option<String>,
    /// Places of what stays where the middle is forgotten.
    pinned: Vec<Range<usize>>,
    /// With how many tokens turns begin or end.
    places: Vec<usize>,
    /// So many of the first tokens the server wrote.
    n_server_tokens: usize,
    /// Turns of a person that were left out at the beginning.
    n_trimmed_turns: usize,
}

/// A conversation as the model's template writes it.
struct Rendering {
    text: String,
    /// It ends with the beginning of a thought.
    is_open: bool,
    /// It ends with what leads to an answer.
    is_led: bool,
    /// What was said before in an answer that goes on.
    said: Option<String>,
}

impl Rendered {
    /// Cells that it takes: some models put more of a piece into the cache than it has positions.
    fn n_cells(&self) -> usize {
        self.tokens.len() + images::n_more_cells(&self.pieces)
    }
}

#[cfg(test)]
mod tests;

/// Tokens that no text is tokenised to by itself.
fn special_tokens(vocab: &LlamaVocab<'_>) -> impl Iterator<Item = LlamaToken> {
    vocab.tokens().filter(|&token| {
        let attr = vocab.attr(token);
        attr.contains(LlamaTokenAttr::Control) || attr.contains(LlamaTokenAttr::UserDefined)
    })
}

/// How a token is written; empty where the model has no such token.
fn spelling(vocab: &LlamaVocab<'_>, token: LlamaToken) -> String {
    if token.0 < 0 {
        return String::new();
    }
    String::from_utf8_lossy(&vocab.token_to_piece(token, true, None)).into_owned()
}
