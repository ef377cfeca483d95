use super::{PromptsError, refusal};
use axum::{
    body::to_bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
};

fn headers(language: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static(language))])
}

#[tokio::test]
async fn why_a_file_is_not_taken_is_told_in_the_readers_language() {
    let check = async |language: &'static str, expected: &str| {
        let response = refusal(&PromptsError::BrokeOff, &headers(language));
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let body = to_bytes(response.into_body(), 1 << 10).await.expect("a body");
        assert_eq!(body, expected, "{language}");
    };
    check("en", "the file could not be looked through").await;
    check("de", "die Datei ließ sich nicht durchsehen").await;
}
