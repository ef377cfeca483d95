//! Writing Lark.

use super::{Grammar, Node};
use std::fmt::Write;

/// The grammar in Lark's notation.
pub(super) fn write(grammar: &Grammar) -> String {
    let mut writer = Writer { is_word: words(grammar), extra: String::new(), n_extra: 0 };
    let mut lark = format!("start: {}\n", writer.name(grammar.root));
    for (i, node) in grammar.rules.iter().enumerate() {
        let body = if writer.is_word[i] { writer.word(node, false) } else { writer.rule(node, false) };
        let _ = writeln!(lark, "{}: {body}", writer.name(i));
    }
    lark + &writer.extra
}

/// Which rules never lead back to a rule that leads to itself.
fn words(grammar: &Grammar) -> Vec<bool> {
    let uses: Vec<Vec<usize>> = grammar.rules.iter().map(references).collect();
    let mut users = vec![vec![]; uses.len()];
    let mut n_left: Vec<usize> = uses.iter().map(Vec::len).collect();
    for (i, used) in uses.iter().enumerate() {
        used.iter().for_each(|&used| users[used].push(i));
    }
    let mut ready: Vec<usize> = (0..uses.len()).filter(|&i| n_left[i] == 0).collect();
    let mut is_word = vec![false; uses.len()];
    while let Some(i) = ready.pop() {
        is_word[i] = true;
        for &user in &users[i] {
            n_left[user] -= 1;
            if n_left[user] == 0 {
                ready.push(user);
            }
        }
    }
    is_word
}

fn references(node: &Node) -> Vec<usize> {
    match node {
        Node::Alternatives(nodes) | Node::Sequence(nodes) => nodes.iter().flat_map(references).collect(),
        Node::Repeat { node, .. } => references(node),
        Node::Rule(number) => vec![*number],
        Node::Literal(_) | Node::Class { .. } => vec![],
    }
}

struct Writer {
    is_word: Vec<bool>,
    /// Definitions of words that have no rule of their own.
    extra: String,
    n_extra: usize,
}

impl Writer {
    /// Words are written in capitals.
    fn name(&self, rule: usize) -> String {
        if self.is_word[rule] { format!("R{rule}") } else { format!("r{rule}") }
    }

    fn is_word(&self, node: &Node) -> bool {
        references(node).iter().all(|&rule| self.is_word[rule])
    }

    /// What is one word; `inner` things get brackets where they need them.
    fn word(&self, node: &Node, inner: bool) -> String {
        let text = match node {
            Node::Rule(number) => return self.name(*number),
            Node::Literal(text) => return literal(text),
            Node::Class { negated, ranges } => return class(*negated, ranges),
            Node::Repeat { node, min, max } => return repeat(&self.word(node, true), *min, *max),
            Node::Alternatives(nodes) => join(nodes.iter().map(|node| self.word(node, false)), " | "),
            Node::Sequence(nodes) => join(nodes.iter().map(|node| self.word(node, true)), " "),
        };
        if inner { format!("({text})") } else { text }
    }

    /// What leads back to itself somewhere.
    fn rule(&mut self, node: &Node, inner: bool) -> String {
        if self.is_word(node) {
            return self.extra_word(&[node], false);
        }
        let text = match node {
            Node::Alternatives(nodes) => self.alternatives(nodes),
            Node::Sequence(nodes) => self.sequence(nodes),
            Node::Repeat { node, min, max } => {
                let body = self.rule(node, true);
                return repeat(&body, *min, *max);
            }
            node => return self.word(node, inner),
        };
        if inner { format!("({text})") } else { text }
    }

    /// All alternatives that are words are one.
    fn alternatives(&mut self, nodes: &[Node]) -> String {
        let (words, rules): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| self.is_word(node));
        let mut written: Vec<String> = rules.into_iter().map(|node| self.rule(node, false)).collect();
        if !words.is_empty() {
            written.push(self.extra_word(&words, true));
        }
        written.join(" | ")
    }

    /// Words that follow each other are one.
    fn sequence(&mut self, nodes: &[Node]) -> String {
        let mut written = vec![];
        let mut words = vec![];
        for node in nodes {
            if self.is_word(node) {
                words.push(node);
                continue;
            }
            if !words.is_empty() {
                written.push(self.extra_word(&std::mem::take(&mut words), false));
            }
            written.push(self.rule(node, true));
        }
        if !words.is_empty() {
            written.push(self.extra_word(&words, false));
        }
        written.join(" ")
    }

    fn extra_word(&mut self, nodes: &[&Node], alternatives: bool) -> String {
        if let [Node::Rule(number)] = nodes {
            return self.name(*number);
        }
        let separator = if alternatives { " | " } else { " " };
        let body = match nodes {
            [node] => self.word(node, false),
            nodes => join(nodes.iter().map(|node| self.word(node, !alternatives)), separator),
        };
        self.n_extra += 1;
        let name = format!("W{}", self.n_extra);
        let _ = writeln!(self.extra, "{name}: {body}");
        name
    }
}

fn join(parts: impl Iterator<Item = String>, separator: &str) -> String {
    let text = parts.collect::<Vec<_>>().join(separator);
    if text.is_empty() { "\"\"".to_owned() } else { text }
}

fn repeat(body: &str, min: u32, max: Option<u32>) -> String {
    let body = if body.ends_with(['*', '+', '?', '}']) { format!("({body})") } else { body.to_owned() };
    match (min, max) {
        (_, Some(0)) => "\"\"".to_owned(),
        (0, None) => format!("{body}*"),
        (1, None) => format!("{body}+"),
        (0, Some(1)) => format!("{body}?"),
        (min, None) => format!("{body}{{{min},}}"),
        (min, Some(max)) => format!("{body}{{{min},{max}}}"),
    }
}

/// Lark's strings know no control characters.
fn literal(text: &str) -> String {
    let mut written = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => written.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(written, "\\u{:04x}", c as u32);
            }
            c => written.push(c),
        }
    }
    written + "\""
}

/// By number, so that nothing means anything else.
fn class(negated: bool, ranges: &[(char, char)]) -> String {
    let mut written = String::from(if negated { "/[^" } else { "/[" });
    for &(first, last) in ranges {
        let _ = write!(written, "\\u{{{:x}}}", first as u32);
        if last > first {
            let _ = write!(written, "-\\u{{{:x}}}", last as u32);
        }
    }
    written + "]/"
}
