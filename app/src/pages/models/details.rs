//! All that is known of one model, and what is done with it.

use super::{
    bring, quants,
    rows::{Loaded, actions, badge, badge_of, capability, use_is_loaded},
    store::ModelsStore,
    words,
};
use crate::{
    format::{bytes, one_decimal},
    i18n::{ModelsTexts, fill},
    platform,
    ui::{icon::Icon, modal::Modal, when::When},
};
use leptos::{ev, prelude::*};
use leptos_meta::Title;
use leptos_router::components::A;
use types::{
    ids::ModelId,
    shelf::{
        Format, Kind, MAX_NOTE_CHARS, ModelDetails, ModelUses, PART_SIZES, Rewrite, ShelfAct, ShelfModel,
    },
};

/// Names of models that a sentence tells.
const MAX_NAMES: usize = 8;

pub(super) fn details(details: ModelDetails) -> AnyView {
    let texts = ModelsTexts::here();
    let ModelDetails {
        model,
        path,
        files,
        values,
        tensors,
        layers,
        heads,
        chat_template,
        note,
        profile,
        uses,
        quants,
        written,
        kept_by,
        is_managed,
    } = details;
    let name = model.entry.name.clone();
    let facts = facts(&model, [path, in_words(&profile)], layers, heads, texts);
    let head = head(&model, is_managed);
    view! {
        <Title text=name/>
        <div class="mx-auto flex max-w-4xl flex-col gap-6 px-4 py-6" data-testid="model-details">
            <A href="/models" attr:class="inline-flex min-h-6 items-center gap-1 self-start text-muted hover:text-strong">
                <Icon icon=icondata_lu::LuArrowLeft size=14/>
                {texts.models_title}
            </A>
            {head}
            {facts}
            {is_managed.then(|| view! { <Note model=model.clone() note/> })}
            {(is_managed && model.folder.is_some()).then(|| bring::adopt(model.entry.id.clone(), kept_by.is_some()))}
            {is_managed.then(|| rewrite(&model))}
            {written.map(|it| quants::written(it, texts))}
            {is_managed.then(|| quants::section(&model, quants))}
            {is_managed.then(|| parts(&model))}
            {tensor_table(tensors, texts)}
            {file_list(files, texts)}
            {template(chat_template, texts)}
            {value_table(values, texts)}
            {is_managed.then(|| view! { <Delete model uses kept_by/> })}
        </div>
    }
    .into_any()
}

fn head(model: &ShelfModel, is_managed: bool) -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    let capabilities: Vec<_> = model.capabilities.iter().map(|it| capability(*it)).collect();
    let tags: Vec<_> = model.tags.iter().map(|tag| badge_of(tag.clone(), "model-tag")).collect();
    let kind = badge(words::kind(model.kind, texts));
    let problem = model.entry.problem.clone();
    let remark = model.remark.clone();
    let too_large = (model.fits == Some(false)).then_some(texts.too_large_hint);
    view! {
        <header class="flex flex-col gap-2">
            <div class="flex flex-wrap items-center gap-2">
                <h1 class="mr-auto text-xl font-semibold break-all text-strong">{model.entry.name.clone()}</h1>
                {actions(model.clone(), is_managed)}
            </div>
            <div class="flex flex-wrap items-center gap-1.5">
                {kind}
                {capabilities}
                {tags}
                <Loaded id=model.entry.id.clone()/>
            </div>
            {problem.map(|problem| view! {
                <p class="rounded-card bg-danger-tint px-3 py-2 text-danger" role="alert" data-testid="model-problem">{problem}</p>
            })}
            {remark.map(|remark| view! { <p class="text-muted" data-testid="model-remark">{remark}</p> })}
            {too_large.map(|text| view! { <p class="text-warn" data-testid="model-too-large">{text}</p> })}
        </header>
    }
    .into_any()
}

