//! Who searches the web.

use super::{choice::Choice, store::ToolsStore};
use crate::{
    i18n::{ToolsTexts, fill},
    ui::{field::Field, when::When},
};
use leptos::{html, prelude::*};
use types::{
    secret::Secret,
    toolbox::{SearchService, SearchView, ToolAct},
};

fn name_of(view: &SearchView) -> &'static str {
    match view {
        SearchView::Off => "off",
        SearchView::SearXng { .. } => "searxng",
        SearchView::Brave { .. } => "brave",
        SearchView::DuckDuckGo => "duckduckgo",
    }
}

/// What the form says, as a service.
fn chosen(service: &str, value: &dyn Fn(&str) -> String) -> Option<SearchService> {
    match service {
        "searxng" => Some(SearchService::SearXng { address: value("address").trim().to_owned() }),
        "brave" => Some(SearchService::Brave { key: Secret::new(value("key").trim()) }),
        "duckduckgo" => Some(SearchService::DuckDuckGo),
        _ => None,
    }
}

#[component]
pub(super) fn SearchForm() -> AnyView {
    let store = expect_context::<ToolsStore>();
    let texts = store.texts;
    // What is being typed stays while servers are looked after.
    let kept = Memo::new(move |_| store.search());
    let service = RwSignal::new(name_of(&kept.get_untracked()));
    let key = NodeRef::<html::Input>::new();
    let choice = Choice {
        name: "search",
        title: texts.search_title,
        hint: texts.search_hint,
        services: vec![
            ("off", texts.search_off, texts.search_off_hint),
            ("searxng", texts.search_searxng, texts.search_searxng_hint),
            ("brave", texts.search_brave, texts.search_brave_hint),
            ("duckduckgo", texts.search_duckduckgo, texts.search_duckduckgo_hint),
        ],
        service,
        key,
    };
    let fields = view! {
        <When when=move || service.get() == "searxng">{address_field(texts, kept)}</When>
        <When when=move || service.get() == "brave">{key_field(texts, kept, key)}</When>
    };
    choice.form(fields.into_any(), |service, value| ToolAct::Search(chosen(service, value)))
}

fn address_field(texts: &'static ToolsTexts, kept: Memo<SearchView>) -> AnyView {
    let address = match kept.get() {
        SearchView::SearXng { address } => address,
        _ => String::new(),
    };
    view! {
        <Field label=texts.search_address hint=texts.search_address_hint control="search-address">
            <input id="search-address" name="address" type="url" class="field" required maxlength="2048" autocomplete="off"
                placeholder="http://localhost:8888" value=address aria-describedby="search-address-hint"/>
        </Field>
    }
    .into_any()
}

fn key_field(texts: &'static ToolsTexts, kept: Memo<SearchView>, key: NodeRef<html::Input>) -> AnyView {
    let hint = match kept.get() {
        SearchView::Brave { key_hint } => fill(texts.search_key_kept, "key", key_hint),
        _ => texts.search_key_hint.to_owned(),
    };
    view! {
        <Field label=texts.search_key hint=hint control="search-key">
            <input node_ref=key id="search-key" name="key" type="password" class="field" maxlength="4096" autocomplete="off"
                aria-describedby="search-key-hint"/>
        </Field>
    }
    .into_any()
}
