//! The ACPI thermal zones, as Windows Management Instrumentation tells them. It tells only administrators on most
//! machines; everybody else knows nothing.

use super::{Heat, Thermal};

/// So near to the temperature at which the firmware switches the machine off, it is too hot. In degrees.
const MARGIN: f32 = 5.0;
/// Firmware writes nonsense where it knows nothing.
const PLAUSIBLE: std::ops::RangeInclusive<f32> = 1.0..=150.0;

/// What one zone tells, in degrees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Zone {
    pub(super) temperature: Option<f32>,
    /// At which the firmware switches the machine off.
    pub(super) critical: Option<f32>,
}

#[cfg(windows)]
pub(super) fn read() -> Thermal {
    let components = sysinfo::Components::new_with_refreshed_list();
    let zones = components.iter().map(|it| Zone { temperature: it.temperature(), critical: it.critical() });
    of_zones(&zones.collect::<Vec<_>>())
}

/// What the zones mean together.
pub(super) fn of_zones(zones: &[Zone]) -> Thermal {
    let plausible = |degrees: Option<f32>| degrees.filter(|it| PLAUSIBLE.contains(it));
    let heat = |zone: &Zone| match plausible(zone.temperature)? >= plausible(zone.critical)? - MARGIN {
        true => Some(Heat::Critical),
        false => Some(Heat::Nominal),
    };
    Thermal {
        heat: zones.iter().filter_map(heat).max(),
        celsius: zones.iter().filter_map(|zone| plausible(zone.temperature)).max_by(f32::total_cmp),
    }
}
