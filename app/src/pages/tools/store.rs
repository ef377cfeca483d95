//! The page's one store: the tools as they are, and what can be done with them.

use super::api::tools;
use crate::{
    error::AppError,
    i18n::ToolsTexts,
    platform,
    ui::toast::{Toasts, use_toasts},
};
use leptos::{prelude::*, task::spawn_local};
use types::toolbox::{
    ImageServiceView, Managed, SearchView, ServerState, ServerView, ToolAct, ToolReply, ToolView,
};

/// How often servers are looked after while one is being connected, and otherwise.
const SOON_MS: u32 = 1_000;
const LATER_MS: u32 = 5_000;

/// Copy; lives as long as the page.
#[derive(Clone, Copy)]
pub(super) struct ToolsStore {
    reply: RwSignal<ToolReply>,
    /// Requests are numbered, so that a reply that was overtaken changes nothing.
    asked: StoredValue<u64>,
    taken: StoredValue<u64>,
    toasts: Toasts,
    pub(super) texts: &'static ToolsTexts,
}

impl ToolsStore {
    pub(super) fn new(reply: ToolReply) -> Self {
        let store = Self {
            reply: RwSignal::new(reply),
            asked: StoredValue::new(0),
            taken: StoredValue::new(0),
            toasts: use_toasts(),
            texts: ToolsTexts::here(),
        };
        // Only a browser does this.
        Effect::new(move |_| store.watch());
        store
    }

    pub(super) fn tool_names(self) -> Vec<String> {
        self.reply.read().tools.iter().map(|it| it.name.clone()).collect()
    }

    pub(super) fn tool(self, name: &str) -> Option<ToolView> {
        self.reply.read().tools.iter().find(|it| it.name == name).cloned()
    }

    pub(super) fn search(self) -> SearchView {
        self.reply.read().managed.as_ref().map(|it| it.search.clone()).unwrap_or_default()
    }

    pub(super) fn images(self) -> ImageServiceView {
        self.managed(|it| it.images.clone()).unwrap_or_default()
    }

    pub(super) fn server_names(self) -> Vec<String> {
        self.managed(|it| it.servers.iter().map(|it| it.name.clone()).collect()).unwrap_or_default()
    }

    pub(super) fn server(self, name: &str) -> Option<ServerView> {
        self.managed(|it| it.servers.iter().find(|it| it.name == name).cloned()).flatten()
    }

    fn managed<T>(self, read: impl FnOnce(&Managed) -> T) -> Option<T> {
        self.reply.read().managed.as_ref().map(read)
    }

    /// Does something, and says what went wrong. `then` hears whether it was done.
    pub(super) fn act(self, act: ToolAct, then: impl FnOnce(bool) + 'static) {
        self.try_act(
            act,
            Box::new(move |done| {
                then(done.is_ok());
                if let Err(err) = done {
                    self.toasts.show(err.sentence(self.texts));
                }
            }),
        );
    }

    /// Does something, and hands over what came of it.
    pub(super) fn try_act(self, act: ToolAct, then: Box<dyn FnOnce(Result<(), AppError>)>) {
        spawn_local(async move { then(self.ask(act).await) });
    }

    async fn ask(self, act: ToolAct) -> Result<(), AppError> {
        // The page may have been left meanwhile, before and after.
        let number = self.asked.try_get_value().unwrap_or_default() + 1;
        _ = self.asked.try_set_value(number);
        let reply = tools(act).await?;
        if self.taken.try_get_value().is_some_and(|taken| taken < number) {
            self.taken.set_value(number);
            self.reply.set(reply);
        }
        Ok(())
    }

    /// Servers are connected, and die, while the page is looked at.
    fn watch(self) {
        spawn_local(async move {
            while let Some(pause) = self.pause() {
                platform::sleep(pause).await;
                let has_servers = self.reply.try_with_untracked(has_servers);
                if has_servers.unwrap_or_default() {
                    // What went wrong is told by the state of the connection.
                    _ = self.ask(ToolAct::Look).await;
                }
            }
        });
    }

    /// None once the page was left.
    fn pause(self) -> Option<u32> {
        let is_connecting = self.reply.try_with_untracked(|reply| {
            let servers = reply.managed.as_ref().map(|it| it.servers.as_slice()).unwrap_or_default();
            servers.iter().any(|it| it.state == ServerState::Connecting)
        });
        is_connecting.map(|it| if it { SOON_MS } else { LATER_MS })
    }
}

fn has_servers(reply: &ToolReply) -> bool {
    let servers = reply.managed.as_ref().map(|it| it.servers.as_slice()).unwrap_or_default();
    servers.iter().any(|it| it.state != ServerState::Off)
}
