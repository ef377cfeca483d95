//! Where a message is written. A plain form first: it sends before wasm arrives and without scripting.

use super::{
    actions::use_actions,
    api::SendMessage,
    attachments::{AttachButton, Attachments},
    collections::CollectionsButton,
    draft::{self, Part},
    effort::EffortField,
    named::named_word,
    thread_store::ThreadStore,
    tools::ToolsButton,
};
use crate::{
    error::AppError,
    frame::{Behind, Later, Overlays},
    i18n::{Texts, fill, use_texts},
    live::{Connection, OnceKnown, use_live},
    platform,
    ui::{icon::Icon, when::When},
};
use leptos::{
    ev, html,
    prelude::*,
    server::ServerActionError,
    server_fn::{ServerFn, error::ServerFnUrlError},
};
use leptos_router::components::A;
use types::{chat::Chip, ids::SessionId};

/// A text that is pasted and longer than that could be a file instead.
const LONG_PASTE_BYTES: usize = 20_000;
/// The composer of the open thread.
#[component]
pub(super) fn Composer() -> AnyView {
    let store = expect_context::<ThreadStore>();
    let actions = use_actions();
    let area = NodeRef::<html::Textarea>::new();
    provide_context(area);
    let attachments = Attachments::new(store);
    keep_draft(area, store);
    stop_on_escape(store);

    let submit = move || {
        let Some(text) = area.get_untracked().map(|area| area.value()) else { return };
        let is_nothing = text.trim().is_empty() && attachments.is_empty();
        if is_nothing || store.is_running() || attachments.are_coming() {
            return;
        }
        let session = store.session.get_untracked();
        store.pasted.set(String::new());
        write(area, store, "");
        actions.send(text, attachments.take(), move |text, images| {
            give_back(area, store, session, &text);
            attachments.give_back(session, images);
        });
    };
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        submit();
    };
    view! {
        <form method="post" action=SendMessage::url() class="mx-auto w-full max-w-3xl px-4 pb-3" on:submit=on_submit>
            <LostHint/>
            <Later behind=Behind::ModelBefore when=Signal::derive(move || store.model.read().is_some())/>
            <OnceKnown>
                <ElsewhereHint/>
            </OnceKnown>
            <FormFailure/>
            {move || store.session.get().map(|session| view! { <input type="hidden" name="session" value=session.0/> })}
            <Writing area attachments submit=Callback::new(move |()| submit())/>
            <Below area/>
        </form>
    }
    .into_any()
}

/// The message and what goes with it.
#[component]
fn Writing(area: NodeRef<html::Textarea>, attachments: Attachments, submit: Callback<()>) -> AnyView {
    let texts = use_texts();
    let store = expect_context::<ThreadStore>();
    let actions = use_actions();
    let on_key = move |event: ev::KeyboardEvent| {
        if recall(area, store, &event.key()) {
            event.prevent_default();
        }
        // An input method confirms its suggestion with Enter.
        if event.key() == "Enter" && !event.shift_key() && !event.is_composing() {
            event.prevent_default();
            submit.run(());
        }
    };
    let on_drop = move |event: ev::DragEvent| {
        if attachments.take_in(platform::dropped_files(&event)) {
            event.prevent_default();
        }
    };
    let on_paste = move |event: ev::ClipboardEvent| {
        // What was copied from an office program is text, and a picture of it as well.
        let text = platform::pasted_text(&event);
        if text.len() > LONG_PASTE_BYTES {
            store.pasted.set(text);
        } else if text.is_empty() && attachments.take_in(platform::pasted_files(&event)) {
            event.prevent_default();
        }
    };
    view! {
        <div
            class="relative flex flex-col rounded-card border border-line-strong bg-overlay p-2 focus-within:border-accent focus-within:ring-1 focus-within:ring-accent"
            on:dragover=move |event| event.prevent_default()
            on:drop=on_drop
        >
            <When when=move || store.has_word.get()>
                <Later behind=Behind::Named/>
            </When>
            <When when=move || store.n_attached.get() != 0 || !store.pasted.read().is_empty() || store.answers_next.read().is_some()>
                <Later behind=Behind::Papers/>
            </When>
            <When when=move || attachments.are_told()>
                <Later behind=Behind::Images(Box::new(attachments))/>
            </When>
            <div class="flex items-end gap-2">
                <AttachButton attachments/>
                <textarea
                    node_ref=area
                    name="text"
                    rows="1"
                    required=move || attachments.are_none()
                    class="field-sizing-content max-h-[40vh] min-h-8 min-w-0 flex-1 resize-none bg-transparent px-1.5 py-1 text-base text-strong outline-none placeholder:text-faint"
                    placeholder=texts.composer_placeholder
                    aria-label=texts.composer_label
                    aria-describedby="composer-hint"
                    autocomplete="off"
                    autofocus
                    data-testid="composer"
                    on:keydown=on_key
                    on:input=move |_| {
                        save_draft(area, store);
                        store.typed.update(|n| *n += 1);
                        let text = area.get_untracked().map(|area| area.value()).unwrap_or_default();
                        store.has_word.set(named_word(&text).is_some());
                    }
                    on:paste=on_paste
                ></textarea>
                <When when=move || store.is_running() fallback=move || send_button(attachments)>
                    <button type="button" class="button button-quiet" data-testid="stop" on:click=move |_| actions.stop()>
                        <Icon icon=icondata_lu::LuSquare size=14/>
                        {texts.stop}
                    </button>
                </When>
            </div>
        </div>
    }
    .into_any()
}

