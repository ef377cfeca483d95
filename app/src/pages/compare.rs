//! Compare: one prompt, two to four answers side by side, and a choice.

pub(crate) mod api;
mod bench;
#[cfg(feature = "ssr")]
mod door;
mod earlier;
mod run;
mod run_store;
mod setup;
mod slot;
mod words;

use super::failed::{Gone, failed_within};
use crate::{error::AppError, page_data::PageData};
use bench::{Bench, Open};
use earlier::Earlier;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{components::A, hooks::use_params_map};
use run::Run;
use setup::Setup;
use types::compare::{ComparePage, RunView};

/// `/compare` and `/compare/{id}`.
pub(super) fn page() -> AnyView {
    let params = use_params_map();
    let open = Memo::new(move |_| Open::of_segment(params.read().get("id")));
    let version = RwSignal::new(0);
    let page = PageData::of(move || Some(version.get().to_string()), |_| api::load_compare());
    let run = PageData::of(move || Some(open.get().key()), fetch_run);
    let bench = Bench::new(open, version);
    let texts = bench.texts;
    let is_run = move || open.get() != Open::Setup;
    view! {
        <Title text=texts.title/>
        <div class="flex min-h-0 flex-1 flex-col md:flex-row">
            <div class="min-h-0 min-w-0 flex-1 overflow-y-auto" data-testid="compare">
                <div class="mx-auto flex w-full max-w-[1600px] flex-col gap-4 px-4 py-4 md:px-6">
                    <header class="flex items-center gap-2">
                        <h1 class="flex-1 text-xl font-semibold text-strong">{texts.title}</h1>
                        {move || is_run().then(|| view! {
                            <A href="/compare" attr:class="button button-quiet" attr:data-testid="compare-new">{texts.new}</A>
                        })}
                    </header>
                    <Transition fallback=Skeleton>
                        {move || Suspend::new(async move { show_run(bench, run.get().await) })}
                    </Transition>
                    <Transition>
                        {move || Suspend::new(async move { show_setup(bench, page.get().await) })}
                    </Transition>
                </div>
            </div>
            <aside class="max-h-[40dvh] overflow-y-auto border-t border-line p-3 md:max-h-none md:w-72 md:shrink-0 md:border-t-0 md:border-l" aria-label=texts.earlier>
                <Transition>
                    {move || Suspend::new(async move {
                        page.get().await.ok().map(|page| view! { <Earlier bench page/> }.into_any())
                    })}
                </Transition>
            </aside>
        </div>
    }
    .into_any()
}

async fn fetch_run(key: Option<String>) -> Result<Option<RunView>, AppError> {
    match Open::of_key(&key.unwrap_or_default()) {
        Open::Setup => Ok(None),
        Open::Run(id) => api::load_run(id).await.map(Some),
        Open::Unknown => Err(AppError::NotFound),
    }
}

fn show_run(bench: Bench, run: Result<Option<RunView>, AppError>) -> AnyView {
    match run {
        Ok(Some(view)) => view! { <Run bench view/> }.into_any(),
        Ok(None) => ().into_any(),
        Err(err) => instead(bench, &err),
    }
}

/// The setup stays as it is while a run is looked at, out of sight.
fn show_setup(bench: Bench, page: Result<ComparePage, AppError>) -> AnyView {
    let is_hidden = move || bench.open.get() != Open::Setup;
    match page {
        Ok(page) => view! { <div class:hidden=is_hidden><Setup bench page/></div> }.into_any(),
        Err(err) => view! { <div class:hidden=is_hidden>{instead(bench, &err)}</div> }.into_any(),
    }
}

fn instead(bench: Bench, err: &AppError) -> AnyView {
    let texts = bench.texts;
    failed_within(
        err,
        Some(Gone { title: texts.gone_title, hint: texts.gone_hint, href: "/compare", label: texts.new }),
    )
}

#[component]
fn Skeleton() -> impl IntoView {
    view! {
        <div class="grid gap-3 md:grid-cols-2" aria-hidden="true">
            <div class="card h-60"></div>
            <div class="card h-60"></div>
        </div>
    }
}
