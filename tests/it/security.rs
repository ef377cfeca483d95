//! What strangers, other sites' pages and rebound names get from this server.

use crate::support::Server;
use std::collections::HashSet;

#[tokio::test]
async fn only_its_own_names_are_answered_to() {
    let server = Server::start(&["--no-model", "--name", "den.local"]).await;
    let check = async |host: &str, expected: u16| {
        for path in ["/", "/chat", "/health", "/v1/models", "/icon.svg"] {
            let reply = server.get(path).header("host", host).send().await.unwrap();
            let status = reply.status().as_u16();
            // The start page redirects; that is an answer too.
            let answered = if status == 200 { 200 } else { expected };
            assert_eq!((status, answered), (expected, expected), "{host}{path}");
        }
    };
    check("evil.example", 421).await;
    check("localhost.evil.example:8876", 421).await;
    check("127.0.0.1:1", 200).await;
    check("den.local:8876", 200).await;
    server.stop().await;
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing_and_hear_nothing() {
    let server = Server::start(&["--no-model"]).await;
    let send = "/rpc/app/pages/chat/api/send_message";
    let check = async |path: &str, headers: &[(&str, &str)], expected: u16| {
        let mut request = server.post(path).body("text=hi");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let status = request.send().await.unwrap().status().as_u16();
        assert_eq!(status, expected, "{path} {headers:?}");
    };
    check(send, &[("origin", "http://evil.example")], 403).await;
    check(send, &[("origin", "null")], 403).await;
    check(send, &[("sec-fetch-site", "cross-site")], 403).await;
    check(send, &[("sec-fetch-site", "same-site")], 403).await;
    check("/v1/chat/completions", &[("origin", "http://evil.example")], 403).await;
    let socket = server
        .get("/rpc/app/live/api/live")
        .header("upgrade", "websocket")
        .header("connection", "upgrade")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("origin", "http://evil.example");
    assert_eq!(socket.send().await.unwrap().status(), 403);
    server.stop().await;
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_bind_browsers() {
    let server = Server::start(&["--no-model"]).await;
    for path in [
        "/chat",
        "/compare",
        "/prompts",
        "/settings",
        "/tools",
        "/health",
        "/v1/nothing",
        "/nothing",
        "/icon.svg",
    ] {
        let reply = server.get(path).send().await.unwrap();
        let headers = reply.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["x-frame-options"], "DENY", "{path}");
        assert_eq!(headers["referrer-policy"], "same-origin", "{path}");
        assert!(headers.contains_key("x-request-id"), "{path}");
        let kept = if path == "/icon.svg" { "no-cache" } else { "no-store" };
        assert_eq!(headers["cache-control"], kept, "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{path}: {policy}");
    }
    server.stop().await;
}

#[tokio::test]
async fn every_page_has_its_own_nonce_and_no_script_without_it() {
    let server = Server::start(&["--no-model"]).await;
    let mut nonces = HashSet::new();
    for _ in 0..3 {
        let reply = server.get("/chat").send().await.unwrap();
        let policy = reply.headers()["content-security-policy"].to_str().unwrap().to_owned();
        let nonce = policy.split_once("'nonce-").unwrap().1.split_once('\'').unwrap().0.to_owned();
        let html = reply.text().await.unwrap();
        for script in html.split("<script").skip(1) {
            let tag = script.split_once('>').unwrap().0;
            assert!(tag.contains(&format!("nonce=\"{nonce}\"")), "a script without the nonce: {tag}");
        }
        assert!(!html.contains(" onclick=") && !html.contains("javascript:"));
        nonces.insert(nonce);
    }
    assert_eq!(nonces.len(), 3);
    server.stop().await;
}

#[tokio::test]
async fn what_is_too_large_or_not_there_is_refused() {
    let server = Server::start(&["--no-model"]).await;
    let huge = "x".repeat(5 * 1024 * 1024);
    let reply = server.post("/rpc/app/pages/chat/api/send_message").body(huge).send().await;
    assert!(reply.is_err() || reply.is_ok_and(|reply| reply.status() == 413));
    let huge = "x".repeat(22 * 1024 * 1024);
    let reply = server.post("/rpc/app/pages/chat/api/add_image").body(huge).send().await;
    assert!(reply.is_err() || reply.is_ok_and(|reply| reply.status() == 413));
    for path in ["/rpc/app/nothing", "/pkg/../Cargo.toml", "/pkg/%2e%2e/Cargo.toml", "/chat/../../etc/passwd"]
    {
        let status = server.get(path).send().await.unwrap().status().as_u16();
        assert_eq!(status, 404, "{path}");
    }
    server.stop().await;
}
