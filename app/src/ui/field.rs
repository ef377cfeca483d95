//! Form controls that work before wasm arrives: plain inputs with names.

use leptos::prelude::*;

/// False until scripts run: what is typed into a form that only works with them would be lost before.
pub(crate) fn use_ready() -> RwSignal<bool> {
    let is_ready = RwSignal::new(false);
    Effect::new(move |_| is_ready.set(true));
    is_ready
}

/// A labelled control: label, control, hint.
#[component]
pub(crate) fn Field(
    #[prop(into)] label: String,
    #[prop(optional, into)] hint: Option<String>,
    /// `id` of the control inside.
    #[prop(into)]
    control: String,
    children: Children,
) -> impl IntoView {
    let hint_id = format!("{control}-hint");
    view! {
        <div class="flex flex-col gap-1">
            <label for=control class="font-medium text-strong">{label}</label>
            {children()}
            {hint.map(|hint| view! { <p id=hint_id class="text-xs text-muted">{hint}</p> })}
        </div>
    }
}

/// A number in a range, as a labelled field.
#[component]
pub(crate) fn NumberField(
    /// The form's name for it, and its `id`.
    name: &'static str,
    #[prop(into)] label: String,
    #[prop(into)] hint: String,
    /// Empty where there is no number.
    #[prop(into)]
    value: String,
    min: &'static str,
    max: &'static str,
    #[prop(into)] step: String,
) -> impl IntoView {
    let hint_id = format!("{name}-hint");
    view! {
        <Field label hint control=name>
            <input
                id=name
                name=name
                type="number"
                inputmode="decimal"
                class="field tabular"
                value=value
                min=min
                max=max
                step=step
                aria-describedby=hint_id
            />
        </Field>
    }
}

/// One of a few, as a labelled field. `options` are pairs of value and text.
#[component]
pub(crate) fn SelectField(
    name: &'static str,
    #[prop(into)] label: String,
    #[prop(into)] value: String,
    options: Vec<(String, String)>,
) -> impl IntoView {
    let options = options
        .into_iter()
        .map(|(option, text)| {
            let selected = option == value;
            view! { <option value=option selected=selected>{text}</option> }
        })
        .collect_view();
    view! {
        <Field label control=name>
            <select id=name name=name class="field h-8">{options}</select>
        </Field>
    }
}
