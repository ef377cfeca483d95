use crate::{RagError, collection_name, document_name};
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
