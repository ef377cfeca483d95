//! Titles that the model writes once it has nothing else to do.

use super::{Bench, ME};
use crate::better_title::BetterTitle;
use futures::StreamExt;
use inference::{Prompt, Script};
use std::sync::Arc;
use types::{ids::SessionId, settings::UserSettings};

const LARGE: u64 = 2_000_000_000;
const QUESTION: &str = "why does a lantern go out in the wind";
const TITLE: &str = "Lanterns in the wind";

async fn title(bench: &Bench, session: SessionId) -> String {
    bench.chat.thread(ME, session, super::MESSAGES_SHOWN).await.unwrap().session.title
}

#[tokio::test]
async fn the_model_writes_a_better_title_after_the_first_answer() {
    let bench = Bench::open([
        Script::say(["Because ", "it blows."]),
        Script::say([format!("\"{TITLE}.\"").as_str()]),
    ])
    .await;
    bench.engine.set_memory(LARGE);
    let (sent, _) = bench.say(None, QUESTION).await;
    let mut changes = Box::pin(changes_of(&bench));
    while title(&bench, sent.session).await != TITLE {
        tokio::time::timeout(super::LONG_AGO, changes.next()).await.expect("a title in time");
    }
    let asked = &bench.engine.requests()[1];
    assert!(format!("{:?}", asked.prompt).contains(QUESTION));
    // What asks for it serves everybody, what it is about does not.
    let Prompt::Chat(turns) = &asked.prompt else { panic!("no chat") };
    let n_bytes = asked.server_text.unwrap().n_bytes;
    assert!(turns[0].content[n_bytes..].trim_start().starts_with("<question>"));
    // A second answer asks for no other title.
    bench.engine.push(Script::say(["More."]));
    bench.say(Some(sent.session), "and then").await;
    bench.chat.shutdown(super::LONG_AGO).await;
    assert_eq!((bench.engine.requests().len(), title(&bench, sent.session).await.as_str()), (3, TITLE));
}

fn changes_of(bench: &Bench) -> impl futures::Stream<Item = ()> + use<> {
    futures::stream::unfold(bench.chat.sessions_changed(ME), |mut changes| async move {
        changes.changed().await.ok()?;
        Some(((), changes))
    })
}

/// What the title is after a first answer, an adjustment, and the attempt to find a better one.
async fn check(adjust: impl AsyncFnOnce(&Bench, SessionId), expected: &str) {
    let bench = Bench::open([Script::say(["Because."]), Script::say([TITLE])]).await;
    let (sent, answer) = bench.say(None, QUESTION).await;
    // The title that is looked for of its own accord is not the one of this test.
    bench.chat.shutdown(super::LONG_AGO).await;
    bench.engine.set_memory(LARGE);
    adjust(&bench, sent.session).await;
    let better = BetterTitle {
        store: bench.store.clone(),
        engine: Arc::new(bench.engine.clone()),
        notes: bench.chat.notes.clone(),
        user: ME,
        session: sent.session,
        reply: answer.id,
    };
    better.find().await;
    assert_eq!(title(&bench, sent.session).await, expected);
}

#[tokio::test]
async fn titles_are_left_alone_where_they_should_be() {
    check(async |_, _| {}, TITLE).await;
    check(async |bench, _| bench.engine.set_memory(100_000_000), QUESTION).await;
    check(async |bench, id| bench.chat.rename_session(ME, id, "mine").await.unwrap(), "mine").await;
    let rule = async |bench: &Bench, _| {
        let settings = UserSettings { rule_titles: true, ..UserSettings::default() };
        bench.chat.save_settings(ME, settings).await.unwrap();
    };
    check(rule, QUESTION).await;
}
