//! The catalogue that comes with the program: what fits this machine is the first shelf.

use super::{found::badge, repository_address, store::DiscoverStore};
use crate::{
    format::bytes,
    i18n::{DiscoverTexts, fill},
    pages::models::words::tokens,
};
use leptos::prelude::*;
use leptos_router::components::A;
use types::{discover::CatalogueModel, shelf::Kind};

/// A shelf: its name, what is said of it, and what belongs there.
type Shelf = (&'static str, &'static str, fn(&CatalogueModel) -> bool);

#[component]
pub(super) fn Catalogue(
    models: Vec<CatalogueModel>,
    /// Only what fits a search is there, below what the hub found.
    is_search: bool,
) -> AnyView {
    let texts = expect_context::<DiscoverStore>().texts;
    let shelves: [Shelf; 6] = [
        (texts.shelf_good, texts.shelf_good_hint, |it| it.fits && it.kind == Kind::Writing && !it.is_mlx),
        (texts.shelf_larger, texts.shelf_larger_hint, |it| {
            !it.fits && it.kind == Kind::Writing && !it.is_mlx
        }),
        (texts.shelf_mlx, texts.shelf_mlx_hint, |it| it.kind == Kind::Writing && it.is_mlx),
        (texts.shelf_documents, texts.shelf_documents_hint, |it| {
            matches!(it.kind, Kind::Embedding | Kind::Reranking)
        }),
        (texts.shelf_images, texts.shelf_images_hint, |it| it.kind == Kind::Image),
        (texts.shelf_videos, texts.shelf_videos_hint, |it| it.kind == Kind::Video),
    ];
    let shelves: Vec<_> = shelves
        .into_iter()
        .map(|(title, hint, belongs)| {
            let models: Vec<_> = models.iter().filter(|it| belongs(it)).cloned().collect();
            shelf(title, hint, models)
        })
        .collect();
    view! {
        <div class="flex flex-col gap-6" data-testid="catalogue">
            {is_search.then(|| view! { <p class="border-t border-line pt-4 text-muted">{texts.catalogue_found}</p> })}
            {shelves}
        </div>
    }
    .into_any()
}

fn shelf(title: &'static str, hint: &'static str, models: Vec<CatalogueModel>) -> AnyView {
    if models.is_empty() {
        return ().into_any();
    }
    let texts = expect_context::<DiscoverStore>().texts;
    let cards: Vec<_> = models.into_iter().map(|model| card(model, texts)).collect();
    view! {
        <section class="flex flex-col gap-2" aria-label=title>
            <h2 class="text-lg font-semibold text-strong">{title}</h2>
            <p class="text-muted">{hint}</p>
            <ul class="grid gap-2 sm:grid-cols-2 lg:grid-cols-3">{cards}</ul>
        </section>
    }
    .into_any()
}

fn card(model: CatalogueModel, texts: &'static DiscoverTexts) -> AnyView {
    let address = repository_address(&model.repo, model.file.as_deref());
    let parts = [
        Some(bytes(model.size_bytes as f64)),
        model.n_ctx.map(|n| fill(texts.context_of, "n", tokens(n))),
        Some(model.licence),
    ];
    let line = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let capabilities: Vec<_> = model.capabilities.into_iter().map(badge).collect();
    view! {
        <li class="card flex flex-col gap-1.5 px-3 py-2" data-testid="catalogue-model">
            <div class="flex flex-wrap items-center gap-1.5">
                <A href=address attr:class="font-medium text-strong hover:underline">{model.name}</A>
                {model.is_here.then(|| badge(texts.here.to_owned()))}
            </div>
            <p class="flex-1">{model.why}</p>
            <div class="flex flex-wrap gap-1">{capabilities}</div>
            <p class="tabular text-xs text-muted">{model.maker}" · "{line}</p>
        </li>
    }
    .into_any()
}
