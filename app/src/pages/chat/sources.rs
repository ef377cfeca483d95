//! The passages that an answer was given to read, under it.

use super::thread_store::{Row, ThreadStore, update_blocks};
use crate::{
    frame::{Behind, Later},
    i18n::{DocumentsTexts, fill, use_texts},
    pages::documents::{api::documents, passage_place},
    platform,
    ui::when::When,
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::components::A;
use types::{
    chat::MessageView,
    document::{DocumentAct, DocumentReply, MAX_SEARCH_BYTES, SourceView},
    ids::{CollectionId, MessageId, SessionId},
};

/// Searches of one answer that can be looked at again; a model may have made many.
const MOST_SEARCHES: usize = 4;

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
    let question = question(message);
    match documents(DocumentAct::SourcesOf { session, message }).await {
        Ok(DocumentReply::Sources(sources)) => {
            let searches = searches(&sources, question).await;
            let rows: Vec<_> = sources.into_iter().map(source).collect();
            view! {
                <ol class="mt-1 flex flex-col gap-2">{rows}</ol>
                {searches.into_iter().map(others).collect::<Vec<_>>()}
                <Support session message/>
            }
            .into_any()
        }
        Ok(_) => ().into_any(),
        Err(err) => view! { <p class="text-danger" role="alert">{err.sentence(texts)}</p> }.into_any(),
    }
}

/// What was looked for, and in which collection.
struct Search {
    words: String,
    collection: CollectionId,
    /// The model asked so, not the person.
    is_of_tool: bool,
}

/// What the passages were found for: the question, or what the model searched for with a tool. Each once, where it can be searched again.
async fn searches(sources: &[SourceView], question: Option<String>) -> Vec<Search> {
    let mut searches: Vec<Search> = Vec::new();
    let found = sources.iter().filter(|source| source.document.is_some() && !source.is_whole);
    for source in found {
        let Some(words) = source.query.clone().or_else(|| question.clone()) else { continue };
        let is_known = searches.iter().any(|it| it.words == words);
        if is_known || words.trim().is_empty() || searches.len() >= MOST_SEARCHES {
            continue;
        }
        if let Some(collection) = collection_of(source).await {
            searches.push(Search { words, collection, is_of_tool: source.query.is_some() });
        }
    }
    searches
}

/// Where a passage is from, where that can be searched by itself: the files of a chat cannot.
async fn collection_of(source: &SourceView) -> Option<CollectionId> {
    let read = DocumentAct::Read { document: source.document?, position: source.position };
    match documents(read).await {
        Ok(DocumentReply::Read(page)) => page.session.is_none().then_some(page.collection),
        _ => None,
    }
}

/// What the person had said before an answer.
fn question(message: MessageId) -> Option<String> {
    expect_context::<ThreadStore>().rows.with_untracked(|rows| {
        let at = rows.iter().position(|row| row.id == message)?;
        Some(rows.get(at.checked_sub(1)?)?.view.read_untracked().text.clone())
    })
}

/// The way to everything that is found for that in a collection, with what each is worth.
fn others(Search { words, collection, is_of_tool }: Search) -> AnyView {
    let texts = DocumentsTexts::here();
    let short = &words[..words.floor_char_boundary(MAX_SEARCH_BYTES)];
    let href = format!("/documents?c={collection}&q={}", platform::encoded(short));
    let label = match is_of_tool {
        true => fill(texts.sources_others_of_tool, "query", short),
        false => texts.sources_others.to_owned(),
    };
    view! { <A href=href attr:class="mt-1 block truncate text-xs hover:underline" attr:data-testid="sources-others">{label}</A> }
        .into_any()
}

