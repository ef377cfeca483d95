//! Servers of tools: how each is doing, and what can be done with it.

use super::{new_server::NewServer, store::ToolsStore};
use crate::{
    error::capitalised,
    i18n::{ToolsTexts, fill},
    ui::{
        field::use_ready,
        icon::{Icon, IconButton},
        list::list,
        when::When,
    },
};
use leptos::{html, prelude::*};
use types::toolbox::{PlaceView, ServerState, ServerView, ToolAct};

#[component]
pub(super) fn Servers() -> AnyView {
    let store = expect_context::<ToolsStore>();
    let texts = store.texts;
    let ready = use_ready();
    let names = Memo::new(move |_| store.server_names());
    view! {
        <section class="card flex flex-col gap-3 p-4" aria-labelledby="servers-title" data-testid="servers">
            <h2 id="servers-title" class="text-lg font-semibold text-strong">{texts.servers_title}</h2>
            <p class="text-muted">{texts.servers_hint}</p>
            <When when=move || names.read().is_empty()>
                <p class="text-muted" data-testid="servers-none">{texts.servers_none}</p>
            </When>
            <ul class="flex flex-col gap-2">
                {list(move || names.get(), |name| name.clone(), move |name| row(store, ready, name))}
            </ul>
            <NewServer/>
        </section>
    }
    .into_any()
}

fn row(store: ToolsStore, ready: RwSignal<bool>, name: String) -> AnyView {
    let texts = store.texts;
    let of = name.clone();
    let server = Memo::new(move |_| store.server(&of));
    let state = Memo::new(move |_| server.get().map_or(ServerState::Off, |it| it.state));
    // What is unfolded stays so whatever the state.
    let lasting = Memo::new(move |_| server.get().map(|it| ServerView { state: ServerState::Off, ..it }));
    view! {
        <li class="flex flex-col gap-2 rounded-card border border-line bg-bg p-3" data-testid="server" data-server=name.clone()>
            <div class="flex flex-wrap items-center gap-2">
                <h3 class="min-w-0 flex-1 font-mono font-semibold break-all text-strong">{name.clone()}</h3>
                <Buttons store ready state name=name.clone()/>
            </div>
            <p class="flex items-start gap-1.5" role="status" data-testid="server-state" data-state=move || state_name(&state.get())>
                {move || state_words(texts, &state.get())}
            </p>
            {move || lasting.get().map(|it| details(texts, &it))}
        </li>
    }
    .into_any()
}

fn state_name(state: &ServerState) -> &'static str {
    match state {
        ServerState::Off => "off",
        ServerState::Connecting => "connecting",
        ServerState::Ready => "ready",
        ServerState::Failed(_) => "failed",
    }
}

fn state_words(texts: &'static ToolsTexts, state: &ServerState) -> AnyView {
    let (icon, class, words) = match state {
        ServerState::Off => (icondata_lu::LuPower, "text-muted", texts.state_off.to_owned()),
        ServerState::Connecting => (icondata_lu::LuLoader, "text-muted", texts.state_connecting.to_owned()),
        ServerState::Ready => (icondata_lu::LuCircleCheck, "text-ok", texts.state_ready.to_owned()),
        ServerState::Failed(why) => {
            let why = fill(texts.state_failed, "why", capitalised(why));
            (icondata_lu::LuTriangleAlert, "text-danger", why)
        }
    };
    view! {
        <span class=format!("mt-0.5 {class}")><Icon icon/></span>
        <span class=format!("min-w-0 break-words {class}")>{words}</span>
    }
    .into_any()
}

