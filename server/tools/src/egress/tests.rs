use super::*;
use axum::{
    Router,
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Redirect},
    routing::{get, post},
};
use futures::{FutureExt, stream};
use std::{
    net::IpAddr,
    sync::atomic::{AtomicUsize, Ordering},
};
use tokio::net::{TcpListener, TcpSocket};

/// Serves `router` on a port of its own; its address, which ends without a slash.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// May reach `address` and nothing else of this machine.
pub(crate) fn egress_to(address: &str) -> Egress {
    Egress::new(AllowedHosts::parse([address]).unwrap()).unwrap()
}

/// Finds these addresses one after the other, whatever the name is.
fn lookup(answers: Vec<Vec<IpAddr>>) -> (Lookup, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let lookup = Lookup::new(move |_| {
        let n = count.fetch_add(1, Ordering::SeqCst);
        let found = answers[n.min(answers.len() - 1)].clone();
        async move { Ok(found) }.boxed()
    });
    (lookup, asked)
}

fn router() -> Router {
    let endless = || async {
        let chunks = stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 64 << 10]));
        Body::from_stream(chunks)
    };
    let breaks_off = || async {
        let chunks = [Ok("begun"), Err(std::io::Error::other("gone"))];
        ([(header::CONTENT_LENGTH, "100")], Body::from_stream(stream::iter(chunks)))
    };
    let silent = || async { Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>()) };
    Router::new()
        .route("/page", get(|| async { ([(header::CONTENT_TYPE, "text/plain")], "hello") }))
        .route("/moved", get(|| async { Redirect::temporary("/page") }))
        .route("/form", post(|body: String| async { body }).get(|| async { "no form" }))
        .route("/secret", get(|| async { (StatusCode::INTERNAL_SERVER_ERROR, "the secret of the house") }))
        .route("/loop", get(|| async { Redirect::temporary("/loop") }))
        .route("/to-file", get(|| async { Redirect::temporary("file:///etc/passwd") }))
        .route("/to-nowhere", get(|| async { StatusCode::FOUND.into_response() }))
        .route("/endless", get(endless))
        .route("/breaks-off", get(breaks_off))
        .route("/silent", get(silent))
}

#[track_caller]
fn told(page: Result<Page, EgressError>) -> String {
    match page {
        Ok(page) => {
            format!("{} {}{}", page.url.path(), page.bytes.len(), if page.is_cut { " cut" } else { "" })
        }
        Err(err) => err.to_string(),
    }
}

async fn check(path: &str, expected: &str) {
    let address = serve(router()).await;
    let patience = if path == "/silent" { Duration::from_millis(400) } else { Duration::from_secs(20) };
    let egress = Egress { patience, ..egress_to(&address) };
    let url = web_address(&format!("{address}{path}")).unwrap();
    let found = told(egress.fetch(Request::get(url, "*/*"), 1000).await);
    assert!(found.contains(expected), "{path}: {found}");
    assert!(!found.contains("secret of the house"));
}

#[tokio::test]
async fn pages_come_whole_or_cut_and_problems_are_told() {
    check("/page", "/page 5").await;
    check("/moved", "/page 5").await;
    check("/endless", "/endless 1000 cut").await;
    check("/secret", "answered with status 500").await;
    check("/loop", "sends elsewhere too often").await;
    check("/to-file", "is no address").await;
    check("/to-nowhere", "answered with status 302").await;
    check("/breaks-off", "broke off in the middle").await;
    check("/silent", "took longer than 0 seconds").await;
}

#[tokio::test]
async fn nothing_of_this_machine_is_reached_unless_it_is_allowed() {
    let hits = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&hits);
    let inner = serve(
        Router::new().fallback(move || async move { count.fetch_add(1, Ordering::SeqCst).to_string() }),
    )
    .await;
    let port = inner.rsplit(':').next().unwrap().to_owned();
    let target = inner.clone();
    let outer = serve(Router::new().fallback(move || async move { Redirect::temporary(&target) })).await;
    let egress = egress_to(&outer);
    for text in [
        outer,
        inner.clone(),
        format!("http://localhost:{port}"),
        format!("http://localhost.:{port}"),
        format!("http://[::ffff:127.0.0.1]:{port}"),
        format!("http://0.0.0.0:{port}"),
        format!("http://2130706433:{port}"),
    ] {
        let found = egress.fetch(Request::get(web_address(&text).unwrap(), "*/*"), 1000).await;
        let is_refused = matches!(found, Err(EgressError::Private(_) | EgressError::NoSuchHost(_)));
        assert!(is_refused, "{text}: {}", told(found));
    }
    assert_eq!(hits.load(Ordering::SeqCst), 0);
    assert!(egress_to(&inner).fetch(Request::get(web_address(&inner).unwrap(), "*/*"), 1000).await.is_ok());
}

