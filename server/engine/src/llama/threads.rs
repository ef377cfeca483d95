//! How many threads compute.

use protocol::LoadRequest;

/// How many threads compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threads {
    /// Tokens of answers: reading the weights takes the time, and that is not faster with two threads of one core.
    pub(crate) decode: u32,
    /// Tokens of prompts, alone or beside those of answers: computing takes the time.
    pub(crate) prefill: u32,
}

impl Threads {
    /// As many as wanted, or else one for each physical core. Without a wish, prompts are computed with as many as answers.
    pub(crate) fn new(n_threads: Option<u32>, n_threads_batch: Option<u32>) -> Self {
        let decode = n_threads.unwrap_or_else(default_threads).max(1);
        Self { decode, prefill: n_threads_batch.map_or(decode, |n| n.max(1)) }
    }

    /// The same number for everything.
    pub(crate) fn all(n: u32) -> Self {
        Self { decode: n, prefill: n }
    }
}

/// The threads that a model is loaded with.
pub(crate) fn threads(request: &LoadRequest) -> Threads {
    Threads::new(request.n_threads, request.n_threads_batch)
}

/// The physical cores this process may use: two threads of one core share the unit that does the work.
pub(crate) fn default_threads() -> u32 {
    let allowed = std::thread::available_parallelism().map_or(1, usize::from);
    let physical = sysinfo::System::physical_core_count().unwrap_or(allowed);
    u32::try_from(physical.min(allowed)).unwrap_or(1)
}
