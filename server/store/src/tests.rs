use super::{
    CallResult, CallRow, MessageRow, NewSession, NewTurn, Outcome, Store, StoreError, ThoughtRow, TurnIds,
};
use std::collections::HashMap;
use tempfile::TempDir;
use types::{
    chat::{Guesser, MessageState, Usage},
    filing::Filter,
    ids::{ImageId, MessageId, ModelId, SessionId, UserId},
    job::JobKind,
    kv::{KvFormat, KvMeasure, KvType},
    launch::{AdapterChoice, DraftChoice, LaunchOptions, LaunchProfile},
    overrides::{Overrides, SetUp},
    settings::{Theme, UserSettings},
    speed::{DraftMeasure, DraftSpeed, SpeedChoice, SpeedMeasure},
    tools::ToolCall,
};

const ME: UserId = UserId::LOCAL;
const OTHER: UserId = UserId(2);

/// A new database, which is there as long as its folder.
pub(crate) async fn open() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("app.sqlite")).await.unwrap();
    (folder, store)
}

pub(crate) async fn turn(
    store: &Store,
    session: SessionId,
    parent: Option<MessageId>,
    text: &str,
) -> TurnIds {
    let turn = NewTurn {
        parent,
        text: Some(text),
        images: &[],
        documents: &[],
        model: Some("tiny"),
        is_revised: false,
        now_ms: 10,
    };
    store.add_turn(ME, session, turn).await.unwrap()
}

pub(crate) async fn finish(store: &Store, reply: MessageId, body: &str) {
    let outcome = Outcome { body, ..ended(MessageState::Complete) };
    store.finish_message(reply, outcome).await.unwrap();
}

/// The end of an answer without a word.
fn ended(state: MessageState) -> Outcome<'static> {
    Outcome { body: "", thought: None, state, error: None, usage: None, kv: None, probabilities: &[] }
}

/// The shown branch as text.
async fn shown(store: &Store, session: SessionId) -> Vec<String> {
    let leaf = store.find_session(ME, session).await.unwrap().unwrap().leaf.unwrap();
    let thread = store.load_thread(ME, session, leaf).await.unwrap();
    thread.messages.into_iter().map(|message| message.body).collect()
}

async fn found(store: &Store, query: &str) -> usize {
    store.search_sessions(ME, query, 0, 10).await.unwrap().0.len()
}

#[tokio::test]
async fn a_turn_is_a_question_and_a_running_answer() {
    let (_folder, store) = open().await;
    let session = store.create_session(ME, 1).await.unwrap();
    let ids = turn(&store, session, None, "hello").await;
    store.save_partial(ids.reply, "par", None).await.unwrap();
    assert_eq!(shown(&store, session).await, ["hello", "par"]);
    let reply = store.find_message(ME, session, ids.reply).await.unwrap().unwrap();
    assert_eq!(
        (reply.state, reply.parent, reply.model.as_deref()),
        (MessageState::Running, ids.question, Some("tiny"))
    );
}

#[tokio::test]
async fn an_answer_ends_once_and_keeps_its_usage() {
    let (_folder, store) = open().await;
    let session = store.create_session(ME, 1).await.unwrap();
    let reply = turn(&store, session, None, "hello").await.reply;
    let usage = Usage {
        n_prompt_tokens: 3,
        n_generated_tokens: 4,
        queued_ms: 2,
        first_token_ms: 5,
        decode_ms: 6,
        n_drafted_tokens: 7,
        n_accepted_tokens: 2,
        n_steps: 2,
        guesser: Guesser::DraftModel,
        n_forgotten_tokens: 8,
        ..Usage::default()
    };
    let token = crate::ProbabilityRow { token: b"hi".to_vec(), logprob: -0.5, others: Vec::new() };
    let probabilities = std::slice::from_ref(&token);
    let outcome = Outcome { body: "hi", usage: Some(usage), probabilities, ..ended(MessageState::Stopped) };
    store.finish_message(reply, outcome.clone()).await.unwrap();
    assert!(matches!(store.finish_message(reply, outcome).await, Err(StoreError::NotFound)));
    let row = store.find_message(ME, session, reply).await.unwrap().unwrap();
    assert_eq!((row.body.as_str(), row.state, row.usage), ("hi", MessageState::Stopped, Some(usage)));
    // The end that came too late added nothing.
    assert_eq!(store.probabilities(ME, session, reply, 9).await.unwrap(), (vec![token.clone()], 1));
    // A copy has them too.
    let rows = store.all_messages(ME, session).await.unwrap();
    let copy = store
        .write_session(ME, &NewSession::default(), &rows, rows.last().map(|it| it.id), &HashMap::new())
        .await
        .unwrap();
    let answer = store.all_messages(ME, copy).await.unwrap().pop().unwrap();
    assert!(answer.has_probabilities && answer.id != reply);
    assert_eq!(store.probabilities(ME, copy, answer.id, 9).await.unwrap(), (vec![token], 1));
}

