//! Reasons in the language of who reads them.
//!
//! Inside, an error says one English sentence: the API, the log and what is kept of it have that one. Where a person is told, at the edge of
//! the server, the sentence is looked up here, so that the browser gets it in its language and fetches no catalogue for it. What braces
//! stand for in a sentence is looked up in turn, as one error often names another.

use crate::i18n::Locale;
use axum::http::HeaderMap;
use std::sync::LazyLock;
use types::{
    chat::{ChatEvent, MessageView, Thread},
    compare::RunView,
    discover::Downloads,
    document::{AttachedView, DocumentsView},
    job::JobView,
    live::LiveEvent,
    model::{ModelEntry, ModelState, Residents},
    shelf::{ModelDetails, ShelfModel},
    toolbox::{RefusedTool, ServerState, ServerView},
};

include!(concat!(env!("OUT_DIR"), "/reasons.rs"));

/// Longer sentences are none of ours.
const MAX_BYTES: usize = 4096;
/// Of reasons within reasons.
const MAX_DEPTH: u32 = 6;

/// An English sentence in another language, or as it is where it is not known.
pub(crate) fn in_language(locale: Locale, english: &str) -> String {
    let found = match locale {
        Locale::En => None,
        Locale::De => looked_up(english, MAX_DEPTH).or_else(|| whole_sentence(english)),
    };
    found.unwrap_or_else(|| english.to_owned())
}

/// The same for who sent a request with these headers.
pub fn for_reader(headers: &HeaderMap, english: &str) -> String {
    in_language(crate::ssr::locale_in(headers), english)
}

/// One that begins with a capital and ends with a full stop.
fn whole_sentence(english: &str) -> Option<String> {
    let inner = english.strip_suffix('.')?;
    let mut chars = inner.chars();
    let lowered: String = chars.next()?.to_lowercase().chain(chars).collect();
    let found = looked_up(&lowered, MAX_DEPTH).or_else(|| looked_up(inner, MAX_DEPTH))?;
    Some(format!("{}.", crate::error::capitalised(&found)))
}

/// A sentence with braces in it: what is between them, and what they are called. There is one more of the former.
#[derive(Debug, PartialEq)]
struct Pattern {
    literals: Vec<&'static str>,
    names: Vec<&'static str>,
}

impl Pattern {
    fn new(sentence: &'static str) -> Self {
        let (mut literals, mut names, mut rest) = (Vec::new(), Vec::new(), sentence);
        while let Some((before, behind)) = rest.split_once('{')
            && let Some((name, after)) = behind.split_once('}')
        {
            literals.push(before);
            names.push(name);
            rest = after;
        }
        literals.push(rest);
        Self { literals, names }
    }

    /// How many bytes of a sentence it fixes.
    fn n_fixed(&self) -> usize {
        self.literals.iter().map(|it| it.len()).sum()
    }

    /// What the braces stand for in this sentence; `None` where it is another one.
    fn values<'a>(&self, sentence: &'a str) -> Option<Vec<&'a str>> {
        let (first, others) = self.literals.split_first()?;
        let mut rest = sentence.strip_prefix(first)?;
        let Some((last, inner)) = others.split_last() else {
            return rest.is_empty().then(Vec::new);
        };
        let mut values = Vec::new();
        for literal in inner {
            let (value, behind) = rest.split_once(literal)?;
            values.push(value);
            rest = behind;
        }
        values.push(rest.strip_suffix(last)?);
        values.iter().all(|value| !value.is_empty()).then_some(values)
    }
}

/// Every known sentence with its translation.
static PATTERNS: LazyLock<Vec<(Pattern, Pattern)>> = LazyLock::new(|| {
    let pair =
        |(english, german): &(&'static str, &'static str)| (Pattern::new(english), Pattern::new(german));
    GERMAN.iter().map(pair).collect()
});

