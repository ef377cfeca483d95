//! Splits an answer, as it comes, into what was thought, what is said and what is called. Pure.
//!
//! However an answer is cut into pieces, its parts are the same: what may still become a delimiter is held back.

use super::{
    call_reader::CallReader,
    calls::{CallFormat, Place},
    frame::Frame,
    marks::has_mark,
    thinking::Thinking,
};
use types::tools::{CallPiece, Tool};

/// What came of one piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) text: String,
    pub(crate) reasoning: String,
    pub(crate) calls: Vec<CallPiece>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Thinking,
    Saying,
    /// A call seems to begin in the held text, behind white space; whether it does, [`Reader::answer_call`] is told.
    Asking,
    Calling,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Think,
    /// Part of the frame.
    Nothing,
    /// The number of the format.
    Call(usize),
}

struct Delimiter {
    text: String,
    meaning: Meaning,
    place: Place,
}

/// Reads one answer.
pub(crate) struct Reader {
    thinking: Option<Thinking>,
    delimiters: Vec<Delimiter>,
    call_readers: Vec<CallReader>,
    calling: usize,
    state: State,
    /// What came and was not told yet.
    held: String,
    /// White space is dropped until there is something else.
    skips_space: bool,
    /// Nothing but white space was said.
    is_first: bool,
    is_line_start: bool,
    /// A thought ended; a further one begins a new paragraph.
    has_thought: bool,
    needs_break: bool,
    n_calls: usize,
}

/// Where saying may go on to, in the held text.
enum Found {
    /// Everything up to here is text.
    Text(usize),
    Delimiter {
        at: usize,
        index: usize,
    },
}

impl Reader {
    /// `is_open` where the prompt has already begun the thought.
    pub(crate) fn new(
        thinking: Option<Thinking>,
        is_open: bool,
        frame: &Frame,
        formats: &[CallFormat],
        tools: &[Tool],
    ) -> Self {
        let mut delimiters = Vec::new();
        if let Some(thinking) = &thinking {
            let place = if thinking.only_first { Place::Start } else { Place::Anywhere };
            delimiters.push(Delimiter { text: thinking.begin.clone(), meaning: Meaning::Think, place });
        }
        for (texts, place) in [(&frame.begins, Place::Start), (&frame.ends, Place::End)] {
            delimiters.extend(texts.iter().map(|text| Delimiter {
                text: text.clone(),
                meaning: Meaning::Nothing,
                // Written with letters, it counts only at its end of the answer.
                place: if has_mark(text) { Place::Anywhere } else { place },
            }));
        }
        let formats = if tools.is_empty() { &[] } else { formats };
        for (i, format) in formats.iter().enumerate() {
            delimiters.extend(format.triggers(tools).into_iter().map(|text| Delimiter {
                text,
                meaning: Meaning::Call(i),
                place: format.place,
            }));
        }
        Self {
            delimiters,
            call_readers: formats.iter().map(|format| CallReader::new(format, tools)).collect(),
            calling: 0,
            state: if is_open && thinking.is_some() { State::Thinking } else { State::Saying },
            thinking,
            held: String::new(),
            skips_space: is_open,
            is_first: true,
            is_line_start: true,
            has_thought: false,
            needs_break: false,
            n_calls: 0,
        }
    }

    /// What comes is not the beginning of the answer, but goes on behind what was said, or thought.
    pub(crate) fn go_on(&mut self, said: &str) {
        self.skips_space = false;
        self.is_first = said.trim().is_empty();
        self.is_line_start = said.is_empty() || said.ends_with('\n');
    }

    pub(crate) fn is_thinking(&self) -> bool {
        self.state == State::Thinking
    }

    /// What comes now is text, if it is not white space that is dropped.
    pub(crate) fn is_saying(&self) -> bool {
        self.state == State::Saying && !self.skips_space
    }

    pub(crate) fn has_called(&self) -> bool {
        self.n_calls > 0
    }

