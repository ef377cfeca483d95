//! The models as a table, whose rows are cards where there is little room.

use super::{filters::address, store::ModelsStore, words};
use crate::{
    format::bytes,
    i18n::fill,
    live::use_live,
    ui::{
        field::use_ready,
        icon::{Icon, IconButton},
        moment::Moment,
        when::When,
    },
};
use leptos::prelude::*;
use leptos_router::components::A;
use types::{
    ids::ModelId,
    shelf::{Capability, Kind, ShelfModel, ShelfQuery, SortBy},
};

/// How rows are laid out.
struct Look {
    table: &'static str,
    head: &'static str,
    body: &'static str,
    row: &'static str,
    name: &'static str,
    cell: &'static str,
    actions: &'static str,
}

/// Rows where there is room for them, else cards.
const TABLE: Look = Look {
    table: "block w-full text-left md:table",
    head: "sr-only md:not-sr-only md:table-header-group",
    body: "grid gap-2 sm:grid-cols-2 md:table-row-group",
    row: "card flex flex-wrap items-center gap-x-3 gap-y-1 p-3 md:table-row md:rounded-none md:border-0 md:border-b md:border-line md:bg-transparent",
    name: "w-full p-0 align-top md:w-auto md:p-2",
    cell: "p-0 md:p-2 align-top tabular whitespace-nowrap",
    actions: "ml-auto p-0 align-top md:p-1",
};

/// Cards, however much room there is.
const CARDS: Look = Look {
    table: "block w-full text-left",
    head: "sr-only",
    body: "grid gap-2 sm:grid-cols-2 lg:grid-cols-3",
    row: "card flex flex-wrap content-start items-center gap-x-3 gap-y-1 p-3",
    name: "w-full p-0 align-top",
    cell: "p-0 align-top tabular whitespace-nowrap",
    actions: "ml-auto p-0 align-top",
};

#[component]
pub(super) fn Rows(rows: Vec<ShelfModel>, query: ShelfQuery, is_managed: bool) -> AnyView {
    let texts = expect_context::<ModelsStore>().texts;
    let heads: Vec<_> = SortBy::ALL.into_iter().map(|column| head(column, &query)).collect();
    let look = if query.is_cards { &CARDS } else { &TABLE };
    let rows: Vec<_> = rows.into_iter().map(|model| row(model, is_managed, look)).collect();
    view! {
        <table class=look.table data-testid="models">
            <caption class="sr-only">{texts.models_title}</caption>
            <thead class=look.head>
                <tr class="border-b border-line text-xs text-muted">
                    {heads}
                    <th scope="col" class="p-2"><span class="sr-only">{texts.actions}</span></th>
                </tr>
            </thead>
            <tbody class=look.body>{rows}</tbody>
        </table>
    }
    .into_any()
}

/// A column's head sorts by it, and the other way round where it does already.
fn head(column: SortBy, query: &ShelfQuery) -> AnyView {
    let texts = expect_context::<ModelsStore>().texts;
    let is_sorted = query.sort == column;
    let is_descending = is_sorted && !query.is_descending;
    let to = address(&ShelfQuery { sort: column, is_descending, ..query.clone() });
    let order = is_sorted.then_some(if query.is_descending { "descending" } else { "ascending" });
    let arrow = if query.is_descending { icondata_lu::LuArrowDown } else { icondata_lu::LuArrowUp };
    view! {
        <th scope="col" class="p-2 font-medium" aria-sort=order>
            <A href=to attr:class="inline-flex min-h-6 items-center gap-1 hover:text-strong">
                {words::sort_by(column, texts)}
                {is_sorted.then(|| view! { <Icon icon=arrow size=12/> })}
            </A>
        </th>
    }
    .into_any()
}

fn row(model: ShelfModel, is_managed: bool, look: &'static Look) -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    let entry = &model.entry;
    let size = bytes(entry.size_bytes as f64);
    let memory = words::memory(&model, texts);
    let context = entry.n_ctx_train.map(words::tokens).unwrap_or_default();
    let context_words = entry.n_ctx_train.map(|n| fill(texts.context_of, "n", n));
    let fits = model.fits == Some(false);
    let id = entry.id.0.clone();
    let cell = look.cell;
    view! {
        <tr class=look.row data-testid="model" data-id=id>
            <td class=look.name>{name_cell(&model)}</td>
            <td class=cell>{size}</td>
            <td class=cell>
                {memory}
                {fits.then(|| view! { <span class="block text-xs text-warn" data-testid="model-too-large">{texts.too_large}</span> })}
            </td>
            <td class=cell title=context_words>{context}</td>
            <td class=cell><Moment ms=model.changed_ms/></td>
            <td class=look.actions>{actions(model, is_managed)}</td>
        </tr>
    }
    .into_any()
}

