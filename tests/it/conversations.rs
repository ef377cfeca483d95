//! Conversations as files: what is exported comes back whole, and what is no conversation says so and changes nothing.

use crate::support::Server;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(120);

/// Brings a file as the page's form does; gives what the page would be told.
async fn import(server: &Server, file: &[u8]) -> String {
    let mut body = b"--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"chats.json\"\r\nContent-Type: application/json\r\n\r\n".to_vec();
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--edge--\r\n");
    let request = server.post("/chats/import").header("content-type", "multipart/form-data; boundary=edge");
    let reply = request.body(body).send().await.unwrap();
    // The client follows to the page.
    assert_eq!(reply.status(), StatusCode::OK);
    reply.url().query().unwrap_or_default().to_owned()
}

async fn get(server: &Server, path: &str) -> (StatusCode, String) {
    let reply = server.get(path).send().await.unwrap();
    (reply.status(), reply.text().await.unwrap())
}

async fn export_all(server: &Server) -> Value {
    serde_json::from_str(&get(server, "/chats/export.json").await.1).unwrap()
}

/// A file with a tree, what it is filed under, a thought, an image, and hostile text.
fn ours() -> Value {
    // The smallest GIF there is.
    let image = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
    json!({"format": "chaosengine-chats", "version": 1, "chats": [{
        "title": "Tea <script>alert(1)</script>", "folder": "Kitchen", "tags": ["hot"], "pinned": true, "archived": false,
        "created_ms": 1_700_000_000_000_i64, "updated_ms": 1_700_000_001_000_i64, "shown": 2, "turns": [
            {"parent": null, "role": "user", "text": "How long does zanzibar tea steep?", "created_ms": 1_700_000_000_000_i64, "images": [image]},
            {"parent": 0, "role": "assistant", "text": "Three.", "created_ms": 1},
            {"parent": 0, "role": "assistant", "text": "Four **minutes**.", "reasoning": "Black.", "model": "leaf", "created_ms": 2},
        ]
    }]})
}

#[tokio::test]
async fn what_is_exported_comes_back_whole() {
    let server = Server::start(&["--no-model"]).await;
    assert_eq!(import(&server, ours().to_string().as_bytes()).await, "taken=1&known=0&skipped=0&left=0");
    let exported = export_all(&server).await;
    assert_eq!(exported, ours());
    // Once more: it is here already. Elsewhere it is not.
    let file = exported.to_string();
    assert_eq!(import(&server, file.as_bytes()).await, "taken=0&known=1&skipped=0&left=0");
    assert_eq!(export_all(&server).await, ours());
    let elsewhere = Server::start(&["--no-model"]).await;
    assert_eq!(import(&elsewhere, file.as_bytes()).await, "taken=1&known=0&skipped=0&left=0");
    assert_eq!(export_all(&elsewhere).await, ours());
    elsewhere.stop().await;

    let (status, markdown) = get(&server, "/chats/export/1.md").await;
    assert_eq!(status, StatusCode::OK);
    assert!(markdown.contains("## leaf\n\n> Black.\n\nFour **minutes**."), "{markdown}");
    let (_, page) = get(&server, "/chats/export/1.html").await;
    assert!(page.contains("<strong>minutes</strong>") && !page.contains("<script>alert"), "{page}");
    for missing in ["/chats/export/99.md", "/chats/export/1.exe", "/chats/export/x.md", "/chats/export/1"] {
        assert_eq!(get(&server, missing).await.0, StatusCode::NOT_FOUND, "{missing}");
    }

    let (_, list) = get(&server, "/chats?q=zanzibar").await;
    assert!(
        list.contains("<mark") && list.contains(">zanzibar") && !list.contains("<script>alert"),
        "{list}"
    );
    assert!(list.contains("Kitchen") && list.contains("hot"), "{list}");
    let (_, none) = get(&server, "/chats?folder=99").await;
    assert!(!none.contains("zanzibar"));
    server.stop().await;
}

