//! What models are told first in a chat: written there, or taken from the person's prompts.

use crate::{
    i18n::SettingsTexts,
    pages::{
        chat::draft::joined,
        prompts::{self, FormWords, ValueWords, api::named_prompts},
    },
    ui::when::When,
};
use leptos::{ev, html, prelude::*, task::spawn_local};
use types::{
    prompt::{NamedPrompt, fill},
    settings::MAX_SYSTEM_PROMPT_BYTES,
};

/// The field of this chat's own system prompt, in grey the usual one.
pub(super) fn system_field(own: String, usual: String) -> AnyView {
    let texts = SettingsTexts::here();
    let area = NodeRef::<html::Textarea>::new();
    // What is there may be wanted still.
    let add = Callback::new(move |text: String| {
        if let Some(area) = area.get_untracked() {
            area.set_value(&joined(&area.value(), &text));
            _ = area.focus();
        }
    });
    view! {
        <section class="card flex flex-col gap-2 p-4">
            <label for="setup-system" class="font-medium text-strong">{texts.settings_system_prompt}</label>
            <textarea node_ref=area id="setup-system" name="system_prompt" rows="4" class="field min-h-24" maxlength=MAX_SYSTEM_PROMPT_BYTES
                placeholder=usual data-testid="setup-system">{own}</textarea>
            {from_prompts(add)}
            <p class="text-xs text-muted">{texts.setup_hint}</p>
        </section>
    }
    .into_any()
}

/// The person's prompts to choose from, and the fields of one that has some.
fn from_prompts(add: Callback<String>) -> AnyView {
    let texts = SettingsTexts::here();
    let prompts = RwSignal::new(Vec::<NamedPrompt>::new());
    let open = RwSignal::new(None::<NamedPrompt>);
    let select = NodeRef::<html::Select>::new();
    // Only a browser does this. Without them the field is what it is.
    Effect::new(move |_| {
        spawn_local(async move {
            if let Ok(all) = named_prompts().await {
                prompts.try_set(all);
            }
        });
    });
    let choose = move |event: ev::Event| {
        let name = event_target_value(&event);
        // The same one can be chosen again.
        if let Some(select) = select.get_untracked() {
            select.set_value("");
        }
        match prompts.with_untracked(|all| all.iter().find(|it| it.name == name).cloned()) {
            Some(prompt) if prompt.variables.is_empty() => add.run(fill(&prompt.body, &[], |_| None)),
            chosen => open.set(chosen),
        }
    };
    let options = move || {
        let option = |prompt: NamedPrompt| {
            view! { <option value=prompt.name.clone()>{prompt.name.clone()}</option> }.into_any()
        };
        prompts.get().into_iter().map(option).collect::<Vec<_>>()
    };
    view! {
        <When when=move || !prompts.read().is_empty()>
            <select node_ref=select class="field h-8 w-auto max-w-full self-start" aria-label=texts.setup_prompts data-testid="setup-prompts" on:change=choose>
                <option value="">{texts.setup_prompts}</option>
                {options()}
            </select>
        </When>
        {move || open.get().map(|prompt| fields(prompt, open, add))}
    }
    .into_any()
}

fn fields(prompt: NamedPrompt, open: RwSignal<Option<NamedPrompt>>, add: Callback<String>) -> AnyView {
    let texts = SettingsTexts::here();
    let (label, name) = (prompt.name.clone(), prompt.name.clone());
    let done = Callback::new(move |text: Option<String>| {
        open.set(None);
        if let Some(text) = text {
            add.run(text);
        }
    });
    let values = ValueWords { no_number: texts.setup_no_number, no_choice: texts.setup_no_choice };
    let words = FormWords { insert: texts.setup_insert, cancel: texts.cancel };
    view! {
        <div role="group" aria-label=label class="flex flex-col gap-2 rounded-card border border-line p-3" data-testid="setup-prompt-form">
            <h2 class="font-semibold text-strong">{name}</h2>
            {prompts::form(prompt, "setup", values, words, done)}
        </div>
    }
    .into_any()
}
