//! The verb `check`: shows what has grown long, so that it is seen. Nothing fails for it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::fail::{About, Result};
use crate::{paths, say};

const LONG_FILE: usize = 400;
const LONG_FUNCTION: usize = 60;
const SKIPPED: [&str; 5] = ["target", "node_modules", ".git", ".sqlx", "fixtures"];

/// Prints every Rust file and function over the usual length.
pub(crate) fn print_long_code() -> Result<()> {
    let root = paths::root();
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();
    let mut n_found = 0;
    for file in files {
        let text = fs::read_to_string(&file).about(&file)?;
        let shown = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
        let n_lines = text.lines().count();
        if n_lines > LONG_FILE {
            n_found += 1;
            say::line(&format!("{shown}: {n_lines} lines"));
        }
        for (first_line, name, length) in long_functions(&text) {
            n_found += 1;
            say::line(&format!("{shown}:{first_line}: fn {name} has {length} lines"));
        }
    }
    say::line(&format!("{n_found} over {LONG_FILE} lines a file or {LONG_FUNCTION} a function"));
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).about(folder)?.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !SKIPPED.contains(&name.as_str()) {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Line, name and length of the long functions. rustfmt puts the closing brace of a function in the column of
/// its first word, which is all the parsing this needs.
fn long_functions(text: &str) -> Vec<(usize, String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (idx, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        let closing = format!("{}}}", " ".repeat(indent));
        let Some(length) = lines[idx..].iter().position(|line| *line == closing) else { continue };
        if length + 1 > LONG_FUNCTION {
            found.push((idx + 1, name, length + 1));
        }
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let words = line.trim_start();
    let before = words.split("fn ").next()?;
    let is_declaration = words.contains("fn ")
        && before.split_whitespace().all(|word| {
            word.starts_with("pub")
                || ["async", "const", "unsafe", "extern", "\"C\"", "in", "crate)"].contains(&word)
        });
    let rest = words.get(before.len() + 3..)?;
    let ends_here = words.ends_with('}') || words.ends_with(';');
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (is_declaration && !ends_here && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_functions_are_named() {
        let body = "    let a = 1;\n".repeat(70);
        let text = format!("pub async fn long() {{\n{body}}}\n\nfn short() {{\n    let fn_ = 1;\n}}\n");
        assert_eq!(long_functions(&text), [(1, "long".to_owned(), 72)]);
    }

    #[test]
    fn comments_and_one_liners_are_not_declarations() {
        let check = |line, expected: Option<&str>| assert_eq!(function_name(line).as_deref(), expected);
        check("    pub(crate) fn name(&self) {", Some("name"));
        check("// the fn keyword", None);
        check("fn one() -> u8 { 1 }", None);
        check("let call = make_fn (2);", None);
    }
}
