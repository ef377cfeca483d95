//! The tools: what each does, and who lets it run.

use super::store::ToolsStore;
use crate::{
    i18n::{ToolsTexts, fill},
    ui::{field::use_ready, icon::Icon, list::list, when::When},
};
use icondata_core::IconData;
use leptos::{ev, html, prelude::*};
use types::toolbox::{Effect as ToolEffect, Origin, Permission, ToolAct, ToolView};

/// What is shown of a long description at first.
const SHORT_CHARS: usize = 300;

#[component]
pub(super) fn ToolList() -> AnyView {
    let store = expect_context::<ToolsStore>();
    let texts = store.texts;
    let ready = use_ready();
    view! {
        <section class="card flex flex-col gap-3 p-4" aria-labelledby="tools-list-title">
            <h2 id="tools-list-title" class="text-lg font-semibold text-strong">{texts.list_title}</h2>
            <p class="text-muted">{texts.list_hint}</p>
            <ul class="flex flex-col gap-2" data-testid="tools">
                {list(move || store.tool_names(), |name| name.clone(), move |name| row(store, ready, name))}
            </ul>
        </section>
    }
    .into_any()
}

fn row(store: ToolsStore, ready: RwSignal<bool>, name: String) -> AnyView {
    let texts = store.texts;
    let of = name.clone();
    let tool = Memo::new(move |_| store.tool(&of));
    let lasting = Memo::new(move |_| tool.get().map(without_choices));
    let about = move || lasting.get().map(|tool| about(texts, &tool));
    let has_changed = move || tool.get().is_some_and(|it| it.has_changed);
    view! {
        <li class="flex flex-col gap-2 rounded-card border border-line bg-bg p-3" data-testid="tool" data-tool=name.clone()>
            {about}
            <When when=has_changed>
                <p class="flex items-start gap-1.5 text-warn" data-testid="tool-changed">
                    <Icon icon=icondata_lu::LuTriangleAlert/>
                    <span class="min-w-0">{texts.has_changed}</span>
                </p>
            </When>
            <div class="flex flex-wrap items-center gap-x-6 gap-y-2">
                <PermissionField store ready tool name=name.clone()/>
                <DefaultField store ready tool name=name.clone()/>
            </div>
        </li>
    }
    .into_any()
}

/// What stays as it is shown while somebody chooses.
fn without_choices(tool: ToolView) -> ToolView {
    ToolView { permission: Permission::Ask, has_changed: false, in_new_chats: false, ..tool }
}

fn about(texts: &'static ToolsTexts, tool: &ToolView) -> AnyView {
    let (icon, class, words) = effect_of(texts, tool.effect);
    let origin = match &tool.origin {
        Origin::Builtin => texts.origin_builtin.to_owned(),
        Origin::Mcp(server) => fill(texts.origin_server, "name", server),
    };
    view! {
        <div class="flex flex-wrap items-center gap-x-3 gap-y-1">
            <h3 class="font-mono font-semibold break-all text-strong">{tool.name.clone()}</h3>
            <span class=format!("flex items-center gap-1 text-xs {class}") data-testid="tool-effect">
                <Icon icon size=14/>
                {words}
            </span>
            <span class="text-xs break-all text-muted">{origin}</span>
        </div>
        {description(texts, tool)}
    }
    .into_any()
}

fn effect_of(
    texts: &'static ToolsTexts,
    effect: ToolEffect,
) -> (&'static IconData, &'static str, &'static str) {
    match effect {
        ToolEffect::None => (icondata_lu::LuCircleCheck, "text-ok", texts.effect_none),
        ToolEffect::Sends => (icondata_lu::LuGlobe, "text-info", texts.effect_sends),
        ToolEffect::Changes => (icondata_lu::LuPencil, "text-warn", texts.effect_changes),
    }
}

