//! Every sampler with a field, and presets that fill the fields: of one chat, or of one answer that is compared.

mod presets;

pub(crate) use presets::Presets;

use crate::ui::{field::use_ready, list::list};
use leptos::{ev, prelude::*};
use types::overrides::KnobView;

/// Names and numbers of samplers as they are written; what is not named is not set.
pub(crate) type Numbers = Vec<(String, String)>;

/// The fields of one form. Copy; lives as long as the form.
#[derive(Clone, Copy)]
pub(crate) struct Panel {
    /// As they stand there now.
    knobs: StoredValue<Vec<KnobView>>,
    /// Filling makes every field anew, also those that were typed into.
    round: RwSignal<u64>,
    presets: Presets,
    /// Told what the fields say whenever that changes.
    changed: Option<Callback<Numbers>>,
}

impl Panel {
    pub(crate) fn new(knobs: Vec<KnobView>, presets: Presets, changed: Option<Callback<Numbers>>) -> Self {
        Self { knobs: StoredValue::new(knobs), round: RwSignal::new(0), presets, changed }
    }

    /// What the fields say.
    fn numbers(self) -> Numbers {
        let said = |knob: &KnobView| {
            (!knob.value.trim().is_empty()).then(|| (knob.name.clone(), knob.value.clone()))
        };
        self.knobs.with_value(|knobs| knobs.iter().filter_map(said).collect())
    }

    fn set(self, name: &str, value: String) {
        self.knobs.update_value(|knobs| {
            knobs.iter_mut().filter(|knob| knob.name == name).for_each(|knob| knob.value.clone_from(&value));
        });
        self.tell();
    }

    fn fill(self, numbers: &[(String, String)]) {
        self.knobs.update_value(|knobs| put(knobs, numbers));
        self.round.update(|round| *round += 1);
        self.tell();
    }

    fn tell(self) {
        if let Some(changed) = self.changed {
            changed.run(self.numbers());
        }
    }
}

/// Sets these and no others.
pub(crate) fn put(knobs: &mut [KnobView], numbers: &[(String, String)]) {
    for knob in knobs {
        let number = numbers.iter().find(|(name, _)| *name == knob.name);
        knob.value = number.map(|(_, value)| value.clone()).unwrap_or_default();
    }
}

/// The presets, and a field for each sampler.
pub(crate) fn panel(panel: Panel) -> AnyView {
    let is_ready = use_ready();
    let fields = list(
        move || {
            let round = panel.round.get();
            panel.knobs.get_value().into_iter().map(|knob| (round, knob)).collect()
        },
        |(round, knob)| (*round, knob.name.clone()),
        move |(_, knob)| knob_field(panel, knob),
    );
    view! {
        <fieldset class="flex min-w-0 flex-col gap-3" disabled=move || !is_ready.get() data-testid="samplers">
            {presets::row(panel)}
            <div class="grid grid-cols-[repeat(auto-fill,minmax(8rem,1fr))] gap-3">{fields}</div>
        </fieldset>
    }
    .into_any()
}

fn knob_field(panel: Panel, knob: KnobView) -> AnyView {
    let KnobView { name, value, usual, is_list } = knob;
    let mode = if is_list { "text" } else { "decimal" };
    let on_input = {
        let name = name.clone();
        move |event: ev::Event| panel.set(&name, event_target_value(&event))
    };
    view! {
        <label class="flex min-w-0 flex-col gap-1 text-xs text-muted" class:col-span-full=is_list>
            <code class="truncate font-mono">{name.clone()}</code>
            <input name=name inputmode=mode class="field tabular" value=value placeholder=usual autocomplete="off" on:input=on_input/>
        </label>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::put;
    use types::overrides::KnobView;

    #[test]
    fn filling_sets_what_is_named_and_nothing_else() {
        let knob = |name: &str, value: &str| KnobView {
            name: name.to_owned(),
            value: value.to_owned(),
            usual: "1".to_owned(),
            is_list: false,
        };
        let mut knobs = [knob("temperature", "0.5"), knob("top_k", "40")];
        put(
            &mut knobs,
            &[("temperature".to_owned(), "1.25".to_owned()), ("heat".to_owned(), "9".to_owned())],
        );
        assert_eq!(knobs, [knob("temperature", "1.25"), knob("top_k", "")]);
    }
}
