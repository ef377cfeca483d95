//! Descriptions in JSON, read up to a length.

use serde::de::DeserializeOwned;
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Why a description was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JsonError {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("it is longer than {0} bytes")]
    TooLong(u64),
    #[error("it is not what it should be: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// A description of at most `most` bytes; `None` where there is no such file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path, most: u64) -> Result<Option<T>, JsonError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // A folder of that name opens on some systems, and is no description.
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut text = Vec::new();
    file.take(most + 1).read_to_end(&mut text)?;
    if text.len() as u64 > most {
        return Err(JsonError::TooLong(most));
    }
    Ok(Some(serde_json::from_slice(&text)?))
}

/// A name out of a file as it may be shown: one line, not too long.
pub(crate) fn shown(name: &str) -> String {
    const MOST: usize = 120;
    let mut text: String = name.chars().take(MOST).flat_map(char::escape_debug).collect();
    if name.chars().nth(MOST).is_some() {
        text.push('…');
    }
    text
}
