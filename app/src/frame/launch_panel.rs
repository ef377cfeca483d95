//! How a model is loaded: its context, how it keeps keys and values, and what each choice was measured to cost here.

mod forecast;
mod options;
mod presets;
mod speed;

use super::{
    Overlays,
    later::{Behind, Later},
    model_picker::use_load,
    use_sessions,
};
use crate::{
    format::{bytes, decimals, one_decimal, percent},
    i18n::{LaunchTexts, fill, use_texts},
    live::{
        api::{forecast_load, launch_panel, measure_model, save_launch_profile},
        use_live,
    },
    ui::{modal::Modal, toast::use_toasts},
};
use forecast::Outlook;
use leptos::{prelude::*, task::spawn_local};
use types::{
    ids::ModelId,
    job::{JobKind, JobState},
    kv::{KvMeasure, KvType},
    launch::{CONTEXTS, DraftChoice, LaunchPanel, LaunchProfile},
    speed::DraftSpeed,
};

/// The values of the list of models that guess: before a model's name, and for none.
const MODEL: &str = "model:";
const NO_MODEL: &str = "none";

/// The dialog; which model it is about is in [`Overlays`].
#[component]
pub(super) fn LaunchDialog() -> impl IntoView {
    let texts = use_texts();
    let overlays = expect_context::<Overlays>();
    view! {
        <Modal open=overlays.launch label=texts.launch_title testid="launch-panel">
            <Later behind=Behind::Launch/>
        </Modal>
    }
}

/// What the person chose so far.
#[derive(Clone, Copy)]
struct Chosen {
    profile: RwSignal<LaunchProfile>,
    /// What is stored was taken over; what comes later does not overwrite what was chosen.
    is_known: StoredValue<bool>,
}

/// What is in the dialog.
pub(super) fn panel() -> AnyView {
    let texts = LaunchTexts::here();
    let live = use_live();
    let Some((id, name)) = expect_context::<Overlays>().launched_model.get_untracked() else {
        return ().into_any();
    };
    let chosen =
        Chosen { profile: RwSignal::new(LaunchProfile::default()), is_known: StoredValue::new(false) };
    // How far the measuring that runs is, in whole percent.
    let measuring = Memo::new(move |_| {
        let jobs = live.jobs.read();
        let job = jobs.iter().find(|job| job.kind == JobKind::MeasureModel && job.state == JobState::Running);
        job.map(|job| percent(job.progress.unwrap_or(0.0)))
    });
    let panel = {
        let id = id.clone();
        asked(move || {
            // Every step of measuring brings figures.
            measuring.get();
            launch_panel(id.clone())
        })
    };
    let title = fill(texts.launch_how, "name", name);
    view! {
        <div class="flex max-h-[76vh] flex-col">
            <h2 class="p-4 pb-2 text-lg font-semibold text-strong">{title}</h2>
            {move || panel.get().map(|panel| match panel {
                Ok(panel) => choices(id.clone(), panel, chosen, measuring).into_any(),
                Err(err) => view! { <p class="px-4 pb-4 text-danger" role="alert">{err.sentence(texts)}</p> }.into_any(),
            })}
        </div>
    }
    .into_any()
}

