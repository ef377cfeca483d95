//! Pages that few visits begin with. Their code is one file, which is fetched with the first of them: split by page, what two of
//! them share would be a file of its own for every pair, and a first visit to a chat would fetch many of those.
//!
//! What such a page fetches is known only to that file, so that the doors it uses and the types that pass through them are not
//! in the browser's first download either.

use super::{
    chats, compare, discover, documents, models, probabilities, prompts, saw, settings, setup, tools, tree,
};
use crate::lazy_file::{NotFetched, page_of};
use leptos::{prelude::*, wasm_split::wasm_split};
use leptos_router::ChooseView;
use std::sync::Arc;

/// One of these pages, as a route's view.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rest {
    Chats,
    Compare,
    Discover,
    Documents,
    Models,
    Probabilities,
    Prompts,
    Saw,
    Settings,
    Setup,
    Tools,
    Tree,
}

impl ChooseView for Rest {
    async fn choose(self) -> AnyView {
        // The server links the file in the page's head.
        #[cfg(feature = "ssr")]
        leptos::prefetch_lazy_fn_on_server("rest_page");
        page_of(Arc::new(move || Box::pin(rest_page(self)))).await
    }

    async fn preload(&self) {
        // Choosing the page tries again.
        #[cfg(target_arch = "wasm32")]
        let _ = preload_rest_page().await;
    }
}

#[wasm_split(rest_page, wasm_split_path = leptos::wasm_split, preload(preload_rest_page), fallible)]
fn rest_page(page: Rest) -> Result<AnyView, NotFetched> {
    Ok(view_of(page))
}

fn view_of(page: Rest) -> AnyView {
    match page {
        Rest::Chats => chats::page(),
        Rest::Compare => compare::page(),
        Rest::Discover => discover::page(),
        Rest::Documents => documents::page(),
        Rest::Models => models::page(),
        Rest::Probabilities => probabilities::page(),
        Rest::Prompts => prompts::page(),
        Rest::Saw => saw::page(),
        Rest::Settings => settings::page(),
        Rest::Setup => setup::page(),
        Rest::Tools => tools::page(),
        Rest::Tree => tree::page(),
    }
}
