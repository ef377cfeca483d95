//! Questions to a hub.

use crate::support::{REPO, client, hub_at, repo, some_bytes};
use hub::{
    Cursor, Format, Hub, HubError, RepoPath, Revision, Search, Sort, Unusable, quants,
    testing::{Fault, PretendRepository, TestHub},
};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpSocket};
use types::secret::Secret;

const TOKEN: &str = "hf_abcdefghijklmnopqrstuvwxyz";

fn search() -> Search {
    Search { sort: Sort::Downloads, n: 2, ..Search::default() }
}

async fn full_hub() -> TestHub {
    let hub = TestHub::start().await.unwrap();
    for (i, name) in ["alpha", "beta", "gamma", "delta", "epsilon"].into_iter().enumerate() {
        let mut repository = PretendRepository::new(&format!("owner/{name}-GGUF"));
        repository.downloads = 100 - i as u64;
        repository.likes = i as u64;
        repository.last_modified = format!("2026-0{}-01T00:00:00.000Z", i + 1);
        repository.pipeline = Some(if i == 4 { "text-to-image" } else { "text-generation" }.to_owned());
        repository.gguf = (i == 0).then(|| ("llama".to_owned(), 8192, 1_000_000_000));
        hub.add(
            repository.with_tags(&["gguf", if i % 2 == 0 { "license:mit" } else { "license:apache-2.0" }]),
        );
    }
    hub.add(PretendRepository::new("other/alpha").with_tags(&["safetensors"]));
    hub
}

async fn names(hub: &Hub, search: &Search) -> Vec<String> {
    let page = hub.search(search, None).await.unwrap();
    page.repositories.iter().map(|it| it.repo.name().to_owned()).collect()
}

