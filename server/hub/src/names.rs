//! Names that a hub or a person gives, checked once: what is in these types can be put into an address or joined to a
//! folder without being looked at again.

use serde::{Deserialize, Serialize};
use std::{
    fmt,
    path::{Path, PathBuf},
};

const MAX_NAME_BYTES: usize = 96;
const MAX_REVISION_BYTES: usize = 256;
const MAX_PATH_BYTES: usize = 512;
/// Systems take 255; while a file is fetched, endings are added to its name.
const MAX_SEGMENT_BYTES: usize = 240;
/// Names that Windows gives to devices, whatever ending follows.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

/// A repository, `owner/name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoId(String);

/// A branch, a tag or a commit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Revision(String);

/// A file's place in a repository: relative, made of ordinary names, with `/` between them. Safe to join to a folder on
/// every system.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoPath(String);

/// What was given is no such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no name that a model hub can use; check its spelling")]
pub struct BadName;

impl RepoId {
    /// `None` unless it is `owner/name` in a hub's spelling.
    pub fn parse(text: &str) -> Option<Self> {
        let (owner, name) = text.split_once('/')?;
        (is_name(owner) && is_name(name)).then(|| Self(text.to_owned()))
    }

    /// `owner/name`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Who published it.
    pub fn owner(&self) -> &str {
        self.0.split_once('/').map_or("", |(owner, _)| owner)
    }

    /// The name without the owner.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty()
        && text.len() <= MAX_NAME_BYTES
        && text.chars().all(allowed)
        && !text.contains("..")
        && !text.contains("--")
        && !text.starts_with(['.', '-'])
        && !text.ends_with(['.', '-'])
}

impl Revision {
    /// `None` for what git would not take as a name either.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+' | '@');
        let is_good = !text.is_empty()
            && text.len() <= MAX_REVISION_BYTES
            && text.chars().all(allowed)
            && text.split('/').all(|part| !part.is_empty() && !part.starts_with('.'))
            && !text.contains("..")
            && !text.starts_with('-');
        is_good.then(|| Self(text.to_owned()))
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Revision {
    /// The branch that every repository has.
    fn default() -> Self {
        Self("main".to_owned())
    }
}

impl RepoPath {
    /// `None` for anything that could leave a folder, means something else on some system, or cannot be shown.
    pub fn parse(text: &str) -> Option<Self> {
        let is_good = !text.is_empty() && text.len() <= MAX_PATH_BYTES && text.split('/').all(is_segment);
        is_good.then(|| Self(text.to_owned()))
    }

    /// With `/` between its parts.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// The folder it lies in; empty at the top.
    pub fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Its place below `folder`.
    pub fn below(&self, folder: &Path) -> PathBuf {
        let mut path = folder.to_owned();
        path.extend(self.0.split('/'));
        path
    }
}

fn is_segment(text: &str) -> bool {
    let forbidden = |c: char| c.is_control() || matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\\');
    !text.is_empty()
        && text.len() <= MAX_SEGMENT_BYTES
        && !text.contains(forbidden)
        && !text.ends_with(['.', ' '])
        && !text.starts_with(' ')
        && !is_device(text)
}

fn is_device(text: &str) -> bool {
    let stem = text.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered = |kind: &str| {
        let rest = stem.strip_prefix(kind).unwrap_or_default();
        let mut characters = rest.chars();
        let is_number = |c: char| c.is_ascii_digit() || matches!(c, '¹' | '²' | '³');
        characters.next().is_some_and(is_number) && characters.next().is_none()
    };
    DEVICES.contains(&stem.as_str()) || numbered("COM") || numbered("LPT")
}

macro_rules! spelled {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                Self::parse(&text).ok_or(BadName)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    )*};
}

spelled!(RepoId, Revision, RepoPath);

/// A SHA-256 in hex, in small letters; `None` for anything else.
pub(crate) fn digest(text: &str) -> Option<String> {
    let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then(|| text.to_ascii_lowercase())
}

/// Whether it is git's name for something: a SHA-1 in hex.
pub(crate) fn is_git(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
