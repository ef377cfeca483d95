//! Tools that answers call.

use super::{Bench, ME, OTHER, Watcher};
use crate::{Chat, ChatError};
use futures::future::BoxFuture;
use inference::{Gate, Prompt, Script};
use serde_json::json;
use std::sync::Arc;
use store::{CallResult, CallRow, NewTurn, Outcome};
use toolbox::Toolbox;
use tools::{Answer, Arguments, Asker, Description, Failure, Tool};
use types::{
    called::{
        CallAct, CallAnswer, CallEnd, CallFailure, CallProblem, CallQuestion, CallReply, CallState, CallView,
        CannotCall, read_block,
    },
    chat::{ChatEvent, ChatTurn, MessageState, MessageView, Role},
    document::SourceView,
    ids::{MessageId, SessionId},
    image::ImageFile,
    toolbox::{Effect, Permission, Source},
    tools::ToolCall,
};

/// A tool that does what its name says.
struct Scripted {
    name: &'static str,
    effect: Effect,
    gate: Option<Gate>,
}

impl Scripted {
    async fn act(&self, arguments: Arguments) -> Result<Answer, Failure> {
        if let Some(gate) = &self.gate {
            gate.pass().await;
        }
        match self.name {
            "fails" => Err(Failure::refused("the well is dry")),
            "seeks" => {
                let known = CallFailure::of(CallProblem::NoSuchDocument).about("wells.pdf");
                Err(Failure::refused_as(known, "no document is called that"))
            }
            "sources" => {
                let source = Source { title: "Wells".to_owned(), url: "https://wells.test/a".to_owned() };
                Ok(Answer::new(format!("{}\nWater.", source.line(1)), "1 page").with_sources(vec![source]))
            }
            "draws" => {
                Ok(Answer::new("drawn", "")
                    .with_images(vec![ImageFile::new(b"\x89PNG\r\n\x1a\nwell".to_vec())]))
            }
            "floods" => Ok(Answer::new("x".repeat(10 << 20), "a flood")),
            _ => Ok(Answer::new(format!("did {}", json!(arguments.as_map())), "done")),
        }
    }
}

impl Tool for Scripted {
    fn describe(&self) -> Description {
        Description::builtin(self.name, "does it", json!({"type": "object"}), self.effect)
    }

    fn run<'a>(&'a self, arguments: Arguments, _: &'a Asker) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(self.act(arguments))
    }
}

fn tool(name: &'static str, effect: Effect) -> Arc<dyn Tool> {
    Arc::new(Scripted { name, effect, gate: None })
}

fn held(name: &'static str, gate: &Gate) -> Arc<dyn Tool> {
    Arc::new(Scripted { name, effect: Effect::None, gate: Some(gate.clone()) })
}

/// A chat with these tools, and a session whose answers may call all of them.
async fn open(tools: Vec<Arc<dyn Tool>>, scripts: impl IntoIterator<Item = Script>) -> (Bench, SessionId) {
    let bench = Bench::open(scripts).await;
    let names: Vec<_> = tools.iter().map(|it| it.describe().name).collect();
    let toolbox = Toolbox::open(bench.store.clone(), tools).await.unwrap();
    let chat = Chat::open(bench.store.clone(), Arc::new(bench.engine.clone())).await.unwrap();
    let chat = chat.with_tools(toolbox);
    let session = chat.use_tools(ME, None, &names).await.unwrap();
    (Bench { chat, ..bench }, session)
}

fn calls(blocks: &[String]) -> Vec<CallView> {
    let read = |bytes: Vec<u8>| postcard::from_bytes(&bytes).expect("a call");
    blocks.iter().filter_map(|block| read_block(block)).map(read).collect()
}

fn ends(message: &MessageView) -> Vec<CallEnd> {
    let end = |call: CallView| match call.state {
        CallState::Ended(end) => end,
        state => panic!("{state:?}"),
    };
    calls(&message.blocks).into_iter().map(end).collect()
}

async fn question(watcher: &mut Watcher) -> CallQuestion {
    loop {
        watcher.next().await;
        for call in calls(&watcher.blocks) {
            if let CallState::Asked(question) = call.state {
                return question;
            }
        }
    }
}

