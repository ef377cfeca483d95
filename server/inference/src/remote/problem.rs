//! What can go wrong with a server elsewhere.

use std::time::Duration;

/// The longest part of another server's own words that is shown, in characters.
const MAX_WORDS: usize = 300;

/// Of a secret, in bytes; words that happen to end as it begins are left alone.
const LEAST_BEGINNING: usize = 4;

/// Why a server elsewhere did not answer. `Display` goes on after the server's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteProblem {
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// To the first byte, or in the middle of an answer.
    #[error("has said nothing for {} seconds", .0.as_secs())]
    Silent(Duration),
    #[error("ended the connection in the middle of the answer")]
    Cut,
    #[error("does not accept the key ({status}): {words}")]
    Key { status: u16, words: String },
    #[error("is busy: {words}")]
    Busy { words: String, retry_after: Option<Duration> },
    /// It understood and does not want to.
    #[error("refused the request ({status}): {words}")]
    Refused { status: u16, words: String },
    #[error("failed ({status}): {words}")]
    Failed { status: u16, words: String },
    /// It is told so in the stream.
    #[error("broke off: {0}")]
    BrokeOff(String),
    #[error("sent what is no answer: {0}")]
    Garbage(String),
    #[error("wants the request sent to another address, which is not done")]
    Redirect,
    /// The circuit breaker is open.
    #[error("failed several times; it is asked again in {} seconds", .0.as_secs() + 1)]
    LeftAlone(Duration),
    /// The request asks for what the server is not known to have.
    #[error(
        "is not known to take a {0}; say in the settings that it understands llama-server's fields if it does"
    )]
    Unsupported(String),
    #[error("does not say how many tokens a text has")]
    NoCounting,
    #[error("is only asked to write; choose a model of this machine for vectors and ranking")]
    NoVectors,
}

impl RemoteProblem {
    /// What an unsuccessful reply says.
    pub(super) fn of_reply(status: u16, body: &[u8], retry_after: Option<Duration>) -> Self {
        let words = words_of(body);
        match status {
            401 | 403 => Self::Key { status, words },
            429 | 503 => Self::Busy { words, retry_after },
            300..=399 => Self::Redirect,
            400..=499 => Self::Refused { status, words },
            _ => Self::Failed { status, words },
        }
    }

    /// Whether the request was certainly not taken, so that sending it again cannot do anything twice. A gateway that failed (502) may
    /// have passed it on before: then the answer was written, and counts for whoever pays.
    pub(super) fn may_be_tried_again(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Busy { .. })
    }

    /// Whether it says that the server is in trouble, and not the request.
    pub(super) fn is_the_servers(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_)
                | Self::Silent(_)
                | Self::Cut
                | Self::Failed { .. }
                | Self::BrokeOff(_)
                | Self::Garbage(_)
        )
    }

    /// The same without `secret`, which some servers repeat where they refuse it.
    pub(super) fn without(mut self, secret: &str) -> Self {
        match &mut self {
            Self::Unreachable(words)
            | Self::Key { words, .. }
            | Self::Busy { words, .. }
            | Self::Refused { words, .. }
            | Self::Failed { words, .. }
            | Self::BrokeOff(words)
            | Self::Garbage(words) => hide(words, secret),
            _ => {}
        }
        self
    }

    /// How long it wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } => *retry_after,
            Self::LeftAlone(wait) => Some(*wait),
            _ => None,
        }
    }
}

/// Puts dots for a secret, and for its beginning where the words were cut within it.
fn hide(words: &mut String, secret: &str) {
    const DOTS: &str = "••••";
    *words = words.replace(secret, DOTS);
    let said = words.trim_end_matches('”');
    let beginnings = secret.char_indices().map(|(at, _)| &secret[..at]).rev();
    let cut = beginnings.take_while(|it| it.len() >= LEAST_BEGINNING).find(|it| said.ends_with(it));
    if let Some(cut) = cut {
        let at = said.len() - cut.len();
        words.replace_range(at..at + cut.len(), DOTS);
    }
}

/// The message of an error in OpenAI's shape or one near it, else the text itself.
fn words_of(body: &[u8]) -> String {
    let json = serde_json::from_slice::<serde_json::Value>(body).ok();
    let message = json.as_ref().and_then(|json| {
        let error = json.get("error").unwrap_or(json);
        ["message", "detail"].iter().find_map(|key| error.get(key)?.as_str()).or_else(|| error.as_str())
    });
    let text = String::from_utf8_lossy(body);
    let words = shown(message.unwrap_or(&text));
    if words.is_empty() { "it does not say why".to_owned() } else { words }
}

/// Another server's words as part of a sentence of ours: on one line, without control characters, not endless.
pub(super) fn shown(text: &str) -> String {
    let words: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = words.chars().filter(|it| !it.is_control()).take(MAX_WORDS).collect::<String>();
    plain.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::{MAX_WORDS, RemoteProblem};

    #[test]
    fn a_secret_is_shown_neither_whole_nor_in_part() {
        let check = |n_before: usize| {
            let body = format!("{} sk-very-secret is no key", "x".repeat(n_before));
            let problem = RemoteProblem::of_reply(401, body.as_bytes(), None).without("sk-very-secret");
            let told = problem.to_string();
            assert!(!told.contains("sk-v"), "{told}");
        };
        [0, MAX_WORDS - 1, MAX_WORDS - 6, MAX_WORDS - 14, MAX_WORDS - 15, MAX_WORDS]
            .into_iter()
            .for_each(check);
        let plain = RemoteProblem::of_reply(401, b"you forgot the s", None).without("sk-very-secret");
        assert!(plain.to_string().ends_with("forgot the s"), "{plain}");
    }
}
