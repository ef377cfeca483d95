//! Chats that nothing is written of.

use super::{Bench, Lines, ME, OTHER};
use crate::{ChatError, Draft};
use inference::Script;
use types::{ids::SessionId, image::MAX_IMAGE_BYTES};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and more";

#[tokio::test]
async fn a_temporary_chat_works_and_is_in_no_file() {
    let bench = Bench::open([Script::say(["A whisper"])]).await;
    let session = bench.chat.begin_temporary(ME).await.unwrap();
    assert!(session.is_temporary());
    let chat = bench.chat.of(Some(session)).await.unwrap();
    let image = chat.add_image(ME, PNG.to_vec()).await.unwrap();
    assert!(image.is_temporary() && PNG.len() < MAX_IMAGE_BYTES);
    let kept = bench.chat.clone();
    let hidden = Bench { chat, ..bench };
    let (_, answer) = hidden.say(Some(session), "a secret word").await;
    assert_eq!(answer.text, "A whisper");
    assert_eq!(hidden.texts(session).await, ["a secret word", "A whisper"]);
    assert!(hidden.engine.requests()[0].tenant.is_fleeting());

    assert_eq!(kept.list_sessions(ME, &Lines::default()).await.unwrap().rows, []);
    let gone = kept.thread(ME, session, 10).await;
    assert!(matches!(gone, Err(ChatError::NotFound)), "{gone:?}");
    let other = hidden.chat.thread(OTHER, session, 10).await;
    assert!(matches!(other, Err(ChatError::NotFound)), "{other:?}");
    hidden.store.close().await;
    for file in std::fs::read_dir(hidden.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for secret in [&b"a secret word"[..], b"A whisper", PNG] {
            assert!(!bytes.windows(secret.len()).any(|it| it == secret));
        }
    }
}

#[tokio::test]
async fn a_temporary_chat_that_is_deleted_does_not_come_back() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let session = bench.chat.begin_temporary(ME).await.unwrap();
    let chat = bench.chat.of(Some(session)).await.unwrap();
    chat.delete_session(ME, session).await.unwrap();
    let back = chat.restore_session(ME, session).await;
    assert!(matches!(back, Err(ChatError::NotFound)), "{back:?}");
}

#[tokio::test]
async fn a_temporary_chat_that_is_deleted_takes_its_own_images_along_and_nothing_else() {
    let bench = Bench::open([Script::say(["A"]), Script::say(["B"])]).await;
    let (gone, other) =
        (bench.chat.begin_temporary(ME).await.unwrap(), bench.chat.begin_temporary(ME).await.unwrap());
    let chat = bench.chat.of(Some(gone)).await.unwrap();
    let shown = chat.add_image_to(ME, Some(gone), PNG.to_vec()).await.unwrap();
    let unsent = chat.add_image_to(ME, Some(other), [PNG, b"of the other"].concat()).await.unwrap();
    let hidden = Bench { chat, ..bench };
    let draft = Draft { text: "look".to_owned(), images: vec![shown], ..Draft::default() };
    hidden.chat.send(ME, Some(gone), draft, false).await.unwrap();
    hidden.end_of(gone).await;
    hidden.chat.delete_session(ME, gone).await.unwrap();
    assert!(matches!(hidden.chat.image(ME, shown).await, Err(ChatError::NotFound)));
    hidden.chat.image(ME, unsent).await.unwrap();
    hidden.chat.thread(ME, other, 10).await.unwrap();
}

#[tokio::test]
async fn images_are_taken_for_chats_that_there_are() {
    let bench = Bench::open([]).await;
    let session = bench.chat.begin_temporary(ME).await.unwrap();
    let chat = bench.chat.of(Some(session)).await.unwrap();
    chat.add_image_to(ME, Some(session), PNG.to_vec()).await.unwrap();
    for (user, session) in [(ME, SessionId(session.0 + 1)), (OTHER, session)] {
        let refused = chat.add_image_to(user, Some(session), PNG.to_vec()).await;
        assert!(matches!(refused, Err(ChatError::NotFound)), "{refused:?}");
    }
}

#[tokio::test]
async fn what_a_person_set_for_all_holds_in_a_temporary_chat() {
    let bench = Bench::open([Script::say(["A"])]).await;
    bench.chat.set_system_prompt(ME, "Be brief.".to_owned()).await.unwrap();
    let session = bench.chat.begin_temporary(ME).await.unwrap();
    let chat = bench.chat.of(Some(session)).await.unwrap();
    let hidden = Bench { chat, ..bench };
    hidden.say(Some(session), "hi").await;
    assert!(format!("{:?}", hidden.engine.requests()[0].prompt).contains("Be brief."));
}

#[tokio::test]
async fn a_temporary_chat_looks_into_no_collections_and_says_so() {
    let bench = Bench::open([Script::say(["A"])]).await;
    let session = bench.chat.begin_temporary(ME).await.unwrap();
    let chat = bench.chat.of(Some(session)).await.unwrap();
    let refused = chat.use_collections(ME, Some(session), &[types::ids::CollectionId(1)]).await;
    assert!(matches!(refused, Err(ChatError::Setting(_))), "{refused:?}");
}
