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
    let before = kept(None, Part::Text);
    let draft = if before.trim().is_empty() { text.to_owned() } else { format!("{before}\n\n{text}") };
    keep(None, Part::Text, &draft);
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
