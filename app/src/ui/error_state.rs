//! What is shown where something could not be.

use leptos::prelude::*;

/// Whose place an [`ErrorState`] takes, which says how high its heading stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A page's: nothing else gives it a heading.
    Page,
    /// A part's of a page that has its heading.
    Part,
}

/// A page or part of one that could not be shown: what happened and the way out.
#[component]
pub(crate) fn ErrorState(
    #[prop(into)] title: String,
    #[prop(into)] hint: String,
    place: Place,
    /// The way out: a button or link.
    children: Children,
) -> impl IntoView {
    const HEADING: &str = "text-lg font-semibold text-strong";
    let heading = match place {
        Place::Page => view! { <h1 class=HEADING>{title}</h1> }.into_any(),
        Place::Part => view! { <h2 class=HEADING>{title}</h2> }.into_any(),
    };
    view! {
        <div class="m-auto flex max-w-96 flex-col items-center gap-2 p-8 text-center" role="alert">
            {heading}
            <p class="text-muted">{hint}</p>
            <div class="mt-2">{children()}</div>
        </div>
    }
}
