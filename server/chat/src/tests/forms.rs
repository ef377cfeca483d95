//! Answers that are JSON of a given form.

use super::{Bench, ME};
use crate::ChatError;
use inference::Script;
use types::{chat::Chip, constraint::Constraint, overrides::SetUp};

const SCHEMA: &str = r#"{"type": "object", "properties": {"year": {"type": "integer"}}}"#;

fn form(schema: &str) -> SetUp {
    SetUp { answer_schema: Some(schema.to_owned()), ..SetUp::default() }
}

#[tokio::test]
async fn answers_fit_the_schema_of_the_chat_and_are_shown_as_a_form() {
    let bench = Bench::open([Script::say([r#"{"year""#, ": 1969}"]), Script::say(["plain"])]).await;
    let session = bench.chat.use_tools(ME, None, &[]).await.unwrap();
    bench.chat.set_up(ME, session, form(SCHEMA)).await.unwrap();
    let (_, answer) = bench.say(Some(session), "when?").await;
    assert_eq!(bench.engine.requests()[0].constraint, Some(Constraint::JsonSchema(SCHEMA.to_owned())));
    assert!(answer.blocks[0].contains("<dt>year</dt><dd>1969</dd>"), "{:?}", answer.blocks);
    let thread = bench.chat.thread(ME, session, 10).await.unwrap();
    assert_eq!((thread.chips, &thread.messages[1].blocks), (vec![Chip::Form], &answer.blocks));
    let copy = bench.chat.duplicate(ME, session).await.unwrap();
    assert_eq!(bench.chat.setup(ME, copy).await.unwrap().answer_schema.as_deref(), Some(SCHEMA));

    bench.chat.set_up(ME, session, SetUp::default()).await.unwrap();
    let (_, answer) = bench.say(Some(session), "so?").await;
    assert_eq!(
        (bench.engine.requests()[1].constraint.clone(), answer.blocks.concat().as_str()),
        (None, "<p>plain</p>\n")
    );
}

#[tokio::test]
async fn what_is_no_schema_is_refused_with_the_reason() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let session = bench.chat.use_tools(ME, None, &[]).await.unwrap();
    for (schema, reason) in [("[1]", "begins with {"), ("{", "no JSON")] {
        let refused = bench.chat.set_up(ME, session, form(schema)).await;
        assert!(matches!(&refused, Err(ChatError::Setting(it)) if it.contains(reason)), "{refused:?}");
    }
}
