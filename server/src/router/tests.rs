use super::{DOORS, IMAGE_DOOR, Owner, Scope, for_build, in_time};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, Uri},
    middleware,
};
use leptos::server_fn::axum::server_fn_paths;
use std::{collections::BTreeSet, time::Duration};
use tokio::time::sleep;
use tower::{Service, ServiceExt};

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

/// What a server of the build `ours` answers to a call of `path`: the address that it looks at, or a refusal.
async fn check(ours: &str, path: &str, expected: Result<&str, StatusCode>) {
    let routes = Router::new().route(
        "/rpc/app/pages/chat/api/act_on_session",
        axum::routing::get(|at: Uri| async move { at.to_string() }),
    );
    let request = Request::get(path).body(Body::empty()).unwrap();
    let reply = for_build(routes, ours.into()).oneshot(request).await.unwrap();
    let status = reply.status();
    let body = to_bytes(reply.into_body(), 1_000).await.unwrap();
    match expected {
        Ok(at) => assert_eq!((status, &*body), (StatusCode::OK, at.as_bytes()), "{path}"),
        Err(refused) => assert_eq!(status, refused, "{path}"),
    }
    if status == StatusCode::CONFLICT {
        // What pages of every build read as this.
        assert_eq!(&*body, [0]);
    }
}

#[tokio::test]
async fn a_page_of_another_build_is_refused() {
    const DOOR: &str = "/rpc/app/pages/chat/api/act_on_session";
    check("b1", &format!("/build/b1{DOOR}"), Ok(DOOR)).await;
    check("b1", &format!("/build/b1{DOOR}?a=b%20c"), Ok(&format!("{DOOR}?a=b%20c"))).await;
    check("b1", &format!("/build/b0{DOOR}"), Err(StatusCode::CONFLICT)).await;
    check("b1", &format!("/build/{DOOR}"), Err(StatusCode::CONFLICT)).await;
    check("b1", &format!("/build/b0/b1{DOOR}"), Err(StatusCode::CONFLICT)).await;
    // Forms that are sent without scripting.
    check("b1", DOOR, Ok(DOOR)).await;
    // What the server has no files of is of any build.
    check("", &format!("/build/b1{DOOR}"), Ok(DOOR)).await;
    check("b1", "/build/b1/elsewhere", Err(StatusCode::NOT_FOUND)).await;
    check("b1", "/build/b1/rpc/app/nothing", Err(StatusCode::NOT_FOUND)).await;
}
