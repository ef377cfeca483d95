//! A tool for tests that does what it is told.

use crate::{
    Answer, Approvals, Approved, Arguments, Asker, Decision, Description, Failure, Limits, Prepared,
    Registry, Tool,
};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::sync::Arc;
use types::{
    toolbox::{Effect, Origin},
    tools::ToolCall,
};

/// What it does when it is called.
pub(crate) type Act = fn(Arguments) -> BoxFuture<'static, Result<Answer, Failure>>;

pub(crate) struct Scripted {
    pub(crate) description: Description,
    pub(crate) act: Act,
}

impl Scripted {
    pub(crate) fn new(name: &str, effect: Effect, act: Act) -> Self {
        let schema = json!({"type": "object"});
        Self { description: Description::builtin(name, "does what it is told", schema, effect), act }
    }

    pub(crate) fn described(name: &str, description: &str, parameters: Value) -> Arc<dyn Tool> {
        let description = Description {
            name: name.to_owned(),
            description: description.to_owned(),
            parameters,
            origin: Origin::Mcp("files".to_owned()),
            effect: Effect::Changes,
        };
        Arc::new(Self { description, act: echo })
    }
}

impl Tool for Scripted {
    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn run<'a>(&'a self, arguments: Arguments, _: &'a Asker) -> BoxFuture<'a, Result<Answer, Failure>> {
        (self.act)(arguments)
    }
}

pub(crate) fn echo(arguments: Arguments) -> BoxFuture<'static, Result<Answer, Failure>> {
    let text = Value::Object(arguments.into_map()).to_string();
    Box::pin(async { Ok(Answer::new(text, "echoed")) })
}

pub(crate) fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned() }
}

pub(crate) fn prepared(tool: Arc<dyn Tool>, call: ToolCall) -> Prepared {
    let registry = Registry::new([tool]).unwrap();
    registry.prepare(call, &Limits::default()).unwrap_or_else(|outcome| panic!("{}", outcome.text))
}

/// A call that may run, whatever its tool is.
pub(crate) fn approved(tool: Arc<dyn Tool>, call: ToolCall) -> Approved {
    use types::toolbox::{Permission, Standing};
    let prepared = prepared(tool, call);
    let (tool, fingerprint) = (prepared.description().name.clone(), prepared.entry.fingerprint.clone());
    let standing = Standing { tool, fingerprint, permission: Permission::Always };
    match Approvals::new([standing]).decide(prepared, 0) {
        Decision::Run(approved) => approved,
        _ => panic!("not allowed"),
    }
}
