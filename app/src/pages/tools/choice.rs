//! Choosing who does something for models: services to choose from, fields of the chosen one, and a button that keeps it.

use super::store::ToolsStore;
use crate::{error::AppError, i18n::ToolsTexts, platform, ui::field::use_ready};
use leptos::{ev, html, prelude::*};
use types::toolbox::ToolAct;

/// A service: the name that the form gives it, what it is called, and what leaves the machine with it.
pub(super) type Service = (&'static str, &'static str, &'static str);

/// What one form is about.
pub(super) struct Choice {
    /// Begins the names of its controls and test ids.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) hint: &'static str,
    pub(super) services: Vec<Service>,
    /// The one that is marked.
    pub(super) service: RwSignal<&'static str>,
    /// Emptied once what is in it is kept.
    pub(super) key: NodeRef<html::Input>,
}

impl Choice {
    /// The form with `fields` of the marked service. `wanted` makes of the service and the values of its fields what is asked of
    /// the server.
    pub(super) fn form(
        self,
        fields: AnyView,
        wanted: impl Fn(&'static str, &dyn Fn(&str) -> String) -> ToolAct + 'static,
    ) -> AnyView {
        let Self { name, title, hint, services, service, key } = self;
        let store = expect_context::<ToolsStore>();
        let texts = store.texts;
        let ready = use_ready();
        let (said, is_busy) = (RwSignal::new(String::new()), RwSignal::new(false));
        let on_submit = move |event: ev::SubmitEvent| {
            event.prevent_default();
            let value = platform::form_values(&event);
            said.set(String::new());
            is_busy.set(true);
            store.try_act(wanted(service.get_untracked(), &value), told(texts, said, is_busy, key));
        };
        let test_id = move |part: &str| format!("{name}-{part}");
        let radios: Vec<_> = services.into_iter().map(|it| radio(name, ready, service, it)).collect();
        view! {
            <section class="card flex flex-col gap-3 p-4" aria-labelledby=test_id("title") data-testid=name>
                <h2 id=test_id("title") class="text-lg font-semibold text-strong">{title}</h2>
                <p class="text-muted">{hint}</p>
                <form class="flex flex-col gap-3" data-testid=test_id("form") on:submit=on_submit>
                    <fieldset class="flex flex-col gap-1">
                        <legend class="sr-only">{title}</legend>
                        {radios}
                    </fieldset>
                    {fields}
                    <div class="flex flex-wrap items-center gap-3">
                        <button type="submit" class="button button-primary" data-testid=test_id("save")
                            disabled=move || is_busy.get() || !ready.get()>
                            {texts.save}
                        </button>
                        <span role="status" class="min-w-0 break-words" data-testid=test_id("status")>{move || said.get()}</span>
                    </div>
                </form>
            </section>
        }
        .into_any()
    }
}

/// Says what came of keeping it.
fn told(
    texts: &'static ToolsTexts,
    said: RwSignal<String>,
    is_busy: RwSignal<bool>,
    key: NodeRef<html::Input>,
) -> Box<dyn FnOnce(Result<(), AppError>)> {
    Box::new(move |done| {
        if let Some(key) = key.try_get_untracked().flatten().filter(|_| done.is_ok()) {
            key.set_value("");
        }
        let words = done.err().map_or_else(|| texts.saved.to_owned(), |err| err.sentence(texts));
        _ = said.try_set(words);
        _ = is_busy.try_set(false);
    })
}

fn radio(
    form: &'static str,
    ready: RwSignal<bool>,
    service: RwSignal<&'static str>,
    (it, name, hint): Service,
) -> AnyView {
    view! {
        <label class="flex cursor-pointer items-start gap-2 rounded-control p-2 hover:bg-raised">
            <input type="radio" name=format!("{form}-service") class="mt-1" value=it
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
