//! Which tools there are, and who lets them run.
//!
//! This product's own tools are always there; services that search the web and make images, and servers of tools,
//! are there when an administrator has named them. What a person chooses for a tool is kept with the tool as it was then, so that one which
//! has changed asks again. Nothing is started and nothing is asked of another host before somebody wants it.

mod check;
mod error;
mod images;
mod keys;
mod own;
mod servers;
#[cfg(test)]
mod tests;

pub use error::{ServerProblem, ToolboxError};

use keys::Keys;
use servers::Servers;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use store::Store;
use tokio::{sync::watch, time::timeout};
use tools::{Approvals, Description, Launcher, McpClient, Registry, Tool, WebSearch};
use types::{
    ids::UserId,
    secret::Secret,
    toolbox::{
        Fingerprint, MAX_SERVERS, McpServer, Origin, Permission, SearchService, SearchView, ServerView,
        Standing, ToolView,
    },
};

/// How long servers may take to end with this process: those that are programs have a moment, then they are ended.
const GRACE: Duration = Duration::from_secs(3);

/// The layer. Cheap to clone.
#[derive(Clone)]
pub struct Toolbox(Arc<Inner>);

struct Inner {
    store: Store,
    keys: Keys,
    /// This product's own tools, but for those that an administrator's choices make.
    own: Vec<Arc<dyn Tool>>,
    parts: Mutex<Parts>,
    registry: watch::Sender<Registry>,
    /// Held while an administrator changes something, so that what is kept and what is used stay the same.
    changing: tokio::sync::Mutex<()>,
}

/// What an administrator can change.
struct Parts {
    search: Option<Arc<dyn Tool>>,
    images: Option<Arc<dyn Tool>>,
    servers: Servers,
}

impl Toolbox {
    /// Takes over what is kept. `more` are tools that other layers bring. Keys are forgotten with this process. No server
    /// is connected before [`Toolbox::start_servers`].
    pub async fn open(store: Store, more: Vec<Arc<dyn Tool>>) -> Result<Self, ToolboxError> {
        Self::with_keys(store, more, None).await
    }

    /// The same with keys in a file of their own.
    pub async fn open_with_keys(
        store: Store,
        more: Vec<Arc<dyn Tool>>,
        keys: PathBuf,
    ) -> Result<Self, ToolboxError> {
        Self::with_keys(store, more, Some(keys)).await
    }

    async fn with_keys(
        store: Store,
        more: Vec<Arc<dyn Tool>>,
        keys: Option<PathBuf>,
    ) -> Result<Self, ToolboxError> {
        let own = own::tools().map_err(ToolboxError::Search)?.into_iter().chain(more).collect();
        let rows = store.list_mcp_servers().await?;
        let keys = Keys::open(keys).await;
        let names: Vec<_> = rows.iter().map(|row| row.server.name.clone()).collect();
        if let Err(err) = keys.change(|kept| kept.keep_only(&names)).await {
            tracing::warn!(error = %err, "keys of servers that are gone were not forgotten");
        }
        let servers = Servers::new(rows, &keys);
        let parts = Mutex::new(Parts { search: None, images: None, servers });
        let registry = watch::Sender::new(Registry::default());
        let inner = Inner { store, keys, own, parts, registry, changing: tokio::sync::Mutex::default() };
        let service = inner.search_service().await?;
        inner.parts().search = service.as_ref().and_then(own::search);
        let service = inner.image_service().await?;
        inner.parts().images = service.as_ref().and_then(own::images);
        inner.gather();
        Ok(Self(Arc::new(inner)))
    }

    /// Connects the servers that are switched on, in the background, and from now on those that are added.
    pub async fn start_servers(&self, launcher: Launcher) {
        let _changing = self.0.changing.lock().await;
        self.0.parts().servers.launcher = Some(launcher);
        let names = self.0.parts().servers.enabled();
        names.iter().for_each(|name| servers::begin(&self.0, name));
    }

    /// Ends every server that is a program, and begins none any more.
    pub async fn shutdown(&self) {
        let clients = self.0.parts().servers.close();
        // One that is just being asked is ended by the end of this process.
        _ = timeout(GRACE, futures::future::join_all(clients.iter().map(McpClient::close))).await;
    }

    /// The tools there are now. A cheap copy.
    pub fn registry(&self) -> Registry {
        self.0.registry.borrow().clone()
    }

