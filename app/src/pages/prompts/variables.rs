//! What the variables of a text are: the part of the editor that describes them.

use super::editor::Edit;
use crate::ui::{list::list, when::When};
use leptos::{ev, prelude::*};
use types::prompt::{Variable, VariableKind, variable_names};

/// A row for each variable that the text has now.
#[component]
pub(super) fn VariableRows(edit: Edit) -> AnyView {
    let texts = edit.library.texts;
    let names = Memo::new(move |_| {
        edit.draft
            .with(|draft| variable_names(&draft.body).into_iter().map(str::to_owned).collect::<Vec<_>>())
    });
    view! {
        <section class="flex flex-col gap-2" aria-label=texts.variables>
            <h3 class="font-semibold text-strong">{texts.variables}</h3>
            <When when=move || names.read().is_empty()>
                <p class="text-xs text-muted">{texts.variables_none}</p>
            </When>
            {list(move || names.get(), |name| name.clone(), move |name| view! { <VariableRow edit name/> }.into_any())}
        </section>
    }
    .into_any()
}

#[component]
fn VariableRow(edit: Edit, name: String) -> AnyView {
    let texts = edit.library.texts;
    let id = |part: &str| format!("variable-{name}-{part}");
    let (kind_id, default_id, choices_id) = (id("kind"), id("default"), id("choices"));
    let described = edit.draft.with_untracked(|draft| describe(&draft.variables, &name));
    let of = StoredValue::new(name.clone());
    let kind = Memo::new(move |_| {
        edit.draft.with(|draft| of.with_value(|name| describe(&draft.variables, name).kind))
    });
    let change = move |set: Box<dyn FnOnce(&mut Variable)>| {
        edit.change(|draft| of.with_value(|name| describe_as(&mut draft.variables, name, set)));
    };
    let on_kind = move |event: ev::Event| {
        let kind = VariableKind::named(&event_target_value(&event)).unwrap_or_default();
        change(Box::new(move |variable| variable.kind = kind));
    };
    let on_default = move |event: ev::Event| {
        let default = event_target_value(&event);
        change(Box::new(move |variable| variable.default = default));
    };
    let on_choices = move |event: ev::Event| {
        let choices = event_target_value(&event).lines().map(str::to_owned).collect();
        change(Box::new(move |variable| variable.choices = choices));
    };
    let words = |kind| match kind {
        VariableKind::Text => texts.kind_text,
        VariableKind::Multiline => texts.kind_multiline,
        VariableKind::Number => texts.kind_number,
        VariableKind::Choice => texts.kind_choice,
    };
    let option = |kind: VariableKind| {
        let selected = kind == described.kind;
        view! { <option value=kind.as_str() selected=selected>{words(kind)}</option> }.into_any()
    };
    let options: Vec<_> = VariableKind::ALL.into_iter().map(option).collect();
    let choices = described.choices.join("\n");
    view! {
        <div class="card flex flex-col gap-2 p-3" data-testid="prompt-variable">
            <code class="font-mono break-all text-strong">{format!("{{{{{name}}}}}")}</code>
            <div class="grid gap-2 sm:grid-cols-2">
                <div class="flex flex-col gap-1">
                    <label for=kind_id.clone() class="text-xs text-muted">{texts.kind}</label>
                    <select id=kind_id class="field h-8" data-testid="variable-kind" on:change=on_kind>{options}</select>
                </div>
                <div class="flex flex-col gap-1">
                    <label for=default_id.clone() class="text-xs text-muted">{texts.default}</label>
                    <textarea id=default_id rows="1" class="field field-sizing-content max-h-40 min-h-8" data-testid="variable-default" on:input=on_default>
                        {described.default}
                    </textarea>
                </div>
            </div>
            <When when=move || kind.get() == VariableKind::Choice>
                <div class="flex flex-col gap-1">
                    <label for=choices_id.clone() class="text-xs text-muted">{texts.choices}</label>
                    <textarea id=choices_id.clone() rows="3" class="field field-sizing-content max-h-60 min-h-16" data-testid="variable-choices" on:input=on_choices>
                        {choices.clone()}
                    </textarea>
                </div>
            </When>
        </div>
    }
    .into_any()
}

fn describe(variables: &[Variable], name: &str) -> Variable {
    variables.iter().find(|variable| variable.name == name).cloned().unwrap_or_else(|| Variable::text(name))
}

/// Changes what describes `name`, which may not be described yet.
fn describe_as(variables: &mut Vec<Variable>, name: &str, set: Box<dyn FnOnce(&mut Variable)>) {
    match variables.iter_mut().find(|variable| variable.name == name) {
        Some(variable) => set(variable),
        None => {
            let mut variable = Variable::text(name);
            set(&mut variable);
            variables.push(variable);
        }
    }
}
