//! Servers of tools: connected in the background, and watched for as long as they are used.

use crate::{Inner, key_hint, keys::Keys};
use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    time::Duration,
};
use store::ServerRow;
use tokio::{sync::watch, task::AbortHandle, time::timeout};
use tools::{Launcher, Listing, Look, McpClient, McpError, Registry, Tool, Untaken};
use types::toolbox::{McpPlace, McpServer, PlaceView, RefusedTool, ServerState, ServerView};

/// How often a server is looked after. Nothing is sent to it for that.
const LOOK: Duration = Duration::from_secs(1);
/// How long a server waits for the one that it takes the place of: a program has a moment to end, then it is ended.
const ENDS: Duration = Duration::from_secs(5);
const LACKS_KEYS: &str =
    "the keys that it was given are not in the file of keys any more; remove it and add it again";
const ENDED: &str = "the connection has ended";
const AGAIN: &str = "it is connected to again when one of its tools is called";

/// All that there are, by name.
pub(crate) struct Servers {
    /// None until servers may be started.
    pub(crate) launcher: Option<Launcher>,
    by_name: BTreeMap<String, Held>,
    /// Those that were switched off or removed, by name. Until they have ended, their ports, profiles and files are not free.
    endings: BTreeMap<String, Ending>,
}

/// Is closed once a server has ended.
type Ending = watch::Receiver<()>;

async fn has_ended(ending: Option<Ending>) {
    if let Some(mut ending) = ending {
        _ = ending.changed().await;
    }
}

struct Held {
    server: McpServer,
    /// It cannot be used as it was meant to be.
    lacks_keys: bool,
    /// None while nobody wants it to be used.
    client: Option<McpClient>,
    is_enabled: bool,
    state: ServerState,
    /// Those of its last list.
    tools: Vec<Arc<dyn Tool>>,
    untaken: Vec<Untaken>,
    /// What the registry took of them and what it did not.
    names: Vec<String>,
    refused: Vec<RefusedTool>,
    /// Tells this connection from those before it, whose watchers have nothing to say any more.
    turn: u64,
    watcher: Option<AbortHandle>,
}

impl Held {
    fn new(server: McpServer, is_enabled: bool) -> Self {
        Self {
            server,
            lacks_keys: false,
            client: None,
            is_enabled,
            state: ServerState::Off,
            tools: Vec::new(),
            untaken: Vec::new(),
            names: Vec::new(),
            refused: Vec::new(),
            turn: 0,
            watcher: None,
        }
    }

    fn stop_watching(&mut self) {
        self.turn += 1;
        if let Some(watcher) = self.watcher.take() {
            watcher.abort();
        }
    }

    /// Ends it. A program gets its time to end in the background. What is given back is closed once `before` is, too.
    fn close(&mut self, before: Option<Ending>) -> Option<Ending> {
        self.stop_watching();
        self.state = ServerState::Off;
        self.tools.clear();
        self.untaken.clear();
        let Some(client) = self.client.take() else { return before };
        let (is_there, ending) = watch::channel(());
        tokio::spawn(async move {
            client.close().await;
            has_ended(before).await;
            drop(is_there);
        });
        Some(ending)
    }

    fn take(&mut self, listing: Result<Listing, McpError>) {
        match listing {
            Ok(listing) => {
                self.state = ServerState::Ready;
                self.tools = listing.tools;
                self.untaken = listing.untaken;
            }
            Err(err) => self.state = ServerState::Failed(err.to_string()),
        }
    }

    /// The connection has ended. Why it could not be made, or was lost, says more.
    fn end(&mut self, why: Option<&McpError>) {
        let why = why.map(McpError::to_string);
        if why.is_none() && matches!(self.state, ServerState::Failed(_)) {
            return;
        }
        let why = why.unwrap_or_else(|| ENDED.to_owned());
        let words = if self.tools.is_empty() { why } else { format!("{why}; {AGAIN}") };
        self.state = ServerState::Failed(words);
    }

    fn view(&self) -> ServerView {
        let failed = matches!(self.state, ServerState::Failed(_));
        let last_words = self.client.as_ref().filter(|_| failed).map(McpClient::last_words);
        ServerView {
            name: self.server.name.clone(),
            place: place_view(&self.server.place),
            state: self.state.clone(),
            tools: self.names.clone(),
            refused: self.refused.clone(),
            last_words: last_words.unwrap_or_default(),
        }
    }
}

fn place_view(place: &McpPlace) -> PlaceView {
    match place {
        McpPlace::Program { program, arguments, environment } => PlaceView::Program {
            program: program.clone(),
            arguments: arguments.clone(),
            environment: environment.iter().map(|(name, _)| name.clone()).collect(),
        },
        McpPlace::Address { url, key } => {
            PlaceView::Address { url: url.clone(), key_hint: key.as_ref().map(key_hint) }
        }
    }
}

