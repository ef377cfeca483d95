//! Reading files in a process of its own: hostile or broken ones cost that process, and nothing else.
//!
//! The child gets the file as its standard input and needs no other. What it prints last is its answer; libraries that
//! print something before cannot be taken for it.

use crate::extract::{self, Extracted, Unreadable};
use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read, Write},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::AsyncReadExt,
    process::Child,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use types::document::MAX_DOCUMENT_BYTES;

/// What the answer ends with.
const END: &[u8; 8] = b"\0extract";
/// The answer and whatever is printed before.
const MAX_OUTPUT_BYTES: u64 = 100_000_000;
/// How often it is looked at how much memory the child has.
const LOOK: Duration = Duration::from_millis(50);

/// What reading one file may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    pub time: Duration,
    pub memory_bytes: u64,
    /// For one image, whose text a model writes down.
    pub picture_time: Duration,
}

impl Default for ReadLimits {
    fn default() -> Self {
        let time = Duration::from_secs(180);
        Self { time, memory_bytes: 1_500_000_000, picture_time: time }
    }
}

/// Starts children.
#[derive(Clone, Debug)]
pub struct Reader {
    program: PathBuf,
    args: Vec<OsString>,
    limits: ReadLimits,
}

impl Reader {
    /// Runs `program extract`.
    pub fn new(program: impl Into<PathBuf>, limits: ReadLimits) -> Self {
        Self { program: program.into(), args: vec!["extract".into()], limits }
    }

    /// Runs this very program.
    pub fn for_current_exe(limits: ReadLimits) -> io::Result<Self> {
        Ok(Self::new(std::env::current_exe()?, limits))
    }

    pub(crate) fn limits(&self) -> &ReadLimits {
        &self.limits
    }

    /// The text of a file, which is called `name`. Dropping the future ends the child.
    pub(crate) async fn read(&self, file: File, name: &str) -> Result<Extracted, Unreadable> {
        let mut command = system::process::command(&self.program);
        command.args(&self.args).arg(ending_of(name));
        command.stdin(Stdio::from(file)).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|err| {
            tracing::error!(error = %err, "the program that reads documents could not be started");
            Unreadable::Crashed
        })?;
        let answer = self.answer(&mut child).await;
        _ = child.kill().await;
        answer
    }

    async fn answer(&self, child: &mut Child) -> Result<Extracted, Unreadable> {
        let (Some(output), Some(pid)) = (child.stdout.take(), child.id()) else {
            return Err(Unreadable::Crashed);
        };
        let all = async {
            let mut bytes = Vec::new();
            output.take(MAX_OUTPUT_BYTES + 1).read_to_end(&mut bytes).await.map(|_| bytes)
        };
        tokio::pin!(all);
        let late = sleep_until(Instant::now() + self.limits.time);
        tokio::pin!(late);
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let bytes = loop {
            tokio::select! {
                read = &mut all => break read.map_err(|_| Unreadable::Crashed)?,
                () = &mut late => return Err(Unreadable::TooSlow { seconds: self.limits.time.as_secs() }),
                _ = look.tick() => self.check_memory(pid).await?,
            }
        };
        if bytes.len() as u64 > MAX_OUTPUT_BYTES {
            return Err(Unreadable::TooMuchText);
        }
        tokio::task::spawn_blocking(move || parse(&bytes)).await.unwrap_or(Err(Unreadable::Crashed))
    }

    async fn check_memory(&self, pid: u32) -> Result<(), Unreadable> {
        let limit = self.limits.memory_bytes;
        let taken = tokio::task::spawn_blocking(move || system::process::memory_bytes(pid)).await;
        match taken {
            Ok(Some(bytes)) if bytes > limit => Err(Unreadable::TooMuchMemory { limit }),
            _ => Ok(()),
        }
    }
}

/// What a child does: reads a file from `input`, whose name ends in `ending`, and answers on `output`.
pub fn run(input: impl Read, mut output: impl Write, ending: &str) -> io::Result<()> {
    let mut bytes = Vec::new();
    input.take(MAX_DOCUMENT_BYTES + 1).read_to_end(&mut bytes)?;
    let extracted = extract::read(&bytes, ending);
    let answer = postcard::to_allocvec(&extracted).map_err(io::Error::other)?;
    output.write_all(&answer)?;
    output.write_all(&(answer.len() as u64).to_le_bytes())?;
    output.write_all(END)?;
    output.flush()
}

fn parse(bytes: &[u8]) -> Result<Extracted, Unreadable> {
    let answer = || {
        let bytes = bytes.strip_suffix(END)?;
        let (bytes, length) = bytes.split_last_chunk::<8>()?;
        let begin = bytes.len().checked_sub(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        postcard::from_bytes(&bytes[begin..]).ok()
    };
    answer().unwrap_or(Err(Unreadable::Crashed))
}

/// The ending of a name, in small letters and digits.
fn ending_of(name: &str) -> String {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_plain = ending.len() <= 16 && ending.chars().all(|c| c.is_ascii_alphanumeric());
    if is_plain && !ending.is_empty() { ending.to_ascii_lowercase() } else { "none".to_owned() }
}

#[cfg(test)]
mod tests;
