//! What compares meanings, what to do where nothing does, what puts what was found in its last order, and the choice of both.

use super::store::DocumentsStore;
use crate::{
    i18n::{DocumentsTexts, fill},
    ui::icon::Icon,
};
use leptos::prelude::*;
use types::{
    document::{DocumentAct, Embedder, RankBy},
    ids::ModelId,
};

/// One line.
#[component]
pub(super) fn EmbedderNotice() -> AnyView {
    let texts = DocumentsTexts::here();
    let store = expect_context::<DocumentsStore>();
    let words = move || {
        let view = store.view.read();
        let n_lacking = view.documents.iter().filter(|it| it.lacks_vectors()).count();
        let compares = match &view.embedder {
            Embedder::Model(model) if n_lacking > 0 => {
                let words = fill(&fill(texts.embedder_partly, "model", model), "n", n_lacking);
                fill(&words, "button", texts.collection_index)
            }
            Embedder::Model(model) => fill(texts.embedder_is, "model", model),
            Embedder::None => fill(texts.embedder_none, "folder", &view.models_dir),
        };
        match &view.ranker {
            Some(model) => format!("{compares} {}", fill(texts.ranker_is, "model", model)),
            None => compares,
        }
    };
    let has_one = move || store.view.read().embedder != Embedder::None;
    view! {
        <p class="flex items-start gap-1.5 text-xs text-muted" data-testid="embedder" data-found=move || has_one().to_string()>
            <Icon icon=icondata_lu::LuInfo size=14/>
            <span class="min-w-0 break-words">{words}</span>
        </p>
        <div class="flex flex-wrap gap-x-4 gap-y-1">
            <EmbedChoice/>
            <RankChoice/>
        </div>
    }
    .into_any()
}

/// What the last order comes from, where there is something to choose.
#[component]
fn RankChoice() -> AnyView {
    let texts = DocumentsTexts::here();
    let store = expect_context::<DocumentsStore>();
    let choices = Memo::new(move |_| {
        let view = store.view.read();
        (view.rankers.clone(), value_of(&view.rank_by))
    });
    let choose = move |value: String| {
        let model = || store.view.read_untracked().rankers.iter().find(|it| it.0 == value).cloned();
        let by = match value.as_str() {
            MADE => RankBy::Made,
            NOTHING => RankBy::Nothing,
            _ => model().map_or(RankBy::Made, RankBy::Model),
        };
        store.act(DocumentAct::RankBy { by });
    };
    let chooser = move || {
        let (rankers, chosen) = choices.get();
        if rankers.is_empty() {
            return ().into_any();
        }
        let own = [(MADE, texts.rank_by_made), (NOTHING, texts.rank_by_nothing)];
        let options = options(&own, rankers, &chosen);
        choice("rank-by", texts.rank_by, texts.rank_by_hint, options, Callback::new(choose))
    };
    chooser.into_any()
}

/// What makes the vectors, where there is something to choose.
#[component]
fn EmbedChoice() -> AnyView {
    let texts = DocumentsTexts::here();
    let store = expect_context::<DocumentsStore>();
    let choices = Memo::new(move |_| {
        let view = store.view.read();
        (view.embedders.clone(), view.embed_with.clone())
    });
    let choose = move |value: String| {
        let model = store.view.read_untracked().embedders.iter().find(|it| it.0 == value).cloned();
        store.act(DocumentAct::EmbedWith { model });
    };
    let chooser = move || {
        let (embedders, chosen) = choices.get();
        if embedders.len() < 2 && chosen.is_none() {
            return ().into_any();
        }
        let chosen = chosen.map_or_else(|| FIRST.to_owned(), |model| model.0);
        let options = options(&[(FIRST, texts.embed_with_first)], embedders, &chosen);
        choice("embed-with", texts.embed_with, texts.embed_with_hint, options, Callback::new(choose))
    };
    chooser.into_any()
}

/// What is no model, then the models.
fn options(own: &[(&str, &str)], models: Vec<ModelId>, chosen: &str) -> Vec<AnyView> {
    let own = own.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned()));
    let models = models.into_iter().map(|it| (it.0.clone(), it.0));
    let option = |(value, label): (String, String)| {
        let selected = value == chosen;
        view! { <option value=value selected=selected>{label}</option> }.into_any()
    };
    own.chain(models).map(option).collect()
}

fn choice(
    testid: &'static str,
    label: &'static str,
    hint: &'static str,
    options: Vec<AnyView>,
    choose: Callback<String>,
) -> AnyView {
    view! {
        <label class="flex min-w-0 flex-wrap items-center gap-x-2 gap-y-1 text-xs text-muted" title=hint>
            {label}
            <select
                class="field h-7 w-auto min-w-0 max-w-full py-0 text-xs"
                data-testid=testid
                on:change=move |event| choose.run(event_target_value(&event))
            >
                {options}
            </select>
        </label>
    }
    .into_any()
}

/// Values of the choice that are no models' names.
const MADE: &str = "";
const NOTHING: &str = " ";
const FIRST: &str = "";

fn value_of(by: &RankBy) -> String {
    match by {
        RankBy::Made => MADE.to_owned(),
        RankBy::Nothing => NOTHING.to_owned(),
        RankBy::Model(model) => model.0.clone(),
    }
}
