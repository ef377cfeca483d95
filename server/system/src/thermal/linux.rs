//! The kernel's thermal zones (Documentation/driver-api/thermal/sysfs-api.rst).

use super::{Heat, Thermal};
use std::{fs, path::Path};

#[cfg(target_os = "linux")]
const ZONES: &str = "/sys/class/thermal";
/// So near to the temperature at which the kernel switches the machine off, it is too hot. In thousandths of a degree.
const MARGIN: i64 = 5_000;
/// Firmware writes nonsense where it knows nothing.
const PLAUSIBLE: std::ops::RangeInclusive<i64> = 1_000..=150_000;

#[cfg(target_os = "linux")]
pub(super) fn read() -> Thermal {
    read_zones(Path::new(ZONES))
}

pub(super) fn read_zones(folder: &Path) -> Thermal {
    let Ok(entries) = fs::read_dir(folder) else { return Thermal::default() };
    let zones = entries.flatten().map(|entry| entry.path());
    let zones = zones
        .filter(|zone| zone.file_name().is_some_and(|it| it.to_string_lossy().starts_with("thermal_zone")));
    let measured: Vec<_> = zones.filter_map(|zone| Some((temperature_of(&zone)?, zone))).collect();
    let hottest = measured.iter().map(|(temperature, _)| *temperature).max();
    Thermal {
        heat: measured.iter().filter_map(|(temperature, zone)| heat_of(zone, *temperature)).max(),
        celsius: hottest.map(|thousandths| thousandths as f32 / 1000.0),
    }
}

fn temperature_of(zone: &Path) -> Option<i64> {
    number(zone, "temp").filter(|it| PLAUSIBLE.contains(it))
}

fn number(zone: &Path, name: &str) -> Option<i64> {
    fs::read_to_string(zone.join(name)).ok()?.trim().parse().ok()
}

fn heat_of(zone: &Path, temperature: i64) -> Option<Heat> {
    let mut heat = None;
    for i in 0.. {
        let Ok(kind) = fs::read_to_string(zone.join(format!("trip_point_{i}_type"))) else { break };
        let trip = number(zone, &format!("trip_point_{i}_temp")).filter(|it| PLAUSIBLE.contains(it));
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
