//! Native libraries are compiled once: where ccache is installed, CMake builds go through it.

use crate::processor;
use crate::run::{self, Run};

/// Tells CMake, through cargo, to compile by way of ccache.
pub(crate) fn apply(cargo: &mut Run) {
    if run::find("ccache").is_none() {
        return;
    }
    for name in ["CMAKE_C_COMPILER_LAUNCHER", "CMAKE_CXX_COMPILER_LAUNCHER"] {
        cargo.set_env(name, "ccache");
    }
    // Build folders differ between checkouts and profiles; the objects do not.
    cargo.set_env("CCACHE_NOHASHDIR", "1");
    // Where the compiler is told to find out what the processor has, its arguments do not say what the objects need.
    cargo.set_env("CCACHE_NAMESPACE", processor::instructions().join("-"));
}
