//! Documents that people collect: what they are, where they stand, and what was found in them.

use crate::ids::{CollectionId, DocumentId, ModelId, PassageId, SessionId};
use serde::{Deserialize, Serialize};

/// The largest file that is taken.
pub const MAX_DOCUMENT_BYTES: u64 = 100_000_000;
/// The longest name of a collection, in characters.
pub const MAX_COLLECTION_CHARS: usize = 80;
/// The longest name of a document, in characters.
pub const MAX_DOCUMENT_NAME_CHARS: usize = 200;
/// The longest question that is looked for, in bytes; of a longer one only the beginning is.
pub const MAX_SEARCH_BYTES: usize = 4_000;
/// The most folders that are followed.
pub const MAX_FOLDERS: usize = 16;
/// The longest path of one, in bytes.
pub const MAX_FOLDER_BYTES: usize = 4_000;
/// The most documents that go whole with one message.
pub const MAX_ATTACHED: usize = 16;
/// The most text of all documents that a chat gives whole, in bytes: what a model takes at once is less.
pub const MAX_ATTACHED_BYTES: u64 = 8_000_000;
/// The most collections that a chat looks into.
pub const MAX_SESSION_COLLECTIONS: usize = 16;

/// What a file is, as its bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    Text,
    Markdown,
    Code,
    Csv,
    Html,
    Pdf,
    Docx,
    Odt,
    Pptx,
    /// XLSX, XLSB, XLS and ODS.
    Sheet,
    Epub,
    /// PNG, JPEG, WebP, GIF, BMP and TIFF, whose text a model wrote down.
    Image,
}

impl DocumentKind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Text,
        Self::Markdown,
        Self::Code,
        Self::Csv,
        Self::Html,
        Self::Pdf,
        Self::Docx,
        Self::Odt,
        Self::Pptx,
        Self::Sheet,
        Self::Epub,
        Self::Image,
    ];

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// How the database writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Code => "code",
            Self::Csv => "csv",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Odt => "odt",
            Self::Pptx => "pptx",
            Self::Sheet => "sheet",
            Self::Epub => "epub",
            Self::Image => "image",
        }
    }
}

/// Where a document stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentState {
    /// Others come first.
    Waiting,
    /// It is being read.
    Indexing,
    /// It can be searched.
    Ready,
    /// It could not be read; [`DocumentView::error`] says why.
    Failed,
    /// A person cancelled it.
    Stopped,
}

impl DocumentState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Waiting, Self::Indexing, Self::Ready, Self::Failed, Self::Stopped];

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// How the database writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Indexing => "indexing",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// Whether something happens to it by itself.
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Waiting | Self::Indexing)
    }
}

/// How a piece of text is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassageKind {
    #[default]
    Text,
    /// A row a line, cells apart by `|`.
    Table,
    Code,
}

impl PassageKind {
    /// The one of that name; what is unknown is text.
    pub fn named(name: &str) -> Self {
        match name {
            "table" => Self::Table,
            "code" => Self::Code,
            _ => Self::Text,
        }
    }

    /// How the database writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Table => "table",
            Self::Code => "code",
        }
    }
}

/// A collection in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionView {
    pub id: CollectionId,
    pub name: String,
    pub n_documents: u32,
    /// Those of them that are waiting or being read.
    pub n_under_way: u32,
    /// It is the files of a chat.
    pub is_of_chat: bool,
}

/// A document in its collection's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentView {
    pub id: DocumentId,
    pub name: String,
    /// `None` until it was looked at.
    pub kind: Option<DocumentKind>,
    pub n_bytes: u64,
    pub n_pages: Option<u32>,
    pub n_passages: u32,
    /// Those of them whose meaning can be compared.
    pub n_vectors: u32,
    pub state: DocumentState,
    /// One sentence, when it failed.
    pub error: Option<String>,
    /// One sentence on what was left out, where something was.
    pub note: Option<String>,
}

impl DocumentView {
    /// Whether there is text of it that only words find, as no vectors were made of it by the model that compares meanings.
    pub fn lacks_vectors(&self) -> bool {
        self.state == DocumentState::Ready && self.n_passages > 0 && self.n_vectors == 0
    }
}

