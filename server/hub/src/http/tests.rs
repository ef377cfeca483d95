use super::{Credentials, HubError, may_follow, problem, retry_after, without_query};
use reqwest::{
    StatusCode, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use types::secret::Secret;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    list.iter().map(pair).collect()
}

#[test]
fn the_token_goes_to_its_own_scheme_host_and_port_only() {
    let credentials = Credentials { place: url("https://hub.test/base"), token: Secret::new("hf_x") };
    let check = |text: &str, expected: bool| {
        let value = credentials.header_for(&url(text)).unwrap();
        assert_eq!(value.is_some(), expected, "{text}");
        assert!(value.is_none_or(|it| it.is_sensitive()));
    };
    check("https://hub.test/other", true);
    check("https://hub.test:443/", true);
    check("https://hub.test:444/", false);
    check("http://hub.test/", false);
    check("https://cdn.hub.test/", false);
    check("https://hub.test.evil/", false);
}

#[test]
fn tokens_that_no_header_can_carry_are_refused() {
    let credentials = Credentials { place: url("https://hub.test"), token: Secret::new("a\nb") };
    let err = credentials.header_for(&url("https://hub.test")).unwrap_err();
    assert!(!err.to_string().contains("a\nb"));
}

#[test]
fn nothing_is_followed_from_https_to_http_or_to_where_a_name_is_given() {
    let check = |target: &str, began_plain: bool, expected: bool| {
        assert_eq!(may_follow(&url(target), began_plain), expected, "{target}");
    };
    check("https://a.test/", false, true);
    check("http://a.test/", false, false);
    check("http://a.test/", true, true);
    check("https://name:word@a.test/", false, false);
    check("file:///etc/passwd", true, false);
    check("ftp://a.test/", true, false);
}

#[test]
fn answers_mean_what_the_hub_means_by_them() {
    let check = |status: u16, list: &[(&'static str, &str)], has_token: bool, expected: HubError| {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(problem(status, &headers(list), has_token, "page".to_owned()), expected);
    };
    let gated = HubError::Gated { page: "page".to_owned() };
    check(404, &[], false, HubError::NotFound);
    check(401, &[("x-error-code", "RepoNotFound")], false, HubError::NotFound);
    check(401, &[("x-error-code", "GatedRepo")], false, gated.clone());
    check(403, &[("x-error-code", "GatedRepo")], true, gated.clone());
    check(401, &[], true, HubError::TokenRefused);
    check(401, &[], false, HubError::NotFound);
    check(403, &[], false, gated);
    check(429, &[("retry-after", "7")], false, HubError::RateLimited { seconds: 7 });
    check(429, &[], false, HubError::RateLimited { seconds: 60 });
    check(503, &[("retry-after", "3")], false, HubError::RateLimited { seconds: 3 });
    check(503, &[], false, HubError::Failed { status: 503 });
    check(418, &[], false, HubError::Failed { status: 418 });
}

#[test]
fn waiting_times_are_seconds_or_dates() {
    assert_eq!(retry_after(&headers(&[("retry-after", " 12 ")])), Some(12));
    assert_eq!(retry_after(&headers(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")])), Some(0));
    assert_eq!(retry_after(&headers(&[("retry-after", "soon")])), None);
    assert_eq!(retry_after(&headers(&[])), None);
}

#[test]
fn addresses_are_kept_without_their_signatures() {
    assert_eq!(without_query(&url("https://a.test/b?Signature=x#y")), "https://a.test/b");
}
