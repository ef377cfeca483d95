//! Settings: theme, language, how answers are made, where the data is.
//!
//! The pattern of every form: plain inputs, one server function, the layer checks and stores, the page is
//! served again. It works with scripting off.

pub(crate) mod api;
#[cfg(feature = "ssr")]
mod form;
mod guards;
mod remotes;

use super::failed::failed_within;
use crate::{
    i18n::{Locale, SettingsTexts},
    page_data::PageData,
    platform,
    ui::field::{Field, NumberField, SelectField},
};
use api::{FormValues, SaveSettings, SettingsView};
use guards::GuardFields;
use leptos::{ev, prelude::*, server_fn::ServerFn};
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;
use remotes::RemoteServers;
use types::settings::Theme;

/// `/settings`.
pub(super) fn page() -> AnyView {
    let settings = PageData::once(api::load_settings);
    let texts = SettingsTexts::here();
    view! {
        <Title text=texts.settings_title/>
        <div class="min-h-0 flex-1 overflow-y-auto">
            <div class="mx-auto flex max-w-2xl flex-col gap-4 px-4 py-6">
                <h1 class="text-xl font-semibold text-strong">{texts.settings_title}</h1>
                <Suspense fallback=SettingsSkeleton>
                    {move || Suspend::new(async move {
                        match settings.get().await {
                            Ok(view) => view! { <SettingsForm view/> }.into_any(),
                            Err(err) => failed_within(&err, None),
                        }
                    })}
                </Suspense>
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn SettingsSkeleton() -> impl IntoView {
    view! {
        <div class="flex flex-col gap-4" aria-hidden="true">
            <div class="card h-40"></div>
            <div class="card h-72"></div>
            <div class="card h-32"></div>
        </div>
    }
}

#[component]
fn SettingsForm(view: SettingsView) -> impl IntoView {
    let texts = SettingsTexts::here();
    let save = ServerAction::<SaveSettings>::new();
    let query = use_query_map();
    // Theme and language are part of the document that only the server writes.
    Effect::new(move |_| {
        if let Some(Ok(())) = save.value().get() {
            platform::load("/settings?saved");
        }
    });
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let values = platform::form_values(&event);
        save.dispatch(SaveSettings { form: FormValues::read(|name| values(&format!("form[{name}]"))) });
    };
    let failure = move || match save.value().get() {
        Some(Err(err)) => Some(err.sentence(texts)),
        _ => None,
    };
    let saved = move || query.read().get_str("saved").is_some() && save.value().read().is_none();
    let SettingsView { form, remotes, may_change_remotes, data_dir, models_dir, version } = view;
    view! {
        <form method="post" action=SaveSettings::url() class="flex flex-col gap-4" data-testid="settings-form" on:submit=on_submit>
            <Appearance theme=form.theme.clone() language=form.language.clone()/>
            <Answers form=form.clone()/>
            <GuardFields form/>
            <div class="sticky bottom-0 flex items-center gap-3 border-t border-line bg-bg py-3">
                <button type="submit" class="button button-primary" disabled=move || save.pending().get()>
                    {texts.settings_save}
                </button>
                <span role="status" data-testid="settings-status">
                    {move || saved().then(|| view! { <span class="text-ok">{texts.settings_saved}</span> })}
                    {move || failure().map(|failure| view! { <span class="text-danger">{failure}</span> })}
                </span>
            </div>
        </form>
        <RemoteServers remotes may_change=may_change_remotes/>
        <section class="card flex flex-col gap-2 p-4">
            <h2 class="text-lg font-semibold text-strong">{texts.settings_data}</h2>
            <Fact label=texts.settings_data_dir value=data_dir/>
            <Fact label=texts.settings_models_dir value=models_dir/>
            <Fact label=texts.settings_version value=version/>
        </section>
    }
}

#[component]
fn Appearance(theme: String, language: String) -> impl IntoView {
    let texts = SettingsTexts::here();
    let themes = [
        (Theme::System, texts.theme_system),
        (Theme::Light, texts.theme_light),
        (Theme::Dark, texts.theme_dark),
    ];
    let themes = themes.map(|(theme, text)| (theme.as_str().to_owned(), text.to_owned())).to_vec();
    let locales = Locale::ALL.map(|locale| (locale.tag().to_owned(), locale.name().to_owned()));
    let languages =
        std::iter::once((String::new(), texts.language_auto.to_owned())).chain(locales).collect::<Vec<_>>();
    view! {
        <section class="card flex flex-col gap-3 p-4">
            <h2 class="text-lg font-semibold text-strong">{texts.settings_appearance}</h2>
            <div class="grid gap-3 sm:grid-cols-2">
                <SelectField name="form[theme]" label=texts.settings_theme value=theme options=themes/>
                <SelectField
                    name="form[language]"
                    label=texts.settings_language
                    value=language
                    options=languages
                />
            </div>
        </section>
    }
}

#[component]
fn Answers(form: FormValues) -> impl IntoView {
    let texts = SettingsTexts::here();
    let titles = [("model", texts.settings_titles_model), ("rule", texts.settings_titles_rule)];
    let titles = titles.map(|(value, text)| (value.to_owned(), text.to_owned())).to_vec();
    view! {
        <section class="card flex flex-col gap-3 p-4">
            <h2 class="text-lg font-semibold text-strong">{texts.settings_answers}</h2>
            <Field label=texts.settings_system_prompt hint=texts.settings_system_prompt_hint control="system-prompt">
                <textarea
                    id="system-prompt"
                    name="form[system_prompt]"
                    class="field min-h-24"
                    rows="4"
                    maxlength=types::settings::MAX_SYSTEM_PROMPT_BYTES
                    aria-describedby="system-prompt-hint"
                >
                    {form.system_prompt}
                </textarea>
            </Field>
            <SelectField name="form[titles]" label=texts.settings_titles value=form.titles options=titles/>
            <NumberField name="form[tool_rounds]" label=texts.settings_tool_rounds hint=texts.settings_tool_rounds_hint
                value=form.tool_rounds min="1" max="50" step="1"/>
            <NumberField name="form[prompt_days]" label=texts.settings_prompt_days hint=texts.settings_prompt_days_hint
                value=form.prompt_days min="0" max="3650" step="1"/>
            <h3 class="font-semibold text-strong">{texts.settings_sampling}</h3>
            <div class="grid gap-3 sm:grid-cols-2">
                <NumberField name="form[temperature]" label=texts.settings_temperature hint=texts.settings_temperature_hint
                    value=form.temperature min="0" max="5" step="any"/>
                <NumberField name="form[top_k]" label=texts.settings_top_k hint=texts.settings_top_k_hint
                    value=form.top_k min="0" max="1000" step="1"/>
                <NumberField name="form[top_p]" label=texts.settings_top_p hint=texts.settings_top_p_hint
                    value=form.top_p min="0" max="1" step="any"/>
                <NumberField name="form[min_p]" label=texts.settings_min_p hint=texts.settings_min_p_hint
                    value=form.min_p min="0" max="1" step="any"/>
                <NumberField name="form[repeat_penalty]" label=texts.settings_repeat_penalty hint=texts.settings_repeat_penalty_hint
                    value=form.repeat_penalty min="0.1" max="3" step="any"/>
                <NumberField name="form[max_tokens]" label=texts.settings_max_tokens hint=texts.settings_max_tokens_hint
                    value=form.max_tokens min="1" max="1000000" step="1"/>
                <NumberField name="form[seed]" label=texts.settings_seed hint=texts.settings_seed_hint
                    value=form.seed min="0" max="4294967295" step="1"/>
            </div>
        </section>
    }
}

#[component]
fn Fact(label: &'static str, #[prop(into)] value: String) -> impl IntoView {
    view! {
        <div class="flex flex-col gap-0.5 sm:flex-row sm:gap-3">
            <span class="w-40 shrink-0 text-muted">{label}</span>
            <code class="min-w-0 font-mono break-all text-strong">{value}</code>
        </div>
    }
}
