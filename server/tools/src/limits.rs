//! What one round of calls may take.

use std::time::Duration;

/// Bounds that hold for every tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls under way at the same time; the others of a round wait.
    pub parallel: usize,
    /// How long a call may take where its tool says nothing else.
    pub patience: Duration,
    /// How long any call may take, whatever its tool says.
    pub most_patience: Duration,
    /// The longest arguments of one call, in bytes.
    pub argument_bytes: usize,
    /// The longest text that the model gets from one call, in bytes; what is beyond is cut off and said to be.
    pub text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            parallel: 4,
            patience: Duration::from_secs(60),
            most_patience: Duration::from_secs(300),
            argument_bytes: 64 << 10,
            text_bytes: 32 << 10,
        }
    }
}
