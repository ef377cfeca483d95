//! How images are made ready for what sees them, by the files that say so.

use crate::{
    ConvertError,
    config::{MAX_JSON_BYTES, read_json, whole_number},
    error::malformed,
};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Red, green and blue.
pub(super) const N_COLOURS: usize = 3;

/// What is said about it.
#[derive(Debug)]
pub(super) struct Images {
    path: PathBuf,
    stated: Map<String, Value>,
}

impl Images {
    /// Reads what a folder says: in a file of its own, and in one about all that is prepared, which counts where both say
    /// something.
    pub(super) fn read(folder: &Path) -> Result<Self, ConvertError> {
        let path = folder.join("preprocessor_config.json");
        let own = read_json::<Map<String, Value>>(&path, MAX_JSON_BYTES)?;
        let all = read_json::<Map<String, Value>>(&folder.join("processor_config.json"), MAX_JSON_BYTES)?;
        if own.is_none() && all.is_none() {
            return Err(ConvertError::Missing(path));
        }
        let (mut stated, all) = (own.unwrap_or_default(), all.unwrap_or_default());
        let inner = all.get("image_processor").and_then(Value::as_object).cloned();
        stated.extend(all);
        stated.extend(inner.unwrap_or_default());
        Ok(Self { path, stated })
    }

    /// A number for each colour.
    pub(super) fn colours(&self, key: &str) -> Result<Vec<f32>, ConvertError> {
        let listed = self.stated.get(key).and_then(Value::as_array);
        let listed = listed.ok_or_else(|| malformed(&self.path, format!("{key} is missing")))?;
        let numbers: Option<Vec<f32>> = listed.iter().map(|it| it.as_f64().map(|n| n as f32)).collect();
        let numbers = numbers.filter(|it| it.len() == N_COLOURS && it.iter().all(|n| n.is_finite()));
        numbers.ok_or_else(|| malformed(&self.path, format!("{key} has no number for each colour")))
    }

    /// A whole number that it may say.
    pub(super) fn find_number(&self, key: &str) -> Result<Option<u64>, ConvertError> {
        self.number_of(key, self.stated.get(key))
    }

    /// How long the longer side of an image becomes, where that is said.
    pub(super) fn longest_edge(&self) -> Result<Option<u64>, ConvertError> {
        self.number_of("size", self.stated.get("size").and_then(|it| it.get("longest_edge")))
    }

    fn number_of(&self, key: &str, value: Option<&Value>) -> Result<Option<u64>, ConvertError> {
        let Some(value) = value.filter(|it| !it.is_null()) else { return Ok(None) };
        let number = whole_number(value);
        number.map(Some).ok_or_else(|| malformed(&self.path, format!("{key} is no number that is possible")))
    }
}

#[cfg(test)]
mod tests {
    use super::Images;
    use std::fs;

    #[track_caller]
    fn check(own: Option<&str>, all: Option<&str>, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let files = [("preprocessor_config.json", own), ("processor_config.json", all)];
        for (name, text) in files.into_iter().filter_map(|(name, text)| Some((name, text?))) {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let found = Images::read(folder.path()).and_then(|images| {
            Ok(format!("{:?} {:?}", images.colours("image_mean")?, images.longest_edge()?))
        });
        let found = found.unwrap_or_else(|err| err.to_string());
        assert!(found.contains(expected), "{found}");
    }

    #[test]
    fn what_is_said_of_all_that_is_prepared_counts_before_what_is_said_of_images_alone() {
        let own = r#"{"image_mean": [0.5, 0.25, 0], "size": {"longest_edge": 2048}}"#;
        check(Some(own), None, "[0.5, 0.25, 0.0] Some(2048)");
        check(Some(own), Some(r#"{"size": {"height": 9}}"#), "[0.5, 0.25, 0.0] None");
        let inner = r#"{"image_mean": [9, 9, 9], "image_processor": {"image_mean": [1, 1, 1]}}"#;
        check(Some(own), Some(inner), "[1.0, 1.0, 1.0] Some(2048)");
        check(None, Some(inner), "[1.0, 1.0, 1.0] None");
    }

    #[test]
    fn what_says_too_little_is_refused() {
        check(None, None, "preprocessor_config.json is missing");
        check(Some("{}"), None, "image_mean is missing");
        check(Some(r#"{"image_mean": [0.5]}"#), None, "no number for each colour");
        check(Some(r#"{"image_mean": [0.5, 0.5, "x"]}"#), None, "no number for each colour");
        check(Some(r#"{"image_mean": [0, 0, 0], "size": {"longest_edge": -1}}"#), None, "size is no number");
        check(Some("["), None, "not what it should be");
    }
}
