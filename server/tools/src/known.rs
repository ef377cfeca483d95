//! What went wrong, apart from any language: what models are told as a sentence, pages say in the person's.

use crate::{CalculatorError, EgressError, McpError};
use std::time::Duration;
use types::called::{CalculationProblem, CallFailure, CallProblem, McpProblem, WebProblem};

/// Whole seconds, at least one: 0 stands for a time that is not known.
pub(crate) fn seconds(time: Duration) -> u64 {
    time.as_secs().max(1)
}

impl From<&EgressError> for CallFailure {
    fn from(err: &EgressError) -> Self {
        let at = |problem: WebProblem, host: &str| Self::of(problem).about(host);
        match err {
            EgressError::Address(text) => at(WebProblem::NoAddress, text),
            EgressError::Credentials => Self::of(WebProblem::Credentials),
            EgressError::Private(host) => at(WebProblem::PrivateHost, host),
            EgressError::NoSuchHost(host) => at(WebProblem::NoSuchHost, host),
            EgressError::Unreachable(host) => at(WebProblem::Unreachable, host),
            EgressError::Status { host, status } => {
                at(WebProblem::Status, host).with_number((*status).into())
            }
            EgressError::Redirects(host) => at(WebProblem::Redirected, host),
            EgressError::Cut(host) => at(WebProblem::CutOff, host),
            EgressError::TimedOut { host, after } => {
                at(WebProblem::TimedOut, host).with_number(seconds(*after))
            }
            EgressError::Client => Self::of(CallProblem::Broken),
        }
    }
}

impl From<&CalculatorError> for CallFailure {
    fn from(err: &CalculatorError) -> Self {
        let of = Self::of::<CalculationProblem>;
        match err {
            CalculatorError::TooLong => {
                of(CalculationProblem::TooLong).with_number(crate::calculator::MAX_BYTES as u64)
            }
            CalculatorError::TooDeep => {
                of(CalculationProblem::TooDeep).with_number(crate::calculator::MAX_DEPTH as u64)
            }
            CalculatorError::Character(it) => of(CalculationProblem::Unexpected).about(*it),
            CalculatorError::Number(text) => of(CalculationProblem::Number).about(text),
            CalculatorError::Missing => of(CalculationProblem::Missing),
            CalculatorError::Unexpected(word) => of(CalculationProblem::Unexpected).about(word),
            CalculatorError::Unknown(name) => of(CalculationProblem::Unknown).about(name),
            CalculatorError::Count { name, given, .. } => {
                of(CalculationProblem::Count).about(*name).with_number(*given as u64)
            }
            CalculatorError::Whole(name) => of(CalculationProblem::Whole).about(*name),
            CalculatorError::DividedByZero => of(CalculationProblem::DividedByZero),
            CalculatorError::NoValue => of(CalculationProblem::NoValue),
        }
    }
}

impl From<&McpError> for CallFailure {
    fn from(err: &McpError) -> Self {
        let of = Self::of::<McpProblem>;
        match err {
            McpError::Start { program, .. } => of(McpProblem::Start).about(program),
            McpError::Address(err) => err.into(),
            McpError::Unauthorized => of(McpProblem::Key),
            // One without a name is never connected to.
            McpError::Gone | McpError::Name(_) => of(McpProblem::Gone),
            McpError::LeftAlone => of(McpProblem::LeftAlone),
            McpError::TimedOut(after) => of(McpProblem::TimedOut).with_number(seconds(*after)),
            McpError::Protocol => of(McpProblem::Protocol),
            McpError::Closed => of(McpProblem::Off),
        }
    }
}

#[cfg(test)]
mod tests;
