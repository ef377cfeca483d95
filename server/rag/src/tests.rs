use crate::{AddedFile, RagError, collection_name, document_name};
use bench::{Bench, ME};
use futures::stream;
use std::time::{Duration, SystemTime};
use types::document::MAX_DOCUMENT_NAME_CHARS;

pub(crate) mod bench;

#[test]
fn names_of_documents_have_no_folders_and_keep_their_endings() {
    let check = |name: &str, expected: &str| assert_eq!(document_name(name), expected);
    check("../../etc/passwd", "passwd");
    check("C:\\Users\\me\\a b.pdf", "a b.pdf");
    check("a\u{0}\n.txt", "a.txt");
    check("  ", "document");
    check("", "document");
    let long = format!("{}.pdf", "ü".repeat(300));
    let name = document_name(&long);
    assert!(name.ends_with("ü.pdf") && name.chars().count() == MAX_DOCUMENT_NAME_CHARS);
}

#[test]
fn a_collection_has_a_name() {
    assert_eq!(collection_name("  My \n books ").unwrap(), "My books");
    assert!(matches!(collection_name(" "), Err(RagError::Name)));
    assert!(matches!(collection_name(&"x".repeat(81)), Err(RagError::Name)));
}

#[tokio::test]
async fn what_was_deleted_goes_while_the_server_runs_and_what_arrives_stays() {
    let bench = Bench::open().await;
    let files = || std::fs::read_dir(bench.folder.path().join("documents")).unwrap().count();
    let collection = bench.rag.add_collection(ME, "books").await.unwrap();
    let bytes = stream::iter([Ok::<_, ()>("a lantern")]);
    let added = bench.rag.add_file(ME, collection, "a.txt", bytes).await.unwrap();
    let AddedFile::New(document) = added else { panic!("{added:?}") };
    bench.rag.delete_document(ME, document).await.unwrap();
    bench.rag.purge().await.unwrap();
    bench.rag.restore_document(ME, document).await.unwrap();
    bench.rag.delete_document(ME, document).await.unwrap();
    // Its file could be that of a document which is added at this moment.
    bench.rag.remove(i64::MAX, SystemTime::now() - Duration::from_secs(60)).await.unwrap();
    assert!(bench.rag.restore_document(ME, document).await.is_err());
    assert_eq!(files(), 1);
    bench.rag.remove(i64::MAX, SystemTime::now() + Duration::from_secs(60)).await.unwrap();
    assert_eq!(files(), 0);
}
