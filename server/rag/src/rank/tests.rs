use super::reordered;
use crate::tests::bench::{Bench, ME};
use inference::{ScriptedEngine, Tenant, Who};
use types::{
    document::RankBy,
    ids::{ModelId, PassageId},
};

const TEXTS: [&str; 4] =
    ["the stairs of the tower", "whale oil burns", "the tower stairs count two hundred steps", "the tower"];

#[tokio::test]
async fn a_model_that_ranks_has_the_last_word_and_its_scores_are_kept() {
    let bench = Bench::open().await;
    let collection = bench.collection("Lighthouse", &TEXTS).await;
    let query = "tower stairs steps";
    let joined = bench.search(collection, query).await;
    assert!(joined.passages.iter().all(|it| it.ranking.is_none()) && joined.note.is_none(), "{joined:?}");

    bench.rank_with("scripted");
    let ranked = bench.search(collection, query).await;
    assert_eq!(ranked.note, None);
    let scores: Vec<_> = ranked.passages.iter().map(|it| it.ranking.unwrap()).collect();
    // The scripted engine counts the words of the question that a passage has.
    assert_eq!(scores.iter().map(|it| it.value).collect::<Vec<_>>(), [3.0, 2.0, 1.0]);
    assert_eq!(scores.iter().map(|it| it.rank).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(ranked.passages[0].text.contains("two hundred") && ranked.passages[0].words.is_some());
}

#[tokio::test]
async fn a_person_chooses_what_ranks() {
    let bench = Bench::open().await;
    let collection = bench.collection("Lighthouse", &TEXTS).await;
    let check = async |by: RankBy, expected: Option<&str>| {
        bench.rag.rank_by(ME, by.clone()).await.unwrap();
        bench.rank_with("scripted");
        let view = bench.rag.look(ME, Some(collection), "", 1).await.unwrap();
        assert_eq!((view.ranker.as_deref(), &view.rank_by), (expected, &by));
        let found = bench.search(collection, "tower stairs steps").await;
        assert!(
            found.passages.iter().all(|it| it.ranking.is_some() == expected.is_some()),
            "{by:?}: {found:?}"
        );
    };
    check(RankBy::Made, Some("scripted")).await;
    check(RankBy::Nothing, None).await;
    check(RankBy::Model(ModelId("scripted".to_owned())), Some("scripted")).await;
    check(RankBy::Model(ModelId("no longer there".to_owned())), Some("scripted")).await;
}

#[tokio::test]
async fn without_the_model_the_order_stays_and_a_note_says_why() {
    let bench = Bench::open().await;
    let collection = bench.collection("Lighthouse", &TEXTS).await;
    let order =
        |found: types::document::Found| found.passages.iter().map(|it| it.passage).collect::<Vec<_>>();
    let joined = order(bench.search(collection, "tower stairs").await);
    bench.rank_with("a model that is gone");
    let found = bench.search(collection, "tower stairs").await;
    assert!(
        found.note.clone().unwrap().starts_with("The order is that of words and meanings: "),
        "{found:?}"
    );
    assert_eq!(order(found), joined);
}

#[tokio::test]
async fn whoever_searches_takes_a_turn_of_their_own() {
    let engine = ScriptedEngine::new([]);
    let bench = Bench::open_with(tempfile::tempdir().unwrap(), engine.clone()).await;
    let collection = bench.collection("Lighthouse", &TEXTS).await;
    bench.rank_with("scripted");
    bench.search(collection, "tower stairs steps").await;
    bench.rag.embed(ME, &ModelId("scripted".to_owned()), vec!["a text".to_owned()]).await.unwrap();
    let asked = engine.vectors_for();
    let me = Who::alone(Tenant(ME.0));
    assert!(asked.len() > 1 && asked.iter().all(|who| *who == me), "{asked:?}");
}

#[test]
fn what_was_not_ranked_comes_after_what_was() {
    let list = |ids: &[i64]| ids.iter().map(|id| (PassageId(*id), *id as f32)).collect::<Vec<_>>();
    let check = |fused: &[i64], ranked: &[i64], expected: &[i64]| {
        assert_eq!(reordered(&list(fused), &list(ranked)), list(expected));
    };
    check(&[1, 2, 3, 4], &[2, 1], &[2, 1, 3, 4]);
    check(&[1, 2], &[], &[1, 2]);
    check(&[1, 2], &[9, 2], &[2, 1]);
    check(&[], &[1], &[]);
}
