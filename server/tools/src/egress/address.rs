//! Which addresses are on the public internet.

use super::EgressError;
use reqwest::Url;
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

const MAX_ADDRESS_BYTES: usize = 2048;
/// The most hosts that can be allowed.
const MAX_ALLOWED: usize = 100;

/// Hosts in networks of one's own that tools may reach nevertheless: each with its port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts(BTreeSet<(String, u16)>);

impl AllowedHosts {
    /// Reads what an administrator entered: addresses like `http://nas.local:8080`, of which host and port count.
    pub fn parse<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Result<Self, EgressError> {
        let hosts = addresses.into_iter().take(MAX_ALLOWED).map(|it| Ok(host_and_port(&web_address(it)?)));
        hosts.collect::<Result<_, _>>().map(Self)
    }

    /// The host of this address alone.
    pub(crate) fn only(url: &Url) -> Self {
        Self(BTreeSet::from([host_and_port(url)]))
    }

    pub(super) fn has(&self, url: &Url) -> bool {
        !self.0.is_empty() && self.0.contains(&host_and_port(url))
    }
}

fn host_and_port(url: &Url) -> (String, u16) {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    (host, url.port_or_known_default().unwrap_or_default())
}

/// Reads an address of a page. Where it may lead is checked when it is asked for.
pub(crate) fn web_address(text: &str) -> Result<Url, EgressError> {
    let bad = || EgressError::Address(crate::shown::line(text));
    if text.len() > MAX_ADDRESS_BYTES {
        return Err(bad());
    }
    let url = Url::parse(text.trim()).map_err(|_| bad())?;
    check(&url)?;
    Ok(url)
}

/// What an administrator entered, with `path` behind what it begins with, whether or not `path` was entered too.
pub(crate) fn address_below(text: &str, path: &str) -> Result<Url, EgressError> {
    let mut url = web_address(text)?;
    url.set_query(None);
    url.set_fragment(None);
    let begin = url.path().trim_end_matches('/').trim_end_matches(path).to_owned();
    url.set_path(&format!("{begin}{path}"));
    Ok(url)
}

pub(super) fn check(url: &Url) -> Result<(), EgressError> {
    let has_host = url.host_str().is_some_and(|host| !host.is_empty());
    if !matches!(url.scheme(), "http" | "https") || !has_host {
        return Err(EgressError::Address(crate::shown::line(url.as_str())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EgressError::Credentials);
    }
    Ok(())
}

/// The host where it is a number. The parser has already turned every way of writing one into the usual one.
pub(super) fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

/// Whether everybody reaches the same machine there. What is not known to be public is not.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

/// Network and length of its prefix, from IANA's registry of special addresses. The last one is a cloud's inner service
/// on an address that looks like any other.
const NOT_PUBLIC_V4: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 3),
    (Ipv4Addr::new(168, 63, 129, 16), 32),
];

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let is_in =
        |(network, length): &(Ipv4Addr, u32)| (ip.to_bits() ^ network.to_bits()) >> (32 - length) == 0;
    !NOT_PUBLIC_V4.iter().any(is_in)
}

/// Networks within the one for global addresses that are special all the same.
const NOT_PUBLIC_V6: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// How networks without IPv4 write an IPv4 address.
const TRANSLATED: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let is_in =
        |(network, length): &(Ipv6Addr, u32)| (ip.to_bits() ^ network.to_bits()) >> (128 - length) == 0;
    if is_in(&TRANSLATED) {
        return is_public_v4(Ipv4Addr::from_bits(ip.to_bits() as u32));
    }
    is_in(&GLOBAL_V6) && !NOT_PUBLIC_V6.iter().any(is_in)
}

#[cfg(test)]
mod tests;
