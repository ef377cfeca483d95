//! Whole numbers while they fit, else double precision.

use super::CalculatorError;
use std::fmt;

/// Digits that a number of double precision has for certain.
const DIGITS: usize = 15;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Whole(i128),
    Real(f64),
}

use Number::{Real, Whole};

type Result<T = Number> = std::result::Result<T, CalculatorError>;

impl Number {
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Ok(whole) = text.parse() {
            return Some(Whole(whole));
        }
        text.parse().ok().filter(|it: &f64| it.is_finite()).map(Real)
    }

    /// A result of calculating, where it is one.
    pub(super) fn real(value: f64) -> Result {
        if value.is_finite() { Ok(Real(value)) } else { Err(CalculatorError::NoValue) }
    }

    pub(super) fn to_f64(self) -> f64 {
        match self {
            Whole(whole) => whole as f64,
            Real(real) => real,
        }
    }

    /// The whole number that this is, if it is one.
    pub(super) fn whole(self) -> Option<i128> {
        match self {
            Whole(whole) => Some(whole),
            // Beyond this, neighbours are further apart than one.
            Real(real) if real.fract() == 0.0 && real.abs() < 9e15 => Some(real as i128),
            Real(_) => None,
        }
    }

    pub(super) fn negated(self) -> Self {
        match self {
            Whole(whole) => whole.checked_neg().map_or(Real(-(whole as f64)), Whole),
            Real(real) => Real(-real),
        }
    }

    pub(super) fn plus(self, other: Self) -> Result {
        self.either(other, i128::checked_add, |a, b| a + b)
    }

    pub(super) fn minus(self, other: Self) -> Result {
        self.either(other, i128::checked_sub, |a, b| a - b)
    }

    pub(super) fn times(self, other: Self) -> Result {
        self.either(other, i128::checked_mul, |a, b| a * b)
    }

    pub(super) fn divided_by(self, other: Self) -> Result {
        if other.to_f64() == 0.0 {
            return Err(CalculatorError::DividedByZero);
        }
        let exact = |a: i128, b: i128| (a.checked_rem(b)? == 0).then(|| a.checked_div(b)).flatten();
        self.either(other, exact, |a, b| a / b)
    }

    /// Rounded down, so that the remainder has the sign of `other`.
    pub(super) fn divided_whole_by(self, other: Self) -> Result {
        if other.to_f64() == 0.0 {
            return Err(CalculatorError::DividedByZero);
        }
        let floor = |a: i128, b: i128| {
            let is_below = a.checked_rem(b)? != 0 && (a < 0) != (b < 0);
            a.checked_div(b)?.checked_sub(i128::from(is_below))
        };
        self.either(other, floor, |a, b| (a / b).floor())
    }

    pub(super) fn modulo(self, other: Self) -> Result {
        if other.to_f64() == 0.0 {
            return Err(CalculatorError::DividedByZero);
        }
        let whole = |a: i128, b: i128| {
            let rest = a.checked_rem(b)?;
            if rest != 0 && (rest < 0) != (b < 0) { rest.checked_add(b) } else { Some(rest) }
        };
        self.either(other, whole, |a, b| a - b * (a / b).floor())
    }

    pub(super) fn power(self, other: Self) -> Result {
        if self.to_f64() == 0.0 && other.to_f64() < 0.0 {
            return Err(CalculatorError::DividedByZero);
        }
        let whole = |a: i128, b: i128| a.checked_pow(u32::try_from(b).ok()?);
        self.either(other, whole, f64::powf)
    }

    pub(super) fn factorial(self) -> Result {
        // Beyond 170, the result is too large for either kind.
        let n = self.whole().filter(|n| (0..=170).contains(n)).ok_or(CalculatorError::Whole("factorial"))?;
        (2..=n).try_fold(Whole(1), |product, factor| product.times(Whole(factor)))
    }

    fn either(
        self,
        other: Self,
        whole: impl FnOnce(i128, i128) -> Option<i128>,
        real: impl FnOnce(f64, f64) -> f64,
    ) -> Result {
        if let (Whole(a), Whole(b)) = (self, other)
            && let Some(exact) = whole(a, b)
        {
            return Ok(Whole(exact));
        }
        Self::real(real(self.to_f64(), other.to_f64()))
    }
}

impl fmt::Display for Number {
    /// Without the digits that are only the binary form's doing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let real = match *self {
            Whole(whole) => return whole.fmt(f),
            Real(real) => real,
        };
        let rounded: f64 = format!("{real:.*e}", DIGITS - 1).parse().unwrap_or(real);
        let is_usual = rounded == 0.0 || (1e-6..1e21).contains(&rounded.abs());
        if is_usual { write!(f, "{}", rounded + 0.0) } else { write!(f, "{rounded:e}") }
    }
}