/// The translation of the sentence that fixes most of it.
fn looked_up(english: &str, depth: u32) -> Option<String> {
    if depth == 0 || english.len() > MAX_BYTES {
        return None;
    }
    let matching =
        PATTERNS.iter().filter_map(|(from, to)| Some((from.n_fixed(), from, to, from.values(english)?)));
    let (_, from, to, values) = matching.max_by_key(|(n_fixed, ..)| *n_fixed)?;
    let mut said = String::new();
    for (i, literal) in to.literals.iter().enumerate() {
        said.push_str(literal);
        let Some(name) = to.names.get(i) else { break };
        let value = from.names.iter().position(|it| it == name).and_then(|place| values.get(place))?;
        said.push_str(&looked_up(value, depth - 1).unwrap_or_else(|| (*value).to_owned()));
    }
    Some(said)
}

/// What has sentences in it that a person reads.
pub(crate) trait Told {
    /// Puts them into this language.
    fn tell(&mut self, locale: Locale);
}

/// What a server function answers with, in the language of who asked.
pub(crate) fn told<T: Told>(mut answer: T) -> T {
    answer.tell(crate::platform::page_locale());
    answer
}

impl Told for String {
    fn tell(&mut self, locale: Locale) {
        *self = in_language(locale, self);
    }
}

impl<T: Told> Told for Option<T> {
    fn tell(&mut self, locale: Locale) {
        self.iter_mut().for_each(|it| it.tell(locale));
    }
}

impl<T: Told> Told for Vec<T> {
    fn tell(&mut self, locale: Locale) {
        self.iter_mut().for_each(|it| it.tell(locale));
    }
}

impl Told for JobView {
    fn tell(&mut self, locale: Locale) {
        self.error.tell(locale);
    }
}

impl Told for ModelEntry {
    fn tell(&mut self, locale: Locale) {
        self.problem.tell(locale);
    }
}

impl Told for ModelState {
    fn tell(&mut self, locale: Locale) {
        match self {
            Self::Crashed { reason } | Self::Failed { reason } => reason.tell(locale),
            Self::Unloaded | Self::Loading { .. } | Self::Ready | Self::Busy { .. } => {}
        }
    }
}

impl Told for Residents {
    fn tell(&mut self, locale: Locale) {
        self.chosen.state.tell(locale);
        self.models.iter_mut().for_each(|it| it.status.state.tell(locale));
    }
}

impl Told for MessageView {
    fn tell(&mut self, locale: Locale) {
        self.error.tell(locale);
    }
}

impl Told for Thread {
    fn tell(&mut self, locale: Locale) {
        self.messages.tell(locale);
    }
}

impl Told for LiveEvent {
    fn tell(&mut self, locale: Locale) {
        match self {
            Self::Models { models } => models.tell(locale),
            Self::Jobs { jobs } => jobs.tell(locale),
            Self::Chat { event, .. } => {
                if let ChatEvent::Finished { message } = &mut **event {
                    message.tell(locale);
                }
            }
            Self::System { .. } | Self::LibraryChanged | Self::SessionsChanged => {}
        }
    }
}

impl Told for RunView {
    fn tell(&mut self, locale: Locale) {
        self.slots.iter_mut().for_each(|slot| slot.error.tell(locale));
    }
}

impl Told for Downloads {
    fn tell(&mut self, locale: Locale) {
        self.list.iter_mut().for_each(|it| it.error.tell(locale));
    }
}

impl Told for DocumentsView {
    fn tell(&mut self, locale: Locale) {
        for document in &mut self.documents {
            document.error.tell(locale);
            document.note.tell(locale);
        }
        if let Some(found) = &mut self.found {
            found.note.tell(locale);
        }
        if let Some(folder) = &mut self.followed {
            folder.problem.tell(locale);
        }
    }
}

impl Told for AttachedView {
    fn tell(&mut self, locale: Locale) {
        self.documents.iter_mut().for_each(|it| it.error.tell(locale));
    }
}

impl Told for ServerView {
    fn tell(&mut self, locale: Locale) {
        if let ServerState::Failed(reason) = &mut self.state {
            reason.tell(locale);
        }
        self.refused.iter_mut().for_each(|RefusedTool { reason, .. }| reason.tell(locale));
    }
}

impl Told for ShelfModel {
    fn tell(&mut self, locale: Locale) {
        self.entry.tell(locale);
    }
}

impl Told for ModelDetails {
    fn tell(&mut self, locale: Locale) {
        self.model.tell(locale);
    }
}

#[cfg(test)]
mod tests;
