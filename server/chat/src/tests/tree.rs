//! The branches of a session as lines.

use super::{Bench, ME, OTHER};
use crate::ChatError;
use inference::Script;
use types::chat::{Again, Role};

#[tokio::test]
async fn a_line_is_a_stretch_of_turns_between_two_forks() {
    let bench =
        Bench::open([Script::say(["A1"]), Script::say(["A2"]), Script::say(["B1"]), Script::say(["C1"])])
            .await;
    let (first, _) = bench.say(None, "one  two\nthree").await;
    let session = first.session;
    let (second, _) = bench.say(Some(session), "more").await;
    bench.chat.regenerate(ME, session, second.reply, Again::Anew, None).await.unwrap();
    bench.end_of(session).await;
    let question = bench.messages(session).await[2].id;
    bench.chat.edit_and_resend(ME, session, question, "x".repeat(200), false).await.unwrap();
    bench.end_of(session).await;

    let tree = bench.chat.tree(ME, session).await.unwrap();
    let lines: Vec<_> = tree
        .stretches
        .iter()
        .map(|it| (it.depth, it.role, it.start.chars().take(12).collect::<String>(), it.n_turns, it.is_shown))
        .collect();
    let line =
        |depth, role, start: &str, n_turns, is_shown| (depth, role, start.to_owned(), n_turns, is_shown);
    assert_eq!(
        lines,
        [
            line(0, Role::User, "one two thre", 2, true),
            line(1, Role::User, "more", 1, false),
            line(2, Role::Assistant, "A2", 1, false),
            line(2, Role::Assistant, "B1", 1, false),
            line(1, Role::User, "xxxxxxxxxxxx", 2, true),
        ]
    );
    assert!(tree.stretches[4].start.ends_with('…'));

    bench.chat.select_variant(ME, session, tree.stretches[2].last).await.unwrap();
    assert_eq!(bench.texts(session).await, ["one  two\nthree", "A1", "more", "A2"]);
    let other = bench.chat.tree(OTHER, session).await;
    assert!(matches!(other, Err(ChatError::NotFound)), "{other:?}");
}
