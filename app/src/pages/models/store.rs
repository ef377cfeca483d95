//! What can be done on the page. What is shown is fetched anew after it.

use super::api::library;
use crate::{
    frame::{Overlays, use_load, use_sessions},
    i18n::{ModelsTexts, fill},
    live::Live,
    ui::toast::{Toasts, use_toasts},
};
use leptos::{prelude::*, task::spawn_local};
use std::sync::Arc;
use types::{
    ids::{JobId, ModelId},
    job::JobState,
    shelf::{ShelfAct, ShelfModel},
};

/// Copy; lives as long as the page.
#[derive(Clone, Copy)]
pub(super) struct ModelsStore {
    /// Counts what was changed.
    pub(super) version: RwSignal<u32>,
    /// Whether the person may change files and folders, once that is known.
    pub(super) is_managed: RwSignal<bool>,
    load: Callback<ModelId>,
    go: Callback<String>,
    overlays: Overlays,
    toasts: Toasts,
    pub(super) texts: &'static ModelsTexts,
}

impl ModelsStore {
    pub(super) fn new() -> Self {
        Self {
            version: RwSignal::new(0),
            is_managed: RwSignal::new(false),
            load: use_load(),
            go: use_sessions().go,
            overlays: expect_context(),
            toasts: use_toasts(),
            texts: ModelsTexts::here(),
        }
    }

    /// Says why a job failed while the page is open: most were begun on it.
    pub(super) fn tell_failures(self, live: Live) {
        let failed = Memo::new(move |_| {
            let jobs = live.jobs.read();
            let failed = jobs.iter().filter(|job| job.state == JobState::Failed);
            let told = failed
                .map(|job| (job.id, format!("{}: {}", job.subject, job.error.clone().unwrap_or_default())));
            (live.epoch.get() > 0, told.collect::<Vec<_>>())
        });
        type Failed = (bool, Vec<(JobId, String)>);
        let on_failed = move |now: &Failed, before: Option<&Failed>, _: Option<()>| {
            let Some((true, before)) = before else { return };
            let is_new = |it: &&(JobId, String)| before.iter().all(|(id, _)| *id != it.0);
            now.1.iter().filter(is_new).for_each(|(_, sentence)| self.toasts.show(sentence.clone()));
        };
        Effect::watch(move || failed.get(), on_failed, false);
    }

    pub(super) fn load(self, id: ModelId) {
        self.load.run(id);
    }

    pub(super) fn load_and_chat(self, id: ModelId) {
        self.load.run(id);
        self.go("/chat");
    }

    /// Opens the dialog in which is chosen how a model is loaded.
    pub(super) fn choose_launch(self, model: &ShelfModel) {
        self.overlays.launched_model.set(Some((model.entry.id.clone(), model.entry.name.clone())));
        self.overlays.launch.set(true);
    }

    /// Puts a model away, and goes back to the list.
    pub(super) fn delete(self, model: &ShelfModel) {
        let text = fill(self.texts.deleted, "name", &model.entry.name);
        self.run(ShelfAct::Delete { id: model.entry.id.clone() }, move || {
            self.toasts.show(text.clone());
            self.go("/models");
        });
    }

    /// Does something, and shows `said` when it is done.
    pub(super) fn act(self, act: ShelfAct, said: Option<&'static str>) {
        self.run(act, move || {
            if let Some(said) = said {
                self.toasts.show(said);
            }
        });
    }

    pub(super) fn go(self, to: &str) {
        self.go.run(to.to_owned());
    }

    pub(super) fn run(self, act: ShelfAct, on_done: impl Fn() + 'static) {
        let on_done: Arc<dyn Fn()> = Arc::new(on_done);
        spawn_local(async move {
            match library(act).await {
                Ok(_) => {
                    on_done();
                    _ = self.version.try_update(|n| *n += 1);
                }
                Err(err) => self.toasts.show(err.sentence(self.texts)),
            }
        });
    }
}
