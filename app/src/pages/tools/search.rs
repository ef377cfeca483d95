//! Who searches the web.

use super::store::ToolsStore;
use crate::{
    error::AppError,
    i18n::{ToolsTexts, fill},
    platform,
    ui::{
        field::{Field, use_ready},
        when::When,
    },
};
use leptos::{ev, html, prelude::*};
use types::{
    secret::Secret,
    toolbox::{SearchService, SearchView, ToolAct},
};

/// The services in the order in which they are offered, by the names that the form gives them.
const SERVICES: [&str; 4] = ["off", "searxng", "brave", "duckduckgo"];

fn name_of(view: &SearchView) -> &'static str {
    match view {
        SearchView::Off => "off",
        SearchView::SearXng { .. } => "searxng",
        SearchView::Brave { .. } => "brave",
        SearchView::DuckDuckGo => "duckduckgo",
    }
}

/// What the form says, as a service.
fn chosen(service: &str, address: String, key: String) -> Option<SearchService> {
    match service {
        "searxng" => Some(SearchService::SearXng { address: address.trim().to_owned() }),
        "brave" => Some(SearchService::Brave { key: Secret::new(key.trim()) }),
        "duckduckgo" => Some(SearchService::DuckDuckGo),
        _ => None,
    }
}

/// What a service is called, and what leaves the machine with it.
fn words(texts: &'static ToolsTexts, service: &str) -> (&'static str, &'static str) {
    match service {
        "searxng" => (texts.search_searxng, texts.search_searxng_hint),
        "brave" => (texts.search_brave, texts.search_brave_hint),
        "duckduckgo" => (texts.search_duckduckgo, texts.search_duckduckgo_hint),
        _ => (texts.search_off, texts.search_off_hint),
    }
}

#[component]
pub(super) fn SearchForm() -> AnyView {
    let store = expect_context::<ToolsStore>();
    let texts = store.texts;
    let ready = use_ready();
    // What is being typed stays while servers are looked after.
    let kept = Memo::new(move |_| store.search());
    let service = RwSignal::new(name_of(&kept.get_untracked()));
    let (said, is_busy) = (RwSignal::new(String::new()), RwSignal::new(false));
    let key = NodeRef::<html::Input>::new();
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let value = platform::form_values(&event);
        let wanted = chosen(service.get_untracked(), value("address"), value("key"));
        said.set(String::new());
        is_busy.set(true);
        let done = move |done: Result<(), AppError>| {
            if let Some(key) = key.try_get_untracked().flatten().filter(|_| done.is_ok()) {
                key.set_value("");
            }
            let words = done.err().map_or_else(|| texts.saved.to_owned(), |err| err.sentence(texts));
            _ = said.try_set(words);
            _ = is_busy.try_set(false);
        };
        store.try_act(ToolAct::Search(wanted), Box::new(done));
    };
    let radios: Vec<_> = SERVICES.into_iter().map(|it| radio(texts, ready, service, it)).collect();
    view! {
        <section class="card flex flex-col gap-3 p-4" aria-labelledby="search-title" data-testid="search">
            <h2 id="search-title" class="text-lg font-semibold text-strong">{texts.search_title}</h2>
            <p class="text-muted">{texts.search_hint}</p>
            <form class="flex flex-col gap-3" data-testid="search-form" on:submit=on_submit>
                <fieldset class="flex flex-col gap-1">
                    <legend class="sr-only">{texts.search_title}</legend>
                    {radios}
                </fieldset>
                <When when=move || service.get() == "searxng">{address_field(texts, kept)}</When>
                <When when=move || service.get() == "brave">{key_field(texts, kept, key)}</When>
                <div class="flex flex-wrap items-center gap-3">
                    <button type="submit" class="button button-primary" data-testid="search-save"
                        disabled=move || is_busy.get() || !ready.get()>
                        {texts.save}
                    </button>
                    <span role="status" class="min-w-0 break-words" data-testid="search-status">{move || said.get()}</span>
                </div>
            </form>
        </section>
    }
    .into_any()
}

fn radio(
    texts: &'static ToolsTexts,
    ready: RwSignal<bool>,
    service: RwSignal<&'static str>,
    it: &'static str,
) -> AnyView {
    let (name, hint) = words(texts, it);
    view! {
        <label class="flex cursor-pointer items-start gap-2 rounded-control p-2 hover:bg-raised">
            <input type="radio" name="service" class="mt-1" value=it
                disabled=move || !ready.get()
                checked=service.get_untracked() == it
                prop:checked=move || service.get() == it
                on:change=move |_| service.set(it)/>
            <span class="min-w-0">
                <span class="block font-medium text-strong">{name}</span>
                <span class="block text-muted">{hint}</span>
            </span>
        </label>
    }
    .into_any()
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
