//! Whether a request comes from this machine itself.

use axum::{
    extract::ConnectInfo,
    http::{HeaderMap, Version, header, request::Parts, uri::Authority},
};
use std::net::{IpAddr, SocketAddr};

/// What proxies say of whom they speak for.
const FORWARDED: &[&str] = &["forwarded", "via", "x-real-ip", "x-client-ip", "cf-connecting-ip"];
/// The beginning of what else they say.
const FORWARDED_PREFIX: &str = "x-forwarded-";

/// Whether who asks sits at this machine: the connection begins here, this machine is called by its own name, and nothing shows
/// that it is asked for somebody else.
///
/// Tunnels and plain proxies on this machine say of nobody that they speak for them. What shows them is whom a browser behind
/// them calls, or that they speak the HTTP of before 1997. A program behind one that claims another host is not recognised.
pub fn is_this_machine(parts: &Parts) -> bool {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.is_some_and(|ConnectInfo(peer)| is_loopback(peer.ip()))
        && parts.version >= Version::HTTP_11
        && calls_this_machine(parts)
        && !is_forwarded(&parts.headers)
}

/// Whether the host that is asked for is this machine for whoever asks.
fn calls_this_machine(parts: &Parts) -> bool {
    let named =
        parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let Some(authority) = named.or_else(|| parts.uri.authority().cloned()) else { return false };
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(is_loopback)
}

fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        let name = name.as_str();
        FORWARDED.contains(&name) || name.starts_with(FORWARDED_PREFIX)
    })
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests;
