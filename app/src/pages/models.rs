//! Models: everything of this machine in one library, over everyone's folders.
//!
//! What is shown is in the address, so that every view can be kept and the page works without scripting.

pub(crate) mod api;
mod bring;
mod details;
mod filters;
mod folders;
mod quants;
pub(crate) mod rows;
mod store;
pub(crate) mod words;

use super::failed::{Gone, failed};
use crate::{
    error::AppError,
    i18n::{ModelsTexts, fill},
    live::use_live,
    page_data::PageData,
    ui::{icon::Icon, when::When},
};
use details::details;
use filters::{Filters, address, query_of};
use folders::{Folders, Offered};
use leptos::{ev, prelude::*, wasm_bindgen::JsCast, web_sys};
use leptos_meta::Title;
use leptos_router::{components::A, hooks::use_query_map, params::ParamsMap};
use rows::Rows;
use store::ModelsStore;
use types::{
    ids::{JobId, ModelId},
    job::{JobKind, JobState},
    shelf::{ROWS_SHOWN, Shelf, ShelfAct, ShelfQuery, ShelfReply},
};

/// `/models`, of one model with `?model=`.
pub(super) fn page() -> AnyView {
    let query = use_query_map();
    let live = use_live();
    let store = ModelsStore::new();
    provide_context(store);
    let waits = StoredValue::new(false);
    // One model's page stays as it is: somebody may be writing in it. A form does until it is left.
    let look_again = move || {
        waits.set_value(is_in_form(document().active_element()));
        if query.read_untracked().get_str("model").is_none() && !waits.get_value() {
            store.version.update(|n| *n += 1);
        }
    };
    let on_leave = move |event: ev::FocusEvent| {
        let next = event.related_target().and_then(|it| it.dyn_into::<web_sys::Element>().ok());
        if waits.try_get_value() == Some(true) && !is_in_form(next) {
            waits.set_value(false);
            // Until then it is still there, unless the page was left.
            request_animation_frame(move || {
                if waits.try_get_value().is_some() {
                    look_again();
                }
            });
        }
    };
    // The last job that found what no folder tells, once it is known which there are.
    let ended = Memo::new(move |_| {
        let jobs = live.jobs.read();
        let ended =
            jobs.iter().filter(|job| job.state != JobState::Running && job.kind == JobKind::CompareModels);
        (live.epoch.get() > 0, ended.map(|job| job.id).max())
    });
    let on_end = move |now: &(bool, Option<JobId>), before: Option<&(bool, Option<JobId>)>, _: Option<()>| {
        if before.is_some_and(|(was_known, last)| *was_known && *last < now.1) {
            look_again();
        }
    };
    Effect::watch(move || ended.get(), on_end, false);
    store.tell_failures(live);
    Effect::watch(move || live.library_version.get(), move |_, _, _| look_again(), false);
    let key = move || Some(format!("{} {}", store.version.get(), query.read().to_query_string()));
    let shown = PageData::of(key, move |_| api::library(act_of(&query.read_untracked())));
    view! {
        <div class="min-h-0 flex-1 overflow-y-auto" data-testid="models-page" on:focusout=on_leave>
            <Transition fallback=Skeleton>
                {move || Suspend::new(async move { show(query, shown.get().await) })}
            </Transition>
            // Apart from what is fetched anew: files may be on their way from here.
            <When when=move || store.is_managed.get() && query.read().get_str("model").is_none()>
                <bring::Bring/>
            </When>
        </div>
    }
    .into_any()
}

/// In a form that is built anew with the list.
fn is_in_form(element: Option<web_sys::Element>) -> bool {
    element.is_some_and(|it| it.closest("[data-kept]").is_ok_and(|form| form.is_some()))
}

fn act_of(query: &ParamsMap) -> ShelfAct {
    match query.get_str("model") {
        Some(id) => ShelfAct::Describe { id: ModelId(id.to_owned()) },
        None => ShelfAct::Look(query_of(query)),
    }
}

fn show(query: Memo<ParamsMap>, reply: Result<ShelfReply, AppError>) -> AnyView {
    let texts = ModelsTexts::here();
    match reply {
        Ok(ShelfReply::Shelf(view)) => shelf(query, *view),
        Ok(ShelfReply::Details(view)) => details(*view),
        Ok(ShelfReply::Done) => instead(&AppError::Internal, texts),
        Err(err) => instead(&err, texts),
    }
}

