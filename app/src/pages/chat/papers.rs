//! Documents that go whole with the message that is being written: chips above the box, files on their way, and the offer to take a
//! long text that was pasted as a file.

use super::{collections::go_along, composer, thread_store::ThreadStore};
use crate::{
    error::{AppError, capitalised},
    format::bytes,
    frame::use_sessions,
    i18n::{PapersTexts, fill},
    live::{Live, use_live},
    pages::documents::api::documents,
    platform,
    ui::{
        icon::{Icon, IconButton},
        leaving::AskedToLeave,
        toast::{Toasts, use_toasts},
    },
};
use leptos::{html, prelude::*, task::spawn_local};
use leptos_router::components::A;
use types::{
    document::{Attached, AttachedView, DocumentAct, DocumentReply, DocumentState, MAX_DOCUMENT_BYTES},
    ids::{DocumentId, SessionId},
};

/// How often it is looked how far a document is.
const LOOK_MS: u32 = 700;
/// What the server answers that kept a file.
const CREATED: u16 = 201;

/// What goes with the message. Copy.
#[derive(Clone, Copy)]
struct Papers {
    store: ThreadStore,
    area: NodeRef<html::Textarea>,
    texts: &'static PapersTexts,
    toasts: Toasts,
    go: Callback<String>,
    view: RwSignal<AttachedView>,
    /// Only the last look counts.
    n_looks: StoredValue<u64>,
}

/// What goes with the message that is being written.
pub(crate) fn chips() -> AnyView {
    let papers = Papers {
        store: expect_context(),
        area: expect_context(),
        texts: PapersTexts::here(),
        toasts: use_toasts(),
        go: use_sessions().go,
        view: RwSignal::new(AttachedView::default()),
        n_looks: StoredValue::new(0),
    };
    Effect::new(move |_| {
        papers.store.n_attached.track();
        let files = papers.store.files.try_update_value(std::mem::take).unwrap_or_default();
        if !files.is_empty() {
            papers.take(files, None);
        } else if let Some(session) = papers.store.session.get() {
            papers.look(session);
        }
    });
    // What was pasted into another chat is not for this one.
    Effect::watch(
        move || papers.store.session.get(),
        move |_, _, _| papers.store.pasted.set(String::new()),
        false,
    );
    let (texts, live) = (papers.texts, use_live());
    let rows = move || papers.view.get().documents.into_iter().map(|it| chip(papers, it)).collect::<Vec<_>>();
    let arriving = move || {
        let n = papers.store.n_arriving.get();
        (n > 0).then(|| view! { <p class="px-1.5 pb-1 text-xs text-muted" role="status" data-testid="papers-arriving">{fill(texts.arriving, "n", n)}</p> }.into_any())
    };
    view! {
        <div class="flex flex-col" data-testid="papers">
            <ul class="flex flex-wrap gap-1.5 pb-1.5 empty:hidden" aria-label=texts.label>{rows}</ul>
            {move || answers_next(papers)}
            {arriving}
            {move || too_much(papers, live)}
            {move || offer(papers)}
        </div>
    }
    .into_any()
}

/// Who answers this message alone, and the way back.
fn answers_next(papers: Papers) -> Option<AnyView> {
    let (texts, next) = (papers.texts, papers.store.answers_next);
    let words = fill(texts.answers_next, "name", next.get()?.short_name());
    Some(
        view! {
            <p class="flex items-center gap-1.5 pb-1.5 pl-1.5 text-xs text-muted" data-testid="answers-next">
                <Icon icon=icondata_lu::LuBot size=14/>
                {words}
                <IconButton size=14 icon=icondata_lu::LuX label=texts.answers_next_not.to_owned() testid="answers-next-not" on_click=move |()| next.set(None)/>
            </p>
        }
        .into_any(),
    )
}

