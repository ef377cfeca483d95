//! The document around the application, and the policy it is sent with.

use crate::{App, platform};
use axum::http::{HeaderValue, header};
use leptos::{
    nonce::{Nonce, use_nonce},
    prelude::*,
};
use leptos_axum::ResponseOptions;
use leptos_meta::MetaTags;
use std::{collections::HashMap, sync::Arc};

/// Pages call server functions at addresses that begin so and go on with their build.
pub const CALLS_OF_BUILD: &str = "/build/";

/// The files cargo-leptos built, by their hashed names below `/pkg/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteFiles {
    pub css: String,
    pub js: String,
    pub wasm: String,
    /// What tells this build from others; empty where nothing does.
    pub build: String,
    /// The loader of the code that is split by page; `None` in a build without splitting.
    pub split: Option<SplitFiles>,
}

/// How the wasm code was split.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SplitFiles {
    /// Name of the loader script.
    pub loader: String,
    /// For every split point, the files to fetch before it runs.
    pub manifest: HashMap<String, Vec<String>>,
}

/// The document. `files` are constant while the server runs.
pub fn shell(files: &Arc<SiteFiles>) -> impl IntoView + use<> {
    let nonce = use_nonce();
    send_policy(nonce.as_ref());
    provide_split_manifest(files);
    let locale = platform::page_locale();
    let theme = platform::page_theme();
    let js = format!("/pkg/{}", files.js);
    let wasm = format!("/pkg/{}", files.wasm);
    let calls = (!files.build.is_empty()).then(|| format!("{CALLS_OF_BUILD}{}", files.build));
    let boot =
        format!("import({js:?}).then(m=>m.default({{module_or_path:{wasm:?}}}).then(()=>m.hydrate()))");
    view! {
        <!DOCTYPE html>
        <html lang=locale.tag() data-theme=theme.as_str() data-calls=calls>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover"/>
                <meta name="color-scheme" content="light dark"/>
                <meta name="description" content=locale.texts().chat_empty_hint/>
                <link rel="stylesheet" href=format!("/pkg/{}", files.css)/>
                <link rel="icon" href="/icon.svg" type="image/svg+xml"/>
                <link rel="apple-touch-icon" href="/apple-touch-icon.png"/>
                <link rel="manifest" href="/manifest.webmanifest"/>
                <link rel="modulepreload" href=js/>
                <link rel="preload" href=wasm r#as="fetch" r#type="application/wasm" crossorigin=""/>
                <script type="module" nonce=nonce inner_html=boot></script>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// The document of the components' gallery, which runs no scripts.
#[cfg(debug_assertions)]
pub fn gallery(files: &Arc<SiteFiles>) -> impl IntoView + use<> {
    send_policy(None);
    let locale = platform::page_locale();
    provide_context(locale);
    view! {
        <!DOCTYPE html>
        <html lang=locale.tag() data-theme="system">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <title>"Components"</title>
                <link rel="stylesheet" href=format!("/pkg/{}", files.css)/>
                <link rel="icon" href="/icon.svg" type="image/svg+xml"/>
            </head>
            <body>
                <crate::ui::gallery::Gallery/>
            </body>
        </html>
    }
}

fn provide_split_manifest(files: &SiteFiles) {
    let Some(split) = &files.split else { return };
    provide_context(leptos::WasmSplitManifest(ArcStoredValue::new((
        "/pkg".to_owned(),
        split.manifest.clone(),
        split.loader.clone(),
    ))));
}

/// Scripts run only with this response's nonce; nothing is loaded from, framed by or sent to another site.
fn send_policy(nonce: Option<&Nonce>) {
    let Some(response) = use_context::<ResponseOptions>() else { return };
    let script = nonce.map(|nonce| format!(" 'nonce-{nonce}'")).unwrap_or_default();
    let policy = format!(
        "default-src 'self'; script-src 'self'{script} 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; \
         connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}
