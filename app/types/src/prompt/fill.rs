//! Variables in a text, and values in their place.

use super::{MAX_VARIABLE_CHARS, Variable, VariableKind};

/// A name with blanks around it is no longer, in characters.
const LOOKED_AT: usize = MAX_VARIABLE_CHARS + 20;

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Variable(&'a str),
}

/// Why a value cannot stand in the place of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueProblem {
    NoNumber,
    NoChoice,
}

impl Variable {
    /// A line of text with nothing in it.
    pub fn text(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Whether `value` can stand in its place. Nothing always can.
    pub fn check(&self, value: &str) -> Result<(), ValueProblem> {
        let value = value.trim();
        match self.kind {
            _ if value.is_empty() => Ok(()),
            VariableKind::Text | VariableKind::Multiline => Ok(()),
            VariableKind::Number if is_number(value) => Ok(()),
            VariableKind::Number => Err(ValueProblem::NoNumber),
            VariableKind::Choice if self.choices.iter().any(|choice| choice == value) => Ok(()),
            VariableKind::Choice => Err(ValueProblem::NoChoice),
        }
    }
}

/// Digits with a sign and a point at most: what people write, without what floating point adds to it.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, rest) = digits.split_once(['.', ',']).unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !(whole.is_empty() && rest.is_empty()) && all_digits(whole) && all_digits(rest)
}

/// The variables of a text, in the order in which they first occur.
pub fn variable_names(body: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for part in Parts(body) {
        if let Part::Variable(name) = part
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// The variables of a text, each as it is described, else as a line of text. What describes none of them is left out.
pub fn variables(body: &str, described: &[Variable]) -> Vec<Variable> {
    let describe = |name: &str| described.iter().find(|variable| variable.name == name).cloned();
    variable_names(body)
        .into_iter()
        .map(|name| describe(name).unwrap_or_else(|| Variable::text(name)))
        .collect()
}

/// The text with `value` of each variable in its place; where that gives none, the default. What is put in is not looked
/// through again, so a value with braces stays as it is.
pub fn fill(body: &str, described: &[Variable], value: impl Fn(&str) -> Option<String>) -> String {
    let default = |name: &str| {
        let variable = described.iter().find(|variable| variable.name == name);
        variable.map(|variable| variable.default.clone()).unwrap_or_default()
    };
    let mut filled = String::with_capacity(body.len());
    for part in Parts(body) {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Variable(name) => filled.push_str(&value(name).unwrap_or_else(|| default(name))),
        }
    }
    filled
}

/// Whether a variable may be called so: letters, digits, `_` and `-`.
pub(super) fn is_variable_name(name: &str) -> bool {
    let n_chars = name.chars().count();
    (1..=MAX_VARIABLE_CHARS).contains(&n_chars)
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

/// What is left of a text, cut into parts.
struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        if self.0.is_empty() {
            return None;
        }
        if let Some((name, rest)) = variable_at_start(self.0) {
            self.0 = rest;
            return Some(Part::Variable(name));
        }
        // Past what begins here, so that every part has something in it.
        let (skipped, from) = if self.0.starts_with("\\{{") { (1, 3) } else { (0, first_char(self.0)) };
        let rest = &self.0[from..];
        let end = from + next_mark(rest).unwrap_or(rest.len());
        let (text, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(Part::Text(&text[skipped..]))
    }
}

/// The variable that the text begins with, and what follows it.
fn variable_at_start(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix("{{")?;
    let (end, _) = inner.char_indices().take(LOOKED_AT).find(|(_, c)| matches!(c, '{' | '}'))?;
    let (name, rest) = inner.split_at(end);
    let (name, rest) = (name.trim(), rest.strip_prefix("}}")?);
    is_variable_name(name).then_some((name, rest))
}

/// Where the next variable or escape begins.
fn next_mark(text: &str) -> Option<usize> {
    let begins = |at: &usize| text[*at..].starts_with("\\{{") || variable_at_start(&text[*at..]).is_some();
    text.match_indices(['{', '\\']).map(|(at, _)| at).find(begins)
}

fn first_char(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}
