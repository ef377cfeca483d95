use super::{Content, Headers};
use crate::library::walk::Layout;
use std::fs;

#[test]
fn what_another_version_found_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let [there, gone] = ["there.gguf", "gone.gguf"].map(|name| folder.path().join(name));
    for path in [&there, &gone] {
        fs::write(path, "no model").unwrap();
    }
    let first = Headers::default();
    for path in [&there, &gone] {
        first.read(path, Layout::Gguf);
    }
    let (facts, _) = first.take_changes();
    fs::remove_file(&gone).unwrap();
    let version = format!("\"{}\"", super::VERSION);
    let check = |version_there: &str, n_read: usize| {
        let mut facts = facts.clone();
        facts.iter_mut().for_each(|it| it.content = it.content.replace(&version, version_there));
        let next = Headers::default();
        next.fill(facts);
        assert!(matches!(*next.read(&there, Layout::Gguf), Content::Broken(_)));
        let (saved, forgotten) = next.take_changes();
        assert_eq!(saved.len(), n_read, "{version_there}");
        assert_eq!(forgotten, [gone.to_str().unwrap()], "{version_there}");
    };
    check(&version, 0);
    check("\"0.0.0\"", 1);
}

#[cfg(unix)]
#[test]
fn a_file_that_could_not_be_read_is_looked_at_again() {
    let folder = tempfile::tempdir().unwrap();
    let headers = Headers::default();
    // A folder has a stamp, and cannot be read as a file.
    let path = folder.path().join("x.safetensors");
    fs::create_dir(&path).unwrap();
    assert!(matches!(*headers.read(&path, Layout::Checkpoint), Content::Broken(_)));
    assert!(headers.take_changes().0.is_empty());
}
