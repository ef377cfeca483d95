//! What can be done with an answer beyond reading and copying it, and what is said of one that failed or that a guard ended. Fetched once a
//! page lives: a first visit does not wait for it.

use super::{
    actions::use_actions,
    api, attachments,
    message::GoOn,
    thread_store::{Pace, ThreadStore},
};
use crate::{
    error::{AppError, capitalised},
    format::bytes,
    frame::use_sessions,
    i18n::{CallsTexts, fill},
    live::{api::unload_model, use_live},
    ui::{
        icon::{Icon, IconButton},
        modal::Modal,
        toast::use_toasts,
    },
};
use leptos::{html, prelude::*, task::spawn_local};
use leptos_router::components::A;
use types::{
    chat::{Act, Again, MessageState, MessageView, Role, Searched},
    guard::{Guard, Warning},
    ids::{MessageId, ModelId, SessionId},
    model::{ModelState, Resident, Residents},
};

/// What else can be done with a message.
pub(crate) fn more(id: MessageId) -> AnyView {
    match view_of(id) {
        Some(view) if view.read_untracked().role == Role::Assistant => of_answer(id, view),
        Some(view) => ask_elsewhere(view),
        None => ().into_any(),
    }
}

/// Goes on before a question in a chat of its own, where the question is what is being written.
fn ask_elsewhere(view: ArcRwSignal<MessageView>) -> AnyView {
    let texts = CallsTexts::here();
    let (store, toasts, go) = (expect_context::<ThreadStore>(), use_toasts(), use_sessions().go);
    let Some(session) = store.session.get_untracked() else { return ().into_any() };
    // A new chat is kept, and nothing of a temporary one may be.
    if session.is_temporary() && store.is_first(view.read_untracked().id) {
        return ().into_any();
    }
    let begin = Callback::new(move |()| {
        let MessageView { id, text, images, .. } = view.get_untracked();
        if store.is_first(id) {
            attachments::ask_in_new_chat(&text, images);
            return go.run("/chat".to_owned());
        }
        spawn_local(async move {
            match fork_before(store, session, id).await {
                Ok(made) => {
                    attachments::keep_draft(Some(made), &text, images);
                    go.run(format!("/chat/{made}"));
                }
                Err(err) => toasts.show(err.sentence(texts)),
            }
        });
    });
    view! { <IconButton size=14 icon=icondata_lu::LuGitFork label=texts.ask_elsewhere.to_owned() testid="ask-elsewhere" on_click=begin/> }
        .into_any()
}

/// Makes a chat of all that comes before a message. What comes right before it may not be shown yet.
async fn fork_before(store: ThreadStore, session: SessionId, id: MessageId) -> Result<SessionId, AppError> {
    let before = match store.shown_before(id) {
        Some(before) => Some(before),
        None => api::load_thread(Some(session), 1, Some(id)).await?.messages.last().map(|it| it.id),
    };
    let message = before.ok_or(AppError::NotFound)?;
    api::act_on_session(session, Act::Fork { message }).await?.ok_or(AppError::NotFound)
}

fn fork(id: MessageId) -> AnyView {
    let texts = CallsTexts::here();
    let actions = use_actions();
    view! {
        <IconButton size=14 icon=icondata_lu::LuGitFork label=texts.fork.to_owned() testid="fork"
            on_click=move |()| actions.fork(id)/>
    }
    .into_any()
}

