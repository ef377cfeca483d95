//! Prompts: a library of texts with things to fill in, to use in a chat.

mod address;
pub(crate) mod api;
mod editor;
mod fill_in;
mod form;
mod library;
mod list;
mod prompt;
mod variables;
mod versions;

pub(crate) use form::{FormWords, ValueWords, form};

use super::failed::{Gone, failed_within};
use crate::{error::AppError, page_data::PageData};
use address::{Address, Open};
use editor::Editor;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use library::{Library, use_page_texts};
use list::Side;
use prompt::Prompt;
use types::prompt::{PromptDraft, PromptSummary, PromptView};

/// `/prompts`, `/prompts/new` and `/prompts/{id}`.
pub(super) fn page() -> AnyView {
    let address = Address::of_page();
    let (version, list_version) = (RwSignal::new(0), RwSignal::new(0));
    let list_key = move || format!("{}.{} {}", version.get(), list_version.get(), address.query.get());
    let list = PageData::of(move || Some(list_key()), fetch_list);
    let open =
        PageData::of(move || Some(format!("{} {}", version.get(), address.open.get().key())), fetch_open);
    let library = Library::new(address, version, list_version);
    let texts = library.texts;
    let is_open = move || address.open.get() != Open::Nothing;
    view! {
        <Title text=texts.title/>
        // On a phone either the list or the prompt is shown.
        <h1 class="sr-only">{texts.title}</h1>
        <div class="flex min-h-0 flex-1">
            <div
                class="min-h-0 w-full flex-col border-line md:flex md:w-80 md:shrink-0 md:border-r"
                class:hidden=is_open
                class:flex=move || !is_open()
            >
                <Side library list/>
            </div>
            <div
                class="min-h-0 min-w-0 flex-1 flex-col overflow-y-auto md:flex"
                class:hidden=move || !is_open()
                class:flex=is_open
            >
                <Transition fallback=Skeleton>
                    {move || Suspend::new(async move { show(library, open.get().await) })}
                </Transition>
            </div>
        </div>
    }
    .into_any()
}

async fn fetch_list(key: Option<String>) -> Result<Vec<PromptSummary>, AppError> {
    let key = key.unwrap_or_default();
    let query = key.split_once(' ').map(|(_, query)| query.to_owned());
    api::list_prompts(query.unwrap_or_default()).await
}

/// None where none is open, or a new one.
async fn fetch_open(key: Option<String>) -> Result<Option<PromptView>, AppError> {
    let key = key.unwrap_or_default();
    let (_, open) = key.split_once(' ').unwrap_or_default();
    match Open::of_key(open) {
        Open::Prompt(id) => api::load_prompt(id).await.map(Some),
        Open::Nothing | Open::New => Ok(None),
        Open::Unknown => Err(AppError::NotFound),
    }
}

fn show(library: Library, open: Result<Option<PromptView>, AppError>) -> AnyView {
    let is_new = library.address.open.get_untracked() == Open::New;
    match open {
        Ok(Some(view)) => view! { <Prompt library view/> }.into_any(),
        Ok(None) if is_new => view! { <Editor library id=None saved=PromptDraft::default()/> }.into_any(),
        Ok(None) => view! { <NoneOpen/> }.into_any(),
        Err(err) => instead(library, &err),
    }
}

fn instead(library: Library, err: &AppError) -> AnyView {
    let texts = library.texts;
    failed_within(
        err,
        Some(Gone { title: texts.gone_title, hint: texts.gone_hint, href: "/prompts", label: texts.back }),
    )
}

#[component]
fn NoneOpen() -> AnyView {
    let texts = use_page_texts();
    view! {
        <div class="m-auto flex max-w-md flex-col items-center gap-2 p-8 text-center">
            <h2 class="text-lg font-semibold text-strong">{texts.none_open_title}</h2>
            <p class="text-muted">{texts.none_open_hint}</p>
            <A href="/prompts/new" attr:class="button button-primary mt-2">{texts.new}</A>
        </div>
    }
    .into_any()
}

#[component]
fn Skeleton() -> impl IntoView {
    view! {
        <div class="mx-auto flex w-full max-w-3xl flex-col gap-4 p-6" aria-hidden="true">
            <div class="h-8 w-1/2 rounded-card bg-raised"></div>
            <div class="card h-40"></div>
            <div class="card h-60"></div>
        </div>
    }
}
