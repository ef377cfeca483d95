//! Python, for what is only published as its packages: a test client, and the starter model where the model hub
//! is out of reach.

use super::system::{Package, install};
use crate::fail::Result;
use crate::run::Run;
use crate::say;

const PYTHON: Package = Package {
    what: "Python with pip and venv",
    apt: "python3 python3-pip python3-venv",
    dnf: "python3 python3-pip",
    brew: "python",
    winget: "Python.Python.3.13",
};

/// Makes sure that packages can be installed into an environment of their own.
pub(crate) fn ensure() -> Result<()> {
    if is_there() {
        say::present("Python with pip");
        return Ok(());
    }
    install(&PYTHON)
}

fn is_there() -> bool {
    let can_import = |name: &&str| Run::new(name).args(["-c", "import pip, venv, ensurepip"]).succeeds();
    ["python3", "python", "py"].iter().any(can_import)
}
