use super::*;
use types::{kv::KvFormat, launch::Buffers};

const GB: u64 = 1_000_000_000;

/// 1000 bytes a cell, no vocabulary.
fn model() -> Footprint {
    Footprint { weights_bytes: GB, cell_bytes: 1000, n_ctx_train: Some(4096), ..Footprint::default() }
}

#[track_caller]
fn check(n_ctx: Option<u32>, machine_bytes: u64, n_cells: u64) {
    assert_eq!(model().bytes(n_ctx, machine_bytes), GB + BASE_BYTES + n_cells * 1000);
}

#[test]
fn the_pool_holds_four_contexts_where_memory_allows() {
    check(None, 16 * GB, 4 * 4096);
    check(Some(512), 16 * GB, 4 * 512);
    check(Some(1 << 20), 16 * GB, 4 * 4096);
    check(Some(512), 4_000_000, 1000);
    check(Some(512), 0, 512);
}

#[test]
fn a_draft_model_is_counted_with_its_weights_cells_and_logits() {
    let draft_model = Footprint {
        weights_bytes: GB / 10,
        cell_bytes: 100,
        n_ctx_train: Some(512),
        n_vocab: 300,
        ..Footprint::default()
    };
    let both = model().with_draft_model(draft_model);
    let expected = GB + GB / 10 + BASE_BYTES + 300 * (64 * 4 + 250) + 4 * 4096 * 1100;
    assert_eq!(both.bytes(None, 16 * GB), expected);
}

#[test]
fn wider_models_and_larger_batches_need_more_to_compute_with() {
    let check = |n_embd, n_batch, expected: u64| {
        let footprint = Footprint { n_embd, n_batch, ..Footprint::default() };
        assert_eq!(footprint.bytes(None, 0), BASE_BYTES + expected);
    };
    check(0, None, 0);
    check(1000, None, 512 * 52_000);
    check(1000, Some(128), 128 * 52_000);
}

#[test]
fn what_makes_vectors_computes_a_whole_text_at_once_unless_it_takes_parts() {
    let encoder =
        Footprint { n_embd: 1000, n_ctx_train: Some(8192), makes_vectors: true, ..Footprint::default() };
    let check = |footprint: Footprint, n_ctx, expected: u64| {
        assert_eq!(footprint.bytes(n_ctx, 16 * GB), BASE_BYTES + expected);
    };
    check(encoder, None, 2048 * 52_000 + 2048 * 2048 * 6);
    check(encoder, Some(8192), 8192 * 52_000 + 8192 * 8192 * 6);
    check(encoder, Some(100), 512 * 52_000 + 512 * 512 * 6);
    // One that writes as well keeps keys and values for one text, and says how likely each word is.
    let writer = Footprint { n_vocab: 1000, cell_bytes: 10, ..encoder };
    check(writer, None, 2048 * 52_000 + 2048 * 2048 * 6 + 1000 * (2048 * 8 + 250) + 2048 * 10);
    let in_parts = Footprint { takes_parts: true, ..writer };
    check(in_parts, None, 512 * 52_000 + 512 * 2048 * 6 + 1000 * (512 * 8 + 250) + 2048 * 10);
}

#[test]
fn the_largest_context_that_fits_is_found() {
    let room = GB + BASE_BYTES + 4 * 1024 * 1000;
    assert_eq!(model().largest_context(None, room, 16 * GB), Some(1024));
    assert_eq!(model().largest_context(None, GB, 16 * GB), None);
    assert_eq!(model().largest_context(Some(256), u64::MAX, 16 * GB), None);
}

#[test]
fn what_is_measured_counts_unless_more_is_to_come() {
    let check = |grows, measured, expected| {
        let footprint = Footprint { grows, ..model() };
        assert_eq!(footprint.counted(3 * GB, measured), expected);
    };
    check(false, None, (3 * GB, false));
    check(false, Some(2 * GB), (2 * GB, true));
    check(false, Some(GB / 2), (GB, true));
    check(true, Some(2 * GB), (3 * GB, false));
    check(true, Some(4 * GB), (4 * GB, true));
}

/// With a dry run that told 900 bytes a cell and 7 more for each that is looked at.
fn tried() -> Footprint {
    let run = DryRun {
        weights_bytes: GB / 2,
        state_bytes: 5000,
        cell_bytes: 900,
        buffers_bytes: 512_000,
        buffers_cell_bytes: 7 * 512,
        buffers_pair_bytes: 0,
        exact_buffers: None,
    };
    model().tried(Some(run), KvType::default())
}

