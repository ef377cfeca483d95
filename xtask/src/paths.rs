//! Where things are: the checkout, the per-user cache, the build folders.

use std::env;
use std::path::{Path, PathBuf};

use crate::fail::{About, Failure, Result};

/// The root of the checkout that cargo runs us for. Checkouts that share a build folder also share this program,
/// so where it was compiled says nothing.
pub(crate) fn root() -> PathBuf {
    let here = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = here.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    here.parent().map_or_else(|| here.clone(), Path::to_path_buf)
}

/// The per-user cache of this project; survives the checkout.
pub(crate) fn cache() -> Result<PathBuf> {
    platform::user_cache()
        .map(|folder| folder.join("chaosengine"))
        .ok_or_else(|| Failure::new("the home directory is not known").mend("set HOME"))
}

/// Where tools are installed: `bin` in it is searched before everything else.
pub(crate) fn tools() -> Result<PathBuf> {
    match env::var_os("CHAOSENGINE_TOOLS") {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => Ok(cache()?.join("tools")),
    }
}

/// Cargo's build folder.
pub(crate) fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// The built web app: always in the checkout, because the server embeds it from there.
pub(crate) fn site() -> PathBuf {
    root().join("target").join("site")
}

/// A scratch folder of ours inside the build folder, emptied first.
pub(crate) fn fresh(name: &str) -> Result<PathBuf> {
    let folder = target().join("xtask").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).about(&folder)?;
    }
    std::fs::create_dir_all(&folder).about(&folder)?;
    Ok(folder)
}

/// `name` with the ending that programs have on this system.
pub(crate) fn exe(name: &str) -> String {
    format!("{name}{}", env::consts::EXE_SUFFIX)
}

#[cfg(target_os = "macos")]
mod platform {
    use std::path::PathBuf;
    pub(super) fn user_cache() -> Option<PathBuf> {
        std::env::var_os("HOME").map(|home| PathBuf::from(home).join("Library").join("Caches"))
    }
}

#[cfg(windows)]
mod platform {
    use std::path::PathBuf;
    pub(super) fn user_cache() -> Option<PathBuf> {
        std::env::var_os("LOCALAPPDATA").map(PathBuf::from)
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
mod platform {
    use std::path::PathBuf;
    pub(super) fn user_cache() -> Option<PathBuf> {
        let set = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        set.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
    }
}
