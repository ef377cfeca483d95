//! What is thought, where a server sends it in the text: `<think>…</think>` at its beginning. Pure.

const OPENS: &str = "<think>";
const CLOSES: &str = "</think>";

/// Tells apart what is thought and what is said, piece by piece. What may be a part of a mark is held back until that is certain,
/// which is at most a mark's length and the white space before.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    place: Place,
    held: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Nothing was said yet.
    #[default]
    Beginning,
    Thinking,
    /// Thinking is over, and nothing was said yet.
    Between,
    Saying,
}

/// More white space at the beginning is text.
const MOST_SPACE: usize = 64;

impl Splitter {
    /// What is certain of the text that came: what is said, and what is thought.
    pub(super) fn feed(&mut self, text: &str) -> (String, String) {
        let (mut said, mut thought) = (String::new(), String::new());
        self.held.push_str(text);
        loop {
            let before = (self.place, self.held.len());
            match self.place {
                Place::Beginning => self.begin(),
                Place::Thinking => self.think(&mut thought),
                Place::Between => {
                    self.held.drain(..self.held.len() - self.held.trim_start().len());
                    if !self.held.is_empty() {
                        self.place = Place::Saying;
                    }
                }
                Place::Saying => said.push_str(&std::mem::take(&mut self.held)),
            }
            if (self.place, self.held.len()) == before {
                return (said, thought);
            }
        }
    }

    /// What was held back and becomes nothing else any more, likewise.
    pub(super) fn end(&mut self) -> (String, String) {
        let held = std::mem::take(&mut self.held);
        match self.place {
            Place::Thinking => (String::new(), held),
            Place::Beginning | Place::Between | Place::Saying => (held, String::new()),
        }
    }

    fn begin(&mut self) {
        let begun = self.held.trim_start();
        if let Some(rest) = begun.strip_prefix(OPENS) {
            self.held = rest.trim_start().to_owned();
            self.place = Place::Thinking;
        } else if !OPENS.starts_with(begun) || self.held.len() > MOST_SPACE {
            self.place = Place::Saying;
        }
    }

    fn think(&mut self, thought: &mut String) {
        if let Some((inside, rest)) = self.held.split_once(CLOSES) {
            thought.push_str(inside);
            self.held = rest.to_owned();
            self.place = Place::Between;
            return;
        }
        let begun = (1..CLOSES.len()).rev().find(|&n| self.held.ends_with(&CLOSES[..n])).unwrap_or(0);
        thought.extend(self.held.drain(..self.held.len() - begun));
    }
}

#[cfg(test)]
mod tests;
