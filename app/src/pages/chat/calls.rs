//! Calls of tools within an answer: what was called with what, whether it may run, and what came of it.

use super::{
    api::call_tools,
    attachments::address,
    failures,
    thread_store::{Block, ThreadStore},
};
use crate::{
    format::{bytes, duration_ms},
    i18n::{CallsTexts, FailuresTexts, fill},
    ui::{icon::Icon, toast::use_toasts},
};
use leptos::{prelude::*, task::spawn_local};
use types::{
    called::{CallAct, CallAnswer, CallEnd, CallQuestion, CallState, CallView, read_block},
    ids::ImageId,
    toolbox::{Effect, Source, Why},
};

/// The card of the call that is block `idx` of an answer. It stays while the call goes on.
pub(crate) fn card(blocks: ArcRwSignal<Vec<Block>>, idx: usize) -> AnyView {
    let call = Memo::new(move |_| {
        let blocks = blocks.read();
        let bytes = read_block(&blocks.get(idx)?.html)?;
        postcard::from_bytes::<CallView>(&bytes).ok()
    });
    let open = RwSignal::new(false);
    let state = move || call.read().as_ref().map_or("", |call| state_name(&call.state));
    let on_toggle = move |event: leptos::ev::Event| {
        use leptos::wasm_bindgen::JsCast;
        let details = event.target().and_then(|it| it.dyn_into::<leptos::web_sys::HtmlDetailsElement>().ok());
        if let Some(details) = details {
            open.set(details.open());
        }
    };
    view! {
        <div class="card text-sm" data-testid="call" data-state=state>
            <details class="call" prop:open=move || open.get() on:toggle=on_toggle>
                <summary class="flex cursor-pointer items-center gap-2 px-3 py-2">
                    {move || call.get().map(heading)}
                </summary>
                {move || call.get().map(body)}
            </details>
            {move || call.get().and_then(|call| images(&call))}
            {move || call.get().and_then(|call| question(&call))}
        </div>
    }
    .into_any()
}

fn state_name(state: &CallState) -> &'static str {
    match state {
        CallState::Written => "written",
        CallState::Asked(_) => "asked",
        CallState::Running => "running",
        CallState::Ended(end) if end.failed => "failed",
        CallState::Ended(_) => "done",
        CallState::Interrupted => "interrupted",
    }
}

/// What was called, and in one line what came of it.
fn heading(call: CallView) -> AnyView {
    let texts = CallsTexts::here();
    let from = call.server.map(|server| fill(texts.from_server, "name", server)).unwrap_or_default();
    let (words, tone, time) = match call.state {
        CallState::Written => (one_line(&call.arguments), "text-muted", None),
        CallState::Asked(_) => (texts.waits.to_owned(), "text-warn", None),
        CallState::Running => (texts.running.to_owned(), "text-muted", None),
        CallState::Interrupted => (texts.interrupted.to_owned(), "text-warn", None),
        CallState::Ended(end) => {
            let tone = if end.failed { "text-danger" } else { "text-muted" };
            (came_to(&end), tone, Some(duration_ms(end.duration_ms.into())))
        }
    };
    view! {
        <Icon icon=icondata_lu::LuWrench size=14/>
        <span class="shrink-0 font-medium text-strong" data-testid="call-name">{call.name}</span>
        <span class="hidden shrink-0 text-xs text-muted sm:inline empty:hidden">{from}</span>
        <span class=format!("min-w-0 flex-1 truncate text-xs {tone}") data-testid="call-shown">{words}</span>
        <span class="tabular shrink-0 text-xs text-muted">{time}</span>
        <Icon icon=icondata_lu::LuChevronRight size=14/>
    }
    .into_any()
}

