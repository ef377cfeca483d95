//! The ACPI thermal zones, as Windows Management Instrumentation tells them. It tells only administrators on most
//! machines; everybody else knows nothing.

use super::{Heat, Thermal};
use sysinfo::Components;

/// So near to the temperature at which the firmware switches the machine off, it is too hot. In degrees.
const MARGIN: f32 = 5.0;

pub(super) fn read() -> Thermal {
    let components = Components::new_with_refreshed_list();
    let heat = |temperature: f32, critical: f32| match temperature >= critical - MARGIN {
        true => Heat::Critical,
        false => Heat::Nominal,
    };
    let heats = components.iter().filter_map(|it| Some(heat(it.temperature()?, it.critical()?)));
    let hottest = components.iter().filter_map(|it| it.temperature()).max_by(f32::total_cmp);
    Thermal { heat: heats.max(), celsius: hottest }
}
