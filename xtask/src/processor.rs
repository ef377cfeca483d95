//! Native code is compiled for the processor of this machine, as `server/engine/processor.cmake` says. A build folder
//! that came from a machine with another one (a restored cache, a moved disk) holds code that may not run here, one
//! from before that file changed holds slower code, and cargo does not know either.

use std::fs;

use crate::fail::{About, Result};
use crate::paths;
use crate::run::Run;

/// The instruction sets that builds use where they are there.
pub(crate) fn instructions() -> Vec<&'static str> {
    architecture::instructions()
}

/// Makes cargo build the native library again where it was built for another processor or in another way.
pub(crate) fn forget_builds_for_others() -> Result<()> {
    let note = paths::target().join("xtask").join("processor.txt");
    let recipe = paths::root().join("server").join("engine").join("processor.cmake");
    let ours = format!("{}\n\n{}", instructions().join(" "), fs::read_to_string(&recipe).about(&recipe)?);
    if fs::read_to_string(&note).is_ok_and(|built_for| built_for == ours) {
        return Ok(());
    }
    for profile in ["dev", "release"] {
        Run::cargo()
            .args(["clean", "--quiet", "--package", "llama-cpp-sys-2", "--profile", profile])
            .run()?;
    }
    let folder = note.with_file_name("");
    fs::create_dir_all(&folder).about(&folder)?;
    fs::write(&note, ours).about(&note)
}

/// Keeps the names of those that are detected.
macro_rules! present {
    ($detected:ident: $($name:tt)*) => {
        [$(($name, std::arch::$detected!($name))),*]
            .into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect()
    };
}

#[cfg(target_arch = "x86_64")]
mod architecture {
    pub(super) fn instructions() -> Vec<&'static str> {
        present!(is_x86_feature_detected:
            "avx" "avx2" "fma" "f16c" "bmi2" "avx512f" "avx512bw" "avx512vl" "avx512vbmi" "avx512vnni" "avx512bf16"
            "avxvnni")
    }
}

#[cfg(target_arch = "aarch64")]
mod architecture {
    pub(super) fn instructions() -> Vec<&'static str> {
        present!(is_aarch64_feature_detected: "dotprod" "fp16" "i8mm" "bf16" "sve" "sve2" "sme")
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod architecture {
    pub(super) fn instructions() -> Vec<&'static str> {
        Vec::new()
    }
}
