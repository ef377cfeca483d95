use super::*;
use llama_cpp_2::context::params::LlamaPoolingType;
use protocol::N_SPEED_ROUNDS;
use types::{kv::KvFormat, launch::Buffers, speed::SpeedChoice};

#[test]
fn divergence_is_that_of_the_distributions() {
    let check = |reference: &[f32], other: &[f32], expected: f64| {
        let given = kld(reference, other);
        assert!((given - expected).abs() < 1e-6, "{given} is not {expected}");
    };
    check(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], 0.0);
    // The same distribution, since only differences count.
    check(&[1.0, 2.0, 3.0], &[101.0, 102.0, 103.0], 0.0);
    // A half and a half against three quarters and a quarter.
    check(&[0.0, 0.0], &[3_f32.ln(), 0.0], 0.5 * (0.5_f64 / 0.75).ln() + 0.5 * (0.5_f64 / 0.25).ln());
    check(&[-1000.0, 0.0], &[-1000.0, 0.0], 0.0);
}

#[test]
fn agreement_counts_the_most_likely_tokens() {
    let mut agreement = Agreement::default();
    agreement.add(&[0.0, 1.0], &[0.0, 1.0]);
    agreement.add(&[0.0, 1.0], &[1.0, 0.0]);
    assert!((agreement.top1() - 0.5).abs() < 1e-9);
    assert!(agreement.mean_kld() > 0.0);
}

#[test]
fn speed_is_compared_step_by_step() {
    let ms = |times: &[u64]| times.iter().map(|&ms| Duration::from_millis(ms)).collect::<Vec<_>>();
    assert!((ratio(&ms(&[10, 10, 1000]), &ms(&[20, 20, 20])) - 0.5).abs() < 1e-9);
    assert!((ratio(&[], &[]) - 1.0).abs() < 1e-9);
}

#[test]
fn the_text_is_long_enough() {
    assert!(TEXT.split_whitespace().count() > N_PROMPT);
}

/// A tiny model from `seed`, changed a little by `noise`.
fn model(backend: &LlamaBackend, seed: u64, noise: f32) -> LlamaModel {
    let file = tempfile::NamedTempFile::new().expect("a file");
    crate::tests::tiny_llama::write_relative(file.path(), seed, noise);
    let params = llama_cpp_2::model::params::LlamaModelParams::default();
    llama::load_file(backend, file.path(), params, |_| true).expect("a model")
}

#[test]
fn what_is_kept_is_counted_whatever_kind_of_layers_keeps_it() {
    let backend = LlamaBackend::init().expect("llama.cpp");
    let check = |expected: u64, write: &dyn Fn(&std::path::Path)| {
        let file = tempfile::NamedTempFile::new().expect("a file");
        write(file.path());
        let params = llama_cpp_2::model::params::LlamaModelParams::default();
        let model = llama::load_file(&backend, file.path(), params, |_| true).expect("a model");
        let mut told = Vec::new();
        let measured = measure_kv(&backend, &model, Some(1), &[KvType::default()], |it| {
            told.push(it);
            Ok(())
        });
        assert_eq!(measured, Ok(()));
        let [told] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(told.n_bytes, expected, "{told:?}");
        assert!(told.mean_kld < 1e-6 && told.top1_agreement > 0.999, "{told:?}");
        let ratios = [told.prefill_ratio, told.decode_ratio];
        assert!(ratios.iter().all(|ratio| ratio.is_finite() && *ratio > 0.0), "{told:?}");
    };
    // Keys and values of two heads with 16 numbers of 2 bytes each.
    let attending = 2 * 2 * 16 * 2 * u64::from(N_CTX);
    check(2 * attending, &|path| crate::tests::tiny_llama::write(path, 3));
    // Numbers of 4 bytes: 16 for each of 128 inner ones, and the 3 tokens before that a convolution of 4 looks at.
    check(2 * (16 + 3) * 128 * 4, &|path| crate::tests::tiny_recurrent::write_mamba(path, 3));
    let state = 16 * 64 + 3 * (64 + 2 * 16 * 2);
    check(attending + 4 * state, &|path| {
        crate::tests::tiny_recurrent::write_hybrid(path, 3, crate::tests::tiny_heads::Knows::Much)
    });
}

