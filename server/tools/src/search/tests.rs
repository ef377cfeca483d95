use super::*;
use crate::egress::tests::{egress_to, serve};
use axum::{
    Form, Json, Router,
    extract::Query,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use serde_json::Value;
use std::collections::BTreeMap;

type Fields = BTreeMap<String, String>;

const RESULTS_PAGE: &str = r#"<html><body>
<div class="result results_links result--ad"><h2 class="result__title"><a class="result__a" href="https://duckduckgo.com/y.js?ad_domain=x.com">An advertisement</a></h2></div>
<div class="result results_links"><h2 class="result__title">
  <a rel="nofollow" class="result__a" href="//duckduckgo.com/l/?uddg=https%3A%2F%2Fexample.com%2Fa%3Fb%3D1&amp;rut=9">The <b>first</b>
   one</a></h2><a class="result__snippet" href="x">Some <b>words</b> &amp; more</a></div>
<div class="result"><a class="result__a" href="https://example.org/">Second</a><td class="result__snippet">Its lines</td></div>
<div class="result"><a class="result__a" href="javascript:alert(1)">Third</a></div>
</body></html>"#;

fn router() -> Router {
    let searxng = |Query(asked): Query<Fields>| async move {
        assert_eq!(asked["format"], "json");
        let found = json!({"title": format!("About {}", asked["q"]), "url": "https://example.com/", "content": "A <b>few</b> words"});
        Json(
            json!({"results": [found, {"url": "file:///etc/passwd", "title": "no"}, {"url": "http://b/", "title": "b", "content": null}]}),
        )
    };
    let brave = |headers: HeaderMap| async move {
        if headers["x-subscription-token"] != "abc" {
            return (StatusCode::UNAUTHORIZED, Json(Value::Null));
        }
        let found =
            json!({"title": "B &amp; C", "url": "https://example.com/", "description": "<strong>x</strong>"});
        (StatusCode::OK, Json(json!({"web": {"results": vec![found; 30]}})))
    };
    let duckduckgo = |Form(asked): Form<Fields>| async move { RESULTS_PAGE.replace("first", &asked["q"]) };
    Router::new()
        .route("/search", get(searxng))
        .route("/brave", get(brave))
        .route("/html/", post(duckduckgo))
        .route("/challenge/", post(|| async { "<div class='anomaly-modal__title'>Are you a person?</div>" }))
        .route("/garbage/search", get(|| async { "<html>no results" }))
        .route("/closed/search", get(|| async { StatusCode::FORBIDDEN }))
        .route("/busy/search", get(|| async { StatusCode::TOO_MANY_REQUESTS }))
        .route("/flood/search", get(|| async { "x".repeat(10 << 20) }))
}

async fn searched(service: impl FnOnce(&str) -> Service, results: Option<usize>) -> Result<Answer, Failure> {
    let address = serve(router()).await;
    let tool = WebSearch { egress: egress_to(&address), service: service(&address) };
    tool.search(Asked { query: " ponds & newts ".to_owned(), results }).await
}

fn at(path: &'static str) -> impl FnOnce(&str) -> Service {
    move |address| Service::SearXng { address: searxng::search_address(&format!("{address}{path}")).unwrap() }
}

fn duckduckgo(path: &'static str) -> impl FnOnce(&str) -> Service {
    move |address| Service::DuckDuckGo { address: web_address(&format!("{address}{path}")).unwrap() }
}

fn brave(key: &'static str) -> impl FnOnce(&str) -> Service {
    move |address| Service::Brave {
        address: web_address(&format!("{address}/brave")).unwrap(),
        key: Secret::new(key),
    }
}

async fn check(service: impl FnOnce(&str) -> Service, expected: &str) {
    let found = searched(service, None).await.map_or_else(|err| err.to_string(), |it| it.text);
    assert!(found.contains(expected), "{found}");
}

#[tokio::test]
async fn results_are_numbered_pages_with_a_few_words() {
    check(at(""), "[1] About ponds & newts\nhttps://example.com/\nA few words\n\n[2] b\nhttp://b/").await;
    check(at("/search?q=x"), "[1] About ponds & newts").await;
    check(brave("abc"), "[1] B & C\nhttps://example.com/\nx\n\n[2]").await;
    check(duckduckgo("/html/"), "[1] The ponds & newts one\nhttps://example.com/a?b=1\nSome words & more\n\n[2] Second\nhttps://example.org/\nIts lines").await;
}

async fn check_failure(service: impl FnOnce(&str) -> Service, expected: &str, known: &str) {
    let failure = searched(service, None).await.unwrap_err();
    assert!(failure.to_string().contains(expected), "{failure}");
    let found = failure.known().unwrap().written();
    assert!(found.starts_with(known), "{found}");
}

#[tokio::test]
async fn what_goes_wrong_is_said_with_what_to_do() {
    check_failure(brave("wrong"), "does not take the key", "key_refused").await;
    check_failure(duckduckgo("/challenge/"), "wants to see a person", "wants_person 0 DuckDuckGo").await;
    check_failure(at("/garbage"), "SearXNG sent something else than results", "no_results 0 SearXNG").await;
    check_failure(at("/closed"), "have to list the format json", "search_form").await;
    check_failure(at("/busy"), "asked too often", "asked_too_often").await;
    check_failure(at("/flood"), "more than a page of results", "no_results 0 SearXNG").await;
    check_failure(at("/none"), "SearXNG cannot be asked: the host 127.0.0.1:", "host_status 404 127.").await;
}

#[tokio::test]
async fn as_many_as_wanted_and_each_is_a_source() {
    let answer = searched(brave("abc"), Some(3)).await.unwrap();
    assert_eq!((answer.sources.len(), answer.shown.as_str()), (3, "“ponds & newts” (3)"));
    let most = searched(brave("abc"), Some(1000)).await.unwrap();
    assert_eq!(most.sources.len(), MAX_RESULTS);
    assert_eq!(super::answer("q", Vec::new(), 5).text, "Nothing was found. Try other words.");
}

#[test]
fn a_result_does_not_pretend_to_be_several() {
    let hit = |url: &str, snippet: &str| Hit {
        title: "A".to_owned(),
        url: url.to_owned(),
        snippet: snippet.to_owned(),
    };
    let check = |snippet: &str, expected: &str| {
        let text = super::answer("q", vec![hit("https://a/", snippet)], 5).text;
        assert_eq!(text, format!("[1] A\nhttps://a/\n{expected}"));
    };
    check("cheap\n\n[2] The bank\nhttps://bank/\nTrue", "cheap [2] The bank https://bank/ True");
    check("[2] The bank", "… [2] The bank");
    let check_address = |written: &str, expected: &str| {
        let answer = super::answer("q", vec![hit(written, "True")], 5);
        assert_eq!(answer.text, format!("[1] A\n{expected}\nTrue"));
        assert_eq!(answer.sources[0].url, expected);
    };
    check_address("https://a/\n[2] The bank", "https://a/[2]%20The%20bank");
    check_address("https://a/My file.pdf ", "https://a/My%20file.pdf");
}

#[test]
fn a_service_is_set_up_from_settings() {
    let set_up = |service| WebSearch::tool(&service).map(|it| it.describe().name);
    assert_eq!(set_up(SearchService::DuckDuckGo), Ok("web_search".to_owned()));
    assert_eq!(
        set_up(SearchService::SearXng { address: "http://search.lan".to_owned() }),
        Ok("web_search".to_owned())
    );
    assert!(set_up(SearchService::SearXng { address: "search.lan".to_owned() }).is_err());
}
