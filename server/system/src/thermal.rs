//! How hot the machine is, by what its own sensors call too hot.
//!
//! Each platform has a module with one function, `read`, which blocks for a moment; `None` where nothing is known.

use std::path::Path;
use types::system::Heat;

mod linux;
#[cfg(any(target_os = "macos", test))]
mod macos;
#[cfg(windows)]
mod windows;

/// The state of the hottest part, by the thermal zones in this folder; without one, as the platform tells it.
pub(crate) fn read(zones: Option<&Path>) -> Option<Heat> {
    match zones {
        Some(folder) => linux::read_zones(folder),
        None => platform::read(),
    }
}

#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(target_os = "macos")]
use macos as platform;
#[cfg(windows)]
use windows as platform;

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
mod platform {
    pub(super) fn read() -> Option<super::Heat> {
        None
    }
}

#[cfg(test)]
mod tests;