#[tokio::test]
async fn files_that_are_no_conversations_say_so_and_change_nothing() {
    let server = Server::start(&["--no-model"]).await;
    let check = async |file: &[u8], expected: &str| assert_eq!(import(&server, file).await, expected);
    check(b"", "problem=none").await;
    check(b"PK\x03\x04 and so on", "problem=archive").await;
    check(b"[{\"mapping\": {\"a\": ", "problem=json").await;
    check(b"{\"hello\": [1, 2]}", "problem=unknown").await;
    check("[".repeat(50_000).as_bytes(), "problem=json").await;
    assert_eq!(export_all(&server).await["chats"], json!([]));
    // Nor does a page of another site bring one.
    let foreign = server.post("/chats/import").header("origin", "http://evil.example").send().await.unwrap();
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    // One entry of many is no conversation; an image is none.
    let mut mixed = ours();
    mixed["chats"].as_array_mut().unwrap().push(json!({"title": 7}));
    mixed["chats"][0]["turns"][0]["images"] = json!(["bm8gaW1hZ2U="]);
    check(mixed.to_string().as_bytes(), "taken=1&known=0&skipped=1&left=1").await;
    server.stop().await;
}

/// What the page says of a file that is taken over, and the number in it; none before there is something to say.
async fn told(server: &Server, import: &str) -> Option<(String, usize)> {
    let reply = server.get(&format!("/chats?import={import}")).send().await.ok()?;
    let page = reply.text().await.ok()?;
    let outcome = page.split("data-testid=\"import-outcome\"").nth(1)?;
    let words = outcome.split('>').nth(1)?.split('<').next()?.to_owned();
    let digits: String = words.chars().filter(char::is_ascii_digit).collect();
    Some((words, digits.parse().ok()?))
}

/// Waits until more than `n` chats are taken over, and says what is told then.
async fn more_than(server: &Server, import: &str, n: usize) -> (String, usize) {
    let more = async {
        loop {
            match told(server, import).await {
                Some(told) if told.1 > n => return told,
                _ => sleep(Duration::from_millis(10)).await,
            }
        }
    };
    timeout(PATIENCE, more).await.unwrap()
}

/// Waits until a file is taken over that has `n` chats.
async fn taken_over(server: &Server, import: &str, n: usize) {
    let words = format!("{n} chats were taken over.");
    let over = async {
        while told(server, import).await.is_none_or(|(told, _)| told != words) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, over).await.unwrap();
}

#[tokio::test]
async fn a_server_killed_while_it_takes_a_file_over_loses_nothing_and_repeats_nothing() {
    const N: usize = 3_000;
    const KILLS: usize = 4;
    let mut server = Server::start(&["--no-model"]).await;
    let chat =
        |n: usize| json!({"title": format!("chat {n}"), "turns": [{"role": "user", "text": "Which?"}]});
    let chats: Vec<_> = (0..N).map(chat).collect();
    let file = json!({"format": "chaosengine-chats", "version": 1, "chats": chats}).to_string();
    let mut n_taken = 0;
    for n in 0..KILLS {
        // The form may be unanswered when the server dies, and the file is there all the same.
        let (_, n_now) = if n == 0 {
            let answered = async {
                import(&server, file.as_bytes()).await;
                more_than(&server, "1", 0).await
            };
            tokio::select! {
                told = answered => told,
                told = more_than(&server, "1", 0) => told,
            }
        } else {
            more_than(&server, "1", n_taken).await
        };
        n_taken = n_now;
        let data = Arc::clone(&server.data);
        server.kill().await;
        server = Server::start_in(data, &["--no-model"]).await;
    }
    assert!(n_taken < N, "it was over before the last kill");
    taken_over(&server, "1", N).await;
    let exported = export_all(&server).await;
    let titles: Vec<_> = exported["chats"].as_array().unwrap().iter().map(|it| it["title"].clone()).collect();
    let expected: Vec<_> = (0..N).map(|n| json!(format!("chat {n}"))).collect();
    assert!(titles == expected, "{} chats, not each once and in order", titles.len());
    server.stop().await;
}
