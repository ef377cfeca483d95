//! Starting servers that are programs.

use super::McpError;
use std::{
    collections::VecDeque,
    ffi::OsString,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, ChildStdin, ChildStdout, Command},
};
use types::secret::Secret;

/// Makes the command for a program: with piped input and outputs, and one that ends when its handle is dropped.
pub type StartProcess = fn(&Path) -> Command;

const MAX_LAST_WORDS_BYTES: usize = 4 << 10;

/// What programs need to find themselves and each other. No key of this server's environment is among it.
const KEPT: &[&str] = &[
    "APPDATA",
    "COMSPEC",
    "HOME",
    "HOMEDRIVE",
    "HOMEPATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LOCALAPPDATA",
    "LOGNAME",
    "PATH",
    "PATHEXT",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "PROGRAMFILES(X86)",
    "SHELL",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "TZ",
    "USER",
    "USERNAME",
    "USERPROFILE",
    "WINDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
];

/// How programs are started. Cheap to clone.
#[derive(Clone)]
pub struct Launcher {
    start: StartProcess,
    environment: Arc<Vec<(OsString, OsString)>>,
}

impl Launcher {
    /// With the environment of this process, of which programs get only what every program needs.
    pub fn new(start: StartProcess, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let is_kept = |name: &OsString| {
            name.to_str().is_some_and(|it| KEPT.contains(&it.to_ascii_uppercase().as_str()))
        };
        let environment = environment.into_iter().filter(|(name, _)| is_kept(name)).collect();
        Self { start, environment: Arc::new(environment) }
    }

    pub(super) fn start(
        &self,
        program: &str,
        arguments: &[String],
        environment: &[(String, Secret)],
        last_words: &LastWords,
    ) -> Result<(Child, ChildStdout, ChildStdin), McpError> {
        let failed = |reason: String| McpError::Start { program: crate::shown::line(program), reason };
        let mut command = (self.start)(Path::new(program));
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.envs(environment.iter().map(|(name, value)| (name, value.expose())));
        let mut child = command.args(arguments).spawn().map_err(|err| failed(err.kind().to_string()))?;
        if let Some(log) = child.stderr.take() {
            last_words.follow(log);
        }
        match (child.stdout.take(), child.stdin.take()) {
            (Some(output), Some(input)) => Ok((child, output, input)),
            _ => Err(failed("it has no input and output".to_owned())),
        }
    }
}

/// The end of what a program has logged.
#[derive(Clone, Default)]
pub(super) struct LastWords(Arc<Mutex<VecDeque<u8>>>);

impl LastWords {
    pub(super) fn text(&self) -> String {
        let bytes: Vec<u8> = self.lock().iter().copied().collect();
        crate::shown::text(&String::from_utf8_lossy(&bytes), MAX_LAST_WORDS_BYTES)
    }

    /// Reads until the program ends: one whose log nobody reads stops when the pipe is full.
    fn follow(&self, mut log: impl AsyncRead + Unpin + Send + 'static) {
        let words = self.clone();
        tokio::spawn(async move {
            let mut buffer = [0; 1024];
            while let Ok(n @ 1..) = log.read(&mut buffer).await {
                words.add(&buffer[..n]);
            }
        });
    }

    fn add(&self, bytes: &[u8]) {
        let mut kept = self.lock();
        kept.extend(bytes);
        let surplus = kept.len().saturating_sub(MAX_LAST_WORDS_BYTES);
        kept.drain(..surplus);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
