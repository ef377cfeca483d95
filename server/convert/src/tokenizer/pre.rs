//! How a tokenizer cuts texts before it joins anything, by the rules that it states.
//!
//! llama.cpp has those rules in itself and knows them by names, so a rule must be recognised.

use super::files::TokenizerJson;
use crate::ConvertError;
use serde_json::Value;

/// Rules of one regular expression, by the names that llama.cpp has for them.
const PATTERNS: [(&str, &str); 5] = [
    (
        "llama-bpe",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
    (
        "qwen2",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
    (
        "qwen35",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
    (
        "tekken",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
    (
        "gpt-4o",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
];

/// What a step of cutting does.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// At what a regular expression finds.
    Split(String),
    /// Around each digit.
    Digits,
    /// As GPT-2 does.
    Words,
    /// Nowhere.
    Nothing,
    /// In a way that is not known.
    Other(String),
}

/// The name that llama.cpp has for the rules of a tokenizer.
pub(super) fn recognise(json: &TokenizerJson) -> Result<&'static str, ConvertError> {
    let mut steps = Vec::new();
    if let Some(stated) = &json.pre_tokenizer {
        flatten(stated, &mut steps);
    }
    steps.retain(|step| *step != Step::Nothing);
    let unknown = |what: &str| {
        let what: String = what.chars().take(200).collect();
        ConvertError::Tokenizer(format!("it cuts texts in a way that is not known here: {what}"))
    };
    match steps.as_slice() {
        [Step::Words] => Ok("gpt-2"),
        [Step::Digits, Step::Words] => Ok("smollm"),
        [] => Err(unknown("not at all")),
        [Step::Split(pattern)] => {
            let found = PATTERNS.iter().find(|(_, it)| it == pattern);
            found.map(|(name, _)| *name).ok_or_else(|| unknown(pattern))
        }
        [Step::Other(kind), ..] => Err(unknown(kind)),
        _ => Err(unknown("in several steps")),
    }
}

fn flatten(stated: &Value, steps: &mut Vec<Step>) {
    // Nobody nests deeper, and the reader of JSON has a bound of its own.
    const MAX_STEPS: usize = 16;
    if steps.len() >= MAX_STEPS {
        return;
    }
    let text = |key: &str| stated.get(key).and_then(Value::as_str);
    match text("type").unwrap_or_default() {
        "Sequence" => {
            let inner = stated.get("pretokenizers").and_then(Value::as_array);
            inner.into_iter().flatten().for_each(|step| flatten(step, steps));
        }
        "Split" => {
            let pattern = stated.get("pattern").and_then(|it| it.get("Regex")).and_then(Value::as_str);
            // What matches may be kept, or what does not be thrown away: the same for expressions that match all.
            let is_inverted = stated.get("invert").and_then(Value::as_bool).unwrap_or(false);
            let keeps = match text("behavior").unwrap_or_default() {
                "Isolated" => !is_inverted,
                "Removed" => is_inverted,
                _ => false,
            };
            steps.push(match pattern {
                Some(pattern) if keeps => Step::Split(pattern.to_owned()),
                _ => Step::Other("Split".to_owned()),
            });
        }
        "Digits" if stated.get("individual_digits").and_then(Value::as_bool) == Some(true) => {
            steps.push(Step::Digits);
        }
        "ByteLevel" => {
            let cuts = stated.get("use_regex").and_then(Value::as_bool).unwrap_or(true);
            steps.push(if cuts { Step::Words } else { Step::Nothing });
        }
        other => steps.push(Step::Other(crate::error::shown(other))),
    }
}

#[cfg(test)]
mod tests {
    use super::{PATTERNS, recognise};
    use serde_json::{Value, json};

    #[track_caller]
    fn check(pre_tokenizer: Value, expected: &str) {
        let json = json!({"pre_tokenizer": pre_tokenizer, "model": {"vocab": {}}});
        let found = recognise(&serde_json::from_value(json).unwrap());
        let found = found.map_or_else(|err| err.to_string(), str::to_owned);
        assert!(found.contains(expected), "{found}");
    }

    fn split(pattern: &str) -> Value {
        json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false})
    }

    #[test]
    fn rules_are_known_by_their_expressions() {
        let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "use_regex": false});
        for (name, pattern) in PATTERNS {
            let steps = [split(pattern), bytes.clone()];
            check(json!({"type": "Sequence", "pretokenizers": steps}), name);
        }
        let removed = json!({"type": "Split", "pattern": {"Regex": PATTERNS[0].1}, "behavior": "Removed", "invert": true});
        check(json!({"type": "Sequence", "pretokenizers": [removed, bytes]}), "llama-bpe");
        let words = json!({"type": "ByteLevel", "add_prefix_space": false});
        check(words.clone(), "gpt-2");
        let digits = json!({"type": "Digits", "individual_digits": true});
        check(json!({"type": "Sequence", "pretokenizers": [digits, words]}), "smollm");
    }

    #[test]
    fn other_rules_are_refused() {
        check(Value::Null, "not at all");
        check(split(r"\w+"), r"not known here: \w+");
        check(json!({"type": "Whitespace"}), "not known here: Whitespace");
        check(
            json!({"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious"}),
            "Split",
        );
    }
}
