//! What is searched for: a plain form, whose values are the address.

use super::store::DiscoverStore;
use crate::ui::icon::Icon;
use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use types::{
    discover::{HubFormat, HubQuery, HubSort, MAX_SEARCH_CHARS},
    shelf::Kind,
};

/// Licences that are asked for most; others are words of the search.
const LICENCES: [&str; 5] = ["apache-2.0", "mit", "gemma", "llama3.1", "openrail++"];
/// What a hub lists by.
const KINDS: [Kind; 5] = [Kind::Writing, Kind::Embedding, Kind::Reranking, Kind::Image, Kind::Video];

/// What an address asks for. What is not known there is not asked for.
pub(super) fn query_of(query: &ParamsMap) -> HubQuery {
    let word = |name| query.get_str(name).filter(|word| !word.is_empty());
    HubQuery {
        text: word("q").unwrap_or_default().chars().take(MAX_SEARCH_CHARS).collect(),
        kind: KINDS.into_iter().find(|it| word("kind") == Some(it.word())),
        format: HubFormat::ALL.into_iter().find(|it| word("format") == Some(it.word())),
        licence: word("licence").map(str::to_owned),
        sort: HubSort::ALL.into_iter().find(|it| word("sort") == Some(it.word())).unwrap_or_default(),
        cursor: word("after").map(str::to_owned),
    }
}

/// The address of a view.
pub(super) fn address(query: &HubQuery) -> String {
    let mut map = ParamsMap::new();
    let mut put = |name: &'static str, value: Option<&str>| {
        if let Some(value) = value.filter(|it| !it.is_empty()) {
            map.insert(name, value.to_owned());
        }
    };
    put("q", Some(&query.text));
    put("kind", query.kind.map(Kind::word));
    put("format", query.format.map(HubFormat::word));
    put("licence", query.licence.as_deref());
    put("sort", Some(query.sort.word()).filter(|_| query.sort != HubSort::default()));
    put("after", query.cursor.as_deref());
    format!("/discover{}", map.to_query_string())
}

#[component]
pub(super) fn SearchForm(query: HubQuery) -> AnyView {
    let texts = expect_context::<DiscoverStore>().texts;
    let kind_words = |kind: Kind| match kind {
        Kind::Writing | Kind::Part => texts.kind_writing,
        Kind::Embedding => texts.kind_embedding,
        Kind::Reranking => texts.kind_reranking,
        Kind::Image => texts.kind_image,
        Kind::Video => texts.kind_video,
    };
    let format_words = |format| match format {
        HubFormat::Gguf => "GGUF",
        HubFormat::Safetensors => "Safetensors",
        HubFormat::Mlx => "MLX",
    };
    let sort_words = |sort| match sort {
        HubSort::Trending => texts.sort_trending,
        HubSort::Downloads => texts.sort_downloads,
        HubSort::Likes => texts.sort_likes,
        HubSort::New => texts.sort_new,
    };
    let kinds = KINDS.map(|it| (it.word(), kind_words(it))).to_vec();
    let formats = HubFormat::ALL.map(|it| (it.word(), format_words(it))).to_vec();
    let licences = LICENCES.map(|it| (it, it)).to_vec();
    let sorts = HubSort::ALL.map(|it| (it.word(), sort_words(it))).to_vec();
    view! {
        <form method="get" action="/discover" role="search" class="flex flex-wrap items-center gap-2">
            <input type="search" name="q" class="field h-8 min-w-48 flex-1" value=query.text maxlength=MAX_SEARCH_CHARS
                placeholder=texts.search aria-label=texts.search data-testid="discover-search"/>
            {choice("kind", texts.filter_kind, true, query.kind.map(Kind::word), kinds)}
            {choice("format", texts.filter_format, true, query.format.map(HubFormat::word), formats)}
            {choice("licence", texts.filter_licence, true, query.licence.as_deref(), licences)}
            {choice("sort", texts.sort, false, Some(query.sort.word()), sorts)}
            <button type="submit" class="button button-primary">
                <Icon icon=icondata_lu::LuSearch size=14/>
                {texts.search_go}
            </button>
        </form>
    }
    .into_any()
}

/// One of several, or any where that may be.
fn choice(
    name: &'static str,
    label: &'static str,
    has_any: bool,
    chosen: Option<&str>,
    options: Vec<(&'static str, &'static str)>,
) -> AnyView {
    let options: Vec<_> = options
        .into_iter()
        .map(|(value, text)| {
            let selected = chosen == Some(value);
            view! { <option value=value selected=selected>{text}</option> }.into_any()
        })
        .collect();
    view! {
        <select name=name class="field h-8 max-w-36" aria-label=label data-testid=format!("discover-{name}")>
            {has_any.then(|| view! { <option value="">{label}</option> })}
            {options}
        </select>
    }
    .into_any()
}
