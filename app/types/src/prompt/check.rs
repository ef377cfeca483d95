//! What a prompt must look like before it is kept.

use super::{
    MAX_ABOUT_CHARS, MAX_CHOICE_CHARS, MAX_CHOICES, MAX_DEFAULT_BYTES, MAX_FOLDER_CHARS, MAX_PROMPT_BYTES,
    MAX_PROMPT_NAME_CHARS, MAX_TAG_CHARS, MAX_TAGS, MAX_VARIABLE_BYTES, MAX_VARIABLES, PromptDraft, Variable,
    VariableKind, variables,
};

/// What is wrong with a prompt. Each is a sentence without a full stop that names the bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromptProblem {
    #[error("a prompt needs a name")]
    NoName,
    #[error(
        "the name “{0}” has characters that cannot be typed behind a slash: use letters, digits, “-” and “_”"
    )]
    NameCharacters(String),
    #[error("the text is empty")]
    NoBody,
    #[error("the text has {0} bytes, at most {MAX_PROMPT_BYTES} are taken")]
    BodyTooLong(usize),
    #[error("{what} has {given} characters, at most {limit} are taken")]
    TooLong { what: &'static str, given: usize, limit: usize },
    #[error("there are {given} {what}, at most {limit} are taken")]
    TooMany { what: &'static str, given: usize, limit: usize },
    #[error("the default of “{0}” is longer than {MAX_DEFAULT_BYTES} bytes")]
    DefaultTooLong(String),
    #[error("the variables have {0} bytes together, at most {MAX_VARIABLE_BYTES} are taken")]
    VariablesTooLong(usize),
    #[error("the default of “{0}” is no number")]
    DefaultIsNoNumber(String),
    #[error("the default of “{0}” is none of its choices")]
    DefaultIsNoChoice(String),
    #[error("“{0}” has nothing to choose from")]
    NoChoices(String),
}

impl PromptDraft {
    /// The draft as it is kept: the name in small letters, spaces at the ends gone, tags and choices once each, and
    /// exactly the variables that the text has.
    pub fn checked(self) -> Result<Self, PromptProblem> {
        let draft = Self {
            name: checked_name(&self.name)?,
            about: one_line(&self.about),
            folder: one_line(&self.folder),
            tags: distinct(self.tags.iter().map(|tag| one_line(tag.trim_start_matches('#')))),
            variables: variables(&self.body, &self.variables).into_iter().map(tidy).collect(),
            body: self.body,
        };
        check_length("the line about it", &draft.about, MAX_ABOUT_CHARS)?;
        check_length("the folder", &draft.folder, MAX_FOLDER_CHARS)?;
        check_count("tags", draft.tags.len(), MAX_TAGS)?;
        for tag in &draft.tags {
            check_length("a tag", tag, MAX_TAG_CHARS)?;
        }
        check_body(&draft.body)?;
        check_count("variables", draft.variables.len(), MAX_VARIABLES)?;
        draft.variables.iter().try_for_each(check_variable)?;
        let in_one = |it: &Variable| it.default.len() + it.choices.iter().map(String::len).sum::<usize>();
        match draft.variables.iter().map(in_one).sum() {
            n_bytes if n_bytes > MAX_VARIABLE_BYTES => Err(PromptProblem::VariablesTooLong(n_bytes)),
            _ => Ok(draft),
        }
    }
}

fn checked_name(name: &str) -> Result<String, PromptProblem> {
    let name = name.trim().trim_start_matches('/').to_lowercase();
    if name.is_empty() {
        return Err(PromptProblem::NoName);
    }
    check_length("the name", &name, MAX_PROMPT_NAME_CHARS)?;
    if name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_')) {
        Ok(name)
    } else {
        Err(PromptProblem::NameCharacters(name))
    }
}

fn check_body(body: &str) -> Result<(), PromptProblem> {
    match body.len() {
        _ if body.trim().is_empty() => Err(PromptProblem::NoBody),
        n_bytes if n_bytes > MAX_PROMPT_BYTES => Err(PromptProblem::BodyTooLong(n_bytes)),
        _ => Ok(()),
    }
}

fn check_variable(variable: &Variable) -> Result<(), PromptProblem> {
    let name = || variable.name.clone();
    if variable.default.len() > MAX_DEFAULT_BYTES {
        return Err(PromptProblem::DefaultTooLong(name()));
    }
    check_count("choices", variable.choices.len(), MAX_CHOICES)?;
    for choice in &variable.choices {
        check_length("a choice", choice, MAX_CHOICE_CHARS)?;
    }
    match variable.kind {
        VariableKind::Choice if variable.choices.is_empty() => Err(PromptProblem::NoChoices(name())),
        VariableKind::Choice if variable.check(&variable.default).is_err() => {
            Err(PromptProblem::DefaultIsNoChoice(name()))
        }
        VariableKind::Number if variable.check(&variable.default).is_err() => {
            Err(PromptProblem::DefaultIsNoNumber(name()))
        }
        _ => Ok(()),
    }
}

/// Without what its kind has no use for.
fn tidy(variable: Variable) -> Variable {
    let is_choice = variable.kind == VariableKind::Choice;
    let choices =
        if is_choice { distinct(variable.choices.iter().map(|it| one_line(it))) } else { Vec::new() };
    let default = match variable.kind {
        VariableKind::Multiline => variable.default,
        _ => one_line(&variable.default),
    };
    Variable { default, choices, ..variable }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Each once, in their order, without empty ones.
fn distinct(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for text in texts {
        if !text.is_empty() && !kept.iter().any(|it| it.to_lowercase() == text.to_lowercase()) {
            kept.push(text);
        }
    }
    kept
}

fn check_length(what: &'static str, text: &str, limit: usize) -> Result<(), PromptProblem> {
    let given = text.chars().count();
    if given > limit { Err(PromptProblem::TooLong { what, given, limit }) } else { Ok(()) }
}

fn check_count(what: &'static str, given: usize, limit: usize) -> Result<(), PromptProblem> {
    if given > limit { Err(PromptProblem::TooMany { what, given, limit }) } else { Ok(()) }
}
