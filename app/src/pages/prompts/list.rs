//! The list at the side: search, folders, tags, prompts, and files in and out.

use super::{
    address::{Filter, Open, Part},
    library::Library,
};
use crate::{
    error::{AppError, capitalised},
    i18n::fill,
    page_data::PageData,
    platform,
    ui::icon::Icon,
};
use leptos::{ev, prelude::*, task::spawn_local};
use leptos_router::components::A;
use std::collections::BTreeMap;
use types::prompt::{Imported, MAX_IMPORT_BYTES, PromptSummary};

/// More would hide the list.
const MOST_TAGS: usize = 16;

/// Everything at the side of the open prompt.
#[component]
pub(super) fn Side(library: Library, list: PageData<Vec<PromptSummary>>) -> AnyView {
    let texts = library.texts;
    view! {
        <div class="flex items-center gap-2 p-3 pb-2">
            <div class="flex-1 text-xl font-semibold text-strong" aria-hidden="true">{texts.title}</div>
            <A href="/prompts/new" attr:class="button button-primary" attr:data-testid="prompt-new">
                <Icon icon=icondata_lu::LuPlus size=14/>
                {texts.new}
            </A>
        </div>
        <Search library/>
        <nav class="min-h-0 flex-1 overflow-y-auto px-3 pb-3" aria-label=texts.title>
            <Transition>
                {move || Suspend::new(async move { show(library, list.get().await) })}
            </Transition>
        </nav>
        <Files library/>
    }
    .into_any()
}

/// A form, so that it searches without scripting too.
#[component]
fn Search(library: Library) -> AnyView {
    let (texts, address) = (library.texts, library.address);
    let on_input = move |event: ev::Event| {
        let query = event_target_value(&event);
        let filter = Filter { query, ..address.filter.get_untracked() };
        library.replace.run(filter.link(address.open.get_untracked(), address.part.get_untracked()));
    };
    view! {
        <form method="get" action="/prompts" class="px-3 pb-2" role="search" on:submit=|event| event.prevent_default()>
            <input
                type="search"
                name="q"
                class="field h-8"
                autocomplete="off"
                placeholder=texts.search
                aria-label=texts.search
                data-testid="prompt-search"
                value=address.query.get_untracked()
                on:input=on_input
            />
        </form>
    }
    .into_any()
}

fn show(library: Library, list: Result<Vec<PromptSummary>, AppError>) -> AnyView {
    match list {
        Ok(list) => view! { <Narrowed library list/> }.into_any(),
        Err(err) => {
            view! { <p class="p-2 text-danger" role="alert">{err.sentence(library.common)}</p> }.into_any()
        }
    }
}

/// Folders and tags to choose from, and the prompts that are left.
#[component]
fn Narrowed(library: Library, list: Vec<PromptSummary>) -> AnyView {
    let texts = library.texts;
    let filter = library.address.filter;
    let (folders, tags) = (folders_of(&list), tags_of(&list));
    let has_folders = folders.keys().any(|folder| !folder.is_empty());
    let folders = move || {
        let filter = filter.get();
        let all = chip(
            library,
            texts.all_folders.to_owned(),
            filter.folder.is_none(),
            Filter { folder: None, ..filter.clone() },
        );
        let one = |(folder, n): (&String, &usize)| {
            let name = if folder.is_empty() { texts.no_folder } else { folder.as_str() };
            let is_chosen = filter.folder.as_ref() == Some(folder);
            let to = Filter { folder: Some(folder.clone()), ..filter.clone() };
            chip(library, format!("{name} {n}"), is_chosen, to)
        };
        std::iter::once(all).chain(folders.iter().map(one)).collect::<Vec<_>>()
    };
    let tags = move || {
        let filter = filter.get();
        let one = |tag: &String| {
            let is_chosen = filter.tag.as_ref() == Some(tag);
            let to = Filter { tag: (!is_chosen).then(|| tag.clone()), ..filter.clone() };
            chip(library, format!("#{tag}"), is_chosen, to)
        };
        tags.iter().map(one).collect::<Vec<_>>()
    };
    let rows = move || rows(library, &filter.get(), &list);
    view! {
        {has_folders.then(|| view! { <div class="flex flex-wrap gap-1 pb-2" data-testid="prompt-folders">{folders}</div> })}
        <div class="flex flex-wrap gap-1 pb-2 empty:hidden" data-testid="prompt-tags">{tags}</div>
        <ul class="flex flex-col gap-px">{rows}</ul>
    }
    .into_any()
}

fn rows(library: Library, filter: &Filter, list: &[PromptSummary]) -> Vec<AnyView> {
    let texts = library.texts;
    let left: Vec<_> = list.iter().filter(|prompt| fits(filter, prompt)).collect();
    if left.is_empty() {
        let words = if *filter == Filter::default() { texts.none } else { texts.none_found };
        return vec![view! { <li class="p-2 text-muted" data-testid="prompts-none">{words}</li> }.into_any()];
    }
    left.into_iter().map(|prompt| row(filter, prompt)).collect()
}

fn row(filter: &Filter, prompt: &PromptSummary) -> AnyView {
    let to = filter.link(Open::Prompt(prompt.id), Part::Use);
    let tags = prompt.tags.iter().map(|tag| format!("#{tag}")).collect::<Vec<_>>().join(" ");
    let (name, about) = (format!("/{}", prompt.name), prompt.about.clone());
    view! {
        <li data-testid="prompt-row">
            <A href=to attr:class="flex flex-col rounded-control px-2 py-1.5 hover:bg-raised aria-[current=page]:bg-raised">
                <span class="truncate font-medium text-strong">{name}</span>
                <span class="truncate text-muted empty:hidden">{about}</span>
                <span class="truncate text-xs text-muted empty:hidden">{tags}</span>
            </A>
        </li>
    }
    .into_any()
}

