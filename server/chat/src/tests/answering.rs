//! Which model answers and how it was loaded, how likely tokens were, and which variants stay.

use super::{Bench, ME, OTHER, with};
use crate::{Author, ChatError, Draft};
use inference::{Engine, Footprint, Intent, ModelSpec, Prompt, Script};
use store::Outcome;
use types::{
    chat::{Again, History, MessageState, Role},
    ids::{ModelId, SessionId},
    kv::{KvFormat, KvType, KvUse},
    launch::LaunchProfile,
    model::{ModelState, ModelStatus, Purpose},
    overrides::{Overrides, SetUp},
    reasoning::Effort,
    seen::{LeftOut, Weight},
};

async fn load(bench: &Bench, id: &str, profile: LaunchProfile) {
    let spec = ModelSpec {
        id: ModelId(id.to_owned()),
        name: id.to_owned(),
        path: id.into(),
        profile,
        footprint: Footprint::default(),
        purpose: Purpose::Writing,
        draft_model: None,
        projector: None,
        adapters: Vec::new(),
    };
    bench.engine.load(spec, Intent::Choose).await.unwrap();
}

fn with_ctx(n_ctx: u32) -> LaunchProfile {
    LaunchProfile { n_ctx: Some(n_ctx), ..LaunchProfile::default() }
}

async fn remembered(bench: &Bench, session: SessionId) -> Option<(String, Option<String>)> {
    let model = bench.chat.thread(ME, session, 10).await.unwrap().model;
    model.map(|it| (it.id.0, it.loaded_as))
}

#[tokio::test]
async fn a_session_remembers_the_model_that_answered_and_how_it_was_loaded() {
    let bench = Bench::open([Script::say(["A"])]).await;
    load(&bench, "small", with_ctx(2048)).await;
    let (sent, _) = bench.say(None, "hello").await;
    let session = sent.session;
    assert_eq!(remembered(&bench, session).await, Some(("small".to_owned(), None)));
    // Another one is chosen: what is remembered stays until that one answers.
    load(&bench, "large", LaunchProfile::default()).await;
    let as_before = Some(("small".to_owned(), Some("n_ctx 2048".to_owned())));
    assert_eq!(remembered(&bench, session).await, as_before);
    assert_eq!(bench.chat.model_of(ME, session).await.unwrap(), (ModelId("small".into()), with_ctx(2048)));
    assert!(matches!(bench.chat.model_of(OTHER, session).await, Err(ChatError::NotFound)));
    bench.say(Some(session), "and now?").await;
    assert_eq!(remembered(&bench, session).await, Some(("large".to_owned(), None)));
    // A copy is answered as its original was.
    let copy = bench.chat.duplicate(ME, session).await.unwrap();
    assert_eq!(remembered(&bench, copy).await, Some(("large".to_owned(), None)));
}

#[tokio::test]
async fn a_chat_that_goes_on_from_elsewhere_goes_on_as_its_answer_came_about() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let outcome = Outcome {
        body: "It sings.",
        thought: None,
        state: MessageState::Complete,
        error: None,
        usage: None,
        kv: None,
        probabilities: &[],
    };
    let sampling = Overrides::read(&[("temperature".to_owned(), "0.3".to_owned())]).unwrap();
    let by = Author {
        model: ModelId("large".into()),
        system_prompt: Some("Be brief.".into()),
        effort: Some(Effort::Low),
        sampling: sampling.clone(),
    };
    let session = bench.chat.adopt(ME, "What does the walrus do?", outcome, by).await.unwrap();
    assert_eq!(bench.texts(session).await, ["What does the walrus do?", "It sings."]);
    assert_eq!(remembered(&bench, session).await, Some(("large".to_owned(), None)));
    bench.say(Some(session), "And then?").await;
    let request = bench.engine.requests().pop().unwrap();
    assert_eq!((request.sampling.temperature, request.reasoning.effort), (0.3, Some(Effort::Low)));
    let Prompt::Chat(turns) = request.prompt else { panic!("not a chat") };
    assert_eq!((turns[0].role, turns[0].content.as_str()), (Role::System, "Be brief."));
}

#[tokio::test]
async fn an_answer_by_another_model_changes_nothing_of_what_is_remembered() {
    let bench = Bench::open([Script::say(["A"])]).await;
    load(&bench, "small", LaunchProfile::default()).await;
    let (sent, _) = bench.say(None, "hello").await;
    let other = Some(ModelId("other".to_owned()));
    bench.chat.regenerate(ME, sent.session, sent.reply, Again::Anew, other).await.unwrap();
    bench.end_of(sent.session).await;
    assert_eq!(remembered(&bench, sent.session).await, Some(("small".to_owned(), None)));
}

