//! Puts what is missing on this machine in place. Every part is idempotent and quick when there is nothing to do.

mod browser;
mod cargo_tools;
mod llvm_tools;
mod native;
mod node;
pub(crate) mod python;
mod system;
mod wasm;
mod wasm_debian;

use std::path::PathBuf;

use crate::args;
use crate::fail::Result;
use crate::{processor, say};

pub(crate) use cargo_tools::ensure_fuzz;
pub(crate) use llvm_tools::LlvmTools;
pub(crate) use system::{Package, install};
pub(crate) use wasm::WasmToolchain;

/// What building and serving needs.
pub(crate) fn for_serving() -> Result<WasmToolchain> {
    native::ensure()?;
    processor::forget_builds_for_others()?;
    let wasm = wasm::ensure()?;
    cargo_tools::ensure_leptos()?;
    cargo_tools::ensure_wasm_bindgen()?;
    node::ensure_style()?;
    Ok(wasm)
}

/// What testing needs beyond serving.
pub(crate) struct ForTesting {
    pub(crate) wasm: WasmToolchain,
    pub(crate) llvm: Option<LlvmTools>,
    /// The browser to drive, unless the browser tests are left out.
    pub(crate) browser: Option<PathBuf>,
}

/// What every check and test needs.
pub(crate) fn for_testing(with_browser: bool) -> Result<ForTesting> {
    let wasm = for_serving()?;
    cargo_tools::ensure_nextest()?;
    python::ensure()?;
    let llvm = llvm_tools::find_or_install();
    let browser = if with_browser {
        node::ensure_end2end()?;
        Some(browser::ensure()?)
    } else {
        None
    };
    Ok(ForTesting { wasm, llvm, browser })
}

/// The browser alone, for the measurements that drive it.
pub(crate) fn a_browser() -> Result<PathBuf> {
    node::ensure_end2end()?;
    browser::ensure()
}

/// The verb `setup`.
pub(crate) fn everything(chosen: &args::Setup) -> Result<()> {
    if chosen.wasm_from_debian {
        say::step("wasm toolchain from Debian's packages (about 2 min)", || wasm_debian::build().map(drop))?;
    }
    for_testing(true)?;
    say::line("Everything is in place. Next: cargo xtask serve");
    Ok(())
}
