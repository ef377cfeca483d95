//! What can be done with an answer beyond reading and copying it, and what is said of one that a guard ended. Fetched once a
//! page lives: a first visit does not wait for it.

use super::{
    actions::use_actions,
    message::GoOn,
    thread_store::{Pace, ThreadStore},
};
use crate::{
    format::bytes,
    i18n::{CallsTexts, fill},
    live::use_live,
    ui::icon::{Icon, IconButton},
};
use leptos::prelude::*;
use leptos_router::components::A;
use types::{
    chat::{Again, MessageView},
    guard::{Guard, Warning},
    ids::{MessageId, ModelId, SessionId},
    model::{ModelState, Resident},
};

/// What else can be done with an answer.
pub(crate) fn more(id: MessageId) -> AnyView {
    let texts = CallsTexts::here();
    let actions = use_actions();
    view! {
        {notes(id)}
        {keep(id)}
        <IconButton size=14 icon=icondata_lu::LuTelescope label=texts.revise.to_owned() testid="revise"
            on_click=move |()| actions.regenerate(id, Again::Revised)/>
        <IconButton size=14 icon=icondata_lu::LuGitFork label=texts.fork.to_owned() testid="fork"
            on_click=move |()| actions.fork(id)/>
        {actions.session().map(|session| view! {
            <A href=format!("/chat/{session}/saw/{id}") attr:class="icon-button" attr:title=texts.saw_title attr:aria-label=texts.saw_title attr:data-testid="saw-link">
                <Icon icon=icondata_lu::LuEye size=14/>
            </A>
            {likely(session, id)}
            <A href=format!("/chat/{session}/tree") attr:class="icon-button" attr:title=texts.tree_link attr:aria-label=texts.tree_link attr:data-testid="tree-link">
                <Icon icon=icondata_lu::LuGitBranch size=14/>
            </A>
        })}
        <OtherModels id/>
    }
    .into_any()
}

fn view_of(id: MessageId) -> Option<ArcRwSignal<MessageView>> {
    let rows = untrack(|| expect_context::<ThreadStore>().rows.get());
    rows.into_iter().find(|row| row.id == id).map(|row| row.view)
}

/// Where there are variants, this one can be kept alone.
fn keep(id: MessageId) -> AnyView {
    let texts = CallsTexts::here();
    let actions = use_actions();
    let Some(view) = view_of(id) else { return ().into_any() };
    let has_others = move || view.read().variants.len() > 1;
    let button = move || {
        view! {
            <IconButton size=14 icon=icondata_lu::LuCheckCheck label=texts.keep_variant.to_owned() testid="keep-variant"
                on_click=move |()| actions.keep(id, texts.variants_gone)/>
        }
    };
    (move || has_others().then(button)).into_any()
}

/// The way to how likely its tokens were, where that was kept.
fn likely(session: SessionId, id: MessageId) -> AnyView {
    let texts = CallsTexts::here();
    let is_kept = view_of(id).is_some_and(|view| view.read_untracked().has_probabilities);
    is_kept
        .then(|| {
            view! {
                <A href=format!("/chat/{session}/probabilities/{id}") attr:class="icon-button" attr:title=texts.likely_link attr:aria-label=texts.likely_link attr:data-testid="likely-link">
                    <Icon icon=icondata_lu::LuThermometer size=14/>
                </A>
            }
        })
        .into_any()
}

