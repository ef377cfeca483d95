//! Tools of other programs and servers, by the Model Context Protocol.
//!
//! Nothing that a server says is trusted: its tools change things until a person knows better, whatever it claims; their
//! names, descriptions and schemas are bounded and checked; results pass the same bounds as every tool's. A tool runs only
//! while its server still describes it as it did when it was listed: after a new connection, and when the server says
//! that its list has changed, it is listed again before the next call. Calls are never repeated, since they may have done
//! something, unless the server did not look at them because it has forgotten the connection; one that finds its server gone ends
//! the connection.

mod bounded;
mod connection;
mod launch;
mod listing;
mod result;

pub use launch::{Launcher, StartProcess};
pub use listing::{Listing, Untaken};

use crate::{Answer, Arguments, Asker, Description, EgressError, Failure, Tool, egress::web_address};
use connection::{Connection, Line, MAX_MESSAGE_BYTES, is_forgotten, loss_by, never_reached};
use futures::future::BoxFuture;
use launch::LastWords;
use listing::Listed;
use rmcp::{
    ServiceError,
    model::{CallToolRequestParams, CallToolResponse},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use types::{
    called::{CallFailure, McpProblem},
    toolbox::{Fingerprint, McpPlace, McpServer},
    tools,
};

/// The longest name of a server, in bytes: it is part of the names of its tools.
const MAX_SERVER_NAME_BYTES: usize = 24;
/// Starting a program may take a while, when it is fetched first.
const CONNECT: Duration = Duration::from_secs(30);
/// After a connection that came to nothing. Tests here see that it is so, those of the toolbox that it ends.
const LEFT_ALONE: Duration = Duration::from_secs(if cfg!(test) { 60 } else { 5 });

/// Why a server cannot be used. Holds nothing that the server sent; a program's last words are in
/// [`McpClient::last_words`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum McpError {
    #[error("“{0}” is no name of a server: 1 to {MAX_SERVER_NAME_BYTES} letters, digits, _ and - are")]
    Name(String),
    #[error("the program “{program}” cannot be started: {reason}")]
    Start { program: String, reason: String },
    #[error(transparent)]
    Address(#[from] EgressError),
    #[error("the server wants a key, or another one")]
    Unauthorized,
    #[error("the server cannot be reached, has ended, or is no server of tools")]
    Gone,
    #[error("the server could not be reached a moment ago; it is left alone for some seconds")]
    LeftAlone,
    #[error("the server did not answer within {} seconds", .0.as_secs_f32())]
    TimedOut(Duration),
    #[error("the server does not speak the Model Context Protocol as this product does")]
    Protocol,
    #[error("the server was switched off")]
    Closed,
}

/// How a server stands to what it last listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Its tools are those that were listed.
    AsListed,
    /// It is there, but its tools may be others now.
    Changed,
    /// It is not connected: it has ended, or was never asked. Likewise where it did not say what tools it has. With the reason
    /// where one is known.
    Ended(Option<McpError>),
}

/// One server. Connects when it is needed and again when it has ended. Cheap to clone; when the last copy and the last
/// of its tools are gone, so is the connection, and the program with it.
#[derive(Clone)]
pub struct McpClient(Arc<Shared>);

struct Shared {
    server: McpServer,
    launcher: Launcher,
    last_words: LastWords,
    patience: Duration,
    state: Mutex<State>,
    is_closed: AtomicBool,
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    failed_at: Option<Instant>,
    /// Why there is no connection.
    problem: Option<McpError>,
    /// What [`McpClient::list`] gave last.
    given: Option<BTreeMap<String, Fingerprint>>,
}

impl State {
    /// Whether there is a connection, over which its tools were listed as they are now.
    fn is_listed(&self) -> bool {
        let is_known = |it: &Connection| it.listed.is_some() && !it.has_changed() && !it.has_ended();
        self.connection.as_ref().is_some_and(is_known)
    }
}

impl McpClient {
    /// For a server that an administrator configured. Does nothing yet.
    pub fn new(server: McpServer, launcher: Launcher) -> Result<Self, McpError> {
        Self::check(&server)?;
        let shared = Shared {
            server,
            launcher,
            last_words: LastWords::default(),
            patience: CONNECT,
            state: Mutex::default(),
            is_closed: AtomicBool::new(false),
        };
        Ok(Self(Arc::new(shared)))
    }

