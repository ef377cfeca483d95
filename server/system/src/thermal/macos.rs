//! What `pmset -g therm` says (pmset(1)).

use super::Heat;
#[cfg(target_os = "macos")]
use super::Thermal;

/// From this warning level on it is too hot.
const CRITICAL_LEVEL: u32 = 3;
/// The scheduler's usual share of the processor, in percent.
const UNLIMITED: u32 = 100;

#[cfg(target_os = "macos")]
pub(super) fn read() -> Thermal {
    let output = crate::process::output(std::path::Path::new("/usr/bin/pmset"), &["-g", "therm"]);
    Thermal { heat: output.map(|output| heat_of(&output)), celsius: None }
}

/// Levels and limits are told once there are some; before, there are none.
pub(super) fn heat_of(output: &str) -> Heat {
    let numbers = |name: &str| {
        let name = name.to_owned();
        output.lines().filter_map(move |line| {
            let line = line.to_lowercase();
            line.split_once(&name)?
                .1
                .split(|it: char| !it.is_ascii_digit())
                .find_map(|word| word.parse::<u32>().ok())
        })
    };
    let level = numbers("thermal warning level").max().unwrap_or(0);
    let limit = numbers("cpu_scheduler_limit").min().unwrap_or(UNLIMITED);
    match level {
        CRITICAL_LEVEL.. => Heat::Critical,
        1.. => Heat::Moderate,
        0 if limit < UNLIMITED => Heat::Moderate,
        0 => Heat::Nominal,
    }
}
