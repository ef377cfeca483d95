use super::*;
use crate::{
    Limits,
    egress::tests::{egress_to, serve},
};
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
    fetched_within(path, part, Limits::default().text_bytes).await
}

async fn fetched_within(path: &str, part: Option<usize>, text_bytes: usize) -> Result<Answer, Failure> {
    let address = serve(router()).await;
    let tool = FetchPage { egress: egress_to(&address) };
    tool.fetch(Asked { url: format!("{address}{path}"), part }, text_bytes).await
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
    check_known("/long", Some(10_000), "no_such_part 273").await;
}

#[tokio::test]
async fn a_page_is_its_own_source() {
    let answer = fetched("/", None).await.unwrap();
    assert_eq!(answer.sources.len(), 1);
    assert_eq!(answer.sources[0].title, "The page");
    assert!(answer.shown.starts_with("The page (127.0.0.1:"));
}

/// The text without what stands above it and below it, and the part that goes on.
fn read_on(told: &str) -> (&str, Option<usize>) {
    let (_, text) = told.split_once("\n\n").unwrap();
    let Some((text, hint)) = text.rsplit_once("\n\n[Parts ") else { return (text, None) };
    let (_, next) = hint.split_once("Ask for part ").unwrap();
    (text, Some(next.trim_end_matches(" to read on.]").parse().unwrap()))
}

#[tokio::test]
async fn long_pages_are_read_to_their_end_whatever_the_model_takes_at_a_time() {
    let whole = "a line of some length\n".repeat(3000);
    for sizes in [[32 << 10, 32 << 10], [4096, 4096], [1024, 2048]] {
        let (mut read, mut part) = (String::new(), None);
        for text_bytes in sizes.into_iter().cycle() {
            let told = fetched_within("/long", part, text_bytes).await.unwrap().text;
            assert!(told.len() <= text_bytes, "{} of {text_bytes}", told.len());
            let (text, next) = read_on(&told);
            read.push_str(text);
            read.push('\n');
            part = next;
            if part.is_none() {
                break;
            }
        }
        assert_eq!(read, whole);
    }
    let beyond = fetched("/long", Some(10_000)).await.unwrap_err().to_string();
    assert_eq!(beyond, "the page has 273 parts; ask for one of 1 to 273");
}

#[test]
fn something_is_read_however_long_title_and_address_are() {
    let url = reqwest::Url::parse(&format!("https://a.test/{}", "x".repeat(2000))).unwrap();
    let page = Readable { title: "水".repeat(1000), text: "水 ".repeat(1000) };
    let told = part(&url, page, 1, 1024).unwrap().text;
    assert!(told.len() <= 1024 && told.contains("to read on.]"), "{told}");
}

#[test]
fn parts_are_the_whole_text() {
    let check = |text: &str| {
        let ends = ends(text);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let parts: Vec<_> = starts.zip(&ends).map(|(from, end)| &text[from..*end]).collect();
        assert_eq!(parts.concat(), text);
        assert!(parts.iter().all(|it| it.len() <= PART_BYTES && (!it.is_empty() || text.is_empty())));
    };
    check(&"ü".repeat(PART_BYTES * 2));
    check(&"one word and another ".repeat(100));
    check(&format!("{}\n{}", "x".repeat(200), "y ".repeat(200)));
    check("");
}