#[test]
fn a_connection_that_leads_inside_all_the_same_is_noticed() {
    let url = web_address("http://example.com/").unwrap();
    let check = |allowed: AllowedHosts, peer: &str| {
        Egress::new(allowed).unwrap().check_peer(&url, Some(peer.parse().unwrap()))
    };
    assert!(check(AllowedHosts::default(), "93.184.216.34:80").is_ok());
    assert!(check(AllowedHosts::default(), "192.168.1.1:80").is_err());
    assert!(check(AllowedHosts::only(&url), "192.168.1.1:80").is_ok());
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_connected_to_where_it_was_checked() {
    let address = serve(router()).await;
    let port = address.rsplit(':').next().unwrap();
    let loopback: IpAddr = "127.0.0.1".parse().unwrap();
    // Never connected to: a name with one inner address among others is refused.
    let public: IpAddr = "1.1.1.1".parse().unwrap();
    let url = web_address(&format!("http://rebind.test:{port}/page")).unwrap();
    for answers in
        [vec![vec![loopback]], vec![vec![public, loopback]], vec![vec!["::ffff:127.0.0.1".parse().unwrap()]]]
    {
        let (lookup, asked) = lookup(answers);
        let egress = Egress::with_lookup(AllowedHosts::default(), lookup).unwrap();
        let found = egress.fetch(Request::get(url.clone(), "*/*"), 1000).await;
        assert!(matches!(found, Err(EgressError::Private(_))), "{}", told(found));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
    let (lookup, _) = lookup(vec![vec![]]);
    let egress = Egress::with_lookup(AllowedHosts::default(), lookup).unwrap();
    let found = egress.fetch(Request::get(url, "*/*"), 1000).await;
    assert!(matches!(found, Err(EgressError::NoSuchHost(_))), "{}", told(found));
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_a_connection() {
    let address = serve(router()).await;
    let port = address.rsplit(':').next().unwrap();
    let url = web_address(&format!("http://inner.test:{port}/page")).unwrap();
    let (lookup, asked) =
        lookup(vec![vec!["127.0.0.1".parse().unwrap()], vec!["127.0.0.2".parse().unwrap()]]);
    let egress = Egress::with_lookup(AllowedHosts::only(&url), lookup).unwrap();
    assert_eq!(told(egress.fetch(Request::get(url, "*/*"), 1000).await), "/page 5");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_key_goes_nowhere_else_and_a_form_is_sent_once() {
    let address = serve(router()).await;
    let egress = egress_to(&address);
    let url = |path: &str| web_address(&format!("{address}{path}")).unwrap();
    let key = Some(("x-key", Secret::new("abc")));
    let moved = Request { key, ..Request::get(url("/moved"), "*/*") };
    assert!(told(egress.fetch(moved, 1000).await).contains("answered with status 307"));
    let form = Some(vec![("q", "a b&c=ü".to_owned())]);
    let sent = Request { form, ..Request::get(url("/form"), "*/*") };
    let page = egress.fetch(sent, 1000).await.unwrap_or_else(|err| panic!("{err}"));
    assert_eq!(String::from_utf8(page.bytes).unwrap(), "q=a+b%26c%3D%C3%BC");
}

#[tokio::test]
async fn who_does_not_answer_or_is_not_there_is_told() {
    // A port that nobody else gets meanwhile, and at which nobody listens.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = format!("http://{}", socket.local_addr().unwrap());
    let found = egress_to(&address).fetch(Request::get(web_address(&address).unwrap(), "*/*"), 1000).await;
    assert!(told(found).contains("does not answer"));
}
