use super::{NewRun, SlotRow};
use crate::{Store, StoreError};
use tempfile::TempDir;
use types::{
    chat::{MessageState, Usage},
    compare::{Contestant, SlotSampling, Vote},
    ids::{CompareRunId, ModelId, UserId},
    sampling::Sampling,
};

const ME: UserId = UserId::LOCAL;
const OTHER: UserId = UserId(2);

async fn open() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("app.sqlite")).await.unwrap();
    (folder, store)
}

fn contestant(model: &str, temperature: f32) -> Contestant {
    let sampling =
        SlotSampling { temperature, seed: Some(u32::MAX), ..SlotSampling::of(&Sampling::default()) };
    Contestant { model: ModelId(model.into()), sampling }
}

async fn create(store: &Store, contestants: &[Contestant]) -> CompareRunId {
    let run = NewRun {
        prompt: "Which?",
        system_prompt: "Be.",
        is_blind: true,
        in_turn: false,
        contestants,
        now_ms: 1,
    };
    store.create_run(ME, run).await.unwrap()
}

fn ended(contestant: &Contestant, body: &str) -> SlotRow {
    let usage = Usage {
        n_prompt_tokens: 3,
        n_cached_tokens: 2,
        n_generated_tokens: 4,
        first_token_ms: 5,
        decode_ms: 6,
        ..Usage::default()
    };
    SlotRow {
        body: body.into(),
        reasoning: "hm".into(),
        state: MessageState::Complete,
        had_no_room: true,
        usage: Some(usage),
        ..SlotRow::begun(contestant.clone())
    }
}

async fn finish(store: &Store, run: CompareRunId, contestants: &[Contestant]) {
    for (position, contestant) in (0..).zip(contestants) {
        store.finish_slot(run, position, &ended(contestant, "so")).await.unwrap();
    }
}

#[tokio::test]
async fn a_run_comes_back_as_it_was() {
    let (_folder, store) = open().await;
    let who = [contestant("a", 0.0), contestant("b", 0.7)];
    let id = create(&store, &who).await;
    store.save_partial_slot(id, 1, "par", "").await.unwrap();
    store.finish_slot(id, 0, &ended(&who[0], "so")).await.unwrap();
    let again = store.finish_slot(id, 0, &ended(&who[0], "twice")).await;
    assert!(matches!(again, Err(StoreError::NotFound)));
    let run = store.find_run(ME, id).await.unwrap().unwrap();
    assert_eq!((run.prompt.as_str(), run.system_prompt.as_str()), ("Which?", "Be."));
    let partial = SlotRow { body: "par".into(), ..SlotRow::begun(who[1].clone()) };
    assert_eq!(run.slots, [ended(&who[0], "so"), partial]);
    let listed = store.list_runs(ME, 10).await.unwrap();
    assert_eq!(listed[0].slots[1].contestant, who[1]);
    assert_eq!(listed[0].slots[0].body, "");
}

#[tokio::test]
async fn a_choice_is_made_once_and_when_all_is_said() {
    let (_folder, store) = open().await;
    let who = [contestant("a", 0.0), contestant("b", 0.7)];
    let id = create(&store, &who).await;
    let vote = async |vote| store.vote(ME, id, vote).await;
    assert!(matches!(vote(Vote::For(0)).await, Err(StoreError::NotFound)), "it is still being written");
    finish(&store, id, &who).await;
    assert!(matches!(vote(Vote::For(2)).await, Err(StoreError::NotFound)), "there is no such answer");
    vote(Vote::For(1)).await.unwrap();
    assert!(matches!(vote(Vote::Even).await, Err(StoreError::NotFound)), "it was made");
    assert_eq!(store.find_run(ME, id).await.unwrap().unwrap().vote, Some(Vote::For(1)));
}

#[tokio::test]
async fn choices_are_counted_by_model_and_settings() {
    let (_folder, store) = open().await;
    let who = [contestant("a", 0.0), contestant("a", 0.7)];
    for vote in [Vote::For(0), Vote::For(0), Vote::For(1), Vote::Even] {
        let id = create(&store, &who).await;
        finish(&store, id, &who).await;
        store.vote(ME, id, vote).await.unwrap();
    }
    // One that nobody chose in yet does not count.
    create(&store, &who).await;
    let tally = store.tally(ME, 10).await.unwrap();
    let counts: Vec<_> = tally
        .iter()
        .map(|line| (line.contestant.sampling.temperature, line.n_runs, line.n_won, line.n_even))
        .collect();
    assert_eq!(counts, [(0.0, 4, 2, 1), (0.7, 4, 1, 1)]);
}

#[tokio::test]
async fn answers_that_a_crash_left_are_ended_with_their_text() {
    let (_folder, store) = open().await;
    let id = create(&store, &[contestant("a", 0.0), contestant("b", 0.0)]).await;
    store.save_partial_slot(id, 0, "half", "").await.unwrap();
    assert_eq!(store.end_interrupted_slots("gone").await.unwrap(), 2);
    let run = store.find_run(ME, id).await.unwrap().unwrap();
    assert_eq!((run.slots[0].body.as_str(), run.slots[0].state), ("half", MessageState::Failed));
    assert_eq!(run.slots[0].error.as_deref(), Some("gone"));
}

#[tokio::test]
async fn runs_are_deleted_with_undo_and_nobody_sees_those_of_others() {
    let (_folder, store) = open().await;
    let id = create(&store, &[contestant("a", 0.0), contestant("b", 0.0)]).await;
    assert!(store.find_run(OTHER, id).await.unwrap().is_none());
    assert!(store.list_runs(OTHER, 10).await.unwrap().is_empty());
    assert!(matches!(store.delete_run(OTHER, id, 5).await, Err(StoreError::NotFound)));
    store.end_interrupted_slots("gone").await.unwrap();
    assert!(matches!(store.vote(OTHER, id, Vote::Even).await, Err(StoreError::NotFound)));
    store.delete_run(ME, id, 5).await.unwrap();
    assert!(store.list_runs(ME, 10).await.unwrap().is_empty());
    assert!(matches!(store.restore_run(OTHER, id).await, Err(StoreError::NotFound)));
    store.restore_run(ME, id).await.unwrap();
    assert_eq!(store.list_runs(ME, 10).await.unwrap().len(), 1);
    store.delete_run(ME, id, 5).await.unwrap();
    assert_eq!(store.purge_runs(6).await.unwrap(), 1);
}
