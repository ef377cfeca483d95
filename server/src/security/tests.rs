use super::{Hosts, add_headers, refusal};
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header},
    middleware,
    response::Html,
    routing::get,
};
use tower::Service;

/// Status of the refusal, 0 if the request is let through.
fn status(hosts: &Hosts, method: Method, headers: &[(&'static str, &str)]) -> u16 {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect();
    refusal(hosts, &method, &Uri::from_static("/chat"), &headers).map_or(0, |(status, _)| status.as_u16())
}

#[track_caller]
fn check(method: Method, headers: &[(&'static str, &str)], expected: u16) {
    let hosts = Hosts::new(&["family.local".into()], [127, 0, 0, 1].into());
    assert_eq!(status(&hosts, method, headers), expected);
}

#[test]
fn only_known_hosts_are_answered() {
    for host in ["127.0.0.1:8876", "localhost", "[::1]:8876", "FAMILY.local:8876"] {
        check(Method::GET, &[("host", host)], 0);
    }
    for host in
        ["evil.example", "evil.example:8876", "127.0.0.1.evil.example", "192.168.1.2", "", "localhost:8876:1"]
    {
        check(Method::GET, &[("host", host)], 421);
    }
    check(Method::GET, &[], 421);
}

#[test]
fn on_the_lan_addresses_are_answered_and_foreign_names_are_not() {
    let hosts = Hosts::new(&[], [0, 0, 0, 0].into());
    assert_eq!(status(&hosts, Method::GET, &[("host", "192.168.1.2:8876")]), 0);
    assert_eq!(status(&hosts, Method::GET, &[("host", "evil.example:8876")]), 421);
}

#[test]
fn changes_come_from_our_own_pages_or_from_programs() {
    let ours = ("host", "127.0.0.1:8876");
    check(Method::POST, &[ours], 0);
    check(Method::POST, &[ours, ("origin", "http://127.0.0.1:8876")], 0);
    check(Method::POST, &[ours, ("origin", "http://127.0.0.1:8876"), ("sec-fetch-site", "same-origin")], 0);
    for origin in
        ["http://evil.example", "http://127.0.0.1:9999", "null", "https://127.0.0.1:8876.evil.example"]
    {
        check(Method::POST, &[ours, ("origin", origin)], 403);
    }
    check(Method::POST, &[ours, ("sec-fetch-site", "cross-site")], 403);
    check(Method::POST, &[ours, ("sec-fetch-site", "same-site")], 403);
}

#[test]
fn sockets_are_treated_like_changes_and_links_like_reading() {
    let ours = ("host", "127.0.0.1:8876");
    check(Method::GET, &[ours, ("upgrade", "websocket"), ("origin", "http://evil.example")], 403);
    check(Method::GET, &[ours, ("upgrade", "websocket"), ("origin", "http://127.0.0.1:8876")], 0);
    check(Method::GET, &[ours, ("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")], 0);
}

#[tokio::test]
async fn only_what_says_so_is_kept_by_browsers() {
    let file = async || ([(header::CACHE_CONTROL, "no-cache")], "file");
    let mut router = Router::new()
        .route("/chat/1", get(async || Html("a chat")))
        .route("/icon.svg", get(file))
        .layer(middleware::from_fn(add_headers));
    for (path, expected) in [("/chat/1", "no-store"), ("/nothing", "no-store"), ("/icon.svg", "no-cache")] {
        let request = Request::builder().uri(path).body(Body::empty()).expect("a request");
        let response = router.call(request).await.expect("an answer");
        assert_eq!(response.headers()[header::CACHE_CONTROL], expected, "{path}");
    }
}