impl Servers {
    pub(crate) fn new(rows: Vec<ServerRow>, keys: &Keys) -> Self {
        let held = |row: ServerRow| {
            let mut held = Held::new(row.server, row.is_enabled);
            held.lacks_keys = !keys.fill(&mut held.server);
            (held.server.name.clone(), held)
        };
        let by_name = rows.into_iter().map(held).collect();
        Self { launcher: None, by_name, endings: BTreeMap::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.by_name.keys().any(|known| known.eq_ignore_ascii_case(name))
    }

    pub(crate) fn enabled(&self) -> Vec<String> {
        self.by_name.values().filter(|it| it.is_enabled).map(|it| it.server.name.clone()).collect()
    }

    pub(crate) fn is_enabled(&self, name: &str) -> Option<bool> {
        self.by_name.get(name).map(|it| it.is_enabled)
    }

    pub(crate) fn views(&self) -> Vec<ServerView> {
        self.by_name.values().map(Held::view).collect()
    }

    pub(crate) fn add(&mut self, server: McpServer) {
        self.by_name.insert(server.name.clone(), Held::new(server, true));
    }

    pub(crate) fn enable(&mut self, name: &str) {
        if let Some(held) = self.by_name.get_mut(name) {
            held.is_enabled = true;
        }
    }

    pub(crate) fn switch_off(&mut self, name: &str) {
        if let Some(held) = self.by_name.get_mut(name) {
            held.is_enabled = false;
            let ending = held.close(self.endings.remove(name));
            self.await_later(name, ending);
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        if let Some(mut held) = self.by_name.remove(name) {
            let ending = held.close(self.endings.remove(name));
            self.await_later(name, ending);
        }
    }

    /// The next server of this name begins after it.
    fn await_later(&mut self, name: &str, ending: Option<Ending>) {
        self.endings.retain(|_, it| it.has_changed().is_ok());
        self.endings.extend(ending.map(|it| (name.to_owned(), it)));
    }

    /// Ends all, for good.
    pub(crate) fn close(&mut self) -> Vec<McpClient> {
        self.launcher = None;
        self.by_name.values_mut().for_each(Held::stop_watching);
        self.by_name.values().filter_map(|held| held.client.clone()).collect()
    }

    /// Adds what can be added, and remembers why the rest cannot.
    pub(crate) fn add_tools(&mut self, registry: &mut Registry) {
        for held in self.by_name.values_mut() {
            let refused = |it: &Untaken| RefusedTool { name: it.name.clone(), reason: it.reason.to_string() };
            held.refused = held.untaken.iter().map(refused).collect();
            held.names.clear();
            for tool in &held.tools {
                let name = tool.describe().name;
                match registry.add(Arc::clone(tool)) {
                    Ok(()) => held.names.push(name),
                    Err(reason) => held.refused.push(RefusedTool { name, reason: reason.to_string() }),
                }
            }
        }
    }

    /// Makes the server's next connection the one that counts.
    fn next_turn(&mut self, name: &str) -> Option<(McpClient, u64, Option<Ending>)> {
        let launcher = self.launcher.clone()?;
        let held = self.by_name.get_mut(name).filter(|it| it.is_enabled)?;
        held.stop_watching();
        if held.lacks_keys {
            held.state = ServerState::Failed(LACKS_KEYS.to_owned());
            return None;
        }
        if held.client.is_none() {
            match McpClient::new(held.server.clone(), launcher) {
                Ok(client) => held.client = Some(client),
                Err(err) => held.state = ServerState::Failed(err.to_string()),
            }
        }
        let client = held.client.clone()?;
        held.state = ServerState::Connecting;
        Some((client, held.turn, self.endings.get(name).cloned()))
    }
}

/// Connects a server that is switched on, in the background, and watches it from then on.
pub(crate) fn begin(inner: &Arc<Inner>, name: &str) {
    let Some((client, turn, before)) = inner.parts().servers.next_turn(name) else { return };
    let watch = Watch { inner: Arc::downgrade(inner), name: name.to_owned(), turn, client };
    let watcher = tokio::spawn(watch.run(before)).abort_handle();
    if let Some(held) = inner.parts().servers.by_name.get_mut(name) {
        held.watcher = Some(watcher);
    }
}

/// Keeps what is known of one connection up to date. Ends with the layer.
struct Watch {
    inner: Weak<Inner>,
    name: String,
    turn: u64,
    client: McpClient,
}

/// The layer, or this connection, is gone.
struct Over;

impl Watch {
    async fn run(self, before: Option<Ending>) {
        _ = timeout(ENDS, has_ended(before)).await;
        self.client.disconnect().await;
        // One that cannot be reached now may be by the next call of a tool that is known of it.
        if self.list().await.is_err() {
            return;
        }
        while self.look().await.is_ok() {}
    }

    async fn look(&self) -> Result<(), Over> {
        tokio::time::sleep(LOOK).await;
        match self.client.look().await {
            Look::AsListed => self.tell(|held| held.state = ServerState::Ready),
            Look::Changed => self.list().await,
            Look::Ended(why) => self.tell(|held| held.end(why.as_ref())),
        }
    }

    async fn list(&self) -> Result<(), Over> {
        let listing = self.client.list().await;
        self.tell(|held| held.take(listing))?;
        self.inner.upgrade().ok_or(Over)?.gather();
        Ok(())
    }

    fn tell(&self, change: impl FnOnce(&mut Held)) -> Result<(), Over> {
        let inner = self.inner.upgrade().ok_or(Over)?;
        let mut parts = inner.parts();
        let held = parts.servers.by_name.get_mut(&self.name).filter(|it| it.turn == self.turn);
        change(held.ok_or(Over)?);
        Ok(())
    }
}
