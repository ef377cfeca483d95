//! Where what answers were given to read stands once its document was read anew: a citation opens at the same words.

use std::collections::{HashMap, HashSet};
use store::{CitedRow, NewPassage};
use types::ids::MessageId;

/// Passages that are compared with what was cited, all together: more would keep others waiting.
const MOST_COMPARED: usize = 1_000_000;

/// Message, number and new position of what is there still: the passage of the same page that has most of its words, and at least
/// half of its own from there.
pub(crate) fn places(cited: &[CitedRow], passages: &[NewPassage]) -> Vec<(MessageId, u32, u32)> {
    let wanted: HashSet<_> = cited.iter().map(|it| it.page).collect();
    let mut pages: HashMap<Option<u32>, Vec<(u32, HashSet<String>)>> = HashMap::new();
    for (position, passage) in (0..).zip(passages).filter(|(_, passage)| wanted.contains(&passage.page)) {
        pages.entry(passage.page).or_default().push((position, words(&passage.body)));
    }
    let mut n_left = MOST_COMPARED;
    let place = |cited: &CitedRow| {
        let page = pages.get(&cited.page)?;
        n_left = n_left.checked_sub(page.len())?;
        Some((cited.message, cited.number, nearest(&cited.text, page)?))
    };
    cited.iter().filter_map(place).collect()
}

/// The first of those that share most words with it.
fn nearest(text: &str, page: &[(u32, HashSet<String>)]) -> Option<u32> {
    let text = words(text);
    let shared =
        page.iter().map(|(position, words)| (text.intersection(words).count(), words.len(), *position));
    let best = shared.max_by_key(|(n_shared, _, position)| (*n_shared, u32::MAX - position));
    let (n_shared, n_words, position) = best?;
    // Of neighbours that were joined, only one is found.
    (n_shared > 0 && 2 * n_shared >= n_words.min(text.len())).then_some(position)
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
        check(3, "The keeper lives below.", None);
    }
}
