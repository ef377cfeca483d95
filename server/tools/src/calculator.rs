//! Arithmetic, for models that cannot.
//!
//! A language of its own with limits: nothing in it loops, calls back or grows. Whole numbers are exact up to 38 digits;
//! what does not fit, and everything with a fraction, is a number of double precision.

mod functions;
mod number;
mod parser;
mod words;

use crate::{Answer, Arguments, Asker, Description, Failure, Tool};
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use types::toolbox::Effect;

/// The longest expression, in bytes.
pub(crate) const MAX_BYTES: usize = 2000;
/// The deepest nesting of brackets, signs and powers.
pub(crate) const MAX_DEPTH: usize = 64;

const DESCRIPTION: &str = "Calculates an arithmetic expression exactly. Knows + - * / // % ^ ! and brackets; abs, \
    acos, asin, atan, atan2, cbrt, ceil, cos, cosh, degrees, exp, factorial, floor, gcd, hypot, lcm, ln, log (base 10, \
    or log(x, base)), log2, max, mean, min, mod, pow, radians, round (or round(x, digits)), sign, sin, sinh, sqrt, sum, \
    tan, tanh, trunc; pi, e, tau. Angles are radians. “20% of 50” is 20% * 50.";

/// Why an expression has no value. Each sentence says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalculatorError {
    #[error("an expression has at most {MAX_BYTES} bytes")]
    TooLong,
    #[error("an expression is nested at most {MAX_DEPTH} deep")]
    TooDeep,
    #[error("“{0}” cannot stand in an expression")]
    Character(char),
    #[error("“{0}” is no number")]
    Number(String),
    #[error("something is missing at the end")]
    Missing,
    #[error("“{0}” is not expected here")]
    Unexpected(String),
    #[error("“{0}” is not known; the description lists what is")]
    Unknown(String),
    #[error("“{name}” takes {wanted}, {given} were given")]
    Count { name: &'static str, wanted: &'static str, given: usize },
    #[error("“{0}” takes whole numbers only, and not too large ones")]
    Whole(&'static str),
    #[error("something is divided by zero")]
    DividedByZero,
    #[error("it has no value among the real numbers, or one that is too large")]
    NoValue,
}

/// The value of `expression`, written the usual way.
pub fn evaluate(expression: &str) -> Result<String, CalculatorError> {
    if expression.len() > MAX_BYTES {
        return Err(CalculatorError::TooLong);
    }
    parser::evaluate(&words::split(expression)?).map(|value| value.to_string())
}

/// The tool `calculator`.
pub struct Calculator;

#[derive(Deserialize)]
struct Asked {
    expression: String,
}

impl Calculator {
    /// Ready for a registry.
    pub fn tool() -> Arc<dyn Tool> {
        Arc::new(Self)
    }
}

impl Tool for Calculator {
    fn describe(&self) -> Description {
        let parameters = json!({
            "type": "object",
            "properties": {
                "expression": {"type": "string", "maxLength": MAX_BYTES, "description": "For example 3 * (2^10 - 1) / 7"},
            },
            "required": ["expression"],
            "additionalProperties": false,
        });
        Description::builtin("calculator", DESCRIPTION, parameters, Effect::None)
    }

    fn run<'a>(&'a self, arguments: Arguments, _: &'a Asker) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async {
            let Asked { expression } = arguments.read()?;
            let value = evaluate(&expression).map_err(|err| {
                Failure::refused_as((&err).into(), format!("this cannot be calculated: {err}"))
            })?;
            let shown = format!("{} = {value}", expression.trim());
            Ok(Answer::new(value, shown))
        })
    }
}

#[cfg(test)]
mod tests;