    /// A thought may still come before everything else.
    pub(crate) fn may_think_first(&self) -> bool {
        self.thinking.is_some() && self.is_first && !self.has_thought
    }

    /// White space that is held: it is text unless a thought or a call follows.
    pub(crate) fn held_space(&self) -> &str {
        if self.state != State::Saying || self.skips_space {
            return "";
        }
        &self.held[..self.held.len() - self.held.trim_start().len()]
    }

    /// Bytes that are held, as far as they are text if nothing else comes of them.
    pub(crate) fn n_held(&self) -> usize {
        match self.state {
            State::Saying if self.skips_space => self.held.trim_start().len(),
            State::Saying => self.held.len(),
            State::Thinking | State::Asking | State::Calling => 0,
        }
    }

    /// Takes what comes next: text, with marks.
    pub(crate) fn push(&mut self, piece: &str, parts: &mut Parts) {
        self.held.push_str(piece);
        self.read(parts);
    }

    /// Where a call seems to begin, everything from there on.
    pub(crate) fn asks_for_call(&self) -> Option<&str> {
        (self.state == State::Asking).then(|| self.held.trim_start())
    }

    /// Whether it does.
    pub(crate) fn answer_call(&mut self, is_call: bool, parts: &mut Parts) {
        let n_space = self.held.len() - self.held.trim_start().len();
        if is_call {
            self.state = State::Calling;
            self.drop_held(n_space);
        } else {
            let n_first = self.held[n_space..].chars().next().map_or(0, char::len_utf8);
            self.state = State::Saying;
            self.say(n_space + n_first, parts);
        }
        self.read(parts);
    }

    /// Nothing more comes. A thought without an end stays a thought.
    pub(crate) fn finish(&mut self, parts: &mut Parts) {
        match self.state {
            State::Thinking => {
                let n = self.held.trim_end().len();
                self.think(n, parts);
            }
            State::Saying | State::Asking => {
                while let Found::Delimiter { at, index } = self.find(true) {
                    self.say(at, parts);
                    self.held.drain(..self.delimiters[index].text.len());
                    if self.delimiters[index].meaning == Meaning::Think {
                        break;
                    }
                }
                self.say(self.held.len(), parts);
            }
            State::Calling => self.read(parts),
        }
        self.held.clear();
    }

    fn read(&mut self, parts: &mut Parts) {
        loop {
            let goes_on = match self.state {
                State::Thinking => self.read_thought(parts),
                State::Saying => self.read_text(parts),
                State::Calling => {
                    let n_before = parts.calls.len();
                    self.call_readers[self.calling].read(&mut self.held, &mut parts.calls);
                    let begun = parts.calls[n_before..].iter();
                    self.n_calls += begun.filter(|it| matches!(it, CallPiece::Begin { .. })).count();
                    false
                }
                State::Asking => false,
            };
            if !goes_on {
                return;
            }
        }
    }

    fn read_thought(&mut self, parts: &mut Parts) -> bool {
        let Some(end) = self.thinking.as_ref().map(|it| it.end.clone()) else { return false };
        if let Some(at) = self.held.find(&end) {
            let n = self.held[..at].trim_end().len();
            self.think(n, parts);
            self.held.drain(..at - n + end.len());
            self.state = State::Saying;
            self.skips_space = true;
            self.is_line_start = true;
            return true;
        }
        let n = self.held.len() - longest_beginning(&self.held, &end);
        let n = self.held[..n].trim_end().len();
        self.think(n, parts);
        false
    }

