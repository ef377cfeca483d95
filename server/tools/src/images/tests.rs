use super::*;
use crate::egress::tests::{egress_to, serve};
use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode},
    response::Redirect,
    routing::post,
};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nthe rest of it";

fn router() -> Router {
    let openai = |headers: HeaderMap, Json(asked): Json<Value>| async move {
        if headers.get("authorization").is_none_or(|it| it != "Bearer abc") {
            return (StatusCode::UNAUTHORIZED, Json(Value::Null));
        }
        assert_eq!(asked["prompt"], "a pond with newts");
        let is_plain = asked["model"] == "gpt-image-1";
        assert_eq!(asked.get("response_format").is_none(), is_plain);
        assert_eq!(asked["size"], if is_plain { "512x512" } else { "768x512" });
        (StatusCode::OK, Json(json!({"data": [{"b64_json": BASE64_STANDARD.encode(PNG)}]})))
    };
    let a1111 = |Json(asked): Json<Value>| async move {
        assert_eq!((&asked["width"], &asked["height"]), (&json!(512), &json!(768)));
        Json(
            json!({"images": [format!("data:image/png;base64,{}", BASE64_STANDARD.encode(PNG))], "info": ""}),
        )
    };
    let gives = |reply: Value| post(move || async move { Json(reply) });
    Router::new()
        .route("/v1/images/generations", post(openai))
        .route("/sdapi/v1/txt2img", post(a1111))
        .route("/none/sdapi/v1/txt2img", gives(json!({"images": []})))
        .route("/text/sdapi/v1/txt2img", gives(json!({"images": [BASE64_STANDARD.encode("<svg/>")]})))
        .route("/odd/sdapi/v1/txt2img", gives(json!({"images": ["?"]})))
        .route("/page/sdapi/v1/txt2img", post(|| async { "<html>the secret of the house" }))
        .route(
            "/picky/sdapi/v1/txt2img",
            post(|| async { (StatusCode::BAD_REQUEST, "the secret of the house") }),
        )
        .route("/moved/sdapi/v1/txt2img", post(|| async { Redirect::temporary("/sdapi/v1/txt2img") }))
        .route("/flood/sdapi/v1/txt2img", post(|| async { "x".repeat(MAX_REPLY_BYTES + 1) }))
        .route("/link/v1/images/generations", gives(json!({"data": [{"url": "http://elsewhere/a.png"}]})))
}

async fn made(service: impl FnOnce(&str) -> Service, shape: Shape) -> Result<Answer, Failure> {
    let address = serve(router()).await;
    let tool = GenerateImage { egress: egress_to(&address), service: service(&address), side: 512 };
    tool.generate(Asked { prompt: " a pond with newts ".to_owned(), shape }).await
}

fn openai(path: &'static str, model: &'static str, key: &'static str) -> impl FnOnce(&str) -> Service {
    move |address| Service::OpenAi {
        address: openai::images_address(&format!("{address}{path}")).unwrap(),
        model: model.to_owned(),
        key: Secret::new(key),
    }
}

fn a1111(path: &'static str) -> impl FnOnce(&str) -> Service {
    move |address| Service::A1111 { address: a1111::images_address(&format!("{address}{path}")).unwrap() }
}

async fn check_made(service: impl FnOnce(&str) -> Service, shape: Shape, expected: &str) {
    let answer = made(service, shape).await.unwrap();
    assert_eq!(answer.images, [ImageFile::new(PNG)]);
    assert_eq!(answer.shown, expected);
}

async fn check_failure(service: impl FnOnce(&str) -> Service, expected: &str, known: &str) {
    let failure = made(service, Shape::Tall).await.unwrap_err();
    let said = failure.to_string();
    assert!(said.contains(expected), "{said}");
    let found = failure.known().unwrap().written();
    assert!(found.starts_with(known), "{found}");
    assert!(!said.contains("secret of the house"), "{said}");
}

#[tokio::test]
async fn an_image_comes_from_either_api() {
    check_made(openai("/v1/", "sd", "abc"), Shape::Wide, "768 × 512: a pond with newts").await;
    check_made(openai("/v1", "gpt-image-1", "abc"), Shape::Square, "512 × 512: a pond with newts").await;
    check_made(a1111(""), Shape::Tall, "512 × 768: a pond with newts").await;
    check_made(a1111("/sdapi/v1/txt2img?x=1"), Shape::Tall, "512 × 768: a pond with newts").await;
}

#[tokio::test]
async fn what_is_no_image_is_told_without_what_the_server_sent() {
    check_failure(openai("/v1", "sd", "wrong"), "does not take the key", "key_refused").await;
    check_failure(openai("/link/v1", "sd", ""), "an address instead of an image", "no_image").await;
    check_failure(a1111("/none"), "made no image", "no_image").await;
    check_failure(a1111("/text"), "of a kind that is not known", "image_unusable").await;
    check_failure(a1111("/odd"), "something else than an image", "no_image").await;
    check_failure(a1111("/page"), "something else than an image", "no_image").await;
    check_failure(a1111("/picky"), "does not take this order", "image_order").await;
    check_failure(a1111("/moved"), "answered with status 307", "host_status 307").await;
    check_failure(a1111("/flood"), "more than an image", "no_image").await;
    check_failure(a1111("/nowhere"), "answered with status 404", "host_status 404").await;
}

#[tokio::test]
async fn nothing_but_an_address_of_the_web_is_taken() {
    for address in ["file:///etc/passwd", "localhost:7860", "http://me:word@host", ""] {
        let service = ImageService::A1111 { address: address.to_owned(), side: 512 };
        assert!(GenerateImage::tool(&service).is_err(), "{address}");
    }
}
