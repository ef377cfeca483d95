//! What is being written in each chat. It survives reload and restart in this browser; of a temporary chat it is kept in the page
//! alone, which writes nothing.

use crate::platform;
use std::cell::RefCell;
use types::ids::SessionId;

/// What of a message is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text,
    Images,
}

thread_local! {
    /// Of temporary chats, by their keys. Few: a page has one open at a time.
    static IN_PAGE: RefCell<Vec<(String, String)>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn kept(session: Option<SessionId>, part: Part) -> String {
    let key = key(session, part);
    if !is_temporary(session) {
        return platform::stored(&key).unwrap_or_default();
    }
    let find = |all: &RefCell<Vec<(String, String)>>| {
        all.borrow().iter().find(|(of, _)| *of == key).map(|(_, value)| value.clone())
    };
    IN_PAGE.with(find).unwrap_or_default()
}

/// Nothing is forgotten by keeping an empty text.
pub(super) fn keep(session: Option<SessionId>, part: Part, value: &str) {
    let key = key(session, part);
    if !is_temporary(session) {
        return platform::store(&key, value);
    }
    IN_PAGE.with(|all| {
        let mut all = all.borrow_mut();
        all.retain(|(of, _)| *of != key);
        all.push((key, value.to_owned()));
    });
}

/// What is being written in a new chat belongs to this one now.
pub(crate) fn begin(started: SessionId) {
    for part in [Part::Text, Part::Images] {
        keep(Some(started), part, &kept(None, part));
        keep(None, part, "");
    }
}

/// Puts a text into the composer of a new chat, behind what is there.
pub(crate) fn add_to_new_chat(text: &str) {
    keep(None, Part::Text, &joined(&kept(None, Part::Text), text));
}

/// One text behind the other, where there are two.
pub(crate) fn joined(first: &str, second: &str) -> String {
    match (first.trim().is_empty(), second.trim().is_empty()) {
        (true, _) => second.to_owned(),
        (_, true) => first.to_owned(),
        _ => format!("{first}\n\n{second}"),
    }
}

fn is_temporary(session: Option<SessionId>) -> bool {
    session.is_some_and(SessionId::is_temporary)
}

fn key(session: Option<SessionId>, part: Part) -> String {
    let of = session.map_or_else(|| "new".to_owned(), |session| session.to_string());
    match part {
        Part::Text => format!("draft-{of}"),
        Part::Images => format!("draft-images-{of}"),
    }
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn neither_of_two_texts_is_lost() {
        let check = |first, second, expected| assert_eq!(joined(first, second), expected);
        check("What is a lamp?", "And a lantern?", "What is a lamp?\n\nAnd a lantern?");
        check("What is a lamp?", " ", "What is a lamp?");
        check("\n", "And a lantern?", "And a lantern?");
        check("", "", "");
    }
}
