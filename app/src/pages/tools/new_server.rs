//! The form for another server of tools.

use super::store::ToolsStore;
use crate::{
    error::AppError,
    i18n::{ToolsTexts, fill},
    platform,
    ui::{
        field::{Field, use_ready},
        icon::Icon,
        when::When,
    },
};
use leptos::{ev, html, prelude::*};
use types::{
    secret::Secret,
    toolbox::{McpPlace, McpServer, ToolAct},
};

#[component]
pub(super) fn NewServer() -> AnyView {
    let store = expect_context::<ToolsStore>();
    let is_open = RwSignal::new(false);
    let ready = use_ready();
    let texts = store.texts;
    let button = move || {
        view! {
            <button type="button" class="button button-quiet self-start" data-testid="server-add"
                disabled=move || !ready.get() on:click=move |_| is_open.set(true)>
                <Icon icon=icondata_lu::LuPlus size=14/>
                {texts.server_add}
            </button>
        }
        .into_any()
    };
    view! { <When when=move || is_open.get() fallback=button><Form is_open/></When> }.into_any()
}

#[component]
fn Form(is_open: RwSignal<bool>) -> AnyView {
    let store = expect_context::<ToolsStore>();
    let texts = store.texts;
    let is_program = RwSignal::new(true);
    let (said, is_busy) = (RwSignal::new(String::new()), RwSignal::new(false));
    let first = NodeRef::<html::Input>::new();
    Effect::new(move |_| {
        if let Some(field) = first.get() {
            _ = field.focus();
        }
    });
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let server = match server_of(&platform::form_values(&event), is_program.get_untracked()) {
            Ok(server) => server,
            Err(line) => return said.set(fill(texts.environment_bad, "line", line)),
        };
        said.set(String::new());
        is_busy.set(true);
        let done = move |done: Result<(), AppError>| {
            _ = is_busy.try_set(false);
            match done {
                Ok(()) => _ = is_open.try_set(false),
                Err(err) => _ = said.try_set(err.sentence(texts)),
            }
        };
        store.try_act(ToolAct::AddServer(server), Box::new(done));
    };
    view! {
        <form class="flex flex-col gap-3 rounded-card border border-line bg-bg p-3" data-testid="server-form" on:submit=on_submit>
            <h3 class="font-semibold text-strong">{texts.server_new}</h3>
            <Field label=texts.server_name hint=texts.server_name_hint control="server-name">
                <input node_ref=first id="server-name" name="name" class="field" required maxlength="24" pattern="[A-Za-z0-9_\\-]+"
                    autocomplete="off" spellcheck="false" aria-describedby="server-name-hint"/>
            </Field>
            <Kinds is_program/>
            <When when=move || is_program.get() fallback=move || address_fields(texts)>{program_fields(texts)}</When>
            <div class="flex flex-wrap items-center gap-3">
                <button type="submit" class="button button-primary" disabled=move || is_busy.get() data-testid="server-save">
                    {texts.server_save}
                </button>
                <button type="button" class="button button-quiet" data-testid="server-cancel" on:click=move |_| is_open.set(false)>
                    {texts.cancel}
                </button>
                <span role="status" class="min-w-0 break-words text-danger" data-testid="server-status">{move || said.get()}</span>
            </div>
        </form>
    }
    .into_any()
}

#[component]
fn Kinds(is_program: RwSignal<bool>) -> AnyView {
    let texts = ToolsTexts::here();
    let kind = |value: &'static str, means: bool, words: &'static str| {
        view! {
            <label class="flex min-h-6 cursor-pointer items-center gap-2">
                <input type="radio" name="kind" value=value checked=means
                    prop:checked=move || is_program.get() == means on:change=move |_| is_program.set(means)/>
                {words}
            </label>
        }
        .into_any()
    };
    view! {
        <fieldset class="flex flex-wrap gap-x-6 gap-y-1">
            <legend class="mb-1 font-medium text-strong">{texts.server_kind}</legend>
            {kind("program", true, texts.kind_program)}
            {kind("address", false, texts.kind_address)}
        </fieldset>
    }
    .into_any()
}

