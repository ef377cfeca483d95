//! The command palette: every page, action, chat and model, by typing a part of its name.

use super::later::{Behind, Later};
use super::{Overlays, model_picker::use_load, sessions::title_or, use_sessions};
use crate::{
    i18n::{PanelsTexts, use_texts},
    live::api::list_models,
    pages::chat::api::list_sessions,
    platform,
    ui::modal::Modal,
};
use leptos::{ev, html, prelude::*, task::spawn_local, wasm_bindgen::JsCast, web_sys};
use types::{
    chat::{Lines, MOST_LINES, SessionLines, SessionSummary},
    model::{ModelEntry, Purpose},
    settings::Theme,
};

/// More would not be read.
const MOST_SHOWN: usize = 30;

/// Chats that were found, the last ones first: more are none to choose from.
const MOST_KEPT: usize = 1_000;

/// One line of the palette.
#[derive(Clone)]
struct Entry {
    group: &'static str,
    text: String,
    /// Whether the server found what is looked for in what is behind it, as in the messages of a chat.
    is_hit: bool,
    run: Callback<()>,
}

/// The palette; `Ctrl/⌘ K` opens it.
#[component]
pub(super) fn Palette() -> impl IntoView {
    let texts = use_texts();
    let open = expect_context::<Overlays>().palette;
    view! {
        <Modal open label=texts.palette_title testid="palette">
            <Later behind=Behind::Palette/>
        </Modal>
    }
}

/// What was found, and which of it is chosen.
#[derive(Clone, Copy)]
struct Choice {
    open: RwSignal<bool>,
    found: Memo<Vec<Entry>>,
    chosen: RwSignal<usize>,
    list: NodeRef<html::Ul>,
}

impl Choice {
    fn run(self, idx: usize) {
        if let Some(entry) = self.found.with_untracked(|found| found.get(idx).cloned()) {
            self.open.set(false);
            entry.run.run(());
        }
    }

    fn choose(self, idx: usize) {
        self.chosen.set(idx);
        show_row(self.list.get_untracked(), idx);
    }

    fn on_key(self, event: &ev::KeyboardEvent) {
        // Such keys are for an input method that is in the middle of a word.
        if event.is_composing() {
            return;
        }
        let last = self.found.with_untracked(|found| found.len().saturating_sub(1));
        let idx = self.chosen.get_untracked();
        match event.key().as_str() {
            "ArrowDown" => self.choose((idx + 1).min(last)),
            "ArrowUp" => self.choose(idx.saturating_sub(1)),
            "Enter" => self.run(idx),
            _ => return,
        }
        event.prevent_default();
    }

    /// What the chosen row is called in the page, if there is one.
    fn row_id(self) -> Option<String> {
        let idx = self.chosen.get();
        self.found.with(|found| (idx < found.len()).then(|| row_id(idx)))
    }
}

/// What is in the palette.
pub(super) fn body() -> AnyView {
    let texts = PanelsTexts::here();
    let query = RwSignal::new(String::new());
    let entries = use_entries(query);
    let choice = Choice {
        open: expect_context::<Overlays>().palette,
        found: Memo::new_with_compare(move |_| matching(&entries.get(), &query.read()), |_, _| true),
        chosen: RwSignal::new(0),
        list: NodeRef::new(),
    };
    let input = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if let Some(input) = input.get() {
            _ = input.focus();
        }
    });
    let rows = move || {
        let found = choice.found.get();
        let n = found.len();
        let rows = (0..n).map(|idx| palette_row(&found, idx, choice)).collect_view();
        view! { {rows} {(n == 0).then(|| view! { <li class="p-3 text-muted">{texts.palette_none}</li> })} }
    };
    view! {
        <input
            node_ref=input
            class="w-full border-b border-line bg-transparent px-4 py-3 text-base text-strong outline-none"
            role="combobox"
            aria-expanded="true"
            aria-controls="palette-list"
            aria-activedescendant=move || choice.row_id()
            aria-label=texts.palette_title
            placeholder=texts.palette_placeholder
            on:keydown=move |event| choice.on_key(&event)
            on:input=move |event| {
                query.set(event_target_value(&event));
                choice.choose(0);
            }
        />
        <ul node_ref=choice.list id="palette-list" role="listbox" aria-label=texts.palette_title class="max-h-[50vh] overflow-y-auto p-1">
            {rows}
        </ul>
    }
    .into_any()
}

fn palette_row(found: &[Entry], idx: usize, choice: Choice) -> impl IntoView + use<> {
    let chosen = choice.chosen;
    let entry = &found[idx];
    let (group, text) = (entry.group, entry.text.clone());
    view! {
        <li
            id=row_id(idx)
            role="option"
            class="menu-item cursor-pointer aria-selected:bg-raised aria-selected:text-strong"
            aria-selected=move || (chosen.get() == idx).to_string()
            on:pointermove=move |_| if chosen.get_untracked() != idx { chosen.set(idx) }
            on:click=move |_| choice.run(idx)
        >
            <span class="min-w-0 flex-1 truncate">{text}</span>
            <span class="text-xs text-muted">{group}</span>
        </li>
    }
}

fn row_id(idx: usize) -> String {
    format!("palette-{idx}")
}

/// Scrolls the list no further than the row needs.
fn show_row(list: Option<web_sys::HtmlUListElement>, idx: usize) {
    let row = document().get_element_by_id(&row_id(idx));
    let row = row.and_then(|row| row.dyn_into::<web_sys::HtmlElement>().ok());
    if let (Some(list), Some(row)) = (list, row) {
        let top = row.offset_top() - list.offset_top();
        let least = top + row.offset_height() - list.client_height();
        list.set_scroll_top(list.scroll_top().max(least).min(top));
    }
}

