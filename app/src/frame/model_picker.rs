//! The chosen model, what else is in memory, and the way to another one.

use super::{
    Overlays,
    later::{Behind, Later},
};
use crate::{
    error::AppError,
    format::{bytes, percent},
    i18n::{PanelsTexts, Texts, fill, use_texts},
    live::{
        api::{fetch_starter_model, list_models, load_model, pin_model, unload_model},
        use_live,
    },
    ui::{
        icon::{Icon, IconButton},
        popover::Popover,
        progress::Progress,
        toast::use_toasts,
        when::When,
    },
};
use leptos::{prelude::*, task::spawn_local};
use types::{
    ids::ModelId,
    model::{ModelEntry, ModelState, ModelStatus, Purpose, Resident},
};

/// Name and state of the model; opens the list of models.
#[component]
pub(super) fn ModelPill() -> impl IntoView {
    let texts = use_texts();
    let live = use_live();
    let open = expect_context::<Overlays>().model_picker;
    let status = Memo::new(move |_| live.chosen_model());
    let loading = Signal::derive(move || match status.get().state {
        ModelState::Loading { fraction, .. } => Some(fraction),
        _ => None,
    });
    view! {
        <Popover open label=texts.model_pick testid="model-pill"
            trigger=Box::new(move || view! {
                <span class=move || format!("size-2 rounded-full {}", dot(&status.read().state))></span>
                <span class="max-w-48 truncate font-medium text-strong" data-testid="model-name">
                    {move || status.get().name.unwrap_or_else(|| texts.model_none.to_owned())}
                </span>
                <When when=move || status.read().id.as_ref().is_some_and(ModelId::is_remote)>
                    <span class="text-warn" title=texts.model_is_elsewhere data-testid="model-elsewhere">
                        <Icon icon=icondata_lu::LuCloudUpload size=14/>
                        <span class="sr-only">{texts.model_is_elsewhere}</span>
                    </span>
                </When>
                <span class="tabular whitespace-nowrap" data-testid="model-state" data-state=move || status.read().state.name()>
                    {move || pill_text(&status.read(), texts)}
                </span>
                <When when=move || loading.get().is_some()>
                    <Progress value=loading label=texts.model_pick accent=true/>
                </When>
            }.into_any())
        >
            <Later behind=Behind::Models(status)/>
        </Popover>
    }
}

/// The models to choose from.
pub(super) fn list(status: Memo<ModelStatus>) -> AnyView {
    let texts = PanelsTexts::here();
    let models = LocalResource::new(list_models);
    let failure = move || match status.get().state {
        ModelState::Failed { reason } | ModelState::Crashed { reason } => Some(reason),
        _ => None,
    };
    view! {
        <h2 class="px-2 py-1 font-semibold text-strong">{texts.model_pick}</h2>
        {move || failure().map(|reason| view! { <p class="px-2 pb-1 text-danger" role="alert">{reason}</p> })}
        {move || models.get().map(|models| match models {
            Ok(models) if models.is_empty() => view! { <NoModels/> }.into_any(),
            Ok(models) => model_rows(models, status).into_any(),
            Err(err) => view! { <p class="px-2 pb-2 text-danger">{err.sentence(texts)}</p> }.into_any(),
        })}
    }
    .into_any()
}

fn model_rows(models: Vec<ModelEntry>, status: Memo<ModelStatus>) -> impl IntoView {
    let rows = models.into_iter().map(|model| view! { <ModelRow model status/> }).collect_view();
    view! { <ul>{rows}</ul> }
}

#[component]
fn ModelRow(model: ModelEntry, status: Memo<ModelStatus>) -> impl IntoView {
    let id = model.id.clone();
    let current = {
        let id = id.clone();
        Memo::new(move |_| status.get().id.as_ref() == Some(&id))
    };
    let live = use_live();
    let resident = {
        let id = id.clone();
        Memo::new(move |_| live.models.read().as_ref()?.find(&id).cloned())
    };
    // The buttons keep the focus while the model's state changes beside them.
    let is_pinned = Memo::new(move |_| resident.read().as_ref().map(|it| it.is_pinned));
    let choose = use_load();
    let is_broken = model.problem.is_some();
    // Nobody can chat with a model that does not write; what is in memory can be unloaded all the same.
    let disabled = is_broken || model.purpose != Purpose::Writing;
    let name = model.name.clone();
    let shown_name = name.clone();
    let texts = PanelsTexts::here();
    let is_elsewhere = model.host.is_some();
    let detail = move || match resident.get() {
        Some(resident) => describe_resident(&resident, texts),
        None => model.problem.clone().unwrap_or_else(|| describe(&model, texts)),
    };
    let has_failed = move || {
        is_broken
            || matches!(resident.read().as_ref(), Some(it) if matches!(it.status.state, ModelState::Failed { .. }))
    };
    let chosen = id.clone();
    let has_settings = !is_broken && !is_elsewhere;
    let overlays = expect_context::<Overlays>();
    let launched = (id.clone(), name.clone());
    let settings = Callback::new(move |()| {
        overlays.launched_model.set(Some(launched.clone()));
        overlays.model_picker.set(false);
        overlays.launch.set(true);
    });
    let settings_label = fill(texts.launch_how, "name", &name);
    view! {
        <li class="flex items-center" data-testid="model-row" data-state=move || resident.read().as_ref().map(|it| it.status.state.name())>
            <button type="button" class="menu-item min-w-0 flex-1" data-testid="model-option" disabled=disabled
                aria-pressed=move || current.get().to_string() on:click=move |_| choose.run(chosen.clone())>
                <span class="min-w-0 flex-1">
                    <span class="flex items-center gap-1 truncate text-strong">
                        {shown_name}
                        {is_elsewhere.then(|| view! { <Icon icon=icondata_lu::LuCloudUpload size=14/> })}
                    </span>
                    <span class="block text-xs" class:text-danger=has_failed class:text-muted=move || !has_failed()>{detail}</span>
                </span>
                <When when=move || current.get()><Icon icon=icondata_lu::LuCheck/></When>
            </button>
            {move || is_pinned.get().map(|is_pinned| view! {
                <ResidentButtons id=id.clone() name=name.clone() is_pinned/>
            })}
            {has_settings.then(|| view! {
                <IconButton icon=icondata_lu::LuSlidersHorizontal size=14 label=settings_label testid="model-launch" on_click=settings/>
            })}
        </li>
    }
}

