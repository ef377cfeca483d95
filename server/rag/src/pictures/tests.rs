use super::{begins_image, blocks};
use crate::{
    ReadLimits,
    tests::bench::{Bench, ME},
};
use futures::stream;
use inference::{Engine, Prompt, Script, ScriptedEngine};
use std::{convert::Infallible, time::Duration};
use store::DocumentRow;
use types::{
    document::{DocumentKind, DocumentState},
    guard::GuardSettings,
    ids::{DocumentId, ModelId},
    image::MAX_IMAGE_BYTES,
    model::ModelStatus,
    settings::UserSettings,
};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and more";

/// A bench whose model says this, and the model.
async fn bench(script: Script) -> (Bench, ScriptedEngine) {
    bench_within(ReadLimits::default(), script).await
}

/// Likewise, where reading may take this much.
async fn bench_within(limits: ReadLimits, script: Script) -> (Bench, ScriptedEngine) {
    let engine = ScriptedEngine::new([script]);
    (Bench::open_within(limits, tempfile::tempdir().unwrap(), engine.clone()).await, engine)
}

/// A document of these bytes, once it has been looked at.
async fn added(bench: &Bench, bytes: &[u8]) -> DocumentRow {
    let collection = bench.rag.add_collection(ME, "scans").await.unwrap();
    let parts = stream::iter([Ok::<_, Infallible>(bytes.to_vec())]);
    let added = bench.rag.add_file(ME, collection, "scan.png", parts).await.unwrap();
    let crate::AddedFile::New(id) = added else { panic!("{added:?}") };
    ended(bench, id).await
}

async fn ended(bench: &Bench, id: DocumentId) -> DocumentRow {
    let look = async {
        loop {
            let row = bench.rag.store().find_document(ME, id).await.unwrap().unwrap();
            if !row.state.is_under_way() {
                return row;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), look).await.unwrap()
}

#[tokio::test]
async fn the_chosen_model_writes_down_what_is_in_an_image() {
    let (bench, engine) = bench(Script::say(["Invoice 7\n", "Total: 12 €\n\nThank you."])).await;
    let document = added(&bench, PNG).await;
    assert_eq!((document.state, document.kind), (DocumentState::Ready, Some(DocumentKind::Image)));
    assert!(document.note.unwrap().contains("Scripted wrote down"));
    let page = bench.rag.read(ME, document.id, 0).await.unwrap();
    let texts: Vec<_> = page.passages.iter().map(|it| it.text.as_str()).collect();
    assert_eq!(texts, ["Invoice 7\nTotal: 12 €\n\nThank you."]);
    let Prompt::Chat(turns) = &engine.requests()[0].prompt else { panic!("no chat") };
    assert_eq!(turns[0].images[0].file.bytes(), PNG);
}

#[tokio::test]
async fn guards_are_as_the_person_has_set_them() {
    let (bench, engine) = bench(Script::say(["Invoice 7"])).await;
    let guards =
        GuardSettings { repeated_lines: Some(40), start_memory_mb: None, ..GuardSettings::default() };
    let settings = UserSettings { guards, ..UserSettings::default() };
    bench.rag.store().save_settings(ME, &settings, 1).await.unwrap();
    added(&bench, PNG).await;
    assert_eq!(engine.requests()[0].guards, guards);
}

#[tokio::test]
async fn without_a_model_that_looks_it_says_so_and_is_read_later() {
    let (bench, engine) = bench(Script::say(["Invoice 7"])).await;
    let seeing = engine.status().borrow().chosen.clone();
    for (status, expected) in [
        (ModelStatus { sees: false, ..seeing.clone() }, "only read by a model that looks at images"),
        (ModelStatus::UNLOADED, "only read by a model that looks at images"),
        (ModelStatus { id: Some(ModelId::remote("far", "eyes")), ..seeing.clone() }, "runs elsewhere"),
    ] {
        engine.set_status(status);
        let document = match bench.rag.collections(ME, None).await.unwrap().first() {
            None => added(&bench, PNG).await,
            Some(collection) => {
                let id = bench.rag.store().list_documents(ME, collection.id, 1).await.unwrap()[0].id;
                bench.rag.index(ME, id).await.unwrap();
                ended(&bench, id).await
            }
        };
        assert_eq!(document.state, DocumentState::Failed);
        let error = document.error.unwrap();
        assert!(error.contains(expected), "{error}");
    }
    assert!(engine.requests().is_empty());
    engine.set_status(seeing);
    let collection = bench.rag.collections(ME, None).await.unwrap()[0].id;
    let id = bench.rag.store().list_documents(ME, collection, 1).await.unwrap()[0].id;
    bench.rag.index(ME, id).await.unwrap();
    assert_eq!(ended(&bench, id).await.state, DocumentState::Ready);
}

#[tokio::test]
async fn what_cannot_be_read_says_why() {
    let usual = ReadLimits::default();
    let short = ReadLimits { picture_time: Duration::from_millis(300), ..usual };
    let check = async |limits: ReadLimits, script: Script, bytes: &[u8], expected: &str| {
        let (bench, _) = bench_within(limits, script).await;
        let document = added(&bench, bytes).await;
        assert_eq!(document.state, DocumentState::Failed);
        assert!(document.error.as_deref().unwrap_or_default().contains(expected), "{document:?}");
    };
    check(usual, Script::say(["(No text)"]), PNG, "found no text").await;
    check(usual, Script::say([" ... "]), PNG, "found no text").await;
    check(usual, Script::say(["a"]).crash(), PNG, "could not be read by Scripted").await;
    check(short, Script::say(["a"]).delay(Duration::from_secs(60)), PNG, "took Scripted longer").await;
    let large = [PNG, &vec![0; MAX_IMAGE_BYTES]].concat();
    check(usual, Script::say(["a"]), &large, "more than 20 MB").await;
}

#[tokio::test]
async fn what_was_left_out_of_an_image_is_said() {
    let check = async |script: Script, bytes: &[u8], expected: &str| {
        let (bench, _) = bench(script).await;
        let note = added(&bench, bytes).await.note.unwrap();
        assert!(note.ends_with(expected), "{note}");
    };
    let two_pages = [b"II*\0\x08\0\0\0\x01\0".as_slice(), &[0; 12], &[8, 0, 0, 0]].concat();
    check(Script::say(["Chapter 1"]).cut(), PNG, "Only its beginning was read.").await;
    check(Script::say(["Chapter 1"]), &two_pages, "Only its first page was read.").await;
    check(Script::say(["Chapter 1"]).cut(), &two_pages, "Only the beginning of its first page was read.")
        .await;
}

#[test]
fn an_image_is_known_by_how_it_begins() {
    let check = |head: &[u8], expected: bool| assert_eq!(begins_image(head), expected, "{head:?}");
    check(PNG, true);
    check(b"\xff\xd8\xff\xe0", true);
    check(b"RIFF\0\0\0\0WEBP", true);
    check(b"GIF89a\x01\0", true);
    check(b"GIF87a\x01\0", true);
    check(b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", true);
    check(b"GIF8 is a word", false);
    check(b"BMW builds cars in Munich.", false);
    check(b"BM", false);
    check(b"II*\0\x08\0\0\0", true);
    check(b"MM\0*\0\0\0\x08", true);
    check(b"II. The second part", false);
    check(b"A lantern", false);
    check(b"", false);
}

#[test]
fn paragraphs_are_blocks() {
    let texts: Vec<_> = blocks("One\nline\r\n\r\n\n\nTwo ").into_iter().map(|it| it.text).collect();
    assert_eq!(texts, ["One\nline", "Two"]);
    assert!(blocks("").is_empty());
}
