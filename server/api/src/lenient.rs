//! What programs send that OpenAI's API does not name.

use serde::{Deserialize, Deserializer};

/// Reads `null` as what holds without the field: programs write it where they have no value.
pub(crate) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
