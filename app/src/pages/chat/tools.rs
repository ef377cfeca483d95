//! Which tools the answers of this chat may call.

use super::{api::call_tools, collections::go_along, count_button::CountButton, thread_store::ThreadStore};
use crate::{
    frame::{Behind, use_sessions},
    i18n::{CallsTexts, fill, use_texts},
    ui::{icon::Icon, toast::use_toasts},
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::components::A;
use types::{
    called::{CallAct, CallReply},
    toolbox::{Effect, Origin, Permission, ToolView},
};

/// A button with their number, and the list behind it.
#[component]
pub(super) fn ToolsButton() -> AnyView {
    let store = expect_context::<ThreadStore>();
    CountButton {
        label: use_texts().chat_tools,
        icon: icondata_lu::LuWrench,
        n: store.n_tools,
        open: store.tools_open,
        testid: "chat-tools",
        behind: Behind::Tools,
    }
    .view()
}

/// The tools to choose from.
pub(crate) async fn choices() -> AnyView {
    let texts = CallsTexts::here();
    let store = expect_context::<ThreadStore>();
    let session = untrack(|| store.session.get());
    let (tools, chosen, cannot) = match call_tools(CallAct::List { session }).await {
        Ok(CallReply::Tools { tools, chosen, cannot }) => (tools, chosen, cannot),
        Ok(_) => Default::default(),
        Err(err) => {
            return view! { <p class="p-2 text-danger" role="alert">{err.sentence(texts)}</p> }.into_any();
        }
    };
    let chosen = RwSignal::new(chosen);
    let keep = use_keep(store);
    let rows: Vec<_> = tools.into_iter().map(|tool| choice(tool, chosen, keep, cannot.is_some())).collect();
    let hint = if cannot.is_some() { texts.cannot_template } else { texts.choose_hint };
    view! {
        <p class="px-2 py-1 text-muted" class=("text-warn", cannot.is_some()) data-testid="chat-tools-hint">{hint}</p>
        <ul>{rows}</ul>
        <A href="/tools" attr:class="menu-item">
            <Icon icon=icondata_lu::LuArrowRight size=14/>
            {texts.open_tools}
        </A>
    }
    .into_any()
}

fn choice(
    tool: ToolView,
    chosen: RwSignal<Vec<String>>,
    keep: Callback<Vec<String>>,
    disabled: bool,
) -> AnyView {
    let texts = CallsTexts::here();
    let is_never = tool.permission == Permission::Never;
    let note = match (tool.permission, tool.effect) {
        (Permission::Never, _) => texts.permission_never,
        (Permission::Ask, _) => texts.permission_ask,
        (Permission::Always, Effect::None) => "",
        (Permission::Always, _) => texts.permission_always,
    };
    let from = match tool.origin {
        Origin::Builtin => String::new(),
        Origin::Mcp(server) => fill(texts.from_server, "name", server),
    };
    let (name, checked) = (tool.name.clone(), tool.name.clone());
    let on_change = move |_| {
        chosen.update(|chosen| match chosen.iter().position(|it| *it == name) {
            Some(idx) => _ = chosen.remove(idx),
            None => chosen.push(name.clone()),
        });
        keep.run(chosen.get_untracked());
    };
    view! {
        <li>
            <label class="menu-item h-auto cursor-pointer items-start py-1.5">
                <input
                    type="checkbox"
                    class="mt-0.5 shrink-0 accent-accent"
                    data-testid="chat-tool"
                    disabled=disabled || is_never
                    prop:checked=move || chosen.read().contains(&checked)
                    on:change=on_change
                />
                <span class="min-w-0 flex-1">
                    <span class="flex flex-wrap items-baseline gap-x-2">
                        <span class="font-medium break-all text-strong">{tool.name}</span>
                        <span class="text-xs text-muted">{from}</span>
                        <span class="text-xs text-muted">{note}</span>
                    </span>
                    <span class="line-clamp-2 text-xs break-words text-muted">{tool.description}</span>
                </span>
            </label>
        </li>
    }
    .into_any()
}

/// Keeps which tools the answers of this chat may call; a chat that has not begun begins.
fn use_keep(store: ThreadStore) -> Callback<Vec<String>> {
    let (toasts, texts, go) = (use_toasts(), CallsTexts::here(), use_sessions().go);
    Callback::new(move |tools: Vec<String>| {
        let session = store.session.get_untracked();
        let n = tools.len() as u64;
        spawn_local(async move {
            match call_tools(CallAct::Use { session, tools }).await {
                Ok(CallReply::Session(started)) => {
                    _ = store.n_tools.try_set(n);
                    if session.is_none() {
                        go_along(started, go);
                    }
                }
                Ok(_) => {}
                Err(err) => toasts.show(err.sentence(texts)),
            }
        });
    })
}
