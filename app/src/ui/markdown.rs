//! Rendered markdown, as the server sends it.

use crate::i18n::Texts;

/// What the renderer leaves for the page to name: it knows no language.
const UNNAMED: &str = r#"data-action="copy"></button>"#;
/// Likewise, of a document that is not there any more.
const GONE: &str = r#"<span data-word="gone"></span>"#;

/// A block with its buttons named in the page's language.
pub(crate) fn with_words(html: &str, texts: &Texts) -> String {
    html.replace(UNNAMED, &format!(r#"data-action="copy">{}</button>"#, texts.copy))
        .replace(GONE, &format!(r#"<span>({})</span>"#, texts.document_gone))
}

#[cfg(test)]
mod tests {
    use super::with_words;
    use crate::i18n::Locale;

    #[test]
    fn buttons_are_named_in_the_language_of_the_page() {
        let html =
            chat::render_markdown("```rust\nlet a = 1;\n```\n\n`data-action=\"copy\"></button>`").concat();
        let named = with_words(&html, Locale::De.texts());
        assert_eq!(named.matches(">Kopieren</button>").count(), 1, "{named}");
        let gone = r#"<p><span class="paper">a.pdf <span data-word="gone"></span></span></p>"#;
        let named = with_words(gone, Locale::De.texts());
        assert_eq!(named, r#"<p><span class="paper">a.pdf <span>(gelöscht)</span></span></p>"#);
    }
}
