//! What a model is given of a conversation, as it reads it.

use serde::{Deserialize, Serialize};

/// Neighbouring tokens of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenPart {
    /// As they are written; what is no text has replacement characters.
    pub text: String,
    pub kind: SeenKind,
    pub n_tokens: u32,
    /// How many bytes of the text each token is; empty where that is not known.
    #[serde(default)]
    pub token_bytes: Vec<u16>,
}

impl SeenPart {
    /// The first `n` tokens, and the others. `None` where one of both has none, or it is not known where a token ends.
    fn divided(&self, n: u32) -> Option<[Self; 2]> {
        let n_first = usize::try_from(n).ok().filter(|n| (1..self.token_bytes.len()).contains(n))?;
        let (first, others) = self.token_bytes.split_at(n_first);
        let end = first.iter().map(|it| usize::from(*it)).sum();
        let (text, rest) = self.text.split_at_checked(end)?;
        let part = |text: &str, n_tokens, token_bytes: &[u16]| Self {
            text: text.to_owned(),
            kind: self.kind,
            n_tokens,
            token_bytes: token_bytes.to_vec(),
        };
        Some([part(text, n, first), part(rest, self.n_tokens.saturating_sub(n), others)])
    }
}

/// What tokens are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenKind {
    Text,
    /// One that no text is cut into by itself: it belongs to the model's form of a conversation.
    Special,
    /// A piece of an image.
    Image,
}

/// A prompt as a model reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// What was kept when it was given; none of a prompt that is made anew.
    pub kept: Option<KeptPrompt>,
    /// In their order, from the beginning.
    pub parts: Vec<SeenPart>,
    pub n_tokens: u32,
    /// So many of the first tokens had been computed before, where that is known.
    pub n_cached_tokens: Option<u32>,
    /// The most that the model takes, where that is known.
    pub n_ctx: Option<u32>,
}

impl Seen {
    /// Has a part end where what had been computed before ends, if a token ends there that is text by itself.
    pub fn divide_at_cached(&mut self) {
        let mut left = self.n_cached_tokens.unwrap_or_default();
        let divided = self.parts.iter().enumerate().find_map(|(index, part)| {
            if part.n_tokens > left {
                return part.divided(left).map(|parts| (index, parts));
            }
            left -= part.n_tokens;
            None
        });
        if let Some((index, parts)) = divided {
            self.parts.splice(index..=index, parts);
        }
    }

    /// How many of the first parts had been computed before, from end to end. None of what was sent to a server elsewhere, whose
    /// parts nobody counted.
    pub fn n_cached_parts(&self) -> usize {
        let mut left = self.n_cached_tokens.unwrap_or_default();
        let is_cached = |part: &&SeenPart| {
            let is_cached = part.n_tokens > 0 && part.n_tokens <= left;
            left = left.saturating_sub(part.n_tokens);
            is_cached
        };
        self.parts.iter().take_while(is_cached).count()
    }
}

/// What is known of a prompt that was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPrompt {
    /// Who was given it.
    pub model: String,
    /// It is as it was sent to a server elsewhere, which gives it its form.
    pub is_as_sent: bool,
    /// How its answer was sampled: names and numbers.
    pub sampling: Vec<(String, String)>,
    /// Milliseconds since 1970, UTC.
    pub made_ms: i64,
}

/// How much of a model's context a conversation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    /// All that would be sent.
    pub n_tokens: u32,
    /// Those of them that passages of documents may take.
    pub n_document_tokens: u32,
    /// Those of them that tell of tools.
    pub n_tool_tokens: u32,
    /// The most that the model takes.
    pub n_ctx: u32,
    /// What would be left out.
    pub left_out: LeftOut,
}

/// What is left out of a conversation that is longer than a model's context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeftOut {
    #[default]
    Nothing,
    /// It does not fit, and nobody chose what to leave out: it is not answered.
    Refused,
    /// So many of the oldest messages.
    Oldest(u32),
    /// Likewise; a summary stands for them.
    Summarised(u32),
}

/// A token of an answer, and how likely it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LikelyToken {
    /// As it is written; what is no text has replacement characters.
    pub text: String,
    /// In 0..=1, before any sampler changed it.
    pub probability: f32,
    /// What else was likely, the most likely first.
    pub others: Vec<(String, f32)>,
}

/// How likely the tokens of an answer were, in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Probabilities {
    pub tokens: Vec<LikelyToken>,
    /// How many were too many to show.
    pub n_left_out: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_computed_before_ends_where_a_token_ends() {
        let part = |text: &str, token_bytes: &[u16]| SeenPart {
            text: text.to_owned(),
            kind: SeenKind::Text,
            n_tokens: token_bytes.len() as u32,
            token_bytes: token_bytes.to_vec(),
        };
        let parts = [part("<s>", &[3]), part("wombats", &[3, 4]), part("café!", &[4, 1, 1])];
        let check = |n_cached_tokens: Option<u32>, before: &[&str], after: &[&str]| {
            let mut seen = Seen { parts: parts.to_vec(), n_cached_tokens, ..Seen::default() };
            seen.divide_at_cached();
            let texts: Vec<_> = seen.parts.iter().map(|it| it.text.as_str()).collect();
            let (given_before, given_after) = texts.split_at(seen.n_cached_parts());
            assert_eq!((given_before, given_after), (before, after), "{n_cached_tokens:?}");
            assert_eq!(seen.parts.iter().map(|it| it.n_tokens).sum::<u32>(), 6);
        };
        check(None, &[], &["<s>", "wombats", "café!"]);
        check(Some(0), &[], &["<s>", "wombats", "café!"]);
        check(Some(1), &["<s>"], &["wombats", "café!"]);
        check(Some(2), &["<s>", "wom"], &["bats", "café!"]);
        check(Some(3), &["<s>", "wombats"], &["café!"]);
        // The fourth token ends within a letter.
        check(Some(4), &["<s>", "wombats"], &["café!"]);
        check(Some(5), &["<s>", "wombats", "café"], &["!"]);
        check(Some(9), &["<s>", "wombats", "café!"], &[]);
    }

    #[test]
    fn parts_that_nobody_counted_are_not_told_to_be_computed_before() {
        let part =
            SeenPart { text: "user ".into(), kind: SeenKind::Special, n_tokens: 0, token_bytes: Vec::new() };
        let seen = Seen { parts: vec![part], n_cached_tokens: Some(7), ..Seen::default() };
        assert_eq!(seen.n_cached_parts(), 0);
    }
}
