//! How hot the machine is, by what its own sensors call too hot.
//!
//! Each platform has a module with one function, `read`, which blocks for a moment; `None` where nothing is known.

use types::system::Heat;

#[cfg(any(target_os = "linux", test))]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "its reader is tested everywhere"))]
mod linux;
#[cfg(any(target_os = "macos", test))]
mod macos;
#[cfg(windows)]
mod windows;

/// The state of the hottest part.
pub(crate) fn read() -> Option<Heat> {
    platform::read()
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