#[tokio::test]
async fn a_thought_is_kept_beside_its_answer_and_found_by_its_words() {
    let (_folder, store) = open().await;
    let session = store.create_session(ME, 1).await.unwrap();
    let reply = turn(&store, session, None, "go").await.reply;
    let half = ThoughtRow { text: "half a thou".into(), ms: None };
    store.save_partial(reply, "", Some(&half)).await.unwrap();
    let row = async || store.find_message(ME, session, reply).await.unwrap().unwrap();
    assert_eq!(row().await.thought, Some(half));
    let thought = ThoughtRow { text: "half a thought".into(), ms: Some(7) };
    let outcome = Outcome { body: "so", thought: Some(&thought), ..ended(MessageState::Complete) };
    store.finish_message(reply, outcome).await.unwrap();
    assert_eq!(row().await.thought, Some(thought));
    assert_eq!((found(&store, "thought").await, found(&store, "thousand").await), (1, 0));
}

#[tokio::test]
async fn edits_are_siblings_and_either_branch_can_be_shown() {
    let (_folder, store) = open().await;
    let session = store.create_session(ME, 1).await.unwrap();
    let first = turn(&store, session, None, "one").await;
    finish(&store, first.reply, "eins").await;
    let second = turn(&store, session, Some(first.reply), "two").await;
    finish(&store, second.reply, "zwei").await;
    let edited = turn(&store, session, None, "uno").await;
    finish(&store, edited.reply, "1").await;
    assert_eq!(shown(&store, session).await, ["uno", "1"]);

    store.select_branch(ME, session, first.question.unwrap()).await.unwrap();
    assert_eq!(shown(&store, session).await, ["one", "eins", "two", "zwei"]);
    let leaf = store.find_session(ME, session).await.unwrap().unwrap().leaf.unwrap();
    let thread = store.load_thread(ME, session, leaf).await.unwrap();
    assert_eq!(thread.variants[0], [first.question.unwrap(), edited.question.unwrap()]);
    assert_eq!(thread.variants[1], [first.reply]);
}

