//! The passages that an answer was given to read, under it.

use super::thread_store::ThreadStore;
use crate::{
    frame::{Behind, Later},
    i18n::{DocumentsTexts, fill, use_texts},
    pages::documents::{api::documents, passage_place},
    ui::when::When,
};
use leptos::prelude::*;
use leptos_router::components::A;
use types::{
    chat::MessageView,
    document::{DocumentAct, DocumentReply, SourceView},
    ids::MessageId,
};

/// A line that opens; what is in it is fetched then.
#[component]
pub(super) fn Sources(view: ArcRwSignal<MessageView>) -> AnyView {
    let texts = use_texts();
    let MessageView { id, n_sources, .. } = view.get_untracked();
    let is_open = RwSignal::new(false);
    view! {
        <details class="text-sm" data-testid="sources" on:toggle=move |_| is_open.set(true)>
            <summary class="cursor-pointer text-xs text-muted hover:text-strong">
                {fill(texts.sources_title, "n", n_sources)}
            </summary>
            <When when=move || is_open.get()>
                <Later behind=Behind::Sources(id)/>
            </When>
        </details>
    }
    .into_any()
}

/// The passages, each with where it is from.
pub(crate) async fn of(message: MessageId) -> AnyView {
    let texts = DocumentsTexts::here();
    let Some(session) = expect_context::<ThreadStore>().session.get_untracked() else {
        return ().into_any();
    };
    match documents(DocumentAct::SourcesOf { session, message }).await {
        Ok(DocumentReply::Sources(sources)) => {
            let rows: Vec<_> = sources.into_iter().map(source).collect();
            view! { <ol class="mt-1 flex flex-col gap-2">{rows}</ol> }.into_any()
        }
        Ok(_) => ().into_any(),
        Err(err) => view! { <p class="text-danger" role="alert">{err.sentence(texts)}</p> }.into_any(),
    }
}

fn source(source: SourceView) -> AnyView {
    let texts = DocumentsTexts::here();
    let place = passage_place(source.page, &source.heading, texts);
    let name = source.document_name;
    let title = match source.document {
        Some(id) => {
            let href = format!("/documents/{id}?at={}&to={}", source.position, source.last_position);
            view! { <A href=href attr:class="min-w-0 truncate font-medium text-strong hover:underline" attr:data-testid="source-link">{name}</A> }
                .into_any()
        }
        None => {
            view! { <span class="text-muted">{format!("{name} ({})", texts.sources_gone)}</span> }.into_any()
        }
    };
    let scores = crate::pages::documents::scores(source.words, source.meaning, source.ranking, texts);
    view! {
        <li class="card flex flex-col gap-1 px-3 py-2" data-testid="source" data-cited=source.cited.to_string()>
            <div class="flex flex-wrap items-baseline gap-x-2">
                <span class="tabular text-xs text-muted">{format!("[{}]", source.number)}</span>
                {title}
                <span class="min-w-0 truncate text-xs text-muted">{place}</span>
                {source.cited.then(|| view! { <span class="text-xs text-ok">{texts.sources_cited}</span> })}
            </div>
            <p class="line-clamp-4 break-words whitespace-pre-wrap">{source.text}</p>
            <p class="tabular text-xs text-muted">{scores}</p>
        </li>
    }
    .into_any()
}
