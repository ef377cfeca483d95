//! From words to a value: what binds tighter is read further down.

use super::{CalculatorError, MAX_DEPTH, functions, number::Number, words::Word};

type Result<T = Number> = std::result::Result<T, CalculatorError>;

pub(super) fn evaluate(words: &[Word]) -> Result {
    let mut reader = Reader { words, at: 0, depth: 0 };
    let value = reader.sum()?;
    match reader.peek() {
        None => Ok(value),
        Some(word) => Err(CalculatorError::Unexpected(word.to_string())),
    }
}

struct Reader<'a> {
    words: &'a [Word],
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a Word> {
        self.words.get(self.at)
    }

    fn next(&mut self) -> Result<&'a Word> {
        let word = self.peek().ok_or(CalculatorError::Missing)?;
        self.at += 1;
        Ok(word)
    }

    fn eat(&mut self, word: &Word) -> bool {
        let is_there = self.peek() == Some(word);
        self.at += usize::from(is_there);
        is_there
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Result) -> Result {
        if self.depth == MAX_DEPTH {
            return Err(CalculatorError::TooDeep);
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn sum(&mut self) -> Result {
        let mut value = self.product()?;
        loop {
            value = match self.peek() {
                Some(Word::Plus) => value.plus(self.skip().product()?)?,
                Some(Word::Minus) => value.minus(self.skip().product()?)?,
                _ => return Ok(value),
            };
        }
    }

    fn product(&mut self) -> Result {
        let mut value = self.signed()?;
        loop {
            value = match self.peek() {
                Some(Word::Times) => value.times(self.skip().signed()?)?,
                Some(Word::Divide) => value.divided_by(self.skip().signed()?)?,
                Some(Word::DivideWhole) => value.divided_whole_by(self.skip().signed()?)?,
                Some(Word::Percent) => value.modulo(self.skip().signed()?)?,
                // 2(3 + 4) and 2 pi
                Some(Word::Open | Word::Name(_)) => value.times(self.power()?)?,
                _ => return Ok(value),
            };
        }
    }

    fn skip(&mut self) -> &mut Self {
        self.at += 1;
        self
    }

    /// A sign binds less than a power: -2^2 is -4.
    fn signed(&mut self) -> Result {
        match self.peek() {
            Some(Word::Minus) => self.skip().deeper(Self::signed).map(Number::negated),
            Some(Word::Plus) => self.skip().deeper(Self::signed),
            _ => self.power(),
        }
    }

    /// From the right: 2^3^2 is 2^9.
    fn power(&mut self) -> Result {
        let base = self.after()?;
        if !self.eat(&Word::Power) {
            return Ok(base);
        }
        let exponent = self.deeper(Self::signed)?;
        base.power(exponent)
    }

    /// A value with what stands behind it.
    fn after(&mut self) -> Result {
        let mut value = self.value()?;
        loop {
            value = match self.peek() {
                Some(Word::Factorial) => self.skip().factorial(value)?,
                Some(Word::Percent) if !self.is_modulo() => self.skip().percent(value)?,
                _ => return Ok(value),
            };
        }
    }

    fn factorial(&mut self, value: Number) -> Result {
        value.factorial()
    }

    fn percent(&mut self, value: Number) -> Result {
        value.divided_by(Number::Whole(100))
    }

    /// Whether the percent sign here stands between two values. A sign behind it begins no value: 5% - 1.
    fn is_modulo(&self) -> bool {
        matches!(self.words.get(self.at + 1), Some(Word::Number(_) | Word::Name(_) | Word::Open))
    }

    fn value(&mut self) -> Result {
        match self.next()? {
            Word::Number(number) => Ok(*number),
            Word::Open => self.deeper(Self::bracketed),
            Word::Name(name) => match functions::constant(name) {
                Some(constant) => Ok(constant),
                None => self.deeper(|it| it.call(name)),
            },
            word => Err(CalculatorError::Unexpected(word.to_string())),
        }
    }

    fn bracketed(&mut self) -> Result {
        let value = self.sum()?;
        self.close()?;
        Ok(value)
    }

    fn close(&mut self) -> Result<()> {
        match self.next()? {
            Word::Close => Ok(()),
            word => Err(CalculatorError::Unexpected(word.to_string())),
        }
    }

    fn call(&mut self, name: &str) -> Result {
        if !self.eat(&Word::Open) {
            return Err(CalculatorError::Unknown(name.to_owned()));
        }
        let mut arguments = Vec::new();
        if !self.eat(&Word::Close) {
            arguments.push(self.sum()?);
            while self.eat(&Word::Comma) {
                arguments.push(self.sum()?);
            }
            self.close()?;
        }
        functions::call(name, &arguments)
    }
}
