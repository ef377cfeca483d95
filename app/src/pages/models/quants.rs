//! What writing a model with fewer bits costs here, measured; and which way to take.

use super::{api::library, rows::details_address, store::ModelsStore};
use crate::{
    format::{bytes, decimals, one_decimal, percent},
    i18n::{ModelsTexts, fill},
    live::use_live,
    platform,
};
use leptos::{ev, prelude::*};
use leptos_router::components::A;
use types::{
    ids::ModelId,
    job::{JobKind, JobState},
    quant::{Beaten, MeasuredQuant, QuantMeasure, Suggestion, Why, Written, beaten, is_on_front, suggested},
    shelf::{Format, Kind, ShelfAct, ShelfModel, ShelfReply},
};

/// The picture, in units of its own.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 130.0;
const MARGIN: f64 = 26.0;
/// What the longest name of a type takes.
const NAME_WIDTH: f64 = 36.0;
const NAME_HEIGHT: f64 = 8.0;

/// For models that can be measured so.
pub(super) fn section(model: &ShelfModel, quants: Vec<MeasuredQuant>) -> AnyView {
    let can_be = model.format == Format::Gguf
        && model.kind == Kind::Writing
        && model.is_loadable
        && model.n_files == 1
        && model.n_parameters.is_some();
    if !can_be {
        return ().into_any();
    }
    view! { <Quants id=model.entry.id.clone() quants/> }.into_any()
}

#[component]
fn Quants(id: ModelId, quants: Vec<MeasuredQuant>) -> AnyView {
    let store = expect_context::<ModelsStore>();
    let texts = store.texts;
    let live = use_live();
    let is_ready = crate::ui::field::use_ready();
    let id = StoredValue::new(id);
    // How far it is, in whole percent.
    let measuring = Memo::new(move |_| {
        let jobs = live.jobs.read();
        let job =
            jobs.iter().find(|job| job.kind == JobKind::MeasureQuants && job.state == JobState::Running);
        job.map(|job| percent(job.progress.unwrap_or(0.0)))
    });
    let shown = RwSignal::new(quants);
    // Every step of measuring brings figures. What was there at first needs no asking.
    Effect::watch(
        move || measuring.get(),
        move |_, _, _| {
            leptos::task::spawn_local(async move {
                let asked = ShelfAct::Describe { id: id.get_value() };
                if let Ok(ShelfReply::Details(details)) = library(asked).await {
                    _ = shown.try_set(details.quants);
                }
            });
        },
        false,
    );
    let on_submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let imatrix = platform::form_values(&event)("imatrix");
        store.act(ShelfAct::MeasureQuants { id: id.get_value(), imatrix }, None);
    };
    let is_measuring = move || measuring.read().is_some();
    view! {
        <section class="flex flex-col gap-2" aria-label=texts.quants_title data-testid="quants">
            <h2 class="font-medium text-strong">{texts.quants_title}</h2>
            <p class="text-xs text-muted">{texts.quants_hint}</p>
            <form class="flex flex-col gap-1" on:submit=on_submit>
                <label for="quants-imatrix" class="text-xs text-muted">{texts.imatrix}</label>
                <input id="quants-imatrix" name="imatrix" class="field h-8" autocomplete="off" placeholder=texts.imatrix_hint
                    data-testid="quants-imatrix"/>
                <button type="submit" class="button button-quiet self-start" data-testid="quants-measure"
                    disabled=move || is_measuring() || !is_ready.get()>
                    {move || match measuring.get() {
                        Some(n) => fill(texts.quants_measuring, "n", n),
                        None => texts.quants_measure.to_owned(),
                    }}
                </button>
            </form>
            {move || {
                let quants = shown.read();
                (!quants.is_empty()).then(|| figures(&quants, texts))
            }}
        </section>
    }
    .into_any()
}

/// What a model was written from here, and what that cost.
pub(super) fn written(written: Written, texts: &'static ModelsTexts) -> AnyView {
    let Written { source, source_bytes, size_bytes, measure } = written;
    let sizes = fill(texts.written_sizes, "from", bytes(source_bytes as f64));
    let sizes = fill(&sizes, "to", bytes(size_bytes as f64));
    let cost = measure.map_or_else(|| texts.written_not_compared.to_owned(), |it| cost(&it, texts));
    let href = details_address(&source);
    view! {
        <section class="flex flex-col gap-1" aria-label=texts.written_title data-testid="written">
            <h2 class="font-medium text-strong">{texts.written_title}</h2>
            <p><A href=href attr:class="break-all underline">{source.0}</A></p>
            <p class="tabular text-xs text-muted" data-testid="written-sizes">{sizes}</p>
            <p class="tabular text-xs text-muted" data-testid="written-cost">{cost}</p>
        </section>
    }
    .into_any()
}