fn instead(err: &AppError, texts: &'static ModelsTexts) -> AnyView {
    let (title, hint) = (texts.gone_title, texts.gone_hint);
    failed(err, Some(Gone { title, hint, href: "/models", label: texts.models_title }))
}

fn shelf(query: Memo<ParamsMap>, shelf: Shelf) -> AnyView {
    let texts = ModelsTexts::here();
    let Shelf { rows, n_found, n_found_bytes, n_all, labels, managed } = shelf;
    let wanted = query_of(&query.read_untracked());
    let is_empty = n_all == 0;
    let is_managed = managed.is_some();
    let store = expect_context::<ModelsStore>();
    Effect::new(move |_| store.is_managed.set(is_managed));
    let n_rows = rows.len() as u32;
    let more = (n_found > n_rows).then(|| more_link(query, n_rows));
    let count = match n_found {
        1 => texts.count_one.to_owned(),
        n => fill(texts.count, "n", n),
    };
    let count = format!("{count} · {}", crate::format::bytes(n_found_bytes as f64));
    let offered = managed.as_ref().map(|it| it.offered.clone()).unwrap_or_default();
    view! {
        <Title text=texts.models_title/>
        <div class="mx-auto flex max-w-6xl flex-col gap-4 px-4 py-6">
            <header class="flex flex-wrap items-center gap-2">
                <h1 class="mr-auto text-xl font-semibold text-strong">{texts.models_title}</h1>
                {is_managed.then(|| view! {
                    <a href="#folders" class="button button-quiet">
                        <Icon icon=icondata_lu::LuFolderCog size=14/>
                        {texts.folders_title}
                    </a>
                })}
            </header>
            <Offered offered/>
            {if is_empty { nothing(texts) } else { view! { <Filters query=wanted.clone() labels/> }.into_any() }}
            {(!is_empty).then(|| view! {
                <div class="flex items-center justify-between gap-2">
                    <p class="tabular text-xs text-muted" role="status" data-testid="models-count">{count}</p>
                    {look_link(&wanted, texts)}
                </div>
            })}
            {(n_found == 0 && !is_empty).then(|| view! {
                <p class="py-8 text-center text-muted" data-testid="models-none-found">{texts.none_found}</p>
            })}
            {(n_found > 0).then(|| view! { <Rows rows query=wanted is_managed/> })}
            {more}
            {managed.map(|managed| view! { <Folders managed/> })}
        </div>
    }
    .into_any()
}

fn nothing(texts: &'static ModelsTexts) -> AnyView {
    view! {
        <div class="flex flex-col items-center gap-3 py-12 text-center text-muted" data-testid="models-none">
            <p class="max-w-prose">{texts.none_hint}</p>
            <A href="/chat" attr:class="button button-primary">{texts.none_action}</A>
        </div>
    }
    .into_any()
}

/// The same models, laid out the other way. Where there is little room they are cards in any case.
fn look_link(wanted: &ShelfQuery, texts: &'static ModelsTexts) -> AnyView {
    let is_cards = !wanted.is_cards;
    let to = address(&ShelfQuery { is_cards, ..wanted.clone() });
    let (icon, label) = match is_cards {
        true => (icondata_lu::LuLayoutGrid, texts.as_cards),
        false => (icondata_lu::LuList, texts.as_table),
    };
    view! {
        <A href=to scroll=false attr:class="hidden min-h-6 items-center gap-1 text-xs text-muted hover:text-strong md:inline-flex" attr:data-testid="models-look">
            <Icon icon size=14/>
            {label}
        </A>
    }
    .into_any()
}

/// The same view with more rows.
fn more_link(query: Memo<ParamsMap>, n_rows: u32) -> AnyView {
    let mut query = query.get_untracked();
    query.replace("n", (n_rows + ROWS_SHOWN).to_string());
    let to = format!("/models{}", query.to_query_string());
    let texts = ModelsTexts::here();
    view! {
        <A href=to scroll=false attr:class="button button-quiet self-center" attr:data-testid="models-more">
            {fill(texts.more, "n", ROWS_SHOWN)}
        </A>
    }
    .into_any()
}

#[component]
fn Skeleton() -> AnyView {
    view! {
        <div class="mx-auto flex max-w-6xl flex-col gap-4 px-4 py-6" aria-hidden="true">
            <div class="h-8 w-40 rounded-card bg-raised"></div>
            <div class="h-8 rounded-card bg-raised"></div>
            <div class="card h-96"></div>
        </div>
    }
    .into_any()
}