/// A link that narrows the list down, or no longer.
fn chip(library: Library, words: String, is_chosen: bool, to: Filter) -> AnyView {
    let address = library.address;
    let href = move || to.link(address.open.get(), address.part.get());
    view! {
        <a
            href=href
            class="max-w-full truncate rounded-full border px-2.5 py-0.5 text-xs hover:bg-raised hover:text-strong pointer-coarse:py-2"
            class:border-accent=is_chosen
            class:bg-accent-tint=is_chosen
            class:text-accent-text=is_chosen
            class:border-line=!is_chosen
            aria-current=is_chosen.then_some("true")
        >
            {words}
        </a>
    }
    .into_any()
}

fn fits(filter: &Filter, prompt: &PromptSummary) -> bool {
    filter.folder.as_ref().is_none_or(|folder| *folder == prompt.folder)
        && filter.tag.as_ref().is_none_or(|tag| prompt.tags.contains(tag))
}

/// How many prompts are in each.
fn folders_of(list: &[PromptSummary]) -> BTreeMap<String, usize> {
    let mut folders = BTreeMap::new();
    for prompt in list {
        *folders.entry(prompt.folder.clone()).or_default() += 1;
    }
    folders
}

/// Those that most prompts have, by name.
fn tags_of(list: &[PromptSummary]) -> Vec<String> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for tag in list.iter().flat_map(|prompt| &prompt.tags) {
        *counts.entry(tag).or_default() += 1;
    }
    let mut tags: Vec<_> = counts.into_iter().collect();
    tags.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let mut tags: Vec<_> = tags.into_iter().take(MOST_TAGS).map(|(tag, _)| tag.clone()).collect();
    tags.sort();
    tags
}

/// Taking prompts elsewhere and in from elsewhere.
#[component]
fn Files(library: Library) -> AnyView {
    let texts = library.texts;
    let on_change = move |event: ev::Event| {
        if let Some(file) = platform::chosen_files(&event).into_iter().next() {
            spawn_local(import(library, file));
        }
    };
    view! {
        <div class="flex gap-2 border-t border-line p-3">
            <label class="button button-quiet flex-1 cursor-pointer focus-within:outline-2 focus-within:outline-offset-2 focus-within:outline-accent">
                <Icon icon=icondata_lu::LuUpload size=14/>
                {texts.import}
                <input type="file" accept="application/json,.json" class="sr-only" data-testid="prompt-import" on:change=on_change/>
            </label>
            // A file, which the router must not take for a page.
            <a href="/prompts.json" rel="external" download="prompts.json" class="button button-quiet flex-1" data-testid="prompt-export">
                <Icon icon=icondata_lu::LuDownload size=14/>
                {texts.export}
            </a>
        </div>
    }
    .into_any()
}

async fn import(library: Library, file: platform::File) {
    let texts = library.texts;
    if platform::name_and_size(&file).1 > MAX_IMPORT_BYTES as f64 {
        return library.toasts.show(texts.import_too_large);
    }
    let words = match platform::put_file("/files/prompts", file).await {
        Some((200, imported)) => imported_words(library, Imported::read(&imported).unwrap_or_default()),
        Some((400, _)) => texts.import_unreadable.to_owned(),
        Some((_, sentence)) => format!("{}.", capitalised(&sentence)),
        None => library.common.error_transport.to_owned(),
    };
    library.changed();
    library.toasts.show(words);
}

fn imported_words(library: Library, imported: Imported) -> String {
    let texts = library.texts;
    let Imported { n_added, n_renamed, n_same } = imported;
    let renamed = (n_renamed > 0).then(|| fill(texts.imported_renamed, "n", n_renamed));
    let same = (n_same > 0).then(|| fill(texts.imported_same, "n", n_same));
    let parts = std::iter::once(fill(texts.imported, "n", n_added)).chain(renamed).chain(same);
    parts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Filter, PromptSummary, fits, folders_of, tags_of};
    use types::ids::PromptId;

    fn prompt(folder: &str, tags: &[&str]) -> PromptSummary {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        PromptSummary { id: PromptId(1), name: "n".into(), about: String::new(), folder: folder.into(), tags }
    }

    #[test]
    fn a_list_is_narrowed_down_by_folder_and_tag() {
        let prompt = prompt("Work", &["a", "b"]);
        let filter = |folder: Option<&str>, tag: Option<&str>| Filter {
            folder: folder.map(str::to_owned),
            tag: tag.map(str::to_owned),
            ..Filter::default()
        };
        assert!(fits(&filter(None, None), &prompt) && fits(&filter(Some("Work"), Some("b")), &prompt));
        assert!(!fits(&filter(Some(""), None), &prompt) && !fits(&filter(None, Some("c")), &prompt));
    }

    #[test]
    fn folders_are_counted_and_tags_are_those_used_most() {
        let many: Vec<String> = (0..20).map(|n| format!("t{n:02}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let list = [prompt("B", &many), prompt("A", &["t19"]), prompt("B", &[])];
        assert_eq!(folders_of(&list).into_iter().collect::<Vec<_>>(), [("A".into(), 1), ("B".into(), 2)]);
        let tags = tags_of(&list);
        assert_eq!(tags.len(), 16);
        assert!(tags.contains(&"t19".to_owned()) && tags.is_sorted());
    }
}
