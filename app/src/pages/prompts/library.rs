//! What everything on the page shares: the address, the texts, and the way to the door.

use super::{
    address::{Address, Open, Part},
    api,
};
use crate::{
    error::AppError,
    frame::use_sessions,
    i18n::{PromptsTexts, Texts, fill, use_texts},
    ui::toast::{Toasts, use_toasts},
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use std::sync::Arc;
use types::prompt::{PromptAct, PromptDone, PromptSummary, SystemPlace};

/// The texts of this page in its language.
pub(super) fn use_page_texts() -> &'static PromptsTexts {
    PromptsTexts::here()
}

/// Copy; lives as long as the page.
#[derive(Clone, Copy)]
pub(super) struct Library {
    pub(super) address: Address,
    pub(super) texts: &'static PromptsTexts,
    pub(super) common: &'static Texts,
    pub(super) toasts: Toasts,
    /// Opens an address inside the application.
    pub(super) go: Callback<String>,
    /// Likewise, in the place of the one that is open, without scrolling.
    pub(super) replace: Callback<String>,
    version: RwSignal<u32>,
    list_version: RwSignal<u32>,
}

impl Library {
    pub(super) fn new(address: Address, version: RwSignal<u32>, list_version: RwSignal<u32>) -> Self {
        let navigate = use_navigate();
        let replacing = NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() };
        Self {
            replace: Callback::new(move |to: String| navigate(&to, replacing.clone())),
            address,
            version,
            list_version,
            texts: use_page_texts(),
            common: use_texts(),
            toasts: use_toasts(),
            go: use_sessions().go,
        }
    }

    /// Opens something, with the list as it is.
    pub(super) fn open(self, open: Open, part: Part) {
        self.go.run(self.address.filter.get_untracked().link(open, part));
    }

    /// Fetches what is shown again. The page may have been left meanwhile.
    pub(super) fn changed(self) {
        _ = self.version.try_update(|version| *version += 1);
    }

    /// Does something, and says what went wrong.
    pub(super) fn act(self, act: PromptAct, then: impl FnOnce(PromptDone) + 'static) {
        self.try_act(
            act,
            Box::new(move |done| match done {
                Ok(done) => then(done),
                Err(err) => self.toasts.show(err.sentence(self.common)),
            }),
        );
    }

    /// Does something, and hands over what came of it.
    pub(super) fn try_act(self, act: PromptAct, then: Box<dyn FnOnce(Result<PromptDone, AppError>)>) {
        spawn_local(async move { then(api::act_on_prompts(act).await) });
    }

    /// Deletes a prompt and offers to undo that.
    pub(super) fn delete(self, summary: &PromptSummary) {
        let id = summary.id;
        let text = fill(self.texts.deleted, "name", &summary.name);
        self.act(PromptAct::Delete { id }, move |_| {
            // What is open is gone: only the list is fetched.
            _ = self.list_version.try_update(|version| *version += 1);
            self.open(Open::Nothing, Part::Use);
            let undo = Arc::new(move || self.act(PromptAct::Restore { id }, move |_| self.changed()));
            self.toasts.show_with_action(text, self.common.undo, undo);
        });
    }

    /// Puts a text before conversations: a new one is opened, for others it is offered to undo that.
    pub(super) fn use_as_system_prompt(self, text: String, place: SystemPlace) {
        self.act(PromptAct::AsSystem { text, place }, move |done| {
            if let Some(session) = done.session {
                return self.go.run(format!("/chat/{session}"));
            }
            let before = done.replaced.unwrap_or_default();
            let undo = Arc::new(move || {
                self.act(PromptAct::AsSystem { text: before.clone(), place }, |_| ());
            });
            self.toasts.show_with_action(self.texts.is_system_prompt, self.common.undo, undo);
        });
    }
}
