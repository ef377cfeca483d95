//! The file manager of this machine's desktop.

use crate::process;
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// One that runs longer has shown its window. Tests wait for its end, which a busy machine puts off.
const WAIT: Duration = Duration::from_secs(if cfg!(test) { 30 } else { 5 });

/// Opens the file manager where `path` is. An error where this machine has none, or nobody sits at it.
pub async fn reveal(path: &Path) -> io::Result<()> {
    let (program, arguments) = platform::reveal(path);
    open(&program, &arguments).await
}

async fn open(program: &Path, arguments: &[OsString]) -> io::Result<()> {
    let mut command = process::command(program);
    // The window stays when this is done.
    let mut child = command.kill_on_drop(false).args(arguments).spawn()?;
    match tokio::time::timeout(WAIT, child.wait()).await {
        Ok(Ok(status)) if !status.success() && platform::SAYS_HOW_IT_WENT => {
            Err(io::Error::other("it could not be opened"))
        }
        Ok(Err(err)) => Err(err),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}

#[cfg(target_os = "macos")]
mod platform {
    use super::{OsString, Path, PathBuf};

    pub(super) const SAYS_HOW_IT_WENT: bool = true;

    pub(super) fn reveal(path: &Path) -> (PathBuf, Vec<OsString>) {
        (PathBuf::from("/usr/bin/open"), vec!["-R".into(), path.into()])
    }
}

#[cfg(windows)]
mod platform {
    use super::{OsString, Path, PathBuf};

    /// It ends with 1 in any case.
    pub(super) const SAYS_HOW_IT_WENT: bool = false;

    pub(super) fn reveal(path: &Path) -> (PathBuf, Vec<OsString>) {
        let mut select = OsString::from("/select,");
        select.push(path);
        (PathBuf::from("explorer.exe"), vec![select])
    }
}

#[cfg(not(any(target_os = "macos", windows)))]
mod platform {
    use super::{OsString, Path, PathBuf};

    pub(super) const SAYS_HOW_IT_WENT: bool = true;

    pub(super) fn reveal(path: &Path) -> (PathBuf, Vec<OsString>) {
        // It opens folders, and would start files.
        let folder = path.parent().unwrap_or(path);
        (PathBuf::from("xdg-open"), vec![folder.into()])
    }
}

#[cfg(all(test, unix))]
mod tests;
