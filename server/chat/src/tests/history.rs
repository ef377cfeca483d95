//! Conversations that do not fit, and answers that mend others.

use super::{Bench, ME};
use inference::{Engine, Prompt, Script};
use types::{
    chat::{Again, ChatTurn, History, MessageState, Role},
    ids::{ModelId, SessionId},
    overrides::SetUp,
};

fn turns(bench: &Bench, request: usize) -> Vec<ChatTurn> {
    match &bench.engine.requests()[request].prompt {
        Prompt::Chat(turns) => turns.clone(),
        prompt => panic!("{prompt:?}"),
    }
}

/// The scripted engine counts words; so many fit.
fn fits(bench: &Bench, n_ctx: u32) {
    let mut status = bench.engine.status().borrow().chosen.clone();
    status.n_ctx = Some(n_ctx);
    bench.engine.set_status(status);
}

fn words(word: &str, n: usize) -> String {
    vec![word; n].join(" ")
}

/// A session of three questions of 30 words and as many short answers.
async fn long(bench: &Bench) -> SessionId {
    let (sent, _) = bench.say(None, &words("first", 30)).await;
    bench.say(Some(sent.session), &words("second", 30)).await;
    bench.say(Some(sent.session), &words("third", 30)).await;
    sent.session
}

#[tokio::test]
async fn without_the_oldest_turns_it_is_said_how_many_and_the_choice_stays() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let session = long(&bench).await;
    let last = bench.messages(session).await[5].id;
    fits(&bench, 80);
    bench.chat.regenerate(ME, session, last, Again::Trimmed, None).await.unwrap();
    let answer = bench.end_of(session).await;
    assert_eq!((answer.n_left_out, answer.summary), (4, None));
    let told = turns(&bench, 3);
    assert_eq!((told.len(), told[0].role), (1, Role::User));
    assert!(told[0].content.starts_with("third"));
    // The next message needs no choice, and goes on from the same place.
    let (_, answer) = bench.say(Some(session), "fourth").await;
    assert_eq!((answer.state, answer.n_left_out), (MessageState::Complete, 4));
    assert!(turns(&bench, 4)[0].content.starts_with("third"));
}

#[tokio::test]
async fn a_summary_stands_for_the_oldest_turns_and_is_used_again() {
    let scripts = ["A", "A", "A", " All about first and second. ", "B", "C"].map(|it| Script::say([it]));
    let bench = Bench::open(scripts).await;
    let session = long(&bench).await;
    let last = bench.messages(session).await[5].id;
    fits(&bench, 80);
    bench.chat.regenerate(ME, session, last, Again::Summarised, None).await.unwrap();
    let answer = bench.end_of(session).await;
    assert_eq!((answer.text.as_str(), answer.n_left_out), ("B", 4));
    assert_eq!(answer.summary.as_deref(), Some("All about first and second."));
    let asked = turns(&bench, 3).remove(0).content;
    assert!(asked.contains("User: first") && asked.contains("User: second") && !asked.contains("third"));
    let told = turns(&bench, 4);
    assert_eq!((told.len(), told[0].role), (2, Role::System));
    assert!(told[0].content.contains("All about first and second."));

    let (_, answer) = bench.say(Some(session), "fourth").await;
    assert_eq!((answer.text.as_str(), answer.n_left_out), ("C", 4));
    assert!(turns(&bench, 5)[0].content.contains("All about first and second."));
    assert_eq!(bench.messages(session).await[5].summary.as_deref(), Some("All about first and second."));
}

#[tokio::test]
async fn what_the_model_leaves_out_besides_is_told_with_the_answer() {
    let check = async |n_turns: u32, n_left_out: u32| {
        let scripts =
            [Script::say(["A"]), Script::say(["A"]), Script::say(["A"]), Script::say(["B"]).trimmed(n_turns)];
        let bench = Bench::open(scripts).await;
        let session = long(&bench).await;
        let last = bench.messages(session).await[5].id;
        bench.chat.regenerate(ME, session, last, Again::Trimmed, None).await.unwrap();
        assert_eq!(bench.end_of(session).await.n_left_out, n_left_out, "{n_turns}");
        assert_eq!(bench.messages(session).await[5].n_left_out, n_left_out, "{n_turns}");
    };
    check(0, 0).await;
    check(1, 2).await;
    check(2, 4).await;
    check(9, 5).await;
}

#[tokio::test]
async fn what_fits_is_left_whole() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let session = long(&bench).await;
    let last = bench.messages(session).await[5].id;
    bench.chat.regenerate(ME, session, last, Again::Trimmed, None).await.unwrap();
    assert_eq!(bench.end_of(session).await.n_left_out, 0);
    assert_eq!(turns(&bench, 3).len(), 5);
}

