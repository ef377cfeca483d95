//! Adding files: chosen or dropped, one after the other, each written to the disk while it arrives.

use super::store::DocumentsStore;
use crate::{
    format::bytes,
    i18n::{DocumentsTexts, fill},
    platform,
    ui::{icon::Icon, leaving::AskedToLeave, when::When},
};
use leptos::{ev, prelude::*, task::spawn_local};
use types::document::MAX_DOCUMENT_BYTES;

/// What is new, and what was there already.
const CREATED: u16 = 201;
const OK: u16 = 200;

/// A place for files.
#[component]
pub(super) fn Upload() -> AnyView {
    let texts = DocumentsTexts::here();
    let store = expect_context::<DocumentsStore>();
    let is_over = RwSignal::new(false);
    let take = move |files: Vec<platform::File>| {
        is_over.set(false);
        spawn_local(upload(store, texts, files));
    };
    let on_drop = move |event: ev::DragEvent| {
        event.prevent_default();
        take(platform::dropped_files(&event));
    };
    let on_over = move |event: ev::DragEvent| {
        event.prevent_default();
        is_over.set(true);
    };
    view! {
        <div
            class="flex flex-wrap items-center justify-center gap-3 rounded-card border border-dashed border-line-strong px-4 py-5 text-muted data-[over=true]:border-accent data-[over=true]:bg-accent-tint"
            data-testid="drop"
            data-over=move || is_over.get().to_string()
            on:dragover=on_over
            on:dragleave=move |_| is_over.set(false)
            on:drop=on_drop
        >
            <label class="button button-primary cursor-pointer focus-within:outline-2 focus-within:outline-offset-2 focus-within:outline-accent">
                <Icon icon=icondata_lu::LuUpload size=14/>
                {texts.documents_add}
                <input type="file" multiple class="sr-only" data-testid="add-files"
                    on:change=move |event| take(platform::chosen_files(&event))/>
            </label>
            <span class="text-center">{fill(texts.documents_drop, "size", bytes(MAX_DOCUMENT_BYTES as f64))}</span>
            <When when=move || store.uploads.n() != 0>
                <span class="tabular" role="status" data-testid="uploading">
                    {move || fill(texts.documents_uploading, "n", store.uploads.n())}
                </span>
            </When>
        </div>
    }
    .into_any()
}

/// Goes on when the page is left: nothing here lives only as long as that.
async fn upload(store: DocumentsStore, texts: &'static DocumentsTexts, files: Vec<platform::File>) {
    let Some(collection) = store.open() else { return };
    store.uploads.begin(files.len());
    let _asked = AskedToLeave::begin();
    for file in files {
        let (name, size) = platform::name_and_size(&file);
        let problem = if size > MAX_DOCUMENT_BYTES as f64 {
            Some(fill(texts.document_too_large, "size", bytes(MAX_DOCUMENT_BYTES as f64)))
        } else {
            let address =
                format!("/files/documents?collection={collection}&name={}", platform::encoded(&name));
            match platform::put_file(&address, file).await {
                Some((CREATED, _)) => None,
                Some((OK, there)) => Some(fill(texts.document_there, "there", there)),
                Some((_, sentence)) => Some(format!("{}.", crate::error::capitalised(&sentence))),
                None => Some(texts.error_transport.to_owned()),
            }
        };
        if let Some(problem) = problem {
            store.show(format!("{name}: {problem}"));
        }
        // Whichever page of documents is shown now fetches its lists again.
        store.uploads.end_one();
    }
}
