//! The kernel's thermal zones (Documentation/driver-api/thermal/sysfs-api.rst).

use super::Heat;
use std::{fs, path::Path};

#[cfg(target_os = "linux")]
const ZONES: &str = "/sys/class/thermal";
/// So near to the temperature at which the kernel switches the machine off, it is too hot. In thousandths of a degree.
const MARGIN: i64 = 5_000;
/// Firmware writes nonsense where it knows nothing.
const PLAUSIBLE: std::ops::RangeInclusive<i64> = 1_000..=150_000;

#[cfg(target_os = "linux")]
pub(super) fn read() -> Option<Heat> {
    read_zones(Path::new(ZONES))
}

pub(super) fn read_zones(folder: &Path) -> Option<Heat> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let zones = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("thermal_zone"));
    zones.filter_map(|zone| read_zone(&zone.path())).max()
}

fn read_zone(zone: &Path) -> Option<Heat> {
    let number = |name: &str| fs::read_to_string(zone.join(name)).ok()?.trim().parse::<i64>().ok();
    let temperature = number("temp").filter(|it| PLAUSIBLE.contains(it))?;
    let mut heat = None;
    for i in 0.. {
        let Ok(kind) = fs::read_to_string(zone.join(format!("trip_point_{i}_type"))) else { break };
        let trip = number(&format!("trip_point_{i}_temp")).filter(|it| PLAUSIBLE.contains(it));
        let Some(trip) = trip else { continue };
        let reached = match kind.trim() {
            "critical" if temperature >= trip - MARGIN => Heat::Critical,
            "hot" if temperature >= trip => Heat::Critical,
            "passive" if temperature >= trip => Heat::Moderate,
            _ => Heat::Nominal,
        };
        heat = heat.max(Some(reached));
    }
    heat
}
