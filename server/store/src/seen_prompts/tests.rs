use super::*;
use crate::{
    NewSession,
    tests::{finish, open, turn},
};

const ME: UserId = UserId::LOCAL;
const OTHER: UserId = UserId(2);

#[tokio::test]
async fn a_copy_keeps_what_its_answers_were_given_until_that_is_let_go() {
    let (_folder, store) = open().await;
    let session = store.create_session(ME, 1).await.unwrap();
    let reply = turn(&store, session, None, "hello").await.reply;
    finish(&store, reply, "hi").await;
    store.keep_prompt(ME, reply, b"a prompt", 50, 0).await.unwrap();
    let rows = store.all_messages(ME, session).await.unwrap();
    let new = NewSession::default();
    let given = async |user, session: SessionId| {
        let answer = store.all_messages(user, session).await.unwrap().pop().unwrap();
        store.prompt_of(user, session, answer.id).await.unwrap()
    };
    let copy = store.write_session(ME, &new, &rows, None, &HashMap::new()).await.unwrap();
    assert_eq!(given(ME, copy).await.as_deref(), Some(&b"a prompt"[..]));
    // What is somebody else's goes nowhere.
    let other = "insert into user (id, name, created_ms) values (2, 'other', 0)";
    sqlx::query(other).execute(&store.write).await.unwrap();
    let others = store.write_session(OTHER, &new, &rows, None, &HashMap::new()).await.unwrap();
    assert_eq!(given(OTHER, others).await, None);
    store.forget_prompts(ME, 50).await.unwrap();
    assert!(given(ME, copy).await.is_some());
    store.forget_prompts(ME, 51).await.unwrap();
    assert_eq!((given(ME, copy).await, given(ME, session).await), (None, None));
}