/// A document, where it stands, and the button that takes it away.
fn chip(papers: Papers, paper: Attached) -> AnyView {
    let texts = papers.texts;
    let Attached { document, name, state, error, n_tokens } = paper;
    let (icon, words) = match state {
        DocumentState::Ready => (icondata_lu::LuFileText, fill(texts.tokens, "n", n_tokens)),
        DocumentState::Waiting | DocumentState::Indexing => (icondata_lu::LuLoader, texts.reading.to_owned()),
        DocumentState::Failed => (icondata_lu::LuTriangleAlert, capitalised(&error.unwrap_or_default())),
        DocumentState::Stopped => (icondata_lu::LuTriangleAlert, texts.stopped.to_owned()),
    };
    let has_failed = matches!(state, DocumentState::Failed | DocumentState::Stopped);
    let label = fill(texts.remove, "name", &name);
    let title = name.clone();
    view! {
        <li class="flex max-w-full items-center gap-1.5 rounded-control border border-line bg-raised py-0.5 pl-2 text-xs data-[state=failed]:border-danger" data-testid="paper" data-state=state.name()>
            <span class="flex-none text-muted"><Icon icon size=14/></span>
            <A href=format!("/documents/{document}") attr:class="max-w-48 truncate font-medium text-strong hover:underline" attr:title=title>{name}</A>
            <span class="min-w-0 tabular text-muted" class:text-danger=has_failed>{words}</span>
            {has_failed.then(|| view! {
                <IconButton size=14 icon=icondata_lu::LuRefreshCw label=texts.again testid="paper-again" on_click=move |()| papers.act(DocumentAct::Index { document })/>
            })}
            <IconButton size=14 icon=icondata_lu::LuX label testid="paper-remove" on_click=move |()| papers.remove(document)/>
        </li>
    }
    .into_any()
}

/// Says that the documents alone are more than the model takes that answers.
fn too_much(papers: Papers, live: Live) -> Option<AnyView> {
    let view = papers.view.read();
    let n_ctx = match papers.store.answers_next.read().as_ref() {
        None => view.n_ctx?,
        next => live.model_for(next).n_ctx?,
    };
    let n_tokens: u64 = view.documents.iter().map(|it| u64::from(it.n_tokens)).sum();
    (n_tokens >= n_ctx.into()).then(|| {
        let words = fill(papers.texts.too_much, "n", n_tokens);
        let words = fill(&words, "of", n_ctx);
        view! { <p class="px-1.5 pb-1 text-xs text-danger" role="status" data-testid="papers-too-much">{words}</p> }.into_any()
    })
}

/// Offers to take what was pasted as a file.
fn offer(papers: Papers) -> Option<AnyView> {
    let texts = papers.texts;
    let pasted = papers.store.pasted.get();
    if pasted.is_empty() {
        return None;
    }
    let words = fill(texts.pasted, "n", pasted.chars().count());
    Some(
        view! {
            <div class="mb-1.5 flex flex-wrap items-center gap-2 rounded-control border border-line bg-raised px-2 py-1 text-xs" role="group" aria-label=words.clone() data-testid="pasted">
                <span class="min-w-0 flex-1">{words.clone()}</span>
                <button type="button" class="button button-quiet" data-testid="pasted-attach" on:click=move |_| papers.take_pasted(&pasted)>{texts.pasted_attach}</button>
                <button type="button" class="button button-quiet" data-testid="pasted-keep" on:click=move |_| papers.store.pasted.set(String::new())>{texts.pasted_keep}</button>
            </div>
        }
        .into_any(),
    )
}

impl Papers {
    /// Looks what is attached, until nothing of it is under way.
    fn look(self, session: SessionId) {
        let look = self.n_looks.get_value() + 1;
        self.n_looks.set_value(look);
        spawn_local(async move {
            loop {
                let Ok(DocumentReply::Attached(view)) = documents(DocumentAct::Attached { session }).await
                else {
                    return;
                };
                if self.n_looks.try_get_value() != Some(look) {
                    return;
                }
                let is_under_way = view.documents.iter().any(|it| it.state.is_under_way());
                self.show(view);
                if !is_under_way {
                    return;
                }
                platform::sleep(LOOK_MS).await;
            }
        });
    }

    fn show(self, view: AttachedView) {
        let n = view.documents.len() as u64;
        if self.view.try_get_untracked().is_some_and(|shown| shown != view) {
            self.view.set(view);
            // How full the context is has changed.
            self.store.typed.update(|n| *n += 1);
        }
        if self.store.n_arriving.get_untracked() == 0 && self.store.n_attached.get_untracked() != n {
            self.store.n_attached.set(n);
        }
    }

    fn remove(self, document: DocumentId) {
        let Some(session) = self.store.session.get_untracked() else { return };
        self.act(DocumentAct::Detach { session, document });
    }

    fn act(self, act: DocumentAct) {
        spawn_local(async move {
            match documents(act).await {
                Ok(_) => self.look_again(),
                Err(err) => self.toasts.show(err.sentence(self.texts)),
            }
        });
    }

    /// Where the chips went meanwhile, they come back for it.
    fn look_again(self) {
        let Some(session) = self.store.session.try_get_untracked().flatten() else { return };
        match self.n_looks.try_get_value() {
            Some(_) => self.look(session),
            None => _ = self.store.n_attached.try_update(|n| *n += 1),
        }
    }