#[tokio::test]
async fn a_search_goes_on_page_by_page_to_its_end() {
    let server = full_hub().await;
    let hub = hub_at(&server.endpoint(), None);
    let (mut cursor, mut found) = (None, Vec::new());
    for _ in 0..10 {
        let page = hub.search(&search(), cursor.as_ref()).await.unwrap();
        assert!(page.repositories.len() <= 2);
        found.extend(page.repositories.iter().map(|it| it.repo.to_string()));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let expected = [
        "owner/alpha-GGUF",
        "owner/beta-GGUF",
        "owner/gamma-GGUF",
        "owner/delta-GGUF",
        "owner/epsilon-GGUF",
        "other/alpha",
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn filters_and_orders_are_the_hubs() {
    let server = full_hub().await;
    let hub = hub_at(&server.endpoint(), None);
    let all = Search { n: 50, ..search() };
    let text = |text: &str| text.to_owned();
    assert_eq!(names(&hub, &Search { text: text("ALPHA"), ..all.clone() }).await, ["alpha-GGUF", "alpha"]);
    assert_eq!(names(&hub, &Search { author: Some(text("other")), ..all.clone() }).await, ["alpha"]);
    assert_eq!(names(&hub, &Search { format: Some(Format::Safetensors), ..all.clone() }).await, ["alpha"]);
    assert_eq!(
        names(&hub, &Search { licence: Some(text("apache-2.0")), ..all.clone() }).await,
        ["beta-GGUF", "delta-GGUF"]
    );
    assert_eq!(
        names(&hub, &Search { kind: Some(text("text-to-image")), ..all.clone() }).await,
        ["epsilon-GGUF"]
    );
    assert_eq!(names(&hub, &Search { sort: Sort::Likes, n: 1, ..all.clone() }).await, ["epsilon-GGUF"]);
    assert_eq!(names(&hub, &Search { sort: Sort::New, n: 1, ..all.clone() }).await, ["epsilon-GGUF"]);
    assert!(names(&hub, &Search { text: text("nothing"), ..all.clone() }).await.is_empty());
    let page = hub.search(&Search { text: text("alpha-gguf"), ..all }, None).await.unwrap();
    let found = &page.repositories[0];
    assert_eq!((found.downloads, found.licence.as_deref(), found.gated), (100, Some("mit"), false));
    let gguf = found.gguf.as_ref().unwrap();
    assert_eq!(
        (gguf.architecture.as_deref(), gguf.context, gguf.parameters),
        (Some("llama"), Some(8192), Some(1_000_000_000))
    );
}

#[tokio::test]
async fn a_place_in_another_hubs_list_is_refused() {
    let (server, other) = (full_hub().await, full_hub().await);
    let hub = hub_at(&server.endpoint(), Some(TOKEN));
    let check = async |text: String| {
        let cursor: Cursor = serde_json::from_value(serde_json::json!(text)).unwrap();
        let refused = hub.search(&search(), Some(&cursor)).await;
        assert_eq!(refused, Err(HubError::Unusable(Unusable::Cursor)), "{text}");
    };
    check(format!("{}/api/models?cursor=2", other.endpoint())).await;
    check(format!("{}/api/whoami", server.endpoint())).await;
    check("file:///etc/passwd".to_owned()).await;
    check(String::new()).await;
    check(format!("{}/api/models?cursor={}", server.endpoint(), "2".repeat(5000))).await;
    assert_eq!(other.seen().questions, 0);
}

#[tokio::test]
async fn a_listing_leaves_out_hostile_names_and_counts_them() {
    let repository = PretendRepository::new(REPO)
        .with_file("../../outside.gguf", vec![1; 10])
        .with_file("C:\\x.gguf", vec![1; 10])
        .with_file("nul.gguf", vec![1; 10])
        .with_file("README.md", "# Title\n")
        .with_file("model-Q8_0-00001-of-00002.gguf", vec![1; 5000])
        .with_file("model-Q8_0-00002-of-00002.gguf", vec![2; 6000]);
    let server = TestHub::start().await.unwrap().with_repository(repository.with_tags(&["license:mit"]));
    let hub = hub_at(&server.endpoint(), None);
    let found = hub.repository(&repo(REPO), &Revision::default()).await.unwrap();
    assert_eq!((found.n_dropped, found.files.len(), found.licence.as_deref()), (3, 3, Some("mit")));
    assert_eq!(found.sha.as_str().len(), 40);
    let entries = quants::entries(&found.files);
    assert_eq!((entries.len(), entries[0].bytes), (1, 11_000));
    assert_eq!(entries[0].files[0].sha256.as_ref().map(String::len), Some(64));
    assert_eq!(hub.card(&repo(REPO), &found.sha).await.unwrap().unwrap().text, "# Title\n");
}

#[tokio::test]
async fn long_cards_are_cut_at_a_line_and_say_so() {
    let line = "a line of a very long card\n";
    let server = TestHub::start().await.unwrap();
    server.add(PretendRepository::new(REPO).with_file("README.md", line.repeat(100_000)));
    server.add(PretendRepository::new("owner/without").with_file("x", "y"));
    let hub = hub_at(&server.endpoint(), Some(TOKEN));
    let card = hub.card(&repo(REPO), &Revision::default()).await.unwrap().unwrap();
    assert!(card.is_cut && card.text.len() <= 1 << 20 && card.text.ends_with("card"));
    assert_eq!(hub.card(&repo("owner/without"), &Revision::default()).await, Ok(None));
    assert_eq!(server.seen().leaked_tokens, 0);
}

#[tokio::test]
async fn what_is_not_there_or_not_for_everybody_is_told_apart() {
    let server = TestHub::start().await.unwrap();
    server.add(PretendRepository::new(REPO).gated(TOKEN).with_file("README.md", "text"));
    let main = Revision::default();
    let card = async |token: Option<&str>| hub_at(&server.endpoint(), token).card(&repo(REPO), &main).await;
    let page = format!("{}/{REPO}", server.endpoint());
    assert_eq!(card(None).await, Err(HubError::Gated { page: page.clone() }));
    assert_eq!(card(Some("hf_without_access")).await, Err(HubError::Gated { page }));
    assert_eq!(card(Some("hf_unknown")).await, Err(HubError::TokenRefused));
    assert_eq!(card(Some(TOKEN)).await.unwrap().unwrap().text, "text");
    let hub = hub_at(&server.endpoint(), None);
    assert_eq!(hub.repository(&repo("owner/none"), &main).await, Err(HubError::NotFound));
    let other = Revision::parse("other").unwrap();
    assert_eq!(hub.repository(&repo(REPO), &other).await, Err(HubError::NotFound));
    assert!(hub.repository(&repo(REPO), &main).await.unwrap().gated);
}

#[tokio::test]
async fn an_offline_hub_asks_nobody() {
    let server = full_hub().await;
    let hub = hub_at(&server.endpoint(), None).offline(true);
    let main = Revision::default();
    assert_eq!(hub.search(&search(), None).await, Err(HubError::Offline));
    assert_eq!(hub.repository(&repo(REPO), &main).await, Err(HubError::Offline));
    assert_eq!(hub.card(&repo(REPO), &main).await, Err(HubError::Offline));
    assert_eq!(server.seen().questions, 0);
}

#[tokio::test]
async fn answers_that_are_none_end_in_a_sentence() {
    let server = TestHub::start().await.unwrap();
    server.add(PretendRepository::new(REPO).with_file("README.md", "text"));
    let hub = hub_at(&server.endpoint(), None);
    let card = async |fault: Fault| {
        server.set_faults(REPO, "README.md", vec![fault]);
        hub.card(&repo(REPO), &Revision::default()).await
    };
    let status = |status, retry_after| Fault::Status { status, retry_after, times: 1 };
    assert_eq!(card(status(429, Some(7))).await, Err(HubError::RateLimited { seconds: 7 }));
    assert_eq!(card(status(500, None)).await, Err(HubError::Failed { status: 500 }));
    assert_eq!(card(Fault::RedirectLoop).await, Err(HubError::Unusable(Unusable::Redirect)));
    let cut = card(Fault::Cut { after_bytes: 2, times: 1 }).await;
    assert!(matches!(cut, Err(HubError::Unreachable { .. })), "{cut:?}");
}

#[tokio::test]
async fn a_hub_that_does_not_answer_is_given_up() {
    // Connections are taken by the system, and nobody reads them.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let hub = hub_at(&endpoint, Some(TOKEN)).patient(Duration::from_millis(200));
    let started = Instant::now();
    let err = hub.search(&search(), None).await.unwrap_err();
    assert!(matches!(err, HubError::Unreachable { .. }), "{err:?}");
    // The usual patience is 15 s.
    assert!(started.elapsed() < Duration::from_secs(14));
    // A port that nobody else gets meanwhile, and at which nobody listens.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = format!("http://{}", socket.local_addr().unwrap());
    let hub = hub_at(&endpoint, Some(TOKEN)).patient(Duration::from_millis(200));
    let err = hub.search(&search(), None).await.unwrap_err();
    assert!(matches!(err, HubError::Unreachable { .. }), "{err:?}");
}

#[tokio::test]
async fn what_people_read_has_no_token_and_no_query() {
    let server = TestHub::start().await.unwrap();
    server.add(PretendRepository::new(REPO).with_file("README.md", vec![b'x'; 5000]));
    server.set_faults(REPO, "README.md", vec![Fault::Cut { after_bytes: 1, times: 9 }]);
    let hub = hub_at(&server.endpoint(), Some(TOKEN));
    let err = hub.card(&repo(REPO), &Revision::default()).await.unwrap_err();
    let told = format!("{err} {err:?} {hub:?}");
    assert!(!told.contains(TOKEN) && !told.contains("Signature"), "{told}");
    let broken = Hub::new(client(), &server.endpoint(), Some(Secret::new("hf_\u{7f}bad"))).unwrap();
    let err = broken.search(&search(), None).await.unwrap_err();
    assert_eq!(err, HubError::Unusable(Unusable::Token));
    assert!(!err.to_string().contains("hf_"));
}

#[tokio::test]
async fn a_path_before_the_api_is_kept() {
    let hub = hub_at("http://127.0.0.1:9/mirror/", None);
    let path = RepoPath::parse("x.gguf").unwrap();
    let url = hub.file_url(&repo(REPO), &Revision::default(), &path);
    assert_eq!(url.as_str(), format!("http://127.0.0.1:9/mirror/{REPO}/resolve/main/x.gguf"));
}

#[tokio::test]
async fn the_beginning_of_a_file_is_read_and_no_more() {
    let server = TestHub::start().await.unwrap();
    let bytes = some_bytes(300_000);
    let repository = PretendRepository::new(REPO);
    server.add(repository.with_file("a.gguf", bytes.clone()).with_file("b.gguf", bytes[..10].to_vec()));
    let hub = hub_at(&server.endpoint(), None);
    let repository = hub.repository(&repo(REPO), &Revision::default()).await.unwrap();
    let path = |path| RepoPath::parse(path).unwrap();
    for faults in [vec![], vec![Fault::NoRanges]] {
        server.set_faults(REPO, "a.gguf", faults);
        assert_eq!(hub.beginning(&repository, &path("a.gguf"), 1000).await.unwrap(), bytes[..1000]);
    }
    assert_eq!(hub.beginning(&repository, &path("b.gguf"), 1000).await.unwrap(), bytes[..10]);
    assert_eq!(hub.beginning(&repository, &path("c.gguf"), 1000).await, Err(HubError::NotFound));
    let offline = hub.offline(true).beginning(&repository, &path("a.gguf"), 1000).await;
    assert_eq!(offline, Err(HubError::Offline));
}