fn facts(
    model: &ShelfModel,
    [path, profile]: [Option<String>; 2],
    layers: Option<u64>,
    heads: [Option<u64>; 2],
    texts: &'static ModelsTexts,
) -> AnyView {
    let entry = &model.entry;
    let n_heads = match heads {
        [Some(asking), Some(asked)] if asking != asked => {
            Some(fill(&fill(texts.heads, "n", asking), "kv", asked))
        }
        [Some(asking), _] => Some(asking.to_string()),
        _ => None,
    };
    let template = (model.kind == Kind::Writing)
        .then(|| if entry.has_chat_template { texts.template_there } else { texts.template_none }.to_owned());
    let folder = model.folder.clone().unwrap_or_else(|| texts.own_folder.to_owned());
    let rows = [
        (texts.fact_what, Some(words::line(model, texts))),
        (texts.column_size, Some(bytes(entry.size_bytes as f64))),
        (texts.fact_bits, model.bits_per_parameter().map(one_decimal)),
        (texts.column_memory, Some(words::memory(model, texts)).filter(|text| !text.is_empty())),
        (texts.column_context, entry.n_ctx_train.map(|n| fill(texts.context_of, "n", n))),
        (texts.fact_layers, layers.map(|n| n.to_string())),
        (texts.fact_heads, n_heads),
        (texts.fact_template, template),
        (texts.fact_profile, profile),
        (texts.fact_licence, model.licence.clone()),
        (texts.filter_folder, Some(folder)),
        (texts.fact_id, Some(entry.id.0.clone())),
        (texts.fact_path, path),
    ];
    let rows: Vec<_> = rows
        .into_iter()
        .filter_map(|(label, value)| {
            let value = value?;
            Some(view! {
                <div class="contents">
                    <dt class="text-muted">{label}</dt>
                    <dd class="tabular min-w-0 break-all text-strong">{value}</dd>
                </div>
            })
        })
        .collect();
    view! { <dl class="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1" data-testid="model-facts">{rows}</dl> }
        .into_any()
}

/// How people chose that it is loaded; nothing where nobody did.
fn in_words(profile: &[String]) -> Option<String> {
    (!profile.is_empty()).then(|| profile.join(" · "))
}

/// What people wrote about it. A plain form: it sends itself with scripts only, and is not shown to change before.
#[component]
fn Note(model: ShelfModel, note: String) -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    let id = StoredValue::new(model.entry.id.clone());
    let tags = model.tags.join(", ");
    let is_ready = crate::ui::field::use_ready();
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let value = platform::form_values(&event);
        let tags =
            value("tags").split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect();
        store.act(ShelfAct::Note { id: id.get_value(), note: value("note"), tags }, Some(texts.saved));
    };
    view! {
        <form class="flex flex-col gap-2" on:submit=on_submit data-testid="model-note-form">
            <label for="model-note" class="font-medium text-strong">{texts.note}</label>
            <textarea id="model-note" name="note" rows="3" class="field" maxlength=MAX_NOTE_CHARS placeholder=texts.note_hint>{note}</textarea>
            <label for="model-tags" class="font-medium text-strong">{texts.tags}</label>
            <div class="flex gap-2">
                <input id="model-tags" name="tags" class="field h-8 min-w-0 flex-1" value=tags placeholder=texts.tags_hint autocomplete="off"/>
                <button type="submit" class="button button-primary" disabled=move || !is_ready.get()>{texts.save}</button>
            </div>
        </form>
    }
    .into_any()
}

/// Writing it anew with other types, where that can be done.
fn rewrite(model: &ShelfModel) -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    let format = model.format;
    let is_folder = format == Format::Safetensors;
    let can_be = is_folder && model.remark.is_none()
        || format == Format::Gguf && model.is_loadable && model.n_files == 1;
    if !can_be {
        return ().into_any();
    }
    let is_way = |to: &Rewrite| {
        to.needs().is_none_or(|it| it == format) && (!to.needs_experts() || model.experts.is_some())
    };
    let ways: Vec<_> = Rewrite::ALL.into_iter().filter(is_way).collect();
    let options: Vec<_> = ways
        .iter()
        .map(|to| {
            let about = model.n_parameters.map(|n| bytes(n as f64 * to.bits() / 8.0));
            let text = match about {
                Some(n) => format!("{} · {}", to.word(), fill(texts.about, "n", n)),
                None => to.word().to_owned(),
            };
            let selected = *to == Rewrite::Q4KM;
            view! { <option value=to.word() selected=selected>{text}</option> }.into_any()
        })
        .collect();
    let id = StoredValue::new(model.entry.id.clone());
    let is_ready = crate::ui::field::use_ready();
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let value = platform::form_values(&event);
        let (word, imatrix) = (value("to"), value("imatrix"));
        if let Some(to) = Rewrite::ALL.into_iter().find(|it| it.word() == word) {
            store.act(ShelfAct::Rewrite { id: id.get_value(), to, imatrix }, Some(texts.rewrite_begun));
        }
    };
    view! {
        <form class="flex flex-col gap-1" on:submit=on_submit data-testid="model-rewrite">
            <label for="model-rewrite-to" class="font-medium text-strong">{texts.rewrite}</label>
            <div class="flex gap-2">
                <select id="model-rewrite-to" name="to" class="field h-8 min-w-0">{options}</select>
                <button type="submit" class="button button-quiet" disabled=move || !is_ready.get()>{texts.rewrite_do}</button>
            </div>
            <p class="text-xs text-muted">{texts.rewrite_hint}</p>
            <label for="model-rewrite-imatrix" class="mt-1 text-xs text-muted">{texts.imatrix}</label>
            <input id="model-rewrite-imatrix" name="imatrix" class="field h-8" autocomplete="off" placeholder=texts.imatrix_hint/>
        </form>
    }
    .into_any()
}

