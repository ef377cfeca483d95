//! What is told of memory before anything is downloaded, from a hub of our own.

use super::{Bench, downloads::chosen, gguf, llama};
use hub::testing::{PretendRepository, TestHub};
use inference::Outlook;
use types::{
    discover::{Choice, ForeseenWay},
    kv::{KvFormat, KvType},
    launch::{AlternativeFile, Fate, Fit},
};

const REPO: &str = "maker/Tiny-GGUF";
const MB: u64 = 1_000_000;

/// A repository with two files of one model, the larger one of eight megabytes, and a small one of another model.
async fn bench() -> (Bench, TestHub) {
    let hub = TestHub::start().await.unwrap();
    let repository = PretendRepository::new(REPO)
        .with_tags(&["gguf"])
        .with_file("Tiny-Q8_0.gguf", llama(8 * MB))
        .with_file("Tiny-Q4_K_M.gguf", llama(4 * MB))
        .with_file("Other-Q4_K_M.gguf", llama(MB))
        .with_file("mmproj-Tiny-F16.gguf", llama(MB));
    let hub = hub.with_repository(repository);
    (Bench::with_hub(&hub).await, hub)
}

fn outlook(fate: Fate, room_mb: u64, left_mb: u64) -> Outlook {
    let (room_bytes, left_bytes) = (room_mb * MB, left_mb * MB);
    Outlook { fate, budget_bytes: room_bytes, room_bytes, left_bytes, machine_bytes: 1 << 40 }
}

#[tokio::test]
async fn every_file_says_whether_it_fits_now_or_only_once_others_give_way() {
    let (bench, _hub) = bench().await;
    // Beside its weights, half a gibibyte is kept free.
    let check = async |room_mb: u64, left_mb: u64, expected: Fit| {
        bench.engine.set_outlook(outlook(Fate::Loads { unloads: vec![] }, room_mb, left_mb));
        let choices = bench.look(REPO).await.unwrap().choices;
        let is_it = |it: &&Choice| it.name == "Tiny-Q8_0";
        let fit = choices.iter().find(is_it).map(|it| it.fit);
        assert_eq!(fit, Some(expected), "{room_mb} {left_mb}");
    };
    check(1000, 1000, Fit::Fits).await;
    check(1000, 500, Fit::Tight).await;
    check(500, 1000, Fit::TooLarge).await;
    check(500, 500, Fit::TooLarge).await;
}

#[tokio::test]
async fn where_a_file_does_not_fit_a_smaller_one_of_the_same_model_is_offered() {
    let (bench, _hub) = bench().await;
    let look = async |name: &str, fate: Fate, room_mb: u64| {
        bench.engine.set_outlook(outlook(fate, room_mb, 1000));
        bench
            .models
            .foresee_download(&chosen(REPO, None, name), ForeseenWay::default())
            .await
            .unwrap()
            .forecast
    };
    let all = look("Tiny-Q8_0", Fate::Loads { unloads: vec![] }, 1000).await;
    assert!(all.alternatives.is_empty());
    // A little less than all of it.
    let room_mb = all.parts.total() / MB - 1;
    let missing = |name| look(name, Fate::DoesNotFit { missing_bytes: 2 * MB, in_the_way: vec![] }, room_mb);
    let files = async |name: &'static str| {
        let alternatives = missing(name).await.alternatives;
        assert!(alternatives.iter().all(|it| it.bytes <= room_mb * MB), "{alternatives:?}");
        alternatives
            .into_iter()
            .map(|it| it.file)
            .filter(|it| *it != AlternativeFile::Same)
            .collect::<Vec<_>>()
    };
    assert_eq!(files("Tiny-Q8_0").await, [AlternativeFile::Repository("Tiny-Q4_K_M".into())]);
    assert!(files("Tiny-Q4_K_M").await.is_empty(), "another model is no smaller file of this one");
}

#[tokio::test]
async fn what_is_chosen_before_a_download_counts_as_before_a_load() {
    let numbers = [
        ("llama.context_length", 4096),
        ("llama.block_count", 4),
        ("llama.embedding_length", 256),
        ("llama.attention.head_count", 4),
    ];
    let wide = gguf(&[("general.architecture", "llama")], &numbers, 8 * MB);
    let hub = TestHub::start().await.unwrap();
    let hub = hub.with_repository(PretendRepository::new(REPO).with_file("Tiny-Q8_0.gguf", wide));
    let bench = Bench::with_hub(&hub).await;
    let fate = Fate::DoesNotFit { missing_bytes: MB, in_the_way: vec![] };
    bench.engine.set_outlook(outlook(fate, 1, 1000));
    let kept = |format| Some(KvType::of(format));
    let look = async |n_ctx, kv_type| {
        let way = ForeseenWay { n_ctx, kv_type };
        bench.models.foresee_download(&chosen(REPO, None, "Tiny-Q8_0"), way).await
    };
    let usual = look(None, None).await.unwrap();
    assert_eq!((usual.n_ctx, usual.usual_n_ctx, usual.n_ctx_train), (4096, 4096, Some(4096)));
    assert!(usual.has_kv_types && usual.usual_kv_type == KvType::default());
    let check = async |n_ctx: Option<u32>, kv_type: Option<KvType>, expected: (u64, u64)| {
        let told = look(n_ctx, kv_type).await.unwrap();
        let (usual, parts) = (usual.forecast.parts, told.forecast.parts);
        assert_eq!(parts.kv * expected.1, usual.kv * expected.0, "{n_ctx:?} {kv_type:?}");
        assert_eq!((parts.weights, parts.buffers), (usual.weights, usual.buffers));
        assert_eq!((told.n_ctx, told.usual_n_ctx), (n_ctx.unwrap_or(4096), 4096));
    };
    check(Some(1024), None, (1, 4)).await;
    check(None, kept(KvFormat::F32), (2, 1)).await;
    check(Some(2048), kept(KvFormat::Q8), (17, 64)).await;
    // Other ways begin with what was chosen.
    let room_mb = usual.forecast.parts.total() / MB + 5;
    let fate = Fate::DoesNotFit { missing_bytes: MB, in_the_way: vec![] };
    bench.engine.set_outlook(outlook(fate, room_mb, 1000));
    let ways = look(None, kept(KvFormat::F32)).await.unwrap().forecast.alternatives;
    assert!(!ways.is_empty() && ways.iter().all(|it| it.bytes <= room_mb * MB), "{ways:?}");
    assert_eq!(ways[0].profile.kv_type, kept(KvFormat::F16));
    let refused = look(Some(1), None).await.unwrap_err().to_string();
    assert!(refused.contains("256"), "{refused}");
}
