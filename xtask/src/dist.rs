//! The verb `dist`: one file that runs, with the web app inside.

use crate::fail::{About, Result};
use crate::frontend::Kind;
use crate::{frontend, paths, say, server, setup};

/// Builds the release and copies it to `target/dist` under a name that says what it is for.
pub(crate) fn dist() -> Result<()> {
    let wasm = setup::for_serving()?;
    frontend::build(&wasm, Kind::Release)?;
    let binary = server::build_portable()?;
    let folder = paths::root().join("target").join("dist");
    std::fs::create_dir_all(&folder).about(&folder)?;
    let system = format!("chaosengine-{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let file = folder.join(paths::exe(&system));
    let size = std::fs::copy(&binary, &file).about(&binary)?;
    say::line(&format!("{} ({} MB)", file.display(), size / 1_000_000));
    Ok(())
}