/// How the answer came about, where that is not as usual.
fn notes(id: MessageId) -> AnyView {
    let texts = CallsTexts::here();
    let Some(view) = view_of(id).map(|view| view.get_untracked()) else { return ().into_any() };
    let revised = view.is_revised.then(|| {
        view! { <span class="px-1.5 text-xs text-muted" data-testid="revised">{texts.revised}</span> }
    });
    let left_out = (view.n_left_out > 0).then(|| {
        let words = if view.summary.is_some() { texts.left_out_summarised } else { texts.left_out };
        let words = fill(words, "n", view.n_left_out);
        match view.summary {
            Some(summary) => view! {
                <details class="px-1.5 text-xs text-muted" data-testid="left-out">
                    <summary class="cursor-pointer">{words}</summary>
                    <p class="max-w-prose py-1 break-words whitespace-pre-wrap">{summary}</p>
                </details>
            }
            .into_any(),
            None => view! { <span class="px-1.5 text-xs text-muted" data-testid="left-out">{words}</span> }
                .into_any(),
        }
    });
    let documents = view.without_documents.then(|| {
        view! { <span class="px-1.5 text-xs text-warn" data-testid="without-documents">{texts.without_documents}</span> }
    });
    view! { {revised} {left_out} {documents} }.into_any()
}

/// Models that are in memory beside the chosen one, any of which can answer this, too.
#[component]
fn OtherModels(id: MessageId) -> AnyView {
    let texts = CallsTexts::here();
    let actions = use_actions();
    let live = use_live();
    let others = move || -> Vec<AnyView> {
        let models = live.models.read();
        let models =
            models.iter().flat_map(|it| it.models.iter().filter(|other| other.status.id != it.chosen.id));
        let ready = models.filter(|it| it.status.state == ModelState::Ready);
        let option = |it: &Resident| {
            let id = it.status.id.clone()?.0;
            Some(view! { <option value=id>{it.status.name.clone()}</option> }.into_any())
        };
        ready.filter_map(option).collect()
    };
    (move || {
        let others = others();
        (!others.is_empty()).then(|| {
            view! {
                <select class="field h-7 w-28 py-0 text-xs" aria-label=texts.answer_by data-testid="answer-by"
                    on:change=move |event| actions.answer_by(id, ModelId(event_target_value(&event)))>
                    <option value="">{texts.answer_by}</option>
                    {others}
                </select>
            }
            .into_any()
        })
    })
    .into_any()
}

/// Which guard ended the answer, and what can be done.
pub(crate) fn guarded(id: MessageId, guard: Guard) -> AnyView {
    let texts = CallsTexts::here();
    let actions = use_actions();
    let (title, words) = match guard {
        Guard::Length => (texts.guard_length, texts.guard_length_hint),
        Guard::RepeatedLine | Guard::RepeatedPassage => (texts.guard_repeats, texts.guard_repeats_hint),
        Guard::ReasoningLoop => (texts.guard_reasoning, texts.guard_reasoning_hint),
        Guard::Speed => (texts.guard_speed, texts.guard_speed_hint),
    };
    // More of what goes round in circles would be more circles.
    let can_go_on = matches!(guard, Guard::Length | Guard::Speed);
    view! {
        <section class="flex flex-wrap items-center gap-2 rounded-card border border-line bg-raised px-3 py-2" data-testid="message-guard" data-guard=guard.as_str()>
            <Icon icon=icondata_lu::LuShieldAlert/>
            <div class="min-w-0 flex-1">
                <h2 class="font-semibold text-strong">{title}</h2>
                <p>{words}</p>
            </div>
            <button type="button" class="button button-quiet" data-testid="guard-again" on:click=move |_| actions.regenerate(id, Again::Anew)>{texts.retry}</button>
            {can_go_on.then(|| view! { <GoOn id/> })}
        </section>
    }
    .into_any()
}

/// What a person should know about the machine while it writes.
pub(crate) fn warned(pace: ArcRwSignal<Pace>) -> AnyView {
    let texts = CallsTexts::here();
    let words = move || match pace.read().warning? {
        Warning::Memory { available_bytes } => {
            Some(fill(texts.warning_memory, "n", bytes(available_bytes as f64)))
        }
        Warning::Heat => Some(texts.warning_heat.to_owned()),
    };
    (move || {
        words().map(|words| {
            view! {
                <p class="flex items-center gap-1.5 text-warn" role="alert" data-testid="message-warning">
                    <Icon icon=icondata_lu::LuTriangleAlert size=14/>
                    {words}
                </p>
            }
        })
    })
    .into_any()
}
