//! Models that are on this machine, or in this browser's hands, into our own folder.

use super::store::ModelsStore;
use crate::{
    error::capitalised,
    format::{bytes, percent},
    i18n::{ModelsTexts, fill},
    platform,
    ui::{field::use_ready, leaving::AskedToLeave, progress::Progress},
};
use leptos::{ev, prelude::*, task::spawn_local};
use types::{
    ids::ModelId,
    shelf::{Bringing, ShelfAct, UPLOAD_PART_BYTES},
};

/// How often a part is sent again before a person is asked, and the first pause between; each is twice the one before.
const MOST_TRIES: u32 = 6;
const FIRST_PAUSE_MS: u32 = 500;
/// The server may be away for a moment; nothing else is worth another try.
const WORTH_ANOTHER_TRY: u16 = 500;
const OK: u16 = 200;

#[component]
pub(super) fn Bring() -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    let is_ready = use_ready();
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let value = platform::form_values(&event);
        let (path, word) = (value("path"), value("how"));
        if let Some(how) = Bringing::ALL.into_iter().find(|it| it.word() == word) {
            store.act(ShelfAct::Bring { path, how }, Some(texts.bring_begun));
        }
    };
    view! {
        <div class="mx-auto max-w-6xl px-4 pb-6">
            <section class="flex flex-col gap-3 border-t border-line pt-6" aria-label=texts.bring_title data-testid="bring">
                <h2 class="text-lg font-semibold text-strong">{texts.bring_title}</h2>
                <form class="flex flex-wrap items-end gap-2" on:submit=on_submit data-testid="bring-form">
                    <div class="flex min-w-48 flex-1 flex-col gap-1">
                        <label for="bring-path" class="text-xs text-muted">{texts.bring_path}</label>
                        <input id="bring-path" name="path" class="field h-8" required=true autocomplete="off"/>
                    </div>
                    <div class="flex flex-col gap-1">
                        <label for="bring-how" class="text-xs text-muted">{texts.bring_how}</label>
                        <select id="bring-how" name="how" class="field h-8">{ways(&Bringing::ALL, texts)}</select>
                    </div>
                    <button type="submit" class="button button-primary" disabled=move || !is_ready.get()>{texts.bring_do}</button>
                </form>
                <Uploads/>
            </section>
        </div>
    }
    .into_any()
}

/// A model of another program's folder, into our own.
pub(super) fn adopt(id: ModelId, is_listed: bool) -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    let is_ready = use_ready();
    let id = StoredValue::new(id);
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let word = platform::form_values(&event)("how");
        if let Some(how) = Bringing::ALL.into_iter().find(|it| it.word() == word) {
            store.act(ShelfAct::Adopt { id: id.get_value(), how }, Some(texts.bring_begun));
        }
    };
    let all = Bringing::ALL;
    let possible = if is_listed { &all[..3] } else { &all[..] };
    view! {
        <form class="flex flex-col gap-1" on:submit=on_submit data-testid="model-adopt">
            <label for="model-adopt-how" class="font-medium text-strong">{texts.adopt}</label>
            <div class="flex gap-2">
                <select id="model-adopt-how" name="how" class="field h-8 min-w-0">{ways(possible, texts)}</select>
                <button type="submit" class="button button-quiet" disabled=move || !is_ready.get()>{texts.bring_do}</button>
            </div>
            <p class="text-xs text-muted">{texts.adopt_hint}</p>
        </form>
    }
    .into_any()
}

fn ways(possible: &[Bringing], texts: &'static ModelsTexts) -> Vec<AnyView> {
    let words = |how: Bringing| match how {
        Bringing::Link => texts.bring_link,
        Bringing::HardLink => texts.bring_hard_link,
        Bringing::Copy => texts.bring_copy,
        Bringing::Move => texts.bring_move,
    };
    possible.iter().map(|how| view! { <option value=how.word()>{words(*how)}</option> }.into_any()).collect()
}

/// A file on its way from this browser.
#[derive(Clone)]
struct Sending {
    name: String,
    n_bytes: RwSignal<f64>,
    size: f64,
    /// The server has it all, under its name.
    is_done: RwSignal<bool>,
    problem: RwSignal<Option<String>>,
}

