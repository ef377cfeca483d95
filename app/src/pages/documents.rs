//! Documents: collections, what is in them, finding passages, and reading a document at one.

pub(crate) mod api;
mod collections;
mod folder;
mod found;
mod list;
mod notice;
mod reader;
mod store;
mod upload;

pub(crate) use found::{place as passage_place, scores};

use super::failed::{Gone, failed};
use crate::{error::AppError, i18n::DocumentsTexts, page_data::PageData};
use collections::Collections;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use list::OpenCollection;
use reader::reader;
use store::DocumentsStore;
use types::{
    document::{DOCUMENTS_SHOWN, DocumentAct, DocumentReply},
    ids::{CollectionId, DocumentId},
};

/// `/documents` with `?c=` and `?q=`, and `/documents/{id}` with `?at=` and `?to=`, or with `?for=` and a sentence.
pub(super) fn page() -> AnyView {
    let (params, query) = (use_params_map(), use_query_map());
    let address = Memo::new(move |_| {
        let of = |name: &str| query.read().get(name).unwrap_or_default();
        match params.read().get("id") {
            Some(id) => format!("{id} {} {}", of("at"), of("for")),
            None => format!("? {} {}", of("c"), of("q")),
        }
    });
    let again = RwSignal::new(0_u32);
    provide_context(SearchAgain(again));
    let key = move || Some(format!("{} {}", again.get(), address.read()));
    let shown = PageData::of(key, move |_| fetch(address.get_untracked()));
    view! {
        <div class="min-h-0 flex-1 overflow-y-auto" data-testid="documents-page">
            <Transition fallback=DocumentsSkeleton>
                {move || Suspend::new(async move { show(shown.get().await) })}
            </Transition>
        </div>
    }
    .into_any()
}

/// Grows when somebody looks for the same words once more: there may be more to find by now.
#[derive(Clone, Copy)]
struct SearchAgain(RwSignal<u32>);

/// An address that is no number is as gone as an unknown one.
async fn fetch(address: String) -> Result<DocumentReply, AppError> {
    let mut parts = address.splitn(3, ' ');
    let (first, second, third) = (parts.next(), parts.next(), parts.next());
    let document =
        |id: Option<&str>| id.and_then(|id| id.parse().ok()).map(DocumentId).ok_or(AppError::NotFound);
    let act = match first {
        Some("?") => DocumentAct::Look {
            open: second.and_then(|id| id.parse().ok()).map(CollectionId),
            query: third.unwrap_or_default().to_owned(),
            n_documents: DOCUMENTS_SHOWN,
        },
        id => match third.filter(|it| !it.is_empty()) {
            Some(sentence) => DocumentAct::ReadFor { document: document(id)?, sentence: sentence.to_owned() },
            None => DocumentAct::Read {
                document: document(id)?,
                position: second.and_then(|at| at.parse().ok()).unwrap_or(0),
            },
        },
    };
    api::documents(act).await
}

fn show(shown: Result<DocumentReply, AppError>) -> AnyView {
    let texts = DocumentsTexts::here();
    match shown {
        Ok(DocumentReply::Looked(view)) => {
            provide_context(DocumentsStore::new(*view));
            view! {
                <Title text=texts.documents_title/>
                <div class="mx-auto flex max-w-6xl flex-col gap-4 px-4 py-6 md:flex-row md:gap-6">
                    <Collections/>
                    <OpenCollection/>
                </div>
            }
            .into_any()
        }
        Ok(DocumentReply::Read(page)) => reader(*page),
        Ok(_) => instead(&AppError::Internal),
        Err(err) => instead(&err),
    }
}

fn instead(err: &AppError) -> AnyView {
    let texts = DocumentsTexts::here();
    let (title, hint) = (texts.document_gone_title, texts.document_gone_hint);
    failed(err, Some(Gone { title, hint, href: "/documents", label: texts.documents_title }))
}

#[component]
fn DocumentsSkeleton() -> impl IntoView {
    view! {
        <div class="mx-auto flex max-w-6xl flex-col gap-4 px-4 py-6 md:flex-row md:gap-6" aria-hidden="true">
            <div class="card h-40 md:w-64"></div>
            <div class="card h-96 flex-1"></div>
        </div>
    }
}
