use super::{claims, far, nearest_first, pieces};
use crate::{
    library::Helpers,
    tests::bench::{Bench, ME},
};
use types::ids::ModelId;

#[test]
fn claims_are_the_sentences_that_say_something() {
    let check = |answer: &str, expected: &[&str]| assert_eq!(claims(answer), expected);
    check(
        "The lamp burns oil [1]. It is *48 metres* high [2, 3].",
        &["The lamp burns oil.", "It is 48 metres high."],
    );
    check("# The lamp of the tower\n\nYes.\n\nIs that what you asked?", &[]);
    check(
        "There are two things here:\n\n- one is the `old` lamp\n- two is the new bell",
        &["one is the old lamp", "two is the new bell"],
    );
    check("```\nlet it be so = 1;\n```\nAn array is written a[i] here.", &["An array is written a[i] here."]);
    check("", &[]);
}

#[test]
fn a_passage_is_compared_whole_and_by_its_sentences() {
    assert_eq!(
        pieces("One is here.\nTwo is there."),
        ["One is here. Two is there.", "One is here.", "Two is there."]
    );
}

#[test]
fn far_is_what_nothing_is_near_to() {
    let pieces = [vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0]];
    let check = |claim: [f32; 3], expected: bool| assert_eq!(far(&[claim.to_vec()], &pieces), [expected]);
    check([0.0, 1.0, 0.0], false);
    check([0.5, 0.5, 0.7], false);
    check([0.3, 0.3, 0.9], true);
    check([0.0, 0.0, 1.0], true);
    assert_eq!(far(&[], &pieces), [] as [bool; 0]);
}

#[test]
fn of_much_text_what_is_nearest_comes_first() {
    let passages = [vec![0.1, 0.0], vec![0.0, 0.9], vec![0.5, 0.5]];
    assert_eq!(nearest_first(&passages, &[vec![0.0, 1.0]]), [1, 2, 0]);
    assert_eq!(nearest_first(&passages, &[vec![0.0, 1.0], vec![1.0, 0.0]]), [1, 2, 0]);
    assert_eq!(nearest_first(&passages, &[]), [0, 1, 2]);
}

#[tokio::test]
async fn sentences_are_compared_only_where_a_model_makes_vectors() {
    let bench = Bench::open().await;
    let passages = ["The lamp burns whale oil.".to_owned()];
    let answer = "The lamp burns oil of whales.";
    assert_eq!(bench.rag.unsupported(ME, answer, &passages).await.unwrap(), None);
    let embedder = Some(ModelId("scripted".into()));
    bench.rag.known_helpers().keep(Helpers { embedder, ..Helpers::default() });
    // The vectors of the scripted engine are longer than one: everything is near.
    assert_eq!(bench.rag.unsupported(ME, answer, &passages).await.unwrap(), Some(vec![]));
    assert_eq!(bench.rag.unsupported(ME, answer, &[]).await.unwrap(), Some(vec![answer.to_owned()]));
}
