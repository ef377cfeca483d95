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

impl Source {
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
