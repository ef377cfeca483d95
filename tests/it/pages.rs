//! Pages as the server sends them: what somebody gets who asks among others.

use crate::support::Server;
use futures::{StreamExt, stream};
use reqwest::StatusCode;

const N_PAGES: usize = 1500;
const AT_ONCE: usize = 8;

#[tokio::test]
async fn pages_that_are_asked_for_at_once_are_all_whole() {
    let server = Server::with_model().await;
    let pages = stream::iter(0..N_PAGES)
        .map(|_| async {
            let reply = server.get("/chat").send().await.unwrap();
            (reply.status(), reply.text().await.unwrap())
        })
        .buffer_unordered(AT_ONCE);
    let broken = pages
        .filter(|(status, page)| {
            let names_its_code = page.contains("/pkg/split_chat_page");
            let has_its_data = page.contains("__INCOMPLETE_CHUNKS=[]");
            let is_whole = *status == StatusCode::OK && names_its_code && has_its_data;
            std::future::ready(!is_whole)
        })
        .count()
        .await;
    assert_eq!(broken, 0, "of {N_PAGES} pages");
}
