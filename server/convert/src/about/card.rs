//! The head of a model card: the plain part of YAML that such heads are written in.

use crate::{ConvertError, config::read_bytes};
use std::{collections::HashMap, path::Path};

/// Longer cards are not read.
const MAX_CARD_BYTES: u64 = 4 << 20;
const MAX_ENTRIES: usize = 10_000;

/// Texts and lists of texts by their names. Anything deeper is left out.
#[derive(Debug, Default)]
pub(super) struct Card(HashMap<String, Vec<String>>);

impl Card {
    /// The card in `folder`; nothing where there is none, or it has no head.
    pub(super) fn read(folder: &Path) -> Result<Self, ConvertError> {
        let Ok(bytes) = read_bytes(&folder.join("README.md"), MAX_CARD_BYTES) else {
            return Ok(Self::default());
        };
        Ok(Self::parse(&String::from_utf8_lossy(&bytes.unwrap_or_default())))
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.0.get(name)?.first().cloned()
    }

    pub(super) fn list(&self, name: &str) -> Option<Vec<String>> {
        self.0.get(name).cloned()
    }

    fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        if lines.next() != Some("---") {
            return Self::default();
        }
        let mut entries: HashMap<String, Vec<String>> = HashMap::new();
        let mut current: Option<String> = None;
        for line in lines.take_while(|line| *line != "---").take(MAX_ENTRIES) {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            if let Some(item) = trimmed.strip_prefix("- ") {
                // An item with a name of its own is something deeper.
                if let (Some(name), Some(item)) = (&current, scalar(item).filter(|_| !is_pair(item))) {
                    entries.entry(name.clone()).or_default().push(item);
                }
                continue;
            }
            if line.starts_with([' ', '\t', '-']) {
                continue;
            }
            current = None;
            let Some((name, value)) = line.split_once(':') else { continue };
            let (name, value) = (name.trim().to_owned(), value.trim());
            if name.is_empty() {
                continue;
            }
            if let Some(list) = value.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
                entries.insert(name, list.split(',').filter_map(scalar).collect());
            } else if let Some(value) = scalar(value) {
                entries.insert(name, vec![value]);
            } else {
                current = Some(name);
            }
        }
        entries.retain(|_, list| !list.is_empty());
        Self(entries)
    }
}

/// Whether it reads as a name with a value.
fn is_pair(item: &str) -> bool {
    !item.starts_with(['"', '\'']) && (item.contains(": ") || item.ends_with(':'))
}

/// A text without its quotes and without a comment after it.
fn scalar(text: &str) -> Option<String> {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            return rest.find(quote).map(|end| rest[..end].to_owned());
        }
    }
    let text = text.split(" #").next().unwrap_or_default().trim_end();
    let is_nothing = text.is_empty() || matches!(text, "null" | "~" | "|" | ">" | "|-" | ">-");
    (!is_nothing).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::Card;

    #[test]
    fn the_head_of_a_card_is_read() {
        let card = Card::parse(
            "---\nlicense: mit # free\nlanguage:\n- en\n- \"no\"\ntags: [a, 'b c']\nbase_model: x/y\nname:\n\
             extra:\n  deep: 1\nwidget:\n- text: hello\nempty: []\n---\nlicense: other\n",
        );
        assert_eq!(card.text("license").as_deref(), Some("mit"));
        assert_eq!(card.list("language").unwrap(), ["en", "no"]);
        assert_eq!(card.list("tags").unwrap(), ["a", "b c"]);
        assert_eq!(card.text("base_model").as_deref(), Some("x/y"));
        assert_eq!((card.text("name"), card.list("widget"), card.list("empty")), (None, None, None));
    }

    #[test]
    fn a_card_without_a_head_says_nothing() {
        assert!(Card::parse("# Model\nlicense: mit").0.is_empty());
        assert!(Card::parse("").0.is_empty());
        assert!(Card::parse("---\n: \n- a\n:\n").0.is_empty());
    }
}
