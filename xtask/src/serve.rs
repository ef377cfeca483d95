//! The verb `serve`: from a fresh checkout to a page that answers.

use crate::args::Serve;
use crate::fail::Result;
use crate::frontend::Kind;
use crate::run::Run;
use crate::{frontend, say, server, setup};

/// Sets up, builds, fetches the starter model and becomes the server.
pub(crate) fn serve(chosen: &Serve) -> Result<()> {
    let wasm = setup::for_serving()?;
    let kind = if chosen.release { Kind::Release } else { Kind::Debug };
    frontend::build(&wasm, kind)?;
    let binary = server::build(chosen.release, |run| run)?;
    say::step("starter model (about 90 MB the first time)", || Run::new(&binary).arg("fetch-starter").run())?;
    say::line(&format!("Serving on http://127.0.0.1:{}", chosen.port));
    let run = Run::new(&binary).args(["serve", "--port", &chosen.port.to_string()]);
    let run = if chosen.lan { run.arg("--lan") } else { run };
    let run = if chosen.open { run.arg("--open") } else { run };
    run.take_over()
}
