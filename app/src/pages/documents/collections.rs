//! The list of collections, and a form for another one.

use super::store::DocumentsStore;
use crate::{
    i18n::DocumentsTexts,
    platform,
    ui::{icon::Icon, list::list, when::When},
};
use leptos::{ev, html, prelude::*};
use leptos_router::components::A;
use types::document::{CollectionView, MAX_COLLECTION_CHARS};

/// The list.
#[component]
pub(super) fn Collections() -> AnyView {
    let texts = DocumentsTexts::here();
    let store = expect_context::<DocumentsStore>();
    view! {
        <section class="flex shrink-0 flex-col gap-2 md:w-60" aria-label=texts.collections_label>
            <h1 class="text-xl font-semibold text-strong">{texts.documents_title}</h1>
            <ul class="flex flex-col gap-px" data-testid="collections">
                {list(
                    move || store.view.read().collections.clone(),
                    move |row| (row.id, row.name.clone(), row.n_documents, store.view.read_untracked().open == Some(row.id)),
                    move |row| collection(row, store),
                )}
            </ul>
            <NewCollection/>
        </section>
    }
    .into_any()
}

fn collection(row: CollectionView, store: DocumentsStore) -> AnyView {
    let is_open = store.view.read_untracked().open == Some(row.id);
    view! {
        <li>
            <A
                href=format!("/documents?c={}", row.id)
                attr:class="nav-link aria-[current=true]:bg-raised aria-[current=true]:font-medium aria-[current=true]:text-strong"
                attr:aria-current=is_open.then_some("true")
                attr:data-testid="collection"
            >
                <Icon icon=icondata_lu::LuLibrary/>
                <span class="min-w-0 flex-1 truncate">{row.name}</span>
                <span class="tabular text-xs">{row.n_documents}</span>
            </A>
        </li>
    }
    .into_any()
}

#[component]
fn NewCollection() -> AnyView {
    let texts = DocumentsTexts::here();
    let store = expect_context::<DocumentsStore>();
    let field = NodeRef::<html::Input>::new();
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let name = platform::form_values(&event)("name");
        if name.trim().is_empty() {
            return;
        }
        // A name that is refused stays where it was typed.
        store.add_collection(name, move || {
            if let Some(field) = field.try_get_untracked().flatten() {
                field.set_value("");
            }
        });
    };
    let is_first = move || store.view.read().collections.is_empty();
    view! {
        <form class="flex gap-1" on:submit=on_submit data-testid="new-collection">
            <input
                node_ref=field
                name="name"
                class="field h-8 min-w-0 flex-1"
                required
                autocomplete="off"
                maxlength=MAX_COLLECTION_CHARS
                placeholder=texts.collection_new
                aria-label=texts.collection_new
            />
            <button type="submit" class="button button-quiet" aria-label=texts.collection_add title=texts.collection_add>
                <Icon icon=icondata_lu::LuPlus/>
            </button>
        </form>
        <When when=is_first>
            <p class="text-muted">{texts.collections_none}</p>
        </When>
    }
    .into_any()
}
