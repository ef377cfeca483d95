//! The open collection: what can be done with it, and its documents.

use super::{
    SearchAgain, folder::Folder, found::FoundList, notice::EmbedderNotice, store::DocumentsStore,
    upload::Upload,
};
use crate::{
    format::bytes,
    i18n::{DocumentsTexts, fill},
    platform,
    ui::{
        icon::{Icon, IconButton},
        list::list,
        when::When,
    },
};
use leptos::{ev, html, prelude::*};
use leptos_router::{components::A, hooks::use_query_map};
use types::{
    document::{
        CollectionView, DocumentAct, DocumentKind, DocumentState, DocumentView, Embedder,
        MAX_COLLECTION_CHARS, MAX_SEARCH_BYTES,
    },
    ids::CollectionId,
};

/// The collection that is open; nothing where there is none.
#[component]
pub(super) fn OpenCollection() -> AnyView {
    let store = expect_context::<DocumentsStore>();
    let open = Memo::new(move |_| store.view.read().open);
    let view = move || open.get().map(|id| view! { <Collection id/> }.into_any());
    view! { <div class="flex min-w-0 flex-1 flex-col gap-4">{view}</div> }.into_any()
}

#[component]
fn Collection(id: CollectionId) -> AnyView {
    let store = expect_context::<DocumentsStore>();
    let found = store.found.get_value();
    let texts = DocumentsTexts::here();
    let none = move || store.view.read().documents.is_empty();
    let n_more = Memo::new(move |_| store.n_more());
    view! {
        <Head/>
        <EmbedderNotice/>
        <Search id/>
        {found.map(|found| view! { <FoundList found/> })}
        <Upload/>
        <Folder id/>
        <When when=none>
            <p class="p-6 text-center text-muted" data-testid="documents-none">{texts.documents_none}</p>
        </When>
        <ul class="flex flex-col gap-2" aria-label=texts.documents_label data-testid="documents">
            {list(
                move || store.view.read().documents.clone(),
                |row| (row.id, row.state, row.n_passages, row.n_vectors, row.error.clone()),
                move |row| document(row, store),
            )}
        </ul>
        <When when=move || n_more.get() != 0>
            <button type="button" class="button button-quiet self-center" data-testid="documents-more" on:click=move |_| store.show_more()>
                {move || fill(texts.documents_more, "n", n_more.get())}
            </button>
        </When>
    }
    .into_any()
}

#[component]
fn Head() -> AnyView {
    let texts = DocumentsTexts::here();
    let store = expect_context::<DocumentsStore>();
    let renaming = RwSignal::new(false);
    let collection = Memo::new(move |_| store.open_collection());
    let name = move || collection.get().map(|it| it.name).unwrap_or_default();
    let with = move |act: &dyn Fn(&CollectionView)| {
        if let Some(collection) = collection.get_untracked() {
            act(&collection);
        }
    };
    view! {
        <header class="flex flex-wrap items-center gap-2">
            <When
                when=move || renaming.get()
                fallback=move || view! {
                    <h2 class="min-w-0 flex-1 truncate text-lg font-semibold text-strong" data-testid="collection-name">{name}</h2>
                }
            >
                <NameEditor collection renaming/>
            </When>
            <button type="button" class="button button-quiet" data-testid="chat-about"
                on:click=move |_| with(&|it| store.chat_about(it.id))>
                <Icon icon=icondata_lu::LuMessageSquare size=14/>
                {texts.collection_chat}
            </button>
            <IconButton icon=icondata_lu::LuPencil label=texts.collection_rename.to_owned() testid="collection-rename"
                on_click=move |()| renaming.set(true)/>
            <IconButton icon=icondata_lu::LuRefreshCw label=texts.collection_index.to_owned() testid="collection-index"
                on_click=move |()| with(&|it| store.act(DocumentAct::IndexAll { collection: it.id }))/>
            <IconButton icon=icondata_lu::LuTrash2 label=texts.collection_delete.to_owned() testid="collection-delete"
                on_click=move |()| with(&|it| store.delete_collection(it))/>
        </header>
    }
    .into_any()
}

/// The name in place: Enter saves, Escape and leaving do not.
#[component]
fn NameEditor(collection: Memo<Option<CollectionView>>, renaming: RwSignal<bool>) -> AnyView {
    let texts = DocumentsTexts::here();
    let store = expect_context::<DocumentsStore>();
    let field = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            _ = field.focus();
            field.select();
        }
    });
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let name = platform::form_values(&event)("name");
        if let Some(collection) = collection.get_untracked().filter(|_| !name.trim().is_empty()) {
            store.rename_collection(collection.id, name);
        }
        renaming.set(false);
    };
    let on_key = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" {
            event.stop_propagation();
            renaming.set(false);
        }
    };
    view! {
        <form class="flex min-w-0 flex-1 gap-1" on:submit=on_submit on:keydown=on_key>
            <input node_ref=field name="name" class="field h-8" maxlength=MAX_COLLECTION_CHARS autocomplete="off"
                aria-label=texts.collection_name value=collection.get_untracked().map(|it| it.name)/>
            <button type="submit" class="button button-primary">{texts.save}</button>
            <button type="button" class="button button-quiet" on:click=move |_| renaming.set(false)>{texts.cancel}</button>
        </form>
    }
    .into_any()
}

