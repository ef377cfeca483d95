//! What a search found.

use super::{repository_address, store::DiscoverStore};
use crate::{i18n::fill, pages::models::words::parameters};
use leptos::prelude::*;
use leptos_router::components::A;
use types::discover::FoundRepository;

#[component]
pub(super) fn Found(found: Vec<FoundRepository>) -> AnyView {
    let texts = expect_context::<DiscoverStore>().texts;
    let rows: Vec<_> = found.into_iter().map(row).collect();
    view! { <ul class="flex flex-col gap-2" aria-label=texts.found data-testid="found">{rows}</ul> }
        .into_any()
}

fn row(found: FoundRepository) -> AnyView {
    let texts = expect_context::<DiscoverStore>().texts;
    let parts = [
        found.pipeline.clone(),
        found.n_parameters.map(parameters),
        found.n_ctx.map(|n| fill(texts.context_of, "n", n)),
        found.licence.clone(),
        Some(fill(texts.downloads_of, "n", short(found.downloads))),
        Some(fill(texts.likes_of, "n", short(found.likes))),
        found.changed.clone(),
    ];
    let line = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let formats: Vec<_> = found.formats.into_iter().map(badge).collect();
    let address = repository_address(&found.repo, None);
    view! {
        <li class="card flex flex-col gap-1 px-3 py-2" data-testid="found-row">
            <div class="flex flex-wrap items-center gap-1.5">
                <A href=address attr:class="font-medium break-all text-strong hover:underline">{found.repo}</A>
                {formats}
                {found.is_gated.then(|| badge(texts.gated.to_owned()))}
                {found.is_here.then(|| badge(texts.here.to_owned()))}
            </div>
            <div class="tabular text-xs text-muted">{line}</div>
        </li>
    }
    .into_any()
}

pub(super) fn badge(text: String) -> AnyView {
    view! { <span class="rounded-control bg-raised px-1.5 text-xs text-default">{text}</span> }.into_any()
}

/// `1.2k`, `3.4M`.
fn short(n: u64) -> String {
    match n {
        1_000_000.. => format!("{}M", crate::format::one_decimal(n as f64 / 1e6)),
        1_000.. => format!("{}k", crate::format::one_decimal(n as f64 / 1e3)),
        _ => n.to_string(),
    }
}
