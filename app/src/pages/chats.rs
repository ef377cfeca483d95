//! All chats: filed in folders and under tags, searched, put away, written into files and taken from them.
//!
//! What is shown is in the address, so that every view can be kept and the page works without scripting.

pub(crate) mod api;
mod folders;
mod prompt;
mod row;
mod sheet;

use super::failed::failed;
use crate::{
    error::AppError,
    i18n::{ChatsTexts, fill},
    live::use_live,
    page_data::PageData,
    ui::{icon::Icon, list::list, when::When},
};
use folders::Folders;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{components::A, hooks::use_query_map, params::ParamsMap};
use prompt::FolderPrompt;
use row::ChatRow;
use sheet::Sheet;
use types::filing::{FiledPage, Filter, ImportState, ImportView};

/// `/chats`.
pub(super) fn page() -> AnyView {
    let query = use_query_map();
    let texts = ChatsTexts::here();
    let sheet = Sheet::new(query);
    provide_context(sheet);
    // What is fetched is in the address; the key only says when.
    let key = move || Some(format!("{}{}", sheet.n_retries.get(), query.read().to_query_string()));
    let first = PageData::of(key, move |_| api::list_chats(filter_of(&query.read_untracked())));
    let live = use_live();
    Effect::watch(
        move || (live.sessions_version.get(), live.epoch.get()),
        move |_, _, _| sheet.refresh(),
        false,
    );
    view! {
        <Title text=texts.chats_title/>
        <div class="min-h-0 flex-1 overflow-y-auto" on:dragover=move |_| sheet.drag_away()>
            <div class="mx-auto flex max-w-5xl flex-col gap-4 px-4 py-6">
                <Head query/>
                <Outcome query/>
                <Transition fallback=Skeleton>
                    {move || Suspend::new(async move { body(sheet, first.get().await) })}
                </Transition>
            </div>
        </div>
    }
    .into_any()
}

fn filter_of(query: &ParamsMap) -> Filter {
    let number = |name| query.get_str(name).and_then(|it| it.parse().ok());
    Filter {
        query: query.get_str("q").unwrap_or_default().to_owned(),
        folder: number("folder").map(types::ids::FolderId),
        tag: query.get_str("tag").map(str::to_owned),
        archived: query.get_str("archived").is_some(),
        page: number("page").and_then(|it| u32::try_from(it).ok()).unwrap_or(0),
        import: number("import").map(types::ids::ImportId),
    }
}

/// The address of a view.
fn address(filter: &Filter) -> String {
    let mut query = ParamsMap::new();
    if !filter.query.is_empty() {
        query.insert("q", filter.query.clone());
    }
    if let Some(folder) = filter.folder {
        query.insert("folder", folder.to_string());
    }
    if let Some(tag) = &filter.tag {
        query.insert("tag", tag.clone());
    }
    if filter.archived {
        query.insert("archived", "1".to_owned());
    }
    if filter.page > 0 {
        query.insert("page", filter.page.to_string());
    }
    format!("/chats{}", query.to_query_string())
}

/// Title, search, and what is done with files.
#[component]
fn Head(query: Memo<ParamsMap>) -> AnyView {
    let texts = ChatsTexts::here();
    let q = move || filter_of(&query.read()).query;
    let kept = move || kept_by_search(filter_of(&query.read()));
    view! {
        <div class="flex flex-wrap items-center gap-2">
            <h1 class="mr-auto text-xl font-semibold text-strong">{texts.chats_title}</h1>
            <form method="post" action="/chats/import" enctype="multipart/form-data" class="flex">
                <label class="button button-quiet cursor-pointer focus-within:outline-2 focus-within:outline-accent" title=texts.chats_import_hint>
                    <Icon icon=icondata_lu::LuFileUp/>
                    {texts.chats_import}
                    <input type="file" name="file" accept="application/json,.json" class="sr-only" data-testid="import"
                        on:change=|event| crate::platform::submit_form_of(&event)/>
                </label>
                <noscript><button type="submit" class="button button-quiet">{texts.chats_import_send}</button></noscript>
            </form>
            <a href="/chats/export.json" download="" rel="external" class="button button-quiet" data-testid="export-all">
                <Icon icon=icondata_lu::LuFileDown/>
                {texts.chats_export_all}
            </a>
        </div>
        <form method="get" action="/chats" role="search" class="flex gap-2">
            {kept}
            <input type="search" name="q" class="field h-8" placeholder=texts.chats_search aria-label=texts.chats_search data-testid="chats-search"
                prop:value=q value=q()/>
            <button type="submit" class="button button-quiet">{texts.chats_search_go}</button>
        </form>
    }
    .into_any()
}

/// What is searched in, as fields that nobody sees: the folder, the tag and the archive that are open.
fn kept_by_search(filter: Filter) -> Vec<AnyView> {
    let fields = [
        ("folder", filter.folder.map(|folder| folder.to_string())),
        ("tag", filter.tag),
        ("archived", filter.archived.then(|| "1".to_owned())),
    ];
    let field = |(name, value): (&'static str, Option<String>)| {
        value.map(|value| view! { <input type="hidden" name=name value=value/> }.into_any())
    };
    fields.into_iter().filter_map(field).collect()
}

/// How taking over a file went, where that is in the address.
#[component]
fn Outcome(query: Memo<ParamsMap>) -> AnyView {
    let texts = ChatsTexts::here();
    (move || {
        let query = query.read();
        if let Some(problem) = query.get_str("problem") {
            return Some(outcome(true, problem_words(problem, texts).to_owned()));
        }
        let number = |name| query.get_str(name).and_then(|it| it.parse::<u32>().ok());
        let others = ["known", "skipped", "left"].map(|name| number(name).unwrap_or(0));
        Some(outcome(false, taken_words(number("taken")?, others, texts)))
    })
    .into_any()
}

