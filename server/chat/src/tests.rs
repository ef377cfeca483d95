use crate::{Chat, ChatError, Draft, Imports, KnowsModel};
use futures::{Stream, StreamExt};
use inference::{EngineError, Gate, Guarded, Prompt, Rejection, Script, ScriptedEngine};
use jobs::Jobs;
use std::{pin::Pin, sync::Arc, time::Duration};
use store::Store;
use tempfile::TempDir;
use types::{
    chat::{
        Again, ChatEvent, Lines, MAX_MESSAGE_BYTES, MAX_TITLE_CHARS, MESSAGES_SHOWN, MessageState,
        MessageView, Queued, Role, Sent, Thread,
    },
    filing::ImportView,
    guard::{Guard, GuardSettings, Warning},
    ids::{ImageId, MessageId, SessionId, UserId},
    image::{MAX_IMAGE_BYTES, MAX_IMAGES, TurnImage},
    reasoning::Effort,
    settings::{MAX_SYSTEM_PROMPT_BYTES, UserSettings},
    system::{Heat, SystemSample},
};

mod answering;
mod attached;
mod consulting;
mod filing;
mod forms;
mod given;
mod history;
mod imports;
mod preparing;
mod presets;
mod temporary;
mod titles;
mod tools;
mod tree;

const ME: UserId = UserId::LOCAL;
const OTHER: UserId = UserId(2);
const LONG_AGO: Duration = Duration::from_secs(30);

/// A chat on a real store with a scripted engine.
struct Bench {
    folder: TempDir,
    store: Store,
    engine: ScriptedEngine,
    chat: Chat,
}

impl Bench {
    async fn open(scripts: impl IntoIterator<Item = Script>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("app.sqlite")).await.unwrap();
        let engine = ScriptedEngine::new(scripts);
        let chat = Chat::open(store.clone(), Arc::new(engine.clone())).await.unwrap();
        let knows: KnowsModel = Arc::new(|id| Box::pin(async move { id.0 != "missing" }));
        let chat = chat.with_models(knows);
        Self { folder, store, engine, chat }
    }

    /// With guards over the engine, on a machine that has enough of everything.
    async fn guarded(script: Script) -> Self {
        Self::guarded_on(script, SystemSample::default()).await
    }

    /// On a machine that is like this all the time.
    async fn guarded_on(script: Script, machine: SystemSample) -> Self {
        let bench = Self::open([script]).await;
        let guarded = Guarded::new(Arc::new(bench.engine.clone()), Arc::new(move || machine.clone()));
        let chat = Chat::open(bench.store.clone(), Arc::new(guarded)).await.unwrap();
        Self { chat, ..bench }
    }

    /// Takes a file over, and says what became of it.
    async fn take_over(&self, file: &str) -> ImportView {
        let jobs = Jobs::open(self.store.clone()).await.unwrap();
        let imports =
            Imports::open(self.chat.clone(), jobs, self.folder.path().join("imports")).await.unwrap();
        let bytes = futures::stream::iter([Ok::<_, ()>(file.as_bytes().to_vec())]);
        let id = imports.add(ME, "chats.json", bytes).await.unwrap();
        imports.ended(ME, id, LONG_AGO).await.unwrap()
    }

    async fn send(&self, session: Option<SessionId>, text: &str) -> Sent {
        self.chat.send(ME, session, text.into(), false).await.unwrap()
    }

    fn watch(&self, session: SessionId) -> Watcher {
        Watcher { events: Box::pin(self.chat.watch(ME, session)), blocks: Vec::new() }
    }

    /// The shown branch.
    async fn messages(&self, session: SessionId) -> Vec<MessageView> {
        self.chat.thread(ME, session, MESSAGES_SHOWN).await.unwrap().messages
    }

    async fn rows(&self, session: SessionId) -> Vec<store::MessageRow> {
        self.store.all_messages(ME, session).await.unwrap()
    }

    async fn texts(&self, session: SessionId) -> Vec<String> {
        self.messages(session).await.into_iter().map(|message| message.text).collect()
    }

    /// Sends and waits for the answer's end.
    async fn say(&self, session: Option<SessionId>, text: &str) -> (Sent, MessageView) {
        let sent = self.send(session, text).await;
        (sent.clone(), self.end_of(sent.session).await)
    }

    /// The last message, once no answer is being written.
    async fn end_of(&self, session: SessionId) -> MessageView {
        let mut events = Box::pin(self.chat.watch(ME, session));
        loop {
            let last = self.messages(session).await.pop().unwrap();
            if last.state != MessageState::Running && !self.chat.running.is_held(session) {
                return last;
            }
            tokio::time::timeout(LONG_AGO, events.next()).await.unwrap();
        }
    }
}

