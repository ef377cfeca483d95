use super::Site;
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