/// What `ask` was answered last, which it is asked whenever that changes. Until there is a new answer, the old one stays: what
/// waits for a resource is taken away meanwhile, with everything that somebody is about to press.
fn asked<T, F>(ask: impl Fn() -> F + 'static) -> RwSignal<Option<T>>
where
    T: Send + Sync + 'static,
    F: Future<Output = T> + 'static,
{
    let answer = RwSignal::new(None);
    let n_asked = StoredValue::new(0_u64);
    Effect::new(move |_| {
        let number = n_asked.try_update_value(|n| {
            *n += 1;
            *n
        });
        let asked = ask();
        spawn_local(async move {
            let answered = asked.await;
            // The last question counts.
            if n_asked.try_get_value() == number {
                _ = answer.try_set(Some(answered));
            }
        });
    });
    answer
}

fn choices(id: ModelId, panel: LaunchPanel, chosen: Chosen, measuring: Memo<Option<u64>>) -> impl IntoView {
    if !chosen.is_known.get_value() {
        chosen.is_known.set_value(true);
        chosen.profile.set(panel.profile.clone());
    }
    let texts = LaunchTexts::here();
    let told = {
        let (id, live) = (id.clone(), use_live());
        // What is loaded and unloaded changes what fits; how fast it answers does not.
        let held = Memo::new(move |_| {
            let models = live.models.read();
            let models = models.iter().flat_map(|it| &it.models);
            models.map(|it| (it.status.id.clone(), it.memory_bytes, it.is_pinned)).collect::<Vec<_>>()
        });
        asked(move || {
            held.get();
            forecast_load(id.clone(), chosen.profile.get())
        })
    };
    let shown_memory = move || match told.get() {
        Some(Ok(Some(forecast))) => fill(texts.model_memory_about, "n", bytes(forecast.parts.total() as f64)),
        _ => String::new(),
    };
    let has_kv_types = panel.has_kv_types;
    view! {
        <div class="flex min-h-0 flex-col gap-4 overflow-y-auto px-4 py-2">
            {presets::buttons(&panel, chosen, texts)}
            <Outlook told chosen/>
            {taken_over(&panel, chosen, texts)}
            {context_field(&panel, chosen, texts)}
            {has_kv_types.then(|| window_field(&panel, chosen, texts))}
            {has_kv_types.then(|| draft_field(&panel, chosen, texts))}
            {has_kv_types.then(|| kv_types(id.clone(), &panel, chosen, measuring, texts))}
            {match has_kv_types {
                true => options::more(&panel, chosen, texts),
                false => options::of_folder(&panel, chosen, texts),
            }}
        </div>
        <div class="flex flex-wrap items-center justify-end gap-2 border-t border-line p-4">
            <span class="tabular mr-auto text-muted" data-testid="launch-memory" aria-live="polite">{shown_memory}</span>
            <Buttons id chosen/>
        </div>
    }
}

/// That another program's way to load it is chosen, as long as it is.
fn taken_over(panel: &LaunchPanel, chosen: Chosen, texts: &'static LaunchTexts) -> impl IntoView {
    let (from, profile) = (panel.from.clone()?, panel.profile.clone());
    let words = fill(&fill(texts.launch_from, "program", from), "how", profile.words().join(" · "));
    let is_chosen = move || *chosen.profile.read() == profile;
    Some(
        view! { <p class="text-muted" data-testid="launch-from">{move || is_chosen().then(|| words.clone())}</p> },
    )
}

fn context_field(panel: &LaunchPanel, chosen: Chosen, texts: &'static LaunchTexts) -> impl IntoView {
    let most = panel.n_ctx_train.unwrap_or(u32::MAX);
    let mut contexts: Vec<u32> = CONTEXTS.into_iter().filter(|n| *n <= most).collect();
    contexts.extend(panel.n_ctx_train);
    contexts.extend(panel.profile.n_ctx);
    contexts.sort_unstable();
    contexts.dedup();
    let as_usual = fill(texts.launch_context_usual, "n", panel.usual_n_ctx);
    let options = contexts.into_iter().map(|n| {
        let selected = move || chosen.profile.read().n_ctx == Some(n);
        view! { <option value=n selected=selected>{fill(texts.launch_tokens, "n", n)}</option> }
    });
    let options = options.collect_view();
    let choose = move |event| {
        let n_ctx = event_target_value(&event).parse().ok();
        chosen.profile.update(|profile| profile.n_ctx = n_ctx);
    };
    view! {
        <div class="flex flex-col gap-1">
            <label for="launch-context" class="font-medium text-strong">{texts.launch_context}</label>
            <select id="launch-context" class="field h-8" data-testid="launch-context" on:change=choose>
                <option value="" selected=move || chosen.profile.read().n_ctx.is_none()>{as_usual}</option>
                {options}
            </select>
            <p class="text-xs text-muted">{texts.launch_context_hint}</p>
        </div>
    }
}

/// How keys and values are kept, as the dialog shows it: in which formats (`None`: as usual), and whether the middle is
/// forgotten.
fn kept(profile: &LaunchProfile, usual: KvType) -> (Option<KvType>, bool) {
    let Some(kv_type) = profile.kv_type else { return (None, usual.window) };
    let formats = kv_type.with_window(false);
    let is_usual_but_for_window = formats == usual.with_window(false) && kv_type != usual;
    (Some(formats).filter(|_| !is_usual_but_for_window), kv_type.window)
}

/// The same as it is stored.
fn keep(profile: &mut LaunchProfile, usual: KvType, formats: Option<KvType>, window: bool) {
    profile.kv_type = match formats {
        None if window == usual.window => None,
        formats => Some(formats.unwrap_or(usual).with_window(window)),
    };
}

/// Whether the middle of long conversations is forgotten.
fn window_field(panel: &LaunchPanel, chosen: Chosen, texts: &'static LaunchTexts) -> impl IntoView {
    let usual = panel.usual_kv_type;
    let measures: Vec<_> = panel.measures.iter().filter(|it| it.kv_type.window).cloned().collect();
    // Of the chosen formats, else of any.
    let measured = move || {
        let formats = kept(&chosen.profile.read(), usual).0.unwrap_or(usual).with_window(true);
        let measure = measures.iter().find(|it| it.kv_type == formats).or(measures.first())?;
        let figures = fill(texts.launch_window_measured, "figures", describe(measure, texts));
        Some(fill(&figures, "kind", KvType::default()))
    };
    let choose = move |event| {
        let window = event_target_checked(&event);
        chosen.profile.update(|profile| {
            let formats = kept(profile, usual).0;
            keep(profile, usual, formats, window);
        });
    };
    view! {
        <label class="flex cursor-pointer items-start gap-2">
            <input type="checkbox" class="mt-1" data-testid="launch-window"
                prop:checked=move || kept(&chosen.profile.read(), usual).1 on:change=choose/>
            <span class="min-w-0">
                <span class="block font-medium text-strong">{texts.launch_window}</span>
                <span class="block text-xs text-muted">{texts.launch_window_hint}</span>
                <span class="tabular block text-xs text-muted" data-testid="launch-window-measured">{measured}</span>
            </span>
        </label>
    }
}

/// Which other model guesses.
fn draft_field(panel: &LaunchPanel, chosen: Chosen, texts: &'static LaunchTexts) -> impl IntoView {
    let mut drafts = panel.drafts.clone();
    // One that has gone is still what is chosen.
    if let DraftChoice::Model(id) = &panel.profile.draft
        && !drafts.contains(id)
    {
        drafts.push(id.clone());
    }
    let options = drafts.into_iter().map(|id| {
        let (value, name) = (id.0.clone(), id.0.clone());
        let selected = move || chosen.profile.read().draft == DraftChoice::Model(id.clone());
        view! { <option value=format!("{MODEL}{value}") selected=selected>{name}</option> }
    });
    let options = options.collect_view();
    let choose = move |event| {
        let value = event_target_value(&event);
        let draft = match value.strip_prefix(MODEL) {
            Some(id) => DraftChoice::Model(ModelId(id.to_owned())),
            None if value == NO_MODEL => DraftChoice::None,
            None => DraftChoice::Usual,
        };
        chosen.profile.update(|profile| profile.draft = draft);
    };
    let known = panel.known_draft.as_ref().map(|name| fill(texts.launch_draft_known, "name", name));
    let measures = panel.draft_measures.clone();
    let measured = move || {
        let profile = chosen.profile.read();
        let DraftChoice::Model(draft) = &profile.draft else { return None };
        let measure = measures.iter().find(|it| it.draft == *draft);
        let effect = measure.map(|it| describe_draft(it.speed, texts));
        Some(effect.unwrap_or_else(|| texts.launch_draft_unmeasured.to_owned()))
    };
    view! {
        <div class="flex flex-col gap-1">
            <label for="launch-draft" class="font-medium text-strong">{texts.launch_draft}</label>
            <select id="launch-draft" class="field h-8" data-testid="launch-draft" on:change=choose>
                <option value="" selected=move || chosen.profile.read().draft == DraftChoice::Usual>{texts.launch_draft_usual}</option>
                <option value=NO_MODEL selected=move || chosen.profile.read().draft == DraftChoice::None>{texts.launch_draft_none}</option>
                {options}
            </select>
            <p class="text-xs text-muted">{texts.launch_draft_hint}" "{known}</p>
            <p class="tabular text-xs text-muted" data-testid="launch-draft-measured">{measured}</p>
        </div>
    }
}

fn kv_types(
    id: ModelId,
    panel: &LaunchPanel,
    chosen: Chosen,
    measuring: Memo<Option<u64>>,
    texts: &'static LaunchTexts,
) -> impl IntoView {
    let usual = panel.usual_kv_type;
    let usual_formats = usual.with_window(false);
    let stored = kept(&panel.profile, usual).0;
    let measured = panel.measures.iter().map(|measure| measure.kv_type);
    let mut kv_types: Vec<KvType> = Vec::new();
    for kv_type in KvType::usual().into_iter().chain(measured).chain(stored) {
        // Whether the middle is forgotten is said apart.
        if !kv_type.window && !kv_types.contains(&kv_type) {
            kv_types.push(kv_type);
        }
    }
    let measure_of = |kv_type: KvType| panel.measures.iter().find(|it| it.kv_type == kv_type);
    // What is usual has a row of its own.
    kv_types.retain(|kv_type| *kv_type != usual_formats || stored == Some(usual_formats));
    let rows = kv_types.into_iter().map(|kv_type| {
        let detail =
            measure_of(kv_type).map_or_else(|| texts.launch_unmeasured.to_owned(), |it| describe(it, texts));
        choice(Some(kv_type), kv_type.to_string(), detail, chosen, usual)
    });
    let as_usual = choice(
        None,
        fill(texts.launch_kv_usual, "kind", usual_formats),
        measure_of(usual_formats).map_or_else(String::new, |it| describe(it, texts)),
        chosen,
        usual,
    );
    view! {
        <fieldset class="flex flex-col gap-1">
            <legend class="mb-1 font-medium text-strong">{texts.launch_kv}</legend>
            <p class="text-xs text-muted">{texts.launch_kv_hint}</p>
            <MeasureButton id chosen measuring/>
            {as_usual}
            {rows.collect_view()}
        </fieldset>
    }
}

#[component]
fn MeasureButton(id: ModelId, chosen: Chosen, measuring: Memo<Option<u64>>) -> impl IntoView {
    let texts = LaunchTexts::here();
    let toasts = use_toasts();
    let measure = move |_| {
        let id = id.clone();
        let draft = match chosen.profile.get_untracked().draft {
            DraftChoice::Model(draft) => Some(draft),
            DraftChoice::Usual | DraftChoice::None => None,
        };
        spawn_local(async move {
            if let Err(err) = measure_model(id, draft).await {
                toasts.show(err.sentence(texts));
            }
        });
    };
    let is_measuring = move || measuring.read().is_some();
    view! {
        <button type="button" class="button button-quiet my-1 self-start" data-testid="launch-measure"
            disabled=is_measuring on:click=measure>
            {move || match measuring.get() {
                Some(n) => fill(texts.launch_measuring, "n", n),
                None => texts.launch_measure.to_owned(),
            }}
        </button>
    }
}

fn choice(
    kv_type: Option<KvType>,
    name: String,
    detail: String,
    chosen: Chosen,
    usual: KvType,
) -> impl IntoView {
    let choose = move |_| {
        chosen.profile.update(|profile| {
            let window = kept(profile, usual).1;
            keep(profile, usual, kv_type, window);
        });
    };
    let value = kv_type.map_or_else(String::new, |it| it.to_string());
    view! {
        <label class="menu-item cursor-pointer items-start" data-testid="launch-kv-type">
            <input type="radio" name="launch-kv-type" class="mt-1" value=value
                prop:checked=move || kept(&chosen.profile.read(), usual).0 == kv_type on:change=choose/>
            <span class="min-w-0">
                <span class="block text-strong">{name}</span>
                <span class="tabular block text-xs text-muted">{detail}</span>
            </span>
        </label>
    }
}

/// What was measured, never what a formula says.
fn describe(measure: &KvMeasure, texts: &LaunchTexts) -> String {
    let a_thousand = measure.n_bytes as f64 / f64::from(measure.n_cells.max(1)) * 1000.0;
    let parts = [
        fill(texts.launch_kv_bytes, "n", bytes(a_thousand)),
        fill(texts.launch_kv_same, "n", one_decimal(measure.top1_agreement * 100.0)),
        fill(texts.launch_kv_divergence, "n", decimals(measure.mean_kld, 4)),
        fill(texts.launch_kv_reads, "n", decimals(measure.prefill_ratio, 2)),
        fill(texts.launch_kv_writes, "n", decimals(measure.decode_ratio, 2)),
    ];
    parts.join(" · ")
}

/// The same of a model that guesses.
fn describe_draft(speed: DraftSpeed, texts: &LaunchTexts) -> String {
    let DraftSpeed { guessed, alone } = speed;
    let times = guessed / alone.max(f64::MIN_POSITIVE);
    let figures = fill(texts.launch_draft_measured, "guessed", one_decimal(guessed));
    let figures = fill(&figures, "alone", one_decimal(alone));
    fill(&figures, "times", decimals(times, 2))
}

/// What happens once it is saved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Stay,
    Load,
    Chat,
}

