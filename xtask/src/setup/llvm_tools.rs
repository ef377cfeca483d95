//! The two LLVM programs that turn coverage counters into figures. They must be of the compiler's LLVM.

use std::path::{Path, PathBuf};

use super::system::{self, Package};
use crate::run::{self, Run};
use crate::{paths, say};

/// Where the programs are.
pub(crate) struct LlvmTools {
    pub(crate) profdata: PathBuf,
    pub(crate) cov: PathBuf,
}

/// rustup's component first, Debian's packages of the same LLVM next. Coverage is worth having but not worth
/// failing for on a machine that has neither, so there it is left out and said.
pub(crate) fn find_or_install() -> Option<LlvmTools> {
    if let Some(tools) = find() {
        say::present("llvm-cov");
        return Some(tools);
    }
    let _ = say::step("llvm-cov: rustup component add llvm-tools (a few seconds)", || {
        Ok(Run::new("rustup").args(["component", "add", "llvm-tools"]).succeeds())
    });
    if find().is_none() && system::has_apt_rights() {
        let _ = system::install(&Package {
            what: "llvm-cov",
            apt: "llvm-22",
            dnf: "llvm",
            brew: "llvm",
            winget: "LLVM.LLVM",
        });
    }
    let tools = find();
    if tools.is_none() {
        say::line("! coverage is not measured: llvm-cov is missing → rustup component add llvm-tools");
    }
    tools
}

fn find() -> Option<LlvmTools> {
    let version = Run::new("rustc").arg("-vV").output().ok()?;
    let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let sysroot = Run::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    let component = Path::new(sysroot.trim()).join("lib/rustlib").join(field("host: ")?).join("bin");
    let inside = |folder: PathBuf| {
        let tools = LlvmTools {
            profdata: folder.join(paths::exe("llvm-profdata")),
            cov: folder.join(paths::exe("llvm-cov")),
        };
        (tools.profdata.is_file() && tools.cov.is_file()).then_some(tools)
    };
    let llvm = field("LLVM version: ")?;
    let major = llvm.split('.').next()?.to_owned();
    inside(component).or_else(|| {
        let profdata = run::find(format!("llvm-profdata-{major}"))?;
        let cov = run::find(format!("llvm-cov-{major}"))?;
        Some(LlvmTools { profdata, cov })
    })
}