#[test]
fn every_choice_takes_its_turns_and_who_hears_nothing_ends_it() {
    let backend = LlamaBackend::init().expect("llama.cpp");
    let model = model(&backend, 7, 0.0);
    let choices = [(1, 32), (2, 32), (1, 512)].map(|(n_threads, n_batch)| SpeedChoice {
        n_threads,
        n_batch,
        n_gpu_layers: None,
    });
    let mut told = Vec::new();
    let measured = measure_speed(&backend, &model, &choices, |it| {
        told.push(it);
        Ok(())
    });
    assert_eq!(measured, Ok(()));
    let turns: Vec<_> = told.iter().map(|it| it.choice).collect();
    assert_eq!(turns, choices.repeat(N_SPEED_ROUNDS));
    let is_speed = |speed: f64| speed.is_finite() && speed > 0.0;
    assert!(told.iter().all(|it| is_speed(it.prefill) && is_speed(it.decode)), "{told:?}");
    let mut n_told = 0;
    let ended = measure_speed(&backend, &model, &choices, |_| {
        n_told += 1;
        Err("nobody listens".to_owned())
    });
    assert_eq!((ended, n_told), (Err("nobody listens".to_owned()), 1));
}

#[test]
fn a_model_is_loaded_once_for_each_number_of_layers() {
    let choice = |n_threads, n_gpu_layers| SpeedChoice { n_threads, n_batch: 512, n_gpu_layers };
    let groups = by_layers(&[choice(2, Some(9)), choice(1, Some(9)), choice(2, Some(0)), choice(3, Some(9))]);
    let expected =
        [vec![choice(2, Some(9)), choice(1, Some(9)), choice(3, Some(9))], vec![choice(2, Some(0))]];
    assert_eq!(groups, expected);
    assert_eq!(by_layers(&[]), Vec::<Vec<SpeedChoice>>::new());
}

#[test]
fn a_model_is_as_itself_and_a_changed_one_is_not() {
    let backend = LlamaBackend::init().expect("llama.cpp");
    let (own, changed) = (model(&backend, 7, 0.0), model(&backend, 7, 0.5));
    let mut told = Vec::new();
    let tell = |done| {
        told.push(done);
        Ok(())
    };
    let same = measure_quant(&backend, &own, &own, Some(1), tell).expect("figures");
    assert!(told.len() > 10 && told.is_sorted() && told.last() == Some(&1.0), "{told:?}");
    assert!(same.mean_kld < 1e-6 && same.top1_agreement > 0.999, "{same:?}");
    assert!((same.perplexity - same.reference_perplexity).abs() < 1e-6, "{same:?}");
    // It knows nothing, so that nothing is much likelier than anything else.
    assert!(same.perplexity > 1.0 && same.tokens_per_second > 0.0, "{same:?}");
    let ratios = [same.prefill_ratio, same.decode_ratio, same.tokens_per_second];
    assert!(ratios.iter().all(|it| it.is_finite() && *it > 0.0), "{same:?}");
    let other = measure_quant(&backend, &own, &changed, Some(1), |_| Ok(())).expect("figures");
    assert!(other.mean_kld > same.mean_kld && other.top1_agreement <= 1.0, "{other:?}");
    assert!((other.reference_perplexity - same.reference_perplexity).abs() < 1e-6, "{other:?}");
}

#[test]
fn a_dry_run_tells_what_is_allocated_then() {
    let backend = LlamaBackend::init().expect("llama.cpp");
    let check = |n_sequences: u32, write: &dyn Fn(&std::path::Path)| {
        let file = tempfile::NamedTempFile::new().expect("a file");
        write(file.path());
        let foretold = dry_run(&backend, file.path(), n_sequences).expect("a dry run");
        let exact = foretold.exact_buffers.expect("what it takes exactly");
        let usual = Buffers {
            bytes: foretold.buffers_bytes,
            cell_bytes: foretold.buffers_cell_bytes,
            pair_bytes: foretold.buffers_pair_bytes,
        };
        let params = llama_cpp_2::model::params::LlamaModelParams::default().with_load_mtp(true);
        let model = llama::load_file(&backend, file.path(), params, |_| true).expect("a model");
        let ways = [(KvFormat::F16, usual, [512, 4096], 50), (KvFormat::F32, exact, [8192, 16_384], 20)];
        for (format, of_way, contexts, precision) in ways {
            let kv_type = KvType::of(format);
            let path = file.path().to_owned();
            let request = protocol::LoadRequest { n_sequences, kv_type, ..protocol::LoadRequest::new(path) };
            for n_cells in contexts {
                let context = llama::open_pool(&backend, &model, &request, n_cells).expect("a context");
                let taken = llama::allocated(&context).expect("sizes");
                let whole = |fixed: u64, of_cell: u64| fixed + of_cell * u64::from(n_cells);
                assert_eq!(foretold.weights_bytes, taken.weights);
                assert_eq!(whole(foretold.state_bytes, kv_type.bytes(foretold.cell_bytes)), taken.kv);
                assert_eq!(of_way.pair_bytes, 0);
                let buffers = whole(of_way.bytes, of_way.cell_bytes);
                // With a vocabulary as small as this one, no row of logits counts.
                let apart = buffers.abs_diff(taken.buffers);
                assert!(apart <= taken.buffers / precision, "{format:?}: {buffers} of {taken:?}");
            }
        }
    };
    for n_sequences in [1, 16, llama::MAX_SEQUENCES] {
        check(n_sequences, &|path| crate::tests::tiny_llama::write(path, 3));
    }
    check(16, &|path| crate::tests::tiny_recurrent::write_mamba(path, 3));
    check(16, &|path| {
        crate::tests::tiny_recurrent::write_hybrid(path, 3, crate::tests::tiny_heads::Knows::Much)
    });
}