#[component]
fn Buttons(id: ModelId, chosen: Chosen) -> impl IntoView {
    let texts = LaunchTexts::here();
    let toasts = use_toasts();
    let overlays = expect_context::<Overlays>();
    let load = use_load();
    let go = use_sessions().go;
    let save = move |then: Then| {
        let (id, profile) = (id.clone(), chosen.profile.get_untracked());
        spawn_local(async move {
            match save_launch_profile(id.clone(), profile).await {
                Ok(()) => {
                    overlays.launch.set(false);
                    if then != Then::Stay {
                        load.run(id);
                    }
                    if then == Then::Chat {
                        go.run("/chat".to_owned());
                    }
                }
                Err(err) => toasts.show(err.sentence(texts)),
            }
        });
    };
    let (save_only, save_and_load) = (save.clone(), save.clone());
    view! {
        <button type="button" class="button button-quiet" data-testid="launch-save" on:click=move |_| save_only(Then::Stay)>
            {texts.launch_save}
        </button>
        <button type="button" class="button button-quiet" data-testid="launch-chat" on:click=move |_| save(Then::Chat)>
            {texts.launch_chat}
        </button>
        <button type="button" class="button button-primary" data-testid="launch-load" on:click=move |_| save_and_load(Then::Load)>
            {texts.launch_load}
        </button>
    }
}

