//! Chat: one conversation, streamed.

mod actions;
pub(crate) mod api;
pub(crate) mod attachments;
pub(crate) mod calls;
pub(crate) mod collections;
mod composer;
pub(crate) mod context_bar;
mod count_button;
pub(crate) mod draft;
pub(crate) mod editor;
pub(crate) mod effort;
mod failures;
mod message;
pub(crate) mod model_before;
pub(crate) mod more;
pub(crate) mod named;
pub(crate) mod papers;
pub(crate) mod previews;
mod scroll;
pub(crate) mod sources;
mod thought;
mod thread;
pub(crate) mod thread_store;
pub(crate) mod tools;
pub(crate) mod usage;
pub(crate) mod variants;

pub(crate) use draft::add_to_new_chat;

use super::failed::{Gone, failed};
use crate::{
    error::AppError,
    i18n::use_texts,
    lazy_file::{NotFetched, page_of},
    live::{OnceKnown, use_live},
    page_data::PageData,
};
use composer::Composer;
use leptos::{prelude::*, server_fn::ServerFn, wasm_split::wasm_split};
use leptos_meta::Title;
use leptos_router::{LazyRoute, components::A, hooks::use_params_map};
use std::sync::Arc;
use thread::ThreadView;
use thread_store::ThreadStore;
use types::{chat::Thread, ids::SessionId};

/// `/chat` and `/chat/{id}`.
#[derive(Clone, Copy)]
pub(crate) struct ChatRoute {
    session: Memo<Option<SessionId>>,
    thread: PageData<Thread>,
}

impl LazyRoute for ChatRoute {
    fn data() -> Self {
        let params = use_params_map();
        let address = Memo::new(move |_| params.read().get("id"));
        let thread = PageData::of(move || address.get(), fetch);
        let session = Memo::new(move |_| address.get()?.parse().ok());
        Self { session, thread }
    }

    async fn view(this: Self) -> AnyView {
        // The server links the file in the page's head.
        #[cfg(feature = "ssr")]
        leptos::prefetch_lazy_fn_on_server("chat_page");
        page_of(Arc::new(move || Box::pin(chat_page(this)))).await
    }

    async fn preload() {
        // Showing the page tries again.
        #[cfg(target_arch = "wasm32")]
        let _ = preload_chat_page().await;
    }
}

#[wasm_split(chat_page, wasm_split_path = leptos::wasm_split, preload(preload_chat_page), fallible)]
fn chat_page(this: ChatRoute) -> Result<AnyView, NotFetched> {
    Ok(view_of(this))
}

fn view_of(this: ChatRoute) -> AnyView {
    let ChatRoute { session, thread } = this;
    let store = ThreadStore::new(session);
    provide_context(store);
    provide_context(thread);
    view! {
        <div class="relative flex min-h-0 flex-1 flex-col">
            <Transition fallback=ThreadSkeleton>
                {move || Suspend::new(async move { show(store, thread.get().await) })}
            </Transition>
            <Composer/>
        </div>
    }
    .into_any()
}

/// Without an address, a chat that has not begun. One that is no number is as gone as an unknown one.
async fn fetch(address: Option<String>) -> Result<Thread, AppError> {
    let id = address.map(|address| address.parse().map_err(|_| AppError::NotFound)).transpose()?;
    api::load_thread(id, 0, None).await
}

fn show(store: ThreadStore, thread: Result<Thread, AppError>) -> AnyView {
    let texts = use_texts();
    match thread {
        Ok(thread) if thread.session.id == SessionId::default() => {
            store.replace(thread);
            view! { <Title text=texts.session_new/> <Empty/> }.into_any()
        }
        Ok(thread) => {
            let title = crate::frame::title_or(&thread.session.title, texts.session_untitled);
            let origin = thread.origin;
            let is_temporary = thread.session.id.is_temporary();
            store.open(thread);
            view! {
                <Title text=title.clone()/>
                <h1 class="sr-only">{title}</h1>
                {is_temporary.then(temporary)}
                {origin.map(forked_from)}
                <ThreadView/>
            }
            .into_any()
        }
        Err(err) => {
            store.clear();
            let gone = Gone {
                title: texts.chat_gone_title,
                hint: texts.chat_gone_hint,
                href: "/chat",
                label: texts.session_new,
            };
            failed(&err, Some(gone))
        }
    }
}

fn forked_from(origin: SessionId) -> AnyView {
    let texts = use_texts();
    view! {
        <p class="border-b border-line px-4 py-1.5 text-center text-xs text-muted" data-testid="forked-from">
            {texts.forked_from} " "
            <A href=format!("/chat/{origin}") attr:class="text-accent-text underline">{texts.forked_open}</A>
        </p>
    }
    .into_any()
}

/// Says that nothing of the chat is kept.
fn temporary() -> AnyView {
    let texts = use_texts();
    view! {
        <p class="border-b border-line px-4 py-1.5 text-center text-xs text-warn" role="note" data-testid="temporary">{texts.chat_temporary}</p>
    }
    .into_any()
}

#[component]
fn Empty() -> impl IntoView {
    let texts = use_texts();
    view! {
        <div class="m-auto flex max-w-md flex-col items-center gap-2 px-6 text-center" data-testid="chat-empty">
            <img src="/icon.svg" alt="" width="48" height="48"/>
            <h1 class="text-2xl font-semibold text-strong">{texts.chat_empty_title}</h1>
            <OnceKnown>
                <WhereItRuns/>
            </OnceKnown>
            <form method="post" action=api::BeginTemporary::url()>
                <button type="submit" class="button button-quiet" data-testid="begin-temporary">{texts.chat_begin_temporary}</button>
            </form>
        </div>
    }
}

/// Whether what is written stays on this machine.
#[component]
fn WhereItRuns() -> impl IntoView {
    let texts = use_texts();
    let live = use_live();
    let words = move || match live.chosen_model().id {
        Some(id) if id.is_remote() => texts.model_is_elsewhere,
        _ => texts.chat_empty_hint,
    };
    view! { <p class="text-base text-muted">{words}</p> }
}

#[component]
fn ThreadSkeleton() -> impl IntoView {
    view! {
        <div class="mx-auto flex w-full max-w-3xl flex-1 flex-col gap-6 px-4 py-6" aria-hidden="true">
            <div class="h-10 w-1/2 self-end rounded-card bg-raised"></div>
            <div class="h-32 rounded-card bg-raised"></div>
        </div>
    }
}