fn turns(bench: &Bench, request: usize) -> Vec<ChatTurn> {
    match &bench.engine.requests()[request].prompt {
        Prompt::Chat(turns) => turns.clone(),
        prompt => panic!("{prompt:?}"),
    }
}

fn answer(session: SessionId, question: &CallQuestion, answer: CallAnswer) -> CallAct {
    CallAct::Answer { session, generation: question.generation, question: question.id, answer }
}

#[tokio::test]
async fn what_a_tool_gives_is_told_to_the_model_which_then_answers() {
    let first = Script::say(["Let me see."]).think("hm").call("adds", r#"{"a":1}"#);
    let (bench, session) = open(vec![tool("adds", Effect::None)], [first, Script::say(["It is 42."])]).await;
    let mut watcher = bench.watch(session);
    let (_, message) = bench.say(Some(session), "how much?").await;
    assert_eq!((message.state, message.text.as_str()), (MessageState::Complete, "Let me see.\n\nIt is 42."));
    let end = &ends(&message)[0];
    assert_eq!((end.text.as_str(), end.shown.as_str(), end.failed), (r#"did {"a":1}"#, "done", false));
    let places: Vec<_> = message.blocks.iter().map(|it| read_block(it).is_some()).collect();
    assert_eq!(places, [false, true, false]);

    let offered = bench.engine.requests()[0].tools.clone().unwrap();
    assert_eq!(offered.tools[0].name, "adds");
    let server_text = bench.engine.requests()[0].server_text.unwrap();
    assert_eq!((server_text.n_bytes, server_text.has_tools), (0, true));
    let told = turns(&bench, 1);
    let [.., said, result] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((said.content.as_str(), said.reasoning.as_str()), ("Let me see.", "hm"));
    assert_eq!((result.role, result.content.as_str()), (Role::Tool, r#"did {"a":1}"#));
    assert_eq!(result.call_id.as_deref(), Some(said.calls[0].id.as_str()));

    // Watching, fetching and asking on show and tell the same.
    assert_eq!(watcher.until_finished().await.blocks, message.blocks);
    assert!(message.blocks.starts_with(&watcher.blocks), "{:?}", watcher.blocks);
    assert_eq!(bench.messages(session).await[1].blocks, message.blocks);
    bench.say(Some(session), "sure?").await;
    let again = turns(&bench, 2);
    assert_eq!(again[1..3], told[1..3]);
    assert_eq!((again[3].role, again[3].content.as_str()), (Role::Assistant, "It is 42."));
}

#[tokio::test]
async fn calls_of_one_round_run_side_by_side_and_stay_in_their_places() {
    let gate = Gate::new();
    let first = Script::say(["A"]).call("held", "{}").call("adds", "{}");
    let tools = vec![held("held", &gate), tool("adds", Effect::None)];
    let (bench, session) = open(tools, [first, Script::say(["B"])]).await;
    let mut watcher = bench.watch(session);
    bench.send(Some(session), "go").await;
    let states = |blocks: &[String]| -> Vec<bool> {
        calls(blocks).iter().map(|call| matches!(call.state, CallState::Ended(_))).collect()
    };
    while states(&watcher.blocks) != [false, true] {
        watcher.next().await;
    }
    gate.open();
    let message = watcher.until_finished().await;
    let names: Vec<_> = calls(&message.blocks).into_iter().map(|call| call.name).collect();
    assert_eq!(
        (names, states(&message.blocks)),
        (vec!["held".to_owned(), "adds".to_owned()], vec![true, true])
    );
}

#[tokio::test]
async fn a_tool_that_changes_something_waits_for_a_yes() {
    let call = || Script::say(["A"]).call("writes", r#"{"a":1}"#);
    let scripts = [call(), Script::say(["B"]), call(), Script::say(["C"])];
    let (bench, session) = open(vec![tool("writes", Effect::Changes)], scripts).await;
    let mut watcher = bench.watch(session);
    bench.send(Some(session), "go").await;
    let asked = question(&mut watcher).await;
    assert_eq!(bench.engine.requests().len(), 1);
    // Who comes late is asked, too, and has less time; somebody else is not.
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let late = |blocks: &[String]| match calls(blocks).remove(0).state {
        CallState::Asked(late) => assert!((1..asked.wait_ms).contains(&late.wait_ms), "{late:?}"),
        state => panic!("{state:?}"),
    };
    late(&bench.messages(session).await[1].blocks);
    let mut second = bench.watch(session);
    second.next().await;
    late(&second.blocks);
    let other = bench.chat.act_on_tools(OTHER, answer(session, &asked, CallAnswer::Yes)).await;
    assert!(matches!(other, Err(ChatError::NobodyAsks)), "{other:?}");

    bench.chat.act_on_tools(ME, answer(session, &asked, CallAnswer::Always)).await.unwrap();
    assert!(!ends(&watcher.until_finished().await)[0].failed);
    let again = bench.chat.act_on_tools(ME, answer(session, &asked, CallAnswer::Yes)).await;
    assert!(matches!(again, Err(ChatError::NobodyAsks)), "{again:?}");
    // Nobody is asked about what is always allowed.
    let (_, message) = bench.say(Some(session), "again").await;
    assert_eq!(ends(&message)[0].text, r#"did {"a":1}"#);
}

#[tokio::test]
async fn a_no_is_told_to_the_model_and_to_the_person() {
    let scripts = [Script::say(["A"]).call("writes", "{}"), Script::say(["B"]), Script::say(["C"])];
    let (bench, session) = open(vec![tool("writes", Effect::Changes)], scripts).await;
    let mut watcher = bench.watch(session);
    bench.send(Some(session), "go").await;
    let asked = question(&mut watcher).await;
    bench.chat.act_on_tools(ME, answer(session, &asked, CallAnswer::Never)).await.unwrap();
    let end = ends(&watcher.until_finished().await).remove(0);
    assert!(end.failed && end.shown.contains("it was not run"), "{end:?}");
    assert!(turns(&bench, 1).last().unwrap().content.contains("it was not run"));
    // What is never allowed is not offered.
    bench.say(Some(session), "again").await;
    assert_eq!(bench.engine.requests()[2].tools, None);
}

#[tokio::test]
async fn what_fails_is_told_and_the_answer_goes_on() {
    let first =
        Script::say(["A"]).call("fails", "{}").call("nothing", "{}").call("fails", "[").call("floods", "{}");
    let tools = vec![tool("fails", Effect::None), tool("floods", Effect::None)];
    let (bench, session) = open(tools, [first, Script::say(["B"])]).await;
    let (_, message) = bench.say(Some(session), "go").await;
    assert_eq!((message.state, message.text.as_str()), (MessageState::Complete, "A\n\nB"));
    let ends = ends(&message);
    let check = |at: usize, sentence: &str| {
        assert!(ends[at].failed && ends[at].shown.contains(sentence), "{:?}", ends[at]);
        assert!(turns(&bench, 1)[2 + at].content.contains(sentence));
    };
    check(0, "the well is dry");
    check(1, "there is no tool “nothing”");
    check(2, "the arguments do not fit");
    assert_eq!((ends[3].failed, ends[3].cut_from), (false, Some(10 << 20)));
    assert!(ends[3].text.len() <= 4096 && ends[3].n_bytes <= 5000, "{}", ends[3].n_bytes);
}

#[tokio::test]
async fn why_a_call_failed_is_known_apart_from_what_the_model_was_told() {
    let first = Script::say(["A"])
        .call("fails", "{}")
        .call("seeks", "{}")
        .call("nothing", "{}")
        .call("web_search", "{}")
        .call("fails", "[");
    let tools = vec![tool("fails", Effect::None), tool("seeks", Effect::None)];
    let (bench, session) = open(tools, [first, Script::say(["B"])]).await;
    let (_, message) = bench.say(Some(session), "go").await;
    let expected = [
        None,
        Some(CallFailure::of(CallProblem::NoSuchDocument).about("wells.pdf")),
        Some(CallFailure::of(CallProblem::Unknown)),
        Some(CallFailure::of(CallProblem::NotSetUp).about("web_search")),
        Some(CallFailure::of(CallProblem::Arguments)),
    ];
    let failures = |message: &MessageView| -> Vec<Option<CallFailure>> {
        ends(message).into_iter().map(|end| end.failure).collect()
    };
    assert_eq!(failures(&message), expected);
    assert!(turns(&bench, 1)[3].content.contains("no document is called that"));
    // It goes with copies and with files.
    let copy = bench.chat.duplicate(ME, session).await.unwrap();
    assert_eq!(failures(&bench.messages(copy).await[1]), expected);
    let file = bench.chat.transcript(ME, session).await.unwrap();
    bench.take_over(&transcripts::write_json(vec![file])).await;
    let read = bench.chat.all_sessions(ME).await.unwrap().into_iter().max().unwrap();
    assert_eq!(failures(&bench.messages(read).await[1]), expected);
}

#[tokio::test]
async fn calls_share_the_room_that_one_of_them_would_have() {
    let floods = || Script::say(["A"]).call("floods", "{}").call("floods", "{}");
    let scripts = [floods(), floods(), floods(), Script::say(["B"])];
    let (bench, session) = open(vec![tool("floods", Effect::None)], scripts).await;
    let (_, message) = bench.say(Some(session), "go").await;
    let sizes: Vec<_> = ends(&message).iter().map(|end| end.n_bytes).collect();
    assert_eq!(sizes.len(), 6);
    let round = |at: usize| sizes[2 * at] + sizes[2 * at + 1];
    // The scripted engine has a context of 4096 tokens; each result says beside that it is cut.
    assert!(round(0) <= 4096 + 200 && round(1) <= 4096 + 200, "{sizes:?}");
    assert!(round(2) <= 2 * 1024 + 200, "what is left is the least there is: {sizes:?}");
}

#[tokio::test]
async fn a_model_that_never_stops_calling_has_to_answer_in_the_end() {
    let scripts = [Script::say(["A"]).call("adds", "{}")];
    let (bench, session) = open(vec![tool("adds", Effect::None)], scripts).await;
    let mut settings = bench.chat.settings(ME).await.unwrap();
    settings.tool_rounds = 2;
    bench.chat.save_settings(ME, settings).await.unwrap();
    let (_, message) = bench.say(Some(session), "go").await;
    let failed: Vec<_> = ends(&message).iter().map(|end| end.failed).collect();
    assert_eq!(failed, [false, false, true]);
    let offered: Vec<_> = bench.engine.requests().iter().map(|it| it.tools.is_some()).collect();
    assert_eq!(offered, [true, true, true, false]);
    assert!(turns(&bench, 3).last().unwrap().content.contains("Tools were called 2 times"));
    let said = "A\n\nA\n\nA\n\nA";
    assert_eq!((message.state, message.text.as_str()), (MessageState::Complete, said));
}

#[tokio::test]
async fn a_model_that_calls_even_after_the_last_round_and_says_nothing_has_failed() {
    let calls = || Script::say(["A"]).call("adds", "{}");
    let scripts = [calls(), calls(), Script::say([""]).call("adds", "{}")];
    let (bench, session) = open(vec![tool("adds", Effect::None)], scripts).await;
    let mut settings = bench.chat.settings(ME).await.unwrap();
    settings.tool_rounds = 1;
    bench.chat.save_settings(ME, settings).await.unwrap();
    let (_, message) = bench.say(Some(session), "go").await;
    assert_eq!((message.state, message.text.trim()), (MessageState::Failed, "A\n\nA"));
    assert!(message.error.as_ref().is_some_and(|it| it.contains("more rounds")), "{:?}", message.error);
    assert_eq!(ends(&message).len(), 2);
}

#[tokio::test]
async fn what_a_person_forbids_elsewhere_runs_no_more_in_an_answer_under_way() {
    let gate = Gate::new();
    let scripts = [
        Script::say(["A"]).call("held", "{}").call("adds", "{}"),
        Script::say(["B"]).call("adds", "{}"),
        Script::say(["C"]),
    ];
    let (bench, session) = open(vec![held("held", &gate), tool("adds", Effect::None)], scripts).await;
    let toolbox = bench.chat.toolbox.clone().unwrap();
    let mut watcher = bench.watch(session);
    bench.send(Some(session), "go").await;
    let has_run = |call: &CallView| call.name == "adds" && matches!(call.state, CallState::Ended(_));
    while !calls(&watcher.blocks).iter().any(has_run) {
        watcher.next().await;
    }
    let adds = toolbox.list(ME).await.unwrap().into_iter().find(|it| it.name == "adds").unwrap();
    toolbox.allow(ME, "adds", Permission::Never, &adds.fingerprint).await.unwrap();
    gate.open();
    let message = watcher.until_finished().await;
    let failures: Vec<_> = ends(&message).into_iter().map(|end| end.failure).collect();
    assert_eq!(failures, [None, None, Some(CallFailure::of(CallProblem::SwitchedOff))]);
    assert_eq!(message.text, "A\n\nB\n\nC");
}

#[tokio::test]
async fn stopping_ends_a_call_and_the_answer_can_go_on() {
    let gate = Gate::new();
    let scripts = [Script::say(["A"]).call("held", "{}"), Script::say(["B"])];
    let (bench, session) = open(vec![held("held", &gate)], scripts).await;
    let mut watcher = bench.watch(session);
    let sent = bench.send(Some(session), "go").await;
    while !calls(&watcher.blocks).iter().any(|call| call.state == CallState::Running) {
        watcher.next().await;
    }
    bench.chat.stop(ME, session).await.unwrap();
    let message = watcher.until_finished().await;
    assert_eq!(message.state, MessageState::Stopped);
    assert_eq!(calls(&message.blocks)[0].state, CallState::Interrupted);
    bench.chat.go_on(ME, session, sent.reply).await.unwrap();
    let message = bench.end_of(session).await;
    assert_eq!((message.state, message.text.as_str()), (MessageState::Complete, "A\n\nB"));
    assert!(turns(&bench, 1).last().unwrap().content.contains("it was interrupted"));
    assert_eq!(calls(&message.blocks).len(), 1);
}

#[tokio::test]
async fn an_answer_that_was_cut_after_its_calls_goes_on_with_words() {
    let scripts = [Script::say(["A"]).call("adds", "{}"), Script::say(["B"]).cut(), Script::say(["C"])];
    let (bench, session) = open(vec![tool("adds", Effect::None)], scripts).await;
    let (sent, cut) = bench.say(Some(session), "go").await;
    assert_eq!(cut.state, MessageState::Cut);
    let mut watcher = bench.watch(session);
    bench.chat.go_on(ME, session, sent.reply).await.unwrap();
    let mut message = watcher.until_finished().await;
    while message.state == MessageState::Cut {
        message = watcher.until_finished().await;
    }
    assert_eq!((message.text.as_str(), message.blocks.len()), ("A\n\nBC", 3));
    assert_eq!(watcher.blocks[..2], message.blocks[..2]);
    let request = &bench.engine.requests()[2];
    let Prompt::Continue(turns) = &request.prompt else { panic!("{:?}", request.prompt) };
    assert_eq!((turns.last().unwrap().content.as_str(), &request.tools), ("B", &None));
    assert_eq!(turns[turns.len() - 2].role, Role::Tool);
}

/// An answer that found a passage with a tool, and another one before, and then broke off.
async fn broken_off(bench: &Bench, session: SessionId, state: MessageState) -> MessageId {
    let turn = NewTurn {
        parent: None,
        text: Some("How deep?"),
        images: &[],
        documents: &[],
        model: None,
        is_revised: false,
        now_ms: 0,
    };
    let reply = bench.store.add_turn(ME, session, turn).await.unwrap().reply;
    let source = |number, text: &str| SourceView {
        number,
        document: None,
        document_name: "wells.txt".to_owned(),
        position: 0,
        last_position: 0,
        best_position: 0,
        page: None,
        heading: String::new(),
        text: text.to_owned(),
        words: None,
        meaning: None,
        ranking: None,
        is_whole: false,
        cited: false,
        query: None,
    };
    let sources = [source(1, "Wells are old."), source(2, "Wells are deep.")];
    bench.store.add_sources(ME, reply, &sources).await.unwrap();
    let arguments = r#"{"query":"depth"}"#.to_owned();
    let call = ToolCall { id: "call0".to_owned(), name: "search_documents".to_owned(), arguments };
    let row = CallRow { round: 0, text_before: 0, thought_before: 0, call, server: None, result: None };
    bench.store.add_calls(ME, reply, &[row]).await.unwrap();
    let text = "[2] wells.txt\nWells are deep.\n".to_owned();
    bench.store.finish_call(ME, reply, 0, &CallResult { text, ..CallResult::default() }).await.unwrap();
    let outcome = Outcome {
        body: "They are",
        thought: None,
        state,
        error: None,
        usage: None,
        kv: None,
        probabilities: &[],
    };
    bench.store.finish_message(reply, outcome).await.unwrap();
    reply
}

#[tokio::test]
async fn an_answer_that_goes_on_is_told_once_what_its_tools_found() {
    let (bench, session) = open(Vec::new(), [Script::say([" deep [2]."])]).await;
    let reply = broken_off(&bench, session, MessageState::Stopped).await;
    bench.chat.go_on(ME, session, reply).await.unwrap();
    assert_eq!(bench.end_of(session).await.text, "They are deep [2].");
    let Prompt::Continue(turns) = bench.engine.requests()[0].prompt.clone() else { panic!("it goes on") };
    let count = |text: &str| turns.iter().map(|turn| turn.content.matches(text).count()).sum::<usize>();
    assert_eq!((count("Wells are old."), count("Wells are deep.")), (1, 1), "{turns:?}");
    assert!(turns[0].content.contains("Wells are old."));
}

#[tokio::test]
async fn an_answer_that_became_too_long_after_its_tools_can_go_on() {
    let (bench, session) = open(Vec::new(), [Script::say([" deep."])]).await;
    let reply = broken_off(&bench, session, MessageState::Refused).await;
    bench.chat.go_on(ME, session, reply).await.unwrap();
    assert_eq!(bench.end_of(session).await.text, "They are deep.");
}

#[tokio::test]
async fn pages_that_a_tool_found_are_cited_by_number() {
    let first = Script::say(["A"]).call("sources", "{}").call("sources", "{}");
    let scripts = [first, Script::say(["So [2]."])];
    let (bench, session) = open(vec![tool("sources", Effect::None)], scripts).await;
    let (_, message) = bench.say(Some(session), "go").await;
    let mut told: Vec<_> = turns(&bench, 1)[2..].iter().map(|it| it.content.clone()).collect();
    told.sort();
    assert_eq!(told, ["[1] Wells\nWater.", "[2] Wells\nWater."]);
    let link = r#"<a class="citation" href="https://wells.test/a""#;
    assert!(message.blocks.last().unwrap().contains(link), "{:?}", message.blocks);
}

#[tokio::test]
async fn what_later_answers_find_has_numbers_of_its_own_and_earlier_ones_can_be_named() {
    let call = || Script::say(["Let me see."]).call("sources", "{}");
    let scripts = [call(), Script::say(["So [1]."]), call(), Script::say(["So [1] and [2], not [3]."])];
    let (bench, session) = open(vec![tool("sources", Effect::None)], scripts).await;
    bench.say(Some(session), "go").await;
    let mut watcher = bench.watch(session);
    let (_, message) = bench.say(Some(session), "and more").await;
    assert!(turns(&bench, 3).last().unwrap().content.contains("[2] Wells"));
    let n_links =
        |message: &MessageView| message.blocks.last().unwrap().matches(r#"class="citation""#).count();
    assert_eq!(n_links(&message), 2, "{:?}", message.blocks);
    assert_eq!(n_links(&watcher.until_finished().await), 2, "told when it ended");
    assert_eq!(bench.chat.next_number(ME, &bench.rows(session).await).await.unwrap(), 3);
}

#[tokio::test]
async fn passages_and_documents_are_numbered_behind_what_earlier_answers_found() {
    let (bench, session) = open(Vec::new(), []).await;
    broken_off(&bench, session, MessageState::Complete).await;
    assert_eq!(bench.chat.next_number(ME, &bench.rows(session).await).await.unwrap(), 3);
}

#[tokio::test]
async fn a_question_that_nobody_answers_expires_and_nothing_runs() {
    let scripts = [Script::say(["A"]).call("writes", "{}"), Script::say(["B"])];
    let (bench, session) = open(vec![tool("writes", Effect::Changes)], scripts).await;
    let chat = bench.chat.clone().with_approval_time(std::time::Duration::from_millis(20));
    let bench = Bench { chat, ..bench };
    let (_, message) = bench.say(Some(session), "go").await;
    assert_eq!((message.state, message.text.as_str()), (MessageState::Complete, "A\n\nB"));
    let end = &ends(&message)[0];
    assert_eq!((end.failed, end.failure.as_ref()), (true, Some(&CallFailure::of(CallProblem::Unanswered))));
    let told = turns(&bench, 1).pop().map(|turn| turn.content).unwrap_or_default();
    assert!(told.contains("nobody answered"), "{told}");
}

#[tokio::test]
async fn a_file_switches_on_only_tools_that_send_and_change_nothing() {
    let tools =
        vec![tool("adds", Effect::None), tool("seeks", Effect::Sends), tool("writes", Effect::Changes)];
    let (bench, session) = open(tools, [Script::say(["A"])]).await;
    bench.say(Some(session), "go").await;
    let written = bench.chat.transcript(ME, session).await.unwrap();
    let view = bench.take_over(&transcripts::write_json(vec![written])).await;
    assert_eq!(view.tools_off, ["seeks", "writes"]);
    let taken = bench.chat.all_sessions(ME).await.unwrap().into_iter().max().unwrap();
    assert!(taken != session);
    assert_eq!(bench.store.session_tools(ME, taken).await.unwrap(), Some(vec!["adds".to_owned()]));
}

#[tokio::test]
async fn a_tools_images_take_no_more_memory_for_temporary_chats_than_there_is() {
    let scripts = [Script::say(["A"]).call("draws", "{}"), Script::say(["B"])];
    let (bench, _) = open(vec![tool("draws", Effect::None)], scripts).await;
    let session = bench.chat.begin_temporary(ME).await.unwrap();
    let chat = bench.chat.of(Some(session)).await.unwrap();
    chat.use_tools(ME, Some(session), &["draws".to_owned()]).await.unwrap();
    let large = [&b"\x89PNG\r\n\x1a\n"[..], &[0_u8; 4080][..]].concat();
    chat.add_image_to(ME, Some(session), large).await.unwrap();
    let bench = Bench { chat, ..bench };
    let (_, message) = bench.say(Some(session), "go").await;
    assert_eq!((message.state, message.text.as_str()), (MessageState::Complete, "A\n\nB"));
    assert_eq!(ends(&message)[0].images, []);
    let told = turns(&bench, 1).pop().map(|turn| turn.content).unwrap_or_default();
    assert!(told.starts_with("drawn") && told.contains("no room"), "{told}");
}

#[tokio::test]
async fn copies_keep_the_calls() {
    let scripts = [Script::say(["A"]).call("adds", "{}"), Script::say(["B"])];
    let (bench, session) = open(vec![tool("adds", Effect::None)], scripts).await;
    let (_, message) = bench.say(Some(session), "go").await;
    let copy = bench.chat.duplicate(ME, session).await.unwrap();
    assert_eq!(bench.messages(copy).await[1].blocks, message.blocks);
}

#[tokio::test]
async fn a_session_has_its_own_tools_once_they_are_chosen() {
    let tools = vec![tool("adds", Effect::None), tool("writes", Effect::Changes)];
    let (bench, session) = open(tools, [Script::say(["A"])]).await;
    let n_tools = |session| {
        let chat = bench.chat.clone();
        async move { chat.thread(ME, session, 10).await.unwrap().n_tools }
    };
    assert_eq!(n_tools(session).await, 2);
    bench.chat.use_tools(ME, Some(session), &["adds".to_owned(), "gone".to_owned()]).await.unwrap();
    assert_eq!(n_tools(session).await, 1);
    let CallReply::Tools { tools, chosen, cannot: None } =
        bench.chat.act_on_tools(ME, CallAct::List { session: Some(session) }).await.unwrap()
    else {
        panic!("tools were to be listed");
    };
    let permission = |name: &str| tools.iter().find(|it| it.name == name).map(|it| it.permission);
    assert_eq!(permission("adds"), Some(Permission::Always));
    assert_eq!((permission("writes"), chosen), (Some(Permission::Ask), vec!["adds".to_owned()]));
    let other = bench.chat.use_tools(OTHER, Some(session), &[]).await;
    assert!(matches!(other, Err(ChatError::NotFound)), "{other:?}");

    let fresh = bench.chat.use_tools(ME, None, &[]).await.unwrap();
    bench.say(Some(fresh), "go").await;
    assert_eq!(bench.engine.requests()[0].tools, None);
}

#[tokio::test]
async fn a_model_that_calls_what_it_was_not_offered_says_so_where_it_says_nothing_else() {
    let scripts = [Script::say([""]).call("adds", "{}"), Script::say(["Well."]).call("adds", "{}")];
    let (bench, _) = open(vec![tool("adds", Effect::None)], scripts).await;
    let session = bench.chat.use_tools(ME, None, &[]).await.unwrap();
    let (_, message) = bench.say(Some(session), "go").await;
    assert_eq!(message.state, MessageState::Failed);
    assert!(message.error.is_some_and(|it| it.contains("no tool may run")));
    let (_, message) = bench.say(Some(session), "go on").await;
    assert_eq!((message.state, message.text.as_str()), (MessageState::Complete, "Well."));
}

#[tokio::test]
async fn a_model_without_a_chat_template_calls_nothing_and_it_is_said_why() {
    let (bench, session) = open(vec![tool("adds", Effect::None)], [Script::say(["A"])]).await;
    let mut status = inference::Engine::status(&bench.engine).borrow().chosen.clone();
    status.only_continues = true;
    bench.engine.set_status(status);
    let listed = bench.chat.act_on_tools(ME, CallAct::List { session: Some(session) }).await.unwrap();
    assert!(matches!(listed, CallReply::Tools { cannot: Some(CannotCall::NoTemplate), .. }), "{listed:?}");
    bench.say(Some(session), "go").await;
    assert_eq!(bench.engine.requests()[0].tools, None);
}

#[tokio::test]
async fn what_a_crash_interrupted_says_so() {
    let gate = Gate::new();
    let scripts = [Script::say(["A"]).call("held", "{}"), Script::say(["B"])];
    let (bench, session) = open(vec![held("held", &gate)], scripts).await;
    let mut watcher = bench.watch(session);
    bench.send(Some(session), "go").await;
    while !matches!(watcher.next().await, ChatEvent::Grew { .. })
        || !calls(&watcher.blocks).iter().any(|call| call.state == CallState::Running)
    {}
    bench.chat.running.shutdown(std::time::Duration::ZERO).await;
    let reopened = Chat::open(bench.store.clone(), Arc::new(bench.engine.clone())).await.unwrap();
    let message = reopened.thread(ME, session, 10).await.unwrap().messages.pop().unwrap();
    assert_eq!((message.state, message.text.as_str()), (MessageState::Failed, "A\n\n"));
    assert_eq!(calls(&message.blocks)[0].state, CallState::Interrupted);
}

#[tokio::test]
async fn a_file_keeps_the_calls_and_one_that_lies_about_them_loses_no_text() {
    let first =
        Script::say(["Ä"]).call("adds", "{}").call("sources", "{}").call("floods", "{}").call("draws", "{}");
    let tools = ["adds", "sources", "floods", "draws"].map(|name| tool(name, Effect::None));
    let (bench, session) = open(tools.into(), [first, Script::say(["B"])]).await;
    let (_, message) = bench.say(Some(session), "go").await;
    let said = ends(&message);
    assert_eq!((said[1].sources.len(), said[3].images.len()), (1, 1));
    assert!(said[2].cut_from.is_some());
    let mut file = bench.chat.transcript(ME, session).await.unwrap();
    let take_over = async |file: transcripts::Transcript| {
        bench.take_over(&transcripts::write_json(vec![file])).await;
        let newest = bench.chat.all_sessions(ME).await.unwrap().into_iter().max().unwrap();
        bench.messages(newest).await.pop().unwrap()
    };
    assert_eq!(take_over(file.clone()).await.blocks, message.blocks);
    for text_before in [1, usize::MAX] {
        let call = &mut file.turns[1].calls[0];
        (call.text_before, call.thought_before, call.arguments) = (text_before, 9, "[".to_owned());
        let taken = take_over(file.clone()).await;
        assert_eq!(taken.text, "Ä\n\nB");
        assert!(taken.blocks.concat().contains('Ä') && taken.blocks.concat().contains('B'));
        assert_eq!(calls(&taken.blocks)[0].arguments, "{}");
    }
}