#[tokio::test]
async fn another_model_answers_one_message_and_the_chosen_one_the_next() {
    let bench = Bench::open([Script::say(["A"])]).await;
    load(&bench, "small", LaunchProfile::default()).await;
    let (sent, _) = bench.say(None, "hello").await;
    let draft = Draft { model: Some(ModelId("other".to_owned())), ..Draft::from("and you?") };
    bench.chat.send(ME, Some(sent.session), draft, false).await.unwrap();
    let answer = bench.end_of(sent.session).await;
    assert_eq!((answer.text.as_str(), answer.model.as_deref()), ("A", Some("other")));
    assert_eq!(remembered(&bench, sent.session).await, Some(("small".to_owned(), None)));
    let (_, answer) = bench.say(Some(sent.session), "and you again?").await;
    assert_ne!(answer.model.as_deref(), Some("other"));
}

#[tokio::test]
async fn an_answer_says_how_keys_and_values_were_kept() {
    let bench = Bench::open([Script::say(["A"])]).await;
    load(&bench, "small", LaunchProfile::default()).await;
    let (sent, unknown) = bench.say(None, "hello").await;
    assert_eq!(unknown.kv, None);
    bench.engine.set_kv(KvUse { asked: KvType::of(KvFormat::Q8), used: KvType::of(KvFormat::F32) });
    let (_, answer) = bench.say(Some(sent.session), "again").await;
    assert_eq!(answer.kv.as_deref(), Some("q8 → f32"));
    assert_eq!(bench.messages(sent.session).await[3].kv.as_deref(), Some("q8 → f32"));
}

