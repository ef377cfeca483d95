//! Files of prompts: written so that the same are read again, and read as if anybody had written them.

use crate::{PromptsError, error::FileProblem};
use serde::{Deserialize, Serialize};
use serde_json::{Value, error::Category};
use std::collections::HashSet;
use types::prompt::{Imported, MAX_IMPORT_BYTES, MAX_PROMPT_NAME_CHARS, MAX_PROMPTS, PromptDraft, Variable};

/// What such a file calls itself.
pub(crate) const FORMAT: &str = "chaosengine-prompts";
/// Grows when older programs could not read what is written.
const VERSION: u64 = 1;
/// How much of a name in the file a refusal repeats.
const SHOWN_CHARS: usize = 60;

#[derive(Serialize, Deserialize)]
struct File {
    format: String,
    version: u64,
    prompts: Vec<Prompt>,
}

/// What a file says of itself.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    format: Value,
    #[serde(default)]
    version: Value,
}

/// A prompt in a file. What is left out is empty.
#[derive(Serialize, Deserialize)]
struct Prompt {
    name: String,
    #[serde(default)]
    about: String,
    #[serde(default)]
    folder: String,
    #[serde(default)]
    tags: Vec<String>,
    body: String,
    #[serde(default)]
    variables: Vec<FileVariable>,
}

#[derive(Serialize, Deserialize)]
struct FileVariable {
    name: String,
    #[serde(default)]
    kind: types::prompt::VariableKind,
    #[serde(default)]
    default: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    choices: Vec<String>,
}

/// The file of these prompts.
pub(crate) fn write(drafts: Vec<PromptDraft>) -> Result<String, PromptsError> {
    let prompts = drafts.into_iter().map(Prompt::from).collect();
    let file = File { format: FORMAT.to_owned(), version: VERSION, prompts };
    // Strings and numbers can always be written.
    serde_json::to_string_pretty(&file).map_err(|err| FileProblem::Incomplete(err.to_string()).into())
}

/// The prompts of a file, checked as if a person had written each.
pub(crate) fn read(text: &str) -> Result<Vec<PromptDraft>, FileProblem> {
    check_size(text.len())?;
    // Some editors put a mark before the first character.
    let text = text.trim_start_matches('\u{feff}');
    // What else is in it is looked at afterwards, and never kept twice: it may be large.
    let head: Head = serde_json::from_str(text).map_err(|err| match err.classify() {
        Category::Data => FileProblem::Foreign,
        _ => FileProblem::NoJson,
    })?;
    if head.format.as_str() != Some(FORMAT) {
        return Err(FileProblem::Foreign);
    }
    if head.version.as_u64().is_some_and(|version| version > VERSION) {
        return Err(FileProblem::Newer);
    }
    let incomplete = |err: serde_json::Error| {
        // It may repeat what stands in the file.
        FileProblem::Incomplete(err.to_string().chars().take(SHOWN_CHARS * 2).collect())
    };
    let file: File = serde_json::from_str(text).map_err(incomplete)?;
    match file.prompts.len() {
        0 => return Err(FileProblem::Empty),
        n if n > MAX_PROMPTS => return Err(FileProblem::TooMany(n)),
        _ => {}
    }
    (1..).zip(file.prompts).map(|(number, prompt)| checked(number, prompt)).collect()
}

pub(crate) fn check_size(n_bytes: usize) -> Result<(), FileProblem> {
    if n_bytes > MAX_IMPORT_BYTES { Err(FileProblem::TooLarge(n_bytes)) } else { Ok(()) }
}

fn checked(number: usize, prompt: Prompt) -> Result<PromptDraft, FileProblem> {
    let name = prompt.name.chars().take(SHOWN_CHARS).collect();
    PromptDraft::from(prompt).checked().map_err(|problem| FileProblem::Prompt { number, name, problem })
}

/// Those of `new` that are not among `there`, under names that nobody else has.
pub(crate) fn merge(there: Vec<PromptDraft>, new: Vec<PromptDraft>) -> (Vec<PromptDraft>, Imported) {
    let mut names: HashSet<String> = there.iter().map(|draft| draft.name.clone()).collect();
    let mut imported = Imported::default();
    let mut added: Vec<PromptDraft> = Vec::new();
    for mut draft in new {
        if there.contains(&draft) || added.contains(&draft) {
            imported.n_same += 1;
            continue;
        }
        let name = free_name(&draft.name, &names);
        imported.n_added += 1;
        imported.n_renamed += u32::from(name != draft.name);
        draft.name = name;
        names.insert(draft.name.clone());
        added.push(draft);
    }
    (added, imported)
}

/// The name, or the first with a number behind it that is free.
pub(crate) fn free_name(name: &str, names: &HashSet<String>) -> String {
    let numbered = (2..).map(|n| {
        let ending = format!("-{n}");
        let kept: String = name.chars().take(MAX_PROMPT_NAME_CHARS - ending.len()).collect();
        kept + &ending
    });
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !names.contains(name)).unwrap_or_default()
}

impl From<PromptDraft> for Prompt {
    fn from(draft: PromptDraft) -> Self {
        let PromptDraft { name, about, folder, tags, body, variables } = draft;
        let variable = |Variable { name, kind, default, choices }: Variable| FileVariable {
            name,
            kind,
            default,
            choices,
        };
        Self { name, about, folder, tags, body, variables: variables.into_iter().map(variable).collect() }
    }
}

impl From<Prompt> for PromptDraft {
    fn from(prompt: Prompt) -> Self {
        let Prompt { name, about, folder, tags, body, variables } = prompt;
        let variable = |FileVariable { name, kind, default, choices }: FileVariable| Variable {
            name,
            kind,
            default,
            choices,
        };
        Self { name, about, folder, tags, body, variables: variables.into_iter().map(variable).collect() }
    }
}
