//! Which collections of documents the answers of this chat look into.

use super::{count_button::CountButton, draft, papers, thread_store::ThreadStore};
use crate::{
    frame::{Behind, use_sessions},
    i18n::{DocumentsTexts, use_texts},
    pages::documents::api::documents,
    ui::{icon::Icon, toast::use_toasts},
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::components::A;
use types::{
    document::{CollectionView, DocumentAct, DocumentReply},
    ids::{CollectionId, SessionId},
};

/// A button with their number, and the list behind it.
#[component]
pub(super) fn CollectionsButton() -> AnyView {
    CountButton {
        label: use_texts().chat_documents,
        icon: icondata_lu::LuLibrary,
        n: expect_context::<ThreadStore>().n_collections,
        open: RwSignal::new(false),
        testid: "chat-documents",
        behind: Behind::Collections,
    }
    .view()
}

/// The collections to choose from.
pub(crate) async fn choices() -> AnyView {
    let texts = DocumentsTexts::here();
    let store = expect_context::<ThreadStore>();
    let session = store.session.get_untracked();
    let (collections, chosen) = match documents(DocumentAct::UsedIn { session }).await {
        Ok(DocumentReply::Used { collections, chosen }) => (collections, chosen),
        Ok(_) => Default::default(),
        Err(err) => {
            return view! { <p class="p-2 text-danger" role="alert">{err.sentence(texts)}</p> }.into_any();
        }
    };
    let hint = if collections.is_empty() { texts.chat_documents_none } else { texts.chat_documents_hint };
    let chosen = RwSignal::new(chosen);
    let rows: Vec<_> = collections.into_iter().map(|collection| choice(collection, chosen, store)).collect();
    view! {
        {papers::choose_files(store)}
        <p class="px-2 py-1 text-muted">{hint}</p>
        <ul>{rows}</ul>
        <A href="/documents" attr:class="menu-item">
            <Icon icon=icondata_lu::LuArrowRight size=14/>
            {texts.chat_documents_open}
        </A>
    }
    .into_any()
}

fn choice(collection: CollectionView, chosen: RwSignal<Vec<CollectionId>>, store: ThreadStore) -> AnyView {
    let id = collection.id;
    let name =
        if collection.is_of_chat { DocumentsTexts::here().chat_files.to_owned() } else { collection.name };
    let keep = use_keep(store);
    let on_change = move |_| {
        chosen.update(|chosen| match chosen.iter().position(|it| *it == id) {
            Some(idx) => _ = chosen.remove(idx),
            None => chosen.push(id),
        });
        keep.run(chosen.get_untracked());
    };
    view! {
        <li>
            <label class="menu-item cursor-pointer">
                <input
                    type="checkbox"
                    class="accent-accent"
                    data-testid="chat-collection"
                    prop:checked=move || chosen.read().contains(&id)
                    on:change=on_change
                />
                <span class="min-w-0 flex-1 truncate">{name}</span>
                <span class="tabular text-xs text-muted">{collection.n_documents}</span>
            </label>
        </li>
    }
    .into_any()
}

/// Keeps which collections the answers of this chat look into; a chat that has not begun begins.
pub(super) fn use_keep(store: ThreadStore) -> Callback<Vec<CollectionId>> {
    let (toasts, texts, go) = (use_toasts(), DocumentsTexts::here(), use_sessions().go);
    Callback::new(move |collections: Vec<CollectionId>| {
        let session = store.session.get_untracked();
        let n = collections.len() as u64;
        spawn_local(async move {
            match documents(DocumentAct::UseIn { session, collections }).await {
                Ok(DocumentReply::Session(started)) => {
                    _ = store.n_collections.try_set(n);
                    if session.is_none() {
                        go_along(started, go);
                    }
                }
                Ok(_) => {}
                Err(err) => toasts.show(err.sentence(texts)),
            }
        });
    })
}

/// Goes to the chat that has just begun; what was being written goes along.
pub(super) fn go_along(started: SessionId, go: Callback<String>) {
    draft::begin(started);
    go.run(format!("/chat/{started}"));
}