/// All lines of the session list with `query`.
fn with(query: &str) -> Lines {
    Lines { query: query.to_owned(), ..Lines::default() }
}

/// A page: keeps the blocks as the events say.
struct Watcher {
    events: Pin<Box<dyn Stream<Item = ChatEvent> + Send>>,
    blocks: Vec<String>,
}

impl Watcher {
    async fn next(&mut self) -> ChatEvent {
        let event =
            tokio::time::timeout(LONG_AGO, self.events.next()).await.expect("an event in time").unwrap();
        if let ChatEvent::Grew { first, blocks, .. } = &event {
            self.blocks.truncate(*first as usize);
            self.blocks.extend(blocks.iter().cloned());
        }
        event
    }

    async fn until_shown(&mut self, text: &str) {
        while !self.blocks.concat().contains(text) {
            let event = self.next().await;
            assert!(
                !matches!(event, ChatEvent::Finished { .. }),
                "ended without showing {text:?}: {:?}",
                self.blocks
            );
        }
    }

    /// Until an answer has ended that is not this one, whose end may not have been told yet.
    async fn until_other_finished(&mut self, earlier: MessageId) -> MessageView {
        loop {
            let message = self.until_finished().await;
            if message.id != earlier {
                return message;
            }
        }
    }

    async fn until_finished(&mut self) -> MessageView {
        loop {
            if let ChatEvent::Finished { message } = self.next().await {
                return *message;
            }
        }
    }
}

#[tokio::test]
async fn a_first_message_makes_a_session_with_a_title_and_an_answer() {
    let bench = Bench::open([Script::say(["Hello ", "**you**."])]).await;
    let (sent, answer) = bench.say(None, "What is a lantern? Tell me more.").await;
    assert_eq!((answer.id, answer.state), (sent.reply, MessageState::Complete));
    assert_eq!(answer.text, "Hello **you**.");
    assert!(answer.blocks.concat().contains("<strong>you</strong>"));
    assert_eq!(answer.usage.unwrap().n_generated_tokens, 2);
    assert_eq!(answer.model.as_deref(), Some("Scripted"));
    let sessions = bench.chat.list_sessions(ME, &Lines::default()).await.unwrap().rows;
    assert_eq!(sessions.len(), 1);
    assert_eq!((sessions[0].title.as_str(), sessions[0].running), ("What is a lantern?", false));
}

#[tokio::test]
async fn what_the_model_thinks_is_shown_apart_and_kept() {
    let gate = Gate::new();
    let script = Script::say(["So."]);
    let thinking = Script::say([""]).think("<script>why</script>\n\n**hm**").wait(&gate).then("So.");
    let bench = Bench::open([thinking, script]).await;
    let sent = bench.send(None, "go").await;
    let mut watcher = bench.watch(sent.session);
    let growth = loop {
        match watcher.next().await {
            ChatEvent::Grew { thought, .. } if !thought.blocks.is_empty() => break thought,
            ChatEvent::Finished { .. } => panic!("ended without a thought"),
            _ => {}
        }
    };
    assert!(growth.blocks.concat().contains("<strong>hm</strong>"), "{growth:?}");
    assert!(!growth.blocks.concat().contains("<script>"), "{growth:?}");
    assert_eq!((growth.first, growth.ms, growth.goes_on), (0, Some(0), true));
    let late = bench.messages(sent.session).await.pop().unwrap();
    assert_eq!(late.thought.unwrap().blocks, growth.blocks);
    gate.open();
    let ended = watcher.until_finished().await;
    let thought = ended.thought.clone().unwrap();
    assert_eq!(ended.text, "So.");
    assert_eq!(thought.text, "<script>why</script>\n\n**hm**");
    assert!(thought.ms.is_some());
    assert_eq!(bench.messages(sent.session).await.pop().unwrap().thought, ended.thought);

    bench.say(Some(sent.session), "more").await;
    let Prompt::Chat(turns) = bench.engine.requests().pop().unwrap().prompt else { panic!("a chat") };
    assert_eq!(
        (turns[1].content.as_str(), turns[1].reasoning.as_str()),
        ("So.", "<script>why</script>\n\n**hm**")
    );
}

#[tokio::test]
async fn a_thought_that_is_stopped_is_kept() {
    let bench = Bench::open([Script::say([""]).think("hm").wait(&Gate::new())]).await;
    let sent = bench.send(None, "go").await;
    let mut watcher = bench.watch(sent.session);
    while !matches!(watcher.next().await, ChatEvent::Grew { thought, .. } if !thought.blocks.is_empty()) {}
    bench.chat.stop(ME, sent.session).await.unwrap();
    let answer = bench.end_of(sent.session).await;
    assert_eq!(answer.state, MessageState::Stopped);
    assert_eq!(answer.thought.unwrap().text, "hm");
}

