//! From characters to words.

use super::CalculatorError;
use super::number::Number;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    Number(Number),
    Name(String),
    Plus,
    Minus,
    Times,
    Divide,
    DivideWhole,
    Percent,
    Power,
    Factorial,
    Open,
    Close,
    Comma,
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self {
            Self::Number(number) => return number.fmt(f),
            Self::Name(name) => name,
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::Divide => "/",
            Self::DivideWhole => "//",
            Self::Percent => "%",
            Self::Power => "^",
            Self::Factorial => "!",
            Self::Open => "(",
            Self::Close => ")",
            Self::Comma => ",",
        };
        f.write_str(text)
    }
}

pub(super) fn split(text: &str) -> Result<Vec<Word>, CalculatorError> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, n_bytes) = match first {
            '0'..='9' | '.' => number(rest)?,
            c if c.is_ascii_alphabetic() => name(rest),
            _ => sign(rest, first)?,
        };
        words.push(word);
        rest = rest[n_bytes..].trim_start();
    }
    Ok(words)
}

fn sign(rest: &str, first: char) -> Result<(Word, usize), CalculatorError> {
    let doubled = [("**", Word::Power), ("//", Word::DivideWhole)];
    if let Some((spelling, word)) = doubled.into_iter().find(|(it, _)| rest.starts_with(it)) {
        return Ok((word, spelling.len()));
    }
    let word = match first {
        '+' => Word::Plus,
        '-' | '−' => Word::Minus,
        '*' | '×' | '·' => Word::Times,
        '/' | '÷' => Word::Divide,
        '%' => Word::Percent,
        '^' => Word::Power,
        '!' => Word::Factorial,
        '(' | '[' => Word::Open,
        ')' | ']' => Word::Close,
        ',' | ';' => Word::Comma,
        'π' => Word::Name("pi".to_owned()),
        '√' => Word::Name("sqrt".to_owned()),
        other => return Err(CalculatorError::Character(other)),
    };
    Ok((word, first.len_utf8()))
}

fn name(rest: &str) -> (Word, usize) {
    let n_bytes = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    (Word::Name(rest[..n_bytes].to_ascii_lowercase()), n_bytes)
}

/// Digits, perhaps grouped by `_`, perhaps with a fraction and an exponent.
fn number(rest: &str) -> Result<(Word, usize), CalculatorError> {
    let mut n_bytes = 0;
    let mut before = ' ';
    for c in rest.chars() {
        let is_exponent = matches!(c, 'e' | 'E') && begins_exponent(&rest[n_bytes + 1..]);
        let is_its_sign = matches!(c, '+' | '-') && matches!(before, 'e' | 'E');
        if !(c.is_ascii_digit() || c == '.' || c == '_' || is_exponent || is_its_sign) {
            break;
        }
        n_bytes += c.len_utf8();
        before = c;
    }
    let written = &rest[..n_bytes];
    let number =
        Number::read(&written.replace('_', "")).ok_or_else(|| CalculatorError::Number(written.to_owned()))?;
    Ok((Word::Number(number), n_bytes))
}

fn begins_exponent(rest: &str) -> bool {
    rest.trim_start_matches(['+', '-']).starts_with(|c: char| c.is_ascii_digit())
}
