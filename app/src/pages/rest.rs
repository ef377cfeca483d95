//! Pages that few visits begin with. Their code is one file, which is fetched with the first of them: split by page, what two of
//! them share would be a file of its own for every pair, and a first visit to a chat would fetch many of those.

use super::{chats::ChatsRoute, saw::SawRoute, settings::SettingsRoute, setup::SetupRoute};
use leptos::prelude::*;

/// One of these pages with its data.
pub(crate) enum Rest {
    Chats(ChatsRoute),
    Saw(SawRoute),
    Settings(SettingsRoute),
    Setup(SetupRoute),
}

/// What the page shows.
#[lazy]
pub(crate) fn rest_view(page: Rest) -> AnyView {
    match page {
        Rest::Chats(page) => page.view(),
        Rest::Saw(page) => page.view(),
        Rest::Settings(page) => page.view(),
        Rest::Setup(page) => page.view(),
    }
}

/// Fetches the code before the page is shown.
#[cfg(target_arch = "wasm32")]
pub(crate) async fn preload_rest() {
    __preload_rest_view().await;
}

/// The route of a page of these.
macro_rules! rest_route {
    ($route:ident, $page:ident) => {
        impl ::leptos_router::LazyRoute for $route {
            fn data() -> Self {
                Self::fetch()
            }

            async fn view(this: Self) -> AnyView {
                $crate::pages::rest::rest_view($crate::pages::rest::Rest::$page(this)).await
            }

            async fn preload() {
                #[cfg(target_arch = "wasm32")]
                $crate::pages::rest::preload_rest().await;
            }
        }
    };
}
pub(crate) use rest_route;
