//! The product's own tools as a person meets them: what each does to the world, who lets it run, what it is asked for.
//!
//! What a model is told of tools is in [`crate::tools`].

use crate::{secret::Secret, tools::ToolCall};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What running a tool does beyond giving an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing: it computes, or reads what the person has here.
    None,
    /// Something leaves the machine: what is asked for can be read elsewhere.
    Sends,
    /// It may change something, here or elsewhere.
    Changes,
}

impl Effect {
    /// What holds where nobody has chosen.
    pub fn default_permission(self) -> Permission {
        match self {
            Self::None => Permission::Always,
            Self::Sends | Self::Changes => Permission::Ask,
        }
    }
}

/// Whether a tool runs when a model calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    Always,
    /// The person is asked about every call.
    Ask,
    Never,
}

/// Where a tool comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// This product.
    Builtin,
    /// The MCP server of this name.
    Mcp(String),
}

/// Tells one version of a tool from every other: its origin, name, description and schema, hashed. The order of a
/// schema's fields does not count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", self.0)
    }
}

/// What a person has chosen for a tool, as the tool was then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The name that models call it by.
    pub tool: String,
    pub fingerprint: Fingerprint,
    pub permission: Permission,
}

/// Something that an answer relies on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub title: String,
    /// An `http` or `https` address.
    pub url: String,
}

/// The longest address of a source, in bytes.
const MAX_URL_BYTES: usize = 2048;

impl Source {
    /// Whether it is a page on the web. Sources become links, so that anything else must not be one.
    pub fn is_page(&self) -> bool {
        let is_web = ["https://", "http://"].iter().any(|it| self.url.starts_with(it));
        let is_broken = |c: char| c.is_whitespace() || c.is_control();
        is_web && self.url.len() <= MAX_URL_BYTES && !self.url.chars().any(is_broken)
    }

    /// How a text for a model names its source number `n`; the model is to cite it by `[n]`.
    pub fn line(&self, n: usize) -> String {
        format!("[{n}] {}", self.title)
    }
}

/// A question about a call. Numbers are unique within a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QuestionId(pub u64);

/// Why a person is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The tool is one that asks every time.
    Asks,
    /// It was always allowed, but is no longer what it was then.
    Changed,
}

/// Asks a person whether one call may run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    pub id: QuestionId,
    /// The call; a yes is for these very bytes of arguments.
    pub call: ToolCall,
    /// The arguments to look at: indented, and with every character shown that would be invisible or change the
    /// direction of the text.
    pub shown_arguments: String,
    /// What the tool says it does.
    pub description: String,
    pub origin: Origin,
    pub effect: Effect,
    pub why: Why,
    /// When it can no longer be answered, in milliseconds since 1970.
    pub expires_ms: i64,
}

/// Who searches the web. Until an administrator has chosen, nobody does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchService {
    /// A server of one's own, for example `http://localhost:8888`.
    SearXng { address: String },
    /// Brave's, with a key from there.
    Brave { key: Secret },
    /// DuckDuckGo's page for simple browsers: no key, and no promise that it goes on working.
    DuckDuckGo,
}

/// Who makes images for models. Until an administrator has chosen, nobody does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageService {
    /// A server with OpenAI's images API: what its addresses begin with, for example `http://localhost:1234/v1`.
    OpenAi {
        address: String,
        /// Empty where the server has only one.
        model: String,
        /// Empty where it wants none.
        key: Secret,
        /// Length of a square's side, in pixels.
        side: u32,
    },
    /// The web UI of AUTOMATIC1111 or one that speaks like it, for example `http://localhost:7860`.
    A1111 { address: String, side: u32 },
}

/// The sides that squares may have, in pixels.
pub const IMAGE_SIDES: [u32; 3] = [512, 768, 1024];

/// A server of tools, spoken to by the Model Context Protocol. Administrators alone add one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpServer {
    /// What its tools' names begin with: a few letters, digits, _ and -.
    pub name: String,
    pub place: McpPlace,
}

/// Where a server of tools is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum McpPlace {
    /// A program of this machine, started with these arguments, none of which a shell sees.
    Program {
        program: String,
        arguments: Vec<String>,
        /// Set for it beside what every program needs; nothing else of this server's environment is.
        environment: Vec<(String, Secret)>,
    },
    /// A server that listens.
    Address { url: String, key: Option<Secret> },
}

/// A tool as a person meets it who chooses what it may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolView {
    /// The name that models call it by.
    pub name: String,
    /// What the tool says it does.
    pub description: String,
    /// Of the tool as it is shown.
    pub fingerprint: Fingerprint,
    pub origin: Origin,
    pub effect: Effect,
    /// What holds now.
    pub permission: Permission,
    /// It was always allowed, but is no longer what it was then: it asks again.
    pub has_changed: bool,
    /// Whether the person's new chats begin with it.
    pub in_new_chats: bool,
}

/// The most servers of tools.
pub const MAX_SERVERS: usize = 16;

/// Who searches the web, without the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchView {
    #[default]
    Off,
    SearXng {
        address: String,
    },
    Brave {
        key_hint: String,
    },
    DuckDuckGo,
}

/// Who makes images, without the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageServiceView {
    #[default]
    Off,
    OpenAi {
        address: String,
        model: String,
        /// Empty where there is none.
        key_hint: String,
        side: u32,
    },
    A1111 {
        address: String,
        side: u32,
    },
}

/// A server of tools as an administrator meets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerView {
    pub name: String,
    pub place: PlaceView,
    pub state: ServerState,
    /// The names that models call its tools by.
    pub tools: Vec<String>,
    pub refused: Vec<RefusedTool>,
    /// The end of what the program has logged, fit to be shown; empty if it did not fail.
    pub last_words: String,
}

/// Where a server of tools is, without its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceView {
    Program {
        program: String,
        arguments: Vec<String>,
        /// Names only.
        environment: Vec<String>,
    },
    Address {
        url: String,
        key_hint: Option<String>,
    },
}

/// How a server of tools is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerState {
    /// Nobody wants it to be used.
    Off,
    Connecting,
    Ready,
    /// Why its tools cannot be called now, as a sentence without a full stop.
    Failed(String),
}

/// A tool that a server has and nobody can call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedTool {
    /// Fit to be shown.
    pub name: String,
    pub reason: String,
}

/// What a person wants with the tools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolAct {
    /// To see how they are.
    Look,
    /// Whether a tool runs when a model calls it, as the person has seen it.
    Allow {
        tool: String,
        seen: Fingerprint,
        permission: Permission,
    },
    /// Whether new chats begin with a tool.
    InNewChats {
        tool: String,
        is_on: bool,
    },
    /// Who searches the web. An empty key keeps the one there is.
    Search(Option<SearchService>),
    /// Who makes images. An empty key keeps the one there is, if the address is the same.
    Images(Option<ImageService>),
    AddServer(McpServer),
    RemoveServer {
        name: String,
    },
    EnableServer {
        name: String,
        is_on: bool,
    },
    Reconnect {
        name: String,
    },
}

/// The tools as they are after what a person wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolReply {
    /// By name.
    pub tools: Vec<ToolView>,
    /// None for who is no administrator.
    pub managed: Option<Managed>,
}

/// What administrators alone see and change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Managed {
    pub search: SearchView,
    pub images: ImageServiceView,
    /// By name.
    pub servers: Vec<ServerView>,
}
