//! Ways to load a model that fit what a person wants, rather than what an engine can be told.

use super::{Chosen, speed};
use crate::i18n::LaunchTexts;
use leptos::prelude::*;
use types::{
    kv::{KvFormat, KvMeasure, KvType},
    launch::{DraftChoice, LaunchOptions, LaunchPanel, LaunchProfile},
};

/// What little memory means for a conversation, in tokens, and for a batch.
const SHORT_CONTEXT: u32 = 2048;
const SMALL_BATCH: u32 = 128;

/// Below that a form of keys and values is noticed in answers.
const SAME_ENOUGH: f64 = 0.95;

pub(super) fn buttons(panel: &LaunchPanel, chosen: Chosen, texts: &'static LaunchTexts) -> AnyView {
    let presets = [
        ("usual", texts.launch_preset_usual, Some(LaunchProfile::default())),
        ("long", texts.launch_preset_long, Some(long(panel))),
        ("small", texts.launch_preset_small, Some(small(panel))),
        ("fast", texts.launch_preset_fast, fast(panel)),
    ];
    let buttons: Vec<_> = presets
        .into_iter()
        .filter_map(|(name, label, preset)| {
            let preset = preset?;
            let (pressed, wanted) = (preset.clone(), preset);
            let is_chosen = move || (*chosen.profile.read() == pressed).to_string();
            Some(view! {
                <button type="button" class="button button-quiet aria-pressed:border-accent aria-pressed:text-strong" data-testid=format!("launch-preset-{name}")
                    aria-pressed=is_chosen on:click=move |_| chosen.profile.set(wanted.clone())>{label}</button>
            })
        })
        .collect();
    view! { <div class="flex flex-wrap gap-1.5" role="group" aria-label=texts.launch_presets>{buttons}</div> }
        .into_any()
}

/// As long as the model was made for, with keys and values kept small enough for that.
fn long(panel: &LaunchPanel) -> LaunchProfile {
    LaunchProfile {
        n_ctx: Some(panel.n_ctx_train.unwrap_or(panel.usual_n_ctx).max(panel.usual_n_ctx)),
        kv_type: panel.has_kv_types.then(|| KvType::of(KvFormat::Q8)),
        ..LaunchProfile::default()
    }
}

/// As little memory as a conversation can do with.
fn small(panel: &LaunchPanel) -> LaunchProfile {
    let n_ctx = Some(panel.usual_n_ctx.min(SHORT_CONTEXT));
    if !panel.has_kv_types {
        return LaunchProfile { n_ctx, ..LaunchProfile::default() };
    }
    let good = |it: &&KvMeasure| !it.kv_type.window && it.top1_agreement >= SAME_ENOUGH;
    let smallest = panel.measures.iter().filter(good).min_by_key(|it| it.n_bytes);
    LaunchProfile {
        n_ctx,
        kv_type: Some(smallest.map_or(KvType::of(KvFormat::Q8), |it| it.kv_type)),
        draft: DraftChoice::None,
        options: LaunchOptions { n_batch: Some(SMALL_BATCH), ..LaunchOptions::default() },
    }
}

/// What was measured to write fastest here; none before that.
fn fast(panel: &LaunchPanel) -> Option<LaunchProfile> {
    let plain = panel.measures.iter().filter(|it| !it.kv_type.window);
    let fastest = plain.max_by(|a, b| a.decode_ratio.total_cmp(&b.decode_ratio))?;
    let options = speed::fastest(panel);
    Some(LaunchProfile { kv_type: Some(fastest.kv_type), options, ..LaunchProfile::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(measured: &[(&str, u64, f64, f64)]) -> LaunchPanel {
        let measure = |(kv_type, n_bytes, top1_agreement, decode_ratio): &(&str, u64, f64, f64)| KvMeasure {
            kv_type: kv_type.parse().expect("a type"),
            n_bytes: *n_bytes,
            n_cells: 1000,
            mean_kld: 0.0,
            top1_agreement: *top1_agreement,
            prefill_ratio: 1.0,
            decode_ratio: *decode_ratio,
        };
        LaunchPanel {
            profile: LaunchProfile::default(),
            from: None,
            usual_n_ctx: 4096,
            usual_kv_type: KvType::default(),
            n_ctx_train: Some(32_768),
            measures: measured.iter().map(measure).collect(),
            drafts: Vec::new(),
            known_draft: None,
            draft_measures: Vec::new(),
            has_kv_types: true,
            adapters: Vec::new(),
            template: None,
            usual_n_threads: 2,
            speeds: Vec::new(),
            n_gpu_layers: None,
        }
    }

    #[test]
    fn presets_follow_what_was_measured() {
        let check = |measured: &[(&str, u64, f64, f64)], small_kv: &str, fast_kv: Option<&str>| {
            let panel = panel(measured);
            let kv = |profile: LaunchProfile| profile.kv_type.map(|it| it.to_string());
            assert_eq!(kv(small(&panel)).as_deref(), Some(small_kv));
            assert_eq!(fast(&panel).and_then(kv).as_deref(), fast_kv);
        };
        check(&[], "q8", None);
        check(&[("q8", 50, 0.99, 1.1), ("q4", 20, 0.8, 1.2)], "q8", Some("q4"));
        check(&[("q5", 30, 0.97, 0.9), ("f16+window", 10, 1.0, 9.0)], "q5", Some("q5"));
    }

    #[test]
    fn a_long_conversation_is_as_long_as_the_model_was_made_for() {
        assert_eq!(long(&panel(&[])).n_ctx, Some(32_768));
        let folder = LaunchPanel { has_kv_types: false, n_ctx_train: None, ..panel(&[]) };
        assert_eq!(long(&folder), LaunchProfile { n_ctx: Some(4096), ..LaunchProfile::default() });
        assert_eq!(small(&folder), LaunchProfile { n_ctx: Some(2048), ..LaunchProfile::default() });
    }
}
