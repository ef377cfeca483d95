//! A document's text, with the passage marked that somebody came for.

use super::found::place;
use crate::{
    i18n::{DocumentsTexts, fill},
    ui::icon::Icon,
};
use leptos::{html, prelude::*};
use leptos_meta::Title;
use leptos_router::{components::A, hooks::use_query_map};
use types::document::{DocumentPage, PassageKind, PassageView};

/// How long a page that is being opened is waited for, in frames: about a second.
const MOST_FRAMES: u32 = 60;

/// The page of one document.
pub(super) fn reader(page: DocumentPage) -> AnyView {
    let texts = DocumentsTexts::here();
    let query = use_query_map();
    let number = |name: &str| query.read_untracked().get(name).and_then(|it| it.parse::<u32>().ok());
    let DocumentPage { document, collection, collection_name, session, passages, has_file, nearest } = page;
    let at = number("at").or(nearest);
    let to = number("to").or(at);
    let is_marked = move |position: u32| at.is_some_and(|at| (at..=to.unwrap_or(at)).contains(&position));
    let back = session.map_or_else(|| format!("/documents?c={collection}"), |id| format!("/chat/{id}"));
    let id = document.id;
    let first = passages.first().map_or(0, |it| it.position);
    let last = passages.last().map_or(0, |it| it.position);
    let n_all = document.n_passages;
    let file_page = passages.iter().find(|it| Some(it.position) == at).and_then(|it| it.page);
    let file =
        format!("/files/documents/{id}{}", file_page.map(|n| format!("#page={n}")).unwrap_or_default());
    let mut before: (Option<u32>, String) = (None, String::new());
    let rows: Vec<_> = passages
        .into_iter()
        .map(|passage| {
            let here = (passage.page, passage.heading.clone());
            let head = (here != before).then(|| place(passage.page, &passage.heading, texts));
            before = here;
            // Only the first marked one is scrolled to.
            row(passage, head, &is_marked, at)
        })
        .collect();
    let earlier = (first > 0).then(|| format!("/documents/{id}?at={}", first.saturating_sub(1)));
    let later = (last + 1 < n_all).then(|| format!("/documents/{id}?at={}", last + 1));
    view! {
        <Title text=document.name.clone()/>
        <article class="mx-auto flex max-w-3xl flex-col gap-3 px-4 py-6" data-testid="reader">
            <nav class="text-xs">
                <A href=back attr:class="text-accent-text hover:underline">
                    {format!("← {collection_name}")}
                </A>
            </nav>
            <header class="flex flex-wrap items-center gap-2">
                <h1 class="min-w-0 flex-1 text-xl font-semibold break-words text-strong">{document.name}</h1>
                {if has_file {
                    view! {
                        <a href=file rel="external" target="_blank" class="button button-quiet" data-testid="document-file">
                            <Icon icon=icondata_lu::LuFile size=14/>
                            {texts.document_file}
                        </a>
                    }.into_any()
                } else {
                    view! { <span class="text-xs text-warn" data-testid="document-file-gone">{texts.document_file_gone}</span> }.into_any()
                }}
            </header>
            <p class="tabular text-xs text-muted">
                {fill(&fill(&fill(texts.document_part, "first", first + 1), "last", last + 1), "n", n_all)}
            </p>
            {earlier.map(|href| view! { <A href=href attr:class="button button-quiet self-start">{texts.document_earlier}</A> })}
            <div class="flex flex-col gap-3">{rows}</div>
            {later.map(|href| view! { <A href=href attr:class="button button-quiet self-start" attr:data-testid="document-later">{texts.document_later}</A> })}
        </article>
    }
    .into_any()
}

/// Goes to `element` once it is on the page: one that is built while another page is still shown is not yet.
fn go_to(element: NodeRef<html::Div>, frames_left: u32) {
    let Some(found) = element.try_get_untracked().flatten() else { return };
    if found.is_connected() {
        found.scroll_into_view();
        _ = found.focus();
    } else if frames_left > 0 {
        request_animation_frame(move || go_to(element, frames_left - 1));
    }
}

fn row(
    passage: PassageView,
    head: Option<String>,
    is_marked: &impl Fn(u32) -> bool,
    at: Option<u32>,
) -> AnyView {
    let marked = is_marked(passage.position);
    let element = NodeRef::<html::Div>::new();
    if at == Some(passage.position) {
        Effect::new(move |_| {
            if element.get().is_some() {
                go_to(element, MOST_FRAMES);
            }
        });
    }
    let class = match passage.kind {
        PassageKind::Text => "text-base break-words whitespace-pre-wrap",
        PassageKind::Table | PassageKind::Code => "font-mono text-xs break-words whitespace-pre-wrap",
    };
    let head = head.filter(|head| !head.is_empty());
    view! {
        <div
            node_ref=element
            id=format!("p{}", passage.position)
            tabindex=marked.then_some("-1")
            class="scroll-mt-4 border-l-2 border-transparent px-3 py-1 outline-none data-[marked=true]:border-accent data-[marked=true]:bg-accent-tint"
            data-testid="passage"
            data-marked=marked.to_string()
        >
            {head.map(|head| view! { <p class="mb-1 text-xs text-muted">{head}</p> })}
            {(!passage.header.is_empty()).then(|| view! { <p class="font-mono text-xs text-muted">{passage.header}</p> })}
            {if marked {
                view! { <mark class=format!("block bg-transparent text-strong {class}")>{passage.text}</mark> }.into_any()
            } else {
                view! { <p class=class>{passage.text}</p> }.into_any()
            }}
        </div>
    }
    .into_any()
}
