//! Files of code that a page fetches when it needs them. The server may be away just then: a file that could not be fetched is
//! tried again until it is there, and the application lives on meanwhile. A server of another build never has it: the page is
//! loaded anew then, at the address that it shows or was to show.

use crate::{
    i18n::use_texts,
    live::{Connection, Live},
    platform,
};
use leptos::{__reexports::send_wrapper::SendWrapper, prelude::*, wasm_split::SplitLoaderError};
use std::{pin::Pin, sync::Arc};

/// Milliseconds until the first further try; each pause is twice as long as the one before.
const FIRST_PAUSE_MS: u32 = 500;
const LONGEST_PAUSE_MS: u32 = 8_000;

/// The file could not be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotFetched;

impl From<SplitLoaderError> for NotFetched {
    fn from(_: SplitLoaderError) -> Self {
        Self
    }
}

/// A view that comes later.
pub(crate) type Coming = Pin<Box<dyn Future<Output = AnyView> + Send>>;

/// Fetches a page's file, and shows the page.
pub(crate) type Fetch =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<AnyView, NotFetched>> + Send>> + Send + Sync>;

/// The page, or what stands in its place until its file is there. What was shown before is gone by then: whoever waited with it
/// would use what does not live any more.
pub(crate) async fn page_of(fetch: Fetch) -> AnyView {
    match fetch().await {
        Ok(view) => view,
        Err(NotFetched) => in_its_place(fetch),
    }
}

fn in_its_place(fetch: Fetch) -> AnyView {
    coming(use_texts().connection_lost_hint, Box::new(move || Box::pin(fetched(fetch.clone()))))
}

/// Shows the words until the view is there. One for all that comes late, for the sake of the browser's download.
pub(crate) fn coming(words: &'static str, view: Box<dyn Fn() -> Coming + Send + Sync>) -> AnyView {
    let note = move || {
        (!words.is_empty()).then(|| {
            view! { <p class="m-auto max-w-md px-6 text-center text-muted" role="status" data-testid="not-fetched">{words}</p> }
        })
    };
    view! { <Suspense fallback=note>{move || Suspend::new(view())}</Suspense> }.into_any()
}

async fn fetched(fetch: Fetch) -> AnyView {
    let mut pauses = Pauses::new();
    loop {
        pauses.pass().await;
        if let Ok(view) = fetch().await {
            return view;
        }
    }
}

/// The pauses between tries.
pub(crate) struct Pauses(u32);

impl Pauses {
    /// None has passed.
    pub(crate) fn new() -> Self {
        Self(FIRST_PAUSE_MS)
    }

    /// Lets the next one pass. A page of another build than the server's, which would wait for ever, is loaded anew then.
    pub(crate) async fn pass(&mut self) {
        SendWrapper::new(platform::sleep(self.0)).await;
        self.0 = (self.0 * 2).min(LONGEST_PAUSE_MS);
        // Texts are fetched before there is a connection. Where no server answers any more, there would be no page.
        let connection = use_context::<Live>().and_then(|live| live.connection.try_get_untracked());
        let may_be_outdated = matches!(connection, None | Some(Connection::Outdated));
        if may_be_outdated && SendWrapper::new(platform::is_of_another_build()).await {
            platform::reload();
        }
    }
}