    /// Whether [`McpClient::new`] takes it.
    pub fn check(server: &McpServer) -> Result<(), McpError> {
        if !tools::is_name(&server.name) || server.name.len() > MAX_SERVER_NAME_BYTES {
            return Err(McpError::Name(crate::shown::line(&server.name)));
        }
        match &server.place {
            McpPlace::Address { url, .. } => Ok(web_address(url).map(drop)?),
            McpPlace::Program { .. } => Ok(()),
        }
    }

    /// The same with another time to wait for a connection and a list.
    #[cfg(test)]
    fn with_patience(server: McpServer, launcher: Launcher, patience: Duration) -> Self {
        let last_words = LastWords::default();
        let (state, is_closed) = (Mutex::default(), AtomicBool::new(false));
        Self(Arc::new(Shared { server, launcher, last_words, patience, state, is_closed }))
    }

    /// The name that it was given.
    pub fn name(&self) -> &str {
        &self.0.server.name
    }

    /// The server's tools as they are now, and those that cannot be taken.
    pub async fn list(&self) -> Result<Listing, McpError> {
        let mut state = self.0.state.lock().await;
        let listed = self.list_anew(&mut state).await?;
        state.given = Some(listed.fingerprints());
        drop(state);
        let tool = |it: Listed| -> Arc<dyn Tool> { Arc::new(McpTool { client: self.clone(), listed: it }) };
        Ok(Listing { tools: listed.tools.into_iter().map(tool).collect(), untaken: listed.untaken })
    }

    /// Ends the connection, and the program where there is one, which has a moment to end by itself. The next call or list
    /// begins another.
    pub async fn disconnect(&self) {
        let mut state = self.0.state.lock().await;
        let before = std::mem::take(&mut *state);
        if let Some(connection) = before.connection {
            connection.end().await;
        }
    }

    /// Ends it for good: whoever still holds one of its tools is told that the server was switched off.
    pub async fn close(&self) {
        self.0.is_closed.store(true, Ordering::Release);
        self.disconnect().await;
    }

    /// Looks without connecting and without asking the server anything.
    pub async fn look(&self) -> Look {
        let state = self.0.state.lock().await;
        match &state.connection {
            Some(connection) if connection.has_ended() => Look::Ended(connection.loss().cloned()),
            Some(connection) if connection.has_changed() => Look::Changed,
            Some(connection) if connection.listed.is_none() => Look::Ended(None),
            Some(connection) if connection.listed != state.given => Look::Changed,
            Some(_) => Look::AsListed,
            None => Look::Ended(state.problem.clone()),
        }
    }

    /// The end of what the program has written to its log, for the administrator who has to find out why it fails.
    pub fn last_words(&self) -> String {
        self.0.last_words.text()
    }

    async fn connected<'a>(&self, state: &'a mut State) -> Result<&'a mut Connection, McpError> {
        if self.0.is_closed.load(Ordering::Acquire) {
            return Err(McpError::Closed);
        }
        if let Some(ended) = state.connection.take_if(|it| it.has_ended()) {
            state.problem = ended.loss().cloned();
        }
        if state.connection.is_none() {
            if state.failed_at.is_some_and(|at| at.elapsed() < LEFT_ALONE) {
                return Err(McpError::LeftAlone);
            }
            // Set before the attempt: whoever asked may leave in the middle of it.
            state.failed_at = Some(Instant::now());
            let opened = self.connect().await;
            state.problem = opened.as_ref().err().cloned();
            state.connection = Some(opened?);
            state.failed_at = None;
        }
        state.connection.as_mut().ok_or(McpError::Gone)
    }

    async fn connect(&self) -> Result<Connection, McpError> {
        let Shared { server, launcher, last_words, patience, .. } = &*self.0;
        let connecting = Connection::open(&server.place, launcher, last_words);
        timeout(*patience, connecting).await.unwrap_or(Err(McpError::TimedOut(*patience)))
    }

    /// Connects where that is needed, and asks for the list. A server at an address may have forgotten a connection that was there
    /// before: then it is asked over another, since to ask for a list changes nothing.
    async fn list_anew(&self, state: &mut State) -> Result<listing::Found, McpError> {
        let is_far = matches!(self.0.server.place, McpPlace::Address { .. });
        let was_there = state.connection.as_ref().is_some_and(|it| !it.has_ended());
        let connection = self.connected(state).await?;
        let found = self.listed_anew(connection).await;
        if is_far && was_there && matches!(found, Err(McpError::Gone)) {
            let connection = self.connected(state).await?;
            return self.listed_anew(connection).await;
        }
        found
    }

    async fn listed_anew(&self, connection: &mut Connection) -> Result<listing::Found, McpError> {
        let patience = self.0.patience;
        // Before asking: what changes meanwhile is one more reason to list again.
        connection.take_changed();
        // Where it does not answer, the next call asks once more.
        connection.listed = None;
        let listing = listing::list(connection.peer(), self.name());
        let found = timeout(patience, listing).await.map_err(|_| McpError::TimedOut(patience))?;
        if matches!(found, Err(McpError::Gone)) {
            connection.lose();
        }
        let found = found?;
        connection.listed = Some(found.fingerprints());
        Ok(found)
    }

    /// A way to call a tool that is still what it was.
    async fn line_for(&self, listed: &Listed) -> Result<Line, Failure> {
        let failed = |err: McpError| Failure::refused_as((&err).into(), format!("{}: {err}", self.name()));
        let mut state = self.0.state.lock().await;
        if !state.is_listed() {
            self.list_anew(&mut state).await.map_err(failed)?;
        }
        let connection = state.connection.as_ref().ok_or_else(|| failed(McpError::Gone))?;
        let now: Option<&Fingerprint> =
            connection.listed.as_ref().and_then(|it| it.get(&listed.original_name));
        match now {
            Some(now) if *now == listed.fingerprint => Ok(connection.line()),
            Some(_) => Err(Failure::refused_as(
                CallFailure::of(McpProblem::ToolChanged),
                "the server describes this tool differently now; it has to be listed and allowed again",
            )),
            None => Err(Failure::refused_as(
                CallFailure::of(McpProblem::ToolGone),
                "the server no longer has this tool",
            )),
        }
    }
}

