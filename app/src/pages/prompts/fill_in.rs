//! Using a prompt: its variables as a form, what becomes of it, and where it goes.

use super::{
    address::{Open, Part},
    form::{self, ValueWords, Values, are_right},
    library::Library,
};
use crate::{
    i18n::fill as fill_text,
    pages::chat::add_to_new_chat,
    platform,
    ui::{field::use_ready, icon::Icon},
};
use leptos::{ev, prelude::*};
use std::collections::BTreeMap;
use types::{
    ids::{FolderId, SessionId},
    prompt::{PromptAct, PromptDone, PromptView, SystemPlace, Variable, fill},
    settings::MAX_SYSTEM_PROMPT_BYTES,
};

/// The form and the text beside it.
#[component]
pub(super) fn FillIn(library: Library, view: PromptView) -> AnyView {
    let texts = library.texts;
    let values: Values = RwSignal::new(BTreeMap::new());
    let prompt = StoredValue::new(view.current.clone());
    let filled = Memo::new(move |_| {
        let values = values.read();
        prompt.with_value(|prompt| fill(&prompt.body, &prompt.variables, |name| values.get(name).cloned()))
    });
    let is_right =
        Memo::new(move |_| prompt.with_value(|prompt| are_right(&prompt.variables, &values.read())));
    let words = ValueWords { no_number: texts.no_number, no_choice: texts.no_choice };
    let field =
        |(n, variable): (usize, &Variable)| form::field(words, format!("variable-{n}"), variable, values);
    let fields: Vec<_> = view.current.variables.iter().enumerate().map(field).collect();
    let is_ready = use_ready();
    let has_fields = !fields.is_empty();
    view! {
        {has_fields.then(|| view! {
            <fieldset class="card flex min-w-0 flex-col gap-3 p-4" disabled=move || !is_ready.get() aria-label=texts.variables data-testid="prompt-form">
                {fields}
            </fieldset>
        })}
        <section class="flex flex-col gap-2">
            <h3 class="font-semibold text-strong">{texts.preview}</h3>
            <div
                class="card max-h-[50vh] overflow-y-auto p-4 text-base break-words whitespace-pre-wrap"
                tabindex="0"
                role="region"
                aria-label=texts.preview
                data-testid="prompt-preview"
            >
                {move || filled.get()}
            </div>
        </section>
        <Ways library filled is_right open=Open::Prompt(view.summary.id)/>
    }
    .into_any()
}

/// Where the text goes.
#[component]
fn Ways(library: Library, filled: Memo<String>, is_right: Memo<bool>, open: Open) -> AnyView {
    let (texts, common) = (library.texts, library.common);
    let into_chat = move |_| {
        add_to_new_chat(&filled.get_untracked());
        library.go.run("/chat".to_owned());
    };
    let copy = move |_| {
        platform::copy_text(&filled.get_untracked());
        library.toasts.show(common.copied);
    };
    view! {
        <div class="flex flex-wrap items-center gap-2">
            <button type="button" class="button button-primary" data-testid="prompt-use" disabled=move || !is_right.get() on:click=into_chat>
                <Icon icon=icondata_lu::LuMessageSquare size=14/>
                {texts.use_in_chat}
            </button>
            <button type="button" class="button button-quiet" data-testid="prompt-copy" on:click=copy>
                <Icon icon=icondata_lu::LuCopy size=14/>
                {common.copy}
            </button>
            <button type="button" class="button button-quiet" on:click=move |_| library.open(open, Part::Edit)>
                <Icon icon=icondata_lu::LuPencil size=14/>
                {common.edit}
            </button>
        </div>
        <AsSystem library filled is_right/>
        <p class="text-xs text-muted">{texts.use_hint}</p>
    }
    .into_any()
}

/// Puts the text before conversations: all of them, a new one, those of a folder, or one of the latest.
#[component]
fn AsSystem(library: Library, filled: Memo<String>, is_right: Memo<bool>) -> AnyView {
    let texts = library.texts;
    let is_short = move || filled.read().len() <= MAX_SYSTEM_PROMPT_BYTES;
    let place = RwSignal::new(SystemPlace::Everywhere);
    let places = RwSignal::new(PromptDone::default());
    // Only a browser does this.
    Effect::new(move |_| library.act(PromptAct::Places, move |done| _ = places.try_set(done)));
    let choose = move |event: ev::Event| {
        let value = event_target_value(&event);
        let (kind, id) = value.split_once(' ').unwrap_or((&value, ""));
        place.set(match (kind, id.parse()) {
            ("new", _) => SystemPlace::NewChat,
            ("folder", Ok(id)) => SystemPlace::Folder(FolderId(id)),
            ("chat", Ok(id)) => SystemPlace::Chat(SessionId(id)),
            _ => SystemPlace::Everywhere,
        });
    };
    let options = move || {
        let option = |value: String, words: String| view! { <option value=value>{words}</option> }.into_any();
        let PromptDone { folders, chats, .. } = places.get();
        let folders = folders
            .into_iter()
            .map(|(id, name)| option(format!("folder {id}"), fill_text(texts.system_folder, "name", name)));
        let chats = chats
            .into_iter()
            .map(|(id, title)| option(format!("chat {id}"), fill_text(texts.system_chat, "name", title)));
        folders.chain(chats).collect::<Vec<_>>()
    };
    view! {
        <div class="flex flex-wrap items-center gap-2">
            <button type="button" class="button button-quiet" data-testid="prompt-system" disabled=move || !(is_right.get() && is_short())
                on:click=move |_| library.use_as_system_prompt(filled.get_untracked(), place.get_untracked())>
                <Icon icon=icondata_lu::LuBot size=14/>
                {texts.use_as_system}
            </button>
            <select class="field h-8 w-auto max-w-full" aria-label=texts.system_place data-testid="prompt-system-place" on:change=choose>
                <option value="">{texts.system_everywhere}</option>
                <option value="new">{texts.system_new_chat}</option>
                {options}
            </select>
        </div>
    }
    .into_any()
}