fn program_fields(texts: &'static ToolsTexts) -> AnyView {
    let area = "field field-sizing-content max-h-60 min-h-16 font-mono";
    view! {
        <p class="flex items-start gap-1.5 text-warn">
            <Icon icon=icondata_lu::LuTriangleAlert/>
            <span class="min-w-0">{texts.program_warning}</span>
        </p>
        <Field label=texts.program hint=texts.program_hint control="server-program">
            <input id="server-program" name="program" class="field font-mono" required maxlength="4096" autocomplete="off"
                spellcheck="false" placeholder="npx" aria-describedby="server-program-hint"/>
        </Field>
        <Field label=texts.arguments hint=texts.arguments_hint control="server-arguments">
            <textarea id="server-arguments" name="arguments" rows="3" class=area spellcheck="false"
                aria-describedby="server-arguments-hint"></textarea>
        </Field>
        <Field label=texts.environment hint=texts.environment_hint control="server-environment">
            <textarea id="server-environment" name="environment" rows="2" class=area spellcheck="false" autocomplete="off"
                placeholder="API_KEY=…" aria-describedby="server-environment-hint"></textarea>
        </Field>
    }
    .into_any()
}

fn address_fields(texts: &'static ToolsTexts) -> AnyView {
    view! {
        <p class="text-muted">{texts.address_warning}</p>
        <Field label=texts.address hint=texts.address_hint control="server-url">
            <input id="server-url" name="url" type="url" class="field" required maxlength="2048" autocomplete="off"
                placeholder="https://tools.example.com/mcp" aria-describedby="server-url-hint"/>
        </Field>
        <Field label=texts.key hint=texts.key_hint control="server-key">
            <input id="server-key" name="key" type="password" class="field" maxlength="4096" autocomplete="off"
                aria-describedby="server-key-hint"/>
        </Field>
    }
    .into_any()
}

/// What the form says, or the line that says nothing.
fn server_of(value: &impl Fn(&str) -> String, is_program: bool) -> Result<McpServer, String> {
    let trimmed = |name: &str| value(name).trim().to_owned();
    let place = if is_program {
        let arguments = lines(&value("arguments")).map(str::to_owned).collect();
        let environment = variables(&value("environment"))?;
        McpPlace::Program { program: trimmed("program"), arguments, environment }
    } else {
        let key = Some(trimmed("key")).filter(|key| !key.is_empty()).map(Secret::new);
        McpPlace::Address { url: trimmed("url"), key }
    };
    Ok(McpServer { name: trimmed("name"), place })
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

/// The number of a line that is no pair is told, its words are not: they may be a key.
fn variables(text: &str) -> Result<Vec<(String, Secret)>, String> {
    let pair = |(number, line): (usize, &str)| match line.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), Secret::new(value.trim())))
        }
        _ => Err((number + 1).to_string()),
    };
    let lines = text.lines().map(str::trim).enumerate();
    lines.filter(|(_, line)| !line.is_empty()).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fields: &[(&str, &str)], is_program: bool, expected: Result<McpPlace, &str>) {
        let value = |name: &str| {
            let found = fields.iter().find(|(it, _)| *it == name);
            found.map(|(_, text)| (*text).to_owned()).unwrap_or_default()
        };
        let found = server_of(&value, is_program).map(|it| it.place);
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn a_line_is_an_argument_or_a_variable() {
        let program = McpPlace::Program {
            program: "npx".to_owned(),
            arguments: vec!["-y".to_owned(), "a folder".to_owned()],
            environment: vec![("KEY".to_owned(), Secret::new("a=b")), ("EMPTY".to_owned(), Secret::new(""))],
        };
        let fields = [
            ("program", " npx "),
            ("arguments", "-y\r\n\n a folder \n"),
            ("environment", "KEY=a=b\n\nEMPTY ="),
        ];
        check(&fields, true, Ok(program));
    }

    #[test]
    fn a_line_that_is_no_variable_is_named_by_its_number() {
        check(&[("environment", "A=1\n\nsecret-without-name")], true, Err("3"));
        check(&[("environment", "=value")], true, Err("1"));
    }

    #[test]
    fn an_address_may_have_a_key() {
        let at = |key: Option<&str>| McpPlace::Address {
            url: "http://nas/mcp".to_owned(),
            key: key.map(Secret::new),
        };
        check(&[("url", " http://nas/mcp "), ("key", " ")], false, Ok(at(None)));
        check(&[("url", "http://nas/mcp"), ("key", "k")], false, Ok(at(Some("k"))));
    }
}
