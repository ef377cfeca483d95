//! Reading GBNF.

use super::{Grammar, Node};
use std::collections::BTreeMap;

/// How deep brackets may nest.
const MAX_DEPTH: usize = 24;

/// The most repetitions of one element.
const MAX_REPEATS: u32 = 2000;

/// What is wrong with a grammar, and in which line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::constraint) enum GbnfError {
    #[error("line {line}: expected {expected}")]
    Expected { line: usize, expected: &'static str },
    #[error("line {line}: brackets nest deeper than {MAX_DEPTH}")]
    TooDeep { line: usize },
    #[error("line {line}: more than {MAX_REPEATS} repetitions")]
    TooManyRepeats { line: usize },
    #[error("the rule “{0}” is used but not defined")]
    Undefined(String),
    #[error("the rule “{0}” is defined twice")]
    Twice(String),
}

pub(super) fn parse(source: &str) -> Result<Grammar, GbnfError> {
    let mut parser = Parser { source, at: 0, depth: 0, numbers: BTreeMap::new(), rules: vec![] };
    parser.skip_lines();
    while parser.peek().is_some() {
        parser.rule()?;
        parser.skip_lines();
    }
    let root = parser.number("root");
    let names: BTreeMap<_, _> = parser.numbers.into_iter().map(|(name, number)| (number, name)).collect();
    let rules = parser.rules.into_iter().enumerate();
    let rules = rules.map(|(i, rule)| rule.ok_or_else(|| GbnfError::Undefined(names[&i].clone())));
    Ok(Grammar { rules: rules.collect::<Result<_, _>>()?, root })
}