/// What compares meanings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Embedder {
    /// A model of the library.
    Model(String),
    /// There is none: words alone are compared.
    None,
}

/// By what the best of what was found gets its last order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RankBy {
    /// A model of the library that was made for it, where there is one.
    #[default]
    Made,
    /// Words and meanings alone.
    Nothing,
    /// This model, while it is in the library.
    Model(ModelId),
}

/// What the page of documents shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DocumentsView {
    pub collections: Vec<CollectionView>,
    /// The one that is shown, and what is in it.
    pub open: Option<CollectionId>,
    pub documents: Vec<DocumentView>,
    /// What was looked for in it, where something was.
    pub found: Option<Found>,
    pub embedder: Embedder,
    /// What the person chose for that; `None` is the first by name.
    pub embed_with: Option<ModelId>,
    /// The models that could.
    pub embedders: Vec<ModelId>,
    /// The model of the library that ranks what was found, where there is one.
    pub ranker: Option<String>,
    /// What the person chose for that.
    pub rank_by: RankBy,
    /// The models that could.
    pub rankers: Vec<ModelId>,
    /// Where models are put.
    pub models_dir: String,
    /// The folder that the open collection follows; told to administrators only.
    pub followed: Option<FolderView>,
    /// Whether the person may let collections follow folders.
    pub can_follow: bool,
}

/// A folder of the server's machine that a collection follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderView {
    pub path: String,
    /// That are documents of the collection.
    pub n_files: u32,
    /// Not yet, a moment after it was chosen.
    pub was_looked_through: bool,
    /// One sentence, where it cannot be followed or not all of it.
    pub problem: Option<String>,
}

/// A passage that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundPassage {
    pub document: DocumentId,
    pub document_name: String,
    /// The best piece of it.
    pub passage: PassageId,
    /// Of the first piece within the document, from 0; neighbours that were found too are joined.
    pub position: u32,
    pub last_position: u32,
    /// Of the best piece.
    pub best_position: u32,
    pub page: Option<u32>,
    /// The headings above it, outermost first.
    pub heading: String,
    pub text: String,
    pub kind: PassageKind,
    /// How well its words fit: larger is better; `None` where none of them occurs.
    pub words: Option<Score>,
    /// How near its meaning is; `None` where meanings were not compared or others are nearer.
    pub meaning: Option<Score>,
    /// How well it answers, as a model says that ranks; `None` where none did. What the order comes from where it is there.
    pub ranking: Option<Score>,
    /// Ranks of words and meaning joined; what the order comes from otherwise.
    pub fused: f32,
}

/// A value and the place that it gave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    pub value: f32,
    /// 1 is the best.
    pub rank: u32,
}

/// What searching gave.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Found {
    pub passages: Vec<FoundPassage>,
    /// Why meanings were not compared or passages not ranked, where they were not.
    pub note: Option<String>,
    pub took_ms: u32,
}

/// A piece of a document, as its page shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassageView {
    pub position: u32,
    pub page: Option<u32>,
    pub heading: String,
    /// Of a table whose beginning is elsewhere.
    pub header: String,
    pub text: String,
    pub kind: PassageKind,
}

/// A document and a part of its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentPage {
    pub document: DocumentView,
    pub collection: CollectionId,
    pub collection_name: String,
    /// The chat whose files the collection is, where it is that.
    pub session: Option<SessionId>,
    pub passages: Vec<PassageView>,
    /// Whether the file itself can still be had.
    pub has_file: bool,
    /// The piece that comes nearest to the sentence for which it was opened.
    pub nearest: Option<u32>,
}

/// A passage that an answer was given to read, as it was then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceView {
    /// What the answer calls it.
    pub number: u32,
    /// `None` where the document is gone.
    pub document: Option<DocumentId>,
    pub document_name: String,
    pub position: u32,
    pub last_position: u32,
    /// Of the piece that was found itself, if neighbours were joined to it.
    pub best_position: u32,
    pub page: Option<u32>,
    pub heading: String,
    pub text: String,
    pub words: Option<Score>,
    pub meaning: Option<Score>,
    pub ranking: Option<Score>,
    /// It is the whole document, whose text is not repeated here.
    pub is_whole: bool,
    /// Whether the answer names it.
    pub cited: bool,
    /// What the model searched for, where a tool found it; otherwise it was found for the question.
    pub query: Option<String>,
}

