//! Every component in every state, in both themes side by side, as the server renders it.
//!
//! A page of debug builds for those who change the look; the visual test photographs it. It runs no scripts, so
//! what only a hand can bring about (hover, focus) is seen by using it.

use super::{
    error_state::{ErrorState, Place},
    field::{Field, NumberField, SelectField},
    icon::{Icon, IconButton},
    key_hint::KeyHint,
    markdown::with_words,
    modal::Modal,
    popover::Popover,
    progress::Progress,
    toast::ToastRow,
};
use crate::i18n::use_texts;
use leptos::prelude::*;
use std::sync::Arc;
use types::settings::Theme;

/// A text with everything that answers hold.
const MARKDOWN: &str = include_str!("gallery/sample.md");

/// The page below `<body>`.
#[component]
pub(crate) fn Gallery() -> impl IntoView {
    view! {
        <main class="grid grid-cols-1 lg:grid-cols-2">
            <h1 class="sr-only">"Components"</h1>
            <Column theme=Theme::Light/>
            <Column theme=Theme::Dark/>
        </main>
    }
}

#[component]
fn Column(theme: Theme) -> impl IntoView {
    let names = Names::of(theme);
    view! {
        <section class="flex min-w-0 flex-col gap-6 bg-bg p-6 text-default" data-theme=theme.as_str() aria-label=theme.as_str()>
            <h2 class="text-xl font-semibold text-strong capitalize">{theme.as_str()}</h2>
            <Sample title="Type">{type_scale()}</Sample>
            <Sample title="Surfaces">{surfaces()}</Sample>
            <Sample title="Button">{buttons()}</Sample>
            <Sample title="Icon button">{icon_buttons()}</Sample>
            <Sample title="Field">{fields(names)}</Sample>
            <Sample title="Progress">{progress()}</Sample>
            <Sample title="Navigation and menu">{menus(theme)}</Sample>
            <Sample title="Popover">{popover()}</Sample>
            <Sample title="Dialog">{dialog()}</Sample>
            <Sample title="Toast">{toasts()}</Sample>
            <Sample title="Error state">{error_state()}</Sample>
            <Sample title="Keyboard hint">{key_hints()}</Sample>
            <Sample title="Markdown, code, formulas">{markdown()}</Sample>
        </section>
    }
}

/// Names of form controls, which are `id`s too and so differ between the columns.
struct Names {
    text: &'static str,
    number: &'static str,
    select: &'static str,
}

impl Names {
    fn of(theme: Theme) -> Self {
        match theme {
            Theme::Dark => Self { text: "dark-text", number: "dark-number", select: "dark-select" },
            Theme::Light | Theme::System => {
                Self { text: "light-text", number: "light-number", select: "light-select" }
            }
        }
    }
}

#[component]
fn Sample(title: &'static str, children: Children) -> impl IntoView {
    view! {
        <section class="flex flex-col gap-2">
            <h3 class="text-xs font-medium text-muted">{title}</h3>
            {children()}
        </section>
    }
}

fn type_scale() -> impl IntoView {
    let steps = [
        ("text-2xl font-semibold text-strong", "28 strong"),
        ("text-xl font-semibold text-strong", "20 strong"),
        ("text-lg font-semibold text-strong", "16 strong"),
        ("text-base text-default", "14 default"),
        ("text-sm text-default", "13 default"),
        ("text-sm text-muted", "13 muted"),
        ("text-xs text-faint", "12 faint"),
    ];
    steps.map(|(class, text)| view! { <p class=class>{text}</p> }).into_iter().collect_view()
}

fn surfaces() -> impl IntoView {
    let surfaces =
        [("bg-bg", "bg"), ("bg-panel", "panel"), ("bg-raised", "raised"), ("bg-overlay", "overlay")];
    let words = [
        ("text-ok", "ok"),
        ("text-warn", "warn"),
        ("text-danger", "danger"),
        ("text-info", "info"),
        ("text-accent-text", "accent"),
    ];
    view! {
        <div class="flex flex-wrap gap-2">
            {surfaces.map(|(class, name)| view! {
                <span class=format!("rounded-card border border-line px-3 py-2 text-strong {class}")>{name}</span>
            }).into_iter().collect_view()}
        </div>
        <div class="flex flex-wrap gap-3">
            {words.map(|(class, name)| view! { <span class=class>{name}</span> }).into_iter().collect_view()}
        </div>
    }
}

fn buttons() -> impl IntoView {
    let kinds = [("button-primary", "Save"), ("button-quiet", "Cancel"), ("button-danger", "Delete")];
    let row = |disabled: bool| {
        kinds
            .map(|(kind, text)| {
                view! {
                    <button type="button" class=format!("button {kind}") disabled=disabled>
                        <Icon icon=icondata_lu::LuCheck/>
                        {text}
                    </button>
                }
            })
            .into_iter()
            .collect_view()
    };
    view! {
        <div class="flex flex-wrap gap-2">{row(false)}</div>
        <div class="flex flex-wrap gap-2">{row(true)}</div>
    }
}

