//! The texts that a prompt had: a look back, what differs, and the way back.

use super::{
    address::{Open, Part},
    library::Library,
};
use crate::ui::{diff::Diff, list::list, moment::Moment};
use leptos::prelude::*;
use types::{
    ids::PromptId,
    prompt::{PromptAct, PromptVersion, PromptView, Variable, VersionLine},
};

/// All texts that are kept, newest first, and the one that is looked at.
#[component]
pub(super) fn Versions(library: Library, view: PromptView) -> AnyView {
    let texts = library.texts;
    let looked_at = RwSignal::new(None::<PromptVersion>);
    let id = view.summary.id;
    let current = StoredValue::new(view.current);
    let row = move |version: VersionLine| {
        let is_current = current.with_value(|current| current.id == version.id);
        let is_open = move || looked_at.read().as_ref().is_some_and(|it| it.id == version.id);
        let look = move |_| {
            library.act(PromptAct::Look { id, version: version.id }, move |done| {
                _ = looked_at.try_set(done.version)
            });
        };
        view! {
            <button type="button" class="menu-item" class:bg-raised=is_open aria-pressed=move || is_open().to_string() data-testid="prompt-version" on:click=look>
                <Moment ms=version.created_at_ms/>
                {is_current.then(|| view! { <span class="text-xs text-muted">{texts.is_current}</span> })}
            </button>
        }
        .into_any()
    };
    let shown = move || looked_at.get().map(|version| past(library, id, version, &current.get_value()));
    let lines = view.versions;
    view! {
        <p class="text-muted">{texts.versions_hint}</p>
        <div class="flex max-h-60 flex-col gap-px overflow-y-auto" role="group" aria-label=texts.part_versions>
            {list(move || lines.clone(), |line| line.id, row)}
        </div>
        {shown}
    }
    .into_any()
}

/// A text that the prompt had: what differs from the current one, and the way back to it.
fn past(library: Library, prompt: PromptId, version: PromptVersion, current: &PromptVersion) -> AnyView {
    let texts = library.texts;
    let id = version.id;
    let back = move |_| {
        library.act(PromptAct::Return { id: prompt, version: id }, move |_| {
            library.changed();
            library.open(Open::Prompt(prompt), Part::Use);
        });
    };
    let body = if id == current.id {
        view! { <div class="break-words whitespace-pre-wrap">{version.body}</div> }.into_any()
    } else {
        view! {
            <p class="text-xs text-muted">{texts.diff_hint}</p>
            <Diff
                old=with_variables(&version)
                new=with_variables(current)
                gone_label=texts.diff_gone
                new_label=texts.diff_new
                same=texts.diff_same
                too_long=texts.diff_too_long
            />
            <button type="button" class="button button-quiet self-start" data-testid="prompt-return" on:click=back>
                {texts.return_to}
            </button>
        }
        .into_any()
    };
    view! { <section class="card flex flex-col gap-3 p-4" data-testid="prompt-past">{body}</section> }
        .into_any()
}

/// The text, and below it what its variables are, so that both are compared.
fn with_variables(version: &PromptVersion) -> String {
    let line = |variable: &Variable| {
        let choices = variable.choices.join(" | ");
        let parts = [variable.kind.as_str(), variable.default.as_str(), choices.as_str()];
        let known: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        format!("{{{{{}}}}}: {}", variable.name, known.join(", "))
    };
    let lines: Vec<_> = version.variables.iter().map(line).collect();
    if lines.is_empty() { version.body.clone() } else { format!("{}\n\n{}", version.body, lines.join("\n")) }
}
