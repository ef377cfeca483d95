use super::*;
use axum::body::Body;
use serde_json::{Value, json};

async fn error(status: StatusCode, media_type: &str, said: &'static str) -> Value {
    let response =
        Response::builder().status(status).header("content-type", media_type).header("allow", "POST");
    let response = shaped(response.body(Body::from(said)).expect("a response")).await;
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["allow"], "POST");
    let body = to_bytes(response.into_body(), 1 << 12).await.expect("a body");
    serde_json::from_slice::<Value>(&body).expect("JSON")["error"].clone()
}

#[tokio::test]
async fn what_others_refuse_has_the_shape_of_the_api() {
    let refused =
        error(StatusCode::FORBIDDEN, "text/plain", "Pages of other sites may not use this server.\n").await;
    let message = "Pages of other sites may not use this server.";
    let expected =
        json!({"message": message, "type": "invalid_request_error", "param": null, "code": "forbidden"});
    assert_eq!(refused, expected);
    let large = error(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", "length limit exceeded").await;
    assert_eq!(
        (&large["message"], &large["code"]),
        (&json!("the request is too large or was cut off"), &json!("too_large"))
    );
    let host = error(StatusCode::MISDIRECTED_REQUEST, "text/plain", "Which host?").await;
    assert_eq!((&host["message"], &host["code"]), (&json!("Which host?"), &json!("wrong_host")));
    let page = error(StatusCode::NOT_FOUND, "text/html; charset=utf-8", "<!doctype html>").await;
    assert_eq!((&page["message"], &page["code"]), (&json!("Not Found"), &json!("unknown_url")));
    let failed = error(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "").await;
    assert_eq!((&failed["type"], &failed["code"]), (&json!("server_error"), &json!("failed")));
}