/// This product's own tools are told in the page's language; what others say of theirs is shown as they say it.
fn description(texts: &'static ToolsTexts, tool: &ToolView) -> AnyView {
    let own = match (&tool.origin, tool.name.as_str()) {
        (Origin::Builtin, "calculator") => Some(texts.about_calculator),
        (Origin::Builtin, "clock") => Some(texts.about_clock),
        (Origin::Builtin, "fetch_page") => Some(texts.about_fetch_page),
        (Origin::Builtin, "search_documents") => Some(texts.about_search_documents),
        (Origin::Builtin, "read_document") => Some(texts.about_read_document),
        (Origin::Builtin, "run_python") => Some(texts.about_run_python),
        (Origin::Builtin, "run_javascript") => Some(texts.about_run_javascript),
        (Origin::Builtin, "web_search") => Some(texts.about_web_search),
        (Origin::Builtin, "generate_image") => Some(texts.about_generate_image),
        _ => None,
    };
    let words = own.map_or_else(|| tool.description.clone(), str::to_owned);
    if words.is_empty() {
        return view! { <p class="text-muted">{texts.no_description}</p> }.into_any();
    }
    let class = "min-w-0 break-words whitespace-pre-line text-default";
    if words.chars().count() <= SHORT_CHARS {
        return view! { <p class=class>{words}</p> }.into_any();
    }
    let short: String = words.chars().take(SHORT_CHARS).chain(['…']).collect();
    view! {
        <p class=class>{short}</p>
        <details>
            <summary class="w-fit cursor-pointer text-muted">{texts.whole_description}</summary>
            <p class=class>{words}</p>
        </details>
    }
    .into_any()
}

#[component]
fn PermissionField(
    store: ToolsStore,
    ready: RwSignal<bool>,
    tool: Memo<Option<ToolView>>,
    name: String,
) -> AnyView {
    let texts = store.texts;
    let field = NodeRef::<html::Select>::new();
    let permission = move || tool.get().map_or(Permission::Ask, |it| it.permission);
    let current = tool.get_untracked().map_or(Permission::Ask, |it| it.permission);
    let label = fill(texts.permission_of, "name", &name);
    let on_change = move |event: ev::Event| {
        let permission = permission_named(&event_target_value(&event));
        let Some(seen) = tool.get_untracked().map(|it| it.fingerprint) else { return };
        let act = ToolAct::Allow { tool: name.clone(), seen, permission };
        store.act(act, move |is_done| {
            let before = tool.try_get_untracked().flatten().filter(|_| !is_done);
            if let (Some(before), Some(field)) = (before, field.try_get_untracked().flatten()) {
                field.set_value(name_of(before.permission));
            }
        });
    };
    let options = [
        (Permission::Always, texts.permission_always),
        (Permission::Ask, texts.permission_ask),
        (Permission::Never, texts.permission_never),
    ];
    let option = |(it, words): (Permission, &'static str)| {
        view! { <option value=name_of(it) selected=it == current>{words}</option> }.into_any()
    };
    let options: Vec<_> = options.into_iter().map(option).collect();
    view! {
        <select
            node_ref=field
            class="field h-8 w-auto"
            aria-label=label
            data-testid="tool-permission"
            disabled=move || !ready.get()
            prop:value=move || name_of(permission())
            on:change=on_change
        >
            {options}
        </select>
    }
    .into_any()
}

fn name_of(permission: Permission) -> &'static str {
    match permission {
        Permission::Always => "always",
        Permission::Ask => "ask",
        Permission::Never => "never",
    }
}

fn permission_named(name: &str) -> Permission {
    match name {
        "always" => Permission::Always,
        "never" => Permission::Never,
        _ => Permission::Ask,
    }
}

#[component]
fn DefaultField(
    store: ToolsStore,
    ready: RwSignal<bool>,
    tool: Memo<Option<ToolView>>,
    name: String,
) -> AnyView {
    let texts = store.texts;
    let field = NodeRef::<html::Input>::new();
    let is_on = move || tool.get().is_some_and(|it| it.in_new_chats);
    let label = fill(texts.in_new_chats_of, "name", &name);
    let on_change = move |event: ev::Event| {
        let is_on = event_target_checked(&event);
        store.act(ToolAct::InNewChats { tool: name.clone(), is_on }, move |is_done| {
            if let Some(field) = field.try_get_untracked().flatten().filter(|_| !is_done) {
                field.set_checked(!is_on);
            }
        });
    };
    view! {
        <label class="flex min-h-6 cursor-pointer items-center gap-2">
            <input
                node_ref=field
                type="checkbox"
                class="size-4"
                aria-label=label
                data-testid="tool-default"
                disabled=move || !ready.get()
                checked=tool.get_untracked().is_some_and(|it| it.in_new_chats)
                prop:checked=is_on
                on:change=on_change
            />
            {texts.in_new_chats}
        </label>
    }
    .into_any()
}
