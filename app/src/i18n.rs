//! The texts of the interface. One struct per language, generated from `locales/*.json`.
//!
//! The language is fixed for the life of a page: choosing another one loads the page again.

#[cfg(target_arch = "wasm32")]
use crate::lazy_file::{NotFetched, Pauses};
use leptos::prelude::*;
#[cfg(target_arch = "wasm32")]
use leptos::wasm_split::wasm_split;
use std::fmt::Display;

include!(concat!(env!("OUT_DIR"), "/texts.rs"));

/// A language the catalogues have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Locale {
    #[default]
    En,
    De,
}

impl Locale {
    /// Every language, in the order the settings list them.
    pub const ALL: [Self; 2] = [Self::En, Self::De];

    /// The BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// The language's own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::De => "Deutsch",
        }
    }

    /// The language of a tag such as `de` or `de-AT`.
    pub fn parse(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or(tag).trim();
        Self::ALL.into_iter().find(|locale| locale.tag().eq_ignore_ascii_case(primary))
    }

    /// The first language of an `Accept-Language` header that the catalogues have. Browsers list the
    /// preferred one first, so weights are not looked at.
    #[cfg(any(feature = "ssr", test))]
    pub fn negotiate(accept_language: &str) -> Option<Self> {
        accept_language.split(',').find_map(|part| Self::parse(part.split(';').next().unwrap_or(part)))
    }

    /// This language's texts. In the browser, [`load_texts`] has been awaited.
    pub fn texts(self) -> &'static Texts {
        Texts::of(self)
    }
}

/// The texts of another language than the first, which a page in the first does not load.
#[cfg(target_arch = "wasm32")]
static LOADED: std::sync::OnceLock<&'static Texts> = std::sync::OnceLock::new();

#[cfg(target_arch = "wasm32")]
impl Texts {
    /// Those of the page's language.
    pub fn of(_: Locale) -> &'static Self {
        LOADED.get().copied().unwrap_or(&EN)
    }
}

/// Fetches the texts that the page is shown in, where it does not have them.
#[cfg(target_arch = "wasm32")]
pub(crate) async fn load_texts(locale: Locale) {
    match locale {
        Locale::En => {}
        Locale::De => {
            let mut pauses = Pauses::new();
            let texts = loop {
                match german().await {
                    Ok(texts) => break texts,
                    Err(NotFetched) => pauses.pass().await,
                }
            };
            _ = LOADED.set(texts);
        }
    }
}

#[cfg(target_arch = "wasm32")]
#[wasm_split(german, wasm_split_path = leptos::wasm_split, fallible)]
fn german() -> Result<&'static Texts, NotFetched> {
    Ok(&DE)
}

/// The language of this page.
pub fn use_locale() -> Locale {
    use_context().unwrap_or_default()
}

/// The texts of this page's language.
pub fn use_texts() -> &'static Texts {
    use_locale().texts()
}

/// Puts `value` in the place of `{name}`.
pub fn fill(text: &str, name: &str, value: impl Display) -> String {
    text.replace(&format!("{{{name}}}"), &value.to_string())
}

#[cfg(test)]
mod tests;
