//! Titles that hold what is looked for, in whatever case either is written.
//!
//! The database makes small letters of the Latin ones alone, so titles are compared here.

use crate::{
    Store, StoreError,
    unspaced::{Unspaced, is_unspaced},
};
use std::{iter, ops::Range};
use types::{filing::HitPart, ids::UserId};

/// The sessions that are found without the index of words, as lists of ids that queries take.
#[derive(Debug)]
pub(crate) struct OtherFinds {
    /// All of them.
    pub(crate) ids: String,
    /// Those among them whose titles hold what is looked for the way it was typed.
    pub(crate) whole: String,
}

impl Default for OtherFinds {
    /// No session.
    fn default() -> Self {
        Self { ids: "[]".to_owned(), whole: "[]".to_owned() }
    }
}

impl Store {
    /// The person's sessions whose titles hold `query`, or words that begin as all of its words do, and those whose texts hold
    /// its words of scripts without spaces.
    pub(crate) async fn other_finds(&self, user: UserId, query: &str) -> Result<OtherFinds, StoreError> {
        let rows = sqlx::query!(
            "select id, title from session where user_id = ? and deleted_ms is null and leaf_id is not null",
            user.0
        )
        .fetch_all(&self.read)
        .await?;
        let wanted = Wanted::new(query);
        let (mut ids, mut whole) = (Vec::new(), Vec::new());
        for row in rows {
            let title = Folded::new(&row.title);
            let is_whole = wanted.is_whole_in(&title);
            if is_whole || !wanted.words_in(&title).is_empty() {
                ids.push(row.id);
            }
            if is_whole {
                whole.push(row.id);
            }
        }
        if let Some(unspaced) = Unspaced::of(query) {
            ids.extend(self.sessions_with(user, &unspaced).await?);
        }
        let list = |ids: &[i64]| serde_json::to_string(ids).unwrap_or_default();
        Ok(OtherFinds { ids: list(&ids), whole: list(&whole) })
    }
}

/// A title in pieces, with what was looked for marked; none where it does not hold that.
pub(crate) fn title_hit(title: &str, query: &str) -> Vec<HitPart> {
    marked(title, Wanted::new(query).places_in(&Folded::new(title)))
}

/// A text in pieces, with every place of `words`, which are in small letters, marked.
pub(crate) fn words_hit(text: &str, words: &[String]) -> Vec<HitPart> {
    let folded = Folded::new(text);
    marked(text, apart(words.iter().flat_map(|word| folded.places(word, |_| true)).collect()))
}

fn marked(text: &str, places: Vec<Range<usize>>) -> Vec<HitPart> {
    let mut parts = Vec::new();
    let mut add = |range: Range<usize>, is_hit| {
        if let Some(text) = text.get(range).filter(|text| !text.is_empty()) {
            parts.push(HitPart { text: text.to_owned(), is_hit });
        }
    };
    let mut at = 0;
    for place in places {
        add(at..place.start, false);
        add(place.clone(), true);
        at = place.end;
    }
    if at > 0 {
        add(at..text.len(), false);
    }
    parts
}

/// A text in small letters, of whatever script, and for each of its bytes where in the text the letter stands that it is of.
struct Folded {
    text: String,
    letters: Vec<Range<usize>>,
}

impl Folded {
    fn new(text: &str) -> Self {
        let mut folded = Self { text: String::new(), letters: Vec::new() };
        for (at, letter) in text.char_indices() {
            for small in letter.to_lowercase() {
                folded.text.push(small);
                folded.letters.extend(iter::repeat_n(at..at + letter.len_utf8(), small.len_utf8()));
            }
        }
        folded
    }

    /// Every place of `wanted`, as it is in the text before it was folded, which `fits` says yes to.
    fn places(&self, wanted: &str, fits: impl Fn(&str) -> bool) -> Vec<Range<usize>> {
        if wanted.is_empty() {
            return Vec::new();
        }
        let found = self.text.match_indices(wanted).filter(|(at, _)| fits(&self.text[..*at]));
        found.map(|(at, _)| self.letters[at].start..self.letters[at + wanted.len() - 1].end).collect()
    }
}

/// What is looked for, in small letters.
struct Wanted {
    whole: String,
    words: Vec<String>,
}

impl Wanted {
    fn new(query: &str) -> Self {
        let whole = Folded::new(query.trim()).text;
        let words = whole.split_whitespace().map(str::to_owned).collect();
        Self { whole, words }
    }

    fn is_whole_in(&self, title: &Folded) -> bool {
        !self.whole.is_empty() && title.text.contains(&self.whole)
    }

    /// Where words of a title begin as those do that are looked for; nowhere where one of these is missing.
    fn words_in(&self, title: &Folded) -> Vec<Range<usize>> {
        let begins_word = |before: &str| before.chars().next_back().is_none_or(char::is_whitespace);
        let mut places = Vec::new();
        for word in &self.words {
            let begins_anywhere = word.chars().any(is_unspaced);
            let found = title.places(word, |before| begins_anywhere || begins_word(before));
            if found.is_empty() {
                return Vec::new();
            }
            places.extend(found);
        }
        apart(places)
    }

    fn places_in(&self, title: &Folded) -> Vec<Range<usize>> {
        if self.is_whole_in(title) {
            apart(title.places(&self.whole, |_| true))
        } else {
            self.words_in(title)
        }
    }
}

/// Places in their order, those that overlap as one: words may begin alike.
fn apart(mut places: Vec<Range<usize>>) -> Vec<Range<usize>> {
    places.sort_by_key(|place| place.start);
    let mut apart: Vec<Range<usize>> = Vec::new();
    for place in places {
        match apart.last_mut().filter(|last| place.start < last.end) {
            Some(last) => last.end = last.end.max(place.end),
            None => apart.push(place),
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::title_hit;

    /// `expected` has brackets around what is marked.
    fn check(title: &str, query: &str, expected: &str) {
        let parts = title_hit(title, query);
        let marked: String = parts
            .iter()
            .map(|it| if it.is_hit { format!("[{}]", it.text) } else { it.text.clone() })
            .collect();
        assert_eq!(marked, expected, "{query} in {title}");
    }

    #[test]
    fn what_was_looked_for_is_marked_in_a_title() {
        check("Sea mammals", "MAMM", "Sea [mamm]als");
        check("Übersicht der Öfen", "übersicht", "[Übersicht] der Öfen");
        check("Die Übersicht", "SICHT", "Die Über[sicht]");
        check("Birds of the North Sea", "sea birds", "[Birds] of the North [Sea]");
        check("Ελλάδα", "ελλ", "[Ελλ]άδα");
        check("tea and tea", "tea", "[tea] and [tea]");
        check("team", "te tea", "[tea]m");
        check("<b>tea</b>", "tea", "<b>[tea]</b>");
        check("关于深度学习的讨论", "学习 讨论", "关于深度[学习]的[讨论]");
    }

    #[test]
    fn letters_that_are_longer_in_small_are_marked_whole() {
        check("İstanbul trip", "i", "[İ]stanbul tr[i]p");
        check("İstanbul trip", "trip", "İstanbul [trip]");
    }

    #[test]
    fn a_title_without_one_of_the_words_has_no_mark() {
        check("Birds of the North Sea", "sea cows", "");
        check("Birds", "", "");
        check("Birds", "  ", "");
        check("", "birds", "");
    }
}
