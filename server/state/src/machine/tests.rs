use super::*;
use axum::http::Request;

fn parts(peer: Option<&str>, headers: &[(&str, &str)]) -> Parts {
    let request =
        headers.iter().fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
    let (mut parts, ()) = request.body(()).expect("a request").into_parts();
    if let Some(peer) = peer {
        parts.extensions.insert(ConnectInfo::<SocketAddr>(peer.parse().expect("an address")));
    }
    parts
}

#[track_caller]
fn check(peer: Option<&str>, headers: &[(&str, &str)], expected: bool) {
    assert_eq!(is_this_machine(&parts(peer, headers)), expected, "{peer:?} {headers:?}");
}

const HERE: Option<&str> = Some("127.0.0.1:50000");
const LOCALHOST: (&str, &str) = ("host", "localhost:8876");

#[test]
fn the_connection_begins_here() {
    check(HERE, &[LOCALHOST], true);
    check(Some("[::1]:50000"), &[LOCALHOST], true);
    check(Some("[::ffff:127.0.0.1]:50000"), &[LOCALHOST], true);
    check(Some("192.168.1.9:50000"), &[LOCALHOST], false);
    check(Some("[fe80::1]:50000"), &[LOCALHOST], false);
    check(None, &[LOCALHOST], false);
}

#[test]
fn this_machine_is_called_by_its_own_name() {
    for host in
        ["localhost", "LOCALHOST:8876", "127.0.0.1", "127.0.0.1:8876", "127.4.5.6:1", "[::1]", "[::1]:8876"]
    {
        check(HERE, &[("host", host)], true);
    }
    let others = [
        "192.168.1.2:8876",
        "den.local",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "[fe80::1]:8876",
        "",
    ];
    for host in others {
        check(HERE, &[("host", host)], false);
    }
    check(HERE, &[], false);
}

#[test]
fn nobody_else_is_spoken_for() {
    for name in FORWARDED.iter().copied().chain(["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"])
    {
        check(HERE, &[LOCALHOST, (name, "10.0.0.9")], false);
    }
    let mut old = parts(HERE, &[LOCALHOST]);
    old.version = Version::HTTP_10;
    assert!(!is_this_machine(&old));
}

#[test]
fn a_request_without_the_header_names_its_host_in_its_address() {
    let mut parts = parts(HERE, &[]);
    parts.uri = "http://localhost:8876/chat".parse().expect("an address");
    assert!(is_this_machine(&parts));
    parts.uri = "http://192.168.1.2:8876/chat".parse().expect("an address");
    assert!(!is_this_machine(&parts));
}