/// One tool of a server.
struct McpTool {
    client: McpClient,
    listed: Listed,
}

impl McpTool {
    async fn call(&self, arguments: Arguments) -> Result<Answer, Failure> {
        let call = CallToolRequestParams::new(self.listed.original_name.clone())
            .with_arguments(arguments.into_map());
        let mut response = self.ask(call.clone()).await?;
        if response.as_ref().is_err_and(is_forgotten) {
            response = self.ask(call).await?;
        }
        result::answer(response.map_err(|err| self.failure(err))?, self.client.name())
    }

    /// Asks the server, if its tool is still what it was.
    async fn ask(
        &self,
        call: CallToolRequestParams,
    ) -> Result<Result<CallToolResponse, ServiceError>, Failure> {
        let line = self.client.line_for(&self.listed).await?;
        // From before the call: its answer may be quick.
        let too_large = line.too_large.notified();
        tokio::select! {
            // First: where a message was too large, the call may have failed for it at the same time.
            biased;
            // Which call it would have answered is not known; one that waits may wait in vain.
            () = too_large => Err(self.too_large()),
            // Dropping this tells the server that nobody waits any longer.
            response = line.peer.call_tool_once(call) => Ok(response.inspect_err(|err| line.note_loss(err))),
        }
    }

    fn too_large(&self) -> Failure {
        let (name, most) = (self.client.name(), MAX_MESSAGE_BYTES >> 20);
        Failure::refused_as(
            CallFailure::of(McpProblem::TooLarge),
            format!("{name} answered with more than {most} MB; whether it did what was asked is not known"),
        )
    }

    fn failure(&self, err: ServiceError) -> Failure {
        let name = self.client.name();
        match err {
            err if never_reached(&err) => {
                let err = loss_by(&err).unwrap_or(McpError::Gone);
                Failure::refused_as((&err).into(), format!("{name}: {err}"))
            }
            ServiceError::McpError(err) => {
                let said = crate::shown::text(&err.message, result::MAX_ERROR_CHARS);
                let known = CallFailure::of(McpProblem::Said).about(&said);
                Failure::refused_as(known, format!("{name} answered with an error: {said}"))
            }
            ServiceError::UnexpectedResponse => {
                let known = CallFailure::of(McpProblem::Protocol);
                Failure::refused_as(known, format!("{name} answered with something that is no result"))
            }
            _ => Failure::refused_as(
                CallFailure::of(McpProblem::Ended),
                format!("{name} ended during the call; whether it did what was asked is not known"),
            ),
        }
    }
}

impl Tool for McpTool {
    fn describe(&self) -> Description {
        self.listed.description.clone()
    }

    fn run<'a>(&'a self, arguments: Arguments, _: &'a Asker) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(self.call(arguments))
    }
}

#[cfg(test)]
mod tests;
