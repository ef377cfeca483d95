//! The machine.

use serde::{Deserialize, Serialize};

/// One look at the machine's load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SystemSample {
    pub memory_used_bytes: u64,
    pub memory_total_bytes: u64,
    /// Over all cores, 0..=100.
    pub cpu_percent: f32,
    /// Empty where the build has no GPU back-end or the machine no GPU.
    pub gpus: Vec<GpuSample>,
}

/// One GPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GpuSample {
    pub name: String,
    pub memory_used_bytes: u64,
    pub memory_total_bytes: u64,
}