fn name_cell(model: &ShelfModel) -> AnyView {
    let texts = expect_context::<ModelsStore>().texts;
    let entry = &model.entry;
    let name = entry.name.clone();
    let line = words::line(model, texts);
    let kind = (model.kind != Kind::Writing).then(|| badge(words::kind(model.kind, texts)));
    let folder = model.folder.clone().map(|label| badge_of(label, "model-folder"));
    let tags: Vec<_> = model.tags.iter().map(|tag| badge_of(tag.clone(), "model-tag")).collect();
    let capabilities: Vec<_> = model.capabilities.iter().map(|it| capability(*it)).collect();
    let problem = entry.problem.clone();
    let remark = model.remark.clone();
    view! {
        <div class="flex min-w-0 flex-wrap items-center gap-1.5">
            <A href=details_address(&entry.id) attr:class="font-medium break-all text-strong hover:underline">{name}</A>
            {capabilities}
            {kind}
            {folder}
            {tags}
            <Loaded id=entry.id.clone()/>
        </div>
        <div class="tabular text-xs text-muted">{line}</div>
        {problem.map(|problem| view! { <div class="text-xs text-danger" data-testid="model-problem">{problem}</div> })}
        {remark.map(|remark| view! { <div class="text-xs text-muted" data-testid="model-remark">{remark}</div> })}
    }
    .into_any()
}

/// The address of all that is known of a model.
pub(crate) fn details_address(id: &ModelId) -> String {
    let mut query = leptos_router::params::ParamsMap::new();
    query.insert("model", id.0.clone());
    format!("/models{}", query.to_query_string())
}

pub(super) fn badge(text: &'static str) -> AnyView {
    badge_of(text.to_owned(), "model-badge")
}

pub(super) fn badge_of(text: String, testid: &'static str) -> AnyView {
    view! { <span class="rounded-control bg-raised px-1.5 text-xs text-default" data-testid=testid>{text}</span> }.into_any()
}

/// An icon with what it means.
pub(super) fn capability(capability: Capability) -> AnyView {
    let texts = expect_context::<ModelsStore>().texts;
    let icon = match capability {
        Capability::Sees => icondata_lu::LuEye,
        Capability::CallsTools => icondata_lu::LuWrench,
        Capability::Thinks => icondata_lu::LuBrain,
        Capability::Predicts => icondata_lu::LuFastForward,
    };
    let label = words::capability(capability, texts);
    view! {
        <span class="text-muted" title=label data-testid="model-capability">
            <Icon icon size=14/>
            <span class="sr-only">{label}</span>
        </span>
    }
    .into_any()
}

/// Whether a model is in memory. False until scripts run: what the page knows by then is more than what the server rendered it with.
pub(super) fn use_is_loaded(id: ModelId) -> Memo<bool> {
    let (live, is_ready) = (use_live(), use_ready());
    Memo::new(move |_| {
        is_ready.get() && live.models.read().as_ref().is_some_and(|models| models.find(&id).is_some())
    })
}

/// Says that a model is in memory.
#[component]
pub(super) fn Loaded(id: ModelId) -> AnyView {
    let texts = expect_context::<ModelsStore>().texts;
    let is_loaded = use_is_loaded(id);
    view! {
        <When when=move || is_loaded.get()>
            <span class="rounded-control bg-raised px-1.5 text-xs text-ok" data-testid="model-loaded">{texts.in_memory}</span>
        </When>
    }
    .into_any()
}

/// What can be done with a model at once. A broken one can only be looked at.
pub(super) fn actions(model: ShelfModel, is_managed: bool) -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    if !model.is_loadable {
        return ().into_any();
    }
    let name = model.entry.name.clone();
    let id = StoredValue::new(model.entry.id.clone());
    let is_writer = model.kind == Kind::Writing;
    let model = StoredValue::new(model);
    view! {
        <div class="flex items-center justify-end gap-1">
            {is_writer.then(|| view! {
                <IconButton icon=icondata_lu::LuMessageSquare label=fill(texts.load_and_chat_of, "name", &name) testid="model-chat"
                    on_click=move |()| store.load_and_chat(id.get_value())/>
            })}
            <IconButton icon=icondata_lu::LuPlay label=fill(texts.load_of, "name", &name) testid="model-load"
                on_click=move |()| store.load(id.get_value())/>
            {is_managed.then(|| view! {
                <IconButton icon=icondata_lu::LuSlidersHorizontal label=fill(texts.launch_of, "name", &name) testid="model-launch"
                    on_click=move |()| model.with_value(|model| store.choose_launch(model))/>
            })}
        </div>
    }
    .into_any()
}
