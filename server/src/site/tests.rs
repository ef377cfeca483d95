use super::{Site, build_of};
use axum::http::HeaderMap;

#[tokio::test]
async fn only_plain_names_are_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str| std::fs::write(folder.path().join(name), "x").is_ok();
    assert!(write("icon.svg"));
    // Where files can be called so.
    _ = (write("C:"), write(".secret"));
    let site = Site::new(Some(folder.path().to_owned()));
    let check = async |path: &str, expected: bool| {
        assert_eq!(site.serve(path, &HeaderMap::new()).await.is_some(), expected, "{path}");
    };
    check("/icon.svg", true).await;
    for path in
        ["/C:", "/C:/Windows/win.ini", "/.secret", "/../icon.svg", "/pkg\\..\\icon.svg", "/", "//icon.svg/"]
    {
        check(path, false).await;
    }
}

const NAMES: &[&str] =
    &["chaosengine.a1.js", "chaosengine.b2.wasm", "chaosengine.c3.css", "split_chat_page.d4.wasm"];

/// Whether the build with these names is the one that [`NAMES`] are of.
#[track_caller]
fn check(names: &[&str], is_same: bool) {
    let build = |names: &[&str]| build_of(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    assert_eq!(build(names) == build(NAMES), is_same, "{names:?}");
}

#[test]
fn a_build_is_told_by_its_code() {
    check(NAMES, true);
    // In another order, compressed as well, with another style.
    check(
        &["split_chat_page.d4.wasm", "chaosengine.b2.wasm.br", "chaosengine.b2.wasm", "chaosengine.a1.js"],
        true,
    );
    check(&["chaosengine.a1.js", "chaosengine.b3.wasm", "split_chat_page.d4.wasm"], false);
    check(&["chaosengine.a1.js", "chaosengine.b2.wasm", "split_chat_page.d5.wasm"], false);
    check(&[], false);
}

#[test]
fn without_code_there_is_no_build() {
    assert_eq!(build_of(&["chaosengine.c3.css".to_owned()]), "");
}