/// As several files, or as one.
fn parts(model: &ShelfModel) -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    let id = StoredValue::new(model.entry.id.clone());
    let is_ready = crate::ui::field::use_ready();
    if model.format != Format::Gguf || model.entry.problem.is_some() {
        return ().into_any();
    }
    if model.n_files > 1 {
        let merge = move |_| store.act(ShelfAct::Merge { id: id.get_value() }, Some(texts.rewrite_begun));
        return view! {
            <button type="button" class="button button-quiet self-start" data-testid="model-merge" disabled=move || !is_ready.get() on:click=merge>
                {texts.merge}
            </button>
        }
        .into_any();
    }
    let sizes: Vec<_> = PART_SIZES.into_iter().filter(|n| *n < model.entry.size_bytes).collect();
    if sizes.is_empty() {
        return ().into_any();
    }
    let options: Vec<_> =
        sizes.into_iter().map(|n| view! { <option value=n>{bytes(n as f64)}</option> }.into_any()).collect();
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        if let Ok(part_bytes) = platform::form_values(&event)("size").parse() {
            store.act(ShelfAct::Split { id: id.get_value(), part_bytes }, Some(texts.rewrite_begun));
        }
    };
    view! {
        <form class="flex flex-col gap-1" on:submit=on_submit data-testid="model-split">
            <label for="model-split-size" class="font-medium text-strong">{texts.split}</label>
            <div class="flex gap-2">
                <select id="model-split-size" name="size" class="field h-8 min-w-0">{options}</select>
                <button type="submit" class="button button-quiet" disabled=move || !is_ready.get()>{texts.rewrite_do}</button>
            </div>
        </form>
    }
    .into_any()
}

fn tensor_table(tensors: Vec<(String, u64, u64)>, texts: &'static ModelsTexts) -> AnyView {
    if tensors.is_empty() {
        return ().into_any();
    }
    let rows: Vec<_> = tensors
        .into_iter()
        .map(|(name, n, size)| {
            view! {
                <tr class="border-t border-line">
                    <td class="p-1.5 font-mono">{name}</td>
                    <td class="tabular p-1.5 text-right">{n}</td>
                    <td class="tabular p-1.5 text-right">{bytes(size as f64)}</td>
                </tr>
            }
        })
        .collect();
    view! {
        <section class="flex flex-col gap-1">
            <h2 class="font-medium text-strong">{texts.tensors}</h2>
            <table class="w-full max-w-md text-left" data-testid="model-tensors">
                <thead>
                    <tr class="text-xs text-muted">
                        <th scope="col" class="p-1.5 font-medium">{texts.tensor_type}</th>
                        <th scope="col" class="p-1.5 text-right font-medium">{texts.tensor_count}</th>
                        <th scope="col" class="p-1.5 text-right font-medium">{texts.column_size}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </section>
    }
    .into_any()
}

fn file_list(files: Vec<(String, u64)>, texts: &'static ModelsTexts) -> AnyView {
    let rows: Vec<_> = files
        .into_iter()
        .map(|(name, size)| {
            view! {
                <li class="flex justify-between gap-4 border-t border-line py-1">
                    <span class="min-w-0 break-all">{name}</span>
                    <span class="tabular shrink-0 text-muted">{bytes(size as f64)}</span>
                </li>
            }
        })
        .collect();
    view! {
        <section class="flex flex-col gap-1">
            <h2 class="font-medium text-strong">{texts.files_title}</h2>
            <ul data-testid="model-files">{rows}</ul>
        </section>
    }
    .into_any()
}

fn template(template: Option<String>, texts: &'static ModelsTexts) -> AnyView {
    let Some(template) = template else { return ().into_any() };
    view! {
        <details data-testid="model-template">
            <summary class="cursor-pointer font-medium text-strong">{texts.fact_template}</summary>
            <pre class="mt-2 max-h-96 overflow-auto rounded-card bg-raised p-3 font-mono text-xs whitespace-pre-wrap" tabindex="0">{template}</pre>
        </details>
    }
    .into_any()
}