#[test]
fn a_dry_run_tells_what_a_model_that_makes_vectors_allocates() {
    use crate::tests::{tiny_bert, tiny_llama};
    let backend = LlamaBackend::init().expect("llama.cpp");
    let check = |output: llama::Output, in_parts: bool, write: &dyn Fn(&std::path::Path)| {
        let file = tempfile::NamedTempFile::new().expect("a file");
        write(file.path());
        let foretold = dry_run(&backend, file.path(), 1).expect("a dry run");
        let exact = foretold.exact_buffers.expect("what it takes exactly");
        let usual = Buffers {
            bytes: foretold.buffers_bytes,
            cell_bytes: foretold.buffers_cell_bytes,
            pair_bytes: foretold.buffers_pair_bytes,
        };
        let params = llama_cpp_2::model::params::LlamaModelParams::default();
        let model = llama::load_file(&backend, file.path(), params, |_| true).expect("a model");
        let ways = [(KvFormat::Q8, usual), (KvFormat::F32, exact)];
        for ((format, buffers), n_tokens) in ways.into_iter().flat_map(|way| [(way, 512), (way, 2048)]) {
            let kv_type = KvType::of(format);
            let request =
                protocol::LoadRequest { kv_type, ..protocol::LoadRequest::new(file.path().to_owned()) };
            let n_at_once = if in_parts { 512 } else { n_tokens };
            let shape = llama::VectorShape { output, n_tokens, n_at_once, n_sequences: 64 };
            let context = llama::open_vector_context(&backend, &model, &request, shape).expect("a context");
            let taken = llama::allocated(&context).expect("sizes");
            let n = u64::from(n_tokens);
            let buffers = buffers.bytes + buffers.cell_bytes * n + buffers.pair_bytes * n * n;
            let cell_bytes = kv_type.for_vectors().bytes(foretold.cell_bytes);
            // A mapped file pads tensors otherwise than memory does.
            let n_padding = foretold.weights_bytes.abs_diff(taken.weights);
            assert!(n_padding < 64, "{foretold:?} of {taken:?}");
            assert_eq!(foretold.state_bytes + cell_bytes * n, taken.kv);
            assert!(buffers.abs_diff(taken.buffers) <= taken.buffers / 20, "{buffers} of {taken:?}");
        }
    };
    let pooled = |pooling: LlamaPoolingType| llama::Output::Pooled(pooling);
    check(pooled(LlamaPoolingType::Mean), false, &|path| tiny_bert::write(path, 3, tiny_bert::Made::Mean));
    check(pooled(LlamaPoolingType::Cls), false, &|path| tiny_bert::write(path, 3, tiny_bert::Made::Cls));
    check(pooled(LlamaPoolingType::Rank), false, &|path| tiny_bert::write(path, 3, tiny_bert::Made::Rank));
    check(llama::Output::Tokens, true, &|path| tiny_llama::write_for_vectors(path, 3));
}

#[test]
fn what_is_no_model_is_told_by_a_sentence() {
    let backend = LlamaBackend::init().expect("llama.cpp");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "no model").expect("written");
    assert!(dry_run(&backend, file.path(), 1).is_err_and(|reason| !reason.is_empty()));
}
