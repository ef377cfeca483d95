//! Folders, copies, files, and what the model saw.

use super::{Bench, LONG_AGO, ME, OTHER, with};
use crate::ChatError;
use inference::{Gate, Prompt, Script};
use transcripts::{AnsweredBy, Origin, write_json};
use types::{
    chat::{Again, Chip, History},
    filing::{Filter, FolderAct, ImportState, MAX_FOLDERS},
    ids::ModelId,
    launch::{DraftChoice, LaunchOptions, LaunchProfile},
    overrides::SetUp,
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
async fn copies_go_on_with_what_was_chosen_for_the_first() {
    let bench = Bench::open([Script::say(["one"])]).await;
    let (sent, first) = bench.say(None, "question").await;
    let books = bench.store.add_collection(ME, "books", 0).await.unwrap();
    bench.store.set_session_collections(ME, sent.session, &[books]).await.unwrap();
    bench.chat.use_tools(ME, Some(sent.session), &["clock".to_owned()]).await.unwrap();
    bench.store.set_session_history(ME, sent.session, History::Summarise).await.unwrap();
    bench.chat.tag_session(ME, sent.session, &["tea".to_owned()]).await.unwrap();
    for copy in [
        bench.chat.duplicate(ME, sent.session).await.unwrap(),
        bench.chat.fork(ME, sent.session, first.id).await.unwrap(),
    ] {
        assert_eq!(bench.store.session_collections(ME, copy).await.unwrap(), [books]);
        assert_eq!(bench.store.session_tools(ME, copy).await.unwrap(), Some(vec!["clock".to_owned()]));
        assert_eq!(bench.store.find_session(ME, copy).await.unwrap().unwrap().history, History::Summarise);
        assert_eq!(bench.store.tags_of(ME, copy).await.unwrap(), ["tea"]);
    }
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
async fn a_file_tells_who_answered_what_was_looked_into_and_where_it_was_forked_from() {
    let bench = Bench::open([Script::say(["one"])]).await;
    let books = bench.store.add_collection(ME, "Books", 1).await.unwrap();
    let (sent, first) = bench.say(None, "question").await;
    bench.store.set_session_collections(ME, sent.session, &[books]).await.unwrap();
    let template = Some("{{ evil }}".to_owned());
    let options = LaunchOptions { n_threads: Some(3), template, ..LaunchOptions::default() };
    let profile = LaunchProfile {
        n_ctx: Some(4096),
        draft: DraftChoice::Model(ModelId("missing".to_owned())),
        options: options.clone(),
        ..LaunchProfile::default()
    };
    let small = ModelId("small".to_owned());
    bench.store.set_session_model(sent.session, &small, &profile).await.unwrap();
    let fork = bench.chat.fork(ME, sent.session, first.id).await.unwrap();
    bench.say(Some(fork), "and more").await;
    bench.store.set_session_model(fork, &small, &profile).await.unwrap();
    let mut written = bench.chat.transcript(ME, fork).await.unwrap();
    assert_eq!(written.setup.collections, ["Books"]);
    assert_eq!(written.setup.origin, Some(Origin { title: "question".to_owned(), turn: 1 }));

    // What is not here is left out: a collection, a model that guesses, a template that another wrote.
    written.setup.collections.push("Elsewhere".to_owned());
    assert_eq!(bench.take_over(&write_json(vec![written.clone()])).await.n_taken, 1);
    let taken = bench.chat.all_sessions(ME).await.unwrap().into_iter().max().unwrap();
    assert_eq!(bench.store.session_collections(ME, taken).await.unwrap(), [books]);
    let options = LaunchOptions { template: None, ..options };
    let profile = LaunchProfile { draft: DraftChoice::Usual, options, ..profile };
    assert_eq!(bench.store.session_model(ME, taken).await.unwrap(), Some((small, profile)));
    assert_eq!(bench.store.find_session(ME, taken).await.unwrap().unwrap().origin, Some(sent.session));

    // Nor is a model, or a chat of another name.
    written.created_ms += 1;
    let missing = ModelId("missing".to_owned());
    written.setup.answered_by = Some(AnsweredBy { model: missing, profile: LaunchProfile::default() });
    written.setup.origin = Some(Origin { title: "another".to_owned(), turn: 1 });
    assert_eq!(bench.take_over(&write_json(vec![written])).await.n_taken, 1);
    let taken = bench.chat.all_sessions(ME).await.unwrap().into_iter().max().unwrap();
    assert_eq!(bench.store.session_model(ME, taken).await.unwrap(), None);
    assert_eq!(bench.store.find_session(ME, taken).await.unwrap().unwrap().origin, None);
}

#[tokio::test]
async fn a_page_is_told_what_a_session_sets_apart() {
    let bench = Bench::open([Script::say(["one"])]).await;
    let session = bench.chat.use_tools(ME, None, &[]).await.unwrap();
    let check = async |set_up: SetUp, expected: &[Chip]| {
        bench.chat.set_up(ME, session, set_up).await.unwrap();
        let thread = bench.chat.thread(ME, session, super::MESSAGES_SHOWN).await.unwrap();
        assert_eq!(thread.chips, expected);
    };
    let told = SetUp {
        system_prompt: Some("Speak like a kettle.".to_owned()),
        history: History::Summarise,
        keeps_probabilities: true,
        ..SetUp::default()
    };
    check(told, &[Chip::SystemPrompt, Chip::Summarise, Chip::Probabilities]).await;
    check(SetUp { history: History::TrimOldest, ..SetUp::default() }, &[Chip::TrimOldest]).await;
    check(SetUp::default(), &[]).await;
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
    let set_up = |prompt: &str, text: &str| SetUp {
        system_prompt: Some(prompt.to_owned()),
        numbers: number(text),
        ..SetUp::default()
    };
    bench.chat.set_up(ME, sent.session, set_up("Speak like a kettle.", "0,25")).await.unwrap();
    bench.say(Some(sent.session), "more").await;
    assert_eq!(first_turn(), "Speak like a kettle.");
    assert_eq!(bench.engine.requests().last().unwrap().sampling.temperature, 0.25);
    let thread = bench.chat.thread(ME, sent.session, super::MESSAGES_SHOWN).await.unwrap();
    assert_eq!(thread.chips, [Chip::SystemPrompt, Chip::Sampler("temperature 0.25".to_owned())]);
    bench.chat.set_up(ME, sent.session, set_up("  ", "")).await.unwrap();
    bench.say(Some(sent.session), "more").await;
    assert_ne!(first_turn(), "Speak like a kettle.");
    assert_eq!(bench.engine.requests().last().unwrap().sampling.temperature, 0.7);
    assert!(bench.chat.set_up(OTHER, sent.session, SetUp::default()).await.is_err());
    let err = bench.chat.set_up(ME, sent.session, set_up("", "50")).await.unwrap_err();
    assert_eq!(err.to_string(), "temperature must be between 0 and 5, not 50");
    let long = "x".repeat(MAX_SYSTEM_PROMPT_BYTES + 1);
    assert!(matches!(
        bench.chat.set_up(ME, sent.session, set_up(&long, "")).await,
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

#[tokio::test]
async fn a_folder_speaks_first_where_its_chat_says_nothing() {
    let bench = Bench::open(["one", "two", "three", "four"].map(|text| Script::say([text]))).await;
    let first_turn = || match bench.engine.requests().last().unwrap().prompt.clone() {
        Prompt::Chat(turns) => turns[0].content.clone(),
        other => panic!("{other:?}"),
    };
    bench.chat.set_system_prompt(ME, "Be brief.".to_owned()).await.unwrap();
    let (sent, _) = bench.say(None, "question").await;
    assert_eq!(first_turn(), "Be brief.");
    let folder = bench.store.add_folder(ME, "Kettles").await.unwrap().unwrap();
    bench.chat.file_session(ME, sent.session, Some(folder)).await.unwrap();
    let act = FolderAct::SetPrompt { folder, text: "Speak like a kettle.".to_owned() };
    bench.chat.act_on_folders(ME, act).await.unwrap();
    bench.say(Some(sent.session), "again").await;
    assert_eq!(first_turn(), "Speak like a kettle.");
    assert_eq!(bench.chat.setup(ME, sent.session).await.unwrap().usual_system_prompt, "Speak like a kettle.");
    let shown = Filter { folder: Some(folder), ..Filter::default() };
    let page = bench.chat.filed_sessions(ME, &shown).await.unwrap();
    assert_eq!(page.folder_prompt.as_deref(), Some("Speak like a kettle."));

    // What a chat says itself comes first, and a folder that says nothing lets the person speak again.
    let own = bench.chat.begin_with(ME, "Speak like a lamp.".to_owned()).await.unwrap();
    bench.chat.file_session(ME, own, Some(folder)).await.unwrap();
    bench.say(Some(own), "question").await;
    assert_eq!(first_turn(), "Speak like a lamp.");
    let replaced = bench.chat.set_folder_prompt(ME, folder, "  ".to_owned()).await.unwrap();
    assert_eq!(replaced, "Speak like a kettle.");
    bench.say(Some(sent.session), "again").await;
    assert_eq!(first_turn(), "Be brief.");
    let foreign = bench.chat.set_folder_prompt(OTHER, folder, "x".to_owned()).await;
    assert!(matches!(foreign, Err(ChatError::NotFound)), "{foreign:?}");
    let long = bench.chat.set_folder_prompt(ME, folder, "x".repeat(MAX_SYSTEM_PROMPT_BYTES + 1)).await;
    assert!(matches!(long, Err(ChatError::Setting(_))), "{long:?}");
}

#[tokio::test]
async fn a_text_is_put_before_one_chat_and_what_else_is_set_there_stays() {
    let bench = Bench::open([Script::say(["one"])]).await;
    let numbers = vec![("top_k".to_owned(), "7".to_owned())];
    let schema = Some(r#"{"type": "object"}"#.to_owned());
    let set_up = SetUp { numbers, answer_schema: schema, keeps_probabilities: true, ..SetUp::default() };
    let session = bench.chat.begin_set_up(ME, set_up).await.unwrap();
    bench.store.set_session_history(ME, session, History::Summarise).await.unwrap();
    // What is prepared makes a chat that has not begun younger.
    let row = async || {
        let row = bench.store.find_session(ME, session).await.unwrap().unwrap();
        store::SessionRow { updated_ms: 0, ..row }
    };
    let before = row().await;
    let put = async |user, text: &str| bench.chat.set_chat_prompt(user, session, text.to_owned()).await;
    assert_eq!(put(ME, "Be a lamp.").await.unwrap(), "");
    let after = row().await;
    assert_eq!(after, store::SessionRow { system_prompt: Some("Be a lamp.".to_owned()), ..before.clone() });
    assert_eq!(put(ME, " ").await.unwrap(), "Be a lamp.");
    assert_eq!(row().await, before);
    assert!(matches!(put(OTHER, "x").await, Err(ChatError::NotFound)));
    assert!(put(ME, &"x".repeat(MAX_SYSTEM_PROMPT_BYTES + 1)).await.is_err());
}

#[tokio::test]
async fn thoughts_are_found_by_their_words_and_titles_in_any_order() {
    let bench = Bench::open([]).await;
    let turns = serde_json::json!([
        {"role": "user", "text": "Which bird?"},
        {"parent": 0, "role": "assistant", "text": "A herring gull.", "reasoning": "It has pink legs, so it is no kittiwake."},
    ]);
    let chat = serde_json::json!({"title": "Birds of the North Sea", "turns": turns, "shown": 1});
    let file = serde_json::json!({"format": "chaosengine-chats", "version": 1, "chats": [chat]});
    assert_eq!(bench.take_over(&file.to_string()).await.n_taken, 1);
    let check = async |query: &str, expected: bool| {
        let filter = Filter { query: query.to_owned(), ..Filter::default() };
        let found = bench.chat.filed_sessions(ME, &filter).await.unwrap().sessions;
        assert_eq!(found.len() == 1, expected, "{query}");
        assert_eq!(
            bench.chat.list_sessions(ME, &with(query)).await.unwrap().rows.len() == 1,
            expected,
            "{query}"
        );
        found
    };
    let found = check("kittiwake pink", true).await;
    assert!(found[0].hit.iter().any(|part| part.is_hit && part.text == "kittiwake"), "{found:?}");
    check("herring", true).await;
    check("sea birds", true).await;
    check("sea cows", false).await;
    check("%", false).await;
}
