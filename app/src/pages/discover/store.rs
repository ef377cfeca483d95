//! The page's one store: downloads as they go, and what can be done.

use super::api::discover;
use crate::{
    i18n::DiscoverTexts,
    live::use_live,
    replies::Replies,
    ui::toast::{Toasts, use_toasts},
};
use leptos::{prelude::*, task::spawn_local};
use types::{
    discover::{DiscoverAct, DiscoverReply, DownloadState, Downloads},
    job::{JobKind, JobView},
};

/// Copy; lives as long as the page.
#[derive(Clone, Copy)]
pub(super) struct DiscoverStore {
    /// Counts what was changed.
    pub(super) version: RwSignal<u32>,
    pub(super) downloads: RwSignal<Downloads>,
    /// Of the downloads; `None` as long as nobody has looked.
    n_done: StoredValue<Option<usize>>,
    replies: Replies,
    pub(super) toasts: Toasts,
    pub(super) texts: &'static DiscoverTexts,
}

impl DiscoverStore {
    pub(super) fn new() -> Self {
        let store = Self {
            version: RwSignal::new(0),
            downloads: RwSignal::new(Downloads::default()),
            n_done: StoredValue::new(None),
            replies: Replies::new(),
            toasts: use_toasts(),
            texts: DiscoverTexts::here(),
        };
        // A download is a job: whenever one moves, the list has.
        let live = use_live();
        let moved = Memo::new(move |_| {
            let is_download = |job: &&JobView| job.kind == JobKind::DownloadModel;
            let jobs = live.jobs.read();
            let moved = jobs.iter().filter(is_download).map(|job| (job.id, job.state, job.progress));
            (live.epoch.get(), moved.collect::<Vec<_>>())
        });
        Effect::watch(move || moved.get(), move |_, _, _| store.refresh(), true);
        store
    }

    /// Fetches how downloads go. What has arrived since changes what else is shown.
    fn refresh(self) {
        let question = self.replies.ask();
        spawn_local(async move {
            let Ok(DiscoverReply::Downloads(downloads)) = discover(DiscoverAct::Downloads).await else {
                return;
            };
            if !self.replies.is_news(question) {
                return;
            }
            let n_done = downloads.list.iter().filter(|it| it.state == DownloadState::Done).count();
            let before = self.n_done.try_update_value(|known| known.replace(n_done)).flatten();
            _ = self.downloads.try_set(downloads);
            if before.is_some_and(|before| before < n_done) {
                self.changed();
            }
        });
    }

    fn changed(self) {
        _ = self.version.try_update(|n| *n += 1);
    }

    /// Does something, and shows `said` when it is done.
    pub(super) fn act(self, act: DiscoverAct, said: Option<&'static str>) {
        let is_token = matches!(act, DiscoverAct::Token { .. });
        spawn_local(async move {
            match discover(act).await {
                Ok(_) => {
                    if let Some(said) = said {
                        self.toasts.show(said);
                    }
                    // The hub is asked again only where it may say something else.
                    if is_token { self.changed() } else { self.refresh() }
                }
                Err(err) => self.toasts.show(err.sentence(self.texts)),
            }
        });
    }
}