    /// Sends files that are counted already to the chat, which begins with them if it has not yet. Once they are kept, `pasted` is taken out of the box.
    fn take(self, files: Vec<platform::File>, pasted: Option<String>) {
        let open = self.store.session.get_untracked();
        spawn_local(async move {
            let mut n_kept = 0;
            let begun = begun(open).await;
            for file in files {
                let problem = match &begun {
                    Ok(session) => put(*session, file, self.texts).await,
                    Err(err) => Some(err.sentence(self.texts)),
                };
                n_kept += usize::from(problem.is_none());
                self.arrived(problem);
            }
            if let Some(pasted) = pasted.filter(|_| n_kept > 0) {
                self.take_out(&pasted);
            }
            let now = self.store.session.try_get_untracked();
            match begun {
                // Where nothing arrived, nothing is shown.
                _ if open.is_none() && n_kept == 0 => _ = self.store.n_attached.try_set(0),
                Ok(session) if open.is_none() && now == Some(None) => go_along(session, self.go),
                _ if open.is_none() => self.toasts.show(self.texts.too_late),
                _ => self.look_again(),
            }
        });
    }

    fn arrived(self, problem: Option<String>) {
        if let Some(problem) = problem {
            self.toasts.show(problem);
        }
        _ = self.store.n_arriving.try_update(|arriving| *arriving = arriving.saturating_sub(1));
    }

    /// Sends what was pasted as a file.
    fn take_pasted(self, pasted: &str) {
        // A box has one kind of line end.
        let pasted = pasted.replace("\r\n", "\n").replace('\r', "\n");
        let Some(file) = platform::text_file(self.texts.pasted_name, &pasted) else { return };
        self.store.n_arriving.update(|n| *n += 1);
        self.take(vec![file], Some(pasted));
        // What is on its way counts, so that it is still shown when the offer is gone.
        self.store.n_attached.update(|n| *n += 1);
        self.store.pasted.set(String::new());
    }

    /// Takes a text out of the box, where it is still in there.
    fn take_out(self, pasted: &str) {
        let Some(area) = self.area.try_get_untracked().flatten() else { return };
        let text = area.value();
        if let Some((before, after)) = text.split_once(pasted) {
            composer::write(self.area, self.store, &format!("{before}{after}"));
            _ = area.focus();
        }
    }
}

/// The chat, which begins where there is none yet.
async fn begun(session: Option<SessionId>) -> Result<SessionId, AppError> {
    if let Some(session) = session {
        return Ok(session);
    }
    let begin = DocumentAct::UseIn { session: None, collections: Vec::new() };
    match documents(begin).await? {
        DocumentReply::Session(session) => Ok(session),
        _ => Err(AppError::Internal),
    }
}

/// Sends one file; what went wrong, if something did.
async fn put(session: SessionId, file: platform::File, texts: &'static PapersTexts) -> Option<String> {
    let _asked = AskedToLeave::begin();
    let (name, size) = platform::name_and_size(&file);
    let problem = if size > MAX_DOCUMENT_BYTES as f64 {
        fill(texts.too_large, "size", bytes(MAX_DOCUMENT_BYTES as f64))
    } else {
        let address = format!("/files/documents?session={session}&name={}", platform::encoded(&name));
        match platform::put_file(&address, file).await {
            Some((CREATED, _)) => return None,
            Some((_, sentence)) => format!("{}.", capitalised(&sentence)),
            None => texts.error_transport.to_owned(),
        }
    };
    Some(format!("{name}: {problem}"))
}

/// Lets a document go with the next message of this chat; one that has not begun begins.
pub(super) fn use_attach(store: ThreadStore) -> Callback<DocumentId> {
    let (toasts, texts, go) = (use_toasts(), PapersTexts::here(), use_sessions().go);
    Callback::new(move |document: DocumentId| {
        let session = store.session.get_untracked();
        spawn_local(async move {
            match documents(DocumentAct::Attach { session, document }).await {
                Ok(DocumentReply::Session(started)) if session.is_none() => go_along(started, go),
                Ok(_) => _ = store.n_attached.try_update(|n| *n += 1),
                Err(err) => toasts.show(err.sentence(texts)),
            }
        });
    })
}

/// Chooses files for the message that is being written.
pub(super) fn choose_files(store: ThreadStore) -> AnyView {
    let texts = PapersTexts::here();
    view! {
        <label class="menu-item cursor-pointer focus-within:outline-2 focus-within:outline-accent">
            <Icon icon=icondata_lu::LuPaperclip size=14/>
            {texts.choose}
            <input type="file" multiple class="sr-only" data-testid="choose-files"
                on:change=move |event| store.take_files(platform::chosen_files(&event))/>
        </label>
    }
    .into_any()
}
