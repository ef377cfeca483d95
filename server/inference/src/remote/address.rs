//! Where a server's API is.

use reqwest::Url;
use std::{fmt, net::IpAddr};
use types::remote::MAX_REMOTE_ADDRESS_BYTES;

/// What all addresses of an API begin with: no credentials, no query, and a path that ends in `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// Why an address cannot be used. Each sentence says what is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("an address is like https://api.example.com/v1")]
    NoUrl,
    #[error("an address begins with https:// or http://")]
    Scheme,
    #[error("an address has at most {MAX_REMOTE_ADDRESS_BYTES} bytes")]
    TooLong,
    #[error("the key has a field of its own; an address has no name or password in it")]
    Credentials,
    #[error("an address ends before any “?” or “#”")]
    Query,
}

impl BaseUrl {
    /// Reads what a person entered.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.len() > MAX_REMOTE_ADDRESS_BYTES {
            return Err(AddressError::TooLong);
        }
        let mut url = Url::parse(text).map_err(|_| AddressError::NoUrl)?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(AddressError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::Query);
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self(url))
    }

    /// The host, with the port where it is not the usual one.
    pub fn host(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Whether what is sent there can be read on the way: it leaves the machine unencrypted.
    pub fn is_open(&self) -> bool {
        self.0.scheme() == "http" && !self.is_this_machine()
    }

    /// Whether it names the loopback interface.
    pub(super) fn is_this_machine(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback(),
            Err(_) => host == "localhost" || host.ends_with(".localhost"),
        }
    }

    /// The address of one of the API's functions, for example `chat/completions`.
    pub(super) fn join(&self, function: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{function}", self.0.path()));
        url
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests;
