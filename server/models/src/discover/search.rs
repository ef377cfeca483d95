//! Searches for a kind of models that a hub keeps under several names: one list for each, and a page of all of them.

use hub::{Cursor, Found, Page};
use std::cmp::Reverse;
use types::{
    discover::{HubCapability, HubSort},
    shelf::Kind,
};

/// Where a list goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// `None` is its first page.
    Page(Option<Cursor>),
    End,
}

/// The hub's names of a kind; `None` is every name. Models for conversations that look at images are a kind of their own there.
pub(super) fn pipelines_of(
    kind: Option<Kind>,
    capability: Option<HubCapability>,
) -> &'static [Option<&'static str>] {
    match kind {
        Some(Kind::Writing) | None if capability == Some(HubCapability::Sees) => {
            &[Some("image-text-to-text")]
        }
        // Most models that look at images are for conversations as well.
        Some(Kind::Writing) => &[Some("text-generation"), Some("image-text-to-text")],
        Some(Kind::Embedding) => &[Some("sentence-similarity"), Some("feature-extraction")],
        Some(Kind::Reranking) => &[Some("text-ranking")],
        Some(Kind::Image) => &[Some("text-to-image")],
        Some(Kind::Video) => &[Some("text-to-video")],
        Some(Kind::Part) | None => &[None],
    }
}

/// The tags by which makers say what their models can do.
pub(super) fn tags_of(capability: Option<HubCapability>) -> Vec<String> {
    let tag = match capability {
        Some(HubCapability::CallsTools) => "function-calling",
        Some(HubCapability::Thinks) => "reasoning",
        Some(HubCapability::Codes) => "code",
        Some(HubCapability::Sees) | None => return Vec::new(),
    };
    vec![tag.to_owned()]
}

/// Where each of `n` lists goes on, as the page before said: [`joined`] made it. Anything else begins anew.
pub(super) fn cursors_of(text: Option<&str>, n: usize) -> Vec<At> {
    let read = text.and_then(|text| serde_json::from_str::<Vec<Option<Cursor>>>(text).ok());
    match read.filter(|it| it.len() == n) {
        Some(all) => all.into_iter().map(|it| it.map_or(At::End, |it| At::Page(Some(it)))).collect(),
        None => vec![At::Page(None); n],
    }
}

/// What all lists found, and where all of them go on. By numbers where they are known; else every list takes its turn, since
/// only the hub knows by what it put them into order.
pub(super) fn joined(lists: Vec<Page>, sort: HubSort) -> (Vec<Found>, Option<String>) {
    let next: Vec<_> = lists.iter().map(|it| it.next.clone()).collect();
    let next = next.iter().any(Option::is_some).then(|| serde_json::to_string(&next).ok()).flatten();
    let places = lists.into_iter().flat_map(|list| list.repositories.into_iter().enumerate());
    let mut places: Vec<_> = places.collect();
    places.sort_by_key(|(place, _)| *place);
    let mut found: Vec<_> = places.into_iter().map(|(_, it)| it).collect();
    match sort {
        HubSort::Downloads => found.sort_by_key(|it| Reverse(it.downloads)),
        HubSort::Likes => found.sort_by_key(|it| Reverse(it.likes)),
        HubSort::Trending | HubSort::New => {}
    }
    (found, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_place_in_these_lists_begins_anew() {
        let cursor: Cursor = serde_json::from_str("\"http://x\"").unwrap();
        let check = |text: Option<&str>, n: usize, expected: &[At]| assert_eq!(cursors_of(text, n), expected);
        check(None, 2, &[At::Page(None), At::Page(None)]);
        check(Some("[\"http://x\",null]"), 2, &[At::Page(Some(cursor)), At::End]);
        check(Some("[null]"), 2, &[At::Page(None), At::Page(None)]);
        check(Some("http://x"), 1, &[At::Page(None)]);
    }
}
