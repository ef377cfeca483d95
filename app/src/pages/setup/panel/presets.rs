//! Samplers that a person keeps under a name: chosen, kept, named otherwise and deleted.

use super::Panel;
use crate::{
    i18n::{SettingsTexts, fill},
    pages::setup::api,
    ui::{
        icon::IconButton,
        list::list,
        toast::{Toasts, use_toasts},
        when::When,
    },
};
use leptos::{ev, prelude::*, task::spawn_local};
use std::sync::Arc;
use types::overrides::{MAX_PRESET_NAME_CHARS, PresetAct, SamplingPreset, preset_name};

/// Answers that are the same again and again, as a person set them, and those that surprise.
const OURS: [(&str, &[(&str, &str)]); 3] = [
    ("exact", &[("temperature", "0")]),
    ("usual", &[]),
    ("lively", &[("temperature", "1.1"), ("min_p", "0.08"), ("top_p", "1"), ("top_k", "0")]),
];

/// What a person keeps. Copy; the same for all forms of a page.
#[derive(Clone, Copy)]
pub(crate) struct Presets {
    kept: RwSignal<Vec<SamplingPreset>>,
    toasts: Toasts,
    texts: &'static SettingsTexts,
}

impl Presets {
    /// Fetches them as soon as the page lives.
    pub(crate) fn of_page() -> Self {
        let presets =
            Self { kept: RwSignal::new(Vec::new()), toasts: use_toasts(), texts: SettingsTexts::here() };
        Effect::new(move |_| presets.act(PresetAct::Look, Box::new(|| ())));
        presets
    }

    /// Does something and shows what is then kept, or says what went wrong.
    fn act(self, act: PresetAct, then: Box<dyn FnOnce()>) {
        spawn_local(async move {
            match api::act_on_presets(act).await {
                Ok(kept) => {
                    self.kept.try_set(kept);
                    then();
                }
                Err(err) => self.toasts.show(err.sentence(self.texts)),
            }
        });
    }

    fn find(self, name: &str) -> Option<SamplingPreset> {
        self.kept.with_untracked(|kept| kept.iter().find(|preset| is_same(&preset.name, name)).cloned())
    }
}

/// As the database compares them.
fn is_same(name: &str, other: &str) -> bool {
    name.eq_ignore_ascii_case(other)
}

/// The row of one panel.
#[derive(Clone, Copy)]
struct Row {
    panel: Panel,
    /// The name of the preset that filled the fields last; empty for none.
    chosen: RwSignal<String>,
    /// As it is written.
    name: RwSignal<String>,
    /// Whether what has that name is to be replaced.
    is_asked: RwSignal<bool>,
}

impl Row {
    fn presets(self) -> Presets {
        self.panel.presets
    }

    fn choose(self, name: &str) {
        self.is_asked.set(false);
        let preset = self.presets().find(name);
        self.chosen.set(preset.as_ref().map(|it| it.name.clone()).unwrap_or_default());
        if let Some(preset) = preset {
            self.panel.fill(&preset.numbers);
            self.name.set(preset.name);
        }
    }

    /// What the fields say is kept under the name that is written, after a question where something has it.
    fn keep(self, replaces: bool) {
        let Ok(name) = self.name.with_untracked(|name| preset_name(name)) else { return };
        let presets = self.presets();
        let asks = !replaces && presets.find(&name).is_some();
        self.is_asked.set(asks);
        if asks {
            return;
        }
        let preset = SamplingPreset { name: name.clone(), numbers: self.panel.numbers() };
        let then = move || {
            presets.toasts.show(fill(presets.texts.preset_kept, "name", &name));
            self.chosen.try_set(name);
        };
        presets.act(PresetAct::Keep { preset, replaces }, Box::new(then));
    }

    /// Whether the chosen one can have the name that is written.
    fn can_rename(self) -> bool {
        let chosen = self.chosen.get();
        let name = self.name.with(|name| preset_name(name));
        !chosen.is_empty() && name.is_ok_and(|name| name != chosen)
    }

    fn rename(self) {
        let Ok(new_name) = self.name.with_untracked(|name| preset_name(name)) else { return };
        self.is_asked.set(false);
        let act = PresetAct::Rename { name: self.chosen.get_untracked(), new_name: new_name.clone() };
        self.presets().act(act, Box::new(move || _ = self.chosen.try_set(new_name)));
    }

    fn delete(self) {
        let presets = self.presets();
        let Some(preset) = presets.find(&self.chosen.get_untracked()) else { return };
        self.is_asked.set(false);
        let name = preset.name.clone();
        let then = move || {
            self.chosen.try_set(String::new());
            let words = fill(presets.texts.preset_deleted, "name", &preset.name);
            let undo = move || {
                let act = PresetAct::Keep { preset: preset.clone(), replaces: false };
                presets.act(act, Box::new(|| ()));
            };
            presets.toasts.show_with_action(words, presets.texts.undo, Arc::new(undo));
        };
        presets.act(PresetAct::Delete { name }, Box::new(then));
    }
}

