//! Servers elsewhere: what is sent to them leaves this machine, so adding one says so.

use super::api::{RemoteForm, RemoveRemote, SaveRemote};
use crate::{
    i18n::{SettingsTexts, fill},
    platform,
    ui::{
        field::{Field, SelectField},
        icon::Icon,
    },
};
use leptos::{ev, prelude::*, server_fn::ServerFn};
use types::remote::{
    Dialect, MAX_REMOTE_ADDRESS_BYTES, MAX_REMOTE_KEY_BYTES, MAX_REMOTE_NAME_CHARS, RemoteView,
};

/// The servers there are, and a form for another one, or why there is none.
#[component]
pub(super) fn RemoteServers(remotes: Vec<RemoteView>, may_change: bool) -> impl IntoView {
    let texts = SettingsTexts::here();
    let rows = remotes.into_iter().map(|remote| view! { <Remote remote may_change/> }).collect_view();
    let add = if may_change {
        view! { <NewServer/> }.into_any()
    } else {
        view! { <p class="text-muted" data-testid="remotes-not-managed">{texts.remotes_not_managed}</p> }
            .into_any()
    };
    view! {
        <section class="card flex flex-col gap-3 p-4" data-testid="remotes">
            <h2 class="text-lg font-semibold text-strong">{texts.remotes_title}</h2>
            <p class="text-muted">{texts.remotes_hint}</p>
            <ul class="flex flex-col gap-2">{rows}</ul>
            {add}
        </section>
    }
}

#[component]
fn Remote(remote: RemoteView, may_change: bool) -> impl IntoView {
    let texts = SettingsTexts::here();
    let key = remote
        .key_hint
        .map_or_else(|| texts.remote_no_key.to_owned(), |hint| fill(texts.remote_key_is, "key", hint));
    let details = format!("{} · {key} · {}", remote.address, remote.models.join(", "));
    view! {
        <li class="flex flex-wrap items-center gap-2 rounded-card border border-line px-3 py-2" data-testid="remote">
            <div class="min-w-0 flex-1">
                <span class="block font-medium text-strong">{remote.name.clone()}</span>
                <span class="block text-xs break-all text-muted">{details}</span>
                {remote.is_open.then(|| view! {
                    <span class="flex items-center gap-1 text-xs text-warn" data-testid="remote-open">
                        <Icon icon=icondata_lu::LuTriangleAlert size=14/>
                        {texts.remote_open}
                    </span>
                })}
            </div>
            {may_change.then(|| view! { <RemoveServer name=remote.name.clone()/> })}
        </li>
    }
}

#[component]
fn RemoveServer(name: String) -> impl IntoView {
    let texts = SettingsTexts::here();
    let remove = ServerAction::<RemoveRemote>::new();
    let removed = name.clone();
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        remove.dispatch(RemoveRemote { name: removed.clone() });
    };
    Effect::new(move |_| {
        if let Some(Ok(())) = remove.value().get() {
            platform::load("/settings");
        }
    });
    let failure = move || match remove.value().get() {
        Some(Err(err)) => Some(err.sentence(texts)),
        _ => None,
    };
    view! {
        {move || failure().map(|failure| view! { <span class="text-danger" role="alert">{failure}</span> })}
        <form method="post" action=RemoveRemote::url() on:submit=on_submit>
            <input type="hidden" name="name" value=name.clone()/>
            <button type="submit" class="button button-quiet" aria-label=fill(texts.remote_remove, "name", &name) data-testid="remote-remove">
                <Icon icon=icondata_lu::LuTrash2 size=14/>
            </button>
        </form>
    }
}

#[component]
fn NewServer() -> impl IntoView {
    let texts = SettingsTexts::here();
    let save = ServerAction::<SaveRemote>::new();
    Effect::new(move |_| {
        if let Some(Ok(())) = save.value().get() {
            platform::load("/settings?saved");
        }
    });
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let values = platform::form_values(&event);
        save.dispatch(SaveRemote { form: RemoteForm::read(|name| values(&format!("form[{name}]"))) });
    };
    let failure = move || match save.value().get() {
        Some(Err(err)) => Some(err.sentence(texts)),
        _ => None,
    };
    let dialects =
        [(Dialect::OpenAi, texts.remote_dialect_open_ai), (Dialect::Llama, texts.remote_dialect_llama)];
    let dialects = dialects.map(|(dialect, text)| (dialect.as_str().to_owned(), text.to_owned())).to_vec();
    view! {
        <form method="post" action=SaveRemote::url() class="flex flex-col gap-3" data-testid="remote-form" on:submit=on_submit>
            <div class="grid gap-3 sm:grid-cols-2">
                <Field label=texts.remote_name hint=texts.remote_name_hint control="remote-name">
                    <input id="remote-name" name="form[name]" class="field" required maxlength=MAX_REMOTE_NAME_CHARS aria-describedby="remote-name-hint"/>
                </Field>
                <Field label=texts.remote_address hint=texts.remote_address_hint control="remote-address">
                    <input id="remote-address" name="form[address]" type="url" class="field" required maxlength=MAX_REMOTE_ADDRESS_BYTES
                        placeholder="https://api.example.com/v1" aria-describedby="remote-address-hint"/>
                </Field>
                <Field label=texts.remote_key hint=texts.remote_key_hint control="remote-key">
                    <input id="remote-key" name="form[key]" type="password" class="field" autocomplete="off" maxlength=MAX_REMOTE_KEY_BYTES
                        aria-describedby="remote-key-hint"/>
                </Field>
                <SelectField name="form[dialect]" label=texts.remote_dialect value=Dialect::OpenAi.as_str() options=dialects/>
            </div>
            <Field label=texts.remote_models hint=texts.remote_models_hint control="remote-models">
                <input id="remote-models" name="form[models]" class="field" autocomplete="off" aria-describedby="remote-models-hint"/>
            </Field>
            <div class="flex items-center gap-3">
                <button type="submit" class="button button-primary" disabled=move || save.pending().get() data-testid="remote-save">
                    {texts.remote_save}
                </button>
                <span role="status" class="text-danger" data-testid="remote-status">{failure}</span>
            </div>
        </form>
    }
}
