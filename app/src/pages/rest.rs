//! Pages that few visits begin with. Their code is one file, which is fetched with the first of them: split by page, what two of
//! them share would be a file of its own for every pair, and a first visit to a chat would fetch many of those.
//!
//! What such a page fetches is known only to that file, so that the doors it uses and the types that pass through them are not
//! in the browser's first download either.

use super::{chats, compare, documents, prompts, saw, settings, setup, tools, tree};
use leptos::prelude::*;
use leptos_router::ChooseView;

/// One of these pages, as a route's view.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rest {
    Chats,
    Compare,
    Documents,
    Prompts,
    Saw,
    Settings,
    Setup,
    Tools,
    Tree,
}

impl ChooseView for Rest {
    async fn choose(self) -> AnyView {
        rest_page(self).await
    }

    async fn preload(&self) {
        #[cfg(target_arch = "wasm32")]
        __preload_rest_page().await;
    }
}

#[lazy]
fn rest_page(page: Rest) -> AnyView {
    match page {
        Rest::Chats => chats::page(),
        Rest::Compare => compare::page(),
        Rest::Documents => documents::page(),
        Rest::Prompts => prompts::page(),
        Rest::Saw => saw::page(),
        Rest::Settings => settings::page(),
        Rest::Setup => setup::page(),
        Rest::Tools => tools::page(),
        Rest::Tree => tree::page(),
    }
}