#[tokio::test]
async fn how_likely_tokens_were_is_kept_where_that_is_asked_for() {
    let bench = Bench::open([Script::say(["Yes", ", it is."])]).await;
    let (sent, answer) = bench.say(None, "is it?").await;
    let session = sent.session;
    assert!(!answer.has_probabilities);
    assert_eq!(bench.engine.requests()[0].logprobs, None);
    assert!(bench.chat.probabilities(ME, session, sent.reply).await.unwrap().tokens.is_empty());

    bench.chat.set_up(ME, session, SetUp { keeps_probabilities: true, ..SetUp::default() }).await.unwrap();
    let (sent, answer) = bench.say(Some(session), "is it?").await;
    assert!(answer.has_probabilities && bench.messages(session).await[3].has_probabilities);
    let found = bench.chat.probabilities(ME, session, sent.reply).await.unwrap();
    let texts: Vec<_> = found.tokens.iter().map(|it| it.text.as_str()).collect();
    assert_eq!(texts, ["Yes", ", it is."]);
    assert!((found.tokens[0].probability - 0.5).abs() < 1e-6);
    let others: Vec<_> = found.tokens[0].others.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(others, ["other2", "other3", "other4", "other5"]);
    // Of a stranger's chat nothing is told.
    assert!(bench.chat.probabilities(OTHER, session, sent.reply).await.unwrap().tokens.is_empty());
    assert!(bench.chat.setup(ME, session).await.unwrap().keeps_probabilities);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_being_written_has_somebody_who_writes_it() {
    let bench = Bench::open((0..60).map(|_| Script::say(["A", " word"]))).await;
    let (first, _) = bench.say(None, "begin").await;
    for _ in 0..50 {
        // What has just ended is let go of a moment later.
        while let Err(err) = bench.chat.send(ME, Some(first.session), "again".into(), false).await {
            assert!(matches!(err, ChatError::Busy), "{err}");
            tokio::task::yield_now().await;
        }
        loop {
            let last = bench.messages(first.session).await.pop().unwrap();
            if last.state != MessageState::Running {
                break;
            }
            assert!(last.generation.is_some(), "it runs, and nobody writes it");
        }
    }
}

#[tokio::test]
async fn what_a_model_says_before_it_answers_is_not_among_its_tokens() {
    let scripts = ["It is 41.", "No.", "42."].map(|it| Script::say([it]));
    let bench = Bench::open(scripts).await;
    let (sent, _) = bench.say(None, "how much?").await;
    bench
        .chat
        .set_up(ME, sent.session, SetUp { keeps_probabilities: true, ..SetUp::default() })
        .await
        .unwrap();
    let again = bench.chat.regenerate(ME, sent.session, sent.reply, Again::Revised, None).await.unwrap();
    bench.end_of(sent.session).await;
    let found = bench.chat.probabilities(ME, sent.session, again.reply).await.unwrap();
    assert_eq!(found.tokens.iter().map(|it| it.text.as_str()).collect::<Vec<_>>(), ["42."]);
}

/// Two answers to one question, the first of which went on; the second is shown.
async fn forked(bench: &Bench) -> (SessionId, types::ids::MessageId, types::ids::MessageId) {
    let (sent, _) = bench.say(None, "question").await;
    bench.say(Some(sent.session), "more").await;
    let again = bench.chat.regenerate(ME, sent.session, sent.reply, Again::Anew, None).await.unwrap();
    bench.end_of(sent.session).await;
    (sent.session, sent.reply, again.reply)
}

#[tokio::test]
async fn one_variant_is_kept_and_the_others_go_with_what_followed_them() {
    let bench = Bench::open(["first", "more said", "second"].map(|it| Script::say([it]))).await;
    let (session, first, second) = forked(&bench).await;
    bench.chat.keep_variant(ME, session, second).await.unwrap();
    let messages = bench.messages(session).await;
    assert_eq!(messages[1].variants, [second]);
    assert_eq!(bench.chat.tree(ME, session).await.unwrap().stretches.len(), 1);
    assert_eq!(bench.chat.transcript(ME, session).await.unwrap().turns.len(), 2);
    let found = bench.chat.list_sessions(ME, &with("more said")).await.unwrap();
    assert!(found.rows.is_empty(), "what is gone is not found");
    assert!(bench.chat.select_variant(ME, session, first).await.is_err());

    assert!(bench.chat.bring_variants_back(OTHER, session, second).await.is_err());
    bench.chat.bring_variants_back(ME, session, second).await.unwrap();
    assert_eq!(bench.messages(session).await[1].variants, [first, second]);
    bench.chat.select_variant(ME, session, first).await.unwrap();
    assert_eq!(bench.texts(session).await, ["question", "first", "more", "more said"]);
}

#[tokio::test]
async fn a_variant_that_is_not_shown_is_shown_when_it_is_kept() {
    let bench = Bench::open(["first", "more said", "second"].map(|it| Script::say([it]))).await;
    let (session, first, _) = forked(&bench).await;
    bench.chat.keep_variant(ME, session, first).await.unwrap();
    assert_eq!(bench.texts(session).await, ["question", "first", "more", "more said"]);
    assert!(bench.chat.keep_variant(OTHER, session, first).await.is_err());
    // Nothing else is there to go.
    bench.chat.keep_variant(ME, session, first).await.unwrap();
}

#[tokio::test]
async fn what_was_let_go_is_removed_when_undo_is_over() {
    let bench = Bench::open(["first", "more said", "second"].map(|it| Script::say([it]))).await;
    let (session, _, second) = forked(&bench).await;
    bench.chat.keep_variant(ME, session, second).await.unwrap();
    assert_eq!(bench.store.purge_hidden_variants(0).await.unwrap(), 0);
    assert!(bench.store.purge_hidden_variants(i64::MAX).await.unwrap() > 0);
    assert!(bench.chat.bring_variants_back(ME, session, second).await.is_err());
    assert_eq!(bench.texts(session).await, ["question", "second"]);
}

#[tokio::test]
async fn nothing_goes_on_from_what_was_let_go() {
    let bench = Bench::open(["first", "more said", "second"].map(|it| Script::say([it]))).await;
    let (session, first, second) = forked(&bench).await;
    bench.chat.select_variant(ME, session, first).await.unwrap();
    let more = bench.messages(session).await[2].id;
    bench.chat.keep_variant(ME, session, second).await.unwrap();
    let edited = bench.chat.edit_and_resend(ME, session, more, "other".to_owned(), false).await;
    assert!(matches!(edited, Err(ChatError::NotFound)), "{edited:?}");
    let again = bench.chat.regenerate(ME, session, first, Again::Anew, None).await;
    assert!(matches!(again, Err(ChatError::NotFound)), "{again:?}");
    let corrected = bench.chat.correct(ME, session, first, "mine".to_owned()).await;
    assert!(matches!(corrected, Err(ChatError::NotFound)), "{corrected:?}");
    assert_eq!(bench.texts(session).await, ["question", "second"]);
}

#[tokio::test]
async fn nothing_is_changed_while_a_turn_begins() {
    let bench = Bench::open(["first", "more said", "second"].map(|it| Script::say([it]))).await;
    let (session, first, second) = forked(&bench).await;
    let admission = bench.chat.running.admit(ME, session).unwrap();
    let shown = bench.chat.select_variant(ME, session, first).await;
    assert!(matches!(shown, Err(ChatError::Busy)), "{shown:?}");
    let again = bench.chat.regenerate(ME, session, second, Again::Summarised, None).await;
    assert!(matches!(again, Err(ChatError::Busy)), "{again:?}");
    let row = bench.store.find_session(ME, session).await.unwrap().unwrap();
    assert_eq!((row.history, row.leaf), (History::Stop, Some(second)));
    drop(admission);
    bench.chat.select_variant(ME, session, first).await.unwrap();
}

#[tokio::test]
async fn what_comes_back_is_what_the_named_message_was_kept_for() {
    let bench = Bench::open(["first", "later one", "second", "later two"].map(|it| Script::say([it]))).await;
    let (sent, _) = bench.say(None, "question").await;
    let session = sent.session;
    let (later, _) = bench.say(Some(session), "more").await;
    let again = bench.chat.regenerate(ME, session, sent.reply, Again::Anew, None).await.unwrap();
    bench.end_of(session).await;
    bench.chat.select_variant(ME, session, later.reply).await.unwrap();
    let other = bench.chat.regenerate(ME, session, later.reply, Again::Anew, None).await.unwrap();
    bench.end_of(session).await;

    bench.chat.keep_variant(ME, session, sent.reply).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    bench.chat.keep_variant(ME, session, other.reply).await.unwrap();
    bench.chat.bring_variants_back(ME, session, sent.reply).await.unwrap();
    let messages = bench.messages(session).await;
    assert_eq!(messages[1].variants, [sent.reply, again.reply]);
    assert_eq!(messages[3].variants, [other.reply], "the later one was not named");
    bench.chat.bring_variants_back(ME, session, other.reply).await.unwrap();
    assert_eq!(bench.messages(session).await[3].variants, [later.reply, other.reply]);
}

/// Three questions of 30 words and as many short answers, in a context of 80.
async fn long(bench: &Bench) -> SessionId {
    load(bench, "small", LaunchProfile::default()).await;
    let words = |word: &str| vec![word; 30].join(" ");
    let (sent, _) = bench.say(None, &words("first")).await;
    bench.say(Some(sent.session), &words("second")).await;
    bench.say(Some(sent.session), &words("third")).await;
    load(bench, "small", with_ctx(80)).await;
    sent.session
}

async fn weigh(bench: &Bench, session: SessionId, text: &str) -> Weight {
    bench.chat.weigh(ME, Some(session), text.into()).await.unwrap().unwrap()
}

#[tokio::test]
async fn what_would_be_left_out_is_said_before_sending() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let session = long(&bench).await;
    assert_eq!(weigh(&bench, session, "").await.left_out, LeftOut::Refused);
    for (history, left_out) in
        [(History::TrimOldest, LeftOut::Oldest(4)), (History::Summarise, LeftOut::Summarised(4))]
    {
        bench.store.set_session_history(ME, session, history).await.unwrap();
        let weight = weigh(&bench, session, "and then").await;
        assert_eq!((weight.left_out, weight.n_ctx), (left_out, 80));
        assert!(weight.n_tokens < 80, "{weight:?}");
    }
    // What is said is what is done.
    bench.store.set_session_history(ME, session, History::TrimOldest).await.unwrap();
    let (_, answer) = bench.say(Some(session), "and then").await;
    assert_eq!((answer.state, answer.n_left_out), (MessageState::Complete, 4));
}

