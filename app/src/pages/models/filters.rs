//! Which models are shown, in which order: a plain form, whose values are the address.

use super::{store::ModelsStore, words};
use crate::{
    platform,
    ui::{choice::choice, icon::Icon},
};
use leptos::{ev, html, prelude::*};
use leptos_router::{hooks::use_query_map, params::ParamsMap};
use types::shelf::{Capability, Format, Kind, ShelfQuery, SizeClass, SortBy};

/// What an address asks for. What is not known there is not asked for.
pub(super) fn query_of(query: &ParamsMap) -> ShelfQuery {
    let word = |name| query.get_str(name).filter(|word| !word.is_empty());
    ShelfQuery {
        text: word("q").unwrap_or_default().to_owned(),
        kind: Kind::ALL.into_iter().find(|it| word("kind") == Some(it.word())),
        format: Format::ALL.into_iter().find(|it| word("format") == Some(it.word())),
        capability: Capability::ALL.into_iter().find(|it| word("can") == Some(it.word())),
        size: SizeClass::ALL.into_iter().find(|it| word("size") == Some(it.word())),
        folder: word("in").map(str::to_owned),
        fits: word("fits").is_some(),
        sort: SortBy::ALL.into_iter().find(|it| word("sort") == Some(it.word())).unwrap_or_default(),
        is_descending: word("desc").is_some(),
        n_rows: word("n").and_then(|n| n.parse().ok()),
        is_cards: word("cards").is_some(),
    }
}

/// The address of a view.
pub(super) fn address(query: &ShelfQuery) -> String {
    let mut map = ParamsMap::new();
    let mut put = |name: &'static str, value: Option<&str>| {
        if let Some(value) = value.filter(|it| !it.is_empty()) {
            map.insert(name, value.to_owned());
        }
    };
    put("q", Some(&query.text));
    put("kind", query.kind.map(Kind::word));
    put("format", query.format.map(Format::word));
    put("can", query.capability.map(Capability::word));
    put("size", query.size.map(SizeClass::word));
    put("in", query.folder.as_deref());
    put("fits", query.fits.then_some("1"));
    put("sort", Some(query.sort.word()).filter(|_| query.sort != SortBy::default()));
    put("desc", query.is_descending.then_some("1"));
    put("cards", query.is_cards.then_some("1"));
    format!("/models{}", map.to_query_string())
}

#[component]
pub(super) fn Filters(query: ShelfQuery, labels: Vec<String>) -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    let shown = use_query_map();
    let go = move |event: &ev::SubmitEvent| {
        event.prevent_default();
        let value = platform::form_values(event);
        let mut map = ParamsMap::new();
        // The form may be older than how the list looks by now.
        let look = shown.read_untracked().get("cards").unwrap_or_default();
        let fields = ["q", "kind", "format", "can", "size", "in", "fits", "sort", "desc"];
        for (name, value) in fields.map(|name| (name, value(name))).into_iter().chain([("cards", look)]) {
            if !value.is_empty() {
                map.insert(name, value);
            }
        }
        store.go(&format!("/models{}", map.to_query_string()));
    };
    let form = NodeRef::<html::Form>::new();
    let send = move |_| {
        if let Some(form) = form.get_untracked() {
            _ = form.request_submit();
        }
    };
    let kinds = Kind::ALL.map(|it| (it.word().to_owned(), words::kind(it, texts).to_owned()));
    let formats = Format::ALL.map(|it| (it.word().to_owned(), words::format(it).to_owned()));
    let abilities = Capability::ALL.map(|it| (it.word().to_owned(), words::capability(it, texts).to_owned()));
    let sizes = SizeClass::ALL.map(|it| (it.word().to_owned(), words::size(it, texts)));
    let folders: Vec<_> = labels.into_iter().map(|it| (it.clone(), it)).collect();
    let sorts = SortBy::ALL.map(|it| (it.word().to_owned(), words::sort_by(it, texts).to_owned()));
    let any = |name, text: &'static str, chosen, options| choice(name, text, Some(text), chosen, options);
    let has_folders = !folders.is_empty();
    view! {
        <form node_ref=form method="get" action="/models" role="search" class="grid grid-cols-2 items-center gap-2 sm:flex sm:flex-wrap"
            on:submit=move |event| go(&event) on:change=send>
            <input type="search" name="q" class="field col-span-2 h-8 min-w-40 flex-1" value=query.text placeholder=texts.search
                aria-label=texts.search data-testid="models-search"/>
            {any("kind", texts.filter_kind, query.kind.map(Kind::word), kinds.to_vec())}
            {any("format", texts.filter_format, query.format.map(Format::word), formats.to_vec())}
            {any("can", texts.filter_capability, query.capability.map(Capability::word), abilities.to_vec())}
            {any("size", texts.filter_size, query.size.map(SizeClass::word), sizes.to_vec())}
            {has_folders.then(|| any("in", texts.filter_folder, query.folder.as_deref(), folders))}
            {choice("sort", texts.sort, None, Some(query.sort.word()), sorts.to_vec())}
            {tick("fits", texts.filter_fits, query.fits)}
            {tick("desc", texts.sort_descending, query.is_descending)}
            // How it looks is kept when something else is looked for.
            {query.is_cards.then(|| view! { <input type="hidden" name="cards" value="1"/> })}
            <button type="submit" class="button button-quiet">
                <Icon icon=icondata_lu::LuSearch size=14/>
                {texts.search_go}
            </button>
        </form>
    }
    .into_any()
}

fn tick(name: &'static str, label: &'static str, is_on: bool) -> AnyView {
    view! {
        <label class="flex h-8 cursor-pointer items-center gap-1.5 whitespace-nowrap">
            <input type="checkbox" name=name value="1" checked=is_on data-testid=format!("models-{name}")/>
            {label}
        </label>
    }
    .into_any()
}