/// A plain form: what was looked for is in the address, and can be returned to.
#[component]
fn Search(id: CollectionId) -> AnyView {
    let texts = DocumentsTexts::here();
    let store = expect_context::<DocumentsStore>();
    let query = use_query_map().read_untracked().get("q").unwrap_or_default();
    let SearchAgain(again) = expect_context();
    let last = query.clone();
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let query = platform::form_values(&event)("q");
        if query == last && !query.is_empty() {
            again.update(|n| *n += 1);
            return;
        }
        let address = platform::encoded(&query);
        store.go(format!("/documents?c={id}&q={address}"));
    };
    view! {
        <form method="get" action="/documents" role="search" class="flex gap-2" on:submit=on_submit>
            <input type="hidden" name="c" value=id.0/>
            <input type="search" name="q" class="field h-8 min-w-0 flex-1" value=query maxlength=MAX_SEARCH_BYTES
                placeholder=texts.documents_search aria-label=texts.documents_search data-testid="documents-search"/>
            <button type="submit" class="button button-primary">
                <Icon icon=icondata_lu::LuSearch size=14/>
                {texts.documents_find}
            </button>
        </form>
    }
    .into_any()
}

fn document(row: DocumentView, store: DocumentsStore) -> AnyView {
    let texts = DocumentsTexts::here();
    let id = row.id;
    let details = details(&row, texts);
    let lacks_vectors = row.lacks_vectors();
    let (state, problem, note) = (row.state, row.error.clone(), row.note.clone());
    let can_be_read = row.n_passages > 0;
    let name = row.name.clone();
    let title = if can_be_read {
        view! { <A href=format!("/documents/{id}") attr:class="block truncate font-medium text-strong hover:underline">{name}</A> }
            .into_any()
    } else {
        view! { <span class="block truncate font-medium text-strong">{name}</span> }.into_any()
    };
    let only_words = move || {
        let has_embedder = store.view.read().embedder != Embedder::None;
        (has_embedder && lacks_vectors).then_some(texts.document_only_words)
    };
    let can_try = matches!(state, DocumentState::Failed | DocumentState::Stopped) || problem.is_some();
    let again = move |_| store.act(DocumentAct::Index { document: id });
    view! {
        <li class="card flex items-center gap-3 px-3 py-2" data-testid="document" data-state=state.name()>
            <Icon icon=icon(row.kind) size=20/>
            <div class="min-w-0 flex-1">
                {title}
                <span class="tabular block text-xs text-muted">{details}</span>
                {problem.map(|problem| view! { <span class="block text-xs text-danger" data-testid="document-error">{sentence(&problem)}</span> })}
                <span class="block text-xs text-warn empty:hidden" data-testid="document-only-words">{only_words}</span>
                {note.map(|note| view! { <span class="block text-xs text-warn" data-testid="document-note">{note}</span> })}
            </div>
            <span class="shrink-0 text-xs text-muted" data-testid="document-state">{state_words(state, texts)}</span>
            {can_try.then(|| view! {
                <button type="button" class="button button-quiet" data-testid="document-again" on:click=again>{texts.retry}</button>
            })}
            <IconButton icon=icondata_lu::LuTrash2 label=fill(texts.document_delete, "name", &row.name) testid="document-delete"
                on_click=move |()| store.delete_document(&row)/>
        </li>
    }
    .into_any()
}

fn sentence(problem: &str) -> String {
    format!("{}.", crate::error::capitalised(problem.trim_end_matches('.')))
}

fn details(row: &DocumentView, texts: &DocumentsTexts) -> String {
    let pages = row.n_pages.map(|n| counted(n, texts.document_page_one, texts.document_pages));
    let passages = (row.n_passages > 0)
        .then(|| counted(row.n_passages, texts.document_passage_one, texts.document_passages));
    let vectors = (row.state == DocumentState::Ready && row.n_vectors > 0 && row.n_vectors < row.n_passages)
        .then(|| fill(texts.document_vectors, "n", row.n_vectors));
    let parts = [row.kind.map(|kind| kind_words(kind, texts).to_owned()), Some(bytes(row.n_bytes as f64))];
    parts.into_iter().chain([pages, passages, vectors]).flatten().collect::<Vec<_>>().join(" · ")
}

fn counted(n: u32, one: &str, several: &str) -> String {
    if n == 1 { one.to_owned() } else { fill(several, "n", n) }
}

fn state_words(state: DocumentState, texts: &DocumentsTexts) -> &'static str {
    match state {
        DocumentState::Waiting => texts.document_waiting,
        DocumentState::Indexing => texts.document_indexing,
        DocumentState::Ready => texts.document_ready,
        DocumentState::Failed => texts.document_failed,
        DocumentState::Stopped => texts.document_stopped,
    }
}

fn kind_words(kind: DocumentKind, texts: &DocumentsTexts) -> &'static str {
    match kind {
        DocumentKind::Text => texts.kind_text,
        DocumentKind::Markdown => "Markdown",
        DocumentKind::Code => texts.kind_code,
        DocumentKind::Csv => "CSV",
        DocumentKind::Html => "HTML",
        DocumentKind::Pdf => "PDF",
        DocumentKind::Docx => "DOCX",
        DocumentKind::Odt => "ODT",
        DocumentKind::Pptx => "PPTX",
        DocumentKind::Sheet => texts.kind_sheet,
        DocumentKind::Epub => "EPUB",
        DocumentKind::Image => texts.kind_image,
    }
}

fn icon(kind: Option<DocumentKind>) -> &'static icondata_core::IconData {
    match kind {
        None => icondata_lu::LuFile,
        Some(DocumentKind::Code) => icondata_lu::LuFileCode,
        Some(DocumentKind::Csv | DocumentKind::Sheet) => icondata_lu::LuFileSpreadsheet,
        Some(DocumentKind::Pptx) => icondata_lu::LuPresentation,
        Some(DocumentKind::Image) => icondata_lu::LuImage,
        Some(DocumentKind::Epub) => icondata_lu::LuBookOpen,
        Some(_) => icondata_lu::LuFileText,
    }
}