#[tokio::test]
async fn a_message_for_another_model_is_counted_by_it_and_measured_against_its_context() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let session = long(&bench).await;
    let other = ModelId("other".to_owned());
    let draft = || Draft { model: Some(other.clone()), ..Draft::from("and then") };
    let weigh_other = || bench.chat.weigh(ME, Some(session), draft());
    assert_eq!(weigh_other().await.unwrap(), None, "it is not there to count");
    // One that writes can count all the same.
    let state = ModelState::Busy { n_running: 1, n_slots: 2 };
    let status = ModelStatus { id: Some(other.clone()), state, n_ctx: Some(2048), ..ModelStatus::UNLOADED };
    bench.engine.add_beside(status);
    for history in [History::Stop, History::TrimOldest] {
        bench.store.set_session_history(ME, session, history).await.unwrap();
        let n_before = bench.engine.counted().len();
        let weight = weigh_other().await.unwrap().unwrap();
        assert_eq!((weight.n_ctx, weight.left_out), (2048, LeftOut::Nothing), "{history:?}");
        let counted = bench.engine.counted().split_off(n_before);
        assert!(!counted.is_empty() && counted.iter().all(|it| it.as_ref() == Some(&other)), "{counted:?}");
    }
    assert_eq!(weigh(&bench, session, "and then").await.n_ctx, 80);
}

#[tokio::test]
async fn a_text_that_is_plainly_too_long_is_not_counted() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let session = long(&bench).await;
    let huge = "word ".repeat(2_000);
    let weight = weigh(&bench, session, &huge).await;
    assert_eq!(weight.left_out, LeftOut::Refused);
    assert!(weight.n_tokens > 1_000, "{weight:?}");
    bench.store.set_session_history(ME, session, History::TrimOldest).await.unwrap();
    assert_eq!(weigh(&bench, session, &huge).await.left_out, LeftOut::Oldest(7));
}