    /// Tells whenever there are other tools.
    pub fn changed(&self) -> watch::Receiver<Registry> {
        self.0.registry.subscribe()
    }

    /// What the person has chosen, for [`Approvals::new`].
    pub async fn standing(&self, user: UserId) -> Result<Vec<Standing>, ToolboxError> {
        Ok(self.0.store.tool_permissions(user).await?)
    }

    /// Sets whether a tool runs when a model calls it. The person has it before them as it is told by `seen`, and an always holds for
    /// that one: if the tool has become another since, nothing is allowed.
    pub async fn allow(
        &self,
        user: UserId,
        tool: &str,
        permission: Permission,
        seen: &Fingerprint,
    ) -> Result<(), ToolboxError> {
        let (description, fingerprint) = self.find(tool)?;
        if *seen != fingerprint && permission == Permission::Always {
            return Err(ToolboxError::Changed(description.name));
        }
        let standing = Standing { tool: tool.to_owned(), fingerprint, permission };
        let server = server_of(&description);
        Ok(self.0.store.set_tool_permission(user, &standing, server).await?)
    }

    /// The tools that the person's new chats begin with; those that there are now.
    pub async fn in_new_chats(&self, user: UserId) -> Result<Vec<String>, ToolboxError> {
        let mut names = self.0.store.default_tools(user).await?;
        let registry = self.registry();
        names.retain(|name| registry.list().any(|(it, _)| it.name == *name));
        Ok(names)
    }

    /// Sets whether the person's new chats begin with a tool.
    pub async fn set_in_new_chats(&self, user: UserId, tool: &str, on: bool) -> Result<(), ToolboxError> {
        if !on {
            return Ok(self.0.store.remove_default_tool(user, tool).await?);
        }
        let (description, _) = self.find(tool)?;
        Ok(self.0.store.add_default_tool(user, tool, server_of(&description)).await?)
    }

    /// All tools by name, as the person meets them.
    pub async fn list(&self, user: UserId) -> Result<Vec<ToolView>, ToolboxError> {
        let standing = self.standing(user).await?;
        let defaults = self.0.store.default_tools(user).await?;
        let approvals = Approvals::new(standing.iter().cloned());
        let view = |(it, fingerprint): (&Description, &Fingerprint)| {
            let chosen = standing.iter().find(|standing| standing.tool == it.name);
            ToolView {
                name: it.name.clone(),
                description: it.description.clone(),
                origin: it.origin.clone(),
                effect: it.effect,
                permission: approvals.permission(it, fingerprint),
                has_changed: chosen.is_some_and(|it| has_changed(it, fingerprint)),
                fingerprint: fingerprint.clone(),
                in_new_chats: defaults.contains(&it.name),
            }
        };
        Ok(self.registry().list().map(view).collect())
    }

    fn find(&self, tool: &str) -> Result<(Description, Fingerprint), ToolboxError> {
        let registry = self.registry();
        let found = registry.list().find(|(it, _)| it.name == tool);
        let found = found.map(|(description, fingerprint)| (description.clone(), fingerprint.clone()));
        found.ok_or_else(|| {
            ToolboxError::NoSuchTool(tool.chars().take(types::tools::MAX_NAME_CHARS).collect())
        })
    }
}

fn has_changed(chosen: &Standing, now: &Fingerprint) -> bool {
    chosen.permission == Permission::Always && chosen.fingerprint != *now
}

fn server_of(description: &Description) -> Option<&str> {
    match &description.origin {
        Origin::Mcp(server) => Some(server),
        Origin::Builtin => None,
    }
}

/// What only an administrator may do. Who that is, whoever calls these has found out.
impl Toolbox {
    /// Who searches the web.
    pub async fn search_service(&self) -> Result<SearchView, ToolboxError> {
        Ok(match self.0.search_service().await? {
            None => SearchView::Off,
            Some(SearchService::SearXng { address }) => SearchView::SearXng { address },
            Some(SearchService::Brave { key }) => SearchView::Brave { key_hint: key_hint(&key) },
            Some(SearchService::DuckDuckGo) => SearchView::DuckDuckGo,
        })
    }

