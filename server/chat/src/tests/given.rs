//! What answers were given, what they were not, and answers in a person's words.

use super::{Bench, ME, OTHER};
use crate::{ChatError, Draft};
use inference::{Engine, Prompt, Script};
use types::{
    chat::{MessageState, MessageView},
    ids::SessionId,
    overrides::SetUp,
    settings::UserSettings,
};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and more";

async fn seen_text(bench: &Bench, session: SessionId, answer: &MessageView) -> (String, bool) {
    let seen = bench.chat.seen(ME, session, answer.id).await.unwrap();
    (seen.parts.into_iter().map(|part| part.text).collect(), seen.kept.is_some())
}

async fn keep_for(bench: &Bench, prompt_days: u16) {
    bench.chat.save_settings(ME, UserSettings { prompt_days, ..UserSettings::default() }).await.unwrap();
}

fn told_first(text: &str) -> SetUp {
    SetUp { system_prompt: Some(text.to_owned()), ..SetUp::default() }
}

#[tokio::test]
async fn what_a_model_was_given_stays_what_it_was() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let session = bench.chat.begin_set_up(ME, told_first("Be a kettle.")).await.unwrap();
    let (_, answer) = bench.say(Some(session), "Who are you?").await;
    bench.chat.set_up(ME, session, told_first("Be a lamp.")).await.unwrap();
    let (text, is_kept) = seen_text(&bench, session, &answer).await;
    assert!(is_kept && text.contains("Be a kettle.") && text.contains("Who are you?"), "{text}");
    let kept = bench.chat.seen(ME, session, answer.id).await.unwrap().kept.unwrap();
    assert!(kept.sampling.contains(&("temperature".to_owned(), "0.7".to_owned())), "{kept:?}");
    assert!(!kept.is_as_sent);
    assert!(matches!(bench.chat.seen(OTHER, session, answer.id).await, Err(ChatError::NotFound)));
}

#[tokio::test]
async fn copies_keep_what_a_model_was_given_as_long_as_it_is_kept_and_files_do_not_have_it() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let session = bench.chat.begin_set_up(ME, told_first("Be a kettle.")).await.unwrap();
    let (_, answer) = bench.say(Some(session), "Who are you?").await;
    bench.chat.set_up(ME, session, told_first("Be a lamp.")).await.unwrap();
    let duplicate = bench.chat.duplicate(ME, session).await.unwrap();
    let fork = bench.chat.fork(ME, session, answer.id).await.unwrap();
    let file = bench.chat.transcript(ME, session).await.unwrap();
    bench.take_over(&transcripts::write_json(vec![file])).await;
    let read = bench.chat.all_sessions(ME).await.unwrap().into_iter().max().unwrap();
    let check = async |session: SessionId, is_kept: bool, told_first: &str| {
        let answer = bench.messages(session).await.pop().unwrap();
        let (text, was_kept) = seen_text(&bench, session, &answer).await;
        assert!(was_kept == is_kept && text.contains(told_first), "{was_kept} {text}");
    };
    check(duplicate, true, "Be a kettle.").await;
    check(fork, true, "Be a kettle.").await;
    check(read, false, "Be a lamp.").await;
    keep_for(&bench, 0).await;
    check(duplicate, false, "Be a lamp.").await;
}

#[tokio::test]
async fn nothing_is_kept_of_prompts_where_a_person_does_not_want_it() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let session = bench.chat.begin_set_up(ME, told_first("Be a kettle.")).await.unwrap();
    let (_, first) = bench.say(Some(session), "Who are you?").await;
    keep_for(&bench, 0).await;
    let (_, second) = bench.say(Some(session), "And now?").await;
    bench.chat.set_up(ME, session, told_first("Be a lamp.")).await.unwrap();
    for answer in [first, second] {
        let (text, is_kept) = seen_text(&bench, session, &answer).await;
        assert!(!is_kept && text.contains("Be a lamp."), "{text}");
    }
}

#[tokio::test]
async fn an_answer_in_a_persons_words_is_beside_the_old_one_and_is_what_the_model_goes_on_from() {
    let bench = Bench::open([Script::say(["It is 41."]), Script::say(["Because."])]).await;
    let (sent, answer) = bench.say(None, "How many?").await;
    bench.chat.correct(ME, sent.session, answer.id, " It is 42. ".to_owned()).await.unwrap();
    let mended = bench.end_of(sent.session).await;
    assert_eq!((mended.text.as_str(), mended.is_corrected), ("It is 42.", true));
    assert_eq!((mended.state, mended.variants.len()), (MessageState::Complete, 2));
    bench.say(Some(sent.session), "Why?").await;
    let told = match bench.engine.requests()[1].prompt.clone() {
        Prompt::Chat(turns) => turns.into_iter().map(|turn| turn.content).collect::<Vec<_>>(),
        prompt => panic!("{prompt:?}"),
    };
    assert_eq!(told[told.len() - 3..], ["How many?", "It is 42.", "Why?"]);
    // It goes with a copy.
    let copy = bench.chat.duplicate(ME, sent.session).await.unwrap();
    assert!(bench.messages(copy).await[1].is_corrected);
}

#[tokio::test]
async fn only_ones_own_answers_are_corrected_and_never_into_nothing() {
    let bench = Bench::open([Script::say(["It is 41."])]).await;
    let (sent, answer) = bench.say(None, "How many?").await;
    let question = bench.messages(sent.session).await[0].id;
    let correct = async |user, message, text: &str| {
        bench.chat.correct(user, sent.session, message, text.to_owned()).await
    };
    assert!(matches!(correct(ME, answer.id, "  ").await, Err(ChatError::Empty)));
    assert!(correct(OTHER, answer.id, "Mine.").await.is_err());
    assert!(correct(ME, question, "Not an answer.").await.is_err());
    assert_eq!(bench.texts(sent.session).await, ["How many?", "It is 41."]);
}

#[tokio::test]
async fn an_answer_says_how_many_images_its_model_did_not_see() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let sees = |sees: bool| {
        let status = bench.engine.status().borrow().chosen.clone();
        bench.engine.set_status(types::model::ModelStatus { sees, ..status });
    };
    sees(true);
    let image = bench.chat.add_image(ME, PNG.to_vec()).await.unwrap();
    let draft = Draft { text: "What is this?".to_owned(), images: vec![image], ..Draft::default() };
    let sent = bench.chat.send(ME, None, draft, false).await.unwrap();
    assert_eq!(bench.end_of(sent.session).await.n_unseen_images, 0);
    let (_, answer) = bench.say(Some(sent.session), "Are you sure?").await;
    assert_eq!(answer.n_unseen_images, 0);
    sees(false);
    let (_, answer) = bench.say(Some(sent.session), "And you?").await;
    assert_eq!(answer.n_unseen_images, 1);
}
