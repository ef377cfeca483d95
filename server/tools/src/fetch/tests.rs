use super::*;
use crate::egress::tests::{egress_to, serve};
use axum::{Router, http::header::CONTENT_TYPE, routing::get};

fn router() -> Router {
    let page = "<title>The page</title><main><h1>Hello</h1><p>See <a href='/next'>more</a>.</p></main>";
    let typed =
        |kind: &'static str, body: &'static [u8]| get(move || async move { ([(CONTENT_TYPE, kind)], body) });
    let long = || async { ([(CONTENT_TYPE, "text/plain")], "a line of some length\n".repeat(3000)) };
    Router::new()
        .route("/", typed("text/html; charset=utf-8", page.as_bytes()))
        .route("/latin", typed("text/html; charset=ISO-8859-1", b"<p>gr\xfcn"))
        .route("/meta", typed("text/html", b"<meta charset='windows-1251'><p>\xcf\xf0\xe8\xe2\xe5\xf2"))
        .route("/json", typed("application/json", br#"{"a": 1}"#))
        .route("/pdf", typed("application/pdf", b"%PDF-1.7"))
        .route("/binary", typed("text/plain", b"a\0b"))
        .route("/empty", typed("text/html", b"<script>draw()</script>"))
        .route("/long", get(long))
}

async fn fetched(path: &str, part: Option<usize>) -> Result<Answer, Failure> {
    let address = serve(router()).await;
    let tool = FetchPage { egress: egress_to(&address) };
    tool.fetch(Asked { url: format!("{address}{path}"), part }).await
}

async fn check(path: &str, expected: &str) {
    let found = fetched(path, None).await.map_or_else(|err| err.to_string(), |it| it.text);
    assert!(found.contains(expected), "{path}: {found}");
}

#[tokio::test]
async fn pages_and_texts_are_read_and_others_refused() {
    check("/", "# Hello\n\nSee [more](http://127.0.0.1:").await;
    check("/latin", "grün").await;
    check("/meta", "Привет").await;
    check("/json", r#"{"a": 1}"#).await;
    check("/pdf", "of the kind application/pdf, which cannot be read").await;
    check("/binary", "cannot be read as text").await;
    check("/empty", "may need a browser").await;
    check("/none", "answered with status 404").await;
}

async fn check_known(path: &str, part: Option<usize>, expected: &str) {
    let known = fetched(path, part).await.unwrap_err().known().unwrap().written();
    assert!(known.starts_with(expected), "{path}: {known}");
}

#[tokio::test]
async fn why_a_page_is_not_read_is_known() {
    check_known("/pdf", None, "page_kind 0 application/pdf").await;
    check_known("/empty", None, "empty_page").await;
    check_known("/none", None, "host_status 404 127.0.0.1:").await;
    check_known("/long", Some(5), "no_such_part 4").await;
}

#[tokio::test]
async fn a_page_is_its_own_source() {
    let answer = fetched("/", None).await.unwrap();
    assert_eq!(answer.sources.len(), 1);
    assert_eq!(answer.sources[0].title, "The page");
    assert!(answer.shown.starts_with("The page (127.0.0.1:"));
}

#[tokio::test]
async fn long_pages_come_in_parts() {
    let first = fetched("/long", None).await.unwrap().text;
    assert!(first.contains("[Part 1 of 4. Ask for part 2 to read on.]") && first.len() < PART_BYTES + 300);
    let last = fetched("/long", Some(4)).await.unwrap().text;
    assert!(last.ends_with("a line of some length"));
    let beyond = fetched("/long", Some(5)).await.unwrap_err().to_string();
    assert_eq!(beyond, "the page has 4 parts; ask for one of 1 to 4");
}

#[test]
fn parts_are_the_whole_text() {
    let text = "ü".repeat(PART_BYTES * 2);
    assert_eq!(parts(&text).concat(), text);
    assert!(parts(&text).iter().all(|it| it.len() <= PART_BYTES));
    assert_eq!(parts(""), [""]);
}
