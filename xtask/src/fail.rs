//! The one error of this program: a sentence, and where there is one the command that mends it.

/// What went wrong and, where known, the exact command that puts it right.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    mend: Option<String>,
}

/// Every fallible function here ends in this.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure nobody can be told a remedy for.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), mend: None }
    }

    /// Adds the command that mends it.
    pub(crate) fn mend(mut self, command: impl Into<String>) -> Self {
        self.mend = Some(command.into());
        self
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.what)?;
        match &self.mend {
            Some(command) => write!(f, " → {command}"),
            None => Ok(()),
        }
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::new(error.to_string()).mend("cargo xtask help")
    }
}

/// Says which file an input or output error was about.
pub(crate) trait About<T> {
    /// Turns the error into a sentence that names `path`.
    fn about(self, path: &std::path::Path) -> Result<T>;
}

impl<T> About<T> for std::io::Result<T> {
    fn about(self, path: &std::path::Path) -> Result<T> {
        self.map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    }
}