#[tokio::test]
async fn deleting_hides_until_restored_or_purged() {
    let (_folder, store) = open().await;
    let session = store.create_session(ME, 1).await.unwrap();
    turn(&store, session, None, "hello").await;
    store.delete_session(ME, session, 100).await.unwrap();
    assert!(store.list_sessions(ME, 0, 10).await.unwrap().is_empty());
    store.restore_session(ME, session).await.unwrap();
    assert_eq!(store.list_sessions(ME, 0, 10).await.unwrap().len(), 1);
    store.delete_session(ME, session, 100).await.unwrap();
    assert_eq!(store.purge_sessions(101).await.unwrap(), 1);
    assert!(matches!(store.restore_session(ME, session).await, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn pinned_sessions_come_first_then_newest() {
    let (_folder, store) = open().await;
    let mut ids = Vec::new();
    for text in ["a", "b", "c"] {
        let session = store.create_session(ME, 1).await.unwrap();
        turn(&store, session, None, text).await;
        ids.push(session);
    }
    store.set_session_pinned(ME, ids[0], true).await.unwrap();
    let listed: Vec<_> = store.list_sessions(ME, 0, 10).await.unwrap().iter().map(|row| row.id).collect();
    assert_eq!(listed, [ids[0], ids[2], ids[1]]);
    let window = store.list_sessions(ME, 1, 1).await.unwrap();
    assert_eq!((window.len(), window[0].id), (1, ids[2]), "without the first line");
    assert_eq!(store.count_sessions(ME).await.unwrap(), 3);
    assert_eq!(store.count_sessions(OTHER).await.unwrap(), 0);
    let (found, n_found) = store.search_sessions(ME, "a", 0, 1).await.unwrap();
    assert_eq!((found.len(), n_found), (1, 1));
}

#[tokio::test]
async fn search_finds_titles_and_words_and_takes_no_syntax() {
    let (_folder, store) = open().await;
    let session = store.create_session(ME, 1).await.unwrap();
    let reply = turn(&store, session, None, "Where do otters sleep?").await.reply;
    finish(&store, reply, "On their backs.").await;
    store.rename_session(ME, session, "Sea mammals").await.unwrap();
    for (query, n) in [("otter", 1), ("MAMM", 1), ("backs otters", 0), ("their backs", 1), ("whale", 0)] {
        assert_eq!(found(&store, query).await, n, "{query}");
    }
    for hostile in ["\"", "otters\" OR \"x", "NEAR(", "*", "' ; drop table message; --", "body:otters"] {
        found(&store, hostile).await;
    }
}

#[tokio::test]
async fn titles_are_found_and_marked_in_whatever_case_they_are() {
    let (_folder, store) = open().await;
    for title in ["Die Übersicht Öfen", "Öfen in Übersicht"] {
        let session = store.create_session(ME, 1).await.unwrap();
        turn(&store, session, None, "hello").await;
        store.rename_session(ME, session, title).await.unwrap();
    }
    for (query, n) in [("übersicht", 2), ("ÜBERSICHT", 2), ("ersicht ö", 1), ("öfen über", 2), ("äfen", 0)]
    {
        assert_eq!(found(&store, query).await, n, "{query}");
        let filter = Filter { query: query.to_owned(), ..Filter::default() };
        assert_eq!(store.filed_sessions(ME, &filter).await.unwrap().0.len(), n, "{query}");
    }
    let (first, _) = store.search_sessions(ME, "ÜBERSICHT Ö", 0, 1).await.unwrap();
    assert_eq!(first[0].title, "Die Übersicht Öfen", "what holds it as it was typed comes first");
    let filter = Filter { query: "ersicht ö".into(), ..Filter::default() };
    let (filed, _) = store.filed_sessions(ME, &filter).await.unwrap();
    let marked: Vec<_> = filed[0].title_hit.iter().map(|it| (it.text.as_str(), it.is_hit)).collect();
    assert_eq!(marked, [("Die Üb", false), ("ersicht Ö", true), ("fen", false)]);
    let (all, _) = store.filed_sessions(ME, &Filter::default()).await.unwrap();
    assert!(all.iter().all(|it| it.title_hit.is_empty()), "nothing was looked for");
}

#[tokio::test]
async fn what_tools_were_asked_and_gave_is_found_as_long_as_its_answer_is() {
    let (_folder, store) = open().await;
    let session = store.create_session(ME, 1).await.unwrap();
    let reply = turn(&store, session, None, "Look it up.").await.reply;
    let call =
        ToolCall { id: "c".into(), name: "search".into(), arguments: r#"{"query":"tide tables"}"#.into() };
    let row = CallRow { round: 0, text_before: 0, thought_before: 0, call, server: None, result: None };
    store.add_calls(ME, reply, &[row]).await.unwrap();
    assert_eq!((found(&store, "tide").await, found(&store, "harbour").await), (1, 0));
    let result = CallResult { text: "High water in the harbour at noon.".into(), ..CallResult::default() };
    store.finish_call(ME, reply, 0, &result).await.unwrap();
    finish(&store, reply, "At noon.").await;
    let (filed, _) =
        store.filed_sessions(ME, &Filter { query: "harbour".into(), ..Filter::default() }).await.unwrap();
    let hits: Vec<_> = filed[0].hit.iter().filter(|it| it.is_hit).map(|it| it.text.as_str()).collect();
    assert_eq!(hits, ["harbour"]);
    store.delete_session(ME, session, 5).await.unwrap();
    assert_eq!(found(&store, "harbour").await, 0);
    store.purge_sessions(i64::MAX).await.unwrap();
    let other = store.create_session(ME, 1).await.unwrap();
    turn(&store, other, None, "harbour").await;
    assert_eq!(found(&store, "harbour").await, 1);
}

#[tokio::test]
async fn a_title_by_rule_never_replaces_a_persons_own() {
    let (_folder, store) = open().await;
    let session = store.create_session(ME, 1).await.unwrap();
    store.suggest_title(ME, session, "by rule").await.unwrap();
    store.rename_session(ME, session, "mine").await.unwrap();
    store.suggest_title(ME, session, "by rule again").await.unwrap();
    assert_eq!(store.find_session(ME, session).await.unwrap().unwrap().title, "mine");
}

#[tokio::test]
async fn nobody_reaches_somebody_elses_rows() {
    let (_folder, store) = open().await;
    let session = store.create_session(ME, 1).await.unwrap();
    let ids = turn(&store, session, None, "secret").await;
    assert!(store.find_session(OTHER, session).await.unwrap().is_none());
    assert!(store.list_sessions(OTHER, 0, 10).await.unwrap().is_empty());
    assert!(store.search_sessions(OTHER, "secret", 0, 10).await.unwrap().0.is_empty());
    assert!(store.find_message(OTHER, session, ids.reply).await.unwrap().is_none());
    assert!(store.load_thread(OTHER, session, ids.reply).await.unwrap().messages.is_empty());
    let denied = [
        store.rename_session(OTHER, session, "x").await,
        store.set_session_pinned(OTHER, session, true).await,
        store.delete_session(OTHER, session, 1).await,
        store.select_branch(OTHER, session, ids.reply).await,
    ];
    for result in denied {
        assert!(matches!(result, Err(StoreError::NotFound)), "{result:?}");
    }
    let turn = NewTurn {
        parent: None,
        text: Some("x"),
        images: &[],
        documents: &[],
        model: None,
        is_revised: false,
        now_ms: 1,
    };
    assert!(matches!(store.add_turn(OTHER, session, turn).await, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn what_a_crash_left_running_is_ended_with_its_text() {
    let (_folder, store) = open().await;
    let session = store.create_session(ME, 1).await.unwrap();
    let reply = turn(&store, session, None, "hello").await.reply;
    store.save_partial(reply, "half an ans", None).await.unwrap();
    assert_eq!(store.end_interrupted_messages("the server stopped").await.unwrap(), 1);
    let row = store.find_message(ME, session, reply).await.unwrap().unwrap();
    assert_eq!((row.body.as_str(), row.state), ("half an ans", MessageState::Failed));
    assert_eq!(found(&store, "half").await, 1);
}

#[tokio::test]
async fn settings_are_kept_and_default_when_unreadable() {
    let (_folder, store) = open().await;
    assert_eq!(store.load_settings(ME).await.unwrap(), UserSettings::default());
    let settings =
        UserSettings { theme: Theme::Dark, system_prompt: "Be brief.".into(), ..UserSettings::default() };
    store.save_settings(ME, &settings, 1).await.unwrap();
    store.save_settings(ME, &settings, 2).await.unwrap();
    assert_eq!(store.load_settings(ME).await.unwrap(), settings);
}

#[tokio::test]
async fn everything_is_there_after_opening_again() {
    let (folder, store) = open().await;
    let session = store.create_session(ME, 1).await.unwrap();
    turn(&store, session, None, "kept").await;
    store.close().await;
    let again = Store::open(&folder.path().join("app.sqlite")).await.unwrap();
    assert_eq!(shown(&again, session).await[0], "kept");
}

/// Opens a file made by `prepare`; shows the error.
async fn open_error(prepare: impl FnOnce(&std::path::Path)) -> StoreError {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sqlite");
    prepare(&path);
    Store::open(&path).await.unwrap_err()
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named_so() {
    let err = open_error(|path| std::fs::write(path, vec![7_u8; 8192]).unwrap()).await;
    assert!(matches!(err, StoreError::Damaged), "{err:?}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named_so() {
    let err = open_error(|path| std::fs::create_dir(path).unwrap()).await;
    assert!(matches!(err, StoreError::ReadOnly), "{err:?}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let (folder, store) = open().await;
    sqlx::query(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (9999, 'from the future', 1, x'00', 0)",
    )
    .execute(&store.write)
    .await
    .unwrap();
    store.close().await;
    let err = Store::open(&folder.path().join("app.sqlite")).await.unwrap_err();
    assert!(matches!(err, StoreError::Newer), "{err:?}");
}

/// Sets a pragma on the writing connection.
async fn pragma(store: &Store, text: &'static str) {
    sqlx::query(text).execute(&store.write).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_committed_is_not_told_as_done() {
    let (_folder, store) = open().await;
    let mut connection = store.write.acquire().await.unwrap();
    connection.lock_handle().await.unwrap().set_commit_hook(|| false);
    drop(connection);
    assert!(store.create_session(ME, 1).await.is_err());
    assert!(store.start_job(ME, JobKind::LoadModel, "tiny", 1).await.is_err());
    assert_eq!(store.list_sessions(ME, 0, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing() {
    let (_folder, store) = open().await;
    let session = store.create_session(ME, 1).await.unwrap();
    let ids = turn(&store, session, None, "kept").await;
    finish(&store, ids.reply, "kept too").await;
    pragma(&store, "pragma max_page_count = 1").await;
    let long = "x".repeat(1_000_000);
    let next = NewTurn {
        parent: Some(ids.reply),
        text: Some(&long),
        images: &[],
        documents: &[],
        model: None,
        is_revised: false,
        now_ms: 2,
    };
    assert!(matches!(store.add_turn(ME, session, next).await, Err(StoreError::DiskFull)));
    assert_eq!(shown(&store, session).await, ["kept", "kept too"]);
    pragma(&store, "pragma max_page_count = 100000").await;
    turn(&store, session, Some(ids.reply), &long).await;
    assert_eq!(shown(&store, session).await.len(), 4);
}

#[tokio::test]
async fn a_new_measurement_takes_the_place_of_the_old() {
    let (_folder, store) = open().await;
    let model = ModelId("tiny".into());
    let measure = |kv_type: KvType, n_bytes: u64| KvMeasure {
        kv_type,
        n_bytes,
        n_cells: 1024,
        mean_kld: 0.25,
        top1_agreement: 0.5,
        prefill_ratio: 0.75,
        decode_ratio: 0.875,
    };
    let (q4, q8) = (KvType::of(KvFormat::Q4), KvType::of(KvFormat::Q8));
    for (kv_type, n_bytes) in [(q4, 10), (q8, 20), (q4, 11)] {
        store.save_kv_measure(&model, &measure(kv_type, n_bytes), 1).await.unwrap();
    }
    assert_eq!(store.kv_measures(&model).await.unwrap(), [measure(q8, 20), measure(q4, 11)]);
    assert_eq!(store.kv_measures(&ModelId("other".into())).await.unwrap(), []);
}

#[tokio::test]
async fn how_fast_a_model_is_with_a_choice_is_known_once() {
    let (_folder, store) = open().await;
    let model = ModelId("tiny".into());
    let measure = |n_threads, n_gpu_layers, decode| SpeedMeasure {
        choice: SpeedChoice { n_threads, n_batch: 512, n_gpu_layers },
        prefill: 100.5,
        decode,
    };
    let all =
        [measure(2, None, 9.5), measure(1, None, 6.5), measure(2, Some(30), 20.0), measure(2, None, 10.5)];
    for it in &all {
        store.save_speed_measure(&model, it, 1).await.unwrap();
    }
    let expected = [measure(1, None, 6.5), measure(2, None, 10.5), measure(2, Some(30), 20.0)];
    assert_eq!(store.speed_measures(&model).await.unwrap(), expected);
    assert_eq!(store.speed_measures(&ModelId("other".into())).await.unwrap(), []);
}

#[tokio::test]
async fn what_a_model_that_guesses_brings_is_known_once_for_each() {
    let (_folder, store) = open().await;
    let model = ModelId("large".into());
    let measure = |draft: &str, guessed| DraftMeasure {
        draft: ModelId(draft.into()),
        speed: DraftSpeed { guessed, alone: 10.5 },
    };
    for it in [measure("small", 12.5), measure("other", 9.5), measure("small", 13.5)] {
        store.save_draft_measure(&model, &it, 1).await.unwrap();
    }
    let expected = [measure("other", 9.5), measure("small", 13.5)];
    assert_eq!(store.draft_measures(&model).await.unwrap(), expected);
    assert_eq!(store.draft_measures(&ModelId("small".into())).await.unwrap(), []);
}

#[tokio::test]
async fn a_profile_is_kept_for_each_model_and_may_be_taken_back() {
    let (_folder, store) = open().await;
    let model = ModelId("tiny".into());
    assert_eq!(store.launch_profile(&model).await.unwrap(), LaunchProfile::default());
    let small = LaunchProfile {
        n_ctx: Some(512),
        kv_type: Some(KvType::of(KvFormat::Q8)),
        draft: DraftChoice::Model(ModelId("small".into())),
        options: LaunchOptions {
            n_threads: Some(3),
            adapters: vec![AdapterChoice { name: "pirate".into(), percent: 50 }],
            template: Some("{{ messages }}".into()),
            ..LaunchOptions::default()
        },
    };
    let none = LaunchProfile { draft: DraftChoice::None, ..small.clone() };
    for profile in [&small, &none, &LaunchProfile::default()] {
        store.save_launch_profile(&model, profile).await.unwrap();
        assert_eq!(store.launch_profile(&model).await.unwrap(), *profile);
    }
    store.save_launch_profile(&model, &small).await.unwrap();
    assert_eq!(store.launch_profile(&ModelId("other".into())).await.unwrap(), LaunchProfile::default());
}

#[tokio::test]
async fn what_is_noted_of_a_model_goes_along_with_its_name() {
    let (_folder, store) = open().await;
    let [old, new, large] = ["jan/tiny/model", "jan/Tiny 1B", "large"].map(|id| ModelId(id.into()));
    let tags = ["quick".to_owned()];
    store.save_model_note(&old, "mine", &tags).await.unwrap();
    let profile = LaunchProfile { n_ctx: Some(512), ..LaunchProfile::default() };
    store.save_launch_profile(&old, &profile).await.unwrap();
    let drafted = LaunchProfile { draft: DraftChoice::Model(old.clone()), ..profile.clone() };
    store.save_launch_profile(&large, &drafted).await.unwrap();
    let settings =
        UserSettings { model: Some(old.clone()), embed_with: Some(old.clone()), ..UserSettings::default() };
    store.save_settings(UserId::LOCAL, &settings, 0).await.unwrap();

    store.name_listed_model("/jan/tiny/model.gguf", &new, Some(&old)).await.unwrap();
    assert_eq!(store.model_note(&new).await.unwrap(), "mine");
    assert_eq!(store.model_tags().await.unwrap(), [(new.clone(), "quick".to_owned())]);
    assert_eq!(store.find_launch_profile(&new).await.unwrap(), Some(profile));
    assert_eq!(store.find_launch_profile(&old).await.unwrap(), None);
    assert_eq!(store.models_drafted_by(&new).await.unwrap(), [large]);
    let settings = store.load_settings(UserId::LOCAL).await.unwrap();
    assert_eq!((settings.model.as_ref(), settings.embed_with.as_ref()), (Some(&new), Some(&new)));

    // What was said under the name that it has now is not written over.
    store.save_model_note(&old, "older", &[]).await.unwrap();
    store.name_listed_model("/jan/tiny/model.gguf", &new, Some(&old)).await.unwrap();
    assert_eq!(store.model_note(&new).await.unwrap(), "mine");
    assert_eq!(store.listed_models().await.unwrap(), [("/jan/tiny/model.gguf".to_owned(), new)]);
}

#[tokio::test]
async fn images_belong_to_a_person_and_stay_as_long_as_a_message_shows_them() {
    let (_folder, store) = open().await;
    let add = async |hash: &str, now_ms| {
        store.add_image(ME, hash, "image/png", hash.as_bytes(), now_ms).await.unwrap()
    };
    let (shown, unsent) = (add("one", 10).await, add("two", 10).await);
    assert_eq!(add("one", 20).await, shown, "the same image is kept once");
    let image = store.find_image(ME, shown).await.unwrap().unwrap();
    assert_eq!((image.media_type.as_str(), image.bytes.as_slice()), ("image/png", &b"one"[..]));
    assert_eq!(store.image_size(ME, shown).await.unwrap(), Some(3));
    assert_eq!(store.find_image(OTHER, shown).await.unwrap(), None);

    let session = store.create_session(ME, 1).await.unwrap();
    let turn = |images| NewTurn {
        parent: None,
        text: Some("look"),
        images,
        documents: &[],
        model: None,
        is_revised: false,
        now_ms: 30,
    };
    let images = [shown, shown];
    let ids = store.add_turn(ME, session, turn(&images)).await.unwrap();
    let thread = store.load_thread(ME, session, ids.reply).await.unwrap();
    assert_eq!(thread.messages[0].images, images);
    assert_eq!(thread.messages[1].images, []);
    let found = store.find_message(ME, session, ids.question.unwrap()).await.unwrap().unwrap();
    assert_eq!(found.images, images);
    let nowhere = [ImageId(99)];
    assert!(matches!(store.add_turn(ME, session, turn(&nowhere)).await, Err(StoreError::NotFound)));

    assert_eq!(store.purge_images(15).await.unwrap(), 1);
    assert_eq!(store.find_image(ME, unsent).await.unwrap(), None);
    assert_eq!(store.purge_images(100).await.unwrap(), 0);
    store.delete_session(ME, session, 40).await.unwrap();
    store.purge_sessions(50).await.unwrap();
    assert_eq!(store.purge_images(100).await.unwrap(), 1);
}

/// Titles of a filtered list, the newest first.
async fn titles(store: &Store, filter: &Filter) -> Vec<String> {
    let (sessions, _) = store.filed_sessions(ME, filter).await.unwrap();
    sessions.into_iter().map(|it| it.title).collect()
}

async fn named(store: &Store, title: &str) -> (SessionId, TurnIds) {
    let session = store.create_session(ME, 1).await.unwrap();
    let ids = turn(store, session, None, &format!("about {title}")).await;
    finish(store, ids.reply, &format!("{title} is a fine thing to speak about")).await;
    store.rename_session(ME, session, title).await.unwrap();
    (session, ids)
}

#[tokio::test]
async fn sessions_are_found_by_folder_tag_archive_and_words() {
    let (_folder, store) = open().await;
    let (tea, _) = named(&store, "tea").await;
    let (rain, _) = named(&store, "rain").await;
    let kitchen = store.add_folder(ME, "Kitchen").await.unwrap().unwrap();
    assert_eq!(store.add_folder(ME, "Kitchen").await.unwrap(), None, "a second one of that name");
    store.file_session(ME, tea, Some(kitchen)).await.unwrap();
    store.tag_session(ME, rain, &["wet".to_owned(), "cold".to_owned()]).await.unwrap();

    let all = Filter::default();
    assert_eq!(titles(&store, &all).await, ["rain", "tea"]);
    assert_eq!(titles(&store, &Filter { folder: Some(kitchen), ..all.clone() }).await, ["tea"]);
    assert_eq!(titles(&store, &Filter { tag: Some("wet".into()), ..all.clone() }).await, ["rain"]);
    assert_eq!(store.list_tags(ME, false, 10).await.unwrap(), ["cold", "wet"]);
    assert_eq!(store.list_tags(ME, false, 1).await.unwrap(), ["cold"]);
    assert_eq!(store.list_folders(ME).await.unwrap()[0].n_sessions, 1);

    store.set_session_archived(ME, rain, true).await.unwrap();
    assert_eq!(titles(&store, &all).await, ["tea"]);
    assert_eq!(titles(&store, &Filter { archived: true, ..all.clone() }).await, ["rain"]);
    assert_eq!(store.list_sessions(ME, 0, 10).await.unwrap().len(), 1, "the sidebar shows no archive");
    assert!(store.list_tags(ME, false, 10).await.unwrap().is_empty(), "they would lead to nothing");
    assert_eq!(store.list_tags(ME, true, 10).await.unwrap(), ["cold", "wet"]);

    let (hits, _) = store.filed_sessions(ME, &Filter { query: "fine".into(), ..all.clone() }).await.unwrap();
    let words: Vec<_> =
        hits[0].hit.iter().filter(|part| part.is_hit).map(|part| part.text.as_str()).collect();
    assert_eq!(words, ["fine"]);
    let whole: String = hits[0].hit.iter().map(|part| part.text.as_str()).collect();
    assert_eq!(whole, "tea is a fine thing to speak about");

    assert!(!store.list_folders(ME).await.unwrap()[0].has_prompt);
    store.set_folder_prompt(ME, kitchen, Some("Speak like a kettle.")).await.unwrap();
    assert!(store.list_folders(ME).await.unwrap()[0].has_prompt);
    store.delete_folder(ME, kitchen, 5).await.unwrap();
    assert_eq!(titles(&store, &all).await, ["tea"], "what was in a folder stays");
}

#[tokio::test]
async fn nobody_files_in_or_reads_what_is_somebody_elses() {
    let (_folder, store) = open().await;
    let (tea, _) = named(&store, "tea").await;
    let kitchen = store.add_folder(ME, "Kitchen").await.unwrap().unwrap();
    assert!(store.file_session(OTHER, tea, Some(kitchen)).await.is_err());
    assert!(store.tag_session(OTHER, tea, &[]).await.is_err());
    assert!(store.set_session_archived(OTHER, tea, true).await.is_err());
    assert!(store.set_up_session(OTHER, tea, &SetUp::default(), &Overrides::default()).await.is_err());
    assert!(store.rename_folder(OTHER, kitchen, "Mine").await.is_err());
    assert!(store.delete_folder(OTHER, kitchen, 5).await.is_err());
    assert!(store.arrange_folders(OTHER, &[kitchen]).await.is_err());
    assert!(store.all_messages(OTHER, tea).await.unwrap().is_empty());
    assert!(store.all_sessions(OTHER).await.unwrap().is_empty());
    assert!(store.tags_of(OTHER, tea).await.unwrap().is_empty());
}

#[tokio::test]
async fn folders_keep_the_order_they_were_put_in() {
    let (_folder, store) = open().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(store.add_folder(ME, name).await.unwrap().unwrap());
    }
    store.arrange_folders(ME, &[ids[2], ids[0], ids[1]]).await.unwrap();
    assert!(!store.rename_folder(ME, ids[0], "b").await.unwrap(), "the name is taken");
    assert!(store.rename_folder(ME, ids[0], "z").await.unwrap());
    let names: Vec<_> = store.list_folders(ME).await.unwrap().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["c", "z", "b"]);
}

#[tokio::test]
async fn a_session_that_is_written_again_is_the_same_but_for_its_ids() {
    let (_folder, store) = open().await;
    let (tea, first) = named(&store, "tea").await;
    let image = store.add_image(ME, "hash", "image/png", b"bytes", 1).await.unwrap();
    let shows = NewTurn {
        parent: Some(first.reply),
        text: Some("and this?"),
        images: &[image],
        documents: &[],
        model: None,
        is_revised: false,
        now_ms: 11,
    };
    let second = store.add_turn(ME, tea, shows).await.unwrap();
    finish(&store, second.reply, "nice").await;
    let variant = NewTurn {
        parent: second.question,
        text: None,
        images: &[],
        documents: &[],
        model: Some("other"),
        is_revised: false,
        now_ms: 12,
    };
    let variant = store.add_turn(ME, tea, variant).await.unwrap();
    finish(&store, variant.reply, "nicer").await;

    let rows = store.all_messages(ME, tea).await.unwrap();
    let new = NewSession { title: "copy".into(), tags: vec!["wet".into()], ..NewSession::default() };
    let copy = store.write_session(ME, &new, &rows, Some(second.reply), &HashMap::new()).await.unwrap();
    let copied = store.all_messages(ME, copy).await.unwrap();
    let said = |rows: &[MessageRow]| -> Vec<(String, Option<usize>, usize)> {
        let place = |id| rows.iter().position(|row| Some(row.id) == id);
        rows.iter().map(|row| (row.body.clone(), place(row.parent), row.images.len())).collect()
    };
    assert_eq!(said(&copied), said(&rows));
    assert_eq!(shown(&store, copy).await.last().unwrap(), "nice");
    assert_eq!(found(&store, "nicer").await, 2, "the copy is searched, too");
    // One whose parent is missing is not written at all.
    assert!(store.write_session(ME, &new, &rows[1..], None, &HashMap::new()).await.is_err());
    assert_eq!(store.all_sessions(ME).await.unwrap(), [tea, copy]);
}

#[test]
fn settings_of_sessions_are_numbers_and_lists_by_their_names() {
    let text = r#"{"temperature":0.5,"samplers":["top_k"]}"#;
    let kept: types::overrides::Overrides = serde_json::from_str(text).unwrap();
    assert_eq!(kept.words(), ["temperature 0.5", "samplers top_k"]);
    assert_eq!(serde_json::to_string(&kept).unwrap(), text);
}

#[tokio::test]
async fn a_deleted_folder_comes_back_with_its_chats_place_and_prompt() {
    let (_folder, store) = open().await;
    let (tea, _) = named(&store, "tea").await;
    let (rain, _) = named(&store, "rain").await;
    let kitchen = store.add_folder(ME, "Kitchen").await.unwrap().unwrap();
    let garden = store.add_folder(ME, "Garden").await.unwrap().unwrap();
    store.set_folder_prompt(ME, kitchen, Some("Cook.")).await.unwrap();
    for session in [tea, rain] {
        store.file_session(ME, session, Some(kitchen)).await.unwrap();
    }
    let before = store.list_folders(ME).await.unwrap();
    store.delete_folder(ME, kitchen, 5).await.unwrap();
    assert_eq!(store.list_folders(ME).await.unwrap().len(), 1);
    assert!(matches!(store.restore_folder(OTHER, kitchen).await, Err(StoreError::NotFound)));
    assert!(store.restore_folder(ME, kitchen).await.unwrap());
    assert_eq!(store.list_folders(ME).await.unwrap(), before);
    assert_eq!(store.folder_prompt(ME, kitchen).await.unwrap().as_deref(), Some("Cook."));
    assert!(matches!(store.restore_folder(ME, kitchen).await, Err(StoreError::NotFound)));

    // What was filed elsewhere meanwhile stays there, and a name that was taken is not taken twice.
    store.delete_folder(ME, kitchen, 5).await.unwrap();
    store.file_session(ME, rain, Some(garden)).await.unwrap();
    let other = store.add_folder(ME, "Kitchen").await.unwrap().unwrap();
    assert!(!store.restore_folder(ME, kitchen).await.unwrap());
    store.rename_folder(ME, other, "Second").await.unwrap();
    assert!(store.restore_folder(ME, kitchen).await.unwrap());
    let of = async |session| store.find_session(ME, session).await.unwrap().unwrap().folder;
    assert_eq!((of(tea).await, of(rain).await), (Some(kitchen), Some(garden)));

    store.delete_folder(ME, kitchen, 5).await.unwrap();
    store.purge_folders(6).await.unwrap();
    assert!(matches!(store.restore_folder(ME, kitchen).await, Err(StoreError::NotFound)));
}
