//! The line at the bottom: model, speed, jobs, memory, connection.

use super::{jobs::JobsTray, model_picker::ModelPill};
use crate::{
    format::{gib, one_decimal, percent},
    i18n::{fill, use_texts},
    live::{Connection, OnceKnown, use_live},
    ui::progress::Progress,
};
use leptos::prelude::*;

/// The status bar.
#[component]
pub(super) fn StatusBar() -> AnyView {
    let texts = use_texts();
    view! {
        <footer
            aria-label=texts.status_label
            class="flex h-8 items-center gap-2 border-t border-line bg-panel px-2 text-xs text-muted md:col-start-2"
        >
            <OnceKnown>
                <ModelPill/>
                <Speed/>
                <span class="flex-1"></span>
                <JobsTray/>
                <Memory/>
            </OnceKnown>
            <ConnectionState/>
        </footer>
    }
    .into_any()
}

#[component]
fn Speed() -> impl IntoView {
    let texts = use_texts();
    let live = use_live();
    let speed = move || {
        let speed = live.models.read().as_ref()?.chosen.tokens_per_second?;
        Some(fill(texts.usage_speed, "n", one_decimal(speed.into())))
    };
    view! { <span class="tabular hidden sm:inline" data-testid="speed">{speed}</span> }
}

#[component]
fn Memory() -> impl IntoView {
    let texts = use_texts();
    let live = use_live();
    let share = move || {
        let system = live.system.get()?;
        (system.memory_total_bytes > 0)
            .then(|| system.memory_used_bytes as f32 / system.memory_total_bytes as f32)
    };
    let words = move || {
        let system = live.system.get().unwrap_or_default();
        let text = fill(texts.memory_of, "used", gib(system.memory_used_bytes));
        fill(&text, "total", gib(system.memory_total_bytes))
    };
    view! {
        <span class="hidden items-center gap-1.5 sm:flex" title=words>
            <span>{texts.memory}</span>
            <Progress value=Signal::derive(share) label=texts.memory/>
            <span class="tabular w-8 text-right">{move || share().map(|share| format!("{} %", percent(share)))}</span>
        </span>
    }
}

/// A dot and, when there is something to say, words.
#[component]
fn ConnectionState() -> impl IntoView {
    let texts = use_texts();
    let live = use_live();
    let state = move || match live.connection.get() {
        Connection::Live => ("live", texts.connection_live, "bg-ok"),
        Connection::Connecting => ("connecting", texts.connection_connecting, "bg-faint"),
        Connection::Lost => ("lost", texts.connection_lost, "bg-danger"),
        Connection::Outdated => ("outdated", texts.connection_outdated, "bg-warn"),
    };
    view! {
        <span
            class="flex items-center gap-1.5 px-1 whitespace-nowrap"
            role="status"
            data-testid="connection"
            data-state=move || state().0
            title=move || state().1
        >
            <span class=move || format!("size-2 rounded-full {}", state().2)></span>
            // A link only where there is something to load.
            <a rel="external" href=move || (state().0 == "outdated").then_some("")
                class:underline=move || state().0 == "outdated"
                class:sr-only=move || state().0 == "live">{move || state().1}</a>
        </span>
    }
}