/// Switching, connecting again, and removing, which asks once more: the keys are gone with it.
#[component]
fn Buttons(store: ToolsStore, ready: RwSignal<bool>, state: Memo<ServerState>, name: String) -> AnyView {
    let texts = store.texts;
    let asks = RwSignal::new(false);
    let cancel = NodeRef::<html::Button>::new();
    Effect::new(move |_| {
        if let Some(button) = cancel.get() {
            _ = button.focus();
        }
    });
    let name = StoredValue::new(name);
    let act = move |act: fn(String) -> ToolAct| store.act(act(name.get_value()), |_| ());
    let is_off = move || state.get() == ServerState::Off;
    let switch = move |_| match state.get_untracked() {
        ServerState::Off => act(|name| ToolAct::EnableServer { name, is_on: true }),
        _ => act(|name| ToolAct::EnableServer { name, is_on: false }),
    };
    let label = move |text: &'static str| name.with_value(|name| fill(text, "name", name));
    let switch_label = move || label(if is_off() { texts.switch_on_named } else { texts.switch_off_named });
    let usual = move || {
        view! {
            <button type="button" class="button button-quiet" data-testid="server-switch" aria-label=switch_label
                disabled=move || !ready.get() on:click=switch>
                {move || if is_off() { texts.switch_on } else { texts.switch_off }}
            </button>
            <IconButton icon=icondata_lu::LuRefreshCw label=label(texts.reconnect_named) testid="server-reconnect"
                disabled=Signal::derive(move || is_off() || !ready.get())
                on_click=move |()| act(|name| ToolAct::Reconnect { name })/>
            <IconButton icon=icondata_lu::LuTrash2 label=label(texts.remove_named) testid="server-remove"
                disabled=Signal::derive(move || !ready.get())
                on_click=move |()| asks.set(true)/>
        }
        .into_any()
    };
    view! {
        <When when=move || asks.get() fallback=usual>
            <span class="min-w-0 break-words">{label(texts.remove_asks)}</span>
            <button type="button" class="button button-danger" data-testid="server-remove-yes"
                on:click=move |_| {
                    asks.set(false);
                    act(|name| ToolAct::RemoveServer { name });
                }>
                {texts.remove}
            </button>
            <button type="button" class="button button-quiet" data-testid="server-remove-no" node_ref=cancel
                on:click=move |_| asks.set(false)>
                {texts.cancel}
            </button>
        </When>
    }
    .into_any()
}

fn details(texts: &'static ToolsTexts, server: &ServerView) -> AnyView {
    let refused = server.refused.iter().map(|it| {
        let words = fill(&fill(texts.refused_one, "name", &it.name), "why", &it.reason);
        view! { <li class="break-words">{words}</li> }.into_any()
    });
    let refused: Vec<_> = refused.collect();
    let n_tools = server.tools.len();
    let names = server.tools.join(", ");
    let last_words = server.last_words.trim().to_owned();
    view! {
        <p class="font-mono text-xs break-all text-muted" data-testid="server-place">{place(texts, &server.place)}</p>
        {(n_tools > 0).then(|| view! {
            <details data-testid="server-tools">
                <summary class="w-fit cursor-pointer text-muted">{fill(texts.n_tools, "n", n_tools)}</summary>
                <p class="font-mono text-xs break-all text-default">{names}</p>
            </details>
        })}
        {(!refused.is_empty()).then(|| view! {
            <details data-testid="server-refused">
                <summary class="w-fit cursor-pointer text-warn">{fill(texts.n_refused, "n", refused.len())}</summary>
                <ul class="list-disc pl-5 text-xs text-muted">{refused}</ul>
            </details>
        })}
        {(!last_words.is_empty()).then(|| view! {
            <details data-testid="server-words">
                <summary class="w-fit cursor-pointer text-muted">{texts.last_words}</summary>
                <pre class="text-xs break-all whitespace-pre-wrap text-muted">{last_words}</pre>
            </details>
        })}
    }
    .into_any()
}

fn place(texts: &'static ToolsTexts, place: &PlaceView) -> String {
    match place {
        PlaceView::Program { program, arguments, environment } => {
            let command = std::iter::once(program).chain(arguments).map(String::as_str);
            let command = command.collect::<Vec<_>>().join(" ");
            match environment.as_slice() {
                [] => command,
                names => format!("{command} · {}", fill(texts.place_sets, "names", names.join(", "))),
            }
        }
        PlaceView::Address { url, key_hint } => match key_hint {
            Some(hint) => format!("{url} · {}", fill(texts.place_key, "key", hint)),
            None => url.clone(),
        },
    }
}
