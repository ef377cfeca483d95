use super::Unspaced;
use crate::{
    CallRow, Store,
    tests::{finish, open, turn},
};
use types::{filing::Filter, ids::UserId, tools::ToolCall};

const ME: UserId = UserId::LOCAL;

/// How often `query` finds, and what is marked, in brackets.
async fn look(store: &Store, query: &str) -> (usize, String) {
    let n = store.search_sessions(ME, query, 0, 10).await.unwrap().0.len();
    let filter = Filter { query: query.to_owned(), ..Filter::default() };
    let (filed, _) = store.filed_sessions(ME, &filter).await.unwrap();
    assert_eq!(filed.len(), n, "{query}: both lists find the same");
    let parts = filed.first().map(|it| it.hit.clone()).unwrap_or_default();
    (n, parts.iter().map(|it| if it.is_hit { format!("[{}]", it.text) } else { it.text.clone() }).collect())
}

/// One session whose answer is `text`; `expected` has brackets around what is marked, and is empty where nothing is found.
async fn check(text: &str, query: &str, expected: &str) {
    let (_folder, store) = open().await;
    let session = store.create_session(ME, 1).await.unwrap();
    let reply = turn(&store, session, None, "go").await.reply;
    finish(&store, reply, text).await;
    let (n, marked) = look(&store, query).await;
    assert_eq!((n, marked.as_str()), (usize::from(!expected.is_empty()), expected), "{query} in {text}");
}

#[tokio::test]
async fn words_within_a_sentence_without_spaces_are_found_and_marked() {
    check("我想了解深度学习的原理。", "深度学习", "我想了解[深度学习]的原理。").await;
    check("我想了解深度学习的原理。", "原理", "我想了解深度学习的[原理]。").await;
    check("我想了解深度学习", "习", "我想了解深度学[习]").await;
    check("我想了解深度学习的原理。", "原理 深度", "我想了解[深度]学习的[原理]。").await;
    check("我想了解深度学习的原理。", "深理", "").await;
    check("明日は東京タワーに行きます", "タワー", "明日は東京[タワー]に行きます").await;
    check("ฉันอยากไปเที่ยวทะเล", "เที่ยว", "ฉันอยากไป[เที่ยว]ทะเล").await;
    check("我的GPT模型很好", "gpt模型", "我的[GPT模型]很好").await;
    check("Rust里的模型很好", "rust 模型", "Rust里的[模型]很好").await;
    check("Rust 里的模型很好", "whale 模型", "").await;
}

#[tokio::test]
async fn of_a_long_text_what_stands_around_is_shown() {
    let text = format!("{}深度学习{}", "一".repeat(200), "二".repeat(200));
    let expected = format!("…{}[深度学习]{}…", "一".repeat(20), "二".repeat(56));
    check(&text, "深度学习", &expected).await;
}

#[tokio::test]
async fn what_is_gone_or_being_written_is_not_found() {
    let (_folder, store) = open().await;
    let session = store.create_session(ME, 1).await.unwrap();
    let reply = turn(&store, session, None, "请查一下").await.reply;
    let arguments = r#"{"query":"东京的天气预报"}"#.to_owned();
    let call = ToolCall { id: "c".into(), name: "search".into(), arguments };
    let row = CallRow { round: 0, text_before: 0, thought_before: 0, call, server: None, result: None };
    store.add_calls(ME, reply, &[row]).await.unwrap();
    let result = crate::CallResult { text: "明天多云".into(), ..crate::CallResult::default() };
    store.finish_call(ME, reply, 0, &result).await.unwrap();
    store.save_partial(reply, "晴朗无云", None).await.unwrap();
    for (query, n) in [("天气", 1), ("天气预报", 1), ("多云", 1), ("请查一", 1), ("晴朗", 0), ("查 云", 0)]
    {
        assert_eq!(look(&store, query).await.0, n, "{query}");
    }
    finish(&store, reply, "晴朗无云").await;
    assert_eq!(look(&store, "晴朗").await.0, 1);
    store.delete_session(ME, session, 5).await.unwrap();
    assert_eq!(look(&store, "晴朗").await.0, 0);
    store.purge_sessions(i64::MAX).await.unwrap();
    let rest = "select (select count(*) from message_gram_place) + (select count(*) from call_gram_place)";
    assert_eq!(sqlx::query_scalar::<_, i64>(rest).fetch_one(&store.read).await.unwrap(), 0);
}

#[test]
fn words_between_spaces_are_left_to_the_index_of_words() {
    for query in ["", "otters", "öfen über", "\"", "、。", "Привет мир"] {
        assert_eq!(Unspaced::of(query), None, "{query}");
    }
    for hostile in ["中\" OR \"x", "NEAR(中文字", "中文字* 、"] {
        assert!(Unspaced::of(hostile).unwrap().grams().matches('"').count().is_multiple_of(2), "{hostile}");
    }
}
