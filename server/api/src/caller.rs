//! Which program, and whom it speaks for. Nothing that was computed for one of these serves another; turns, and parts of what the
//! machine can do, are the program's, however many it speaks for.

use crate::error::ApiError;
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};
use inference::{Tenant, Who};
use serde::Deserialize;
use serde_json::Value;
use state::is_this_machine;
use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};
use types::ids::{ModelId, UserId};

/// Numbers of people are smaller than those of callers.
const CALLERS: i64 = 1 << 62;

/// Whom a program speaks for, in OpenAI's older and newer fields. Whatever is no text there is passed over.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Names {
    user: Option<Value>,
    safety_identifier: Option<Value>,
    prompt_cache_key: Option<Value>,
}

impl Names {
    /// Who asks counts before what is asked about.
    fn first(&self) -> Option<&str> {
        let names = [&self.safety_identifier, &self.user, &self.prompt_cache_key];
        let name = names.into_iter().find_map(|it| it.as_ref().and_then(Value::as_str));
        name.filter(|name| !name.is_empty())
    }
}

/// Where a request came from, and the key that came with it: this server wants none, but whoever has another key is somebody
/// else. No `Debug`: keys are never written anywhere.
#[derive(Clone, Default)]
pub(crate) struct Caller {
    /// `None`: this machine itself.
    address: Option<IpAddr>,
    key: Option<String>,
}

impl Caller {
    /// Who asks with a request. A program on this machine that names nobody is the person's own; those that name somebody, and have no
    /// key, have one share beside the person's.
    pub(crate) fn who(&self, names: &Names) -> Who {
        let name = names.first();
        Who { share: self.in_turns().number(name, None), tenant: self.number(name, name) }
    }

    /// Over the network turns go to addresses: keys are free, and a program could take a turn for each that it makes up. On this machine, and
    /// behind a proxy here, they are what tells programs apart.
    fn in_turns(&self) -> Self {
        let is_over_network = self.address.is_some_and(|it| !it.is_loopback());
        Self { address: self.address, key: self.key.clone().filter(|_| !is_over_network) }
    }

    /// Refuses models elsewhere to whoever is not at this machine: what they are asked costs its person money, by a key that is theirs.
    pub(crate) fn may_ask(&self, model: Option<&str>) -> Result<(), ApiError> {
        let is_remote = model.is_some_and(|model| ModelId(model.to_owned()).is_remote());
        if is_remote && !self.is_here() { Err(ApiError::only_here()) } else { Ok(()) }
    }

    /// Whether it is a program on this machine.
    pub(crate) fn is_here(&self) -> bool {
        self.address.is_none()
    }

    /// Stands for the program and for `counted`; for the person where nothing but that it runs on this machine is known.
    fn number(&self, name: Option<&str>, counted: Option<&str>) -> Tenant {
        if name.is_none() && self.key.is_none() && self.address.is_none() {
            return Tenant(UserId::LOCAL.0);
        }
        // Lengths keep what is somebody's key apart from what is somebody's name.
        let parts = [self.address.map(|it| it.to_string()), self.key.clone(), counted.map(str::to_owned)];
        let mut hasher = blake3::Hasher::new_derive_key("ChaosEngineAI 2026 who calls the API");
        for part in parts {
            let part = part.unwrap_or_default();
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        let mut bytes = [0; 8];
        hasher.finalize_xof().fill(&mut bytes);
        let number = i64::from_le_bytes(bytes) & (CALLERS - 1);
        Tenant((CALLERS | number).min(Tenant::SERVER.0 - 1))
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self { address: elsewhere(parts), key: key(&parts.headers) })
    }
}

/// Where a request that does not come from this machine itself came from. What is passed on by a proxy here came from that.
fn elsewhere(parts: &Parts) -> Option<IpAddr> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let address = peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |it| it.0.ip().to_canonical());
    (!is_this_machine(parts)).then_some(address)
}

fn key(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests;
