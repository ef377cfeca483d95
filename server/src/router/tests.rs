use super::{DOORS, IMAGE_DOOR, Owner, Scope, in_time};
use axum::{Router, body::Body, extract::Request, http::StatusCode, middleware};
use leptos::server_fn::axum::server_fn_paths;
use std::{collections::BTreeSet, time::Duration};
use tokio::time::sleep;
use tower::Service;

/// The answer of an address that takes so long.
async fn status(path: &str, took: Duration) -> StatusCode {
    let mut router =
        Router::new().fallback(async move || sleep(took).await).layer(middleware::from_fn(in_time));
    let request = Request::builder().uri(path).body(Body::empty()).expect("a request");
    router.call(request).await.expect("an answer").status()
}

#[tokio::test(start_paused = true)]
async fn a_large_image_may_take_its_time_on_the_way() {
    let (page, minute) = ("/rpc/app/pages/chat/api/send_message", Duration::from_secs(60));
    assert_eq!(status(page, Duration::from_secs(20)).await, 200);
    assert_eq!(status(page, minute).await, 503);
    assert_eq!(status(IMAGE_DOOR, 5 * minute).await, 200);
    assert_eq!(status(IMAGE_DOOR, 20 * minute).await, 503);
}

#[test]
fn every_server_function_is_in_the_table() {
    let registered: BTreeSet<_> = server_fn_paths().map(|(path, _)| path).collect();
    let listed: BTreeSet<_> = DOORS.iter().map(|door| door.path).collect();
    assert_eq!(registered, listed);
}

#[test]
fn nothing_of_a_person_is_open_to_anyone() {
    for door in DOORS.iter().filter(|door| door.owner != Owner::Nobody) {
        assert_eq!(door.scope, Scope::Person, "{}", door.path);
    }
    for route in api::ROUTES.iter().filter(|route| !route.needs_person) {
        assert_eq!(route.path, "/health");
    }
}
