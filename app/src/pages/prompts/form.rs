//! The variables of a prompt as fields, wherever a prompt is used.

use crate::ui::when::When;
use leptos::{ev, prelude::*};
use std::collections::BTreeMap;
use types::prompt::{NamedPrompt, ValueProblem, Variable, VariableKind, fill};

/// What a person filled in so far, by variable.
pub(super) type Values = RwSignal<BTreeMap<String, String>>;

/// What is said of a wrong value.
#[derive(Clone, Copy)]
pub(crate) struct ValueWords {
    pub(crate) no_number: &'static str,
    pub(crate) no_choice: &'static str,
}

/// What the buttons below the fields say.
#[derive(Clone, Copy)]
pub(crate) struct FormWords {
    pub(crate) insert: &'static str,
    pub(crate) cancel: &'static str,
}

/// Whether every value that was filled in fits its variable.
pub(super) fn are_right(variables: &[Variable], values: &BTreeMap<String, String>) -> bool {
    let fits =
        |variable: &Variable| values.get(&variable.name).is_none_or(|value| variable.check(value).is_ok());
    variables.iter().all(fits)
}

/// The fields of a prompt, inside a form of another purpose. `done` is given the text with what was filled in, or nothing where that
/// was given up.
pub(crate) fn form(
    prompt: NamedPrompt,
    id: &'static str,
    values_said: ValueWords,
    words: FormWords,
    done: Callback<Option<String>>,
) -> AnyView {
    let values: Values = RwSignal::new(BTreeMap::new());
    let prompt = StoredValue::new(prompt);
    let is_right =
        Memo::new(move |_| prompt.with_value(|prompt| are_right(&prompt.variables, &values.read())));
    let insert = move || {
        if is_right.get_untracked() {
            let value = |name: &str| values.with_untracked(|values| values.get(name).cloned());
            done.run(Some(prompt.with_value(|prompt| fill(&prompt.body, &prompt.variables, value))));
        }
    };
    let field = |(n, variable): (usize, &Variable)| {
        let is_line = matches!(variable.kind, VariableKind::Text | VariableKind::Number);
        let field = field(values_said, format!("{id}-{n}"), variable, values);
        // In a line, this key would send the form around.
        let on_key = move |event: ev::KeyboardEvent| {
            if is_line && event.key() == "Enter" && !event.is_composing() {
                event.prevent_default();
                insert();
            }
        };
        view! { <div on:keydown=on_key>{field}</div> }.into_any()
    };
    let fields: Vec<_> = prompt.with_value(|prompt| prompt.variables.iter().enumerate().map(field).collect());
    let on_key = move |event: ev::KeyboardEvent| {
        if event.key() == "Escape" {
            event.stop_propagation();
            done.run(None);
        }
    };
    view! {
        <div class="flex flex-col gap-2" on:keydown=on_key>
            {fields}
            <div class="flex gap-2">
                <button type="button" class="button button-primary" data-testid=format!("{id}-insert") disabled=move || !is_right.get() on:click=move |_| insert()>{words.insert}</button>
                <button type="button" class="button button-quiet" on:click=move |_| done.run(None)>{words.cancel}</button>
            </div>
        </div>
    }
    .into_any()
}

/// One variable: its name, what it is filled in with, and what is wrong with that.
pub(super) fn field(words: ValueWords, id: String, variable: &Variable, values: Values) -> AnyView {
    let hint = format!("{id}-problem");
    let name = variable.name.clone();
    let on_input = {
        let name = name.clone();
        move |event: ev::Event| {
            values.update(|values| _ = values.insert(name.clone(), event_target_value(&event)));
        }
    };
    let problem = {
        let variable = variable.clone();
        move || {
            let problem = values.read().get(&variable.name).and_then(|value| variable.check(value).err())?;
            Some(match problem {
                ValueProblem::NoNumber => words.no_number,
                ValueProblem::NoChoice => words.no_choice,
            })
        }
    };
    let has_problem = Memo::new({
        let problem = problem.clone();
        move |_| problem().is_some()
    });
    let control = control(variable, id.clone(), hint.clone(), has_problem, on_input);
    view! {
        <div class="flex flex-col gap-1">
            <label for=id class="font-medium break-words text-strong">{name}</label>
            {control}
            <When when=has_problem>
                <p id=hint.clone() class="text-xs text-danger" role="alert">{problem.clone()}</p>
            </When>
        </div>
    }
    .into_any()
}

/// What a variable is filled in with. `hint` is the id of what is said about a wrong value.
fn control(
    variable: &Variable,
    id: String,
    hint: String,
    has_problem: Memo<bool>,
    on_input: impl Fn(ev::Event) + Clone + Send + Sync + 'static,
) -> AnyView {
    let Variable { kind, default, choices, .. } = variable.clone();
    let described = move || has_problem.get().then(|| hint.clone());
    let invalid = move || has_problem.get().to_string();
    match kind {
        VariableKind::Text => view! {
            <input id=id type="text" class="field" value=default autocomplete="off" data-testid="prompt-value" on:input=on_input/>
        }
        .into_any(),
        VariableKind::Number => view! {
            <input id=id type="text" inputmode="decimal" class="field tabular sm:w-40" value=default autocomplete="off"
                data-testid="prompt-value" aria-invalid=invalid aria-describedby=described on:input=on_input/>
        }
        .into_any(),
        VariableKind::Multiline => view! {
            <textarea id=id class="field field-sizing-content max-h-80 min-h-20" data-testid="prompt-value" on:input=on_input>{default}</textarea>
        }
        .into_any(),
        VariableKind::Choice => {
            // Without a default, nothing is chosen.
            let none = default.is_empty().then(|| view! { <option value=""></option> });
            let option = |choice: String| {
                let selected = choice == default;
                view! { <option value=choice.clone() selected=selected>{choice.clone()}</option> }.into_any()
            };
            let options: Vec<_> = choices.into_iter().map(option).collect();
            view! {
                <select id=id class="field h-8" data-testid="prompt-value" on:change=on_input>{none}{options}</select>
            }
            .into_any()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::are_right;
    use types::prompt::{Variable, VariableKind};

    #[test]
    fn what_is_filled_in_fits_every_variable_or_is_refused() {
        let mut number = Variable::text("times");
        number.kind = VariableKind::Number;
        let variables = [Variable::text("who"), number];
        let check = |values: &[(&str, &str)], expected| {
            let values =
                values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            assert_eq!(are_right(&variables, &values), expected, "{values:?}");
        };
        check(&[], true);
        check(&[("who", "Ada"), ("times", "3")], true);
        check(&[("who", "Ada"), ("times", "many")], false);
    }
}
