//! What a tool is.

use crate::{Answer, Arguments, Failure, Limits};
use futures::future::BoxFuture;
use serde_json::Value;
use std::time::Duration;
use types::{
    ids::{SessionId, UserId},
    toolbox::{Effect, Origin},
};

/// Something that a model may call. Other crates implement it for what only they can do.
pub trait Tool: Send + Sync + 'static {
    /// What it is called and what it takes. The same every time.
    fn describe(&self) -> Description;

    /// Does it, with arguments that fit the schema. Must not block the thread; what takes long is cancelled by dropping
    /// the future. What it gives is cut to size and what it panics with is caught by who runs it.
    fn run<'a>(&'a self, arguments: Arguments, asker: &'a Asker) -> BoxFuture<'a, Result<Answer, Failure>>;

    /// How long one call may take, where it needs more or less time than others.
    fn patience(&self) -> Option<Duration> {
        None
    }
}

/// What is told of a tool: to models, and to who is asked whether it may run.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// As [`types::tools::is_name`] wants it.
    pub name: String,
    pub description: String,
    /// JSON schema of the arguments: an object's.
    pub parameters: Value,
    pub origin: Origin,
    pub effect: Effect,
}

impl Description {
    /// One of this product's own tools.
    pub fn builtin(name: &str, description: &str, parameters: Value, effect: Effect) -> Self {
        let (name, description) = (name.to_owned(), description.to_owned());
        Self { name, description, parameters, origin: Origin::Builtin, effect }
    }
}

/// For whom a tool runs: what it reads is this person's only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    pub user: UserId,
    /// The conversation that the call was made in.
    pub session: Option<SessionId>,
    /// What the model takes of the text, in bytes: what is beyond is cut off, so what comes in parts has none that are longer.
    pub text_bytes: usize,
}

impl Asker {
    /// The person who sits at this machine, outside of any conversation.
    pub fn local() -> Self {
        Self { user: UserId::LOCAL, session: None, text_bytes: Limits::default().text_bytes }
    }
}