#[tokio::test]
async fn the_model_is_given_the_system_prompt_and_the_branch() {
    let bench = Bench::open([Script::say(["one"]), Script::say(["two"])]).await;
    let settings = UserSettings { system_prompt: "Be brief.".into(), ..UserSettings::default() };
    bench.chat.save_settings(ME, settings).await.unwrap();
    let (sent, _) = bench.say(None, "first").await;
    bench.say(Some(sent.session), "second").await;
    let Prompt::Chat(turns) = bench.engine.requests().pop().unwrap().prompt else { panic!("a chat") };
    let said: Vec<_> = turns.iter().map(|turn| (turn.role, turn.content.as_str())).collect();
    let expected = [
        (Role::System, "Be brief."),
        (Role::User, "first"),
        (Role::Assistant, "one"),
        (Role::User, "second"),
    ];
    assert_eq!(said, expected);
}

#[tokio::test]
async fn a_watcher_that_comes_late_gets_everything_so_far() {
    let gate = Gate::new();
    let bench = Bench::open([Script::say(["early "]).wait(&gate).then("late")]).await;
    let sent = bench.send(None, "go").await;
    bench.watch(sent.session).until_shown("early").await;
    let mut late = bench.watch(sent.session);
    late.until_shown("early").await;
    gate.open();
    assert_eq!(late.until_finished().await.text, "early late");
}

#[tokio::test]
async fn a_place_in_line_is_told_until_the_answer_begins() {
    let gate = Gate::new();
    let place = Queued { position: 2, estimated_ms: Some(8000) };
    let nothing: [&str; 0] = [];
    let bench = Bench::open([Script::say(nothing).queued(place).wait(&gate).then("now")]).await;
    let sent = bench.send(None, "go").await;
    let mut watcher = bench.watch(sent.session);
    while !matches!(watcher.next().await, ChatEvent::Grew { queued: Some(it), .. } if it == place) {}
    let mut late = bench.watch(sent.session);
    assert!(matches!(late.next().await, ChatEvent::Grew { queued: Some(it), .. } if it == place));
    gate.open();
    assert_eq!(watcher.until_finished().await.text, "now");
}

#[tokio::test]
async fn every_watcher_sees_the_same() {
    let gate = Gate::new();
    let script = Script::say(["a "]).wait(&gate).then("b ").delay(Duration::from_millis(50)).then("c");
    let bench = Bench::open([script]).await;
    let sent = bench.send(None, "go").await;
    let (mut one, mut two) = (bench.watch(sent.session), bench.watch(sent.session));
    one.until_shown("a").await;
    two.until_shown("a").await;
    gate.open();
    let (one, two) = (one.until_finished().await, two.until_finished().await);
    assert_eq!(one, two);
    assert_eq!(one.text, "a b c");
}

#[tokio::test]
async fn an_answer_goes_on_when_nobody_watches() {
    let gate = Gate::new();
    let bench = Bench::open([Script::say(["kept"]).wait(&gate).then(" on")]).await;
    let sent = bench.send(None, "go").await;
    let mut watcher = bench.watch(sent.session);
    watcher.until_shown("kept").await;
    drop(watcher);
    gate.open();
    assert_eq!(bench.end_of(sent.session).await.text, "kept on");
}

