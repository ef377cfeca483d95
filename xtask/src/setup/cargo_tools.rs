//! Tools that are Rust programs themselves, built from crates into the per-user tools folder.

use crate::fail::{About, Failure, Result};
use crate::run::{self, Run};
use crate::{paths, say};

/// Newer ones ask for a newer compiler than this project does.
const LEPTOS_VERSION: &str = "0.3.9";
const FUZZ_VERSION: &str = "0.13.2";
const NEXTEST_VERSION: &str = "0.9.143";

struct CargoTool<'a> {
    package: &'a str,
    version: &'a str,
    program: &'a str,
    /// Whether the versions that its author built it with are taken.
    locked: bool,
    expected: &'a str,
}

/// The tool that builds the web app.
pub(super) fn ensure_leptos() -> Result<()> {
    let present =
        version_of("cargo-leptos", &["--version"]).is_some_and(|text| text.contains(LEPTOS_VERSION));
    let tool = CargoTool {
        package: "cargo-leptos",
        version: LEPTOS_VERSION,
        program: "cargo-leptos",
        locked: true,
        expected: "about 13 min on 2 cores, once",
    };
    ensure(&tool, present)
}

/// wasm-bindgen's program must be of exactly the version of the crate.
pub(super) fn ensure_wasm_bindgen() -> Result<()> {
    let version = locked_version("wasm-bindgen")?;
    let present = version_of("wasm-bindgen", &["--version"]).is_some_and(|text| text.contains(&version));
    let tool = CargoTool {
        package: "wasm-bindgen-cli",
        version: &version,
        program: "wasm-bindgen",
        locked: false,
        expected: "about 3 min on 2 cores, once",
    };
    ensure(&tool, present)
}

/// The test runner; any version that is there will do.
pub(super) fn ensure_nextest() -> Result<()> {
    let present = version_of("cargo-nextest", &["nextest", "--version"]).is_some();
    let tool = CargoTool {
        package: "cargo-nextest",
        version: NEXTEST_VERSION,
        program: "cargo-nextest",
        locked: true,
        expected: "about 8 min on 2 cores, once",
    };
    ensure(&tool, present)
}

/// What drives the fuzzer of the compiler; any version that is there will do.
pub(crate) fn ensure_fuzz() -> Result<()> {
    let present = version_of("cargo-fuzz", &["fuzz", "--version"]).is_some();
    let tool = CargoTool {
        package: "cargo-fuzz",
        version: FUZZ_VERSION,
        program: "cargo-fuzz",
        locked: true,
        expected: "about 2 min on 2 cores, once",
    };
    ensure(&tool, present)
}

fn version_of(program: &str, args: &[&str]) -> Option<String> {
    run::find(program)?;
    Run::new(program).args(args).output().ok()
}

fn ensure(tool: &CargoTool<'_>, present: bool) -> Result<()> {
    if present {
        say::present(tool.program);
        return Ok(());
    }
    let lock: &[&str] = if tool.locked { &["--locked"] } else { &[] };
    let tools = paths::tools()?;
    let title = format!(
        "{}: cargo install {} --version {} ({})",
        tool.program, tool.package, tool.version, tool.expected
    );
    say::step(&title, || {
        // A tool is built once and run for seconds: quick to build beats quick to run.
        Run::cargo()
            .args(["install", "--quiet", "--force", tool.package, "--version", tool.version])
            .args(lock)
            .arg("--root")
            .arg(&tools)
            .env("CARGO_TARGET_DIR", tools.with_file_name("tools-target"))
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
            .run()
    })
}

/// The version of `package` that Cargo.lock names.
pub(crate) fn locked_version(package: &str) -> Result<String> {
    let path = paths::root().join("Cargo.lock");
    let lock = std::fs::read_to_string(&path).about(&path)?;
    version_in_lock(&lock, package).ok_or_else(|| Failure::new(format!("Cargo.lock names no {package}")))
}

fn version_in_lock(lock: &str, package: &str) -> Option<String> {
    let entry = format!("name = \"{package}\"\nversion = \"");
    let lock = lock.replace("\r\n", "\n");
    let after = lock.split_once(&entry)?.1;
    Some(after.split_once('"')?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_says_which_version() {
        let lock = "[[package]]\nname = \"one-two\"\nversion = \"9.9.9\"\n\n[[package]]\nname = \"one\"\nversion = \"1.2.3\"\n";
        assert_eq!(version_in_lock(lock, "one").as_deref(), Some("1.2.3"));
        assert_eq!(version_in_lock(lock, "two"), None);
    }
}
