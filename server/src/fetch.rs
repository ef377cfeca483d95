//! `chaosengine fetch-starter`.

use crate::{config::Config, exit::Exit};
use inference::LlamaConfig;
use models::starter::{self, Transfer};
use std::io::{self, IsTerminal, Write};
use system::DataDir;

/// Width of the bar, in characters.
const BAR: usize = 30;

/// Puts the starter model into the library, with a bar while it transfers.
pub(crate) async fn fetch_starter(config: &Config) -> Result<(), Exit> {
    let paths = DataDir::open(config.data_dir.as_deref()).map_err(|err| Exit::Failed(err.to_string()))?;
    let quantiser = LlamaConfig::for_current_exe().map_err(|err| Exit::Failed(err.to_string()))?;
    let fetched = starter::fetch(&paths.models(), &quantiser, &draw).await;
    if io::stderr().is_terminal() {
        _ = writeln!(io::stderr());
    }
    let path = fetched.map_err(|err| Exit::Failed(err.to_string()))?;
    writeln!(io::stdout(), "{}", path.display()).map_err(|err| Exit::Failed(err.to_string()))
}

/// Redraws the bar in place. Without a terminal there is nothing to redraw.
fn draw(transfer: Transfer) {
    if io::stderr().is_terminal() {
        _ = write!(io::stderr(), "\r{}", bar(transfer));
    }
}

fn bar(transfer: Transfer) -> String {
    let mb = |bytes: u64| bytes as f64 / 1e6;
    let share = if transfer.total_bytes == 0 {
        0.0
    } else {
        transfer.done_bytes as f64 / transfer.total_bytes as f64
    };
    let full = (share.clamp(0.0, 1.0) * BAR as f64) as usize;
    let rate = transfer.bytes_per_second.map(|rate| format!(" {:.1} MB/s", rate / 1e6)).unwrap_or_default();
    format!(
        "[{}{}] {:.0} of {:.0} MB{rate} ",
        "#".repeat(full),
        "-".repeat(BAR - full),
        mb(transfer.done_bytes),
        mb(transfer.total_bytes)
    )
}

#[cfg(test)]
mod tests {
    use super::bar;
    use models::starter::Transfer;

    #[test]
    fn the_bar_shows_share_sizes_and_rate() {
        let transfer = Transfer {
            done_bytes: 50_000_000,
            total_bytes: 100_000_000,
            bytes_per_second: Some(12_300_000.0),
        };
        assert_eq!(bar(transfer), "[###############---------------] 50 of 100 MB 12.3 MB/s ");
        assert!(bar(Transfer::default()).starts_with("[---"));
    }
}
