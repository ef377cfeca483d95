//! Who may talk to this server, and what browsers are told about its answers.
//!
//! Every request must name a host this server answers to (a page of another site that resolves to this machine
//! does not), and every request that changes something or opens a socket must not come from another site's page.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{net::IpAddr, sync::Arc};

/// Host names this server answers to.
#[derive(Clone, Debug)]
pub(crate) struct Hosts {
    names: Arc<Vec<String>>,
    /// Whether any address of this machine is fine: then the server listens on all of them.
    any_address: bool,
}

impl Hosts {
    /// Names besides loopback, and whether the server listens on every address.
    pub(crate) fn new(names: &[String], host: IpAddr) -> Self {
        let mut names: Vec<_> = names.iter().map(|name| name.to_lowercase()).collect();
        names.extend(["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned()]);
        if !host.is_unspecified() {
            names.push(match host {
                IpAddr::V4(host) => host.to_string(),
                IpAddr::V6(host) => format!("[{host}]"),
            });
        }
        Self { names: Arc::new(names), any_address: host.is_unspecified() }
    }

    /// Whether `authority` (a host with or without port) is this server. An address cannot be rebound by a foreign
    /// name server, a name can.
    fn knows(&self, authority: &str) -> bool {
        let host = host_of(authority).to_lowercase();
        let is_address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        self.names.contains(&host) || (self.any_address && is_address)
    }
}

/// The authority without its port.
fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port))
            if port.chars().all(|c| c.is_ascii_digit()) && (!host.contains(':') || host.ends_with(']')) =>
        {
            host
        }
        _ => authority,
    }
}

/// Refuses what this server does not answer to.
pub(crate) async fn check_request(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    match refusal(&hosts, request.method(), request.uri(), request.headers()) {
        Some((status, reason)) => (status, reason).into_response(),
        None => next.run(request).await,
    }
}

fn refusal(
    hosts: &Hosts,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
) -> Option<(StatusCode, &'static str)> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let authority = text(header::HOST).or_else(|| uri.authority().map(|authority| authority.as_str()));
    if !authority.is_some_and(|authority| hosts.knows(authority)) {
        let reason =
            "This server does not answer to that host name. Start it with --name HOST if it should.\n";
        return Some((StatusCode::MISDIRECTED_REQUEST, reason));
    }
    let opens_socket = headers.contains_key(header::UPGRADE);
    if matches!(*method, Method::GET | Method::HEAD) && !opens_socket {
        return None;
    }
    let foreign_origin =
        text(header::ORIGIN).is_some_and(|origin| !is_same_origin(origin, authority.unwrap_or_default()));
    let fetch_site = headers.get("sec-fetch-site").map(|site| site.to_str().unwrap_or("?"));
    let foreign_site = fetch_site.is_some_and(|site| !matches!(site, "same-origin" | "none"));
    if foreign_origin || foreign_site {
        return Some((StatusCode::FORBIDDEN, "Pages of other sites may not use this server.\n"));
    }
    None
}

fn is_same_origin(origin: &str, authority: &str) -> bool {
    let authority_of_origin = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority_of_origin.is_some_and(|of_origin| of_origin.eq_ignore_ascii_case(authority))
}

/// Headers of every answer. A page brings its own content policy; anything else gets one that allows nothing. What does not say
/// otherwise is not kept.
pub(crate) async fn add_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    // What people write is on no browser's disk, and no page comes back as it was. Files say themselves how long they hold.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
