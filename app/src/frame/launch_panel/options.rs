//! What few people choose: threads, batch, layers of a graphics card, adapters, the chat template.

use super::{Chosen, speed};
use crate::{
    i18n::{LaunchTexts, fill},
    ui::icon::Icon,
};
use leptos::prelude::*;
use types::launch::{
    AdapterChoice, BATCHES, LaunchOptions, LaunchPanel, MAX_ADAPTER_PERCENT, MAX_TEMPLATE_BYTES, MAX_THREADS,
};

/// What is seen at once is that there is more, unless something of it was chosen.
pub(super) fn more(panel: &LaunchPanel, chosen: Chosen, texts: &'static LaunchTexts) -> AnyView {
    let open = RwSignal::new(panel.profile.options != LaunchOptions::default());
    let panel = panel.clone();
    view! {
        <button type="button" class="inline-flex min-h-6 items-center gap-1 self-start font-medium text-strong" data-testid="launch-more"
            aria-expanded=move || open.get().to_string() on:click=move |_| open.update(|open| *open = !*open)>
            <span class="transition-transform" class:rotate-90=move || open.get()><Icon icon=icondata_lu::LuChevronRight size=14/></span>
            {texts.launch_more}
        </button>
        {move || open.get().then(|| fields(&panel, chosen, texts))}
    }
    .into_any()
}

fn fields(panel: &LaunchPanel, chosen: Chosen, texts: &'static LaunchTexts) -> AnyView {
    let threads = number(
        "launch-threads",
        texts.launch_threads,
        Some(fill(texts.launch_threads_hint, "n", panel.usual_n_threads)),
        (1, MAX_THREADS, panel.usual_n_threads),
        chosen,
        |options| &mut options.n_threads,
    );
    let threads_batch = number(
        "launch-threads-batch",
        texts.launch_threads_batch,
        Some(texts.launch_threads_batch_hint.to_owned()),
        (1, MAX_THREADS, panel.usual_n_threads),
        chosen,
        |options| &mut options.n_threads_batch,
    );
    let layers = panel.n_gpu_layers.map(|n| {
        let hint = Some(fill(texts.launch_gpu_layers_hint, "n", n));
        number("launch-gpu-layers", texts.launch_gpu_layers, hint, (0, n, n), chosen, |it| {
            &mut it.n_gpu_layers
        })
    });
    view! {
        <div class="flex flex-col gap-4">
            <div class="flex flex-wrap gap-4">
                <div class="min-w-48 flex-1">{threads}</div>
                <div class="min-w-48 flex-1">{threads_batch}</div>
            </div>
            {speed::of_threads(panel, chosen, texts)}
            <div class="flex flex-col gap-1">{batch(chosen, texts)} {speed::of_batches(panel, chosen, texts)}</div>
            <div class="flex flex-col gap-1">{layers} {speed::of_layers(panel, chosen, texts)}</div>
            {adapters(panel, chosen, texts)}
            {template(panel, chosen, texts)}
        </div>
    }
    .into_any()
}

/// What there is to choose for a folder of safetensors, and what does not apply to one.
pub(super) fn of_folder(panel: &LaunchPanel, chosen: Chosen, texts: &'static LaunchTexts) -> AnyView {
    let threads = number(
        "launch-threads",
        texts.launch_folder_threads,
        Some(fill(texts.launch_folder_threads_hint, "n", panel.usual_n_threads)),
        (1, MAX_THREADS, panel.usual_n_threads),
        chosen,
        |options| &mut options.n_threads,
    );
    // Only what writes has one.
    let template = panel.template.is_some().then(|| template(panel, chosen, texts));
    view! {
        {threads}
        {template}
        <p class="text-xs text-muted" data-testid="launch-folder">{texts.launch_folder}</p>
    }
    .into_any()
}

/// A number, or nothing for what is usual.
fn number(
    id: &'static str,
    label: &'static str,
    hint: Option<String>,
    (least, most, usual): (u32, u32, u32),
    chosen: Chosen,
    field: fn(&mut LaunchOptions) -> &mut Option<u32>,
) -> AnyView {
    let value = move || {
        let mut options = chosen.profile.read().options.clone();
        field(&mut options).map(|n| n.to_string()).unwrap_or_default()
    };
    let choose = move |event| {
        let n = event_target_value(&event).parse().ok().map(|n: u32| n.clamp(least, most));
        chosen.profile.update(|profile| *field(&mut profile.options) = n);
    };
    view! {
        <div class="flex flex-col gap-1">
            <label for=id class="font-medium text-strong">{label}</label>
            <input id=id type="number" class="field h-8 w-32" data-testid=id min=least max=most placeholder=usual prop:value=value on:input=choose/>
            {hint.map(|hint| view! { <p class="text-xs text-muted">{hint}</p> })}
        </div>
    }
    .into_any()
}