#[tokio::test]
async fn stopping_keeps_the_text_and_cancels_the_engine() {
    let bench = Bench::open([Script::say(["half"]).wait(&Gate::new()).then(" never")]).await;
    let sent = bench.send(None, "go").await;
    bench.watch(sent.session).until_shown("half").await;
    bench.chat.stop(OTHER, sent.session).await.unwrap();
    assert_eq!(
        bench.messages(sent.session).await[1].state,
        MessageState::Running,
        "a stranger stops nothing"
    );
    bench.chat.stop(ME, sent.session).await.unwrap();
    let answer = bench.end_of(sent.session).await;
    assert_eq!((answer.text.as_str(), answer.state), ("half", MessageState::Stopped));
    let mut running = bench.engine.n_running();
    tokio::time::timeout(LONG_AGO, running.wait_for(|n| *n == 0)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_dead_worker_leaves_the_text_and_the_next_message_works() {
    let bench = Bench::open([Script::say(["par", "tial"]).crash(), Script::say(["fine"])]).await;
    let (sent, answer) = bench.say(None, "go").await;
    assert_eq!((answer.text.as_str(), answer.state), ("partial", MessageState::Failed));
    assert_eq!(answer.error.as_deref(), Some("the model stopped unexpectedly"));
    let (_, next) = bench.say(Some(sent.session), "again").await;
    assert_eq!((next.text.as_str(), next.state), ("fine", MessageState::Complete));
}

#[tokio::test]
async fn a_conversation_that_does_not_fit_says_so_and_offers_to_trim() {
    let too_long = EngineError::Rejected(Rejection::TooLong { n_tokens: 9000, n_ctx: 4096 });
    let bench = Bench::open([Script::refuse(too_long), Script::say(["short"])]).await;
    let (sent, answer) = bench.say(None, "go").await;
    assert_eq!(answer.state, MessageState::Refused);
    let error = answer.error.unwrap();
    assert!(error.contains("9000") && error.contains("4096"), "{error}");
    bench.chat.regenerate(ME, sent.session, answer.id, Again::Trimmed, None).await.unwrap();
    assert_eq!(bench.end_of(sent.session).await.text, "short");
    assert!(bench.engine.requests().last().unwrap().trim_history);
}

#[tokio::test]
async fn a_session_writes_one_answer_at_a_time() {
    let gate = Gate::new();
    let bench = Bench::open([Script::say(["a"]).wait(&gate)]).await;
    let sent = bench.send(None, "go").await;
    let second = bench.chat.send(ME, Some(sent.session), "more".into(), false).await;
    assert!(matches!(second, Err(ChatError::Busy)));
    assert!(bench.chat.list_sessions(ME, &Lines::default()).await.unwrap().rows[0].running);
    gate.open();
    bench.end_of(sent.session).await;
    assert_eq!(bench.texts(sent.session).await, ["go", "a"], "the refused message left nothing behind");
}

#[tokio::test]
async fn editing_and_regenerating_leave_variants() {
    let bench = Bench::open(["one", "two", "three"].map(|text| Script::say([text]))).await;
    let (sent, first) = bench.say(None, "question").await;
    let session = sent.session;
    bench.chat.regenerate(ME, session, first.id, Again::Anew, None).await.unwrap();
    let second = bench.end_of(session).await;
    assert_eq!((second.text.as_str(), &second.variants), ("two", &vec![first.id, second.id]));
    let question = bench.messages(session).await.remove(0);
    bench.chat.edit_and_resend(ME, session, question.id, "other question".into(), false).await.unwrap();
    bench.end_of(session).await;
    assert_eq!(bench.texts(session).await, ["other question", "three"]);
    bench.chat.select_variant(ME, session, question.id).await.unwrap();
    assert_eq!(bench.texts(session).await, ["question", "two"], "a variant comes with what followed it last");
    bench.chat.select_variant(ME, session, first.id).await.unwrap();
    assert_eq!(bench.texts(session).await, ["question", "one"]);
}

#[tokio::test]
async fn only_the_right_kind_of_message_is_edited_or_regenerated() {
    let bench = Bench::open([Script::say(["answer"])]).await;
    let (sent, answer) = bench.say(None, "question").await;
    let question = bench.messages(sent.session).await.remove(0);
    let edited = bench.chat.edit_and_resend(ME, sent.session, answer.id, "x".into(), false).await;
    assert!(matches!(edited, Err(ChatError::NotFound)));
    let regenerated = bench.chat.regenerate(ME, sent.session, question.id, Again::Anew, None).await;
    assert!(matches!(regenerated, Err(ChatError::NotFound)));
}

#[tokio::test]
async fn messages_that_are_empty_or_too_long_are_refused_before_anything_is_written() {
    let bench = Bench::open([]).await;
    for (text, is_right) in [
        (String::new(), (|err| matches!(err, ChatError::Empty)) as fn(&ChatError) -> bool),
        (" \n\t ".to_owned(), |err| matches!(err, ChatError::Empty)),
        ("x".repeat(MAX_MESSAGE_BYTES + 1), |err| matches!(err, ChatError::TooLong { .. })),
    ] {
        let err = bench.chat.send(ME, None, text.into(), false).await.unwrap_err();
        assert!(is_right(&err), "{err}");
    }
    assert!(bench.chat.list_sessions(ME, &Lines::default()).await.unwrap().rows.is_empty());
    let longest = "x".repeat(MAX_MESSAGE_BYTES);
    assert_eq!(bench.say(None, &longest).await.1.state, MessageState::Complete);
}

#[tokio::test]
async fn a_stranger_finds_nothing() {
    let bench = Bench::open([Script::say(["secret"])]).await;
    let (sent, answer) = bench.say(None, "mine").await;
    let session = sent.session;
    let chat = &bench.chat;
    assert!(matches!(chat.thread(OTHER, session, MESSAGES_SHOWN).await, Err(ChatError::NotFound)));
    assert!(matches!(chat.send(OTHER, Some(session), "x".into(), false).await, Err(ChatError::NotFound)));
    assert!(matches!(
        chat.regenerate(OTHER, session, answer.id, Again::Anew, None).await,
        Err(ChatError::NotFound)
    ));
    assert!(matches!(chat.select_variant(OTHER, session, answer.id).await, Err(ChatError::NotFound)));
    assert!(matches!(chat.rename_session(OTHER, session, "x").await, Err(ChatError::NotFound)));
    assert!(matches!(chat.set_pinned(OTHER, session, true).await, Err(ChatError::NotFound)));
    assert!(matches!(chat.delete_session(OTHER, session).await, Err(ChatError::NotFound)));
    assert!(chat.list_sessions(OTHER, &Lines::default()).await.unwrap().rows.is_empty());
    assert!(chat.list_sessions(OTHER, &with("secret")).await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn a_deleted_session_stops_and_comes_back_with_its_text() {
    let bench = Bench::open([Script::say(["half"]).wait(&Gate::new())]).await;
    let sent = bench.send(None, "go").await;
    bench.watch(sent.session).until_shown("half").await;
    let mut changed = bench.chat.sessions_changed(ME);
    bench.chat.delete_session(ME, sent.session).await.unwrap();
    changed.changed().await.unwrap();
    assert!(bench.chat.list_sessions(ME, &Lines::default()).await.unwrap().rows.is_empty());
    bench.chat.restore_session(ME, sent.session).await.unwrap();
    assert_eq!(bench.end_of(sent.session).await.text, "half");
}

#[tokio::test]
async fn sessions_are_renamed_pinned_and_searched() {
    let bench = Bench::open([Script::say(["about lanterns"]), Script::say(["about rivers"])]).await;
    let (old, _) = bench.say(None, "first").await;
    let (new, _) = bench.say(None, "second").await;
    let order = async || -> Vec<_> {
        bench
            .chat
            .list_sessions(ME, &Lines::default())
            .await
            .unwrap()
            .rows
            .into_iter()
            .map(|row| row.id)
            .collect()
    };
    assert_eq!(order().await, [new.session, old.session]);
    bench.chat.set_pinned(ME, old.session, true).await.unwrap();
    assert_eq!(order().await, [old.session, new.session]);
    let found = bench.chat.list_sessions(ME, &with(" rivers ")).await.unwrap().rows;
    assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), [new.session]);
    bench.chat.rename_session(ME, new.session, &format!("  a\n b {}", "c".repeat(500))).await.unwrap();
    let title = bench.chat.thread(ME, new.session, MESSAGES_SHOWN).await.unwrap().session.title;
    assert!(title.starts_with("a b c") && title.chars().count() == MAX_TITLE_CHARS, "{title}");
    assert!(matches!(bench.chat.rename_session(ME, new.session, " ").await, Err(ChatError::Empty)));
}

#[tokio::test]
async fn what_was_deleted_goes_while_the_server_runs_once_its_time_is_over() {
    let bench = Bench::open([Script::say(["hello"])]).await;
    let sent = bench.send(None, "go").await;
    bench.end_of(sent.session).await;
    bench.chat.delete_session(ME, sent.session).await.unwrap();
    bench.chat.purge().await.unwrap();
    bench.chat.restore_session(ME, sent.session).await.unwrap();
    bench.chat.delete_session(ME, sent.session).await.unwrap();
    bench.chat.remove(i64::MAX).await.unwrap();
    assert!(bench.chat.restore_session(ME, sent.session).await.is_err());
}

#[tokio::test]
async fn shutting_down_marks_what_could_not_end_in_time() {
    let bench = Bench::open([Script::say(["half"]).wait(&Gate::new())]).await;
    let sent = bench.send(None, "go").await;
    bench.watch(sent.session).until_shown("half").await;
    bench.chat.shutdown(Duration::from_millis(10)).await;
    let answer = bench.end_of(sent.session).await;
    assert_eq!((answer.text.as_str(), answer.state), ("half", MessageState::Failed));
    assert!(answer.error.unwrap().contains("the server stopped"));
    let refused = bench.chat.send(ME, Some(sent.session), "more".into(), false).await;
    assert!(matches!(refused, Err(ChatError::ShuttingDown)));
}

#[tokio::test]
async fn what_a_crash_left_running_is_ended_at_the_next_start() {
    let bench = Bench::open([Script::say(["half"]).wait(&Gate::new())]).await;
    let sent = bench.send(None, "go").await;
    bench.watch(sent.session).until_shown("half").await;
    let saved = async || bench.store.find_message(ME, sent.session, sent.reply).await.unwrap().unwrap().body;
    while saved().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let store = Store::open(&bench.folder.path().join("app.sqlite")).await.unwrap();
    let next = Chat::open(store, Arc::new(ScriptedEngine::new([]))).await.unwrap();
    let answer = next.thread(ME, sent.session, MESSAGES_SHOWN).await.unwrap().messages.pop().unwrap();
    assert_eq!((answer.text.as_str(), answer.state), ("half", MessageState::Failed));
}

#[tokio::test]
async fn settings_out_of_range_are_refused_and_the_old_ones_stay() {
    let bench = Bench::open([]).await;
    let mut wrong = UserSettings::default();
    wrong.sampling.temperature = f32::NAN;
    let long =
        UserSettings { system_prompt: "x".repeat(MAX_SYSTEM_PROMPT_BYTES + 1), ..UserSettings::default() };
    for settings in [wrong, long] {
        assert!(matches!(bench.chat.save_settings(ME, settings).await, Err(ChatError::Setting(_))));
    }
    assert_eq!(bench.chat.settings(ME).await.unwrap(), UserSettings::default());
}

const LINE: &str = "I am the walrus, and this is my song.\n";

#[tokio::test]
async fn what_a_guard_ended_keeps_its_text_and_says_which() {
    let bench = Bench::guarded(Script::say([LINE; 9])).await;
    let (sent, message) = bench.say(None, "Sing.").await;
    assert_eq!(
        (message.state, message.guard, &message.error),
        (MessageState::Stopped, Some(Guard::RepeatedLine), &None)
    );
    assert_eq!(message.text, LINE.repeat(4));
    assert_eq!(bench.messages(sent.session).await.last(), Some(&message));
}

#[tokio::test]
async fn what_the_machine_suffered_is_kept_with_the_answer() {
    let hot = SystemSample { heat: Some(Heat::Critical), ..SystemSample::default() };
    let bench =
        Bench::guarded_on(Script::say(["One"]).delay(Duration::from_millis(1_500)).then(" two"), hot).await;
    let (sent, message) = bench.say(None, "Count.").await;
    assert_eq!((message.text.as_str(), message.warning), ("One two", Some(Warning::Heat)));
    assert_eq!(bench.messages(sent.session).await.last(), Some(&message));
    // It goes with a copy and with the file.
    let copy = bench.chat.duplicate(ME, sent.session).await.unwrap();
    assert_eq!(bench.messages(copy).await[1].warning, message.warning);
    let file = bench.chat.transcript(ME, sent.session).await.unwrap();
    assert_eq!(file.turns[1].ended.warning, message.warning);
}

#[tokio::test]
async fn an_answer_that_memory_was_too_short_for_says_how_much_there_was() {
    let available_bytes = 500_000_000;
    let short = SystemSample {
        memory_total_bytes: 8_000_000_000,
        memory_available_bytes: available_bytes,
        ..SystemSample::default()
    };
    let bench = Bench::guarded_on(Script::say(["One"]), short).await;
    let (sent, message) = bench.say(None, "Count.").await;
    let warning = Some(Warning::Memory { available_bytes });
    assert_eq!((message.state, message.warning), (MessageState::Failed, warning));
    assert!(message.error.as_deref().unwrap().contains("only 500 MB"), "{message:?}");
    assert_eq!(bench.messages(sent.session).await.last(), Some(&message));
}

#[tokio::test]
async fn a_guard_that_is_switched_off_lets_the_answer_go_on() {
    let bench = Bench::guarded(Script::say([LINE; 9])).await;
    let settings = UserSettings { guards: GuardSettings::NONE, ..UserSettings::default() };
    bench.chat.save_settings(ME, settings).await.unwrap();
    let (_, message) = bench.say(None, "Sing.").await;
    assert_eq!((message.state, message.guard, message.text), (MessageState::Complete, None, LINE.repeat(9)));
}

/// What was said, and images with their places in it.
type Shown = (String, Vec<(usize, Vec<u8>)>);

/// What the model was shown by a request.
fn shown(bench: &Bench, request: usize) -> Vec<Shown> {
    let Prompt::Chat(turns) = &bench.engine.requests()[request].prompt else { panic!("no chat") };
    let image = |image: &TurnImage| (image.at, image.file.bytes().to_vec());
    let turns = turns.iter().filter(|turn| turn.role == Role::User);
    turns.map(|turn| (turn.content.clone(), turn.images.iter().map(image).collect())).collect()
}

#[tokio::test]
async fn images_go_with_their_message_and_again_with_every_later_one() {
    let bench = Bench::open([Script::say(["I see."])]).await;
    let bytes = b"\x89PNG\r\n\x1a\nnearly".to_vec();
    let image = bench.chat.add_image(ME, bytes.clone()).await.unwrap();
    let draft = Draft { text: "What is this?".into(), images: vec![image], ..Draft::default() };
    let sent = bench.chat.send(ME, None, draft, false).await.unwrap();
    bench.end_of(sent.session).await;
    bench.say(Some(sent.session), "And now?").await;
    let first = ("What is this?".to_owned(), vec![(0, bytes.clone())]);
    assert_eq!(shown(&bench, 0), std::slice::from_ref(&first));
    assert_eq!(shown(&bench, 1), [first, ("And now?".to_owned(), vec![])]);
    let messages = bench.messages(sent.session).await;
    assert_eq!(messages[0].images, [image]);

    bench.chat.edit_and_resend(ME, sent.session, messages[0].id, "What was it?".into(), false).await.unwrap();
    bench.end_of(sent.session).await;
    assert_eq!(shown(&bench, 2), [("What was it?".to_owned(), vec![(0, bytes.clone())])]);
    assert_eq!(bench.chat.image(ME, image).await.unwrap().bytes, bytes);
    assert!(matches!(bench.chat.image(OTHER, image).await, Err(ChatError::NotFound)));
}

#[tokio::test]
async fn an_image_alone_is_a_message_and_what_is_none_is_refused() {
    let bench = Bench::open([Script::say(["I see."])]).await;
    let image = bench.chat.add_image(ME, b"GIF89a".to_vec()).await.unwrap();
    let draft = Draft { text: String::new(), images: vec![image], ..Draft::default() };
    let sent = bench.chat.send(ME, None, draft, false).await.unwrap();
    bench.end_of(sent.session).await;
    assert_eq!(shown(&bench, 0), [(String::new(), vec![(0, b"GIF89a".to_vec())])]);

    let refused = bench.chat.add_image(ME, b"<svg/>".to_vec()).await;
    assert!(matches!(refused, Err(ChatError::NoImage)), "{refused:?}");
    let refused = bench.chat.add_image(ME, vec![0; MAX_IMAGE_BYTES + 1]).await;
    assert!(matches!(refused, Err(ChatError::TooLong { .. })), "{refused:?}");
    let many = Draft { text: "x".into(), images: vec![image; MAX_IMAGES + 1], ..Draft::default() };
    let refused = bench.chat.send(ME, None, many, false).await;
    assert!(matches!(refused, Err(ChatError::TooManyImages { .. })), "{refused:?}");
    let foreign = Draft { text: "x".into(), images: vec![ImageId(99)], ..Draft::default() };
    assert!(matches!(bench.chat.send(ME, None, foreign, false).await, Err(ChatError::NotFound)));
}

#[tokio::test]
async fn an_answer_that_was_cut_goes_on_in_its_place() {
    let gate = Gate::new();
    let first = Script::say(["The wal"]).think("hm").cut();
    let bench = Bench::open([first, Script::say(["rus"]).wait(&gate).then(" sings.")]).await;
    let (sent, cut) = bench.say(None, "Sing.").await;
    assert_eq!((cut.state, cut.text.as_str()), (MessageState::Cut, "The wal"));
    let session = sent.session;
    let more = bench.chat.go_on(ME, session, cut.id).await.unwrap();
    assert_eq!(more.reply, cut.id);
    let mut watcher = bench.watch(session);
    watcher.until_shown("The walrus").await;
    let shown = bench.messages(session).await.pop().unwrap();
    assert_eq!((shown.state, shown.generation), (MessageState::Running, Some(more.generation)));
    assert!(shown.thought.unwrap().blocks.concat().contains("hm"));
    gate.open();
    let ended = watcher.until_finished().await;
    assert_eq!((ended.id, ended.state), (cut.id, MessageState::Complete));
    assert_eq!((ended.text.as_str(), ended.variants.len()), ("The walrus sings.", 1));
    assert_eq!(ended.thought.clone().unwrap().text, "hm");
    assert_eq!(ended.usage.unwrap().n_generated_tokens, 4);
    assert_eq!(bench.messages(session).await.last(), Some(&ended));
    let Prompt::Continue(turns) = bench.engine.requests().pop().unwrap().prompt else { panic!("not anew") };
    let said: Vec<_> = turns.iter().map(|turn| (turn.role, turn.content.as_str())).collect();
    assert_eq!(said, [(Role::User, "Sing."), (Role::Assistant, "The wal")]);
    let found = async |word: &str| bench.chat.list_sessions(ME, &with(word)).await.unwrap().rows.len();
    assert_eq!((found("sings").await, found("walrus").await), (1, 1));
}

#[tokio::test]
async fn only_the_last_answer_goes_on_and_only_if_it_ended_early() {
    let gate = Gate::new();
    let scripts =
        [Script::say(["one"]).cut(), Script::say(["two"]).cut(), Script::say(["three"]).wait(&gate)];
    let bench = Bench::open(scripts).await;
    let (sent, one) = bench.say(None, "a").await;
    let session = sent.session;
    let (_, two) = bench.say(Some(session), "b").await;
    let go_on = async |user, id| bench.chat.go_on(user, session, id).await.map(drop);
    assert!(matches!(go_on(ME, one.id).await, Err(ChatError::NotFound)), "others build on it");
    assert!(matches!(go_on(OTHER, two.id).await, Err(ChatError::NotFound)));
    assert!(matches!(go_on(ME, two.id).await, Ok(())));
    assert!(matches!(go_on(ME, two.id).await, Err(ChatError::Busy)));
    gate.open();
    assert_eq!(bench.end_of(session).await.text, "twothree");
    assert!(matches!(go_on(ME, two.id).await, Err(ChatError::NotFound)), "it is complete");
    assert!(
        !bench.chat.list_sessions(ME, &Lines::default()).await.unwrap().rows[0].running,
        "a refusal holds nothing"
    );
}

#[tokio::test]
async fn how_much_is_thought_is_kept_with_the_session() {
    let bench = Bench::open([Script::say(["so"])]).await;
    let asked = || bench.engine.requests().pop().unwrap().reasoning.effort;
    let high = Some(Effort::High);
    let sent = bench.chat.send_with_effort(ME, None, "a".into(), Some(high)).await.unwrap();
    let session = sent.session;
    bench.end_of(session).await;
    assert_eq!((asked(), bench.chat.thread(ME, session, MESSAGES_SHOWN).await.unwrap().effort), (high, high));
    bench.say(Some(session), "b").await;
    assert_eq!(asked(), high);
    bench.chat.choose_effort(ME, Some(session), Some(Effort::None)).await.unwrap();
    let last = bench.end_of(session).await;
    bench.chat.regenerate(ME, session, last.id, Again::Anew, None).await.unwrap();
    bench.end_of(session).await;
    assert_eq!(asked(), Some(Effort::None));
    bench.chat.send_with_effort(ME, Some(session), "c".into(), Some(None)).await.unwrap();
    bench.end_of(session).await;
    assert_eq!(asked(), None);
    bench.say(None, "another").await;
    assert_eq!(asked(), None, "sessions do not share it");
    let foreign = bench.chat.choose_effort(OTHER, Some(session), high).await;
    assert!(matches!(foreign, Err(ChatError::NotFound)));
    assert!(matches!(
        bench.chat.send_with_effort(ME, None, " ".into(), Some(high)).await,
        Err(ChatError::Empty)
    ));
}

#[tokio::test]
async fn the_end_of_a_long_thread_is_shown_with_the_number_of_what_comes_before() {
    let bench = Bench::open([Script::say(["Yes."])]).await;
    let (sent, _) = bench.say(None, "0").await;
    for n in 1..4 {
        bench.say(Some(sent.session), &n.to_string()).await;
    }
    let check = async |last: u32, first: &str, n_earlier: u32| {
        let thread = bench.chat.thread(ME, sent.session, last).await.unwrap();
        assert_eq!(thread.messages.first().map(|it| it.text.as_str()), Some(first));
        assert_eq!((thread.messages.len() as u32 + n_earlier, thread.n_earlier), (8, n_earlier));
    };
    check(2, "3", 6).await;
    check(3, "Yes.", 5).await;
    check(8, "0", 0).await;
    check(u32::MAX, "0", 0).await;

    // What comes before a message, without it.
    let (chat, session) = (&bench.chat, sent.session);
    let all = chat.thread(ME, session, 8).await.unwrap().messages;
    let before = async |at: usize, last: u32| chat.earlier(ME, session, all[at].id, last).await.unwrap();
    let texts = |thread: Thread| thread.messages.into_iter().map(|it| it.text).collect::<Vec<_>>();
    assert_eq!(before(6, 3).await.n_earlier, 3);
    assert_eq!(texts(before(6, 3).await), ["Yes.", "2", "Yes."]);
    assert_eq!(texts(before(1, 3).await), ["0"]);
    assert_eq!(texts(before(0, 3).await), [""; 0]);
    let foreign = chat.earlier(OTHER, session, all[6].id, 3).await;
    assert!(matches!(foreign, Err(ChatError::NotFound)), "{foreign:?}");
}
