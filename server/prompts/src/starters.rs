//! Prompts to begin with, in the format that exports have.

use crate::{PromptsError, file};
use types::prompt::PromptDraft;

const ENGLISH: &str = include_str!("../starters/en.json");
const GERMAN: &str = include_str!("../starters/de.json");

/// In the language of a tag such as `de`; in English where there are none in it.
pub(crate) fn in_language(language: &str) -> Result<Vec<PromptDraft>, PromptsError> {
    let text = if language == "de" { GERMAN } else { ENGLISH };
    Ok(file::read(text)?)
}
