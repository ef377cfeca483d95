use super::*;
use axum::{
    extract::ConnectInfo,
    http::{Request, request::Parts},
};
use futures::executor::block_on;
use std::net::SocketAddr;

fn from(peer: [u8; 4]) -> Parts {
    let (mut parts, ()) =
        Request::builder().header("host", "localhost").body(()).expect("a request").into_parts();
    parts.extensions.insert(ConnectInfo(SocketAddr::from((peer, 50000))));
    parts
}

fn check(peer: [u8; 4], expected: &AppError) {
    let form = || RemoteForm::read(|_| String::new());
    let both = Owner::new().with(|| {
        provide_context(from(peer));
        [block_on(save_remote(form())), block_on(remove_remote("Den".into()))]
    });
    assert_eq!(both, [Err(expected.clone()), Err(expected.clone())], "{peer:?}");
}

#[test]
fn servers_elsewhere_are_for_the_administrator() {
    check([192, 168, 0, 7], &AppError::Forbidden);
    // Let in: what is missing is the application.
    check([127, 0, 0, 1], &AppError::Internal);
}
