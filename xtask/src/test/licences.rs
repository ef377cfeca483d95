//! Licences of everything that is built in, against the list in deny.toml. Where cargo-deny is installed it does
//! the whole work, advisories included; the list itself is held everywhere, by reading cargo's metadata.

use std::fs;

use crate::fail::{About, Failure, Result};
use crate::run::{self, Run};
use crate::{paths, say};

/// Checks the licences, and with cargo-deny also sources, bans and (where its database can be had) advisories.
pub(super) fn check() -> Result<()> {
    if run::find("cargo-deny").is_some() {
        Run::cargo().args(["deny", "--all-features", "check", "licenses", "bans", "sources"]).run()?;
        let advisories = Run::cargo().args(["deny", "--all-features", "fetch", "db"]).succeeds();
        if advisories {
            return Run::cargo().args(["deny", "--all-features", "check", "advisories"]).run();
        }
        say::line("  advisories left out: their database is out of reach");
        return Ok(());
    }
    let path = paths::root().join("deny.toml");
    let allowed = allowed_licences(&fs::read_to_string(&path).about(&path)?);
    let json = Run::cargo().args(["metadata", "--format-version", "1", "--locked"]).output()?;
    let metadata: serde_json::Value =
        serde_json::from_str(&json).map_err(|error| Failure::new(error.to_string()))?;
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let refused: Vec<String> = packages.iter().filter_map(|package| refused(package, &allowed)).collect();
    if refused.is_empty() {
        say::line(&format!("  {} packages, all with licences that deny.toml allows", packages.len()));
        return Ok(());
    }
    Err(Failure::new(format!("licences that deny.toml does not allow: {}", refused.join(", "))))
}

/// The quoted names between `allow = [` and the closing bracket of the section `[licenses]`.
fn allowed_licences(deny: &str) -> Vec<String> {
    let section = deny.split_once("[licenses]").map_or("", |(_, after)| after);
    let list = section.split_once("allow = [").map_or("", |(_, after)| after);
    let list = list.split_once(']').map_or("", |(list, _)| list);
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn refused(package: &serde_json::Value, allowed: &[String]) -> Option<String> {
    let name = package["name"].as_str().unwrap_or("?");
    match package["license"].as_str() {
        Some(expression) if is_allowed(expression, allowed) => None,
        Some(expression) => Some(format!("{name} ({expression})")),
        // A licence given as a file is looked at by cargo-deny, which knows the texts.
        None if package["license_file"].is_string() => None,
        None => Some(format!("{name} (no licence)")),
    }
}

/// An SPDX expression holds when one alternative of every part that is joined by AND is allowed.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace('/', " OR ");
    let tokens = expression.replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = tokens.split_whitespace().collect();
    let mut position = 0;
    alternatives(&tokens, &mut position, allowed)
}

fn alternatives(tokens: &[&str], position: &mut usize, allowed: &[String]) -> bool {
    let mut holds = conjunction(tokens, position, allowed);
    while tokens.get(*position) == Some(&"OR") {
        *position += 1;
        holds |= conjunction(tokens, position, allowed);
    }
    holds
}

fn conjunction(tokens: &[&str], position: &mut usize, allowed: &[String]) -> bool {
    let mut holds = term(tokens, position, allowed);
    while tokens.get(*position) == Some(&"AND") {
        *position += 1;
        holds &= term(tokens, position, allowed);
    }
    holds
}

fn term(tokens: &[&str], position: &mut usize, allowed: &[String]) -> bool {
    let Some(token) = tokens.get(*position) else { return false };
    *position += 1;
    if *token == "(" {
        let holds = alternatives(tokens, position, allowed);
        *position += 1;
        return holds;
    }
    let mut name = (*token).to_owned();
    if tokens.get(*position) == Some(&"WITH") {
        name = format!("{name} WITH {}", tokens.get(*position + 1).unwrap_or(&""));
        *position += 2;
    }
    allowed.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_weighed_like_sentences() {
        let allowed = allowed_licences("[licenses]\nallow = [\n  \"MIT\", \"Apache-2.0\",\n  \"ISC\",\n]\n");
        let check =
            |expression, expected| assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
        check("MIT", true);
        check("GPL-3.0-only OR MIT", true);
        check("MIT/Apache-2.0", true);
        check("(MIT OR GPL-3.0-only) AND ISC", true);
        check("MIT AND OpenSSL", false);
        check("Apache-2.0 WITH LLVM-exception", false);
    }
}
