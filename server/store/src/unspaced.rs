//! Words of scripts that are written without spaces: they begin and end within what the index of words takes for one.
//!
//! What has letters of such a script is indexed by every three letters in a row as well. Shorter words are found by the beginnings
//! of those, a bounded number.

use crate::{Store, StoreError, sessions::full_text_query, titles::words_hit};
use types::{filing::HitPart, ids::UserId};

/// More would only cost time.
const MOST_WORDS: usize = 16;
/// In letters: what the index has.
const GRAM: usize = 3;
/// Places of a word of one or two letters that are looked at.
const MOST_PLACES: i64 = 200_000;
/// Sessions that are found.
const MOST_SESSIONS: i64 = 20_000;
/// Above every letter.
const LAST_LETTER: char = '\u{10ffff}';
/// Stands where a passage was cut.
const CUT: &str = "…";

/// Chinese, Japanese, Thai, Lao, Tibetan, Burmese or Khmer. The table `message_gram` is made by the same rule.
pub(crate) const fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{e00}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30fa}' | '\u{30fc}'..='\u{312f}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
}

/// What is looked for, where some of its words are of such scripts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unspaced {
    /// Every word, in small letters.
    all: Vec<String>,
    /// Those words, in small letters, the longest first.
    words: Vec<String>,
    /// The query for the others, if there are any.
    spaced: Option<String>,
}

impl Unspaced {
    /// `None` where every word is written between spaces.
    pub(crate) fn of(query: &str) -> Option<Self> {
        let small = query.to_lowercase();
        let words = small.split(|letter: char| !letter.is_alphanumeric() && !is_unspaced(letter));
        let all: Vec<_> = words.filter(|word| !word.is_empty()).take(MOST_WORDS).map(str::to_owned).collect();
        let (mut words, spaced): (Vec<_>, Vec<_>) =
            all.iter().map(String::as_str).partition(|word| word.chars().any(is_unspaced));
        words.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
        let words: Vec<_> = words.into_iter().map(str::to_owned).collect();
        let spaced = (!spaced.is_empty()).then(|| full_text_query(&spaced.join(" ")));
        (!words.is_empty()).then_some(Self { all, words, spaced })
    }

    /// Every word that is looked for, those between spaces too, as a list.
    pub(crate) fn all_words(&self) -> String {
        as_json(&self.all)
    }

    fn n_long(&self) -> usize {
        self.words.iter().take_while(|word| word.chars().count() >= GRAM).count()
    }

    /// The query for words that the index has.
    fn grams(&self) -> String {
        let long = &self.words[..self.n_long()];
        // A phrase that occurs nowhere: an empty query is a syntax error.
        let nowhere = "\"\u{1}\u{1}\u{1}\"".to_owned();
        if long.is_empty() {
            nowhere
        } else {
            long.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" ")
        }
    }

    /// Where there is no longer one, the word whose places are looked for: what they begin with, and what they are below.
    fn places(&self) -> (&str, String) {
        match self.words.first() {
            Some(word) if self.n_long() == 0 => (word, format!("{word}{LAST_LETTER}")),
            _ => ("", String::new()),
        }
    }

    /// The words that neither the index nor places are asked for, as a list.
    fn others(&self) -> String {
        as_json(&self.words[self.n_long().max(1)..])
    }
}

impl Store {
    /// The person's sessions of which a message, or what a tool was asked and gave, holds all that is looked for.
    pub(crate) async fn sessions_with(
        &self,
        user: UserId,
        wanted: &Unspaced,
    ) -> Result<Vec<i64>, StoreError> {
        let (grams, (from, below), others) = (wanted.grams(), wanted.places(), wanted.others());
        let said = sqlx::query_scalar!(
            r#"select distinct m.session_id as "id!" from message m join session s on s.id = m.session_id
             where s.user_id = ?1 and s.deleted_ms is null and m.hidden_ms is null
               and m.id in (select rowid from message_gram where message_gram match ?2
                            union all select doc from (
                                select doc from message_gram_place where term >= ?3 and term < ?4 limit ?5))
               and (?6 is null or m.id in (select rowid from message_text where message_text match ?6))
               and not exists (select 1 from json_each(?7)
                               where instr(lower(m.body || char(10) || coalesce(m.reasoning, '')), value) = 0)
             order by m.session_id desc limit ?8"#,
            user.0,
            grams,
            from,
            below,
            MOST_PLACES,
            wanted.spaced,
            others,
            MOST_SESSIONS
        );
        let mut ids = said.fetch_all(&self.read).await?;
        let called = sqlx::query_scalar!(
            r#"select distinct m.session_id as "id!" from message_call c
             join message m on m.id = c.message_id join session s on s.id = m.session_id
             where s.user_id = ?1 and s.deleted_ms is null and m.hidden_ms is null
               and c.rowid in (select rowid from call_gram where call_gram match ?2
                               union all select doc from (
                                   select doc from call_gram_place where term >= ?3 and term < ?4 limit ?5))
               and (?6 is null or c.rowid in (select rowid from call_text where call_text match ?6))
               and not exists (select 1 from json_each(?7)
                               where instr(lower(c.arguments || char(10) || coalesce(c.result, '')), value) = 0)
             order by m.session_id desc limit ?8"#,
            user.0,
            grams,
            from,
            below,
            MOST_PLACES,
            wanted.spaced,
            others,
            MOST_SESSIONS
        );
        ids.extend(called.fetch_all(&self.read).await?);
        Ok(ids)
    }

    /// What stands around the first of the words in a session's newest text that holds them all.
    pub(crate) async fn unspaced_hit(
        &self,
        session: i64,
        wanted: &Unspaced,
    ) -> Result<Vec<HitPart>, StoreError> {
        let (first, words) = (&wanted.words[0], as_json(&wanted.words));
        let passage = sqlx::query!(
            r#"select substr(text, max(place - 20, 1), 80) as "text!: String", place > 21 as "cut_before!: bool",
                 length(text) >= max(place - 20, 1) + 80 as "cut_after!: bool"
             from (select text, instr(lower(text), ?2) as place from (
                 select id, body || char(10) || coalesce(reasoning, '') as text from message
                 where session_id = ?1 and hidden_ms is null
                 union all
                 select m.id, c.arguments || char(10) || coalesce(c.result, '') from message_call c
                 join message m on m.id = c.message_id where m.session_id = ?1 and m.hidden_ms is null)
               where not exists (select 1 from json_each(?3) where instr(lower(text), value) = 0)
               order by id desc limit 1)"#,
            session,
            first,
            words
        );
        let Some(passage) = passage.fetch_optional(&self.read).await? else { return Ok(Vec::new()) };
        let end = |is_cut| if is_cut { CUT } else { "" };
        let text = format!("{}{}{}", end(passage.cut_before), passage.text.trim(), end(passage.cut_after));
        Ok(words_hit(&text, &wanted.words))
    }
}

/// Every two letters in a row of such scripts, with spaces between; empty where a text has none.
pub(crate) fn pairs(text: &str) -> String {
    let letters = text.chars().zip(text.chars().skip(1));
    let pairs = letters.filter(|(one, two)| is_unspaced(*one) && is_unspaced(*two));
    pairs.map(|(one, two)| format!("{one}{two}")).collect::<Vec<_>>().join(" ")
}

fn as_json(words: &[String]) -> String {
    serde_json::to_string(words).unwrap_or_default()
}

#[cfg(test)]
mod tests;