#[cfg(test)]
mod tests {
    use super::{keep, kept};
    use types::{kv::KvType, launch::LaunchProfile};

    /// What is shown of a stored choice, and what is stored once the box is ticked or not.
    fn check(usual: &str, stored: Option<&str>, shown: (Option<&str>, bool), ticked: Option<&str>) {
        let parse = |text: &str| text.parse::<KvType>().expect("a type");
        let usual = parse(usual);
        let mut profile = LaunchProfile { kv_type: stored.map(parse), ..LaunchProfile::default() };
        let (formats, window) = kept(&profile, usual);
        assert_eq!((formats, window), (shown.0.map(parse), shown.1), "{stored:?}");
        keep(&mut profile, usual, formats, window);
        assert_eq!(profile.kv_type, stored.map(parse), "what is not changed stays");
        keep(&mut profile, usual, formats, !window);
        assert_eq!(profile.kv_type, ticked.map(parse), "{stored:?} with the box changed");
    }

    #[test]
    fn formats_and_the_window_are_chosen_apart() {
        check("f16", None, (None, false), Some("f16+window"));
        check("f16", Some("f16+window"), (None, true), None);
        check("f16", Some("q8"), (Some("q8"), false), Some("q8+window"));
        check("f16+window", None, (None, true), Some("f16"));
        check("f16+window", Some("f16"), (None, false), None);
        check("f16+window", Some("q8/q5+window"), (Some("q8/q5"), true), Some("q8/q5"));
    }
}
