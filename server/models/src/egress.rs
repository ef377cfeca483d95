//! The only way out: every request to another machine starts here, and only because somebody asked for it.

use std::time::Duration;

/// An unreachable host is known soon; a slow one may take its time.
const CONNECT: Duration = Duration::from_secs(8);
const NAME: &str = concat!("ChaosEngineAI/", env!("CARGO_PKG_VERSION"));
const SILENCE: Duration = Duration::from_secs(30);

/// A client that gives up on silence, not on size.
#[expect(clippy::disallowed_methods, reason = "this is the module for outbound HTTP")]
pub(crate) fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().read_timeout(SILENCE).connect_timeout(CONNECT).user_agent(NAME).build()
}

/// Likewise for what follows redirections itself and looks after silence itself.
#[expect(clippy::disallowed_methods, reason = "this is the module for outbound HTTP")]
pub(crate) fn client_that_stays() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(NAME)
        .build()
}
