use super::{RepoId, RepoPath, Revision, digest};
use std::path::{Component, Path};

#[track_caller]
fn check_path(text: &str, is_good: bool) {
    let parsed = RepoPath::parse(text);
    assert_eq!(parsed.is_some(), is_good, "{text:?}");
    if let Some(path) = parsed {
        let joined = path.below(Path::new("folder"));
        assert!(joined.components().all(|part| matches!(part, Component::Normal(_))), "{joined:?}");
        assert_eq!(joined.components().count(), text.split('/').count() + 1);
    }
}

#[test]
fn only_paths_that_stay_in_their_folder_on_every_system_are_taken() {
    for good in [
        "a.gguf",
        "sub/folder/model-00001-of-00002.safetensors",
        "Ünïcode name.txt",
        "console.log",
        "com.txt",
    ] {
        check_path(good, true);
    }
    let hostile = [
        "",
        "/",
        "/etc/passwd",
        "..",
        "a/../b",
        "../x",
        "a/..",
        "./a",
        "a//b",
        "a/",
        "C:/x",
        "c:x",
        "a\\b",
        "..\\x",
        "nul",
        "NUL.txt",
        "sub/con",
        "Com1",
        "lpt9.gguf",
        "COM¹",
        "aux .txt",
        "a\0b",
        "a\nb",
        "a\u{7f}",
        "a\u{85}b",
        "end.",
        "end ",
        " start",
        "a?b",
        "a*b",
        "a|b",
        "a<b",
        "a\"b",
        "stream.gguf:hidden",
    ];
    for bad in hostile {
        check_path(bad, false);
    }
    check_path(&"a".repeat(240), true);
    check_path(&"a".repeat(241), false);
    check_path(&["a"; 256].join("/"), true);
    check_path(&format!("{}/ab", ["a"; 256].join("/")), false);
}

#[test]
fn repositories_are_an_owner_and_a_name() {
    for good in ["owner/name", "Qwen/Qwen3-0.6B-GGUF", "a/b_c.d"] {
        assert_eq!(RepoId::parse(good).unwrap().as_str(), good);
    }
    for bad in
        ["", "name", "a/b/c", "a/", "/b", "a/..", "a/.b", "a/b-", "a/b--c", "a b/c", "a/b?c", "ä/b", "a/b%2f"]
    {
        assert_eq!(RepoId::parse(bad), None, "{bad:?}");
    }
    assert_eq!(RepoId::parse(&format!("a/{}", "b".repeat(97))), None);
    let repo = RepoId::parse("owner/name").unwrap();
    assert_eq!((repo.owner(), repo.name()), ("owner", "name"));
}

#[test]
fn revisions_are_names_that_git_knows() {
    for good in ["main", "refs/pr/1", "v1.0", "0123456789abcdef0123456789abcdef01234567"] {
        assert_eq!(Revision::parse(good).unwrap().as_str(), good);
    }
    for bad in ["", "..", "a/../b", "/a", "a/", "-a", "a b", "a\n", "a?b", "a#b", "a/.b"] {
        assert_eq!(Revision::parse(bad), None, "{bad:?}");
    }
    assert_eq!(Revision::default().as_str(), "main");
}

#[test]
fn digests_are_64_hex_digits() {
    assert_eq!(digest(&"aB".repeat(32)), Some("ab".repeat(32)));
    assert_eq!(digest(&"a".repeat(63)), None);
    assert_eq!(digest(&"g".repeat(64)), None);
    assert_eq!(digest(&format!("{}\0", "a".repeat(63))), None);
}

#[test]
fn names_are_checked_when_they_are_read() {
    assert!(serde_json::from_str::<RepoPath>("\"../x\"").is_err());
    assert!(serde_json::from_str::<RepoId>("\"x\"").is_err());
    assert_eq!(serde_json::from_str::<Revision>("\"main\"").unwrap(), Revision::default());
}
