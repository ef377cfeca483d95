//! The page's one stream from the server: model, jobs, machine, session list and the watched answer.
//!
//! [`Live`] holds the latest of each. It connects by itself after hydration and again, with growing pauses,
//! whenever the stream ends; [`Live::epoch`] grows with every connection, so that pages fetch what they missed.

pub(crate) mod api;
#[cfg(target_arch = "wasm32")]
mod client;
#[cfg(feature = "ssr")]
mod feed;

use crate::page_data::PageData;
use futures::channel::mpsc;
use leptos::prelude::*;
use types::{
    chat::ChatEvent,
    ids::{ModelId, SessionId},
    job::JobView,
    live::{LiveCommand, LiveEvent},
    model::{ModelStatus, Residents},
    system::SystemSample,
};

pub(crate) use api::{Overview, load_overview};
#[cfg(target_arch = "wasm32")]
pub(crate) use client::Hydrated;

/// Whether the server can be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), expect(dead_code, reason = "only browsers are connected"))]
pub(crate) enum Connection {
    Connecting,
    Live,
    Lost,
    /// The server is of another build than the page, which has to be loaded anew.
    Outdated,
}

/// The latest of everything the server tells unasked. Copy; lives as long as the page.
#[derive(Clone, Copy)]
pub(crate) struct Live {
    pub(crate) connection: RwSignal<Connection>,
    pub(crate) models: RwSignal<Option<Residents>>,
    pub(crate) jobs: RwSignal<Vec<JobView>>,
    pub(crate) system: RwSignal<Option<SystemSample>>,
    /// Grows when the person's session list changed.
    pub(crate) sessions_version: RwSignal<u64>,
    /// Grows when models came, went or changed.
    pub(crate) library_version: RwSignal<u64>,
    /// Grows with every connection.
    pub(crate) epoch: RwSignal<u64>,
    watched: StoredValue<Option<SessionId>>,
    on_chat: StoredValue<Option<Callback<(SessionId, ChatEvent)>>>,
    commands: StoredValue<Option<mpsc::Sender<Result<LiveCommand, crate::error::AppError>>>>,
}

/// Provides [`Live`] to the whole application and, in the browser, connects it.
pub(crate) fn provide_live() {
    let live = Live {
        connection: RwSignal::new(Connection::Connecting),
        models: RwSignal::new(None),
        jobs: RwSignal::new(Vec::new()),
        system: RwSignal::new(None),
        sessions_version: RwSignal::new(0),
        library_version: RwSignal::new(0),
        epoch: RwSignal::new(0),
        watched: StoredValue::new(None),
        on_chat: StoredValue::new(None),
        commands: StoredValue::new(None),
    };
    provide_context(live);
    #[cfg(target_arch = "wasm32")]
    client::connect_when_hydrated(live);
}

/// The page's stream.
pub(crate) fn use_live() -> Live {
    expect_context()
}

/// Shows its content as soon as the state of models, jobs and machine is known: what the server renders by it, the
/// browser finds.
#[component]
pub(crate) fn OnceKnown(children: ChildrenFn) -> impl IntoView {
    let live = use_live();
    let overview = expect_context::<PageData<Overview>>();
    view! {
        <Suspense>
            {move || {
                let children = children.clone();
                Suspend::new(async move {
                    if let Ok(overview) = overview.get().await {
                        live.start_with(overview);
                    }
                    children()
                })
            }}
        </Suspense>
    }
}

impl Live {
    /// What the stream already said is newer.
    fn start_with(self, overview: Overview) {
        if self.models.read_untracked().is_none() {
            self.models.set(Some(overview.models));
            self.jobs.set(overview.jobs);
            self.system.set(Some(overview.system));
        }
    }

    /// Follows `session`'s answers instead of what was followed before.
    pub(crate) fn watch(self, session: Option<SessionId>, on_event: Callback<(SessionId, ChatEvent)>) {
        self.watched.set_value(session);
        self.on_chat.set_value(Some(on_event));
        self.send_watch();
    }

    /// The model that answers where none is named.
    pub(crate) fn chosen_model(self) -> ModelStatus {
        self.model_for(None)
    }

    /// The model that answers where this one is named.
    pub(crate) fn model_for(self, named: Option<&ModelId>) -> ModelStatus {
        let models = self.models.read();
        let status = models.as_ref().and_then(|models| match named {
            None => Some(&models.chosen),
            Some(id) => models.find(id).map(|it| &it.status),
        });
        status.cloned().unwrap_or(ModelStatus::UNLOADED)
    }

    fn send_watch(self) {
        let session = self.watched.get_value();
        self.commands.update_value(|commands| {
            if let Some(commands) = commands {
                // A full channel means that the stream is stuck: it will end, and the next one asks again.
                _ = commands.try_send(Ok(LiveCommand::Watch { session }));
            }
        });
    }

    /// Takes over what the server said.
    #[cfg_attr(not(target_arch = "wasm32"), expect(dead_code, reason = "only browsers listen"))]
    fn apply(self, event: LiveEvent) {
        match event {
            LiveEvent::Models { models } => self.models.set(Some(models)),
            LiveEvent::Jobs { jobs } => self.jobs.set(jobs),
            LiveEvent::System { sample } => self.system.set(Some(sample)),
            LiveEvent::LibraryChanged => self.library_version.update(|version| *version += 1),
            LiveEvent::SessionsChanged => self.sessions_version.update(|version| *version += 1),
            LiveEvent::Chat { session, event } => {
                if self.watched.get_value() != Some(session) {
                    return;
                }
                if let Some(on_chat) = self.on_chat.get_value() {
                    // The page that asked may have been left.
                    _ = on_chat.try_run((session, *event));
                }
            }
        }
    }
}