#[tokio::test]
async fn a_revised_answer_mends_what_its_critique_found() {
    let scripts = ["It is 41.", "It should be 42.", "It is 42."].map(|it| Script::say([it]));
    let bench = Bench::open(scripts).await;
    let (sent, _) = bench.say(None, "how much?").await;
    let mut watcher = bench.watch(sent.session);
    bench.chat.regenerate(ME, sent.session, sent.reply, Again::Revised, None).await.unwrap();
    let answer = watcher.until_other_finished(sent.reply).await;
    assert_eq!((answer.text.as_str(), answer.is_revised, answer.variants.len()), ("It is 42.", true, 2));
    assert!(answer.thought.unwrap().text.starts_with("It should be 42."));
    let asked = turns(&bench, 1);
    assert_eq!(asked[1].content, "It is 41.");
    assert!(asked[2].content.contains("strictest reader"));
    let mended = turns(&bench, 2);
    assert!(mended[2].content.contains("<critique>\nIt should be 42.\n</critique>"));
    let seen = bench.chat.seen(ME, sent.session, answer.id).await.unwrap();
    let seen: String = seen.parts.iter().map(|part| part.text.as_str()).collect();
    assert!(seen.contains("It is 41.") && seen.contains("<critique>\nIt should be 42."), "{seen}");
    bench.chat.select_variant(ME, sent.session, sent.reply).await.unwrap();
    assert!(!bench.messages(sent.session).await[1].is_revised);
}

#[tokio::test]
async fn a_revised_answer_keeps_the_summary_and_only_itself_has_the_form() {
    let scripts = ["A", "A", "A", "All about it.", "It is wrong.", "{}"].map(|it| Script::say([it]));
    let bench = Bench::open(scripts).await;
    let session = long(&bench).await;
    let last = bench.messages(session).await[5].id;
    let form = SetUp { answer_schema: Some(r#"{"type": "object"}"#.to_owned()), ..SetUp::default() };
    bench.chat.set_up(ME, session, form).await.unwrap();
    bench.store.set_session_history(ME, session, History::Summarise).await.unwrap();
    fits(&bench, 80);
    bench.chat.regenerate(ME, session, last, Again::Revised, None).await.unwrap();
    let answer = bench.end_of(session).await;
    assert_eq!((answer.text.as_str(), answer.summary.as_deref()), ("{}", Some("All about it.")));
    assert!(turns(&bench, 4)[0].content.contains("All about it."));
    assert!(turns(&bench, 5)[0].content.contains("All about it."));
    let has_form: Vec<_> = bench.engine.requests()[3..].iter().map(|it| it.constraint.is_some()).collect();
    assert_eq!(has_form, [false, false, true]);
}

#[tokio::test]
async fn an_answer_that_goes_on_is_given_what_it_was_given_before() {
    let scripts = [
        Script::say(["A"]),
        Script::say(["A"]),
        Script::say(["A"]),
        Script::say(["B"]).cut(),
        Script::say(["C"]),
    ];
    let bench = Bench::open(scripts).await;
    let session = long(&bench).await;
    let last = bench.messages(session).await[5].id;
    fits(&bench, 80);
    let sent = bench.chat.regenerate(ME, session, last, Again::Trimmed, None).await.unwrap();
    assert_eq!(bench.end_of(session).await.state, MessageState::Cut);
    bench.chat.go_on(ME, session, sent.reply).await.unwrap();
    let answer = bench.end_of(session).await;
    assert_eq!((answer.text.as_str(), answer.n_left_out), ("BC", 4));
    let Prompt::Continue(turns) = &bench.engine.requests()[4].prompt else { panic!("it was to go on") };
    assert!(turns.len() == 2 && turns[0].content.starts_with("third"), "{turns:?}");
}

#[tokio::test]
async fn an_answer_that_goes_on_where_there_is_no_room_says_what_is_left_out_for_it() {
    let scripts = [Script::say(["A"]), Script::say(["A"]), Script::say(["B"]).cut(), Script::say(["C"])];
    let bench = Bench::open(scripts).await;
    let session = long(&bench).await;
    let last = bench.messages(session).await[5].id;
    fits(&bench, 80);
    bench.chat.go_on(ME, session, last).await.unwrap();
    let answer = bench.end_of(session).await;
    assert_eq!((answer.text.as_str(), answer.n_left_out), ("BC", 4));
    let request = &bench.engine.requests()[3];
    let Prompt::Continue(turns) = &request.prompt else { panic!("it was to go on") };
    assert!(turns[0].content.starts_with("third"), "{turns:?}");
    // The session's own choice stays that nothing is left out.
    assert!(bench.chat.thread(ME, session, 10).await.is_ok());
    assert_eq!(bench.store.find_session(ME, session).await.unwrap().unwrap().history, History::Stop);
}

#[tokio::test]
async fn what_fits_is_measured_by_the_model_that_answers() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let session = long(&bench).await;
    let last = bench.messages(session).await[5].id;
    fits(&bench, 80);
    // Nobody knows yet how much a model reads that is not loaded: nothing is left out for the chosen one's sake.
    let other = Some(ModelId("other".to_owned()));
    bench.chat.regenerate(ME, session, last, Again::Trimmed, other).await.unwrap();
    assert_eq!(bench.end_of(session).await.n_left_out, 0);
}