/// How taking over a file goes that was asked about, or went.
fn import_line(import: ImportView) -> AnyView {
    let texts = ChatsTexts::here();
    let ImportView { name, state, problem, n_taken, n_known, n_skipped, n_left_out, tools_off } = import;
    let taken = taken_words(n_taken, [n_known, n_skipped, n_left_out], texts);
    let words = match state {
        ImportState::Waiting => fill(&fill(texts.import_running, "name", name), "n", n_taken),
        ImportState::Done => taken,
        ImportState::Cancelled => format!("{} {taken}", texts.import_cancelled),
        ImportState::Failed => format!("{} {taken}", problem_words(&problem, texts)),
    };
    let words = match tools_off.is_empty() {
        true => words,
        false => format!("{words} {}", fill(texts.import_tools, "names", tools_off.join(", "))),
    };
    outcome(state == ImportState::Failed, words)
}

fn outcome(is_problem: bool, words: String) -> AnyView {
    view! {
        <p role="status" data-testid="import-outcome" class="rounded-card border border-line px-3 py-2"
            class:bg-danger-tint=is_problem class:text-danger=is_problem class:bg-raised=!is_problem>{words}</p>
    }
    .into_any()
}

fn taken_words(n_taken: u32, [n_known, n_skipped, n_left_out]: [u32; 3], texts: &ChatsTexts) -> String {
    let some = |n: u32, words| (n > 0).then(|| fill(words, "n", n));
    let parts = [
        Some(fill(texts.import_taken, "n", n_taken)),
        some(n_known, texts.import_known),
        some(n_skipped, texts.import_skipped),
        some(n_left_out, texts.import_left),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn problem_words(problem: &str, texts: &ChatsTexts) -> &'static str {
    match problem {
        "none" => texts.import_none,
        "large" => texts.import_large,
        "archive" => texts.import_archive,
        "json" => texts.import_json,
        "unknown" => texts.import_unknown,
        "chat" => texts.import_chat,
        "disk" => texts.import_disk,
        _ => texts.import_lost,
    }
}

/// Built once for an address: what is fetched later changes what it shows.
fn body(sheet: Sheet, page: Result<FiledPage, AppError>) -> AnyView {
    match page {
        Ok(page) => sheet.show(page),
        Err(err) => {
            sheet.miss();
            return failed(&err, None);
        }
    }
    let filter = sheet.filter().unwrap_or_default();
    let (archived, nothing) = (filter.archived, filter.clone());
    let folder = filter.folder;
    // A closure is built anew for each address: what is being written for one folder is not another's.
    let prompt = move || folder.map(|folder| view! { <FolderPrompt folder/> });
    let import = Memo::new(move |_| sheet.page.read().import.clone());
    let rows = list(
        move || sheet.page.read().sessions.clone(),
        |row| row.id,
        move |row| view! { <ChatRow row archived/> }.into_any(),
    );
    view! {
        {move || import.get().map(import_line)}
        <div class="flex flex-col-reverse gap-6 md:flex-row">
            <Folders filter=filter.clone()/>
            <div class="min-w-0 flex-1">
                {prompt}
                <ul class="flex flex-col divide-y divide-line" data-testid="chats">{rows}</ul>
                <When when=move || sheet.page.read().sessions.is_empty()><Nothing filter=nothing.clone()/></When>
                <Pages filter/>
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn Nothing(filter: Filter) -> AnyView {
    let texts = ChatsTexts::here();
    let is_all = Filter { import: None, ..filter } == Filter::default();
    let words = if is_all { texts.session_none } else { texts.session_none_found };
    view! {
        <div class="flex flex-col items-center gap-3 py-12 text-center text-muted">
            <p>{words}</p>
            {if is_all {
                view! { <A href="/chat" attr:class="button button-primary">{texts.session_new}</A> }.into_any()
            } else {
                view! { <a href="/chats" class="button button-quiet">{texts.chats_all}</a> }.into_any()
            }}
        </div>
    }
    .into_any()
}

#[component]
fn Pages(filter: Filter) -> AnyView {
    let texts = ChatsTexts::here();
    let sheet = expect_context::<Sheet>();
    let has_more = Memo::new(move |_| sheet.page.read().has_more);
    let links = move || {
        let to = |page: u32| address(&Filter { page, ..filter.clone() });
        let previous = filter.page.checked_sub(1).map(to);
        let next = has_more.get().then(|| to(filter.page + 1));
        if previous.is_none() && next.is_none() {
            return ().into_any();
        }
        view! {
            <nav class="flex justify-between gap-2 py-4" aria-label=texts.chats_pages>
                <span>{previous.map(|to| view! { <a href=to class="button button-quiet">{texts.chats_newer}</a> })}</span>
                <span>{next.map(|to| view! { <a href=to class="button button-quiet" data-testid="older">{texts.chats_older}</a> })}</span>
            </nav>
        }
        .into_any()
    };
    links.into_any()
}

#[component]
fn Skeleton() -> AnyView {
    view! {
        <div class="flex flex-col gap-2" aria-hidden="true">
            <div class="h-12 rounded-card bg-raised"></div>
            <div class="h-12 rounded-card bg-raised"></div>
            <div class="h-12 rounded-card bg-raised"></div>
        </div>
    }
    .into_any()
}