fn icon_buttons() -> impl IntoView {
    let nothing = Callback::new(|()| ());
    view! {
        <div class="flex gap-2">
            <IconButton icon=icondata_lu::LuCopy label="Copy".to_owned() on_click=nothing/>
            <IconButton icon=icondata_lu::LuCopy label="Copy, not now".to_owned() on_click=nothing disabled=true/>
            <IconButton icon=icondata_lu::LuPencil label="Edit, small".to_owned() size=14 on_click=nothing/>
        </div>
    }
}

fn fields(Names { text, number, select }: Names) -> impl IntoView {
    let options = ["One", "Another"].map(|name| (name.to_lowercase(), name.to_owned())).to_vec();
    view! {
        <div class="grid gap-3 sm:grid-cols-2">
            <Field label="Text" hint="What it is for." control=text>
                <textarea id=text class="field min-h-16" placeholder="Nothing yet" aria-describedby=format!("{text}-hint")></textarea>
            </Field>
            <NumberField name=number label="Number" hint="From 0 to 5." value="0.8" min="0" max="5" step="any"/>
            <SelectField name=select label="Choice" value="another" options/>
        </div>
    }
}

fn progress() -> impl IntoView {
    view! {
        <div class="flex items-center gap-4">
            <Progress value=Signal::stored(Some(0.0)) label="Nothing yet"/>
            <Progress value=Signal::stored(Some(0.43)) label="43 %"/>
            <Progress value=Signal::stored(Some(1.0)) label="All"/>
            <Progress value=Signal::stored(Some(0.43)) label="43 %, waited for" accent=true/>
            <Progress value=Signal::stored(None) label="Unknown" accent=true/>
        </div>
    }
}

fn menus(theme: Theme) -> impl IntoView {
    view! {
        <div class="grid w-full grid-cols-2 gap-4">
            <nav aria-label=format!("Sample, {}", theme.as_str()) class="flex flex-col">
                <a href="/dev/ui" class="nav-link" aria-current="page"><Icon icon=icondata_lu::LuMessageSquare size=20/>"Here"</a>
                <a href="/chat" class="nav-link"><Icon icon=icondata_lu::LuSettings size=20/>"Elsewhere"</a>
            </nav>
            <div class="flex flex-col">
                <button type="button" class="menu-item"><Icon icon=icondata_lu::LuPin/>"Pin"</button>
                <button type="button" class="menu-item text-danger"><Icon icon=icondata_lu::LuTrash2/>"Delete"</button>
            </div>
        </div>
    }
}

fn popover() -> impl IntoView {
    view! {
        <div class="flex h-24 items-end">
            <Popover open=RwSignal::new(true) label="Sample" trigger=Box::new(|| "Open".into_any())>
                <p class="p-2">"A panel above its button."</p>
            </Popover>
        </div>
    }
}

/// In the flow of the page; where it belongs, it floats over everything.
fn dialog() -> impl IntoView {
    view! {
        <div class="*:static *:m-0 *:block *:w-full">
            <Modal open=RwSignal::new(true) label="Sample">
                <div class="flex flex-col gap-3 p-4">
                    <p class="text-lg font-semibold text-strong">"A question"</p>
                    <div class="flex justify-end gap-2">
                        <button type="button" class="button button-quiet">"No"</button>
                        <button type="button" class="button button-primary">"Yes"</button>
                    </div>
                </div>
            </Modal>
        </div>
    }
}

fn toasts() -> impl IntoView {
    let nothing = Callback::new(|()| ());
    view! {
        <div class="flex flex-col items-start gap-2">
            <ToastRow text="Copied".to_owned() action=None close=nothing/>
            <ToastRow text="“A lighthouse” was deleted.".to_owned() action=Some(("Undo".to_owned(), Arc::new(|| ()))) close=nothing/>
        </div>
    }
}

fn error_state() -> impl IntoView {
    view! {
        <div class="card">
            <ErrorState title="This could not be shown" hint="The server could not be reached." place=Place::Part>
                <button type="button" class="button button-primary">"Try again"</button>
            </ErrorState>
        </div>
    }
}

fn key_hints() -> impl IntoView {
    view! {
        <p class="flex gap-2"><KeyHint keys="Ctrl / ⌘ K"/><KeyHint keys="Esc"/></p>
    }
}

fn markdown() -> impl IntoView {
    let blocks = chat::render_markdown(MARKDOWN)
        .into_iter()
        .map(|html| view! { <div inner_html=with_words(&html, use_texts())></div> })
        .collect_view();
    view! { <div class="prose">{blocks}</div> }
}