    fn read_text(&mut self, parts: &mut Parts) -> bool {
        match self.find(false) {
            Found::Text(n) => {
                // Space before a thought or a call belongs to neither.
                let n = if self.delimiters.is_empty() { n } else { self.held[..n].trim_end().len() };
                self.say(n, parts);
                false
            }
            Found::Delimiter { at, index } => {
                let Delimiter { text, meaning, place } = &self.delimiters[index];
                let (n_delimiter, meaning, is_start) = (text.len(), *meaning, *place == Place::Start);
                let n = if meaning == Meaning::Nothing { at } else { self.held[..at].trim_end().len() };
                self.say(n, parts);
                match meaning {
                    Meaning::Call(format) => {
                        self.calling = format;
                        self.state = State::Asking;
                        return false;
                    }
                    Meaning::Nothing => {
                        self.drop_held(n_delimiter);
                        self.is_first &= !is_start;
                    }
                    Meaning::Think => {
                        self.drop_held(at - n + n_delimiter);
                        self.begin_thought();
                    }
                }
                true
            }
        }
    }

    fn begin_thought(&mut self) {
        self.state = State::Thinking;
        self.skips_space = true;
        self.needs_break = self.has_thought;
    }

    /// The first delimiter that counts, else how much is certainly text. What only begins like a delimiter counts as
    /// text where `is_end`.
    fn find(&self, is_end: bool) -> Found {
        if self.delimiters.is_empty() {
            return Found::Text(self.held.len());
        }
        for (at, _) in self.held.char_indices() {
            let rest = &self.held[at..];
            let mut best: Option<(usize, usize)> = None;
            for (index, delimiter) in self.delimiters.iter().enumerate() {
                let text = delimiter.text.as_str();
                let (is_whole, is_begun) = (rest.starts_with(text), text.starts_with(rest));
                if !(is_whole || is_begun) || !self.counts(delimiter, at) {
                    continue;
                }
                if !is_end && ((is_begun && !is_whole) || delimiter.place == Place::End) {
                    return Found::Text(at);
                }
                if is_whole && best.is_none_or(|(len, _)| text.len() > len) {
                    best = Some((text.len(), index));
                }
            }
            if let Some((_, index)) = best {
                return Found::Delimiter { at, index };
            }
        }
        Found::Text(self.held.len())
    }

    fn counts(&self, delimiter: &Delimiter, at: usize) -> bool {
        let before = &self.held[..at];
        if delimiter.meaning == Meaning::Think
            && self.has_thought
            && self.thinking.as_ref().is_some_and(|it| it.only_first)
        {
            return false;
        }
        match delimiter.place {
            Place::Anywhere => true,
            Place::Start => self.is_first && before.trim().is_empty(),
            Place::End => self.held.get(at + delimiter.text.len()..).is_none_or(|it| it.trim().is_empty()),
            Place::Line if before.is_empty() => self.is_line_start,
            Place::Line => before.ends_with('\n'),
        }
    }

    fn think(&mut self, n: usize, parts: &mut Parts) {
        let thought: String = self.held.drain(..n).collect();
        let thought = if self.skips_space { thought.trim_start() } else { &thought };
        if thought.is_empty() {
            return;
        }
        if std::mem::take(&mut self.needs_break) {
            parts.reasoning.push_str("\n\n");
        }
        parts.reasoning.push_str(thought);
        self.skips_space = false;
        self.has_thought = true;
    }

    fn say(&mut self, n: usize, parts: &mut Parts) {
        let said: String = self.held.drain(..n).collect();
        if said.is_empty() {
            return;
        }
        self.is_line_start = said.ends_with('\n');
        let said = if self.skips_space { said.trim_start() } else { &said };
        if !said.trim().is_empty() {
            self.is_first = false;
        }
        if !said.is_empty() {
            self.skips_space = false;
            parts.text.push_str(said);
        }
    }

    fn drop_held(&mut self, n: usize) {
        if n > 0 {
            self.held.drain(..n);
            self.is_line_start = true;
        }
    }
}

/// Length of the longest end of `text` that `delimiter` begins with.
pub(super) fn longest_beginning(text: &str, delimiter: &str) -> usize {
    let longest = delimiter.len().min(text.len() + 1);
    let fits = |n: &usize| delimiter.is_char_boundary(*n) && text.ends_with(&delimiter[..*n]);
    (1..longest).rev().find(fits).unwrap_or(0)
}

#[cfg(test)]
mod tests;
