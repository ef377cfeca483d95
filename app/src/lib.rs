//! The web app: components, pages and the server functions behind them.
//!
//! Compiled twice: with `hydrate` for the browser, with `ssr` into the server. Server functions are doors:
//! they find out who asks, call one layer and map the error; no rule of the product lives here.

#![recursion_limit = "256"]
#![allow(unreachable_pub, reason = "the component macro turns every component into a pub item")]

#[cfg(not(erase_components))]
compile_error!("RUSTFLAGS hides .cargo/config.toml: add `--cfg erase_components` to it, or unset it");

pub mod error;
#[cfg(feature = "ssr")]
mod error_mapping;
mod format;
mod frame;
mod i18n;
mod lazy_file;
mod live;
mod page_data;
mod pages;
#[cfg(target_arch = "wasm32")]
#[path = "platform/browser.rs"]
mod platform;
#[cfg(not(target_arch = "wasm32"))]
#[path = "platform/server.rs"]
mod platform;
#[cfg(feature = "ssr")]
mod reasons;
mod replies;
#[cfg(feature = "ssr")]
mod shell;
#[cfg(feature = "ssr")]
mod ssr;
mod ui;

#[cfg(feature = "ssr")]
pub use reasons::for_reader;
#[cfg(all(feature = "ssr", debug_assertions))]
pub use shell::gallery;
#[cfg(feature = "ssr")]
pub use shell::{CALLS_OF_BUILD, SiteFiles, SplitFiles, shell};
#[cfg(feature = "ssr")]
pub use ssr::is_administrator;

use frame::Frame;
use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    Lazy, SsrMode,
    components::{Redirect, Route, Router, Routes},
    path,
};
use pages::{chat::ChatRoute, not_found::NotFoundPage, rest::Rest};

/// Takes over the page that the server rendered.
#[cfg(target_arch = "wasm32")]
pub fn hydrate() {
    platform::say_build();
    let hydrated = live::Hydrated::default();
    wasm_bindgen_futures::spawn_local(async move {
        let Some(body) = document().body() else { return };
        i18n::load_texts(platform::page_locale()).await;
        let context = hydrated.clone();
        let app = move || {
            provide_context(context);
            App()
        };
        leptos::mount::hydrate_from_async(body, app).await.forget();
        hydrated.tell();
    });
}

/// The whole application below `<body>`.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let locale = platform::page_locale();
    provide_context(locale);
    let texts = locale.texts();
    ui::toast::provide_toasts();
    live::provide_live();

    view! {
        <Title
            text=texts.app_name
            formatter=move |title: String| {
                if title == texts.app_name { title } else { format!("{title} · {}", texts.app_name) }
            }
        />
        <Router>
            <Frame>
                <Routes fallback=|| view! { <NotFoundPage/> }>
                    <Route path=path!("/") view=|| view! { <Redirect path="/chat"/> } ssr=SsrMode::Async/>
                    <Route path=path!("/chat/:id?") view={Lazy::<ChatRoute>::new()} ssr=SsrMode::Async/>
                    <Route path=path!("/chat/:id/saw/:message") view=Rest::Saw ssr=SsrMode::Async/>
                    <Route path=path!("/chat/:id/probabilities/:message") view=Rest::Probabilities ssr=SsrMode::Async/>
                    <Route path=path!("/chat/:id/setup") view=Rest::Setup ssr=SsrMode::Async/>
                    <Route path=path!("/chat/:id/tree") view=Rest::Tree ssr=SsrMode::Async/>
                    <Route path=path!("/chats") view=Rest::Chats ssr=SsrMode::Async/>
                    <Route path=path!("/compare/:id?") view=Rest::Compare ssr=SsrMode::Async/>
                    <Route path=path!("/discover") view=Rest::Discover ssr=SsrMode::Async/>
                    <Route path=path!("/documents/:id?") view=Rest::Documents ssr=SsrMode::Async/>
                    <Route path=path!("/models") view=Rest::Models ssr=SsrMode::Async/>
                    <Route path=path!("/prompts/:id?") view=Rest::Prompts ssr=SsrMode::Async/>
                    <Route path=path!("/settings") view=Rest::Settings ssr=SsrMode::Async/>
                    <Route path=path!("/tools") view=Rest::Tools ssr=SsrMode::Async/>
                </Routes>
            </Frame>
        </Router>
    }
}
