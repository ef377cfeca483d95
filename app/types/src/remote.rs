//! Servers elsewhere that answer instead of this machine.

use serde::{Deserialize, Serialize};

/// The most servers that are remembered.
pub const MAX_REMOTES: usize = 32;

/// The longest name of one, in characters.
pub const MAX_REMOTE_NAME_CHARS: usize = 60;

/// The longest address, in bytes.
pub const MAX_REMOTE_ADDRESS_BYTES: usize = 512;

/// The longest key, in bytes.
pub const MAX_REMOTE_KEY_BYTES: usize = 512;

/// The most models of one server.
pub const MAX_REMOTE_MODELS: usize = 200;

/// The longest name of a model, in bytes.
pub const MAX_REMOTE_MODEL_BYTES: usize = 200;

/// What a server understands beside OpenAI's fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Nothing: fields of others are refused there.
    #[default]
    OpenAi,
    /// The samplers and forms of answers that llama-server names, and this product with it.
    Llama,
}

impl Dialect {
    /// The spelling used in forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "open_ai",
            Self::Llama => "llama",
        }
    }

    /// The inverse of [`Dialect::as_str`]; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::OpenAi, Self::Llama].into_iter().find(|dialect| dialect.as_str() == text)
    }
}

/// A server elsewhere as the settings show it, without its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoteView {
    /// What the person calls it.
    pub name: String,
    /// What its API's addresses begin with.
    pub address: String,
    /// Its models, by their names there.
    pub models: Vec<String>,
    /// Enough of its key to recognise it; `None` where it has none.
    pub key_hint: Option<String>,
    /// What is written and the key go over the network unencrypted.
    pub is_open: bool,
    pub dialect: Dialect,
}
