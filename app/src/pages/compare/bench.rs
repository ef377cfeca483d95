//! What everything on the page shares: what is open, the texts, and the way to the door.

use super::api;
use crate::{
    frame::use_sessions,
    i18n::{CompareTexts, SettingsTexts},
    ui::toast::{Toasts, use_toasts},
};
use leptos::{prelude::*, task::spawn_local};
use std::sync::Arc;
use types::{
    compare::{CompareAct, CompareDone},
    ids::CompareRunId,
};

/// What the address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Open {
    /// What is to be compared is put together.
    Setup,
    Run(CompareRunId),
    /// No such address.
    Unknown,
}

impl Open {
    pub(super) fn of_segment(segment: Option<String>) -> Self {
        Self::of_key(&segment.unwrap_or_default())
    }

    /// The inverse of [`Open::key`].
    pub(super) fn of_key(key: &str) -> Self {
        match key {
            "" => Self::Setup,
            number => number.parse().map_or(Self::Unknown, Self::Run),
        }
    }

    /// As it stands in the address.
    pub(super) fn key(self) -> String {
        match self {
            Self::Setup => String::new(),
            Self::Run(id) => id.to_string(),
            Self::Unknown => "unknown".to_owned(),
        }
    }
}

/// Copy; lives as long as the page.
#[derive(Clone, Copy)]
pub(super) struct Bench {
    pub(super) open: Memo<Open>,
    pub(super) texts: &'static CompareTexts,
    pub(super) common: &'static SettingsTexts,
    pub(super) toasts: Toasts,
    /// Opens an address inside the application.
    pub(super) go: Callback<String>,
    /// The last runs of the windows of the list that were left behind; none where the newest are shown.
    pub(super) left: RwSignal<Vec<CompareRunId>>,
    version: RwSignal<u32>,
}

impl Bench {
    pub(super) fn new(open: Memo<Open>, version: RwSignal<u32>) -> Self {
        Self {
            open,
            left: RwSignal::new(Vec::new()),
            version,
            texts: CompareTexts::here(),
            common: SettingsTexts::here(),
            toasts: use_toasts(),
            go: use_sessions().go,
        }
    }

    /// Fetches the lists again. The page may have been left meanwhile.
    pub(super) fn changed(self) {
        _ = self.version.try_update(|version| *version += 1);
    }

    /// Does something, and says what went wrong.
    pub(super) fn act(self, act: CompareAct, then: impl FnOnce(CompareDone) + 'static) {
        self.act_boxed(act, Box::new(then));
    }

    fn act_boxed(self, act: CompareAct, then: Box<dyn FnOnce(CompareDone)>) {
        spawn_local(async move {
            match api::act_on_runs(act).await {
                Ok(done) => then(done),
                Err(err) => self.toasts.show(err.sentence(self.common)),
            }
        });
    }

    /// Deletes a run and offers to undo that.
    pub(super) fn delete(self, run: CompareRunId) {
        self.act(CompareAct::Delete { run }, move |_| {
            self.changed();
            if self.open.try_get_untracked() == Some(Open::Run(run)) {
                self.go.run("/compare".to_owned());
            }
            let undo = Arc::new(move || self.act(CompareAct::Restore { run }, move |_| self.changed()));
            self.toasts.show_with_action(self.texts.deleted, self.common.undo, undo);
        });
    }
}
