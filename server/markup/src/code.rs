//! Code blocks: a caption with the language and a copy button, and highlighting by a few classes.

use crate::escape;
use std::{collections::HashMap, sync::LazyLock};
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

/// Every class highlighting uses; `style/highlight.css` colours them.
pub(crate) const CLASSES: &[&str] = &[
    "hl-comment",
    "hl-string",
    "hl-number",
    "hl-constant",
    "hl-keyword",
    "hl-function",
    "hl-type",
    "hl-variable",
    "hl-tag",
    "hl-attribute",
    "hl-operator",
    "hl-inserted",
    "hl-deleted",
];
/// Longer code is shown without colours.
const MAX_HIGHLIGHTED_BYTES: usize = 100_000;
const MAX_LINE_BYTES: usize = 4_000;

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);
static SCOPES: LazyLock<Vec<(Scope, &'static str)>> = LazyLock::new(scopes);

/// A code block. `info` is what follows the fence.
pub(crate) fn to_html(info: &str, code: &str) -> String {
    let language = language(info);
    let body = highlight(&language, code).unwrap_or_else(|| escape(code));
    let name = escape(&language);
    format!(
        "<figure class=\"code\" data-language=\"{name}\"><figcaption><span>{name}</span>\
         <button type=\"button\" data-action=\"copy\"></button></figcaption><pre><code>{body}</code></pre></figure>"
    )
}

/// The first word of the info string, if it looks like a language.
fn language(info: &str) -> String {
    let word = info.split([' ', ',', '{', '\t']).next().unwrap_or_default();
    let word: String = word
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '+' | '#' | '-' | '_' | '.'))
        .take(30)
        .collect();
    word.to_lowercase()
}

fn highlight(language: &str, code: &str) -> Option<String> {
    if language.is_empty() || code.len() > MAX_HIGHLIGHTED_BYTES {
        return None;
    }
    let mut state = ParseState::new(syntax(language)?);
    let mut stack = ScopeStack::new();
    let mut classes = HashMap::new();
    let mut html = String::with_capacity(code.len() * 2);
    for line in code.split_inclusive('\n') {
        if line.len() > MAX_LINE_BYTES {
            html.push_str(&escape(line));
            continue;
        }
        let changes = state.parse_line(line, &SYNTAXES).ok()?;
        let mut at = 0;
        for (to, change) in changes {
            push_span(&mut html, &line[at..to], class_of(&stack, &mut classes));
            stack.apply(&change).ok()?;
            at = to;
        }
        push_span(&mut html, &line[at..], class_of(&stack, &mut classes));
    }
    Some(html)
}

fn push_span(html: &mut String, text: &str, class: Option<&str>) {
    match class {
        _ if text.is_empty() => {}
        Some(class) if !text.trim().is_empty() => {
            html.push_str("<span class=\"");
            html.push_str(class);
            html.push_str("\">");
            html.push_str(&escape(text));
            html.push_str("</span>");
        }
        _ => html.push_str(&escape(text)),
    }
}

/// Names that people use and the syntaxes do not.
fn syntax(language: &str) -> Option<&'static SyntaxReference> {
    let known = match language {
        "rust" => "rs",
        "typescript" | "ts" | "tsx" | "jsx" | "javascript" => "js",
        "shell" | "console" | "zsh" => "sh",
        "c++" | "cxx" => "cpp",
        "golang" => "go",
        "python3" => "py",
        "kotlin" => "java",
        other => other,
    };
    SYNTAXES.find_syntax_by_token(known)
}

/// The innermost scope that has a class decides.
fn class_of(stack: &ScopeStack, known: &mut HashMap<Scope, Option<&'static str>>) -> Option<&'static str> {
    stack.as_slice().iter().rev().find_map(|scope| *known.entry(*scope).or_insert_with(|| find_class(*scope)))
}

fn find_class(scope: Scope) -> Option<&'static str> {
    SCOPES.iter().find(|(prefix, _)| prefix.is_prefix_of(scope)).map(|(_, class)| *class)
}

/// From special to general: the first prefix wins.
fn scopes() -> Vec<(Scope, &'static str)> {
    let table = [
        ("comment", "hl-comment"),
        ("string", "hl-string"),
        ("constant.numeric", "hl-number"),
        ("constant.character.escape", "hl-constant"),
        ("constant", "hl-constant"),
        ("keyword.operator", "hl-operator"),
        ("keyword", "hl-keyword"),
        ("storage.type.function", "hl-keyword"),
        ("storage", "hl-keyword"),
        ("entity.name.function", "hl-function"),
        ("support.function", "hl-function"),
        ("variable.function", "hl-function"),
        ("entity.name.tag", "hl-tag"),
        ("entity.other.attribute-name", "hl-attribute"),
        ("entity.name", "hl-type"),
        ("entity.other.inherited-class", "hl-type"),
        ("support.type", "hl-type"),
        ("support.class", "hl-type"),
        ("variable.parameter", "hl-variable"),
        ("variable.language", "hl-variable"),
        ("markup.inserted", "hl-inserted"),
        ("markup.deleted", "hl-deleted"),
        ("markup.heading", "hl-keyword"),
    ];
    table.into_iter().filter_map(|(scope, class)| Some((Scope::new(scope).ok()?, class))).collect()
}