/// Presets that everybody has, those that a person keeps, and the way to keep one.
pub(super) fn row(panel: Panel) -> AnyView {
    let texts = panel.presets.texts;
    let row = Row {
        panel,
        chosen: RwSignal::new(String::new()),
        name: RwSignal::new(String::new()),
        is_asked: RwSignal::new(false),
    };
    view! {
        <div class="flex flex-col gap-2" role="group" aria-label=texts.presets data-testid="presets">
            <div class="flex flex-wrap gap-2">{ours(row)}</div>
            <div class="flex flex-wrap items-end gap-2">
                {choice(row)}
                {naming(row)}
            </div>
            <When when=move || row.is_asked.get()>{question(row)}</When>
        </div>
    }
    .into_any()
}

fn ours(row: Row) -> Vec<AnyView> {
    let texts = row.presets().texts;
    let button = |(name, numbers): (&'static str, &'static [(&'static str, &'static str)])| {
        let words = match name {
            "exact" => texts.preset_exact,
            "lively" => texts.preset_lively,
            _ => texts.preset_usual,
        };
        let choose = move |_| {
            row.choose("");
            let numbers: Vec<_> =
                numbers.iter().map(|(knob, value)| ((*knob).to_owned(), (*value).to_owned())).collect();
            row.panel.fill(&numbers);
        };
        view! { <button type="button" class="button button-quiet" data-testid=format!("preset-{name}") on:click=choose>{words}</button> }
            .into_any()
    };
    OURS.map(button).into()
}

fn choice(row: Row) -> AnyView {
    let (presets, texts) = (row.presets(), row.presets().texts);
    let option = move |name: String| {
        let is_chosen = {
            let name = name.clone();
            move || *row.chosen.read() == name
        };
        let words = name.clone();
        view! { <option value=name prop:selected=is_chosen>{words}</option> }.into_any()
    };
    let names = move || presets.kept.with(|kept| kept.iter().map(|preset| preset.name.clone()).collect());
    let has_none = move || row.chosen.read().is_empty();
    view! {
        <div class="flex min-w-0 flex-1 basis-40 items-end gap-1">
            <label class="flex min-w-0 flex-1 flex-col gap-1 text-xs text-muted">
                {texts.presets_kept}
                <select class="field h-8" data-testid="preset-choice" on:change=move |event| row.choose(&event_target_value(&event))>
                    <option value="" prop:selected=has_none>{texts.preset_none}</option>
                    {list(names, String::clone, option)}
                </select>
            </label>
            <IconButton icon=icondata_lu::LuTrash2 label=texts.preset_delete.to_owned() testid="preset-delete"
                disabled=Signal::derive(has_none) on_click=move |()| row.delete()/>
        </div>
    }
    .into_any()
}

fn naming(row: Row) -> AnyView {
    let texts = row.presets().texts;
    let on_input = move |event: ev::Event| {
        row.is_asked.set(false);
        row.name.set(event_target_value(&event));
    };
    // The form around it is not sent.
    let on_key = move |event: ev::KeyboardEvent| {
        if event.key() == "Enter" && !event.is_composing() {
            event.prevent_default();
            row.keep(false);
        }
    };
    let has_no_name = move || row.name.with(|name| preset_name(name).is_err());
    view! {
        <label class="flex min-w-0 flex-1 basis-32 flex-col gap-1 text-xs text-muted">
            {texts.preset_name}
            <input type="text" class="field" maxlength=MAX_PRESET_NAME_CHARS autocomplete="off" data-testid="preset-name"
                prop:value=move || row.name.get() on:input=on_input on:keydown=on_key/>
        </label>
        <button type="button" class="button button-quiet" data-testid="preset-keep" disabled=has_no_name on:click=move |_| row.keep(false)>
            {texts.preset_keep}
        </button>
        <When when=move || row.can_rename()>
            <button type="button" class="button button-quiet" data-testid="preset-rename" on:click=move |_| row.rename()>{texts.preset_rename}</button>
        </When>
    }
    .into_any()
}

/// Whether what has the name that is written is to be replaced.
fn question(row: Row) -> AnyView {
    let texts = row.presets().texts;
    let words = move || row.name.with(|name| fill(texts.preset_taken, "name", name.trim()));
    view! {
        <div class="flex flex-wrap items-center gap-2 rounded-control border border-line bg-raised px-2 py-1" data-testid="preset-question">
            <p class="min-w-0 flex-1 basis-48 break-words" role="alert">{words}</p>
            <button type="button" class="button button-quiet" data-testid="preset-replace" on:click=move |_| row.keep(true)>{texts.preset_replace}</button>
            <button type="button" class="button button-quiet" on:click=move |_| row.is_asked.set(false)>{texts.cancel}</button>
        </div>
    }
    .into_any()
}
