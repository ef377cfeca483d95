//! llama.cpp's grammar notation (GBNF) as a Lark grammar. Pure.
//!
//! GBNF describes single characters, Lark words made of characters. What does not lead back to itself becomes one
//! word, as long as possible; only rules that do stay rules. Whatever the result accepts, the GBNF accepts too. Where
//! a word could also end earlier to leave characters for what follows it, it does not.

mod parse;
mod write;

pub(super) use parse::GbnfError;

/// The same language as a Lark grammar that begins with `start`.
pub(super) fn to_lark(gbnf: &str) -> Result<String, GbnfError> {
    Ok(write::write(&parse::parse(gbnf)?))
}

/// The rules of a grammar; references are numbers of rules.
#[derive(Debug)]
struct Grammar {
    rules: Vec<Node>,
    root: usize,
}

#[derive(Debug)]
enum Node {
    Alternatives(Vec<Node>),
    Sequence(Vec<Node>),
    Literal(String),
    Class { negated: bool, ranges: Vec<(char, char)> },
    Rule(usize),
    Repeat { node: Box<Node>, min: u32, max: Option<u32> },
}

#[cfg(test)]
mod tests;
