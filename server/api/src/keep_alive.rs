//! How long a request wants its model to stay, as other programs write it.

use crate::error::ApiError;
use inference::KeepAlive;
use serde::Deserialize;

/// Seconds, or a time such as `5m`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum KeepAliveField {
    Seconds(i64),
    Text(String),
}

impl KeepAliveField {
    pub(crate) fn read(&self) -> Result<KeepAlive, ApiError> {
        match self {
            Self::Seconds(seconds) => Ok(KeepAlive::from_seconds(*seconds)),
            Self::Text(text) => text
                .parse()
                .map_err(|err: inference::NoTime| ApiError::invalid("keep_alive", err.to_string())),
        }
    }
}
