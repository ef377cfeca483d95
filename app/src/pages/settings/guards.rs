//! When answers are ended because they have gone wrong.

use super::api::FormValues;
use crate::{
    i18n::SettingsTexts,
    ui::field::{NumberField, SelectField},
};
use leptos::prelude::*;

/// A field for every threshold; an empty one switches its guard off.
#[component]
pub(super) fn GuardFields(form: FormValues) -> impl IntoView {
    let texts = SettingsTexts::here();
    let heat = [("on", texts.guard_on), ("off", texts.guard_off)];
    let heat = heat.map(|(value, text)| (value.to_owned(), text.to_owned())).to_vec();
    view! {
        <section class="card flex flex-col gap-3 p-4" data-testid="guards">
            <h2 class="text-lg font-semibold text-strong">{texts.guards_title}</h2>
            <p class="text-muted">{texts.guards_hint}</p>
            <div class="grid gap-3 sm:grid-cols-2">
                <NumberField name="form[guard_chars]" label=texts.guard_chars hint=texts.guard_chars_hint
                    value=form.guard_chars min="1" max="1000" step="1"/>
                <NumberField name="form[guard_lines]" label=texts.guard_lines hint=texts.guard_lines_hint
                    value=form.guard_lines min="2" max="1000" step="1"/>
                <NumberField name="form[guard_passages]" label=texts.guard_passages hint=texts.guard_passages_hint
                    value=form.guard_passages min="2" max="20" step="1"/>
                <NumberField name="form[guard_doubt]" label=texts.guard_doubt hint=texts.guard_doubt_hint
                    value=form.guard_doubt min="2" max="10000" step="1"/>
                <NumberField name="form[guard_tokens]" label=texts.guard_tokens hint=texts.guard_tokens_hint
                    value=form.guard_tokens min="0" max="1000" step="any"/>
                <NumberField name="form[guard_start_mb]" label=texts.guard_start_mb hint=texts.guard_start_mb_hint
                    value=form.guard_start_mb min="0" max="1000000000" step="1"/>
                <NumberField name="form[guard_start_percent]" label=texts.guard_start_percent hint=texts.guard_start_percent_hint
                    value=form.guard_start_percent min="0" max="100" step="any"/>
                <NumberField name="form[guard_warn_mb]" label=texts.guard_warn_mb hint=texts.guard_warn_mb_hint
                    value=form.guard_warn_mb min="0" max="1000000000" step="1"/>
                <NumberField name="form[guard_warn_percent]" label=texts.guard_warn_percent hint=texts.guard_warn_percent_hint
                    value=form.guard_warn_percent min="0" max="100" step="any"/>
                <SelectField name="form[guard_heat]" label=texts.guard_heat value=form.guard_heat options=heat/>
                <NumberField name="form[guard_celsius]" label=texts.guard_celsius hint=texts.guard_celsius_hint
                    value=form.guard_celsius min="30" max="150" step="any"/>
            </div>
        </section>
    }
}
