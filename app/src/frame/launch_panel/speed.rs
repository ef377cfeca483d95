//! How fast a model was measured to compute here with other threads, batches and layers of a graphics card. A row is pressed to
//! choose what it is about.

use super::Chosen;
use crate::{
    format::one_decimal,
    i18n::{LaunchTexts, fill},
};
use leptos::prelude::*;
use types::{
    launch::{BATCHES, LaunchOptions, LaunchPanel},
    speed::{NOTICED, SpeedChoice, SpeedMeasure},
};

/// One of the numbers that decide how fast it is.
#[derive(Clone, Copy)]
struct Knob {
    name: &'static str,
    of: fn(&SpeedChoice) -> Option<u32>,
    field: fn(&mut LaunchOptions) -> &mut Option<u32>,
}

const THREADS: Knob =
    Knob { name: "threads", of: |it| Some(it.n_threads), field: |options| &mut options.n_threads };
const BATCH: Knob = Knob { name: "batch", of: |it| Some(it.n_batch), field: |options| &mut options.n_batch };
const LAYERS: Knob =
    Knob { name: "layers", of: |it| it.n_gpu_layers, field: |options| &mut options.n_gpu_layers };

/// What is computed with where nothing is chosen.
fn usual(panel: &LaunchPanel) -> SpeedChoice {
    SpeedChoice {
        n_threads: panel.usual_n_threads,
        n_batch: BATCHES.last().copied().unwrap_or_default(),
        n_gpu_layers: panel.n_gpu_layers,
    }
}

pub(super) fn of_threads(panel: &LaunchPanel, chosen: Chosen, texts: &'static LaunchTexts) -> AnyView {
    rows(panel, THREADS, texts.launch_speed_threads, chosen, texts)
}

pub(super) fn of_batches(panel: &LaunchPanel, chosen: Chosen, texts: &'static LaunchTexts) -> AnyView {
    rows(panel, BATCH, texts.launch_tokens, chosen, texts)
}

pub(super) fn of_layers(panel: &LaunchPanel, chosen: Chosen, texts: &'static LaunchTexts) -> AnyView {
    rows(panel, LAYERS, texts.launch_speed_layers, chosen, texts)
}

/// What was measured with other values of a knob than the usual one, and with that one: none where there is no other.
fn measured(panel: &LaunchPanel, knob: Knob) -> Vec<SpeedMeasure> {
    let usual = usual(panel);
    // Everything but the knob is usual.
    let like_usual = |choice: &SpeedChoice| {
        [THREADS, BATCH, LAYERS]
            .into_iter()
            .all(|it| it.name == knob.name || (it.of)(choice) == (it.of)(&usual))
    };
    let mut measured: Vec<_> = panel.speeds.iter().filter(|it| like_usual(&it.choice)).cloned().collect();
    measured.sort_by_key(|it| (knob.of)(&it.choice));
    if measured.len() < 2 { Vec::new() } else { measured }
}

fn rows(
    panel: &LaunchPanel,
    knob: Knob,
    label: &'static str,
    chosen: Chosen,
    texts: &'static LaunchTexts,
) -> AnyView {
    let usual = (knob.of)(&usual(panel));
    let rows: Vec<_> =
        measured(panel, knob).into_iter().map(|it| row(&it, (knob, label, usual), chosen, texts)).collect();
    if rows.is_empty() {
        return ().into_any();
    }
    view! { <div class="flex flex-col" role="group" aria-label=texts.launch_speed>{rows}</div> }.into_any()
}

