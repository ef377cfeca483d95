//! What is behind buttons is fetched when one of them is used: one file with all of it, since what two files share would be a
//! third.

use super::{jobs, launch_panel, model_picker, palette, shortcuts};
use crate::pages::chat::{calls, collections, named, sources, thread_store::Block, tools};
use leptos::prelude::*;
use types::{ids::MessageId, model::ModelStatus};

/// What is behind a button.
#[derive(Clone)]
pub(crate) enum Behind {
    /// The call of a tool that is this block of an answer.
    Call(ArcRwSignal<Vec<Block>>, usize),
    /// The collections that the answers of a chat may look into.
    Collections,
    Jobs,
    Launch,
    /// What a word in the message box may stand for.
    Named,
    /// The models to choose from, the chosen one first.
    Models(Memo<ModelStatus>),
    Palette,
    Shortcuts,
    /// What an answer was given to read.
    Sources(MessageId),
    /// The tools that the answers of a chat may call.
    Tools,
}

/// Shows it once the code has arrived, which a first visit does not wait for.
#[component]
pub(crate) fn Later(behind: Behind) -> AnyView {
    view! { <Suspense>{move || Suspend::new(behind_button(behind.clone()))}</Suspense> }.into_any()
}

#[lazy]
async fn behind_button(behind: Behind) -> AnyView {
    match behind {
        Behind::Call(blocks, idx) => calls::card(blocks, idx),
        Behind::Collections => collections::choices().await,
        Behind::Jobs => jobs::list(),
        Behind::Launch => launch_panel::panel(),
        Behind::Named => named::list(),
        Behind::Models(status) => model_picker::list(status),
        Behind::Palette => palette::body(),
        Behind::Shortcuts => shortcuts::list(),
        Behind::Sources(message) => sources::of(message).await,
        Behind::Tools => tools::choices().await,
    }
}
