use super::*;
use axum::{
    Router,
    body::to_bytes,
    middleware,
    response::sse::{Event, Sse},
    routing::get,
};
use futures::{channel::mpsc, stream::Stream};
use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};
use tokio::time::Instant;
use tower::Service;

const GRACE: Duration = Duration::from_secs(5);

/// A server that answers with what `events` says.
fn server(under_way: &UnderWay, events: impl Stream<Item = Event> + Send + 'static) -> Router {
    let events = Mutex::new(Some(events.map(Ok::<_, Infallible>)));
    let answer = move || {
        let events = events.lock().expect("nobody panicked").take().expect("one request");
        async move { Sse::new(events) }
    };
    let answer = Arc::new(answer);
    Router::new()
        .route("/", get(move || answer()))
        .layer(middleware::from_fn_with_state(under_way.clone(), count))
}

async fn ask(router: &mut Router) -> Response {
    router.call(Request::builder().body(Body::empty()).expect("a request")).await.expect("an answer")
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_a_stream_until_its_last_event() {
    let under_way = UnderWay::default();
    let (mut events, said) = mpsc::channel(1);
    let response = ask(&mut server(&under_way, said)).await;
    let reading = tokio::spawn(to_bytes(response.into_body(), 1 << 10));
    let ended = under_way.end(GRACE);
    tokio::pin!(ended);
    assert!(timeout(Duration::from_secs(1), &mut ended).await.is_err());
    events.try_send(Event::default().data("late")).expect("somebody reads");
    drop(events);
    timeout(Duration::from_secs(1), ended).await.expect("it has ended");
    let text = reading.await.expect("no panic").expect("a body");
    assert_eq!(text, "data: late\n\n");
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_nobody_who_left_and_not_forever() {
    let under_way = UnderWay::default();
    let (_events, said) = mpsc::channel(1);
    let response = ask(&mut server(&under_way, said)).await;
    let begun = Instant::now();
    under_way.end(GRACE).await;
    assert!(begun.elapsed() >= GRACE);
    drop(response);
    let left = Instant::now();
    under_way.end(GRACE).await;
    assert!(left.elapsed() < GRACE);
}
