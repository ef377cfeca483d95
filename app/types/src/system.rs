//! The machine.

use serde::{Deserialize, Serialize};

/// One look at the machine's load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SystemSample {
    pub memory_used_bytes: u64,
    pub memory_total_bytes: u64,
    /// What programs could still have, caches that would be given up included; 0 where that is not known.
    pub memory_available_bytes: u64,
    /// Where the machine tells.
    pub heat: Option<Heat>,
    /// Of the hottest sensor, in degrees, where the machine tells. Known to the server alone.
    #[serde(skip)]
    pub celsius: Option<f32>,
    /// Over all cores, 0..=100.
    pub cpu_percent: f32,
    /// Empty where the build has no GPU back-end or the machine no GPU.
    pub gpus: Vec<GpuSample>,
}

/// How hot the machine is, by what its own sensors call too hot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heat {
    Nominal,
    /// It has begun to slow down.
    Moderate,
    /// It is about to switch off.
    Critical,
}

/// One GPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GpuSample {
    pub name: String,
    pub memory_used_bytes: u64,
    pub memory_total_bytes: u64,
}
