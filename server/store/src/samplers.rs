//! Samplers as columns have them.

use crate::StoreError;
use std::collections::BTreeMap;
use types::overrides::{Knob, Overrides};

/// What a column says of samplers. What this version does not know is left out.
pub(crate) fn overrides_of(text: &str) -> Overrides {
    let fields: BTreeMap<String, serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    let known = |(name, value): (String, serde_json::Value)| {
        Some((Knob::named(&name)?, serde_json::from_value(value).ok()?))
    };
    Overrides(fields.into_iter().filter_map(known).collect())
}

/// What [`overrides_of`] reads.
pub(crate) fn written(overrides: &Overrides) -> Result<String, StoreError> {
    serde_json::to_string(overrides).map_err(|err| StoreError::Other(err.to_string()))
}
