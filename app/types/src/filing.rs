//! How sessions are kept in order: folders, tags, the archive, and lists of what is in them.

use crate::ids::{FolderId, SessionId};
use serde::{Deserialize, Serialize};

/// The longest name of a folder, in characters.
pub const MAX_FOLDER_CHARS: usize = 60;
/// The longest tag, in characters.
pub const MAX_TAG_CHARS: usize = 40;
/// The most tags of a session.
pub const MAX_TAGS: usize = 20;
/// The most folders of a person.
pub const MAX_FOLDERS: usize = 200;
/// Sessions of one page of a list.
pub const PAGE: u32 = 50;

/// A folder with its name, in the order in which a person put them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    pub id: FolderId,
    pub name: String,
    /// Sessions in it that are not in the archive.
    pub n_sessions: u32,
}

/// Which sessions a list has. All that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Words that the title or the messages hold.
    pub query: String,
    pub folder: Option<FolderId>,
    pub tag: Option<String>,
    /// Those in the archive instead of all others.
    pub archived: bool,
    /// From 0.
    pub page: u32,
}

/// A session in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filed {
    pub id: SessionId,
    /// Empty until the first message names it.
    pub title: String,
    pub pinned: bool,
    pub archived: bool,
    pub folder: Option<FolderId>,
    pub tags: Vec<String>,
    /// Milliseconds since 1970, UTC.
    pub updated_at_ms: i64,
    /// The day of that where the server is, as in 2026-11-26.
    pub updated_on: String,
    /// Where the words were found that were looked for.
    pub hit: Vec<HitPart>,
}

/// A piece of a passage in which something was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HitPart {
    pub text: String,
    /// This is a word that was looked for.
    pub is_hit: bool,
}

/// One page of a list, and what there is to filter by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiledPage {
    pub sessions: Vec<Filed>,
    /// Another page follows.
    pub has_more: bool,
    pub folders: Vec<Folder>,
    /// The tags of most of the person's sessions, in alphabetical order.
    pub tags: Vec<String>,
}

/// What a person wants with folders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FolderAct {
    Create {
        name: String,
    },
    Rename {
        folder: FolderId,
        name: String,
    },
    /// Its sessions stay.
    Delete {
        folder: FolderId,
    },
    /// The order of all of them.
    Arrange {
        folders: Vec<FolderId>,
    },
}
