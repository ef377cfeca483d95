//! Why the program ended, for people and for scripts.

use std::process::ExitCode;
use store::StoreError;

/// `Display` is one sentence; [`Exit::code`] is documented in `--help`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Exit {
    #[error("{0}")]
    Failed(String),
    #[error("{0}")]
    Usage(String),
    #[error("port {port} is taken{}; stop that program, or choose another with --port or --port-search", by(holder.as_deref()))]
    PortTaken { port: u16, holder: Option<String> },
    #[error("{0}")]
    InUse(String),
    #[error("the database {path} cannot be opened: {source}")]
    Database { path: String, source: StoreError },
}

fn by(holder: Option<&str>) -> String {
    holder.map(|holder| format!(" by {holder}")).unwrap_or_default()
}

impl Exit {
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::PortTaken { .. } => 3,
            Self::Database { .. } | Self::InUse(_) => 4,
        })
    }
}
