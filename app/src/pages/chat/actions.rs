//! What a person does to a thread: each calls its door, and shows what went wrong.

use super::{api, thread_store::ThreadStore};
use crate::{
    error::AppError,
    frame::use_sessions,
    i18n::{Texts, use_texts},
    ui::toast::{Toasts, use_toasts},
};
use leptos::{prelude::*, task::spawn_local};
use std::pin::Pin;
use types::{
    chat::{Act, Again},
    ids::{ImageId, MessageId, ModelId, SessionId},
    reasoning::Effort,
};

/// Calls the doors for the open thread. Copy.
#[derive(Clone, Copy)]
pub(super) struct Actions {
    store: ThreadStore,
    go: Callback<String>,
    toasts: Toasts,
    texts: &'static Texts,
}

/// The open thread's actions.
pub(super) fn use_actions() -> Actions {
    Actions { store: expect_context(), go: use_sessions().go, toasts: use_toasts(), texts: use_texts() }
}

impl Actions {
    /// Sends a message; `on_failure` gets it back.
    pub(super) fn send(
        self,
        text: String,
        images: Vec<ImageId>,
        on_failure: impl FnOnce(String, Vec<ImageId>) + 'static,
    ) {
        let session = self.store.session.get_untracked();
        // A session that there is keeps it.
        let effort = self.store.effort.get_untracked().filter(|_| session.is_none());
        let effort = effort.map(|it| it.name().to_owned());
        let kept = (text.clone(), images.clone());
        let model = self.store.answers_next.get_untracked();
        let send = async move { api::send_message(session, text, images, effort, model).await.map(|_| None) };
        self.run(send, move |is_done| {
            if is_done {
                _ = self.store.answers_next.try_set(None);
            } else {
                on_failure(kept.0, kept.1);
            }
        });
    }

    /// Keeps how much the model thinks here.
    pub(super) fn choose_effort(self, effort: Option<Effort>) {
        self.store.effort.set(effort);
        self.act(Act::Think { effort });
    }

    /// Writes a turn anew; `then` is told whether that was done.
    pub(super) fn edit(self, message: MessageId, text: String, then: impl FnOnce(bool) + 'static) {
        self.act_and(Act::Edit { message, text }, then);
    }

    /// Puts an answer into a person's words; `then` is told whether that was done.
    pub(super) fn correct(self, message: MessageId, text: String, then: impl FnOnce(bool) + 'static) {
        self.act_and(Act::Correct { message, text }, then);
    }

    /// Answers again, or goes on.
    pub(super) fn regenerate(self, message: MessageId, again: Again) {
        self.act(Act::Again { message, again, model: None });
    }

    /// Answers once more, by this model.
    pub(super) fn answer_by(self, message: MessageId, model: ModelId) {
        self.act(Act::Again { message, again: Again::Anew, model: Some(model) });
    }

    /// Shows another variant.
    pub(super) fn select_variant(self, message: MessageId) {
        self.act(Act::Select { message });
    }

    /// Lets the other variants go, and offers to undo that.
    pub(super) fn keep(self, message: MessageId, gone: &'static str) {
        let Some(session) = self.session() else { return };
        self.act_and(Act::Keep { message }, move |is_done| {
            if !is_done {
                return;
            }
            // Another chat may be open when it is clicked.
            let undo = std::sync::Arc::new(move || {
                self.run(api::act_on_session(session, Act::BringBack { message }), |_| ());
            });
            self.toasts.show_with_action(gone, self.texts.undo, undo);
        });
    }

    /// Chooses the model that answered here last.
    pub(super) fn load_model(self) {
        self.act(Act::LoadModel);
    }

    /// Goes on from a message in a session of its own.
    pub(super) fn fork(self, message: MessageId) {
        self.act(Act::Fork { message });
    }

    /// The session that is open.
    pub(super) fn session(self) -> Option<SessionId> {
        self.store.session.get_untracked()
    }

    /// Ends the answer.
    pub(super) fn stop(self) {
        self.act(Act::Stop);
    }

    fn act(self, act: Act) {
        self.act_and(act, |_| ());
    }

    fn act_and(self, act: Act, then: impl FnOnce(bool) + 'static) {
        if let Some(session) = self.store.session.get_untracked() {
            self.run(api::act_on_session(session, act), then);
        }
    }

    /// `then` is told whether the server did it, after that was shown.
    fn run(
        self,
        call: impl Future<Output = Result<Option<SessionId>, AppError>> + 'static,
        then: impl FnOnce(bool) + 'static,
    ) {
        self.run_boxed(Box::pin(call), Box::new(then));
    }

    /// One for all doors, for the sake of the browser's download.
    fn run_boxed(
        self,
        call: Pin<Box<dyn Future<Output = Result<Option<SessionId>, AppError>>>>,
        then: Box<dyn FnOnce(bool)>,
    ) {
        spawn_local(async move {
            let done = call.await;
            let is_done = done.is_ok();
            match done {
                Ok(None) => self.store.refetch(),
                Ok(Some(made)) => self.go.run(format!("/chat/{made}")),
                Err(err) => self.toasts.show(err.sentence(self.texts)),
            }
            then(is_done);
        });
    }
}
