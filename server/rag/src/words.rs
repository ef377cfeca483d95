//! The words of a question that are worth looking for.

use rust_stemmers::{Algorithm, Stemmer};
use unicode_segmentation::UnicodeSegmentation;

/// More would only cost time.
const MOST_WORDS: usize = 48;
/// In letters. Too many words begin with a shorter one.
const SHORTEST_STEM: usize = 4;

/// The words of `query`, each once. Those that stand in every text are left out unless there are no others.
pub(crate) fn of(query: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in query.unicode_words().map(str::to_lowercase) {
        if words.len() < MOST_WORDS && !words.contains(&word) {
            words.push(word);
        }
    }
    if words.iter().any(|word| !is_common(word)) {
        words.retain(|word| !is_common(word));
    }
    words
}

/// The stems of `words`, which are those of `query`: what words begin with that mean the same. Only of words that have nothing
/// but letters: names and numbers are looked for as they are.
pub(crate) fn stems(words: &[String], query: &str) -> Vec<String> {
    let stemmer = Stemmer::create(language_of(query));
    let mut stems: Vec<String> = Vec::new();
    for word in words.iter().filter(|word| word.chars().all(char::is_alphabetic)) {
        let stem = stemmer.stem(word).into_owned();
        if stem.chars().count() >= SHORTEST_STEM && !stems.contains(&stem) {
            stems.push(stem);
        }
    }
    stems
}

/// By the words that stand in every text.
fn language_of(query: &str) -> Algorithm {
    let words: Vec<_> = query.unicode_words().map(str::to_lowercase).collect();
    let n_of = |common: &[&str]| words.iter().filter(|word| common.contains(&word.as_str())).count();
    if n_of(GERMAN) > n_of(ENGLISH) { Algorithm::German } else { Algorithm::English }
}

fn is_common(word: &str) -> bool {
    ENGLISH.contains(&word) || GERMAN.contains(&word)
}

const ENGLISH: &[&str] = &[
    "a", "about", "all", "am", "an", "and", "any", "are", "as", "at", "be", "because", "been", "being",
    "but", "by", "can", "could", "did", "do", "does", "for", "from", "had", "has", "have", "he", "her",
    "his", "how", "i", "if", "in", "into", "is", "it", "its", "me", "my", "no", "not", "of", "on", "or",
    "our", "she", "should", "so", "that", "the", "their", "them", "then", "there", "these", "they", "this",
    "to", "was", "we", "were", "what", "when", "where", "which", "who", "why", "will", "with", "would",
    "you", "your",
];

const GERMAN: &[&str] = &[
    "aber", "als", "also", "am", "an", "auch", "auf", "aus", "bei", "bin", "bis", "da", "das", "dass", "dem",
    "den", "der", "des", "die", "dies", "diese", "dieser", "durch", "ein", "eine", "einem", "einen", "einer",
    "er", "es", "für", "hat", "ich", "ihr", "im", "in", "ist", "ja", "kann", "mein", "mit", "nach", "nicht",
    "noch", "nur", "oder", "sein", "sich", "sie", "sind", "so", "um", "und", "uns", "von", "vor", "war",
    "was", "wie", "will", "wir", "wird", "wo", "zu", "zum", "zur", "über",
];

#[cfg(test)]
mod tests {
    use super::{of, stems};

    #[test]
    fn words_of_every_text_are_left_out_unless_there_are_no_others() {
        assert_eq!(of("What is the Lantern's height?"), ["lantern's", "height"]);
        assert_eq!(of("Wo ist das?"), ["wo", "ist", "das"]);
        assert_eq!(of("oil oil OIL"), ["oil"]);
        assert!(of(" ?! ").is_empty());
    }

    #[test]
    fn words_that_mean_the_same_begin_with_a_stem() {
        let check =
            |query: &str, expected: &[&str]| assert_eq!(stems(&of(query), query), expected, "{query}");
        check("Which pictures can be uploaded?", &["pictur", "upload"]);
        check(
            "Welche Bilder werden in der Sammlung gezeigt?",
            &["welch", "bild", "werd", "sammlung", "gezeigt"],
        );
        check("What is remotes.json and ERR_42?", &[]);
        // Too short to tell anything.
        check("oil", &[]);
        check("picture pictures", &["pictur"]);
    }
}
