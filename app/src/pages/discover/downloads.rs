//! Downloads: what is on its way, in which order, how fast.

use super::store::DiscoverStore;
use crate::{
    format::{bytes, duration_ms, percent},
    i18n::{DiscoverTexts, fill},
    pages::models::rows::details_address,
    platform,
    ui::{field::use_ready, icon::IconButton, list::list, progress::Progress, when::When},
};
use leptos::{ev, prelude::*};
use leptos_router::components::A;
use types::discover::{DiscoverAct, DownloadId, DownloadState, DownloadView};

const MEGABYTE: u64 = 1_000_000;

#[component]
pub(super) fn DownloadList(is_managed: bool) -> AnyView {
    let store = expect_context::<DiscoverStore>();
    let texts = store.texts;
    let has_any = move || !store.downloads.read().list.is_empty();
    view! {
        <When when=has_any>
            <section class="flex flex-col gap-2" aria-label=texts.downloads data-testid="downloads">
                <div class="flex flex-wrap items-center gap-2">
                    <h2 class="mr-auto text-lg font-semibold text-strong">{texts.downloads}</h2>
                    {is_managed.then(|| view! { <Limits/> })}
                </div>
                <ul class="flex flex-col gap-2">
                    {list(
                        move || store.downloads.read().list.clone(),
                        |it| (it.id, it.state, it.error.clone()),
                        move |it| row(it, is_managed),
                    )}
                </ul>
            </section>
        </When>
    }
    .into_any()
}

/// Keeps its element while it is in one state; what moves is read from the store.
fn row(download: DownloadView, is_managed: bool) -> AnyView {
    let store = expect_context::<DiscoverStore>();
    let texts = store.texts;
    let DownloadView { id, repo, name, state, error, model, .. } = download;
    let now = Memo::new(move |_| store.downloads.read().list.iter().find(|it| it.id == id).cloned());
    let detail = move || now.get().map(|it| detail(&it, texts)).unwrap_or_default();
    let fraction =
        Signal::derive(move || now.get().map(|it| it.done_bytes as f32 / it.total_bytes.max(1) as f32));
    let is_under_way =
        matches!(state, DownloadState::Running | DownloadState::Paused | DownloadState::Waiting);
    let shown = name.clone();
    let title = match model {
        Some(model) => view! { <A href=details_address(&model) attr:class="break-all font-medium text-strong hover:underline">{shown}</A> }.into_any(),
        None => view! { <span class="break-all font-medium text-strong">{shown}</span> }.into_any(),
    };
    let label = fill(texts.progress_of, "name", &name);
    view! {
        <li class="card flex flex-wrap items-center gap-2 px-3 py-2" data-testid="download" data-name=name.clone() data-state=state.name()>
            <div class="min-w-0 flex-1">
                {title}
                <span class="block text-xs break-all text-muted">{repo}</span>
                <span class="tabular block text-xs" data-testid="download-detail">{detail}</span>
                {error.map(|error| view! { <span class="block text-xs text-danger" role="alert" data-testid="download-error">{error}</span> })}
            </div>
            {is_under_way.then(|| view! { <Progress value=fraction label=label accent=true/> })}
            {is_managed.then(|| controls(id, state, &name))}
        </li>
    }
    .into_any()
}

fn controls(id: DownloadId, state: DownloadState, name: &str) -> AnyView {
    let store = expect_context::<DiscoverStore>();
    let texts = store.texts;
    let button = |icon, text: &str, testid, act: DiscoverAct| {
        let act = StoredValue::new(act);
        view! { <IconButton icon label=fill(text, "name", name) testid on_click=move |()| store.act(act.get_value(), None)/> }
            .into_any()
    };
    let can_pause = matches!(state, DownloadState::Running | DownloadState::Waiting);
    let can_resume = matches!(state, DownloadState::Paused | DownloadState::Failed);
    let first = (state == DownloadState::Waiting).then(|| {
        button(icondata_lu::LuArrowUpToLine, texts.first_of, "download-first", DiscoverAct::First { id })
    });
    let pause = can_pause
        .then(|| button(icondata_lu::LuPause, texts.pause_of, "download-pause", DiscoverAct::Pause { id }));
    let resume = can_resume
        .then(|| button(icondata_lu::LuPlay, texts.resume_of, "download-resume", DiscoverAct::Resume { id }));
    let text = if state == DownloadState::Done { texts.forget_of } else { texts.remove_of };
    let remove = button(icondata_lu::LuX, text, "download-remove", DiscoverAct::Remove { id });
    view! { <div class="flex items-center gap-1">{first}{pause}{resume}{remove}</div> }.into_any()
}

fn detail(download: &DownloadView, texts: &DiscoverTexts) -> String {
    let DownloadView { state, done_bytes, total_bytes, bytes_per_second, is_verifying, .. } = download;
    let state_words = match state {
        DownloadState::Waiting => texts.state_waiting,
        DownloadState::Running if *is_verifying => texts.state_verifying,
        DownloadState::Running => texts.state_running,
        DownloadState::Paused => texts.state_paused,
        DownloadState::Failed => texts.state_failed,
        DownloadState::Done => texts.state_done,
    };
    if *state == DownloadState::Done {
        return format!("{state_words} · {}", bytes(*total_bytes as f64));
    }
    let share = percent(*done_bytes as f32 / (*total_bytes).max(1) as f32);
    let of = fill(&fill(texts.of_total, "n", bytes(*done_bytes as f64)), "total", bytes(*total_bytes as f64));
    let left = bytes_per_second.filter(|rate| *rate > 0.0).map(|rate| {
        let ms = total_bytes.saturating_sub(*done_bytes) as f64 / rate * 1000.0;
        fill(texts.left, "n", duration_ms(ms as u64))
    });
    let rate = bytes_per_second.map(|rate| format!("{}/s", bytes(rate)));
    let parts = [Some(state_words.to_owned()), Some(format!("{share} %")), Some(of), rate, left];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// How fast all may be together, and how many at once.
#[component]
fn Limits() -> AnyView {
    let store = expect_context::<DiscoverStore>();
    let texts = store.texts;
    let is_ready = use_ready();
    let (rate, n) = store.downloads.with_untracked(|it| (it.bytes_per_second, it.n_parallel));
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let value = platform::form_values(&event);
        let rate = value("rate").parse::<u64>().ok().map(|n| n.saturating_mul(MEGABYTE));
        let n_parallel = value("parallel").parse().unwrap_or(2);
        store.act(DiscoverAct::Limits { bytes_per_second: rate, n_parallel }, Some(texts.saved));
    };
    view! {
        <form class="flex flex-wrap items-center gap-2 text-xs" on:submit=on_submit data-testid="download-limits">
            <label class="flex items-center gap-1">{texts.limit_rate}
                <input name="rate" type="number" min="0" class="field h-7 w-20" value=rate.map(|n| (n / MEGABYTE).to_string()) placeholder=texts.limit_none/>
            </label>
            <label class="flex items-center gap-1">{texts.limit_parallel}
                <input name="parallel" type="number" min="1" max="8" class="field h-7 w-14" value=n.to_string()/>
            </label>
            <button type="submit" class="button button-quiet h-7" disabled=move || !is_ready.get()>{texts.save}</button>
        </form>
    }
    .into_any()
}
