//! The jobs tray.

use super::later::{Behind, Later};
use crate::{
    format::{bytes, duration_ms, percent},
    i18n::{PanelsTexts, fill, use_texts},
    live::{api::cancel_job, use_live},
    ui::{
        icon::{Icon, IconButton},
        popover::Popover,
        progress::Progress,
        toast::use_toasts,
        when::When,
    },
};
use leptos::{prelude::*, task::spawn_local};
use types::job::{JobKind, JobState, JobStep, JobView};

/// A button with the number of running jobs, and the list behind it.
#[component]
pub(super) fn JobsTray() -> impl IntoView {
    let texts = use_texts();
    let live = use_live();
    let open = RwSignal::new(false);
    let n_running = move || live.jobs.read().iter().filter(|job| job.state == JobState::Running).count();
    view! {
        <Popover open label=texts.jobs_title testid="jobs-button" align_end=true
            button_label=Signal::derive(move || format!("{}: {}", texts.jobs_title, n_running()))
            trigger=Box::new(move || view! {
                <Icon icon=icondata_lu::LuListChecks size=14/>
                <span class="hidden sm:inline">{texts.jobs_title}</span>
                <span class="tabular">{move || (n_running() > 0).then(n_running)}</span>
            }.into_any())
        >
            <Later behind=Behind::Jobs/>
        </Popover>
    }
}

/// The list behind the button.
pub(super) fn list() -> AnyView {
    let texts = PanelsTexts::here();
    let live = use_live();
    let rows = move || live.jobs.get().into_iter().map(|job| view! { <JobRow job/> }).collect_view();
    view! {
        <h2 class="px-2 py-1 font-semibold text-strong">{texts.jobs_title}</h2>
        <ul data-testid="jobs">{rows}</ul>
        <When when=move || live.jobs.read().is_empty()>
            <p class="px-2 pb-2 text-muted">{texts.jobs_none}</p>
        </When>
    }
    .into_any()
}

#[component]
fn JobRow(job: JobView) -> impl IntoView {
    let texts = PanelsTexts::here();
    let toasts = use_toasts();
    let id = job.id;
    let running = job.state == JobState::Running;
    let title = title(&job, texts);
    let detail = detail(&job, texts);
    let cancel = Callback::new(move |()| {
        spawn_local(async move {
            if let Err(err) = cancel_job(id).await {
                toasts.show(err.sentence(texts));
            }
        });
    });
    view! {
        <li class="flex items-center gap-2 rounded-control px-2 py-1.5" data-testid="job" data-state=state_name(job.state)>
            <div class="min-w-0 flex-1">
                <div class="truncate text-sm text-strong" title=title.clone()>{title.clone()}</div>
                <div class="tabular text-xs" class:text-danger=job.state == JobState::Failed>{detail}</div>
            </div>
            {running.then(|| view! { <Progress value=job.progress label=title accent=true/> })}
            {job.can_cancel.then(|| view! {
                <IconButton icon=icondata_lu::LuX size=14 label=texts.cancel.to_owned() on_click=cancel/>
            })}
        </li>
    }
}

fn title(job: &JobView, texts: &PanelsTexts) -> String {
    let text = match job.kind {
        JobKind::LoadModel => texts.job_load_model,
        JobKind::DownloadModel => texts.job_download_model,
        JobKind::QuantizeModel => texts.job_quantize_model,
        JobKind::BringModel => texts.job_bring_model,
        JobKind::MeasureModel => texts.job_measure_model,
        JobKind::MeasureQuants => texts.job_measure_quants,
        JobKind::CompareWithSource => texts.job_compare_with_source,
        JobKind::IndexDocuments => texts.job_index_documents,
        JobKind::ImportChats => texts.job_import_chats,
        JobKind::CompareModels => texts.job_compare_models,
    };
    fill(text, "subject", &job.subject)
}

fn detail(job: &JobView, texts: &PanelsTexts) -> String {
    match job.state {
        JobState::Running => running_detail(job, texts),
        JobState::Done => texts.job_done.to_owned(),
        JobState::Failed => job.error.clone().unwrap_or_default(),
        JobState::Cancelled => texts.job_cancelled.to_owned(),
        JobState::Interrupted => texts.job_interrupted.to_owned(),
    }
}

fn running_detail(job: &JobView, texts: &PanelsTexts) -> String {
    let step = job.step.map(|step| match step {
        JobStep::Converting => texts.job_converting,
        JobStep::Quantising => texts.job_quantising,
        JobStep::WaitingForMemory => texts.job_waiting_for_memory,
        JobStep::LoadingWeights => texts.job_loading_weights,
        JobStep::LoadingDraft => texts.job_loading_draft,
        JobStep::PreparingContext => texts.job_preparing_context,
        JobStep::LoadingProjector => texts.job_loading_projector,
    });
    let parts = [
        step.map(str::to_owned),
        job.progress.map(|progress| format!("{} %", percent(progress))),
        job.bytes_per_second.map(|rate| format!("{}/s", bytes(rate))),
        job.seconds_left.map(|left| fill(texts.job_left, "n", duration_ms((left * 1000.0) as u64))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn state_name(state: JobState) -> &'static str {
    match state {
        JobState::Running => "running",
        JobState::Done => "done",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
        JobState::Interrupted => "interrupted",
    }
}
