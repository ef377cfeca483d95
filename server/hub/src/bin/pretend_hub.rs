//! A pretend model hub for journeys through the product: serves a folder of `owner/name/file…` as a hub would.
//!
//! ```text
//! pretend-hub FOLDER [--port PORT] [--faults FILE] [--while-input]
//! ```
//!
//! Prints the hub's address on the first line. With `--while-input` it ends when its input does, else when it is told to. What a repository is like may be said in its
//! `.hub.json` (downloads, likes, trending, last_modified, tags, pipeline, library, token, gguf). What goes wrong is a list
//! such as `[{"repo": "owner/name", "path": "x.gguf", "faults": [{"kind": "slow", "bytes_per_second": 1000000}]}]`, in the file
//! or sent to `/-/faults` later. `/-/seen` tells what was asked.

use anyhow::Context;
use hub::testing::{FileFaults, TestHub};
use std::{
    io::{Read, Write},
    path::PathBuf,
};

/// What was asked for on the command line.
struct Wanted {
    folder: PathBuf,
    port: u16,
    faults: Option<PathBuf>,
    while_input: bool,
}

fn main() -> anyhow::Result<()> {
    let wanted = Wanted::read(lexopt::Parser::from_env())?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(wanted))
}

async fn serve(wanted: Wanted) -> anyhow::Result<()> {
    let hub = TestHub::start_at(wanted.port).await.context("the port is taken")?;
    hub.add_folder(&wanted.folder).with_context(|| format!("reading {}", wanted.folder.display()))?;
    if let Some(path) = &wanted.faults {
        let all: Vec<FileFaults> = serde_json::from_slice(&std::fs::read(path)?)?;
        all.into_iter().for_each(|it| hub.set_faults(&it.repo, &it.path, it.faults));
    }
    let mut output = std::io::stdout();
    writeln!(output, "{}", hub.endpoint())?;
    output.flush()?;
    if !wanted.while_input {
        return Ok(tokio::signal::ctrl_c().await?);
    }
    // Whoever started it keeps the other end of its input; it does not outlive them.
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

impl Wanted {
    fn read(mut arguments: lexopt::Parser) -> anyhow::Result<Self> {
        let (mut folder, mut port, mut faults, mut while_input) = (None, 0, None, false);
        while let Some(argument) = arguments.next()? {
            match argument {
                lexopt::Arg::Long("port") => port = arguments.value()?.to_string_lossy().parse()?,
                lexopt::Arg::Long("faults") => faults = Some(arguments.value()?.into()),
                lexopt::Arg::Long("while-input") => while_input = true,
                lexopt::Arg::Value(value) if folder.is_none() => folder = Some(value.into()),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(Self { folder: folder.context("which folder?")?, port, faults, while_input })
    }
}
