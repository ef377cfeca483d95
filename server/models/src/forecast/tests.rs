use super::*;
use types::{
    kv::KvFormat,
    launch::{Buffers, DryRun},
};

const MB: u64 = 1_000_000;

/// A hundred megabytes of weights, and ten kilobytes for each of up to 4096 tokens, four contexts of them.
fn sizes() -> Sizes {
    let own = Footprint {
        weights_bytes: 100 * MB,
        cell_bytes: 10_000,
        n_ctx_train: Some(4096),
        ..Footprint::default()
    };
    Sizes { own, draft: None, projector: None, has_kv_types: true }
}

fn with_draft() -> Sizes {
    let draft = Footprint { weights_bytes: 30 * MB, cell_bytes: 1000, ..sizes().own };
    Sizes { draft: Some(draft), ..sizes() }
}

const USUAL: Usual = Usual { n_ctx: None, kv_type: KvType::of(KvFormat::F16), machine_bytes: 1 << 40 };

/// In which ways it fits into so many megabytes.
#[track_caller]
fn check(sizes: Sizes, profile: &LaunchProfile, room_mb: u64, expected: &[&str]) {
    let ways = ways(&sizes, profile, room_mb * MB, USUAL);
    let words: Vec<_> = ways.iter().map(|way| way.words().join(", ")).collect();
    assert_eq!(words, expected);
    for way in ways {
        assert!(sizes.bytes(&way, USUAL) <= room_mb * MB);
    }
}

#[test]
fn what_loses_least_comes_first() {
    let usual = LaunchProfile::default();
    // 100 for weights, 164 for keys and values, 42 for everything.
    assert_eq!(sizes().bytes(&usual, USUAL) / MB, 305);
    check(sizes(), &usual, 275, &["KV q8", "n_ctx 3072"]);
    check(sizes(), &usual, 205, &["KV q5", "n_ctx 1536", "n_ctx 2816, KV q8"]);
    check(sizes(), &usual, 165, &["n_ctx 1024, KV q8"]);
    check(sizes(), &usual, 135, &[]);
    let no_types = Sizes { has_kv_types: false, ..sizes() };
    check(no_types, &usual, 275, &["n_ctx 3072"]);
}

/// What is told of a model of 305 megabytes where models may take `room_mb` and the machine has `left_mb` left.
#[track_caller]
fn check_told(room_mb: u64, left_mb: u64, expected: &[&str]) {
    let bytes = sizes().bytes(&LaunchProfile::default(), USUAL);
    let (room_bytes, left_bytes) = (room_mb * MB, left_mb * MB);
    let fate = if bytes > room_bytes {
        Fate::DoesNotFit { missing_bytes: bytes - room_bytes, in_the_way: vec![] }
    } else if bytes > left_bytes {
        Fate::Tight { missing_bytes: bytes - left_bytes, unloads: vec![], in_the_way: vec![] }
    } else {
        Fate::Loads { unloads: vec![] }
    };
    let outlook = Outlook { fate, budget_bytes: room_bytes, room_bytes, left_bytes, machine_bytes: 1 << 40 };
    let smaller = [60, 30].map(|n_mb| {
        let own = Footprint { weights_bytes: n_mb * MB, ..sizes().own };
        (AlternativeFile::Repository(format!("of {n_mb}")), Sizes { own, ..sizes() })
    });
    let forecast = told(&sizes(), &smaller, &LaunchProfile::default(), outlook, USUAL);
    let words = forecast.alternatives.iter().map(|it| {
        let file = match &it.file {
            AlternativeFile::Repository(name) => Some(name.clone()),
            AlternativeFile::Same | AlternativeFile::Library(_) => None,
        };
        let tight = it.is_tight.then(|| "tight".to_owned());
        file.into_iter().chain(it.profile.words()).chain(tight).collect::<Vec<_>>().join(", ")
    });
    assert_eq!(words.collect::<Vec<_>>(), expected);
}

#[test]
fn what_fits_needs_no_other_way() {
    check_told(400, 400, &[]);
}

#[test]
fn the_largest_smaller_file_that_fits_is_offered_as_well() {
    check_told(275, 1000, &["KV q8", "n_ctx 3072", "of 60"]);
    check_told(240, 1000, &["KV q8", "n_ctx 2304", "of 30"]);
    check_told(205, 1000, &["KV q5", "n_ctx 1536", "of 60, KV q8"]);
}

#[test]
fn other_ways_fit_into_what_is_left_where_any_do() {
    check_told(1000, 275, &["KV q8", "n_ctx 3072", "of 60"]);
    check_told(275, 205, &["KV q5", "n_ctx 1536", "of 60, KV q8"]);
    // Nothing is that small: others have to give way.
    check_told(275, 50, &["KV q8, tight", "n_ctx 3072, tight", "of 60, tight"]);
    check_told(1000, 50, &[]);
}

#[test]
fn a_model_that_guesses_is_the_first_to_go() {
    let usual = LaunchProfile::default();
    check(with_draft(), &usual, 315, &["draft –", "KV q8", "n_ctx 3072"]);
    let none = LaunchProfile { draft: DraftChoice::None, ..usual };
    check(with_draft(), &none, 275, &["KV q8, draft –", "n_ctx 3072, draft –"]);
}

#[test]
fn parts_are_all_of_it() {
    let projector = Some(Footprint { weights_bytes: 50 * MB, ..Footprint::default() });
    let all = Sizes { projector, ..with_draft() };
    for profile in [LaunchProfile::default(), undrafted(LaunchProfile::default())] {
        let parts = all.parts(&profile, USUAL);
        assert_eq!(parts.total(), all.bytes(&profile, USUAL));
        assert_eq!((parts.weights, parts.projector), (100 * MB, 50 * MB));
        assert_eq!(parts.kv, 4 * 4096 * 10_000);
        let draft = if profile.draft == DraftChoice::None { 0 } else { 30 * MB + 4 * 4096 * 1000 };
        assert_eq!(parts.draft, draft);
    }
}

#[test]
fn buffers_are_those_of_the_keys_and_values_that_are_chosen() {
    let exact = Buffers { bytes: 64 * MB, cell_bytes: 512, pair_bytes: 0 };
    let run = DryRun {
        cell_bytes: 10_000,
        buffers_bytes: 32 * MB,
        exact_buffers: Some(exact),
        ..DryRun::default()
    };
    let own = sizes().own.tried(Some(run), KvType::default());
    let of = |sizes: Sizes, format: KvFormat| {
        let profile = LaunchProfile { kv_type: Some(KvType::of(format)), ..LaunchProfile::default() };
        let parts = sizes.parts(&profile, USUAL);
        assert_eq!((parts.total(), parts.weights), (sizes.bytes(&profile, USUAL), 100 * MB), "{format:?}");
        parts
    };
    let alone = Sizes { own, ..sizes() };
    let more = of(alone, KvFormat::F32).buffers - of(alone, KvFormat::F16).buffers;
    assert_eq!(more, 32 * MB + 4096 * 512);
    assert_eq!(of(alone, KvFormat::Q8).buffers, of(alone, KvFormat::F16).buffers);
    // One that guesses has keys and values of the same kind, and looks as far.
    let with_draft = Sizes { draft: Some(own), ..alone };
    let [exact, half] = [KvFormat::F32, KvFormat::F16].map(|format| of(with_draft, format));
    assert_eq!(exact.draft - half.draft, 32 * MB + 4 * 4096 * 10_000);
    assert_eq!(exact.buffers - half.buffers, 32 * MB + 2 * 4096 * 512);
}
