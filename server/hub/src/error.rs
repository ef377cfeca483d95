//! Why a hub did not give what was asked for.

use std::time::Duration;

/// `Display` is one sentence for a person; it never holds a token or the query of an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HubError {
    /// Nothing was sent.
    #[error(
        "nothing was asked of the model hub, since this machine is set to work offline; switch that off to search and download"
    )]
    Offline,
    #[error(
        "the model hub has nothing of that name, or only for those with access; check the spelling, or add a token that may read it"
    )]
    NotFound,
    /// The owner gives access by hand or for a consent, on that page.
    #[error(
        "the owner shares this model only with people who asked for it; ask for access at {page} and add the token of that account"
    )]
    Gated { page: String },
    #[error(
        "the model hub does not take the token; make a new one with read access and put it into the settings"
    )]
    TokenRefused,
    #[error("the model hub wants fewer requests; try again in {seconds} seconds")]
    RateLimited { seconds: u64 },
    #[error(
        "the model hub at {host} does not answer; check the connection and the hub's address, then try again"
    )]
    Unreachable { host: String },
    #[error(
        "the model hub answered with status {status}, which it does when it is out of order; try again later"
    )]
    Failed { status: u16 },
    /// An answer or an input that is not used, and what about it.
    #[error("{0}")]
    Unusable(Unusable),
}

/// What cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error("the address of the model hub is none; give one like https://huggingface.co")]
    Endpoint,
    #[error("what was searched for is too long or has characters that a hub does not know; shorten it")]
    Search,
    #[error("the list cannot go on from there, since that place belongs to another hub; search again")]
    Cursor,
    #[error(
        "the model hub sent more than is read at once; narrow the search or look at the repository's page"
    )]
    TooLarge,
    #[error("the model hub sent something that is no answer to the question; check the hub's address")]
    Answer,
    #[error(
        "the model hub sends elsewhere too often, or to where nothing is fetched from (such as from https to http); check the hub's address"
    )]
    Redirect,
    #[error("the token has characters that no token has; copy it again")]
    Token,
}

impl From<Unusable> for HubError {
    fn from(what: Unusable) -> Self {
        Self::Unusable(what)
    }
}

impl HubError {
    /// Whether the same request may succeed without anybody changing anything.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::Unreachable { .. } => true,
            Self::Failed { status } => *status >= 500 || *status == 408,
            _ => false,
        }
    }

    /// How long the hub asked to wait.
    pub(crate) fn wait(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { seconds } => Some(Duration::from_secs(*seconds)),
            _ => None,
        }
    }
}