/// Looks for sentences without support when asked, and marks them in the answer: it takes a moment, and is a hint only.
#[component]
fn Support(session: SessionId, message: MessageId) -> AnyView {
    let texts = DocumentsTexts::here();
    let told = RwSignal::new(None::<(String, Vec<String>)>);
    let marks = Marks::of(message);
    let ask = move |_| {
        told.set(Some((texts.support_asking.to_owned(), Vec::new())));
        let text = marks.text();
        spawn_local(async move {
            let found = match documents(DocumentAct::Unsupported { session, message }).await {
                Ok(DocumentReply::Unsupported(Some(found))) => {
                    let head =
                        if found.sentences.is_empty() { texts.support_none } else { texts.support_some };
                    marks.show(text, found.blocks, texts);
                    (head.to_owned(), found.sentences)
                }
                Ok(_) => (texts.support_no_model.to_owned(), Vec::new()),
                Err(err) => (err.sentence(texts), Vec::new()),
            };
            // The chat may have been left.
            _ = told.try_set(Some(found));
        });
    };
    let answer = move || {
        told.get().map(|(head, sentences)| {
            let rows: Vec<_> = sentences
                .into_iter()
                .map(|sentence| view! { <li class="break-words" data-testid="unsupported">{sentence}</li> })
                .collect();
            view! {
                <p class="mt-1">{head}</p>
                <ul class="list-disc pl-5">{rows}</ul>
            }
        })
    };
    view! {
        <div class="mt-2 text-xs" data-testid="support">
            <button type="button" class="button button-quiet" title=texts.support_hint data-testid="support-ask" on:click=ask>
                {texts.support_ask}
            </button>
            <div role="status">{answer}</div>
            <p class="text-muted">{texts.support_hint}</p>
        </div>
    }
    .into_any()
}

/// What the server leaves for the page to name.
const UNNAMED: &str = r#"<mark data-word="unsupported">"#;

/// An answer with marks in it, which stay as long as its text does. Copy.
#[derive(Clone, Copy)]
struct Marks {
    row: StoredValue<Option<Row>>,
    /// The text that was looked at, and its blocks with marks.
    marked: RwSignal<Option<(String, Vec<String>)>>,
}

impl Marks {
    fn of(message: MessageId) -> Self {
        let rows = expect_context::<ThreadStore>().rows;
        let row = rows.with_untracked(|rows| rows.iter().find(|row| row.id == message).cloned());
        let marks = Self { row: StoredValue::new(row.clone()), marked: RwSignal::new(None) };
        Effect::new(move |_| {
            let (Some(row), Some((text, blocks))) = (&row, marks.marked.get()) else { return };
            // Fetching the thread again takes the marks away.
            row.blocks.track();
            if row.view.read().text == text {
                row.blocks.maybe_update(|old| update_blocks(old, 0, &blocks));
            }
        });
        marks
    }

    fn text(self) -> String {
        let row = self.row.get_value();
        row.map(|row| row.view.read_untracked().text.clone()).unwrap_or_default()
    }

    fn show(self, text: String, blocks: Vec<String>, texts: &DocumentsTexts) {
        let named = format!(r#"<mark class="unsupported" title="{}">"#, texts.support_mark);
        let blocks = blocks.iter().map(|block| block.replace(UNNAMED, &named)).collect();
        _ = self.marked.try_set(Some((text, blocks)));
    }
}

fn source(source: SourceView) -> AnyView {
    let texts = DocumentsTexts::here();
    let place = passage_place(source.page, &source.heading, texts);
    let name = source.document_name;
    let title = match source.document {
        Some(id) => {
            let href = match source.is_whole {
                true => format!("/documents/{id}"),
                false => format!("/documents/{id}?at={}", source.best_position),
            };
            view! { <A href=href attr:class="min-w-0 truncate font-medium text-strong hover:underline" attr:data-testid="source-link">{name}</A> }
                .into_any()
        }
        None => {
            view! { <span class="text-muted">{format!("{name} ({})", texts.sources_gone)}</span> }.into_any()
        }
    };
    let scores = match source.is_whole {
        true => texts.sources_whole.to_owned(),
        false => crate::pages::documents::scores(source.words, source.meaning, source.ranking, texts),
    };
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
