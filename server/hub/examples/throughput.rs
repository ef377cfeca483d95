//! How fast a file comes, hashed and flushed, compared with `curl` from the same server.
//!
//! ```text
//! cargo run --release -p hub --features testing --example throughput -- FOLDER [MB] [ROUNDS] [MB/S]
//! ```
//!
//! The file is in the server's memory. `curl` neither hashes nor flushes; the second column of it flushes too. Rounds are
//! interleaved, and medians are compared. With a rate, each connection to the server gets no more than that: without one, on
//! one machine, what is compared is how much two processors can do.

use anyhow::{Context, ensure};
use hub::{
    testing::{Fault, PretendRepository, TestHub},
    transfer::{FreeBytes, Limits, Request, download},
};
use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    time::Instant,
};

const REPO: &str = "owner/name";
const FILE: &str = "big.gguf";

/// Seconds of each way.
#[derive(Default)]
struct Ways {
    curl: Vec<f64>,
    curl_flushed: Vec<f64>,
    one: Vec<f64>,
    four: Vec<f64>,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let folder = PathBuf::from(arguments.next().context("which folder?")?);
    let mb: usize = arguments.next().map_or(Ok(1000), |it| it.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(5), |it| it.parse())?;
    let rate: Option<u64> = arguments.next().map(|it| it.parse()).transpose()?;
    let measuring = measure(&folder, mb, rounds.max(1), rate);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measuring)
}

async fn measure(folder: &Path, mb: usize, rounds: usize, rate: Option<u64>) -> anyhow::Result<()> {
    let mut bytes = vec![0; mb * 1_000_000];
    fastrand::Rng::with_seed(7).fill(&mut bytes);
    let server = TestHub::start().await?.with_repository(PretendRepository::new(REPO).with_file(FILE, bytes));
    if let Some(rate) = rate {
        server.set_faults(REPO, FILE, vec![Fault::Slow { bytes_per_second: rate * 1_000_000 }]);
    }
    let url = format!("{}/{REPO}/resolve/main/{FILE}", server.endpoint());
    let mut ways = Ways::default();
    let mut output = std::io::stdout();
    for round in 0..=rounds {
        let curl = curl(&url, &folder.join("curl.bin"), false).await?;
        let one = own(&url, &folder.join("own.bin"), 1).await?;
        let curl_flushed = curl_flushed(&url, folder).await?;
        let four = own(&url, &folder.join("own.bin"), 4).await?;
        writeln!(output, "curl {curl:.3} s, flushed {curl_flushed:.3} s, one {one:.3} s, four {four:.3} s")?;
        // The first one warms everything up.
        if round > 0 {
            ways.curl.push(curl);
            ways.curl_flushed.push(curl_flushed);
            ways.one.push(one);
            ways.four.push(four);
        }
    }
    let curl = median(ways.curl);
    let flushed = median(ways.curl_flushed);
    for (name, seconds) in [("one connection", median(ways.one)), ("four connections", median(ways.four))] {
        let rate = mb as f64 / seconds;
        let (to_curl, to_flushed) = (curl / seconds, flushed / seconds);
        writeln!(
            output,
            "{name}: {rate:.0} MB/s, {to_curl:.2} of curl, {to_flushed:.2} of curl and a flush"
        )?;
    }
    writeln!(output, "curl: {:.0} MB/s, with a flush {:.0} MB/s", mb as f64 / curl, mb as f64 / flushed)?;
    Ok(())
}

async fn curl_flushed(url: &str, folder: &Path) -> anyhow::Result<f64> {
    curl(url, &folder.join("curl.bin"), true).await
}

async fn curl(url: &str, target: &Path, flush: bool) -> anyhow::Result<f64> {
    let _ = fs::remove_file(target);
    let started = Instant::now();
    let mut command = system::process::command(Path::new("curl"));
    let status = command.args(["--silent", "--location", "--output"]).arg(target).arg(url).status().await?;
    ensure!(status.success(), "curl failed");
    if flush {
        fs::File::options().write(true).open(target)?.sync_all()?;
    }
    Ok(started.elapsed().as_secs_f64())
}

#[expect(clippy::disallowed_methods, reason = "the caller's part is played by the measurement")]
async fn own(url: &str, target: &Path, connections: usize) -> anyhow::Result<f64> {
    let _ = fs::remove_file(target);
    let started = Instant::now();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
    let limits = Limits { connections, reserve_bytes: 0, ..Limits::new(FreeBytes::new(|_| None)) };
    let request = Request {
        url: url.parse()?,
        token: None,
        replaces: true,
        target: target.to_owned(),
        size: None,
        sha256: None,
        git_id: None,
    };
    download(&client, &request, &limits, &|_| {}).await?;
    Ok(started.elapsed().as_secs_f64())
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}