/// With arrows through what was asked here before: from an empty message upwards, and back. `false` where the key is for the text.
fn recall(area: NodeRef<html::Textarea>, store: ThreadStore, key: &str) -> bool {
    let Some(text) = area.get_untracked().map(|area| area.value()) else { return false };
    let at = store.recalled.get_value();
    let shown = at.checked_sub(1).and_then(|at| store.question_before(at));
    let next = match (key, text.is_empty()) {
        ("ArrowUp", true) => 1,
        ("ArrowUp", false) if shown.as_deref() == Some(text.as_str()) => at + 1,
        ("ArrowDown", false) if shown.as_deref() == Some(text.as_str()) => at - 1,
        _ => return false,
    };
    let question = next.checked_sub(1).map_or(Some(String::new()), |at| store.question_before(at));
    let Some(question) = question else { return true };
    store.recalled.set_value(next);
    write(area, store, &question);
    true
}

/// What is below the message: what answers look into and may call, how much the model thinks, how full its context is, and the keys.
#[component]
fn Below(area: NodeRef<html::Textarea>) -> impl IntoView {
    let texts = use_texts();
    let store = expect_context::<ThreadStore>();
    let has_something = Signal::derive(move || store.typed.get() > 0 || !store.rows.read().is_empty());
    view! {
        <div class="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1">
            <CollectionsButton/>
            <ToolsButton/>
            <EffortField/>
            <SetupLink/>
            <Later behind=Behind::Context(area) when=has_something/>
            <p id="composer-hint" class="hidden min-w-0 flex-1 truncate text-center text-xs text-faint sm:block">{texts.composer_hint}</p>
        </div>
    }
}

/// What this chat sets apart from what is set for all, and where.
#[component]
fn SetupLink() -> AnyView {
    let texts = use_texts();
    let store = expect_context::<ThreadStore>();
    (move || {
        let session = store.session.get();
        let chips = store.chips.get().into_iter().map(|chip| {
            let words = chip_words(chip, texts);
            view! { <span class="rounded-full border border-line px-1.5 tabular">{words}</span> }.into_any()
        });
        let chips: Vec<_> = chips.collect();
        // A chat that has not begun begins with what is set up.
        let chat = session.map_or_else(|| "new".to_owned(), |session| session.to_string());
        view! {
            <A href=format!("/chat/{chat}/setup") attr:class="flex flex-wrap items-center gap-1 text-xs text-muted hover:text-strong"
                attr:title=texts.setup_title attr:aria-label=texts.setup_title attr:data-testid="setup-link">
                <Icon icon=icondata_lu::LuSlidersHorizontal size=14/>
                {chips}
            </A>
        }
        .into_any()
    })
    .into_any()
}

fn chip_words(chip: Chip, texts: &Texts) -> String {
    let words = match chip {
        Chip::Sampler(words) => return words,
        Chip::SystemPrompt => texts.chip_system,
        Chip::Form => "JSON",
        Chip::TrimOldest => texts.chip_trim,
        Chip::Summarise => texts.chip_summarise,
        Chip::Probabilities => texts.chip_probabilities,
    };
    words.to_owned()
}

