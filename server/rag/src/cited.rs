//! Where what answers were given to read stands once its document was read anew: a citation opens at the same words.

use std::collections::{HashMap, HashSet};
use store::{CitedRow, NewPassage};
use types::ids::MessageId;

/// Passages that are compared with what was cited, all together: more would keep others waiting.
const MOST_COMPARED: usize = 1_000_000;

/// A passage's position and words.
type Passage = (u32, HashSet<String>);

/// The passage that is nearest to what was cited.
#[derive(Clone, Copy)]
struct Found {
    position: u32,
    n_shared: usize,
    /// Whether hardly more can be found on another page.
    is_near: bool,
}

/// Message, number and new position of what is there still: the passage that has most of its words, and at least half of its own
/// from there. Its own page comes first, and the others only where they have more: what goes over pages may have been read as one.
pub(crate) fn places(cited: &[CitedRow], passages: &[NewPassage]) -> Vec<(MessageId, u32, u32)> {
    if cited.is_empty() {
        return Vec::new();
    }
    let mut pages: HashMap<Option<u32>, Vec<Passage>> = HashMap::new();
    for (position, passage) in (0..).zip(passages) {
        pages.entry(passage.page).or_default().push((position, words(&passage.body)));
    }
    let mut n_left = MOST_COMPARED;
    let on_its_page = |cited: &CitedRow| {
        let page = pages.get(&cited.page)?;
        n_left = n_left.checked_sub(page.len())?;
        nearest(&cited.text, page)
    };
    let mut found: Vec<Option<Found>> = cited.iter().map(on_its_page).collect();
    for (cited, found) in cited.iter().zip(&mut found) {
        if found.is_some_and(|it| it.is_near) {
            continue;
        }
        let n_others = passages.len() - pages.get(&cited.page).map_or(0, Vec::len);
        let Some(n_left_then) = n_left.checked_sub(n_others) else { continue };
        n_left = n_left_then;
        let others = pages.iter().filter(|(page, _)| **page != cited.page).flat_map(|(_, page)| page);
        let n_shared = found.map_or(0, |it| it.n_shared);
        if let Some(other) = nearest(&cited.text, others).filter(|it| it.n_shared > n_shared) {
            *found = Some(other);
        }
    }
    let places = cited.iter().zip(found);
    places.filter_map(|(cited, found)| Some((cited.message, cited.number, found?.position))).collect()
}

/// The first of those that share most words with it.
fn nearest<'a>(text: &str, passages: impl IntoIterator<Item = &'a Passage>) -> Option<Found> {
    let text = words(text);
    let compared = |(position, words): &Passage| (text.intersection(words).count(), words.len(), *position);
    let shared = passages.into_iter().map(compared);
    let best = shared.max_by_key(|(n_shared, _, position)| (*n_shared, u32::MAX - position));
    let (n_shared, n_words, position) = best?;
    // Of neighbours that were joined, only one is found.
    let is_there = n_shared > 0 && 2 * n_shared >= n_words.min(text.len());
    // The head of a table and usual words are on many pages.
    let is_near = 4 * n_shared >= 3 * text.len();
    is_there.then_some(Found { position, n_shared, is_near })
}

fn words(text: &str) -> HashSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(page: u32, body: &str) -> NewPassage {
        NewPassage { page: Some(page), body: body.to_owned(), ..NewPassage::default() }
    }

    #[test]
    fn a_citation_is_where_its_words_are_now() {
        let passages = [
            passage(1, "The tower. It is 31 m high."),
            passage(2, "item | price"),
            passage(2, "wick | 4\noil | 12"),
            passage(2, "The keeper lives below."),
            passage(4, "item | price\nsoot | 9"),
            passage(5, "The keeper lives below."),
        ];
        let check = |page: u32, text: &str, expected: Option<u32>| {
            let message = MessageId(7);
            let cited = CitedRow { message, number: 3, page: Some(page), text: text.to_owned() };
            let expected: Vec<_> = expected.into_iter().map(|position| (message, 3, position)).collect();
            assert_eq!(places(&[cited], &passages), expected, "{text}");
        };
        check(1, "It is 31 m high.", Some(0));
        check(2, "wick 4 oil 12 The keeper", Some(2));
        check(2, "The keeper\nlives be-\nlow.", Some(3));
        check(2, "Nothing of that", None);
        check(2, "The oldest of all lamps burns whale", None);
        check(5, "The keeper lives below.", Some(5));
        check(3, "The keeper lives below.", Some(3));
        check(4, "item | price\nwick | 4\noil | 12", Some(2));
        check(4, "item | price\nsoot | 9\nwick | 4", Some(4));
        check(3, "Nothing of that", None);
    }
}
