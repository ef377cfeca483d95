//! What an answer consists of besides text: what the model thinks before it, and the functions that it calls.
//!
//! Which family's way of writing these a model has is found in its vocabulary and template, never by its name. The
//! rest is pure: [`Reading`] takes token after token, tells the parts apart, and tells the sampler where a form begins
//! to hold: behind a thought, or where a call begins.

mod call_reader;
mod calls;
mod frame;
mod grammar;
mod marks;
mod notation;
mod reader;
mod thinking;

pub(crate) use calls::CallFormats;
pub(crate) use frame::Frame;
pub(crate) use marks::{Marks, Part};
pub(crate) use reader::Parts;
pub(crate) use thinking::Thinking;

use crate::{constraint::Later, sampler::TokenSampler, text::Characters};
use llama_cpp_2::token::LlamaToken;
use reader::Reader;
use serde_json::Value;
use thinking::BRIDGE;
use types::tools::{Tool, ToolChoice, ToolUse};

/// The longest that a template writes to open an answer.
const OPENING_BYTES: usize = 128;

/// A model's own ways.
#[derive(Clone, Debug)]
pub(crate) struct Formats {
    pub(crate) thinking: Option<Thinking>,
    pub(crate) frame: Frame,
    pub(crate) calls: CallFormats,
    pub(crate) marks: Marks,
}

impl Formats {
    /// The ways of the model with this template; `find` gives the special token that is written like that.
    pub(crate) fn detect(template: &str, find: &dyn Fn(&str) -> Option<LlamaToken>) -> Self {
        let mut marks = Marks::default();
        let thinking = Thinking::detect(template, &mut marks, find);
        let frame = Frame::detect(template, &mut marks, find);
        let calls = CallFormats::detect(template, &mut marks, find);
        Self { thinking, frame, calls, marks }
    }

    /// Whether a rendered prompt ends with what leads to an answer.
    pub(crate) fn is_led(&self, rendered: &str) -> bool {
        let lead = self.marks.decode(&self.frame.lead);
        !lead.is_empty() && rendered.trim_end().ends_with(lead.trim_end())
    }

    /// Whether a rendered prompt ends within a thought. What people wrote spells no special token in it.
    pub(crate) fn is_thought_open(&self, rendered: &str) -> bool {
        let Some(thinking) = &self.thinking else { return false };
        let [begin, end] = [&thinking.begin, &thinking.end].map(|it| self.marks.decode(it));
        if thinking.only_first {
            return rendered.trim_end().ends_with(begin.trim_end());
        }
        let opening = &rendered[rendered.floor_char_boundary(rendered.len().saturating_sub(OPENING_BYTES))..];
        opening.rfind(begin.trim_end()) > opening.rfind(&end)
    }

    /// What is behind a rendered prompt when the answer that it opens goes on: what was thought and said of it; and
    /// whether the thought goes on, since nothing was said.
    pub(crate) fn resumed(&self, rendered: &str, thought: &str, said: &str) -> (String, bool) {
        let lead = if self.is_led(rendered) { "" } else { self.frame.lead.as_str() };
        let said = if said.is_empty() { String::new() } else { format!("{}{said}", self.marks.decode(lead)) };
        let Some(thinking) = &self.thinking else { return (said, false) };
        let [begin, end, gap] =
            [&thinking.begin, &thinking.end, &thinking.gap].map(|it| self.marks.decode(it));
        let space = if gap.starts_with('\n') && !begin.ends_with('\n') { "\n" } else { "" };
        let is_open = self.is_thought_open(rendered);
        let is_over = !is_open && rendered.trim_end().ends_with(end.trim_end());
        let thought = match thought {
            _ if is_over => String::new(),
            "" => String::new(),
            thought if is_open => thought.to_owned(),
            thought => format!("{begin}{space}{thought}"),
        };
        match (is_open || !thought.is_empty(), said.is_empty()) {
            (thinks, true) => (thought, thinks),
            (true, false) => (format!("{thought}{space}{end}{gap}{said}"), false),
            (false, false) => (said, false),
        }
    }

    /// What a format writes.
    fn tokens(&self, encoded: &str, tokenize: &dyn Fn(&str) -> Vec<LlamaToken>) -> Vec<LlamaToken> {
        let part = |part| match part {
            Part::Token(token) => vec![token],
            Part::Text(text) => tokenize(text),
        };
        self.marks.parts(encoded).into_iter().flat_map(part).collect()
    }

    /// The grammars of the calls that `tools` allow, in every way of the model. `answer` is the JSON schema of what may
    /// be answered instead.
    pub(crate) fn grammars(&self, tools: &ToolUse, answer: Option<Value>) -> Result<Vec<String>, String> {
        let named = allowed(tools);
        let in_parallel = tools.in_parallel && !matches!(tools.choice, ToolChoice::Named(_));
        let lead = self.frame.lead.as_str();
        let answer = || answer.clone().map(|schema| (lead, schema));
        let grammar = |format| grammar::calls(format, &named, in_parallel, answer(), &self.marks);
        self.calls.formats.iter().map(grammar).collect()
    }
}

