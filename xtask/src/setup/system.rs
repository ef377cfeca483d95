//! The system's own packages: installed where that is ours to do, otherwise named with the exact command.

use std::path::Path;

use crate::fail::{Failure, Result};
use crate::run::{self, Run};
use crate::say;

/// One thing to install, by the names that the package managers give it.
pub(crate) struct Package {
    /// What people call it.
    pub(crate) what: &'static str,
    pub(crate) apt: &'static str,
    pub(crate) dnf: &'static str,
    pub(crate) brew: &'static str,
    pub(crate) winget: &'static str,
}

/// The package manager of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manager {
    Apt,
    Dnf,
    Brew,
    Winget,
    Unknown,
}

/// Installs `package` where this process may, and otherwise fails with the command that does.
pub(crate) fn install(package: &Package) -> Result<()> {
    let manager = manager();
    let command = install_command(manager, package);
    let may = manager == Manager::Apt && (is_root() || may_use_sudo());
    if !may {
        return Err(Failure::new(format!("{} is missing", package.what)).mend(command));
    }
    say::step(&format!("{}: {command} (about 1 min)", package.what), || {
        let refreshed = apt("apt-get", ["update", "-qq"]).run_quietly();
        let installed = refreshed.and_then(|()| {
            let names = package.apt.split_whitespace();
            apt("apt-get", ["install", "-y", "-qq", "--no-install-recommends"]).args(names).run_quietly()
        });
        installed.map_err(|_| Failure::new(format!("{} could not be installed", package.what)).mend(&command))
    })
}

/// Whether this is a Debian-like system whose packages we may install ourselves.
pub(super) fn has_apt_rights() -> bool {
    manager() == Manager::Apt && (is_root() || may_use_sudo())
}

/// `apt-get` and its relatives, as root.
pub(super) fn apt<const N: usize>(program: &str, args: [&str; N]) -> Run {
    let run = if is_root() { Run::new(program) } else { Run::new("sudo").args(["-n", program]) };
    run.env("DEBIAN_FRONTEND", "noninteractive").args(args)
}

fn manager() -> Manager {
    let by_program = [
        ("apt-get", Manager::Apt),
        ("dnf", Manager::Dnf),
        ("brew", Manager::Brew),
        ("winget", Manager::Winget),
    ];
    if cfg!(target_os = "macos") {
        return Manager::Brew;
    }
    let found = by_program.into_iter().find(|(program, _)| run::find(program).is_some());
    found.map_or(Manager::Unknown, |(_, manager)| manager)
}

fn install_command(manager: Manager, package: &Package) -> String {
    match manager {
        Manager::Apt => format!("sudo apt-get install -y {}", package.apt),
        Manager::Dnf => format!("sudo dnf install -y {}", package.dnf),
        Manager::Brew => format!("brew install {}", package.brew),
        Manager::Winget => {
            let each = package.winget.split_whitespace().map(|id| format!("winget install --id {id} -e"));
            each.collect::<Vec<_>>().join("; ")
        }
        Manager::Unknown => format!("install {} with this system's package manager", package.apt),
    }
}

fn is_root() -> bool {
    Path::new("/proc").exists() && Run::new("id").arg("-u").output().is_ok_and(|id| id.trim() == "0")
}

/// On a CI machine sudo asks no password and nobody minds; on a person's machine we only say the command.
fn may_use_sudo() -> bool {
    std::env::var_os("CI").is_some() && Run::new("sudo").args(["-n", "true"]).succeeds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_is_told_its_own_command() {
        let package = Package { what: "x", apt: "a b", dnf: "d", brew: "r", winget: "W.One W.Two" };
        let check = |manager, expected: &str| assert_eq!(install_command(manager, &package), expected);
        check(Manager::Apt, "sudo apt-get install -y a b");
        check(Manager::Dnf, "sudo dnf install -y d");
        check(Manager::Brew, "brew install r");
        check(Manager::Winget, "winget install --id W.One -e; winget install --id W.Two -e");
    }
}
