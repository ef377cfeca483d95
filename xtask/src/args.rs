//! The words after the verb, turned into values.

use std::ffi::OsString;

use lexopt::prelude::*;

use crate::fail::{Failure, Result};

/// How to serve.
pub(crate) struct Serve {
    pub(crate) release: bool,
    pub(crate) port: u16,
    pub(crate) lan: bool,
    pub(crate) open: bool,
}

/// Which part of the tests to run.
pub(crate) struct Test {
    pub(crate) browser: bool,
}

/// How to set up.
pub(crate) struct Setup {
    /// Take the wasm toolchain from Debian's packages even where rustup has the target.
    pub(crate) wasm_from_debian: bool,
}

/// What to measure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Bench {
    /// The scenarios whose name contains this, or all of them.
    Text(Option<String>),
    Start,
    Lighthouse,
    Search,
    Pages,
    Models,
}

pub(crate) fn serve(words: Vec<OsString>) -> Result<Serve> {
    let mut chosen = Serve { release: false, port: crate::server::DEFAULT_PORT, lan: false, open: false };
    let mut parser = lexopt::Parser::from_args(words);
    while let Some(word) = parser.next()? {
        match word {
            Long("release") => chosen.release = true,
            Long("lan") => chosen.lan = true,
            Long("open") => chosen.open = true,
            Long("port") => chosen.port = parser.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(chosen)
}

pub(crate) fn test(words: Vec<OsString>) -> Result<Test> {
    let mut chosen = Test { browser: true };
    let mut parser = lexopt::Parser::from_args(words);
    while let Some(word) = parser.next()? {
        match word {
            Long("no-browser") => chosen.browser = false,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(chosen)
}

pub(crate) fn setup(words: Vec<OsString>) -> Result<Setup> {
    let mut chosen = Setup { wasm_from_debian: false };
    let mut parser = lexopt::Parser::from_args(words);
    while let Some(word) = parser.next()? {
        match word {
            Long("wasm-from-debian") => chosen.wasm_from_debian = true,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(chosen)
}

/// How many minutes to search.
pub(crate) fn fuzz(words: Vec<OsString>) -> Result<u32> {
    let mut minutes = 1;
    let mut parser = lexopt::Parser::from_args(words);
    while let Some(word) = parser.next()? {
        match word {
            Value(number) => minutes = number.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(minutes)
}

pub(crate) fn bench(words: Vec<OsString>) -> Result<Bench> {
    match words.first().and_then(|word| word.to_str()) {
        Some("text") => Ok(Bench::Text(words.get(1).map(|word| word.to_string_lossy().into_owned()))),
        Some("start") => Ok(Bench::Start),
        Some("lighthouse") => Ok(Bench::Lighthouse),
        Some("search") => Ok(Bench::Search),
        Some("pages") => Ok(Bench::Pages),
        Some("models") => Ok(Bench::Models),
        _ => Err(Failure::new("bench what? text, start, search, pages, models or lighthouse")
            .mend("cargo xtask bench text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn serve_takes_its_options_in_any_order() {
        let chosen = serve(words("--port 9000 --open --release")).unwrap();
        assert!(chosen.release && chosen.open && !chosen.lan);
        assert_eq!(chosen.port, 9000);
    }

    #[test]
    fn a_word_nobody_knows_is_refused() {
        assert!(serve(words("--fast")).is_err());
        assert!(test(words("now")).is_err());
        assert!(bench(words("everything")).is_err());
    }
}
