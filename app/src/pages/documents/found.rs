//! The passages that were found, in their order, with what the order comes from.

use crate::{
    error::capitalised,
    format::decimals,
    i18n::{DocumentsTexts, fill},
    ui::icon::Icon,
};
use leptos::prelude::*;
use leptos_router::components::A;
use types::document::{Found, FoundPassage, PassageKind, Score};

/// All that was found.
#[component]
pub(super) fn FoundList(found: Found) -> AnyView {
    let texts = DocumentsTexts::here();
    let Found { passages, note, took_ms } = found;
    let n = passages.len();
    let head = fill(&fill(texts.found_head, "n", n), "ms", took_ms);
    let rows: Vec<_> = (1..).zip(passages).map(|(n, passage)| row(n, passage, texts)).collect();
    view! {
        <section class="flex flex-col gap-2" aria-label=texts.found_label data-testid="found">
            <p class="tabular text-muted" role="status">{if n == 0 { texts.found_none.to_owned() } else { head }}</p>
            {note.map(|note| view! {
                <p class="flex items-center gap-1.5 text-xs text-warn"><Icon icon=icondata_lu::LuTriangleAlert size=14/>{note}</p>
            })}
            <ol class="flex flex-col gap-2">{rows}</ol>
        </section>
    }
    .into_any()
}

fn row(n: u32, passage: FoundPassage, texts: &'static DocumentsTexts) -> AnyView {
    let href = address(&passage);
    let place = place(passage.page, &passage.heading, texts);
    let fused = fill(texts.found_fused, "n", decimals(f64::from(passage.fused), 4));
    let scores = scores(passage.words, passage.meaning, passage.ranking, texts);
    let scores = format!("{scores} · {fused}");
    let class = text_class(passage.kind);
    view! {
        <li class="card flex flex-col gap-1 px-3 py-2" data-testid="found-passage">
            <div class="flex flex-wrap items-baseline gap-x-2">
                <span class="tabular text-xs text-muted">{n}</span>
                <A href=href attr:class="min-w-0 truncate font-medium text-strong hover:underline" attr:data-testid="found-link">
                    {passage.document_name}
                </A>
                <span class="min-w-0 truncate text-xs text-muted">{place}</span>
            </div>
            <p class=class>{passage.text}</p>
            <p class="tabular text-xs text-muted" data-testid="found-scores">{scores}</p>
        </li>
    }
    .into_any()
}

fn address(passage: &FoundPassage) -> String {
    format!("/documents/{}?at={}", passage.document, passage.best_position)
}

/// Page and headings.
pub(crate) fn place(page: Option<u32>, heading: &str, texts: &DocumentsTexts) -> String {
    let page = page.map(|page| fill(texts.passage_page, "n", page));
    let heading = (!heading.is_empty()).then(|| heading.to_owned());
    page.into_iter().chain(heading).collect::<Vec<_>>().join(" · ")
}

/// How well words and meaning fit, and what a model made of it that ranks, where one did.
pub(crate) fn scores(
    words: Option<Score>,
    meaning: Option<Score>,
    ranking: Option<Score>,
    texts: &DocumentsTexts,
) -> String {
    let words = score(texts.found_words, words, texts);
    let meaning = score(texts.found_meaning, meaning, texts);
    let ranking = ranking.map(|it| format!(" · {}", ranked(it, texts))).unwrap_or_default();
    format!("{words} · {meaning}{ranking}")
}

/// What its scores are between is the model's own: they may be less than nothing.
fn ranked(Score { value, rank }: Score, texts: &DocumentsTexts) -> String {
    let sign = if value < 0.0 { "−" } else { "" };
    let value = format!("{sign}{}", decimals(f64::from(value.abs()), 3));
    fill(&fill(texts.found_ranking, "value", value), "rank", rank)
}

fn score(words: &str, score: Option<Score>, texts: &DocumentsTexts) -> String {
    match score {
        Some(Score { value, rank }) => {
            let value = decimals(f64::from(value.max(0.0)), 3);
            capitalised(&fill(&fill(words, "value", value), "rank", rank))
        }
        None => capitalised(&fill(&fill(words, "value", texts.found_no_score), "rank", "–")),
    }
}

/// Tables and code keep their columns.
pub(super) fn text_class(kind: PassageKind) -> &'static str {
    match kind {
        PassageKind::Text => "break-words whitespace-pre-wrap line-clamp-6",
        PassageKind::Table | PassageKind::Code => {
            "overflow-x-auto font-mono text-xs whitespace-pre-wrap break-words line-clamp-6"
        }
    }
}