    /// Lets this service search the web, or nobody. An empty key keeps the one there is; one that is not needed any more is
    /// forgotten.
    pub async fn set_search_service(&self, service: Option<SearchService>) -> Result<(), ToolboxError> {
        let _changing = self.0.changing.lock().await;
        let service = service.map(|service| self.with_key(service)).transpose()?;
        let tool = service.as_ref().map(WebSearch::tool).transpose()?;
        let key = match &service {
            Some(SearchService::Brave { key }) => Some(key.clone()),
            _ => None,
        };
        self.0.keys.change(|kept| kept.search = key).await?;
        self.0.store.set_search_service(service.as_ref()).await?;
        self.0.parts().search = tool;
        self.0.gather();
        Ok(())
    }

    fn with_key(&self, service: SearchService) -> Result<SearchService, ToolboxError> {
        let SearchService::Brave { key } = &service else { return Ok(service) };
        if key.expose().is_empty() {
            let key = self.0.keys.search().ok_or(ToolboxError::NoKey)?;
            return Ok(SearchService::Brave { key });
        }
        if check::is_key(key) { Ok(service) } else { Err(ToolboxError::Key) }
    }

    /// The servers of tools by name, without their keys.
    pub fn servers(&self) -> Vec<ServerView> {
        self.0.parts().servers.views()
    }

    /// Keeps a server of tools and connects it in the background.
    pub async fn add_server(&self, server: McpServer) -> Result<(), ToolboxError> {
        McpClient::check(&server)?;
        check::check(&server)?;
        let _changing = self.0.changing.lock().await;
        if self.0.parts().servers.has(&server.name) {
            return Err(ToolboxError::NameTaken(server.name));
        }
        if self.0.parts().servers.len() >= MAX_SERVERS {
            return Err(ToolboxError::TooManyServers);
        }
        self.0.keys.change(|kept| kept.add(&server)).await?;
        self.0.store.add_mcp_server(&server).await?;
        let name = server.name.clone();
        self.0.parts().servers.add(server);
        servers::begin(&self.0, &name);
        Ok(())
    }

    /// Forgets a server with its keys and with what people have chosen for its tools, and ends it.
    pub async fn remove_server(&self, name: &str) -> Result<(), ToolboxError> {
        let _changing = self.0.changing.lock().await;
        self.0.store.remove_mcp_server(name).await?;
        self.0.parts().servers.remove(name);
        self.0.gather();
        self.0.keys.change(|kept| kept.remove(name)).await
    }

    /// Uses a server, or ends it and keeps it for later.
    pub async fn set_server_enabled(&self, name: &str, is_enabled: bool) -> Result<(), ToolboxError> {
        let _changing = self.0.changing.lock().await;
        self.0.store.set_mcp_server_enabled(name, is_enabled).await?;
        if is_enabled {
            self.0.parts().servers.enable(name);
            servers::begin(&self.0, name);
        } else {
            self.0.parts().servers.switch_off(name);
            self.0.gather();
        }
        Ok(())
    }

    /// Ends a server's connection and begins another, in the background.
    pub async fn reconnect(&self, name: &str) -> Result<(), ToolboxError> {
        let _changing = self.0.changing.lock().await;
        match self.0.parts().servers.is_enabled(name) {
            None => return Err(ToolboxError::NotFound),
            Some(false) => return Err(ToolboxError::Off),
            Some(true) => {}
        }
        servers::begin(&self.0, name);
        Ok(())
    }
}

/// Empty where there is none.
fn key_hint(key: &Secret) -> String {
    if key.expose().is_empty() { String::new() } else { key.hint() }
}

impl Inner {
    /// Who searches the web, with its key, which is empty if it is gone.
    async fn search_service(&self) -> Result<Option<SearchService>, ToolboxError> {
        let service = self.store.search_service().await?;
        Ok(service.map(|service| match service {
            SearchService::Brave { .. } => {
                SearchService::Brave { key: self.keys.search().unwrap_or_default() }
            }
            service => service,
        }))
    }

    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the registry anew. Own tools come first, so that no server takes their names.
    fn gather(&self) {
        let mut parts = self.parts();
        let mut registry = Registry::default();
        for tool in self.own.iter().chain(&parts.search).chain(&parts.images) {
            if let Err(err) = registry.add(Arc::clone(tool)) {
                tracing::error!(tool = tool.describe().name, error = %err, "a tool of this product is left out");
            }
        }
        parts.servers.add_tools(&mut registry);
        self.registry.send_if_modified(|current| {
            let is_same = registry.list().eq(current.list());
            *current = registry;
            !is_same
        });
    }
}
