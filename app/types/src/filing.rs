//! How sessions are kept in order: folders, tags, the archive, and lists of what is in them.

use crate::ids::{FolderId, ImportId, SessionId};
use serde::{Deserialize, Serialize};

/// The longest name of a folder, in characters.
pub const MAX_FOLDER_CHARS: usize = 60;
/// The longest tag, in characters.
pub const MAX_TAG_CHARS: usize = 40;
/// The most tags of a session.
pub const MAX_TAGS: usize = 20;
/// The most folders of a person.
pub const MAX_FOLDERS: usize = 200;
/// What is kept of the name of a file that is taken over, in characters.
pub const MAX_IMPORT_NAME_CHARS: usize = 200;
/// The most tools that are told of by name when they stay off behind a file.
pub const MAX_TOOLS_OFF: usize = 20;
/// What is kept of the name of such a tool, in characters.
pub const MAX_TOOL_OFF_CHARS: usize = 64;
/// Sessions of one page of a list.
pub const PAGE: u32 = 50;

/// A folder with its name, in the order in which a person put them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    pub id: FolderId,
    pub name: String,
    /// Sessions in it that are not in the archive.
    pub n_sessions: u32,
    /// It says what models are told first in its sessions.
    pub has_prompt: bool,
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
    /// The file whose taking over is told about beside it.
    pub import: Option<ImportId>,
}

/// Where the taking over of a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImportState {
    /// Or it is being taken over.
    Waiting,
    Done,
    Failed,
    Cancelled,
}

impl ImportState {
    /// How the database writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Self {
        match name {
            "waiting" => Self::Waiting,
            "done" => Self::Done,
            "cancelled" => Self::Cancelled,
            _ => Self::Failed,
        }
    }
}

/// How far a file with sessions is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportView {
    /// What the person calls the file.
    pub name: String,
    pub state: ImportState,
    /// Why it failed, as a word that pages have a sentence for.
    pub problem: String,
    pub n_taken: u32,
    /// Entries whose session was here already.
    pub n_known: u32,
    /// Entries that are no session.
    pub n_skipped: u32,
    /// Turns and images that were left out.
    pub n_left_out: u32,
    /// Tools that sessions of the file so far name and that were not switched on, at most [`MAX_TOOLS_OFF`] and a mark where there are more.
    pub tools_off: Vec<String>,
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
    /// The title in pieces, where it holds what was looked for; else none.
    pub title_hit: Vec<HitPart>,
    /// The passage in which the words were found that were looked for.
    pub hit: Vec<HitPart>,
}

/// A piece of a text in which something was found.
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
    /// The tags of most of the person's sessions in the archive or outside it, whichever is shown, in alphabetical order.
    pub tags: Vec<String>,
    /// What models are told first in the folder that is shown.
    pub folder_prompt: Option<String>,
    /// How far the file is that was asked about.
    pub import: Option<ImportView>,
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
    /// What models are told first in its chats, where they say nothing themselves; nothing but space is nothing.
    SetPrompt {
        folder: FolderId,
        text: String,
    },
    /// Its sessions stay; [`FolderAct::Restore`] brings it back.
    Delete {
        folder: FolderId,
    },
    Restore {
        folder: FolderId,
    },
    /// The order of all of them.
    Arrange {
        folders: Vec<FolderId>,
    },
}