/// Sentences of an answer that nothing comes near to in what it was given to read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsupported {
    pub sentences: Vec<String>,
    /// The answer as it is shown, with those of them marked that were found in it.
    pub blocks: Vec<String>,
}

/// A document that a word in the message box may name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedDocument {
    pub id: DocumentId,
    pub name: String,
    /// What its collection is called.
    pub collection: String,
}

/// A document that goes with the next message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    pub document: DocumentId,
    pub name: String,
    pub state: DocumentState,
    /// One sentence, when it failed.
    pub error: Option<String>,
    /// About so many tokens are its text, by its length.
    pub n_tokens: u32,
}

/// What goes with the next message of a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedView {
    pub documents: Vec<Attached>,
    /// The most tokens that the model takes, where that is known.
    pub n_ctx: Option<u32>,
}

/// Documents of a collection that its page shows at first, and that are added at a time.
pub const DOCUMENTS_SHOWN: u32 = 200;

/// What a person wants with documents. One door for all of it: each one more is code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DocumentAct {
    /// What the page shows, with a collection open and what is found in it.
    Look {
        open: Option<CollectionId>,
        query: String,
        /// Documents of the collection at most, the newest first.
        n_documents: u32,
    },
    AddCollection {
        name: String,
    },
    RenameCollection {
        collection: CollectionId,
        name: String,
    },
    DeleteCollection {
        collection: CollectionId,
    },
    RestoreCollection {
        collection: CollectionId,
    },
    Delete {
        document: DocumentId,
    },
    Restore {
        document: DocumentId,
    },
    /// Reads one again that failed or was stopped, or whose vectors are missing.
    Index {
        document: DocumentId,
    },
    /// Likewise, all of a collection for which there is something to do.
    IndexAll {
        collection: CollectionId,
    },
    /// Lets a collection follow a folder of the server's machine. For administrators.
    Follow {
        collection: CollectionId,
        path: String,
    },
    /// No longer; its documents stay. For administrators.
    Unfollow {
        collection: CollectionId,
    },
    /// Chooses what ranks what was found.
    RankBy {
        by: RankBy,
    },
    /// Chooses what makes vectors, `None` the first by name. What has none of it yet is given some.
    EmbedWith {
        model: Option<ModelId>,
    },
    /// A part of a document's text, around the piece at `position`.
    Read {
        document: DocumentId,
        position: u32,
    },
    /// Likewise, around the piece that comes nearest to a sentence.
    ReadFor {
        document: DocumentId,
        sentence: String,
    },
    /// The collections that a chat looks into.
    UsedIn {
        session: Option<SessionId>,
    },
    /// Sets them; without a chat, one is started.
    UseIn {
        session: Option<SessionId>,
        collections: Vec<CollectionId>,
    },
    /// The person's documents whose names hold a word.
    Named {
        session: Option<SessionId>,
        query: String,
    },
    /// Lets one go with the next message of a chat; without a chat, one is started.
    Attach {
        session: Option<SessionId>,
        document: DocumentId,
    },
    /// No longer.
    Detach {
        session: SessionId,
        document: DocumentId,
    },
    /// What goes with the next message of a chat.
    Attached {
        session: SessionId,
    },
    /// The passages that an answer was given.
    SourcesOf {
        session: SessionId,
        message: crate::ids::MessageId,
    },
    /// The sentences of an answer that nothing comes near to in the passages that it was given.
    Unsupported {
        session: SessionId,
        message: crate::ids::MessageId,
    },
}

/// What [`DocumentAct`]s give.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DocumentReply {
    Done,
    Looked(Box<DocumentsView>),
    Added(CollectionId),
    Read(Box<DocumentPage>),
    /// All collections, and which of them the chat looks into.
    Used {
        collections: Vec<CollectionView>,
        chosen: Vec<CollectionId>,
    },
    Session(SessionId),
    Named(Vec<NamedDocument>),
    Attached(AttachedView),
    Sources(Vec<SourceView>),
    /// `None` where no model makes vectors.
    Unsupported(Option<Unsupported>),
}