/// What can be done with a model in memory.
#[component]
fn ResidentButtons(id: ModelId, name: String, is_pinned: bool) -> impl IntoView {
    let texts = PanelsTexts::here();
    let toasts = use_toasts();
    let (icon, label) = match is_pinned {
        true => (icondata_lu::LuPinOff, texts.model_unpin),
        false => (icondata_lu::LuPin, texts.model_pin),
    };
    let pinned_id = id.clone();
    let pin = Callback::new(move |()| {
        let id = pinned_id.clone();
        spawn_local(async move {
            if let Err(err) = pin_model(id, !is_pinned).await {
                toasts.show(err.sentence(texts));
            }
        });
    });
    let unload = Callback::new(move |()| {
        let id = id.clone();
        spawn_local(async move {
            if let Err(err) = unload_model(id).await {
                toasts.show(err.sentence(texts));
            }
        });
    });
    view! {
        <IconButton icon size=14 label=fill(label, "name", &name) testid="model-pin" on_click=pin/>
        <IconButton icon=icondata_lu::LuX size=14 label=fill(texts.model_unload, "name", &name) testid="model-unload" on_click=unload/>
    }
}

#[component]
fn NoModels() -> impl IntoView {
    let texts = PanelsTexts::here();
    let toasts = use_toasts();
    let fetch = move |_| {
        spawn_local(async move {
            if let Err(err) = fetch_starter_model().await {
                toasts.show(err.sentence(texts));
            }
        });
    };
    view! {
        <div class="flex flex-col gap-2 px-2 pb-2">
            <p>{texts.model_empty}" "{texts.model_empty_hint}</p>
            <button type="button" class="button button-primary" on:click=fetch>{texts.model_fetch_starter}</button>
        </div>
    }
}

/// Makes a model the chosen one and closes the list.
pub(crate) fn use_load() -> Callback<ModelId> {
    let texts = PanelsTexts::here();
    let toasts = use_toasts();
    let overlays = expect_context::<Overlays>();
    Callback::new(move |id: ModelId| {
        overlays.model_picker.set(false);
        spawn_local(async move {
            let loaded: Result<(), AppError> = load_model(id).await;
            if let Err(err) = loaded {
                toasts.show(err.sentence(texts));
            }
        });
    })
}

fn describe(model: &ModelEntry, texts: &PanelsTexts) -> String {
    let purpose = match model.purpose {
        Purpose::Writing => None,
        Purpose::Embedding => Some(texts.model_embedding),
        Purpose::Reranking => Some(texts.model_reranking),
    };
    if let Some(host) = &model.host {
        return fill(texts.model_elsewhere, "host", host);
    }
    let parts = [
        purpose.map(str::to_owned),
        model.sees.then(|| texts.model_sees.to_owned()),
        model.architecture.clone(),
        model.quantisation.clone(),
        Some(bytes(model.size_bytes as f64)),
        model.n_ctx_train.map(|n| fill(texts.model_context, "n", n)),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

/// How it is and what it takes.
fn describe_resident(resident: &Resident, texts: &PanelsTexts) -> String {
    if let ModelState::Failed { reason } = &resident.status.state {
        return reason.clone();
    }
    let text = if resident.is_measured { texts.model_memory } else { texts.model_memory_about };
    let memory = fill(text, "n", bytes(resident.memory_bytes as f64));
    format!("{} · {memory}", state_text(&resident.status.state, texts))
}

/// One that was unloaded to save memory still has its name.
fn pill_text(status: &ModelStatus, texts: &Texts) -> String {
    match (&status.state, &status.name) {
        (ModelState::Unloaded, Some(_)) => texts.model_asleep.to_owned(),
        (state, _) => state_text(state, texts),
    }
}

fn dot(state: &ModelState) -> &'static str {
    match state {
        ModelState::Unloaded => "bg-faint",
        ModelState::Loading { .. } => "bg-info",
        ModelState::Ready => "bg-ok",
        ModelState::Busy { .. } => "bg-accent",
        ModelState::Crashed { .. } => "bg-warn",
        ModelState::Failed { .. } => "bg-danger",
    }
}

fn state_text(state: &ModelState, texts: &Texts) -> String {
    match state {
        ModelState::Unloaded => String::new(),
        ModelState::Loading { fraction, .. } => fill(texts.model_loading, "n", percent(*fraction)),
        ModelState::Ready => texts.model_ready.to_owned(),
        ModelState::Busy { n_running, n_slots } => {
            fill(&fill(texts.model_busy, "k", n_running), "n", n_slots)
        }
        ModelState::Crashed { .. } => texts.model_crashed.to_owned(),
        ModelState::Failed { .. } => texts.model_failed.to_owned(),
    }
}