/// The functions that may be called.
fn allowed(tools: &ToolUse) -> Vec<Tool> {
    let is_allowed = |tool: &&Tool| match &tools.choice {
        ToolChoice::Named(name) => tool.name == *name,
        ToolChoice::Auto | ToolChoice::Required => true,
    };
    tools.tools.iter().filter(is_allowed).cloned().collect()
}

/// How one answer is read.
pub(crate) struct Reading {
    marks: Marks,
    reader: Reader,
    characters: Characters,
    rules: Rules,
    n_reasoning: usize,
    is_closing: bool,
}

/// What an answer's thinking and calling is bound to.
#[derive(Default)]
pub(crate) struct Rules {
    /// The prompt has begun the thought.
    pub(crate) is_open: bool,
    /// What the answer begins with in any case.
    pub(crate) beginning: Vec<LlamaToken>,
    /// May come first instead of what the form demands: it begins a thought.
    pub(crate) opener: Option<LlamaToken>,
    /// Tokens of thinking after which it is ended.
    pub(crate) budget: Option<usize>,
    /// What ends it.
    pub(crate) closing: Vec<LlamaToken>,
    /// What is between a thought and an answer of a given form.
    pub(crate) gap: Vec<LlamaToken>,
    /// Calls may begin anywhere; they are of these forms.
    pub(crate) calls: Vec<Later>,
}

/// What somebody wants of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The prompt has begun the thought.
    pub(crate) is_open: bool,
    /// The prompt has written what leads to an answer.
    pub(crate) is_led: bool,
    /// Tokens of thinking after which it is ended; none at all at 0.
    pub(crate) budget: Option<usize>,
    /// The answer has a form from its beginning.
    pub(crate) has_form: bool,
    /// What follows a thought is an answer in any case, never a call.
    pub(crate) is_answer: bool,
}

impl Rules {
    /// What `wanted` means for a model with these ways; `tokenize` gives the tokens of plain text.
    pub(crate) fn new(
        formats: &Formats,
        wanted: Wanted,
        calls: Vec<Later>,
        tokenize: &dyn Fn(&str) -> Vec<LlamaToken>,
    ) -> Self {
        let Wanted { is_open, is_led, budget, has_form, is_answer } = wanted;
        let mut rules = Self { is_open, budget, calls, ..Self::default() };
        let tokens = |encoded: &str| formats.tokens(encoded, tokenize);
        // With functions at hand, the model decides what follows a thought.
        let lead = if is_answer && !is_led { formats.frame.lead.as_str() } else { "" };
        let Some(thinking) = &formats.thinking else {
            rules.beginning = if has_form { tokens(lead) } else { vec![] };
            return rules;
        };
        let may_think = budget != Some(0);
        let bridge = if may_think { BRIDGE } else { "" };
        rules.closing = tokens(&format!("{bridge}{}{}{lead}", thinking.end, thinking.gap));
        rules.gap = tokens(&format!("{}{lead}", thinking.gap));
        rules.beginning = match (is_open, may_think) {
            (true, false) => rules.closing.clone(),
            (false, false) => tokens(lead),
            (false, true) if has_form && thinking.comes_first => tokens(&thinking.begin),
            _ => vec![],
        };
        if has_form && may_think && !is_open && !thinking.comes_first {
            rules.opener = match formats.marks.parts(&thinking.begin)[..] {
                [Part::Token(token), ..] => Some(token),
                _ => None,
            };
        }
        rules
    }
}

impl Reading {
    /// Reads an answer of the model with these ways, to somebody who gave `tools`.
    pub(crate) fn new(formats: &Formats, tools: Option<&ToolUse>, rules: Rules) -> Self {
        let tools = tools.map(allowed).unwrap_or_default();
        let calls = &formats.calls.formats;
        let reader = Reader::new(formats.thinking.clone(), rules.is_open, &formats.frame, calls, &tools);
        Self {
            marks: formats.marks.clone(),
            reader,
            characters: Characters::default(),
            is_closing: rules.is_open && !rules.beginning.is_empty(),
            rules,
            n_reasoning: 0,
        }
    }

    /// What comes goes on where an answer ended that said this.
    pub(crate) fn behind(mut self, said: &str) -> Self {
        self.reader.go_on(said);
        self
    }

    /// Takes an answer for nothing but text.
    pub(crate) fn of_text() -> Self {
        Self {
            marks: Marks::default(),
            reader: Reader::new(None, false, &Frame::default(), &[], &[]),
            characters: Characters::default(),
            rules: Rules::default(),
            n_reasoning: 0,
            is_closing: false,
        }
    }