#[test]
fn a_dry_run_counts_instead_of_the_files_own_numbers() {
    let parts = tried().parts(Some(512), 16 * GB);
    let expected = MemoryParts {
        weights: GB,
        kv: 4 * 512 * 900 + 5000,
        buffers: BASE_BYTES + OWN_BYTES + 512_000 + 512 * 7 * 512,
        ..MemoryParts::default()
    };
    assert_eq!(parts, expected);
    let half = Footprint { n_batch: Some(256), ..tried() };
    assert_eq!(
        half.parts(Some(512), 16 * GB).buffers,
        BASE_BYTES + OWN_BYTES + (512_000 + 512 * 7 * 512) / 2
    );
}

#[test]
fn attention_that_is_not_fused_counts_whenever_it_is_said_that_nothing_is_rounded() {
    let run = DryRun {
        cell_bytes: 900,
        buffers_bytes: 1000 * 512,
        buffers_cell_bytes: 7 * 512,
        exact_buffers: Some(Buffers { bytes: 2000 * 512, cell_bytes: 90 * 512, pair_bytes: 0 }),
        ..DryRun::default()
    };
    let check = |kept: KvFormat, [fixed, of_cell]: [u64; 2]| {
        let kv_type = KvType::of(kept);
        let expected = MemoryParts {
            weights: GB,
            kv: 4 * 512 * kv_type.bytes(900),
            buffers: BASE_BYTES + OWN_BYTES + 512 * (fixed + 512 * of_cell),
            ..MemoryParts::default()
        };
        let at_once = model().tried(Some(run), kv_type);
        let later = model().tried(Some(run), KvType::default()).with_kv_type(kv_type);
        for footprint in [at_once, later] {
            assert_eq!(footprint.parts(Some(512), 16 * GB), expected, "{kept:?}");
        }
    };
    check(KvFormat::F16, [1000, 7]);
    check(KvFormat::Q8, [1000, 7]);
    check(KvFormat::F32, [2000, 90]);
}

#[test]
fn what_makes_vectors_takes_what_a_dry_run_told_of_a_text_of_that_length() {
    let run = DryRun {
        cell_bytes: 10,
        buffers_bytes: 3000,
        buffers_cell_bytes: 500,
        buffers_pair_bytes: 6,
        exact_buffers: Some(Buffers { bytes: 4000, cell_bytes: 700, pair_bytes: 50 }),
        ..DryRun::default()
    };
    let encoder = Footprint { n_ctx_train: Some(8192), makes_vectors: true, ..Footprint::default() };
    let check = |kept, n_ctx, n: u64, [cell, fixed, of_cell, of_pair]: [u64; 4]| {
        let tried = encoder.tried(Some(run), KvType::of(kept));
        let expected = BASE_BYTES + OWN_BYTES + n * cell + fixed + n * of_cell + n * n * of_pair;
        assert_eq!(tried.bytes(n_ctx, 16 * GB), expected, "{kept:?}");
    };
    for (n_ctx, n) in [(None, 2048), (Some(8192), 8192), (Some(100), 512)] {
        check(KvFormat::F16, n_ctx, n, [10, 3000, 500, 6]);
        check(KvFormat::Q8, n_ctx, n, [10, 3000, 500, 6]);
        // What is not rounded takes twice as much, and attention is not fused.
        check(KvFormat::F32, n_ctx, n, [20, 4000, 700, 50]);
    }
}

#[test]
fn what_comes_beside_it_is_added_to_what_a_dry_run_told() {
    let check = |with: Footprint, more: u64| {
        assert_eq!(with.bytes(Some(512), 16 * GB), tried().bytes(Some(512), 16 * GB) + more);
    };
    check(tried().with_weights(77), 77);
    let draft = Footprint { weights_bytes: 1000, cell_bytes: 10, ..Footprint::default() };
    check(tried().with_draft_model(draft), 1000 + 4 * 512 * 10);
    let exact = Buffers { cell_bytes: 11 * 512, ..Buffers::default() };
    let run =
        DryRun { cell_bytes: 10, buffers_cell_bytes: 512, exact_buffers: Some(exact), ..DryRun::default() };
    let of_draft = |format| tried().with_draft_model(draft.tried(Some(run), KvType::of(format)));
    check(of_draft(KvFormat::F16), 1000 + 4 * 512 * 10 + OWN_BYTES);
    // It looks at as many tokens as the model, which takes much where attention is not fused.
    check(of_draft(KvFormat::F32), 1000 + 4 * 512 * 20 + OWN_BYTES + 512 * 11 * 512);
    let eight_bits = tried().with_kv_type(KvType::of(KvFormat::Q8));
    let cell = eight_bits.dry_run.map(|it| it.cell_bytes);
    assert!(cell.is_some_and(|it| it < 900), "{cell:?}");
}
