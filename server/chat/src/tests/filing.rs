//! Folders, copies, files, and what the model saw.

use super::{Bench, LONG_AGO, ME, OTHER};
use crate::ChatError;
use inference::{Gate, Prompt, Script};
use transcripts::write_json;
use types::{
    chat::Again,
    filing::{Filter, FolderAct, ImportState, MAX_FOLDERS},
    ids::ModelId,
    seen::SeenKind,
    settings::MAX_SYSTEM_PROMPT_BYTES,
};

async fn told(bench: &Bench, act: FolderAct) -> String {
    match bench.chat.act_on_folders(ME, act).await {
        Ok(()) => String::new(),
        Err(err) => err.to_string(),
    }
}

#[tokio::test]
async fn folders_have_names_that_can_be_told_apart() {
    let bench = Bench::open([]).await;
    let create = |name: &str| FolderAct::Create { name: name.to_owned() };
    assert_eq!(told(&bench, create("  Kitchen\n sink ")).await, "");
    assert_eq!(told(&bench, create("Kitchen sink")).await, "there is a folder named Kitchen sink already");
    assert_eq!(told(&bench, create(" ")).await, "a folder needs a name");
    assert!(told(&bench, create(&"x".repeat(61))).await.contains("61 letters"));
    for n in 1..MAX_FOLDERS {
        assert_eq!(told(&bench, create(&n.to_string())).await, "");
    }
    assert!(told(&bench, create("one too many")).await.contains("which is the most"));
    // Neither does a file make more.
    let file = r#"{"format": "chaosengine-chats", "chats": [{"folder": "from a file", "turns": [{"role": "user", "text": "x"}]}]}"#;
    assert_eq!(bench.take_over(file).await.n_taken, 1);
    let page = bench.chat.filed_sessions(ME, &Filter::default()).await.unwrap();
    assert_eq!((page.folders.len(), page.folders[0].name.as_str()), (MAX_FOLDERS, "Kitchen sink"));
}

#[tokio::test]
async fn tags_are_there_once_and_in_lower_case() {
    let bench = Bench::open([Script::say(["answer"])]).await;
    let (sent, _) = bench.say(None, "question").await;
    let tags = ["Tea", " tea ", "", "black  Tea"].map(str::to_owned);
    bench.chat.tag_session(ME, sent.session, &tags).await.unwrap();
    let page = bench.chat.filed_sessions(ME, &Filter::default()).await.unwrap();
    assert_eq!(page.sessions[0].tags, ["black tea", "tea"]);
    assert!(bench.chat.tag_session(ME, sent.session, &["x".repeat(41)]).await.is_err());
    assert!(bench.chat.tag_session(OTHER, sent.session, &[]).await.is_err());
}

#[tokio::test]
async fn a_fork_has_the_branch_up_to_its_message_and_knows_where_it_is_from() {
    let bench = Bench::open(["one", "two", "three"].map(|text| Script::say([text]))).await;
    let (sent, first) = bench.say(None, "question").await;
    let session = sent.session;
    bench.chat.regenerate(ME, session, first.id, Again::Anew, None).await.unwrap();
    bench.end_of(session).await;
    bench.say(Some(session), "more").await;
    let fork = bench.chat.fork(ME, session, first.id).await.unwrap();
    assert_eq!(bench.texts(fork).await, ["question", "one"]);
    let thread = bench.chat.thread(ME, fork, super::MESSAGES_SHOWN).await.unwrap();
    assert_eq!(thread.origin, Some(session));
    assert_eq!(thread.messages[1].variants.len(), 1, "the other answer stays where it is");
    // What is said in one of them is not said in the other.
    bench.say(Some(fork), "elsewhere").await;
    assert_eq!(bench.texts(session).await, ["question", "two", "more", "three"]);
    bench.chat.delete_session(ME, session).await.unwrap();
    assert_eq!(bench.texts(fork).await.len(), 4);

    assert!(matches!(bench.chat.fork(OTHER, fork, first.id).await, Err(ChatError::NotFound)));
    assert!(
        matches!(bench.chat.fork(ME, fork, first.id).await, Err(ChatError::NotFound)),
        "a message of another one"
    );
}

#[tokio::test]
async fn a_duplicate_has_all_branches_and_waits_for_the_answer_that_is_being_written() {
    let gate = Gate::new();
    let scripts = [Script::say(["one"]), Script::say(["t"]).wait(&gate).then("wo")];
    let bench = Bench::open(scripts).await;
    let (sent, first) = bench.say(None, "question").await;
    bench.chat.regenerate(ME, sent.session, first.id, Again::Anew, None).await.unwrap();
    assert!(matches!(bench.chat.duplicate(ME, sent.session).await, Err(ChatError::Busy)));
    gate.open();
    bench.end_of(sent.session).await;
    let copy = bench.chat.duplicate(ME, sent.session).await.unwrap();
    let messages = bench.messages(copy).await;
    assert_eq!((messages[1].text.as_str(), messages[1].variants.len()), ("two", 2));
}