/// Sends files one after the other. What was sent before the page was left is not sent again when it is chosen again.
#[component]
fn Uploads() -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    let all = RwSignal::new(Vec::<Sending>::new());
    let choose = move |event: ev::Event| {
        let files = platform::chosen_files(&event);
        spawn_local(async move {
            let _asked = AskedToLeave::begin();
            for file in files {
                let (name, size) = platform::name_and_size(&file);
                let sending = Sending {
                    name,
                    n_bytes: RwSignal::new(0.0),
                    size,
                    is_done: RwSignal::new(false),
                    problem: RwSignal::new(None),
                };
                if all.try_update(|all| all.push(sending.clone())).is_none() {
                    return;
                }
                match send(&file, &sending, texts).await {
                    Ok(()) => _ = store.version.try_update(|n| *n += 1),
                    Err(problem) => _ = sending.problem.try_set(Some(problem)),
                }
            }
        });
    };
    let rows = move || all.get().into_iter().map(|it| row(it, texts)).collect::<Vec<_>>();
    view! {
        <div class="flex flex-col gap-2">
            <label class="button button-quiet cursor-pointer self-start focus-within:outline-2 focus-within:outline-accent">
                {texts.upload}
                <input type="file" multiple accept=".gguf,.safetensors" class="sr-only" data-testid="upload-model" on:change=choose/>
            </label>
            <p class="text-xs text-muted">{texts.upload_hint}</p>
            <ul class="flex flex-col gap-2 empty:hidden" data-testid="uploads">{rows}</ul>
        </div>
    }
    .into_any()
}

fn row(sending: Sending, texts: &'static ModelsTexts) -> AnyView {
    let Sending { name, n_bytes, size, is_done, problem } = sending;
    let value = Signal::derive(move || Some((n_bytes.get() / size.max(1.0)) as f32));
    let words = move || match problem.get() {
        Some(problem) => problem,
        None if is_done.get() => texts.upload_done.to_owned(),
        None => {
            let done = fill(texts.upload_at, "n", percent((n_bytes.get() / size.max(1.0)) as f32));
            fill(&done, "size", bytes(size))
        }
    };
    view! {
        <li class="card flex flex-col gap-1 px-3 py-2" data-testid="upload">
            <span class="break-all text-strong">{name.clone()}</span>
            <Progress value label=name/>
            <span class="tabular text-xs text-muted" class:text-danger=move || problem.read().is_some() role="status">{words}</span>
        </li>
    }
    .into_any()
}

/// Sends what is not there yet, part by part, and at least the end of it: it is done when the server has answered to that.
/// The error is a sentence.
async fn send(file: &platform::File, sending: &Sending, texts: &'static ModelsTexts) -> Result<(), String> {
    let size = sending.size as u64;
    let changed = platform::changed_ms(file) as u64;
    let address =
        format!("/files/models?name={}&size={size}&changed={changed}", platform::encoded(&sending.name));
    let mut tries = 0;
    let mut at = here(&address, texts).await?;
    loop {
        _ = sending.n_bytes.try_set(at as f64);
        let end = size.min(at + UPLOAD_PART_BYTES);
        let part = platform::part_of_file(file, at as f64, end as f64).ok_or(texts.upload_unreadable)?;
        match platform::put_part(&format!("{address}&offset={at}"), &part).await {
            Some((OK, reply)) => {
                (at, tries) = (count(&reply, texts)?, 0);
                if at >= size {
                    break;
                }
            }
            Some((status, sentence)) if status < WORTH_ANOTHER_TRY => return Err(said(&sentence)),
            failed => {
                tries += 1;
                if tries > MOST_TRIES {
                    let sentence = failed.map(|(_, sentence)| said(&sentence));
                    return Err(sentence.unwrap_or_else(|| texts.upload_broke.to_owned()));
                }
                platform::sleep(FIRST_PAUSE_MS << (tries - 1)).await;
                // How much of the part arrived only the server knows.
                at = here(&address, texts).await.unwrap_or(at).min(size);
            }
        }
    }
    _ = sending.n_bytes.try_set(sending.size);
    _ = sending.is_done.try_set(true);
    Ok(())
}

/// How much of it is there.
async fn here(address: &str, texts: &'static ModelsTexts) -> Result<u64, String> {
    match platform::get_text(address).await {
        Some((OK, reply)) => count(&reply, texts),
        Some((_, sentence)) => Err(said(&sentence)),
        None => Err(texts.error_transport.to_owned()),
    }
}

/// What the server answers is how many bytes it has.
fn count(reply: &str, texts: &ModelsTexts) -> Result<u64, String> {
    reply.parse().map_err(|_| texts.error_transport.to_owned())
}

fn said(sentence: &str) -> String {
    format!("{}.", capitalised(sentence))
}