/// Every word of `query` must occur; no query finds all. Behind those are the others that the server found.
fn matching(entries: &[Entry], query: &str) -> Vec<Entry> {
    let query = query.to_lowercase();
    let words: Vec<_> = query.split_whitespace().collect();
    let fits = |entry: &&Entry| {
        let text = entry.text.to_lowercase();
        words.iter().all(|word| text.contains(word))
    };
    let others = entries.iter().filter(|entry| entry.is_hit && !fits(entry));
    entries.iter().filter(fits).chain(others).take(MOST_SHOWN).cloned().collect()
}

/// Chats that were found.
#[derive(Clone, Default)]
struct Found {
    /// By these words, the first so many of them.
    query: String,
    n: usize,
    rows: Vec<SessionSummary>,
}

/// The newest chats, and before them those that what is looked for occurs in, however old they are.
fn chats_with(query: RwSignal<String>) -> RwSignal<Found> {
    let found = RwSignal::new(Found::default());
    Effect::new(move |_| {
        let wanted = query.get();
        spawn_local(async move {
            let lines = Lines { query: wanted.clone(), first: 0, n: MOST_LINES };
            if let Ok(SessionLines { mut rows, .. }) = list_sessions(lines).await
                && query.try_get_untracked().as_ref() == Some(&wanted)
            {
                found.update(|found| {
                    let n = rows.len();
                    found.rows.retain(|old| rows.iter().all(|new| new.id != old.id));
                    rows.append(&mut found.rows);
                    rows.truncate(MOST_KEPT);
                    *found = Found { query: wanted, n, rows };
                });
            }
        });
    });
    found
}

fn use_entries(query: RwSignal<String>) -> Signal<Vec<Entry>> {
    let texts = PanelsTexts::here();
    let sessions = use_sessions();
    let found = chats_with(query);
    let load = use_load();
    let models = RwSignal::new(Vec::<ModelEntry>::new());
    Effect::new(move |_| {
        spawn_local(async move {
            if let Ok(list) = list_models().await {
                models.set(list);
            }
        });
    });
    let fixed = fixed_entries(texts, sessions.go);
    Signal::derive(move || {
        let Found { query: asked, n, rows } = found.get();
        let n_hits = if asked == *query.read() { n } else { 0 };
        let chats = rows.into_iter().enumerate().map(|(idx, session)| {
            let to = format!("/chat/{}", session.id);
            let title = title_or(&session.title, texts.session_untitled);
            let go = move || sessions.go.run(to.clone());
            Entry { is_hit: idx < n_hits, ..entry(texts.palette_group_sessions, title, go) }
        });
        let models = models
            .get()
            .into_iter()
            .filter(|model| model.problem.is_none() && model.purpose == Purpose::Writing);
        let models = models
            .map(|model| entry(texts.palette_group_models, model.name, move || load.run(model.id.clone())));
        fixed.clone().into_iter().chain(chats).chain(models).collect()
    })
}

fn fixed_entries(texts: &'static PanelsTexts, go: Callback<String>) -> Vec<Entry> {
    let overlays = expect_context::<Overlays>();
    let theme = |text: &'static str, theme: Theme| {
        entry(texts.palette_group_actions, format!("{}: {text}", texts.settings_theme), move || {
            platform::show_theme(theme);
            spawn_local(async move { _ = crate::pages::settings::api::set_theme(theme).await });
        })
    };
    vec![
        entry(texts.palette_group_actions, texts.session_new.to_owned(), move || go.run("/chat".to_owned())),
        entry(texts.palette_group_pages, texts.nav_chat.to_owned(), move || go.run("/chat".to_owned())),
        entry(texts.palette_group_pages, texts.chats_title.to_owned(), move || go.run("/chats".to_owned())),
        entry(texts.palette_group_pages, texts.nav_compare.to_owned(), move || go.run("/compare".to_owned())),
        entry(texts.palette_group_pages, texts.nav_prompts.to_owned(), move || go.run("/prompts".to_owned())),
        entry(texts.palette_group_pages, texts.nav_documents.to_owned(), move || {
            go.run("/documents".to_owned())
        }),
        entry(texts.palette_group_pages, texts.nav_models.to_owned(), move || go.run("/models".to_owned())),
        entry(texts.palette_group_pages, texts.nav_discover.to_owned(), move || {
            go.run("/discover".to_owned())
        }),
        entry(texts.palette_group_pages, texts.nav_tools.to_owned(), move || go.run("/tools".to_owned())),
        entry(texts.palette_group_pages, texts.nav_settings.to_owned(), move || {
            go.run("/settings".to_owned())
        }),
        entry(texts.palette_group_actions, texts.model_pick.to_owned(), move || {
            overlays.model_picker.set(true)
        }),
        entry(texts.palette_group_actions, texts.shortcuts_title.to_owned(), move || {
            overlays.shortcuts.set(true)
        }),
        theme(texts.theme_system, Theme::System),
        theme(texts.theme_light, Theme::Light),
        theme(texts.theme_dark, Theme::Dark),
    ]
}

fn entry(group: &'static str, text: String, run: impl Fn() + Send + Sync + 'static) -> Entry {
    Entry { group, text, is_hit: false, run: Callback::new(move |()| run()) }
}

#[cfg(test)]
mod tests;