#[tokio::test]
async fn a_session_that_was_written_into_a_file_is_taken_over_as_it_was() {
    let bench = Bench::open(["one", "two"].map(|text| Script::say([text]))).await;
    let (sent, first) = bench.say(None, "question").await;
    bench.chat.regenerate(ME, sent.session, first.id, Again::Anew, None).await.unwrap();
    bench.end_of(sent.session).await;
    bench.chat.tag_session(ME, sent.session, &["tea".to_owned()]).await.unwrap();
    let written = bench.chat.transcript(ME, sent.session).await.unwrap();
    let taken = bench.take_over(&write_json(vec![written.clone()])).await;
    assert_eq!((taken.state, taken.n_taken, taken.n_skipped, taken.n_left_out), (ImportState::Done, 1, 0, 0));
    let ids = bench.chat.all_sessions(ME).await.unwrap();
    assert_eq!(ids.len(), 2);
    assert_eq!(bench.chat.transcript(ME, ids[1]).await.unwrap(), written);
    assert!(matches!(bench.chat.transcript(OTHER, ids[1]).await, Err(ChatError::NotFound)));
}

#[tokio::test]
async fn what_a_session_is_set_up_with_comes_before_what_the_person_set() {
    let bench = Bench::open(["one", "two", "three"].map(|text| Script::say([text]))).await;
    let (sent, _) = bench.say(None, "question").await;
    let first_turn = || match bench.engine.requests().last().unwrap().prompt.clone() {
        Prompt::Chat(turns) => turns[0].content.clone(),
        other => panic!("{other:?}"),
    };
    let number = |text: &str| vec![("temperature".to_owned(), text.to_owned())];
    let prompt = Some("Speak like a kettle.".to_owned());
    bench.chat.set_up(ME, sent.session, prompt, &number("0,25"), None, false).await.unwrap();
    bench.say(Some(sent.session), "more").await;
    assert_eq!(first_turn(), "Speak like a kettle.");
    assert_eq!(bench.engine.requests().last().unwrap().sampling.temperature, 0.25);
    let thread = bench.chat.thread(ME, sent.session, super::MESSAGES_SHOWN).await.unwrap();
    assert_eq!(thread.chips, ["temperature 0.25"]);
    let none = number("");
    bench.chat.set_up(ME, sent.session, Some("  ".to_owned()), &none, None, false).await.unwrap();
    bench.say(Some(sent.session), "more").await;
    assert_ne!(first_turn(), "Speak like a kettle.");
    assert_eq!(bench.engine.requests().last().unwrap().sampling.temperature, 0.7);
    assert!(bench.chat.set_up(OTHER, sent.session, None, &none, None, false).await.is_err());
    let err = bench.chat.set_up(ME, sent.session, None, &number("50"), None, false).await.unwrap_err();
    assert_eq!(err.to_string(), "temperature must be between 0 and 5, not 50");
    let long = "x".repeat(MAX_SYSTEM_PROMPT_BYTES + 1);
    assert!(matches!(
        bench.chat.set_up(ME, sent.session, Some(long), &none, None, false).await,
        Err(ChatError::TooLong { .. })
    ));
}

#[tokio::test]
async fn what_the_model_saw_is_what_came_before_the_answer() {
    let bench = Bench::open(["one", "two"].map(|text| Script::say([text]))).await;
    let (sent, first) = bench.say(None, "first question").await;
    bench.say(Some(sent.session), "second question").await;
    let seen = bench.chat.seen(ME, sent.session, first.id).await.unwrap();
    let text: String = seen.parts.iter().map(|part| part.text.as_str()).collect();
    assert!(text.contains("first question") && !text.contains("second"), "{text}");
    assert!(seen.parts.iter().all(|part| part.kind == SeenKind::Text) && seen.n_tokens > 0);
    let question = bench.messages(sent.session).await.remove(0);
    assert!(matches!(bench.chat.seen(ME, sent.session, question.id).await, Err(ChatError::NotFound)));
    assert!(matches!(bench.chat.seen(OTHER, sent.session, first.id).await, Err(ChatError::NotFound)));
}

#[tokio::test]
async fn an_answer_by_another_model_is_beside_the_first_and_changes_no_choice() {
    let bench = Bench::open(["one", "two"].map(|text| Script::say([text]))).await;
    let (sent, first) = bench.say(None, "question").await;
    let other = ModelId("other".to_owned());
    bench.chat.regenerate(ME, sent.session, first.id, Again::Anew, Some(other)).await.unwrap();
    let second = tokio::time::timeout(LONG_AGO, bench.end_of(sent.session)).await.unwrap();
    assert_eq!((second.model.as_deref(), second.variants.len()), (Some("other"), 2));
}