fn of_answer(id: MessageId, view: ArcRwSignal<MessageView>) -> AnyView {
    let texts = CallsTexts::here();
    let actions = use_actions();
    view! {
        {notes(&view.get_untracked())}
        {keep(id)}
        {correct(view)}
        <IconButton size=14 icon=icondata_lu::LuTelescope label=texts.revise.to_owned() testid="revise"
            on_click=move |()| actions.regenerate(id, Again::Revised)/>
        {fork(id)}
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

/// A button that puts the answer into a person's words, and the dialog behind it.
fn correct(view: ArcRwSignal<MessageView>) -> AnyView {
    let texts = CallsTexts::here();
    let open = RwSignal::new(false);
    view! {
        <IconButton size=14 icon=icondata_lu::LuPencil label=texts.correct.to_owned() testid="correct" on_click=move |()| open.set(true)/>
        <Modal open label=texts.correct>
            {correction(view.clone(), open)}
        </Modal>
    }
    .into_any()
}

fn correction(view: ArcRwSignal<MessageView>, open: RwSignal<bool>) -> AnyView {
    let texts = CallsTexts::here();
    let actions = use_actions();
    let MessageView { id, text, .. } = view.get_untracked();
    let area = NodeRef::<html::Textarea>::new();
    let sending = RwSignal::new(false);
    let save = move |_| {
        let Some(text) = area.get_untracked().map(|area| area.value()) else { return };
        if text.trim().is_empty() || sending.get_untracked() {
            return;
        }
        sending.set(true);
        // What was refused stays to be sent again. The answer may have gone from the page meanwhile.
        actions.correct(id, text, move |is_done| {
            _ = sending.try_set(false);
            if is_done {
                _ = open.try_set(false);
            }
        });
    };
    view! {
        <div class="flex flex-col gap-3 p-4">
            <h2 class="text-lg font-semibold text-strong">{texts.correct}</h2>
            <textarea node_ref=area rows="12" class="field text-base" readonly=move || sending.get() aria-label=texts.correct data-testid="correct-text">{text}</textarea>
            <div class="flex justify-end gap-2">
                <button type="button" class="button button-quiet" on:click=move |_| open.set(false)>{texts.cancel}</button>
                <button type="button" class="button button-primary" data-testid="correct-save" disabled=move || sending.get() on:click=save>{texts.correct_save}</button>
            </div>
        </div>
    }
    .into_any()
}

/// How the answer came about, where that is not as usual.
fn notes(view: &MessageView) -> AnyView {
    let texts = CallsTexts::here();
    let note = |testid: &'static str, class: &'static str, words: String| {
        view! { <span class=format!("px-1.5 text-xs {class}") data-testid=testid>{words}</span> }.into_any()
    };
    let revised = view.is_revised.then(|| note("revised", "text-muted", texts.revised.to_owned()));
    let corrected = view.is_corrected.then(|| note("corrected", "text-muted", texts.corrected.to_owned()));
    let images = (view.n_unseen_images > 0)
        .then(|| note("unseen-images", "text-muted", fill(texts.unseen_images, "n", view.n_unseen_images)));
    let searched = match view.searched {
        Searched::Usually => None,
        Searched::Failed => Some(note("without-documents", "text-warn", texts.without_documents.to_owned())),
        Searched::InPart => Some(note("searched-in-part", "text-warn", texts.searched_in_part.to_owned())),
        Searched::InVain => Some(note("searched-in-vain", "text-muted", texts.searched_in_vain.to_owned())),
    };
    // While it is written the words stand above, in the present.
    let warned = view.warning.filter(|_| view.state != MessageState::Running).map(|warning| {
        let words = match warning {
            Warning::Memory { available_bytes } => {
                fill(texts.warned_memory, "n", bytes(available_bytes as f64))
            }
            Warning::Heat => texts.warned_heat.to_owned(),
        };
        // Of one that could not begin the error above says it.
        has_begun(view).then(|| note("message-warned", "text-warn", words))
    });
    view! { {revised} {corrected} {left_out(view)} {images} {searched} {warned} }.into_any()
}

/// Whether there was an answer, be it without a word, that did not fail at once.
fn has_begun(view: &MessageView) -> bool {
    view.state != MessageState::Failed || !view.text.is_empty()
}

/// What was not given of the conversation, and what stood for it.
fn left_out(view: &MessageView) -> AnyView {
    let texts = CallsTexts::here();
    let left_out = (view.n_left_out > 0).then(|| {
        let words = if view.summary.is_some() { texts.left_out_summarised } else { texts.left_out };
        let words = fill(words, "n", view.n_left_out);
        match view.summary.clone() {
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
    left_out.into_any()
}

/// Models that are in memory beside the chosen one, any of which can answer this, too.
#[component]
fn OtherModels(id: MessageId) -> AnyView {
    let texts = CallsTexts::here();
    let actions = use_actions();
    let live = use_live();
    // The words before the choices are no model.
    let choose = move |event: leptos::ev::Event| {
        let model = event_target_value(&event);
        if !model.is_empty() {
            actions.answer_by(id, ModelId(model));
        }
    };
    let others = move || -> Vec<AnyView> {
        let models = live.models.read();
        let models =
            models.iter().flat_map(|it| it.models.iter().filter(|other| other.status.id != it.chosen.id));
        let awake =
            models.filter(|it| matches!(it.status.state, ModelState::Ready | ModelState::Busy { .. }));
        let option = |it: &Resident| {
            let id = it.status.id.clone()?.0;
            Some(view! { <option value=id>{it.status.name.clone()}</option> }.into_any())
        };
        awake.filter_map(option).collect()
    };
    (move || {
        let others = others();
        (!others.is_empty()).then(|| {
            view! {
                <select class="field h-7 w-36 py-0 text-xs" aria-label=texts.answer_by data-testid="answer-by"
                    on:change=choose>
                    <option value="">{texts.answer_by}</option>
                    {others}
                </select>
            }
            .into_any()
        })
    })
    .into_any()
}

/// Why there is no answer, or no whole one, and what can be done.
pub(crate) fn failed(view: ArcRwSignal<MessageView>) -> AnyView {
    let texts = CallsTexts::here();
    let actions = use_actions();
    let (id, state) = view.with_untracked(|view| (view.id, view.state));
    let lacked_memory =
        view.with_untracked(|view| !has_begun(view) && matches!(view.warning, Some(Warning::Memory { .. })));
    let again = move |words: &'static str, testid: &'static str, again: Again| {
        view! {
            <button type="button" class="button button-quiet" data-testid=testid on:click=move |_| actions.regenerate(id, again)>{words}</button>
        }
        .into_any()
    };
    let buttons = match state {
        MessageState::Refused => vec![
            again(texts.send_summarised, "summarise", Again::Summarised),
            again(texts.send_trimmed, "trim", Again::Trimmed),
        ],
        _ => vec![again(texts.retry, "retry", Again::Anew)],
    };
    let words = move || capitalised(view.read().error.as_deref().unwrap_or_default());
    view! {
        <div class="flex flex-wrap items-center gap-2 rounded-card border border-line bg-danger-tint px-3 py-2 text-danger" role="alert" data-testid="message-error">
            <Icon icon=icondata_lu::LuTriangleAlert/>
            <span class="min-w-0 flex-1">{words}"."</span>
            {buttons}
            {lacked_memory.then(|| view! { <UnloadIdle/> })}
            <GoOn id/>
        </div>
    }
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

/// What a person should know about the machine while it writes, and what can be done besides stopping it.
pub(crate) fn warned(pace: ArcRwSignal<Pace>) -> AnyView {
    let texts = CallsTexts::here();
    let warning = Memo::new(move |_| pace.read().warning);
    (move || {
        let (words, room) = match warning.get()? {
            Warning::Memory { available_bytes } => {
                let words = fill(texts.warning_memory, "n", bytes(available_bytes as f64));
                (words, Some(view! { <UnloadIdle/> }))
            }
            Warning::Heat => (texts.warning_heat.to_owned(), None),
        };
        Some(view! {
            <div class="flex flex-wrap items-center gap-1.5 text-warn" role="alert" data-testid="message-warning">
                <Icon icon=icondata_lu::LuTriangleAlert size=14/>
                <p class="min-w-0">{words}</p>
                {room}
            </div>
        })
    })
    .into_any()
}

/// A button for each model whose unloading makes room and takes nothing from anybody.
#[component]
fn UnloadIdle() -> AnyView {
    let (texts, live, toasts) = (CallsTexts::here(), use_live(), use_toasts());
    let idle = Memo::new(move |_| {
        let models = live.models.read();
        let named = |it: &Resident| Some((it.status.id.clone()?, it.status.name.clone()?));
        models.iter().flat_map(Residents::idle).filter_map(named).collect::<Vec<_>>()
    });
    let unload = move |id: ModelId| {
        spawn_local(async move {
            if let Err(err) = unload_model(id).await {
                toasts.show(err.sentence(texts));
            }
        });
    };
    let button = move |(id, name): (ModelId, String)| {
        let words = fill(texts.warning_unload, "name", name);
        let title = words.clone();
        view! {
            <button type="button" class="button button-quiet max-w-full" title=title data-testid="unload-idle"
                on:click=move |_| unload(id.clone())>
                <span class="truncate">{words}</span>
            </button>
        }
        .into_any()
    };
    (move || idle.get().into_iter().map(button).collect::<Vec<AnyView>>()).into_any()
}
