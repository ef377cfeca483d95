//! How far the loading of a model is: one part after the other, each as long as its files are.

use crate::{outbox::Outbox, pulse::Pulse};
use protocol::{Event, LoadProgress, LoadRequest};
use std::{fs, path::Path};
use types::job::JobStep;

/// What memory for conversations takes beside all files, which no file tells.
const CONTEXT_SHARE: f32 = 0.1;

/// The parts in their order.
const PARTS: [JobStep; 4] =
    [JobStep::LoadingWeights, JobStep::LoadingDraft, JobStep::PreparingContext, JobStep::LoadingProjector];

/// A step that is smaller is not told.
const LEAST: f32 = 0.01;

/// Tells the server how far it is, each of which is a sign of life. Clones tell the same.
#[derive(Clone)]
pub(crate) struct Loading {
    outbox: Outbox,
    pulse: &'static Pulse,
    /// Where each part ends.
    ends: [f32; 4],
}

impl Loading {
    pub(crate) fn new(request: &LoadRequest, outbox: Outbox, pulse: &'static Pulse) -> Self {
        Self { outbox, pulse, ends: ends(files(request).map(|path| path.map_or(0, length))) }
    }

    /// So much of a part is done, and everything before it.
    pub(crate) fn tell(&self, step: JobStep, of_part: f32) {
        self.pulse.beat();
        let progress = LoadProgress { step, fraction: fraction(self.ends, step, of_part) };
        // Whoever does not listen any more has ended the worker.
        let _ = self.outbox.send(&Event::LoadProgress(progress));
    }

    /// Tells what it is given, where that is worth it.
    pub(crate) fn follow(&self, step: JobStep) -> impl FnMut(f32) + 'static + use<> {
        let loading = self.clone();
        let mut told = -1.0;
        move |of_part| {
            loading.pulse.beat();
            if of_part - told >= LEAST {
                told = of_part;
                loading.tell(step, of_part);
            }
        }
    }
}

/// What is read to load a model, in bytes: of its weights, its draft model and its projector.
pub(crate) fn n_bytes(request: &LoadRequest) -> u64 {
    let size = |path: &Path| match fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| length(&entry.path())).sum(),
        Err(_) => length(path),
    };
    files(request).into_iter().flatten().map(size).fold(0, u64::saturating_add)
}

/// The weights, the draft model's and the projector's.
fn files(request: &LoadRequest) -> [Option<&Path>; 3] {
    let draft = request.draft_model.as_ref().map(|it| it.path.as_path());
    [Some(request.path.as_path()), draft, request.projector.as_deref()]
}

/// Where each of [`PARTS`] ends, by the lengths of the files of weights, of the draft model and of the projector.
fn ends([weights, draft, projector]: [u64; 3]) -> [f32; 4] {
    let all = (weights + draft + projector).max(1) as f32;
    let share = |bytes: u64| bytes as f32 / all * (1.0 - CONTEXT_SHARE);
    let weights = share(weights);
    let draft = weights + share(draft);
    [weights, draft, draft + CONTEXT_SHARE, 1.0]
}

fn fraction(ends: [f32; 4], step: JobStep, of_part: f32) -> f32 {
    let part = PARTS.iter().position(|it| *it == step).unwrap_or_default();
    let begins = if part == 0 { 0.0 } else { ends[part - 1] };
    begins + (ends[part] - begins) * of_part.clamp(0.0, 1.0)
}

/// Of all its parts, where it is divided; a folder is as long as anything.
fn length(path: &Path) -> u64 {
    let length = |path: &Path| fs::metadata(path).map_or(0, |it| it.len());
    let name = path.file_stem().and_then(|it| it.to_str());
    match name.and_then(gguf::part_of) {
        Some(part) => length(path).saturating_mul(part.n_files.into()),
        None => length(path).max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_progress_is_a_sign_of_life_also_what_is_not_told() {
        let (pulse, request) = (Pulse::leaked(), LoadRequest::new("model.gguf".into()));
        let loading = Loading::new(&request, Outbox::new(std::io::sink()), pulse);
        let mut follow = loading.follow(JobStep::LoadingWeights);
        let counts = [0.0, LEAST / 4.0, LEAST / 2.0].map(|fraction| {
            follow(fraction);
            pulse.count()
        });
        assert!(counts.is_sorted_by(|a, b| a < b), "{counts:?}");
    }

    #[test]
    fn all_that_is_read_counts_whole_folders_too() {
        let folder = tempfile::tempdir().expect("a folder");
        let [one, two] = ["one.safetensors", "two.safetensors"].map(|name| folder.path().join(name));
        std::fs::write(&one, [7; 300]).expect("a file");
        std::fs::write(&two, [7; 500]).expect("a file");
        let file = LoadRequest::new(one);
        assert_eq!(n_bytes(&file), 300);
        assert_eq!(n_bytes(&LoadRequest { projector: Some(two), ..file }), 800);
        assert_eq!(n_bytes(&LoadRequest::new(folder.path().to_owned())), 800);
    }

    #[test]
    fn parts_are_as_long_as_their_files_and_come_one_after_the_other() {
        let check = |lengths: [u64; 3], step: JobStep, of_part: f32, expected: f32| {
            let given = fraction(ends(lengths), step, of_part);
            assert!((given - expected).abs() < 1e-5, "{lengths:?} {step:?} {of_part}: {given}");
        };
        check([800, 0, 0], JobStep::LoadingWeights, 0.5, 0.45);
        check([800, 0, 0], JobStep::PreparingContext, 0.0, 0.9);
        check([800, 0, 0], JobStep::PreparingContext, 1.0, 1.0);
        check([600, 200, 100], JobStep::LoadingWeights, 1.0, 0.6);
        check([600, 200, 100], JobStep::LoadingDraft, 0.0, 0.6);
        check([600, 200, 100], JobStep::LoadingDraft, 1.0, 0.8);
        check([600, 200, 100], JobStep::PreparingContext, 1.0, 0.9);
        check([600, 200, 100], JobStep::LoadingProjector, 0.0, 0.9);
        check([600, 200, 100], JobStep::LoadingProjector, 2.0, 1.0);
        check([0, 0, 0], JobStep::PreparingContext, 1.0, CONTEXT_SHARE);
    }
}
