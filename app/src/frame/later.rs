//! What is behind the frame's buttons is fetched when one of them is used: one file with all of it, since what two files share
//! would be a third.

use super::{jobs, launch_panel, model_picker, palette, shortcuts};
use leptos::prelude::*;
use types::model::ModelStatus;

/// What is behind a button.
#[derive(Clone, Copy)]
pub(super) enum Behind {
    Jobs,
    Launch,
    /// The models to choose from, the chosen one first.
    Models(Memo<ModelStatus>),
    Palette,
    Shortcuts,
}

/// Shows it once the code has arrived, which a first visit does not wait for.
#[component]
pub(super) fn Later(behind: Behind) -> AnyView {
    view! { <Suspense>{move || Suspend::new(behind_button(behind))}</Suspense> }.into_any()
}

#[lazy]
fn behind_button(behind: Behind) -> AnyView {
    match behind {
        Behind::Jobs => jobs::list(),
        Behind::Launch => launch_panel::panel(),
        Behind::Models(status) => model_picker::list(status),
        Behind::Palette => palette::body(),
        Behind::Shortcuts => shortcuts::list(),
    }
}