fn row(
    measure: &SpeedMeasure,
    (knob, label, usual): (Knob, &'static str, Option<u32>),
    chosen: Chosen,
    texts: &'static LaunchTexts,
) -> AnyView {
    let value = (knob.of)(&measure.choice);
    let name = match value {
        Some(1) if knob.name == THREADS.name => texts.launch_speed_thread.to_owned(),
        value => fill(label, "n", value.unwrap_or_default()),
    };
    let figures = fill(texts.launch_speed_figures, "reads", measure.prefill.round() as u64);
    let figures = fill(&figures, "writes", one_decimal(measure.decode));
    let is_chosen = move || {
        let mut options = chosen.profile.read().options.clone();
        let now = *(knob.field)(&mut options);
        // A row is about prompts and answers both.
        let is_for_both = knob.name != THREADS.name || options.n_threads_batch.is_none();
        now.or(usual) == value && is_for_both
    };
    let choose = move |_| {
        // What is usual stays so when the server is started with another number.
        let wanted = value.filter(|_| value != usual);
        chosen.profile.update(|profile| {
            *(knob.field)(&mut profile.options) = wanted;
            if knob.name == THREADS.name {
                profile.options.n_threads_batch = None;
            }
        });
    };
    view! {
        <button type="button" class="tabular flex justify-between gap-2 rounded px-2 py-1 text-left text-xs text-muted hover:bg-raised aria-pressed:bg-raised aria-pressed:text-strong"
            data-testid=format!("launch-speed-{}", knob.name) aria-pressed=move || is_chosen().to_string() on:click=choose>
            <span class="whitespace-nowrap">{name}</span>
            <span class="text-right">{figures}</span>
        </button>
    }
    .into_any()
}

/// The numbers of threads with which answers were written and prompts computed fastest, where that is noticed.
pub(super) fn fastest(panel: &LaunchPanel) -> LaunchOptions {
    let measured = measured(panel, THREADS);
    let usual = usual(panel).n_threads;
    let n_threads = noticed(&measured, usual, |it| it.decode);
    let n_threads_batch = noticed(&measured, n_threads.unwrap_or(usual), |it| it.prefill);
    LaunchOptions { n_threads, n_threads_batch, ..LaunchOptions::default() }
}

/// The number of threads that is fastest by `speed`, where that is noticed beside `now`.
fn noticed(measured: &[SpeedMeasure], now: u32, speed: impl Fn(&SpeedMeasure) -> f64) -> Option<u32> {
    let of_now = measured.iter().find(|it| it.choice.n_threads == now).map(&speed)?;
    let fastest = measured.iter().max_by(|a, b| speed(a).total_cmp(&speed(b)))?;
    (speed(fastest) > of_now * NOTICED).then_some(fastest.choice.n_threads)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speed(n_threads: u32, n_batch: u32, decode: f64) -> SpeedMeasure {
        SpeedMeasure {
            choice: SpeedChoice { n_threads, n_batch, n_gpu_layers: None },
            prefill: 100.0,
            decode,
        }
    }

    fn panel(speeds: &[SpeedMeasure]) -> LaunchPanel {
        LaunchPanel { usual_n_threads: 2, speeds: speeds.to_vec(), ..LaunchPanel::default() }
    }

    #[test]
    fn what_is_measured_apart_is_shown_apart() {
        let check = |speeds: &[SpeedMeasure], knob, expected: &[u32]| {
            let panel = panel(speeds);
            let values: Vec<_> =
                measured(&panel, knob).iter().filter_map(|it| (knob.of)(&it.choice)).collect();
            assert_eq!(values, expected);
        };
        let all = [
            speed(4, 512, 9.0),
            speed(2, 512, 10.0),
            speed(1, 512, 6.0),
            speed(2, 32, 10.0),
            speed(4, 32, 1.0),
        ];
        check(&all, THREADS, &[1, 2, 4]);
        check(&all, BATCH, &[32, 512]);
        check(&all, LAYERS, &[]);
        // One alone says nothing.
        check(&all[1..2], THREADS, &[]);
        check(&[], BATCH, &[]);
    }

    #[test]
    fn more_threads_are_taken_where_they_are_noticed() {
        let check = |speeds: &[SpeedMeasure], expected: Option<u32>| {
            let panel = panel(speeds);
            assert_eq!(fastest(&panel).n_threads, expected);
        };
        check(&[], None);
        check(&[speed(2, 512, 10.0), speed(4, 512, 10.2)], None);
        check(&[speed(2, 512, 10.0), speed(4, 512, 12.0), speed(8, 512, 11.0)], Some(4));
        check(&[speed(1, 512, 12.0), speed(2, 512, 10.0)], Some(1));
        // What is usual was not measured.
        check(&[speed(4, 512, 12.0), speed(8, 512, 11.0)], None);
    }

    #[test]
    fn prompts_take_other_threads_than_answers_where_that_is_noticed() {
        let check = |figures: &[(u32, f64, f64)], expected: (Option<u32>, Option<u32>)| {
            let measure =
                |&(n, prefill, decode): &(u32, f64, f64)| SpeedMeasure { prefill, ..speed(n, 512, decode) };
            let options = fastest(&panel(&figures.iter().map(measure).collect::<Vec<_>>()));
            assert_eq!((options.n_threads, options.n_threads_batch), expected, "{figures:?}");
        };
        check(&[(2, 100.0, 10.0), (4, 190.0, 9.0)], (None, Some(4)));
        check(&[(2, 100.0, 10.0), (4, 102.0, 9.0)], (None, None));
        // As many as for answers is no choice of its own.
        check(&[(2, 100.0, 10.0), (4, 190.0, 12.0)], (Some(4), None));
        check(&[(1, 60.0, 12.0), (2, 100.0, 10.0)], (Some(1), Some(2)));
    }
}
