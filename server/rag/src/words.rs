//! The words of a question that are worth looking for.

use unicode_segmentation::UnicodeSegmentation;

/// More would only cost time.
const MOST_WORDS: usize = 48;

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

fn is_common(word: &str) -> bool {
    COMMON.contains(&word)
}

/// Of English and German.
const COMMON: &[&str] = &[
    "a", "aber", "about", "all", "als", "also", "am", "an", "and", "any", "are", "as", "at", "auch", "auf",
    "aus", "be", "because", "been", "bei", "being", "bin", "bis", "but", "by", "can", "could", "da", "das",
    "dass", "dem", "den", "der", "des", "did", "die", "dies", "diese", "dieser", "do", "does", "durch",
    "ein", "eine", "einem", "einen", "einer", "er", "es", "for", "from", "für", "had", "has", "hat", "have",
    "he", "her", "his", "how", "i", "ich", "if", "ihr", "im", "in", "into", "is", "ist", "it", "its", "ja",
    "kann", "me", "mein", "mit", "my", "nach", "nicht", "no", "noch", "not", "nur", "oder", "of", "on", "or",
    "our", "sein", "she", "should", "sich", "sie", "sind", "so", "that", "the", "their", "them", "then",
    "there", "these", "they", "this", "to", "um", "und", "uns", "von", "vor", "war", "was", "we", "were",
    "what", "when", "where", "which", "who", "why", "wie", "will", "wir", "wird", "with", "wo", "would",
    "you", "your", "zu", "zum", "zur", "über",
];

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn words_of_every_text_are_left_out_unless_there_are_no_others() {
        assert_eq!(of("What is the Lantern's height?"), ["lantern's", "height"]);
        assert_eq!(of("Wo ist das?"), ["wo", "ist", "das"]);
        assert_eq!(of("oil oil OIL"), ["oil"]);
        assert!(of(" ?! ").is_empty());
    }
}
