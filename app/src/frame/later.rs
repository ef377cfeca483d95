//! What is behind buttons is fetched when one of them is used: one file with all of it, since what two files share would be a
//! third.

use super::{drawer, jobs, launch_panel, model_picker, palette, shortcuts, title_editor};
use crate::pages::chat::{
    attachments::{self, Attachments},
    calls, collections, context_bar, editor, model_before, more, named, papers, previews, sources,
    thread_store::{Block, Pace},
    tools, usage, variants,
};
use crate::{
    lazy_file::{Coming, NotFetched, Pauses, coming},
    ui::{focus, when::When},
};
use leptos::{__reexports::send_wrapper::SendWrapper, html::Textarea, prelude::*, wasm_split::wasm_split};
use types::{
    chat::{MessageView, SessionSummary},
    guard::Guard,
    ids::MessageId,
    model::ModelStatus,
};

/// What is behind a button.
#[derive(Clone)]
pub(crate) enum Behind {
    /// The call of a tool that is this block of an answer.
    Call(ArcRwSignal<Vec<Block>>, usize),
    /// The collections that the answers of a chat may look into.
    Collections,
    /// How full the context is with what is written there.
    Context(NodeRef<Textarea>),
    /// What a phone's sidebar does while it is open.
    Drawer,
    /// A message that is written anew, as long as it is.
    Editor(ArcRwSignal<MessageView>, RwSignal<bool>),
    /// Why an answer failed.
    Failed(ArcRwSignal<MessageView>),
    /// The images that go with the message that is being written.
    Images(Box<Attachments>),
    /// What ended an answer that went wrong.
    Guarded(MessageId, Guard),
    Jobs,
    Launch,
    /// What a word in the message box may stand for.
    Named,
    /// The models to choose from, the chosen one first.
    Models(Memo<ModelStatus>),
    /// The model that answered in a chat last, where that is not the chosen one.
    ModelBefore,
    /// What else can be done with a message.
    More(MessageId),
    Palette,
    /// The documents that go with the message that is being written.
    Papers,
    /// What a citation is of, beside it.
    Previews,
    Shortcuts,
    /// What an answer was given to read.
    Sources(MessageId),
    /// The title of a chat, to be edited.
    Title(Memo<SessionSummary>),
    /// The tools that the answers of a chat may call.
    Tools,
    /// What an answer cost.
    Usage(ArcRwSignal<MessageView>),
    /// Which of a message's variants is shown.
    Variants(ArcRwSignal<MessageView>),
    /// What a person should know about the machine while an answer is written. It brings what is shown of the answer once it has
    /// ended, as long as the server answers.
    Warned(ArcRwSignal<Pace>),
}

/// Shows it once the page lives and the code has arrived, which a first visit does not wait for. With `when`, the code is fetched
/// once that holds.
#[component]
pub(crate) fn Later(behind: Behind, #[prop(optional, into)] when: Option<Signal<bool>>) -> AnyView {
    let lives = RwSignal::new(false);
    Effect::new(move |_| lives.set(true));
    view! {
        <When when=move || lives.get() && when.is_none_or(|when| when.get())>
            {
                let behind = behind.clone();
                coming("", Box::new(move || Box::pin(arrive(behind.clone()))))
            }
        </When>
    }
    .into_any()
}

async fn arrive(behind: Behind) -> AnyView {
    let mut pauses = Pauses::new();
    loop {
        match behind_button(behind.clone()).await {
            Ok(view) => return view.await,
            Err(NotFetched) => pauses.pass().await,
        }
    }
}

#[wasm_split(behind_button, wasm_split_path = leptos::wasm_split, fallible)]
fn behind_button(behind: Behind) -> Result<Coming, NotFetched> {
    Ok(Box::pin(SendWrapper::new(what_is(behind))))
}

async fn what_is(behind: Behind) -> AnyView {
    match behind {
        Behind::Call(blocks, idx) => calls::card(blocks, idx),
        Behind::Collections => focus::panel(collections::choices().await),
        Behind::Context(area) => context_bar::bar(area),
        Behind::Drawer => drawer::keep(),
        Behind::Editor(view, editing) => editor::editor(view, editing),
        Behind::Failed(view) => more::failed(view),
        Behind::Images(attached) => attachments::images(*attached),
        Behind::Guarded(message, guard) => more::guarded(message, guard),
        Behind::Jobs => focus::panel(jobs::list()),
        Behind::Launch => launch_panel::panel(),
        Behind::Named => named::list(),
        Behind::Models(status) => focus::panel(model_picker::list(status)),
        Behind::ModelBefore => model_before::offer(),
        Behind::More(message) => more::more(message),
        Behind::Palette => palette::body(),
        Behind::Papers => papers::chips(),
        Behind::Previews => previews::previews(),
        Behind::Shortcuts => shortcuts::list(),
        Behind::Sources(message) => sources::of(message).await,
        Behind::Title(row) => title_editor::editor(row),
        Behind::Tools => focus::panel(tools::choices().await),
        Behind::Usage(view) => usage::line(view),
        Behind::Variants(view) => variants::pager(view),
        Behind::Warned(pace) => more::warned(pace),
    }
}