/// What came of a call, in a sentence: the page's own where it knows what went wrong, or nothing came. Images are below it.
fn came_to(end: &CallEnd) -> String {
    match &end.failure {
        Some(failure) => failures::sentence(failure, FailuresTexts::here()),
        None if end.shown.is_empty() && end.images.is_empty() => CallsTexts::here().nothing.to_owned(),
        None => end.shown.clone(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn body(call: CallView) -> AnyView {
    let texts = CallsTexts::here();
    let end = match call.state {
        CallState::Ended(end) => Some(result(end)),
        _ => None,
    };
    view! {
        <div class="flex flex-col gap-2 border-t border-line px-3 py-2">
            <p class="text-xs text-muted">{texts.arguments}</p>
            {lines(call.arguments, "call-arguments")}
            {end}
        </div>
    }
    .into_any()
}

fn lines(text: String, testid: &'static str) -> AnyView {
    view! {
        <pre class="max-h-72 overflow-auto rounded-control bg-raised p-2 font-mono text-xs break-words whitespace-pre-wrap" tabindex="0" data-testid=testid>
            {text}
        </pre>
    }
    .into_any()
}

/// What the model was told; of a failure first what the person is told, since the heading may have no room for all of it.
fn result(end: CallEnd) -> AnyView {
    let texts = CallsTexts::here();
    let failure = end.failed.then(|| came_to(&end));
    let shown = bytes(end.text.len() as f64);
    let is_part = end.n_bytes > end.text.len() as u64;
    let part = is_part.then(|| fill(&fill(texts.shown_part, "shown", shown), "n", bytes(end.n_bytes as f64)));
    let cut = end.cut_from.map(|n| fill(texts.cut_from, "n", bytes(n as f64)));
    let sources: Vec<_> = (end.first_source..).zip(end.sources).map(source).collect();
    view! {
        <p class="text-xs break-words text-danger empty:hidden" data-testid="call-failure">{failure}</p>
        <p class="text-xs text-muted">{texts.result}</p>
        {lines(end.text, "call-result")}
        <p class="text-xs text-muted empty:hidden">{part} " " {cut}</p>
        <div class="flex flex-col gap-1 empty:hidden" role="list">{sources}</div>
    }
    .into_any()
}

fn source((number, source): (u32, Source)) -> AnyView {
    let Source { title, url } = source;
    let address = url.clone();
    view! {
        <div class="flex items-baseline gap-2 text-xs" role="listitem">
            <span class="tabular text-muted">{format!("[{number}]")}</span>
            <a href=address target="_blank" rel="noopener noreferrer" class="min-w-0 truncate text-accent-text underline" title=url>
                {title}
            </a>
        </div>
    }
    .into_any()
}

/// What a tool made is seen without opening the card.
fn images(call: &CallView) -> Option<AnyView> {
    let CallState::Ended(end) = &call.state else { return None };
    let images: Vec<_> = end.images.iter().copied().map(image).collect();
    (!images.is_empty())
        .then(|| view! { <div class="flex flex-wrap gap-2 px-3 pb-3">{images}</div> }.into_any())
}

fn image(image: ImageId) -> AnyView {
    let texts = CallsTexts::here();
    let address = address(image);
    let full_size = address.clone();
    view! {
        <a href=full_size target="_blank">
            <img src=address alt=texts.image loading="lazy" class="max-h-60 max-w-full rounded-card border border-line"/>
        </a>
    }
    .into_any()
}

/// Asks whether the call may run.
fn question(call: &CallView) -> Option<AnyView> {
    let CallState::Asked(asked) = &call.state else { return None };
    let texts = CallsTexts::here();
    let effect = match asked.effect {
        Effect::None => texts.effect_none,
        Effect::Sends => texts.effect_sends,
        Effect::Changes => texts.effect_changes,
    };
    let why = (asked.why == Why::Changed).then_some(texts.has_changed);
    let label = fill(texts.asks, "name", &call.name);
    let words = label.clone();
    let answer = use_answer(asked);
    let button = |answered: CallAnswer, words: &'static str, class: &'static str, testid: &'static str| {
        view! {
            <button type="button" class=format!("button {class}") data-testid=testid on:click=move |_| answer.run(answered)>{words}</button>
        }
        .into_any()
    };
    Some(
        view! {
            <div class="flex flex-col gap-2 border-t border-line px-3 py-2" role="group" aria-label=label data-testid="call-question">
                <p class="font-medium text-strong" role="status">{words}</p>
                <p class="text-xs break-words text-muted">{asked.description.clone()}</p>
                <p class="text-xs text-warn">{effect} " " {why}</p>
                {lines(call.arguments.clone(), "call-asked-arguments")}
                <div class="flex flex-wrap gap-2">
                    {button(CallAnswer::Yes, texts.allow_once, "button-primary", "call-yes")}
                    {button(CallAnswer::No, texts.refuse, "button-quiet", "call-no")}
                    {button(CallAnswer::Always, texts.allow_always, "button-quiet", "call-always")}
                    {button(CallAnswer::Never, texts.allow_never, "button-quiet", "call-never")}
                </div>
                <p class="text-xs text-muted">{fill(texts.expires, "time", duration_ms(asked.wait_ms))}</p>
            </div>
        }
        .into_any(),
    )
}

fn use_answer(asked: &CallQuestion) -> Callback<CallAnswer> {
    let (store, toasts, texts) = (expect_context::<ThreadStore>(), use_toasts(), CallsTexts::here());
    let (generation, question) = (asked.generation, asked.id);
    Callback::new(move |answer: CallAnswer| {
        let Some(session) = store.session.get_untracked() else { return };
        spawn_local(async move {
            let act = CallAct::Answer { session, generation, question, answer };
            if let Err(err) = call_tools(act).await {
                toasts.show(err.sentence(texts));
            }
        });
    })
}
