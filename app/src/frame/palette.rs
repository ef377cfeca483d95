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
use leptos::{ev, html, prelude::*, task::spawn_local};
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

/// What is in the palette.
pub(super) fn body() -> AnyView {
    let texts = PanelsTexts::here();
    let open = expect_context::<Overlays>().palette;
    let query = RwSignal::new(String::new());
    let chosen = RwSignal::new(0_usize);
    let entries = use_entries(query);
    let found = Memo::new_with_compare(move |_| matching(&entries.get(), &query.read()), |_, _| true);
    let run = move |idx: usize| {
        if let Some(entry) = found.with_untracked(|found| found.get(idx).cloned()) {
            open.set(false);
            entry.run.run(());
        }
    };
    let on_key = move |event: ev::KeyboardEvent| {
        let last = found.with_untracked(|found| found.len().saturating_sub(1));
        match event.key().as_str() {
            "ArrowDown" => chosen.update(|idx| *idx = (*idx + 1).min(last)),
            "ArrowUp" => chosen.update(|idx| *idx = idx.saturating_sub(1)),
            "Enter" => run(chosen.get_untracked()),
            _ => return,
        }
        event.prevent_default();
    };
    let input = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if let Some(input) = input.get() {
            _ = input.focus();
        }
    });
    let rows = move || {
        let found = found.get();
        let n = found.len();
        let rows = (0..n).map(|idx| palette_row(&found, idx, chosen, Callback::new(run))).collect_view();
        view! { {rows} {(n == 0).then(|| view! { <li class="p-3 text-muted">{texts.palette_none}</li> })} }
    };
    view! {
        <input
            node_ref=input
            class="w-full border-b border-line bg-transparent px-4 py-3 text-base text-strong outline-none"
            role="combobox"
            aria-expanded="true"
            aria-controls="palette-list"
            aria-activedescendant=move || format!("palette-{}", chosen.get())
            aria-label=texts.palette_title
            placeholder=texts.palette_placeholder
            on:keydown=on_key
            on:input=move |event| {
                query.set(event_target_value(&event));
                chosen.set(0);
            }
        />
        <ul id="palette-list" role="listbox" aria-label=texts.palette_title class="max-h-[50vh] overflow-y-auto p-1">{rows}</ul>
    }
    .into_any()
}

fn palette_row(
    found: &[Entry],
    idx: usize,
    chosen: RwSignal<usize>,
    run: Callback<usize>,
) -> impl IntoView + use<> {
    let entry = &found[idx];
    let (group, text) = (entry.group, entry.text.clone());
    view! {
        <li
            id=format!("palette-{idx}")
            role="option"
            class="menu-item cursor-pointer aria-selected:bg-raised aria-selected:text-strong"
            aria-selected=move || (chosen.get() == idx).to_string()
            on:pointermove=move |_| if chosen.get_untracked() != idx { chosen.set(idx) }
            on:click=move |_| run.run(idx)
        >
            <span class="min-w-0 flex-1 truncate">{text}</span>
            <span class="text-xs text-muted">{group}</span>
        </li>
    }
}

/// Every word of `query` must occur; no query finds all.
fn matching(entries: &[Entry], query: &str) -> Vec<Entry> {
    let query = query.to_lowercase();
    let words: Vec<_> = query.split_whitespace().collect();
    let fits = |entry: &&Entry| {
        let text = entry.text.to_lowercase();
        words.iter().all(|word| text.contains(word))
    };
    entries.iter().filter(fits).take(MOST_SHOWN).cloned().collect()
}

/// The newest chats, and before them those that what is looked for occurs in, however old they are.
fn chats_with(query: RwSignal<String>) -> RwSignal<Vec<SessionSummary>> {
    let found = RwSignal::new(Vec::new());
    Effect::new(move |_| {
        let wanted = query.get();
        spawn_local(async move {
            let lines = Lines { query: wanted.clone(), first: 0, n: MOST_LINES };
            if let Ok(SessionLines { mut rows, .. }) = list_sessions(lines).await
                && query.try_get_untracked() == Some(wanted)
            {
                found.update(|found: &mut Vec<SessionSummary>| {
                    found.retain(|old| rows.iter().all(|new| new.id != old.id));
                    rows.append(found);
                    rows.truncate(MOST_KEPT);
                    *found = rows;
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
        let chats = found.get().into_iter().map(|session| {
            let to = format!("/chat/{}", session.id);
            entry(texts.palette_group_sessions, title_or(&session.title, texts.session_untitled), move || {
                sessions.go.run(to.clone());
            })
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
    Entry { group, text, run: Callback::new(move |()| run()) }
}
