use super::{Trouble, gone, is_fresh, look, open};
use std::{fs, path::Path, time::Duration};

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn documents_are_seen_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for path in [
        "a.md",
        "deep/er/b.TXT",
        "c.rs",
        "photo.JPG",
        "film.mp4",
        ".hidden/d.md",
        ".e.md",
        "~$f.docx",
        "no ending",
    ] {
        write(root, path, "text");
    }
    write(root, "empty.md", "");
    let look = look(root).unwrap();
    let paths: Vec<_> = look.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["a.md", "c.rs", "deep/er/b.TXT", "photo.JPG"]);
    assert!(look.trouble.is_none());
    assert!(is_fresh(&look.files[0], Duration::from_secs(60)) && !is_fresh(&look.files[0], Duration::ZERO));
}

#[cfg(unix)]
#[test]
fn links_lead_nowhere() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(elsewhere.path(), "secret.txt", "secret");
    let root = folder.path();
    std::os::unix::fs::symlink(elsewhere.path(), root.join("folder")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("secret.txt"), root.join("a.txt")).unwrap();
    std::os::unix::fs::symlink(root, root.join("itself")).unwrap();
    assert!(look(root).unwrap().files.is_empty());
    assert!(open(root, "a.txt").is_err() && open(root, "folder/secret.txt").is_err());
    assert!(open(root, "../secret.txt").is_err());
}

#[test]
fn what_is_too_deep_is_said() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &format!("{}a.md", "d/".repeat(20)), "text");
    write(folder.path(), "b.md", "text");
    let look = look(folder.path()).unwrap();
    assert!(look.files.len() == 1 && matches!(look.trouble, Some(Trouble::TooMany)));
}

#[test]
fn files_are_gone_only_where_their_folder_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("followed");
    write(&root, "a.md", "text");
    let paths = || vec!["a.md".to_owned(), "b.md".to_owned(), "a.md/c.md".to_owned()];
    assert_eq!(gone(&root, paths()), ["b.md", "a.md/c.md"]);
    fs::remove_dir_all(&root).unwrap();
    assert!(gone(&root, paths()).is_empty());
    assert!(matches!(look(&root), Err(Trouble::Gone)));
}
