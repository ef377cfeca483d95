//! Looking up names for connections, and giving them only addresses that were checked.

use super::{EgressError, address};
use futures::{FutureExt, future::BoxFuture};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;

type Found = BoxFuture<'static, std::io::Result<Vec<IpAddr>>>;

/// Turns a name into addresses.
#[derive(Clone)]
pub(super) struct Lookup(Arc<dyn Fn(String) -> Found + Send + Sync>);

impl Lookup {
    pub(super) fn new(find: impl Fn(String) -> Found + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }

    /// As every program of this machine does it.
    pub(super) fn system() -> Self {
        Self::new(|name| {
            async move {
                let found = tokio::net::lookup_host((name, 0)).await?;
                Ok(found.map(|it| it.ip()).take(MAX_ADDRESSES).collect())
            }
            .boxed()
        })
    }
}

pub(super) struct Guard {
    pub(super) lookup: Lookup,
    pub(super) only_public: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let found = (self.lookup.0)(name.clone());
        let only_public = self.only_public;
        Box::pin(async move {
            let found = found.await.unwrap_or_default();
            let found = check(&name, found, only_public)?;
            let found = found.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(found) as Addrs)
        })
    }
}

/// A name with one inner address among others is one that tries something.
fn check(name: &str, found: Vec<IpAddr>, only_public: bool) -> Result<Vec<IpAddr>, EgressError> {
    let name = || crate::shown::line(name);
    if found.is_empty() {
        return Err(EgressError::NoSuchHost(name()));
    }
    if only_public && !found.iter().all(|ip| address::is_public(*ip)) {
        return Err(EgressError::Private(name()));
    }
    Ok(found)
}
