//! A choice in a plain form of filters, named by what it chooses.

use leptos::prelude::*;

/// One of several. `any` is the text for none of them, where that may be; it names the control, else `label` does.
pub(crate) fn choice(
    name: &'static str,
    label: &'static str,
    any: Option<&'static str>,
    chosen: Option<&str>,
    options: Vec<(String, String)>,
) -> AnyView {
    let is_any = chosen.is_none();
    let options: Vec<_> = options
        .into_iter()
        .map(|(value, text)| {
            let selected = chosen == Some(value.as_str());
            view! { <option value=value selected=selected>{text}</option> }.into_any()
        })
        .collect();
    view! {
        <select name=name class="field h-8 sm:w-36" aria-label=label data-testid=format!("filter-{name}")>
            {any.map(|text| view! { <option value="" selected=is_any>{text}</option> })}
            {options}
        </select>
    }
    .into_any()
}
