use crate::{
    Store,
    sessions::PREPARED_MS,
    tests::{open, turn},
};
use types::{
    ids::{SessionId, UserId},
    overrides::{Overrides, SetUp},
};

const ME: UserId = UserId::LOCAL;
const OTHER: UserId = UserId(2);
const DAY: i64 = 24 * 60 * 60 * 1000;

async fn is_there(store: &Store, session: SessionId) -> bool {
    store.find_session(ME, session).await.unwrap().is_some()
}

#[tokio::test]
async fn a_session_with_messages_stays_whichever_of_them_it_shows() {
    let (_folder, store) = open().await;
    let session = store.create_session(ME, 1).await.unwrap();
    turn(&store, session, None, "hello").await;
    sqlx::query("update session set leaf_id = null").execute(&store.write).await.unwrap();
    store.purge_sessions(i64::MAX).await.unwrap();
    assert!(is_there(&store, session).await);
}

#[tokio::test]
async fn what_was_prepared_waits_longer_than_what_is_empty() {
    let (_folder, store) = open().await;
    let empty = store.create_session(ME, 0).await.unwrap();
    let [with_files, with_tools, with_prompt, touched] = {
        let mut all = Vec::new();
        for _ in 0..4 {
            all.push(store.create_session(ME, 0).await.unwrap());
        }
        <[SessionId; 4]>::try_from(all).unwrap()
    };
    store.chat_files(ME, with_files, "a chat", 0).await.unwrap();
    store.set_session_tools(ME, with_tools, &["clock".to_owned()]).await.unwrap();
    let set_up = SetUp { system_prompt: Some("Be brief.".into()), ..SetUp::default() };
    store.set_up_session(ME, with_prompt, &set_up, &Overrides::default()).await.unwrap();
    store.touch_session(ME, touched, DAY).await.unwrap();
    store.purge_sessions(DAY).await.unwrap();
    assert!(!is_there(&store, empty).await);
    for session in [with_files, with_tools, with_prompt, touched] {
        assert!(is_there(&store, session).await, "{session}");
    }
    store.purge_sessions(PREPARED_MS + 1).await.unwrap();
    for session in [with_files, with_tools, with_prompt, touched] {
        assert!(!is_there(&store, session).await, "{session}");
    }
}

#[tokio::test]
async fn nobody_pushes_out_what_belongs_to_another_person() {
    let (_folder, store) = open().await;
    let other = sqlx::query("insert into user (id, name, created_ms) values (2, 'Other', 0)");
    other.execute(&store.write).await.unwrap();
    let theirs = store.create_session(OTHER, 2).await.unwrap();
    let mut mine = Vec::new();
    for now_ms in 3..7 {
        mine.push(store.create_session(ME, now_ms).await.unwrap());
    }
    let left = async || {
        let mut left = Vec::new();
        for id in &mine {
            left.extend(store.find_session(ME, *id).await.unwrap().map(|it| it.id));
        }
        left.extend(store.find_session(OTHER, theirs).await.unwrap().map(|it| it.id));
        left
    };
    assert_eq!(store.drop_old_sessions(1, 2).await.unwrap(), 2);
    assert_eq!(left().await, [mine[2], mine[3], theirs]);
    // What is old goes, whoever has few.
    assert_eq!(store.drop_old_sessions(6, 2).await.unwrap(), 2);
    assert_eq!(left().await, [mine[3]]);
}
