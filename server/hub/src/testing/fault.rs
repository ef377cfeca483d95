//! What goes wrong.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Something that goes wrong with a file. Those that have `times` go wrong so often and then no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// Answers with that status, and with how long to wait if that is given.
    Status { status: u16, retry_after: Option<u64>, times: u32 },
    /// Answers with that status once there were so many requests, as when an address is too old.
    Later { after_requests: u64, status: u16, times: u32 },
    /// Sends no faster, on each connection.
    Slow { bytes_per_second: u64 },
    /// Stops sending after so many bytes and keeps the connection.
    Silent { after_bytes: u64, times: u32 },
    /// Closes the connection after so many bytes.
    Cut { after_bytes: u64, times: u32 },
    /// Says that the file is so much longer than it is, and sends that.
    Longer { by: u64, times: u32 },
    /// Sends another byte at that place.
    WrongByte { at: u64, times: u32 },
    /// Has another mark and other bytes after so many requests.
    Changes { after_requests: u64 },
    /// Knows no ranges.
    NoRanges,
    /// Says nothing by which parts are known to belong together.
    NoEtag,
    /// Says so of what is equal in meaning only.
    WeakEtag,
    /// The file has another mark than before, as another mirror gives it.
    OtherEtag,
    /// Sends to an address that sends to itself.
    RedirectLoop,
}

/// What goes wrong with which file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFaults {
    /// `owner/name`.
    pub repo: String,
    /// The file's place in it.
    pub path: String,
    pub faults: Vec<Fault>,
}

/// All of it, and how often each file was asked for since.
#[derive(Default)]
pub(super) struct Faults(HashMap<(String, String), (Vec<Fault>, u64)>);

/// What goes wrong with one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) status: Option<(u16, Option<u64>)>,
    pub(super) bytes_per_second: Option<u64>,
    pub(super) silent_after: Option<u64>,
    pub(super) cut_after: Option<u64>,
    pub(super) longer_by: u64,
    pub(super) wrong_byte: Option<u64>,
    pub(super) has_changed: bool,
    pub(super) no_ranges: bool,
    pub(super) no_etag: bool,
    pub(super) weak_etag: bool,
    pub(super) other_etag: bool,
}

impl Faults {
    pub(super) fn set(&mut self, faults: FileFaults) {
        self.0.insert((faults.repo, faults.path), (faults.faults, 0));
    }

    pub(super) fn loops(&self, repo: &str, path: &str) -> bool {
        let faults = self.0.get(&(repo.to_owned(), path.to_owned()));
        faults.is_some_and(|(faults, _)| faults.contains(&Fault::RedirectLoop))
    }

    /// What goes wrong with the next answer.
    pub(super) fn next(&mut self, repo: &str, path: &str) -> Trouble {
        let mut trouble = Trouble::default();
        let Some((faults, n_requests)) = self.0.get_mut(&(repo.to_owned(), path.to_owned())) else {
            return trouble;
        };
        *n_requests += 1;
        for fault in faults {
            if fault.happens(*n_requests) {
                trouble.add(fault);
            }
            // Nothing more is sent, so nothing else can go wrong.
            if trouble.status.is_some() {
                break;
            }
        }
        trouble
    }
}

impl Fault {
    /// Whether it goes wrong with this request, which uses up one time.
    fn happens(&mut self, n_requests: u64) -> bool {
        match self {
            Self::Later { after_requests, .. } | Self::Changes { after_requests }
                if n_requests <= *after_requests =>
            {
                false
            }
            Self::Status { times, .. }
            | Self::Later { times, .. }
            | Self::Silent { times, .. }
            | Self::Cut { times, .. }
            | Self::Longer { times, .. }
            | Self::WrongByte { times, .. } => {
                let is_left = *times > 0;
                *times = times.saturating_sub(1);
                is_left
            }
            _ => true,
        }
    }
}

impl Trouble {
    fn add(&mut self, fault: &Fault) {
        match fault {
            Fault::Status { status, retry_after, .. } => self.status = Some((*status, *retry_after)),
            Fault::Later { status, .. } => self.status = Some((*status, None)),
            Fault::Slow { bytes_per_second } => self.bytes_per_second = Some(*bytes_per_second),
            Fault::Silent { after_bytes, .. } => self.silent_after = Some(*after_bytes),
            Fault::Cut { after_bytes, .. } => self.cut_after = Some(*after_bytes),
            Fault::Longer { by, .. } => self.longer_by = *by,
            Fault::WrongByte { at, .. } => self.wrong_byte = Some(*at),
            Fault::Changes { .. } => self.has_changed = true,
            Fault::NoRanges => self.no_ranges = true,
            Fault::NoEtag => self.no_etag = true,
            Fault::WeakEtag => self.weak_etag = true,
            Fault::OtherEtag => self.other_etag = true,
            // It is asked about where requests are sent on.
            Fault::RedirectLoop => {}
        }
    }
}
