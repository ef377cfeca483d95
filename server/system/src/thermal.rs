//! How hot the machine is, by what its own sensors call too hot, and in degrees.
//!
//! Each platform has a module with one function, `read`, which blocks for a moment; nothing where nothing is known.

use std::path::Path;
use types::system::Heat;

mod linux;
#[cfg(any(target_os = "macos", test))]
mod macos;
#[cfg(any(windows, test))]
mod windows;

/// What the sensors tell, each on its own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Thermal {
    pub(crate) heat: Option<Heat>,
    /// Of the hottest part, in degrees.
    pub(crate) celsius: Option<f32>,
}

/// The state of the hottest part, by the thermal zones in this folder; without one, as the platform tells it.
pub(crate) fn read(zones: Option<&Path>) -> Thermal {
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
    pub(super) fn read() -> super::Thermal {
        super::Thermal::default()
    }
}

#[cfg(test)]
mod tests;
