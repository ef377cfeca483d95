use super::{ContestantRow, NewRun, SlotRow};
use crate::{Store, StoreError, tests::open};
use types::{
    chat::{Guesser, MessageState, Usage},
    compare::Vote,
    ids::{CompareRunId, ModelId, UserId},
    overrides::{Knob, Overrides, Turn},
    reasoning::Effort,
};

const ME: UserId = UserId::LOCAL;
const OTHER: UserId = UserId(2);

fn contestant(model: &str, temperature: f64) -> ContestantRow {
    let sampling = Overrides(
        [
            (Knob::Temperature, temperature.into()),
            (Knob::MaxTokens, 24.0.into()),
            (Knob::Seed, f64::from(u32::MAX).into()),
            (Knob::Samplers, Turn::List(vec!["temperature".into()])),
        ]
        .into(),
    );
    ContestantRow {
        model: ModelId(model.into()),
        system_prompt: Some("Rhyme.".into()),
        effort: Some(Effort::Low),
        sampling,
    }
}

async fn create(store: &Store, contestants: &[ContestantRow]) -> CompareRunId {
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

fn ended(contestant: &ContestantRow, body: &str) -> SlotRow {
    let usage = Usage {
        n_prompt_tokens: 3,
        n_cached_tokens: 2,
        n_generated_tokens: 4,
        n_forgotten_tokens: 7,
        n_drafted_tokens: 8,
        n_accepted_tokens: 9,
        n_steps: 10,
        guesser: Guesser::Mtp,
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
        kv: Some("q8 → f32".into()),
        ..SlotRow::begun(contestant.clone())
    }
}

async fn finish(store: &Store, run: CompareRunId, contestants: &[ContestantRow]) {
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
    let listed = store.list_runs(ME, None, 10).await.unwrap();
    assert_eq!(listed[0].slots[1].contestant.model, who[1].model);
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
        .map(|line| (line.contestant.sampling.words().join(", "), line.n_runs, line.n_won, line.n_even))
        .collect();
    let words = |temperature: &str| format!("temperature {temperature}, samplers temperature");
    assert_eq!(counts, [(words("0"), 4, 2, 1), (words("0.7"), 4, 1, 1)]);
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
    assert!(store.list_runs(OTHER, None, 10).await.unwrap().is_empty());
    assert!(matches!(store.delete_run(OTHER, id, 5).await, Err(StoreError::NotFound)));
    store.end_interrupted_slots("gone").await.unwrap();
    assert!(matches!(store.vote(OTHER, id, Vote::Even).await, Err(StoreError::NotFound)));
    store.delete_run(ME, id, 5).await.unwrap();
    assert!(store.list_runs(ME, None, 10).await.unwrap().is_empty());
    assert!(matches!(store.restore_run(OTHER, id).await, Err(StoreError::NotFound)));
    store.restore_run(ME, id).await.unwrap();
    assert_eq!(store.list_runs(ME, None, 10).await.unwrap().len(), 1);
    store.delete_run(ME, id, 5).await.unwrap();
    assert_eq!(store.purge_runs(6).await.unwrap(), 1);
}

#[tokio::test]
async fn choices_are_counted_apart_by_what_models_are_told_first_and_how_much_they_think() {
    let (_folder, store) = open().await;
    let plain = contestant("a", 0.0);
    let who = [
        plain.clone(),
        ContestantRow { system_prompt: None, ..plain.clone() },
        ContestantRow { effort: None, ..plain },
    ];
    let id = create(&store, &who).await;
    finish(&store, id, &who).await;
    store.vote(ME, id, Vote::For(2)).await.unwrap();
    let tally = store.tally(ME, 10).await.unwrap();
    assert_eq!(
        tally.iter().map(|line| (line.n_runs, line.n_won)).collect::<Vec<_>>(),
        [(1, 1), (1, 0), (1, 0)]
    );
    assert_eq!(
        (tally[0].contestant.effort, tally[0].contestant.system_prompt.as_deref()),
        (None, Some("Rhyme."))
    );
}

/// A database as it was before answers had all samplers, with one run in it.
async fn before_all_samplers(path: &std::path::Path) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let earlier = sqlx::migrate::Migrator {
        migrations: crate::MIGRATIONS.iter().filter(|it| it.version < 57).cloned().collect(),
        ..sqlx::migrate::Migrator::DEFAULT
    };
    earlier.run(&pool).await.unwrap();
    sqlx::raw_sql(
        "insert into compare_run (user_id, prompt, system_prompt, is_blind, in_turn, vote, created_ms)
             values (1, 'Which?', 'Be.', 1, 0, 1, 1);
         insert into compare_slot (run_id, position, model, temperature, top_k, top_p, min_p, repeat_penalty, max_tokens,
                 seed, body, state, n_prompt_tokens, n_generated_tokens)
             values (1, 0, 'a', 0.699999988079071, 40, 0.949999988079071, 0.0500000007450581, 1.10000002384186, null, null,
                     'so', 'complete', 3, 4),
                    (1, 1, 'b', 1.5, 0, 1.0, 0.0, 1.14999997615814, 24, 4294967295, 'so', 'complete', 3, 4);",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
}

#[tokio::test]
async fn runs_of_earlier_versions_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sqlite");
    before_all_samplers(&path).await;
    let store = Store::open(&path).await.unwrap();
    let run = store.list_runs(ME, None, 10).await.unwrap().remove(0);
    let run = store.find_run(ME, run.id).await.unwrap().unwrap();
    let words: Vec<_> = run.slots.iter().map(|slot| slot.contestant.sampling.words().join(", ")).collect();
    let second =
        "temperature 1.5, top_k 0, top_p 1, min_p 0, repeat_penalty 1.15, max_tokens 24, seed 4294967295";
    assert_eq!(words, ["", second]);
    let first = &run.slots[0];
    assert_eq!((&first.contestant.system_prompt, first.contestant.effort, &first.kv), (&None, None, &None));
    let usage = Usage { n_prompt_tokens: 3, n_generated_tokens: 4, ..Usage::default() };
    assert_eq!((first.body.as_str(), first.usage), ("so", Some(usage)));
    let tally = store.tally(ME, 10).await.unwrap();
    assert_eq!((tally[0].contestant.model.0.as_str(), tally[0].n_won), ("b", 1));
}
