//! How one chat is set up: what models are told first in it, and how answers are sampled, apart from what is set for all.

pub(crate) mod api;
pub(crate) mod panel;
mod system;

use super::failed::{Gone, failed};
use crate::{
    error::AppError,
    frame::{title_or, use_sessions},
    i18n::SettingsTexts,
    page_data::PageData,
    pages::chat::{api::act_on_session, draft},
    platform,
};
use leptos::{ev, prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::{components::A, hooks::use_params_map};
use panel::{Panel, Presets, panel};
use system::system_field;
use types::{
    chat::{Act, History},
    constraint::MAX_CONSTRAINT_BYTES,
    ids::SessionId,
    overrides::{KnobView, SetUp, Setup},
};

/// In the address, in the place of the id of a chat that has not begun.
const NEW: &str = "new";

/// `/chat/{id}/setup`.
pub(super) fn page() -> AnyView {
    let params = use_params_map();
    let address = Memo::new(move |_| params.read().get("id"));
    let session = Memo::new(move |_| chat_at(&address.get()?).ok());
    let setup = PageData::of(move || address.get(), fetch);
    let texts = SettingsTexts::here();
    view! {
        <Title text=texts.setup_title/>
        <div class="min-h-0 flex-1 overflow-y-auto">
            <div class="mx-auto flex max-w-2xl flex-col gap-4 px-4 py-6">
                <Suspense>
                    {move || Suspend::new(async move { shown(session.get_untracked(), setup.get().await) })}
                </Suspense>
            </div>
        </div>
    }
    .into_any()
}

async fn fetch(address: Option<String>) -> Result<Setup, AppError> {
    api::load_setup(chat_at(&address.unwrap_or_default())?).await
}

/// None is one that has not begun.
fn chat_at(address: &str) -> Result<Option<SessionId>, AppError> {
    match address {
        NEW => Ok(None),
        id => id.parse().map(Some).map_err(|_| AppError::NotFound),
    }
}

fn shown(session: Option<Option<SessionId>>, setup: Result<Setup, AppError>) -> AnyView {
    let texts = SettingsTexts::here();
    match (session, setup) {
        (Some(session), Ok(setup)) => view! { <SetupForm session setup/> }.into_any(),
        (_, setup) => {
            let err = setup.err().unwrap_or(AppError::NotFound);
            let (title, hint) = (texts.chat_gone_title, texts.chat_gone_hint);
            failed(&err, Some(Gone { title, hint, href: "/chats", label: texts.chats_all }))
        }
    }
}

const SCHEMA_EXAMPLE: &str = r#"{"type": "object", "properties": {"title": {"type": "string"}, "year": {"type": "integer"}}, "required": ["title", "year"]}"#;

#[component]
fn SetupForm(session: Option<SessionId>, setup: Setup) -> AnyView {
    let texts = SettingsTexts::here();
    let go = use_sessions().go;
    let title = title_or(&setup.title, texts.session_untitled);
    let samplers = Panel::new(setup.knobs.clone(), Presets::of_page(), None);
    let knobs = StoredValue::new(setup.knobs);
    let problem = RwSignal::new(None::<String>);
    let back = session.map_or_else(|| "/chat".to_owned(), |session| format!("/chat/{session}"));
    let save = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let act = knobs.with_value(|knobs| act_of(platform::form_values(&event), knobs));
        spawn_local(async move {
            match act_on_session(session.unwrap_or_default(), act).await {
                Ok(begun) => {
                    // What was being written goes along.
                    begun.into_iter().for_each(draft::begin);
                    let chat = begun.or(session).map_or_else(String::new, |chat| chat.to_string());
                    go.run(format!("/chat/{chat}"));
                }
                Err(err) => problem.set(Some(err.sentence(texts))),
            }
        });
    };
    view! {
        <form class="flex flex-col gap-4" data-testid="setup-form" on:submit=save>
            <div class="flex flex-wrap items-center justify-between gap-2">
                <h1 class="min-w-0 truncate text-xl font-semibold text-strong">{texts.setup_title} ": " {title}</h1>
                <A href=back attr:class="button button-quiet">{texts.saw_back}</A>
            </div>
            {system_field(setup.system_prompt.unwrap_or_default(), setup.usual_system_prompt)}
            <section class="card flex flex-col gap-2 p-4">
                <label for="setup-schema" class="font-medium text-strong">{texts.setup_schema}</label>
                <textarea id="setup-schema" name="answer_schema" rows="4" class="field min-h-24 font-mono text-sm" maxlength=MAX_CONSTRAINT_BYTES
                    spellcheck="false" placeholder=SCHEMA_EXAMPLE aria-describedby="setup-schema-hint" data-testid="setup-schema">{setup.answer_schema.unwrap_or_default()}</textarea>
                <p id="setup-schema-hint" class="text-xs text-muted">{texts.setup_schema_hint}</p>
            </section>
            <section class="card flex flex-col gap-2 p-4">
                <label class="flex items-center gap-2 font-medium text-strong">
                    <input type="checkbox" name="keeps_probabilities" value="on" class="shrink-0 accent-accent" checked=setup.keeps_probabilities
                        aria-describedby="setup-probabilities-hint" data-testid="setup-probabilities"/>
                    {texts.setup_probabilities}
                </label>
                <p id="setup-probabilities-hint" class="text-xs text-muted">{texts.setup_probabilities_hint}</p>
            </section>
            {history_field(setup.history)}
            <section class="card flex flex-col gap-3 p-4">
                <h2 class="text-lg font-semibold text-strong">{texts.settings_sampling}</h2>
                {panel(samplers)}
            </section>
            <div class="sticky bottom-0 flex items-center gap-3 border-t border-line bg-bg py-3">
                <button type="submit" class="button button-primary">{texts.settings_save}</button>
                <span role="status" class="text-danger" data-testid="setup-problem">{move || problem.get()}</span>
            </div>
        </form>
    }
    .into_any()
}

/// What becomes of a conversation that no longer fits the model.
fn history_field(chosen: History) -> AnyView {
    let texts = SettingsTexts::here();
    let ways = [
        (History::Stop, texts.setup_history_stop),
        (History::TrimOldest, texts.setup_history_trim),
        (History::Summarise, texts.setup_history_summarise),
    ];
    let option = |(way, words): (History, &'static str)| {
        view! { <option value=way.name().unwrap_or_default() selected=way == chosen>{words}</option> }
            .into_any()
    };
    view! {
        <section class="card flex flex-col gap-2 p-4">
            <label for="setup-history" class="font-medium text-strong">{texts.setup_history}</label>
            <select id="setup-history" name="history" class="field" aria-describedby="setup-history-hint" data-testid="setup-history">
                {ways.map(option).into_iter().collect::<Vec<_>>()}
            </select>
            <p id="setup-history-hint" class="text-xs text-muted">{texts.setup_history_hint}</p>
        </section>
    }
    .into_any()
}

/// What the fields say.
fn act_of(field: impl Fn(&str) -> String, knobs: &[KnobView]) -> Act {
    let numbers = knobs.iter().map(|knob| (knob.name.clone(), field(&knob.name))).collect();
    let system_prompt = Some(field("system_prompt")).filter(|it| !it.trim().is_empty());
    let answer_schema = Some(field("answer_schema")).filter(|it| !it.trim().is_empty());
    let keeps_probabilities = !field("keeps_probabilities").is_empty();
    let history = History::named(&field("history"));
    Act::SetUp(SetUp { system_prompt, numbers, answer_schema, keeps_probabilities, history })
}