struct Parser<'s> {
    source: &'s str,
    at: usize,
    depth: usize,
    numbers: BTreeMap<String, usize>,
    /// By number; `None` until it is defined.
    rules: Vec<Option<Node>>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.source[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.source[self.at..].starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    fn line(&self) -> usize {
        self.source[..self.at].matches('\n').count() + 1
    }

    fn expected<T>(&self, expected: &'static str) -> Result<T, GbnfError> {
        Err(GbnfError::Expected { line: self.line(), expected })
    }

    fn skip_while(&mut self, skipped: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&skipped) {
            self.next();
        }
    }

    /// Skips spaces and comments within a line, inside brackets also ends of lines.
    fn skip(&mut self) {
        match self.depth {
            0 => self.skip_spaces(),
            _ => self.skip_lines(),
        }
    }

    fn skip_spaces(&mut self) {
        self.skip_while(|c| c == ' ' || c == '\t');
        if self.peek() == Some('#') {
            self.skip_while(|c| c != '\n' && c != '\r');
        }
    }

    fn skip_lines(&mut self) {
        loop {
            self.skip_spaces();
            if !matches!(self.peek(), Some('\n' | '\r')) {
                return;
            }
            self.next();
        }
    }

    fn number(&mut self, name: &str) -> usize {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        self.numbers.insert(name.to_owned(), self.rules.len());
        self.rules.push(None);
        self.rules.len() - 1
    }

    fn name(&mut self) -> Option<String> {
        let from = self.at;
        self.skip_while(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        (self.at > from).then(|| self.source[from..self.at].to_owned())
    }

    fn rule(&mut self) -> Result<(), GbnfError> {
        let Some(name) = self.name() else { return self.expected("the name of a rule") };
        self.skip_spaces();
        if !self.take("::=") {
            return self.expected("“::=” behind the name of a rule");
        }
        self.skip_lines();
        let number = self.number(&name);
        let body = self.alternatives()?;
        if !matches!(self.peek(), None | Some('\n' | '\r')) {
            return self.expected("the end of the rule");
        }
        match self.rules[number].replace(body) {
            Some(_) => Err(GbnfError::Twice(name)),
            None => Ok(()),
        }
    }

    fn alternatives(&mut self) -> Result<Node, GbnfError> {
        let mut alternatives = vec![self.sequence()?];
        while self.take("|") {
            self.skip_lines();
            alternatives.push(self.sequence()?);
        }
        Ok(one_or(alternatives, Node::Alternatives))
    }

    fn sequence(&mut self) -> Result<Node, GbnfError> {
        let mut elements = vec![];
        while let Some(element) = self.element()? {
            self.skip();
            elements.push(self.repeated(element)?);
        }
        Ok(one_or(elements, Node::Sequence))
    }

    /// `None` where a sequence ends.
    fn element(&mut self) -> Result<Option<Node>, GbnfError> {
        self.skip();
        match self.peek() {
            Some('"') => self.literal().map(Some),
            Some('[') => self.class().map(Some),
            Some('(') => self.group().map(Some),
            Some('.') => {
                self.next();
                Ok(Some(Node::Class { negated: false, ranges: vec![('\0', char::MAX)] }))
            }
            Some('<' | '!') => self.expected("text: tokens by name or number are not supported"),
            _ => Ok(self.name().map(|name| Node::Rule(self.number(&name)))),
        }
    }

    fn group(&mut self) -> Result<Node, GbnfError> {
        self.next();
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(GbnfError::TooDeep { line: self.line() });
        }
        let node = self.alternatives()?;
        self.skip();
        self.depth -= 1;
        if !self.take(")") {
            return self.expected("“)”");
        }
        Ok(node)
    }

    fn literal(&mut self) -> Result<Node, GbnfError> {
        self.next();
        let mut text = String::new();
        loop {
            match self.peek() {
                Some('"') => break,
                None | Some('\n') => return self.expected("the closing quote of a literal"),
                _ => text.push(self.character()?),
            }
        }
        self.next();
        Ok(Node::Literal(text))
    }

    fn class(&mut self) -> Result<Node, GbnfError> {
        self.next();
        let negated = self.take("^");
        let mut ranges = vec![];
        while self.peek() != Some(']') {
            let first = self.character()?;
            let is_range = self.peek() == Some('-') && !self.source[self.at..].starts_with("-]");
            let last = if is_range && self.take("-") { self.character()? } else { first };
            if first > last {
                return self.expected("a range from a lower to a higher character");
            }
            ranges.push((first, last));
        }
        self.next();
        match ranges.is_empty() {
            true => self.expected("a character between “[” and “]”"),
            false => Ok(Node::Class { negated, ranges }),
        }
    }

    fn character(&mut self) -> Result<char, GbnfError> {
        match self.next() {
            Some('\\') => self.escaped(),
            Some(c) => Ok(c),
            None => self.expected("a character"),
        }
    }

    fn escaped(&mut self) -> Result<char, GbnfError> {
        match self.next() {
            Some('x') => self.hex(2),
            Some('u') => self.hex(4),
            Some('U') => self.hex(8),
            Some('t') => Ok('\t'),
            Some('r') => Ok('\r'),
            Some('n') => Ok('\n'),
            Some(c @ ('\\' | '"' | '[' | ']' | '-' | '^')) => Ok(c),
            _ => self.expected("one of x u U t r n \\ \" [ ] behind “\\”"),
        }
    }

    fn hex(&mut self, n_digits: usize) -> Result<char, GbnfError> {
        let digits = self.source.get(self.at..self.at + n_digits).unwrap_or_default();
        let code = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
        let Some(c) = code else { return self.expected("the hexadecimal number of a character") };
        self.at += n_digits;
        Ok(c)
    }

    fn repeated(&mut self, mut node: Node) -> Result<Node, GbnfError> {
        loop {
            let (min, max) = match self.peek() {
                Some('*') => (0, None),
                Some('+') => (1, None),
                Some('?') => (0, Some(1)),
                Some('{') => {
                    let bounds = self.bounds()?;
                    node = repeat(node, bounds);
                    self.skip();
                    continue;
                }
                _ => return Ok(node),
            };
            self.next();
            self.skip();
            node = repeat(node, (min, max));
        }
    }

    fn bounds(&mut self) -> Result<(u32, Option<u32>), GbnfError> {
        self.next();
        let Some(min) = self.count()? else { return self.expected("a number behind “{”") };
        let max = if self.take(",") { self.count()? } else { Some(min) };
        if !self.take("}") {
            return self.expected("“}”");
        }
        match max {
            Some(max) if max < min => self.expected("a second number that is not smaller than the first"),
            max => Ok((min, max)),
        }
    }

    fn count(&mut self) -> Result<Option<u32>, GbnfError> {
        self.skip_spaces();
        let from = self.at;
        self.skip_while(|c| c.is_ascii_digit());
        let digits = &self.source[from..self.at];
        let count = digits.parse().unwrap_or(u32::MAX);
        let is_empty = digits.is_empty();
        self.skip_spaces();
        match count {
            _ if is_empty => Ok(None),
            count if count > MAX_REPEATS => Err(GbnfError::TooManyRepeats { line: self.line() }),
            count => Ok(Some(count)),
        }
    }
}

/// Nested repetitions such as `x**` would only make a grammar deeper.
fn repeat(node: Node, (min, max): (u32, Option<u32>)) -> Node {
    match node {
        Node::Repeat { min: 0, max: None, .. } if min <= 1 && max != Some(0) => node,
        node => Node::Repeat { node: Box::new(node), min, max },
    }
}

fn one_or(mut nodes: Vec<Node>, many: impl FnOnce(Vec<Node>) -> Node) -> Node {
    match (nodes.pop(), nodes.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            nodes.extend(last);
            many(nodes)
        }
    }
}