fn batch(chosen: Chosen, texts: &'static LaunchTexts) -> AnyView {
    let largest = BATCHES.last().copied().unwrap_or_default();
    let options: Vec<_> = BATCHES
        .into_iter()
        .filter(|n| *n < largest)
        .map(|n| {
            let selected = move || chosen.profile.read().options.n_batch == Some(n);
            view! { <option value=n selected=selected>{fill(texts.launch_tokens, "n", n)}</option> }
        })
        .collect();
    let choose = move |event| {
        let n_batch = event_target_value(&event).parse().ok();
        chosen.profile.update(|profile| profile.options.n_batch = n_batch);
    };
    view! {
        <div class="flex flex-col gap-1">
            <label for="launch-batch" class="font-medium text-strong">{texts.launch_batch}</label>
            <select id="launch-batch" class="field h-8" data-testid="launch-batch" on:change=choose>
                <option value="" selected=move || chosen.profile.read().options.n_batch.is_none()>{fill(texts.launch_context_usual, "n", largest)}</option>
                {options}
            </select>
            <p class="text-xs text-muted">{texts.launch_batch_hint}</p>
        </div>
    }
    .into_any()
}

/// Adapters that are here, and those that were chosen and have gone.
fn adapters(panel: &LaunchPanel, chosen: Chosen, texts: &'static LaunchTexts) -> AnyView {
    let mut names = panel.adapters.clone();
    let gone = panel.profile.options.adapters.iter().map(|it| &it.name).filter(|it| !names.contains(it));
    let gone: Vec<_> = gone.cloned().collect();
    names.extend(gone);
    if names.is_empty() {
        return ().into_any();
    }
    let rows: Vec<_> = names.into_iter().map(|name| adapter(name, chosen, texts)).collect();
    view! {
        <fieldset class="flex flex-col gap-1">
            <legend class="mb-1 font-medium text-strong">{texts.launch_adapters}</legend>
            <p class="text-xs text-muted">{texts.launch_adapters_hint}</p>
            {rows}
        </fieldset>
    }
    .into_any()
}

fn adapter(name: String, chosen: Chosen, texts: &'static LaunchTexts) -> AnyView {
    let id = StoredValue::new(name.clone());
    let percent = Memo::new(move |_| {
        let profile = chosen.profile.read();
        id.with_value(|name| profile.options.adapters.iter().find(|it| it.name == *name).map(|it| it.percent))
    });
    let set = move |percent: Option<u16>| {
        chosen.profile.update(|profile| {
            let name = id.get_value();
            let all = &mut profile.options.adapters;
            match (all.iter().position(|it| it.name == name), percent) {
                (Some(at), Some(percent)) => all[at].percent = percent,
                (Some(at), None) => _ = all.remove(at),
                (None, Some(percent)) => all.push(AdapterChoice { name, percent }),
                (None, None) => {}
            }
        });
    };
    let label = fill(texts.launch_adapter_strength, "name", &name);
    view! {
        <div class="flex items-center gap-2">
            <label class="flex min-w-0 flex-1 cursor-pointer items-center gap-2">
                <input type="checkbox" data-testid="launch-adapter" prop:checked=move || percent.read().is_some()
                    on:change=move |event| set(event_target_checked(&event).then_some(100))/>
                <span class="truncate">{name}</span>
            </label>
            <input type="number" class="field h-8 w-20" min="0" max=MAX_ADAPTER_PERCENT aria-label=label data-testid="launch-adapter-percent"
                disabled=move || percent.read().is_none()
                prop:value=move || percent.get().map(|n| n.to_string()).unwrap_or_default()
                on:input=move |event| set(Some(event_target_value(&event).parse().unwrap_or(0).min(MAX_ADAPTER_PERCENT)))/>
            <span class="text-muted">"%"</span>
        </div>
    }
    .into_any()
}

/// The model's own template can be changed, or another one written.
fn template(panel: &LaunchPanel, chosen: Chosen, texts: &'static LaunchTexts) -> AnyView {
    let own = StoredValue::new(panel.template.clone().unwrap_or_default());
    let has_one = Memo::new(move |_| chosen.profile.read().options.template.is_some());
    let toggle = move |event| {
        let template = event_target_checked(&event).then(|| own.get_value());
        chosen.profile.update(|profile| profile.options.template = template);
    };
    let write = move |event| {
        let text = event_target_value(&event);
        chosen.profile.update(|profile| profile.options.template = Some(text));
    };
    let area = move || {
        let text = chosen.profile.read_untracked().options.template.clone().unwrap_or_default();
        view! {
            <textarea class="field font-mono text-xs" rows="8" spellcheck="false" maxlength=MAX_TEMPLATE_BYTES aria-label=texts.launch_template
                data-testid="launch-template-text" prop:value=text on:change=write></textarea>
        }
        .into_any()
    };
    view! {
        <div class="flex flex-col gap-1">
            <label class="flex cursor-pointer items-start gap-2">
                <input type="checkbox" class="mt-1" data-testid="launch-template" prop:checked=move || has_one.get() on:change=toggle/>
                <span class="min-w-0">
                    <span class="block font-medium text-strong">{texts.launch_template}</span>
                    <span class="block text-xs text-muted">{texts.launch_template_hint}</span>
                </span>
            </label>
            {move || has_one.get().then(area)}
        </div>
    }
    .into_any()
}