    /// Tells the sampler how the answer begins.
    pub(crate) fn begin(&self, sampler: &mut TokenSampler) {
        if self.rules.is_open {
            sampler.pause();
        }
        sampler.force(&self.rules.beginning);
        sampler.allow_first(self.rules.opener);
    }

    /// Tokens of thinking so far.
    pub(crate) fn n_reasoning(&self) -> usize {
        self.n_reasoning
    }

    /// What comes now is text.
    pub(crate) fn is_saying(&self) -> bool {
        self.reader.is_saying()
    }

    pub(crate) fn has_called(&self) -> bool {
        self.reader.has_called()
    }

    /// White space that came and is not told yet, since no thought and no call ends in it. Before a thought it would be no
    /// text, so that none is told as long as the answer may begin with one.
    pub(crate) fn held_space(&self) -> &str {
        let may_think = self.rules.budget != Some(0);
        if may_think && self.reader.may_think_first() { "" } else { self.reader.held_space() }
    }

    /// Bytes of text that came and are not told yet.
    pub(crate) fn n_held(&self) -> usize {
        self.reader.n_held()
    }

    /// Takes the next token, written as `bytes`, and tells the sampler what follows from it. Fails with a sentence where
    /// the answer's form cannot be kept.
    pub(crate) fn take(
        &mut self,
        token: LlamaToken,
        bytes: &[u8],
        sampler: &mut TokenSampler,
    ) -> Result<Parts, String> {
        let was_thinking = self.reader.is_thinking();
        let mut parts = Parts::default();
        match self.marks.of(token) {
            Some(mark) => {
                self.characters.clear();
                self.reader.push(mark.encode_utf8(&mut [0; 4]), &mut parts);
            }
            None => {
                let text = self.characters.push(bytes);
                self.reader.push(&marks::without_marks(&text), &mut parts);
            }
        }
        self.begin_calls(sampler, &mut parts);
        let is_thinking = self.reader.is_thinking();
        if was_thinking || is_thinking {
            self.n_reasoning += 1;
        }
        match (was_thinking, is_thinking) {
            (_, true) => self.think_on(sampler),
            (true, false) => self.end_thought(sampler, &parts)?,
            (false, false) => {}
        }
        self.spell_out(&mut parts);
        Ok(parts)
    }

    /// The model ends its answer. Where it does so within a thought and owes an answer of a given form, it does not: the
    /// thought is ended instead.
    pub(crate) fn must_go_on(&mut self, sampler: &mut TokenSampler) -> bool {
        let owes = self.reader.is_thinking() && sampler.has_form() && !self.is_closing;
        if owes {
            self.is_closing = true;
            sampler.force(&self.rules.closing);
        }
        owes
    }

    /// Nothing more comes.
    pub(crate) fn finish(&mut self) -> Parts {
        let mut parts = Parts::default();
        self.reader.finish(&mut parts);
        self.spell_out(&mut parts);
        parts
    }

    /// Delimiters that delimit nothing are shown as they are written.
    fn spell_out(&self, parts: &mut Parts) {
        for text in [&mut parts.text, &mut parts.reasoning] {
            if marks::has_mark(text) {
                *text = self.marks.decode(text);
            }
        }
    }

    /// A call that seems to begin does, if it begins as one.
    fn begin_calls(&mut self, sampler: &mut TokenSampler, parts: &mut Parts) {
        while let Some(beginning) = self.reader.asks_for_call() {
            let beginning = self.marks.parts(beginning);
            let is_call = sampler.is_bound() || {
                let begun = self.rules.calls.iter().find_map(|form| form.begin_with(&beginning));
                let is_call = begun.is_some();
                if let Some(begun) = begun {
                    sampler.bind(begun);
                }
                is_call
            };
            self.reader.answer_call(is_call, parts);
        }
    }

    fn think_on(&mut self, sampler: &mut TokenSampler) {
        sampler.pause();
        if self.rules.budget.is_some_and(|budget| self.n_reasoning >= budget) && !self.is_closing {
            self.is_closing = true;
            sampler.force(&self.rules.closing);
        }
    }

    fn end_thought(&mut self, sampler: &mut TokenSampler, parts: &Parts) -> Result<(), String> {
        if !sampler.has_form() {
            self.is_closing = false;
            return Ok(());
        }
        sampler.resume();
        // Where thinking was ended by force, what comes between was a part of that.
        if !std::mem::take(&mut self.is_closing) && parts.text.is_empty() {
            sampler.force(&self.rules.gap);
        }
        sampler.feed(&[Part::Text(&parts.text)])
    }
}

#[cfg(test)]
pub(crate) mod tests;
