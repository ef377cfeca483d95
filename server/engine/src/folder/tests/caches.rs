//! The network with one cache or another.

use crate::tests::tiny_twins::{Family, Form, write_folder};
use candle::{DecoderManifest, KvCache, Run, TextDecoder, Window};
use tempfile::TempDir;

const TOKENS: [u32; 24] =
    [7, 40, 98, 3, 77, 200, 31, 5, 5, 61, 120, 9, 250, 17, 88, 4, 66, 66, 66, 12, 150, 33, 2, 91];

struct Model {
    decoder: TextDecoder,
    manifest: DecoderManifest,
    _folder: TempDir,
}

fn model() -> Model {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model");
    write_folder(&path, Family::Llama3, 1, Form::default());
    let manifest = DecoderManifest::read(&path).expect("a description");
    let decoder = TextDecoder::load(&manifest, 64, 1, &mut |_| true).expect("weights");
    Model { decoder, manifest, _folder: folder }
}

impl Model {
    /// What comes after `tokens`, behind those in the cache.
    fn after(&self, cache: &mut dyn KvCache, tokens: &[u32]) -> Vec<f32> {
        let run = Run { tokens, cache, wants_logits: true };
        self.decoder.forward(&mut [run]).expect("logits").remove(0)
    }

    /// What comes after all tokens, given in parts of `n`.
    fn in_parts(&self, cache: &mut dyn KvCache, n: usize) -> Vec<f32> {
        TOKENS.chunks(n).fold(Vec::new(), |_, part| self.after(cache, part))
    }

    fn window(&self, n_sinks: usize, n_recent: usize) -> Window {
        Window::new(self.manifest.cells(), n_sinks, n_recent)
    }
}

#[track_caller]
fn check_near(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    let apart = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart < tolerance, "{apart}");
}

#[test]
fn parts_of_any_length_come_to_the_same() {
    let model = model();
    let expected = model.in_parts(&mut *model.decoder.new_cache(), TOKENS.len());
    for n in [1, 5, 23] {
        check_near(&model.in_parts(&mut *model.decoder.new_cache(), n), &expected, 1e-4);
        check_near(&model.in_parts(&mut model.window(4, 60), n), &expected, 1e-4);
    }
}

#[test]
fn runs_side_by_side_do_not_see_each_other() {
    let model = model();
    let (first, second) = TOKENS.split_at(10);
    let mut caches = [(); 3].map(|()| model.decoder.new_cache());
    let expected = [first, second].map(|tokens| model.after(&mut *model.decoder.new_cache(), tokens));
    let mut caches = caches.iter_mut();
    let runs = [(first, true), (&TOKENS[..], false), (second, true)].map(|(tokens, wants_logits)| {
        let cache = &mut **caches.next().expect("one for each");
        Run { tokens, cache, wants_logits }
    });
    let found = model.decoder.forward(&mut { runs }).expect("logits");
    assert_eq!(found.len(), 2);
    found.iter().zip(&expected).for_each(|(found, expected)| check_near(found, expected, 1e-4));
}

#[test]
fn what_was_cut_or_copied_goes_on_like_what_never_was_longer() {
    let model = model();
    let expected = model.in_parts(&mut *model.decoder.new_cache(), TOKENS.len());
    let mut cache = model.decoder.new_cache();
    model.after(&mut *cache, &TOKENS[..20]);
    let mut copy = cache.copy(12).expect("memory").expect("a copy");
    assert_eq!(cache.truncate(15), 15);
    check_near(&model.after(&mut *cache, &TOKENS[15..]), &expected, 1e-4);
    check_near(&model.after(&mut *copy, &TOKENS[12..]), &expected, 1e-4);
}

#[test]
fn a_window_is_exact_until_it_is_full_and_bounded_afterwards() {
    let model = model();
    let mut window = model.window(2, 6);
    let mut whole = model.decoder.new_cache();
    for (i, token) in TOKENS.iter().enumerate() {
        let (found, expected) = (model.after(&mut window, &[*token]), model.after(&mut *whole, &[*token]));
        let apart = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(found.iter().all(|it| it.is_finite()));
        assert_eq!(apart < 1e-4, i < 8, "{apart} after {} tokens", i + 1);
        assert!(window.bytes_with(0) <= 8 * model.manifest.cells().bytes());
    }
}
