//! What is searched for: a plain form, whose values are the address.

use super::store::DiscoverStore;
use crate::{
    i18n::{ModelsTexts, fill},
    pages::models::words,
    ui::{choice::choice, icon::Icon},
};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use types::{
    discover::{
        HubCapability, HubFormat, HubQuery, HubSize, HubSort, LICENCES, MAX_SEARCH_CHARS, OTHER_LICENCE,
    },
    shelf::Kind,
};

/// What a hub lists by.
const KINDS: [Kind; 5] = [Kind::Writing, Kind::Embedding, Kind::Reranking, Kind::Image, Kind::Video];

/// What an address asks for. What is not known there is not asked for.
pub(super) fn query_of(query: &ParamsMap) -> HubQuery {
    let word = |name| query.get_str(name).filter(|word| !word.is_empty());
    HubQuery {
        text: word("q").unwrap_or_default().chars().take(MAX_SEARCH_CHARS).collect(),
        kind: KINDS.into_iter().find(|it| word("kind") == Some(it.word())),
        format: HubFormat::ALL.into_iter().find(|it| word("format") == Some(it.word())),
        size: HubSize::ALL.into_iter().find(|it| word("size") == Some(it.word())),
        capability: HubCapability::ALL.into_iter().find(|it| word("can") == Some(it.word())),
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
    put("size", query.size.map(HubSize::word));
    put("can", query.capability.map(HubCapability::word));
    put("licence", query.licence.as_deref());
    put("sort", Some(query.sort.word()).filter(|_| query.sort != HubSort::default()));
    put("after", query.cursor.as_deref());
    format!("/discover{}", map.to_query_string())
}

#[component]
pub(super) fn SearchForm(query: HubQuery) -> AnyView {
    let texts = expect_context::<DiscoverStore>().texts;
    let of_models = ModelsTexts::here();
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
    let option = |value: &str, text: &str| (value.to_owned(), text.to_owned());
    let kinds = KINDS.map(|it| option(it.word(), words::kind(it, of_models)));
    let formats = HubFormat::ALL.map(|it| option(it.word(), format_words(it)));
    let size_words = |size: HubSize| match size.bounds_b() {
        (0, most) => fill(texts.size_up_to, "n", most.unwrap_or_default()),
        (least, Some(most)) => fill(&fill(texts.size_between, "a", least), "n", most),
        (least, None) => fill(texts.size_above, "n", least),
    };
    let ability_words = |it| match it {
        HubCapability::Sees => of_models.capability_sees,
        HubCapability::CallsTools => of_models.capability_tools,
        HubCapability::Thinks => of_models.capability_thinks,
        HubCapability::Codes => texts.capability_codes,
    };
    let sizes = HubSize::ALL.map(|it| (it.word().to_owned(), size_words(it)));
    let abilities = HubCapability::ALL.map(|it| option(it.word(), ability_words(it)));
    let licence_words = |it: &'static str| if it == OTHER_LICENCE { texts.licence_other } else { it };
    let licences = LICENCES.map(|it| option(it, licence_words(it)));
    let sorts = HubSort::ALL.map(|it| option(it.word(), sort_words(it)));
    let any = |name, text: &'static str, chosen, options| choice(name, text, Some(text), chosen, options);
    view! {
        <form method="get" action="/discover" role="search" class="flex flex-col gap-2">
            <div class="flex items-center gap-2">
                <input type="search" name="q" class="field h-8 min-w-0 flex-1" value=query.text maxlength=MAX_SEARCH_CHARS
                    placeholder=texts.search aria-label=texts.search data-testid="discover-search"/>
                <button type="submit" class="button button-primary">
                    <Icon icon=icondata_lu::LuSearch size=14/>
                    {of_models.search_go}
                </button>
            </div>
            <div class="grid grid-cols-2 gap-2 sm:flex sm:flex-wrap sm:items-center">
                {any("kind", of_models.filter_kind, query.kind.map(Kind::word), kinds.to_vec())}
                {any("format", of_models.filter_format, query.format.map(HubFormat::word), formats.to_vec())}
                {any("size", texts.filter_size, query.size.map(HubSize::word), sizes.to_vec())}
                {any("can", of_models.filter_capability, query.capability.map(HubCapability::word), abilities.to_vec())}
                {any("licence", texts.filter_licence, query.licence.as_deref(), licences.to_vec())}
                {choice("sort", of_models.sort, None, Some(query.sort.word()), sorts.to_vec())}
            </div>
        </form>
    }
    .into_any()
}