/// In words, side by side.
fn cost(measure: &QuantMeasure, texts: &ModelsTexts) -> String {
    let percent = fill(texts.quants_percent, "n", one_decimal(measure.top1_agreement * 100.0));
    let parts = [
        format!("{} {percent}", texts.quants_same),
        format!("{} {}", texts.quants_divergence, decimals(measure.mean_kld, 4)),
        format!("{} {}", texts.quants_perplexity, perplexity(measure)),
    ];
    parts.join(" · ")
}

/// Before and after.
fn perplexity(measure: &QuantMeasure) -> String {
    let change = measure.perplexity / measure.reference_perplexity.max(f64::MIN_POSITIVE);
    let [before, after] = [measure.reference_perplexity, measure.perplexity].map(|it| decimals(it, 2));
    format!("{before} → {after} (×{})", decimals(change, 3))
}

fn figures(quants: &[MeasuredQuant], texts: &'static ModelsTexts) -> AnyView {
    let suggestion = suggested(quants);
    let rows: Vec<_> = quants
        .iter()
        .map(|it| row(it, beaten(it, quants), suggestion.filter(|taken| taken.to == it.to), texts))
        .collect();
    view! {
        {front(quants, texts)}
        <div class="overflow-x-auto" tabindex="0" role="region" aria-label=texts.quants_figures>
            <table class="w-full text-left">
                <thead>
                    <tr class="text-xs text-muted">
                        <th scope="col" class="p-1.5 font-medium">{texts.tensor_type}</th>
                        <th scope="col" class="p-1.5 text-right font-medium">{texts.column_size}</th>
                        <th scope="col" class="p-1.5 text-right font-medium">{texts.quants_same}</th>
                        <th scope="col" class="p-1.5 text-right font-medium">{texts.quants_divergence}</th>
                        <th scope="col" class="p-1.5 text-right font-medium">{texts.quants_perplexity}</th>
                        <th scope="col" class="p-1.5 text-right font-medium">{texts.quants_speed}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// `suggestion` is about this one.
fn row(
    it: &MeasuredQuant,
    beaten: Option<Beaten>,
    suggestion: Option<Suggestion>,
    texts: &'static ModelsTexts,
) -> AnyView {
    let measure = &it.measure;
    let speed = format!(
        "{} ({}×)",
        fill(texts.quants_speed_of, "n", one_decimal(measure.tokens_per_second)),
        decimals(measure.decode_ratio, 2)
    );
    let is_beaten = beaten.is_some();
    let best = suggestion.map(|_| {
        view! {
            <span class="ml-1.5 rounded-control bg-raised px-1.5 font-sans text-xs whitespace-nowrap text-ok" data-testid="quant-best">{texts.quants_best}</span>
        }
    });
    let reason = suggestion.map(|it| why(it.why, texts).to_owned());
    let reason = reason.or_else(|| beaten.map(|it| beaten_words(it, texts)));
    view! {
        <tr class="border-t border-line align-top" class:text-muted=is_beaten data-testid="quant" data-front=(!is_beaten).to_string()>
            <th scope="row" class="p-1.5 text-left font-mono font-normal">
                {it.to.word()}
                {best}
                {it.has_imatrix.then(|| view! { <span class="block font-sans text-xs text-muted">{texts.quants_imatrix}</span> })}
                {reason.map(|reason| view! {
                    <span class="block max-w-56 min-w-44 font-sans text-xs text-muted" data-testid="quant-reason">{reason}</span>
                })}
            </th>
            <td class="tabular p-1.5 text-right">{bytes(it.size_bytes as f64)}</td>
            <td class="tabular p-1.5 text-right">{fill(texts.quants_percent, "n", one_decimal(measure.top1_agreement * 100.0))}</td>
            <td class="tabular p-1.5 text-right">{decimals(measure.mean_kld, 4)}</td>
            <td class="tabular p-1.5 text-right whitespace-nowrap">{perplexity(measure)}</td>
            <td class="tabular p-1.5 text-right whitespace-nowrap">{speed}</td>
        </tr>
    }
    .into_any()
}

fn why(why: Why, texts: &ModelsTexts) -> &'static str {
    match why {
        Why::Fastest => texts.quants_fastest,
        Why::Closest => texts.quants_closest,
    }
}

/// Which one beats it, and in what.
fn beaten_words(beaten: Beaten, texts: &ModelsTexts) -> String {
    let ways = [
        (beaten.is_smaller, texts.quants_smaller),
        (beaten.is_faster, texts.quants_faster),
        (beaten.is_closer, texts.quants_closer),
    ];
    let ways: Vec<_> = ways.into_iter().filter(|(is_so, _)| *is_so).map(|(_, word)| word).collect();
    let sentence = fill(texts.quants_beaten, "name", beaten.by.word());
    fill(&sentence, "ways", ways.join(", "))
}

/// How high the name of each point stands that is right of it: above, or below where the name of an earlier one is.
fn names_at(points: &[(f64, f64)]) -> Vec<f64> {
    let mut taken: Vec<(f64, f64)> = Vec::new();
    for &(x, y) in points {
        let is_free = |name_y: &f64| {
            !taken.iter().any(|it| (it.0 - x).abs() < NAME_WIDTH && (it.1 - name_y).abs() < NAME_HEIGHT)
        };
        let below = y + 11.0;
        let name_y = [y - 5.0, below].into_iter().find(is_free).unwrap_or(below);
        taken.push((x, name_y));
    }
    taken.into_iter().map(|(_, name_y)| name_y).collect()
}

/// Size to the right, how often the next token is the same upwards; what nothing beats is on the line.
fn front(quants: &[MeasuredQuant], texts: &'static ModelsTexts) -> AnyView {
    if quants.len() < 2 {
        return ().into_any();
    }
    let largest = quants.iter().map(|it| it.size_bytes).max().unwrap_or(1).max(1) as f64;
    let smallest = quants.iter().map(|it| it.size_bytes).min().unwrap_or(0) as f64;
    let agreements = quants.iter().map(|it| it.measure.top1_agreement);
    let least = agreements.clone().fold(1.0, f64::min);
    let most = agreements.fold(0.0, f64::max);
    let place = |it: &MeasuredQuant| {
        let x = (it.size_bytes as f64 - smallest) / (largest - smallest).max(1.0);
        let y = (it.measure.top1_agreement - least) / (most - least).max(1e-9);
        (MARGIN + x * (WIDTH - 3.0 * MARGIN), HEIGHT - MARGIN - y * (HEIGHT - 2.0 * MARGIN))
    };
    let at = |n: f64| one_decimal(n.max(0.0));
    let line: Vec<_> = quants
        .iter()
        .filter(|it| is_on_front(it, quants))
        .map(|it| {
            let (x, y) = place(it);
            format!("{},{}", at(x), at(y))
        })
        .collect();
    let places: Vec<_> = quants.iter().map(place).collect();
    let points: Vec<_> = quants
        .iter()
        .zip(places.iter().zip(names_at(&places)))
        .map(|(it, (&(x, y), name_y))| {
            let is_beaten = !is_on_front(it, quants);
            view! {
                <g class:opacity-50=is_beaten>
                    <circle cx=at(x) cy=at(y) r="3" fill="currentColor"></circle>
                    <text x=at(x + 5.0) y=at(name_y) font-size="8" fill="currentColor">{it.to.word()}</text>
                </g>
            }
        })
        .collect();
    view! {
        <svg viewBox=format!("0 0 {WIDTH} {HEIGHT}") class="w-full max-w-md text-accent" role="img" aria-label=texts.quants_picture data-testid="quants-front">
            <polyline points=line.join(" ") fill="none" stroke="currentColor" stroke-width="1"></polyline>
            {points}
            <text x="2" y="10" font-size="8" class="fill-muted">{texts.quants_same}" ↑"</text>
            <text x=at(WIDTH - 60.0) y=at(HEIGHT - 4.0) font-size="8" class="fill-muted">{texts.column_size}" →"</text>
        </svg>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::names_at;

    #[test]
    fn names_of_neighbours_do_not_cover_each_other() {
        let check = |points: &[(f64, f64)], expected: &[f64]| assert_eq!(names_at(points), expected);
        check(&[(200.0, 50.0), (20.0, 90.0)], &[45.0, 85.0]);
        check(&[(60.0, 50.0), (50.0, 54.0)], &[45.0, 65.0]);
        // Of three in one place two stay readable.
        check(&[(60.0, 50.0), (60.0, 50.0), (60.0, 50.0)], &[45.0, 61.0, 61.0]);
        check(&[], &[]);
    }
}