fn value_table(values: Vec<(String, String)>, texts: &'static ModelsTexts) -> AnyView {
    if values.is_empty() {
        return ().into_any();
    }
    let rows: Vec<_> = values
        .into_iter()
        .map(|(key, value)| {
            view! {
                <tr class="border-t border-line align-top">
                    <th scope="row" class="p-1.5 text-left font-mono font-normal break-all text-muted">{key}</th>
                    <td class="p-1.5 font-mono break-all">{value}</td>
                </tr>
            }
        })
        .collect();
    view! {
        <details data-testid="model-values">
            <summary class="cursor-pointer font-medium text-strong">{texts.values}</summary>
            <div class="mt-2 max-h-[32rem] overflow-auto" tabindex="0" role="region" aria-label=texts.values>
                <table class="w-full text-xs"><tbody>{rows}</tbody></table>
            </div>
        </details>
    }
    .into_any()
}

/// Deleting it, with what goes on without it.
#[component]
fn Delete(model: ShelfModel, uses: ModelUses, kept_by: Option<String>) -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    let id = StoredValue::new(model.entry.id.clone());
    let reveal = move |_| store.act(ShelfAct::Reveal { id: id.get_value() }, None);
    let open = RwSignal::new(false);
    let kept = kept_by.map(|by| match by.as_str() {
        "ollama" => texts.kept_ollama,
        "jan" => texts.kept_jan,
        "root" => texts.kept_root,
        "linked" => texts.kept_linked,
        _ => texts.kept_named,
    });
    let is_kept = kept.is_some();
    let question = fill(texts.delete_question, "name", &model.entry.name);
    let consequences = consequences(&uses, texts);
    let is_loaded = use_is_loaded(id.get_value());
    let model = StoredValue::new(model);
    view! {
        <div class="flex flex-wrap items-center gap-2 border-t border-line pt-4">
            <button type="button" class="button button-quiet" data-testid="model-reveal" on:click=reveal>
                <Icon icon=icondata_lu::LuFolderOpen size=14/>
                {texts.reveal}
            </button>
            <button type="button" class="button button-danger" data-testid="model-delete" disabled=is_kept on:click=move |_| open.set(true)>
                <Icon icon=icondata_lu::LuTrash2 size=14/>
                {texts.delete}
            </button>
            {kept.map(|text| view! { <p class="text-muted" data-testid="model-kept">{text}</p> })}
        </div>
        <Modal open label=texts.delete testid="model-delete-dialog">
            <div class="flex flex-col gap-3 p-4">
                <h2 class="font-semibold break-all text-strong">{question.clone()}</h2>
                <ul class="list-disc pl-5">
                    <When when=move || is_loaded.get()><li>{texts.delete_loaded}</li></When>
                    {consequences.iter().map(|text| view! { <li>{text.clone()}</li> }).collect::<Vec<_>>()}
                </ul>
                <div class="flex justify-end gap-2">
                    <button type="button" class="button button-quiet" on:click=move |_| open.set(false)>{texts.cancel}</button>
                    <button type="button" class="button button-danger" data-testid="model-delete-yes" on:click=move |_| {
                        open.set(false);
                        model.with_value(|model| store.delete(model));
                    }>{texts.delete}</button>
                </div>
            </div>
        </Modal>
    }
    .into_any()
}

/// As many as are read, one after the other.
fn names(ids: &[ModelId]) -> String {
    let shown: Vec<_> = ids.iter().take(MAX_NAMES).map(|id| id.0.as_str()).collect();
    let more = if ids.len() > MAX_NAMES { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

fn consequences(uses: &ModelUses, texts: &ModelsTexts) -> Vec<String> {
    let of_models = |text: &str, ids: &[ModelId]| (!ids.is_empty()).then(|| fill(text, "names", names(ids)));
    let parts = [
        of_models(texts.delete_inside, &uses.inside),
        (uses.n_chats > 0).then(|| fill(texts.delete_chats, "n", uses.n_chats)),
        (uses.n_documents > 0).then(|| fill(texts.delete_documents, "n", uses.n_documents)),
        of_models(texts.delete_drafts, &uses.drafts_for),
        of_models(texts.delete_guesses, &uses.guesses_for),
        of_models(texts.delete_sees, &uses.sees_for),
        of_models(texts.delete_links, &uses.links),
        Some(texts.delete_back.to_owned()),
    ];
    parts.into_iter().flatten().collect()
}
