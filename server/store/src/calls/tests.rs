use super::*;
use crate::{
    NewSession,
    tests::{finish, open, turn},
};
use types::called::{CallProblem, WebProblem};

const ME: UserId = UserId::LOCAL;

async fn failure_of(store: &Store, session: SessionId) -> Option<CallFailure> {
    let answer = store.all_messages(ME, session).await.unwrap().pop().unwrap();
    answer.calls[0].result.clone().unwrap().failure
}

#[tokio::test]
async fn why_a_call_failed_is_kept_and_what_another_version_wrote_is_left_to_the_sentence() {
    let (_folder, store) = open().await;
    let session = store.create_session(ME, 1).await.unwrap();
    let reply = turn(&store, session, None, "Look it up.").await.reply;
    let call = ToolCall { id: "c".into(), name: "fetch_page".into(), arguments: "{}".into() };
    let row = CallRow { round: 0, text_before: 0, thought_before: 0, call, server: None, result: None };
    store.add_calls(ME, reply, &[row]).await.unwrap();
    let failure = CallFailure::of(WebProblem::Status).about("a.test").with_number(404);
    let result = CallResult { failed: true, failure: Some(failure.clone()), ..CallResult::default() };
    store.finish_call(ME, reply, 0, &result).await.unwrap();
    assert_eq!(failure_of(&store, session).await, Some(failure.clone()));
    finish(&store, reply, "No.").await;
    let rows = store.all_messages(ME, session).await.unwrap();
    let copy = store.write_session(ME, &NewSession::default(), &rows, None, &HashMap::new()).await.unwrap();
    assert_eq!(failure_of(&store, copy).await, Some(failure));
    for (written, expected) in
        [("timed_out", Some(CallFailure::of(CallProblem::TimedOut))), ("of another version", None)]
    {
        let rewrite = sqlx::query("update message_call set failure = ?").bind(written);
        rewrite.execute(&store.write).await.unwrap();
        assert_eq!(failure_of(&store, session).await, expected, "{written}");
    }
}
