//! Finding models: a catalogue that is there without a network, a hub that is asked when somebody searches, and downloads.
//!
//! What is shown is in the address, so that every view can be kept and the page works without scripting.

pub(crate) mod api;
mod catalogue;
mod downloads;
mod found;
mod memory;
mod repository;
mod search;
mod store;

use super::failed::{Gone, failed};
use crate::{
    error::AppError,
    i18n::{DiscoverTexts, fill},
    page_data::PageData,
    ui::icon::Icon,
};
use catalogue::Catalogue;
use downloads::DownloadList;
use found::Found;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{components::A, hooks::use_query_map, params::ParamsMap};
use repository::repository;
use search::{SearchForm, query_of};
use store::DiscoverStore;
use types::discover::{DiscoverAct, DiscoverReply, DiscoverView, HubQuery};

/// `/discover`, and of one repository with `?repo=`.
pub(super) fn page() -> AnyView {
    let query = use_query_map();
    let store = DiscoverStore::new();
    provide_context(store);
    let key = move || Some(format!("{} {}", store.version.get(), query.read().to_query_string()));
    let shown = PageData::of(key, move |_| api::discover(act_of(&query.read_untracked())));
    view! {
        <div class="min-h-0 flex-1 overflow-y-auto" data-testid="discover-page">
            <Transition fallback=Skeleton>
                {move || Suspend::new(async move { show(query, shown.get().await) })}
            </Transition>
        </div>
    }
    .into_any()
}

fn act_of(query: &ParamsMap) -> DiscoverAct {
    let text = |name| query.get_str(name).filter(|text| !text.is_empty()).map(str::to_owned);
    match text("repo") {
        Some(repo) => DiscoverAct::Repository { repo, revision: text("at"), wanted: text("file") },
        None => DiscoverAct::Look(query_of(query)),
    }
}

fn show(query: Memo<ParamsMap>, reply: Result<DiscoverReply, AppError>) -> AnyView {
    let texts = DiscoverTexts::here();
    match reply {
        Ok(DiscoverReply::Looked(view)) => looked(query, *view),
        Ok(DiscoverReply::Repository(view)) => repository(*view),
        Ok(_) => failed(&AppError::Internal, None),
        Err(err) => {
            let (title, hint) = (texts.gone_title, texts.gone_hint);
            failed(&err, Some(Gone { title, hint, href: "/discover", label: texts.discover_title }))
        }
    }
}

fn looked(query: Memo<ParamsMap>, view: DiscoverView) -> AnyView {
    let texts = DiscoverTexts::here();
    let DiscoverView { catalogue, found, next, problem, downloads, hub, has_token, is_offline, is_managed } =
        view;
    let wanted = query_of(&query.read_untracked());
    let is_search = is_search(&wanted);
    let store = expect_context::<DiscoverStore>();
    store.downloads.set(downloads);
    let asked = if is_offline { texts.offline.to_owned() } else { fill(texts.asked, "hub", hub) };
    let more = next.map(|cursor| {
        let to = search::address(&HubQuery { cursor: Some(cursor), ..wanted.clone() });
        view! { <A href=to attr:class="button button-quiet self-center" attr:data-testid="found-more">{texts.next_page}</A> }
    });
    let none = is_search && found.is_empty() && problem.is_none();
    view! {
        <Title text=texts.discover_title/>
        <div class="mx-auto flex max-w-5xl flex-col gap-4 px-4 py-6">
            <header class="flex flex-col gap-1">
                <h1 class="text-xl font-semibold text-strong">{texts.discover_title}</h1>
                <p class="text-muted">{asked}</p>
            </header>
            <SearchForm query=wanted/>
            {problem.map(|problem| view! {
                <p class="rounded-card bg-danger-tint px-3 py-2 text-danger" role="alert" data-testid="hub-problem">{problem}</p>
            })}
            <DownloadList is_managed/>
            {none.then(|| view! { <p class="py-8 text-center text-muted" data-testid="found-none">{texts.none_found}</p> })}
            {(!found.is_empty()).then(|| view! { <Found found/> })}
            {more}
            {(!catalogue.is_empty()).then(|| view! { <Catalogue models=catalogue is_search/> })}
            {is_managed.then(|| view! { <Token has_token/> })}
        </div>
    }
    .into_any()
}

/// Whether the hub is asked: nothing is, as long as nobody searches.
fn is_search(query: &HubQuery) -> bool {
    *query != HubQuery::default()
}

/// The token of an account on the hub, which is never shown again.
#[component]
fn Token(has_token: bool) -> AnyView {
    let store = expect_context::<DiscoverStore>();
    let texts = store.texts;
    let is_ready = crate::ui::field::use_ready();
    let on_submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let token = types::secret::Secret::new(crate::platform::form_values(&event)("token"));
        store.act(DiscoverAct::Token { token }, Some(texts.saved));
    };
    view! {
        <form class="flex flex-col gap-1 border-t border-line pt-4" on:submit=on_submit data-testid="hub-token-form">
            <label for="hub-token" class="font-medium text-strong">{texts.token}</label>
            <div class="flex gap-2">
                <input id="hub-token" name="token" type="password" class="field h-8 min-w-0 flex-1" autocomplete="off" maxlength="512"
                    placeholder=if has_token { "••••••••" } else { "hf_…" }/>
                <button type="submit" class="button button-quiet" disabled=move || !is_ready.get()>{texts.save}</button>
            </div>
            <p class="text-xs text-muted">{texts.token_hint}</p>
        </form>
    }
    .into_any()
}

#[component]
fn Skeleton() -> AnyView {
    view! {
        <div class="mx-auto flex max-w-5xl flex-col gap-4 px-4 py-6" aria-hidden="true">
            <div class="h-8 w-40 rounded-card bg-raised"></div>
            <div class="h-8 rounded-card bg-raised"></div>
            <div class="card h-96"></div>
        </div>
    }
    .into_any()
}

/// The way back to everything.
fn back() -> AnyView {
    let texts = DiscoverTexts::here();
    view! {
        <A href="/discover" attr:class="inline-flex min-h-6 items-center gap-1 self-start text-muted hover:text-strong">
            <Icon icon=icondata_lu::LuArrowLeft size=14/>
            {texts.discover_title}
        </A>
    }
    .into_any()
}

/// The address of a repository's view.
fn repository_address(repo: &str, file: Option<&str>) -> String {
    let mut map = ParamsMap::new();
    map.insert("repo", repo.to_owned());
    if let Some(file) = file {
        map.insert("file", file.to_owned());
    }
    format!("/discover{}", map.to_query_string())
}