#[component]
fn LostHint() -> impl IntoView {
    let texts = use_texts();
    let live = use_live();
    view! {
        <When when=move || matches!(live.connection.get(), Connection::Lost | Connection::Outdated)>
            <p class="mb-2 rounded-card border border-line bg-danger-tint px-3 py-2 text-danger" role="alert" data-testid="lost">
                {move || match live.connection.get() {
                    Connection::Outdated => texts.error_outdated,
                    _ => texts.connection_lost_hint,
                }}
            </p>
        </When>
    }
}

/// Says where what is written goes, while that is not this machine.
#[component]
fn ElsewhereHint() -> impl IntoView {
    let texts = use_texts();
    let live = use_live();
    let store = expect_context::<ThreadStore>();
    let server = move || {
        let id = live.model_for(store.answers_next.read().as_ref()).id?;
        id.remote_parts().map(|(server, _)| fill(texts.composer_elsewhere, "name", server))
    };
    move || {
        server().map(|words| {
            view! {
                <p class="mb-2 flex items-center gap-1.5 px-1 text-xs text-warn" role="note" data-testid="elsewhere">
                    <Icon icon=icondata_lu::LuCloudUpload size=14/>
                    {words}
                </p>
            }
        })
    }
}

/// Why the form that was sent without scripting came back.
#[component]
fn FormFailure() -> impl IntoView {
    let texts = use_texts();
    let failure = use_context::<ServerActionError>().filter(|failure| failure.path() == SendMessage::PATH);
    failure.map(|failure| {
        let err: AppError = ServerFnUrlError::<AppError>::decode_err(failure.err());
        view! {
            <p class="mb-2 rounded-card border border-line bg-danger-tint px-3 py-2 text-danger" role="alert" data-testid="send-failure">
                {err.sentence(texts)}
            </p>
        }
    })
}

fn send_button(attachments: Attachments) -> AnyView {
    let texts = use_texts();
    view! {
        <button type="submit" class="button button-primary" data-testid="send" disabled=move || attachments.are_coming()>
            <Icon icon=icondata_lu::LuArrowUp size=14/>
            {texts.send}
        </button>
    }
    .into_any()
}

/// What is typed survives reload and restart, for each thread.
fn keep_draft(area: NodeRef<html::Textarea>, store: ThreadStore) {
    Effect::new(move |was_shown: Option<bool>| {
        let Some(element) = area.get() else { return false };
        let draft = draft::kept(store.session.get(), Part::Text);
        // What was typed before wasm arrived is newer than any draft.
        if was_shown == Some(true) || element.value().is_empty() {
            element.set_value(&draft);
        }
        _ = element.focus();
        true
    });
}

fn save_draft(area: NodeRef<html::Textarea>, store: ThreadStore) {
    if let Some(area) = area.get_untracked() {
        draft::keep(store.session.get_untracked(), Part::Text, &area.value());
    }
}

/// Puts a text into the box, in the place of what is there.
pub(super) fn write(area: NodeRef<html::Textarea>, store: ThreadStore, text: &str) {
    if let Some(element) = area.try_get_untracked().flatten() {
        element.set_value(text);
        store.has_word.set(false);
        store.typed.update(|n| *n += 1);
        save_draft(area, store);
    }
}

/// A message that could not be sent is a draft again, also where its page has been left. What was typed meanwhile follows it.
fn give_back(area: NodeRef<html::Textarea>, store: ThreadStore, session: Option<SessionId>, text: &str) {
    let text = draft::joined(text, &draft::kept(session, Part::Text));
    draft::keep(session, Part::Text, &text);
    if store.session.try_get_untracked() == Some(session) {
        write(area, store, &text);
    }
}

/// Escape closes what is open first; only then it stops the answer.
fn stop_on_escape(store: ThreadStore) {
    let overlays = expect_context::<Overlays>();
    let actions = use_actions();
    Effect::new(move |_| {
        let handle = window_event_listener(ev::keydown, move |event| {
            let Overlays { palette, shortcuts, drawer, model_picker, launch, .. } = overlays;
            let is_open = || {
                [palette, shortcuts, drawer, model_picker, launch].iter().any(|open| open.get_untracked())
                    || platform::has_dialog()
            };
            // What it has closed already may have been open until now.
            let is_used = event.default_prevented();
            if event.key() == "Escape" && store.is_running() && !is_used && !is_open() {
                actions.stop();
            }
        });
        on_cleanup(move || handle.remove());
    });
}
