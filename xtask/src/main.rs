//! The project's own commands. `cargo xtask help` lists them.
//!
//! Everything a person or a CI machine does with this project goes through here, so that both do the
//! same. It needs the standard library and two small crates, and builds in seconds.

mod args;
mod bench;
mod check;
mod compiler_cache;
mod coverage;
mod dist;
mod fail;
mod frontend;
mod fuzz;
mod notices;
mod paths;
mod processor;
mod run;
mod say;
mod screenshots;
mod serve;
mod server;
mod setup;
mod sizes;
mod sqlx;
mod test;

use std::process::ExitCode;

use fail::Result;

const HELP: &str = "\
cargo xtask VERB

  serve [--release] [--port N] [--lan] [--open]
                     set up, build, fetch the starter model, serve the web app
  test [--no-browser]
                     set up and run every check and test; what CI runs
  setup              install everything that serve and test need
  bench text [NAME]  our server against llama-server on the same file; writes docs/benchmarks/text.md, or with a
                     name only prints the scenarios that have it in theirs
  bench start        time from start to a served page
  bench search       how well and how fast passages of the manuals are found; writes docs/benchmarks/search.md
  bench pages        how quickly pages open and whether they keep up, in Chromium; writes docs/benchmarks/pages.md
  bench models       how fast a library is looked through, and what loading takes beside what is foretold; writes
                     docs/benchmarks/models.md
  bench lighthouse   Lighthouse scores of the chat page
  fuzz [MINUTES]     throw random bytes at the readers of model files, one minute each unless told otherwise
  screenshots        renew the pictures of the README
  sqlx               renew the offline data of the checked SQL queries
  notices            renew THIRD_PARTY_NOTICES.md from the lock file
  check              print functions and files that have grown long
  dist               a folder with the release for other machines, in target/dist
  help               this text

Tools are kept in a per-user cache (CHAOSENGINE_TOOLS names another place), never in the checkout.";

fn main() -> ExitCode {
    if let Some(code) = coverage::run_as_compiler_wrapper() {
        return code;
    }
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say::failure(&failure);
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Result<()> {
    let mut words = std::env::args_os().skip(1);
    let verb = words.next().map(|word| word.to_string_lossy().into_owned());
    let rest: Vec<_> = words.collect();
    match verb.as_deref() {
        Some("serve") => serve::serve(&args::serve(rest)?),
        Some("test") => test::test(&args::test(rest)?),
        Some("setup") => setup::everything(&args::setup(rest)?),
        Some("bench") => bench::bench(&args::bench(rest)?),
        Some("fuzz") => fuzz::fuzz(rest),
        Some("screenshots") => screenshots::screenshots(),
        Some("sqlx") => sqlx::prepare(),
        Some("notices") => notices::write(),
        Some("check") => check::print_long_code(),
        Some("dist") => dist::dist(),
        None | Some("help" | "--help" | "-h") => {
            say::line(HELP);
            Ok(())
        }
        Some(other) => {
            Err(fail::Failure::new(format!("there is no verb `{other}`")).mend("cargo xtask help"))
        }
    }
}
