//! Looks at the machine's load, seldom and off the runtime.

use crate::thermal::{self, Thermal};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::Duration,
};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};
use types::system::SystemSample;

/// Load is a trend; looking more often would be load itself.
const INTERVAL: Duration = Duration::from_secs(2);
/// Heat changes slowly, and on some platforms asking for it starts a process: only every so many looks.
const LOOKS_PER_HEAT: u32 = 5;

/// The newest look at the machine. Cheap to clone; its thread ends with the last clone.
#[derive(Clone, Debug)]
pub struct Sampler {
    latest: Arc<Mutex<SystemSample>>,
}

impl Sampler {
    /// Starts looking; how hot the machine is, by the thermal zones in a folder where one is given. Without a thread (the system
    /// refuses one) the first look stays.
    pub fn start(zones: Option<PathBuf>) -> Self {
        let mut system = System::new_with_specifics(kinds());
        let latest = Arc::new(Mutex::new(look(&mut system, Thermal::default())));
        let watched = Arc::downgrade(&latest);
        let started = thread::Builder::new()
            .name("system-sampler".into())
            .spawn(move || keep_looking(system, zones.as_deref(), &watched));
        if let Err(err) = started {
            tracing::warn!(error = %err, "the machine's load will not be shown: no thread");
        }
        Self { latest }
    }

    /// At most a few seconds old.
    pub fn latest(&self) -> SystemSample {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn keep_looking(mut system: System, zones: Option<&Path>, watched: &Weak<Mutex<SystemSample>>) {
    let mut thermal = Thermal::default();
    for n in 0_u32.. {
        if n.is_multiple_of(LOOKS_PER_HEAT) {
            thermal = thermal::read(zones);
        }
        thread::sleep(INTERVAL);
        let sample = look(&mut system, thermal);
        let Some(latest) = watched.upgrade() else { return };
        *latest.lock().unwrap_or_else(PoisonError::into_inner) = sample;
    }
}

fn look(system: &mut System, thermal: Thermal) -> SystemSample {
    system.refresh_specifics(kinds());
    SystemSample {
        memory_used_bytes: system.used_memory(),
        memory_total_bytes: system.total_memory(),
        memory_available_bytes: system.available_memory(),
        heat: thermal.heat,
        celsius: thermal.celsius,
        cpu_percent: system.global_cpu_usage(),
        gpus: Vec::new(),
    }
}

fn kinds() -> RefreshKind {
    RefreshKind::nothing()
        .with_memory(MemoryRefreshKind::nothing().with_ram())
        .with_cpu(CpuRefreshKind::nothing().with_cpu_usage())
}
