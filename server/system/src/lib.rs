//! The machine: where files lie, how processes start, what the hardware is doing.
//!
//! Paths come from [`paths`] and processes from [`process`], so that what is true of every platform is said once.

pub mod arriving;
pub mod file_manager;
pub mod links;
pub mod names;
pub mod paths;
pub mod private_file;
pub mod process;
pub mod sampler;
mod thermal;

pub use paths::{DataDir, FolderLock, PathError};
pub use sampler::Sampler;

/// Physical cores, at least one: what decoding should use.
pub fn n_physical_cores() -> u32 {
    let cores = sysinfo::System::physical_core_count();
    let logical = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    // In containers and virtual machines the count of cores may exceed what this process may use.
    cores.unwrap_or(logical).min(logical).max(1) as u32
}

/// The processors this process may use, two threads of one core counted apart.
pub fn n_processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| n.get().try_into().unwrap_or(u32::MAX))
}

/// What can be taken of the machine's memory right now, as the system reckons it; what is kept of files only to be quick counts as
/// free.
pub fn available_memory_bytes() -> u64 {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    system.available_memory()
}

/// The machine's memory.
pub fn total_memory_bytes() -> u64 {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    system.total_memory()
}
