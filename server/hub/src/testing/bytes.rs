//! The pretend hub's bytes.

use super::{Content, PretendFile, State, fault::Trouble, lock};
use axum::{
    body::Body,
    extract::{self, Path},
    http::{
        HeaderMap, StatusCode,
        header::{
            ACCEPT_RANGES, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_RANGE, RANGE, RETRY_AFTER,
        },
        response::Builder,
    },
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::stream;
use std::{
    io,
    ops::Range,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
    time::{Instant, sleep, sleep_until},
};

/// What is sent at a time.
const SHARE_BYTES: u64 = 256 << 10;
/// Where the rate is limited: so little that a connection which ends leaves hardly anything on its way.
const SLOW_SHARE_BYTES: u64 = 4 << 10;

const SHARES_PER_SECOND: u64 = 1000;
const CUT_AFTER: Duration = Duration::from_millis(10);
/// Where the rate is limited: what is late by more than that stays so, and does not come all at once.
const CATCHES_UP: Duration = Duration::from_millis(50);

/// `GET /{owner}/{name}/{path}` of the second server.
pub(super) async fn fetch(
    extract::State(state): extract::State<Arc<State>>,
    Path((owner, name, path)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    if headers.contains_key(AUTHORIZATION) {
        state.counters.leaked_tokens.fetch_add(1, Ordering::Relaxed);
        return StatusCode::BAD_REQUEST.into_response();
    }
    let repo = format!("{owner}/{name}");
    let repository = state.repository(&repo);
    match repository.as_ref().and_then(|it| it.file(&path)) {
        Some(file) => send(&state, &repo, file, &headers),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The file, or what was asked of it, with everything that goes wrong.
pub(super) fn send(state: &Arc<State>, repo: &str, file: &PretendFile, headers: &HeaderMap) -> Response {
    state.counters.fetches.fetch_add(1, Ordering::Relaxed);
    let trouble = lock(&state.faults).next(repo, &file.path);
    if let Some((status, retry_after)) = trouble.status {
        return refusal(status, retry_after);
    }
    let size = file.size + trouble.longer_by;
    let etag = etag(file, &trouble);
    let range = match wanted(headers, size, &etag) {
        _ if trouble.no_ranges => None,
        Err(()) => {
            let range = format!("bytes */{size}");
            return (StatusCode::RANGE_NOT_SATISFIABLE, [(CONTENT_RANGE, range)]).into_response();
        }
        Ok(range) => range,
    };
    let mut response = Response::builder();
    if !trouble.no_etag {
        let weak = if trouble.weak_etag { "W/" } else { "" };
        response = response.header(ETAG, format!("{weak}{etag}"));
    }
    if !trouble.no_ranges {
        response = response.header(ACCEPT_RANGES, "bytes");
    }
    response = match &range {
        Some(range) => response
            .status(StatusCode::PARTIAL_CONTENT)
            .header(CONTENT_RANGE, format!("bytes {}-{}/{size}", range.start, range.end - 1)),
        None => response,
    };
    finish(response, Sending::new(state, file, trouble, range.unwrap_or(0..size)))
}

fn finish(response: Builder, sending: Sending) -> Response {
    let response = response.header(CONTENT_LENGTH, sending.end - sending.at);
    let body = Body::from_stream(stream::unfold(sending, Sending::next));
    response.body(body).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn refusal(status: u16, retry_after: Option<u64>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match retry_after {
        Some(seconds) => (status, [(RETRY_AFTER, seconds.to_string())]).into_response(),
        None => status.into_response(),
    }
}

fn etag(file: &PretendFile, trouble: &Trouble) -> String {
    let version = if trouble.has_changed || trouble.other_etag { "-2" } else { "" };
    format!("\"{}{version}\"", &file.sha256[..32])
}

/// The range that was asked for, unless it was asked for of another file.
fn wanted(headers: &HeaderMap, size: u64, etag: &str) -> Result<Option<Range<u64>>, ()> {
    let text = |name| headers.get(name).and_then(|it| it.to_str().ok());
    if text(IF_RANGE).is_some_and(|it| it != etag) {
        return Ok(None);
    }
    let Some((start, last)) = text(RANGE).and_then(|it| it.strip_prefix("bytes=")?.split_once('-')) else {
        return Ok(None);
    };
    let Ok(start) = start.parse::<u64>() else { return Ok(None) };
    let end = last.parse::<u64>().map_or(size, |last| last.saturating_add(1).min(size));
    if start < end { Ok(Some(start..end)) } else { Err(()) }
}

/// A body that is on its way.
struct Sending {
    state: Arc<State>,
    content: Content,
    file: Option<File>,
    trouble: Trouble,
    at: u64,
    end: u64,
    n_sent: u64,
    /// When the next share is due where the rate is limited.
    next_at: Instant,
}

impl Sending {
    fn new(state: &Arc<State>, file: &PretendFile, trouble: Trouble, range: Range<u64>) -> Self {
        Self {
            state: state.clone(),
            content: file.content.clone(),
            file: None,
            trouble,
            at: range.start,
            end: range.end,
            n_sent: 0,
            next_at: Instant::now(),
        }
    }

    /// The next share, or an error that closes the connection.
    async fn next(mut self) -> Option<(io::Result<Bytes>, Self)> {
        if self.at >= self.end {
            return None;
        }
        if self.trouble.cut_after.is_some_and(|n| self.n_sent >= n) {
            // What was sent arrives before the connection ends.
            sleep(CUT_AFTER).await;
            return Some((Err(io::Error::other("cut on purpose")), self));
        }
        if self.trouble.silent_after.is_some_and(|n| self.n_sent >= n) {
            std::future::pending::<()>().await;
        }
        self.wait().await;
        let share = self.share().await;
        let n = share.as_ref().map_or(0, |bytes| bytes.len() as u64);
        self.at += n;
        self.n_sent += n;
        self.put_off(n);
        self.state.counters.bytes.fetch_add(n, Ordering::Relaxed);
        Some((share, self))
    }

    async fn wait(&self) {
        if self.trouble.bytes_per_second.is_some() {
            sleep_until(self.next_at).await;
        }
    }

    /// Has the next share wait for the one of `n` bytes that was just sent.
    fn put_off(&mut self, n: u64) {
        if let Some(rate) = self.trouble.bytes_per_second {
            let now = Instant::now();
            let at = self.next_at.max(now.checked_sub(CATCHES_UP).unwrap_or(now));
            self.next_at = at + Duration::from_secs_f64(n as f64 / rate.max(1) as f64);
        }
    }

    async fn share(&mut self) -> io::Result<Bytes> {
        let slow = self.trouble.bytes_per_second.map(|rate| rate / SHARES_PER_SECOND);
        let most = slow.map_or(SHARE_BYTES, |n| n.clamp(SLOW_SHARE_BYTES, SHARE_BYTES));
        let stops = [self.trouble.cut_after, self.trouble.silent_after];
        let stop = stops.into_iter().flatten().min().map_or(most, |n| n - self.n_sent);
        let n = most.min(stop).min(self.end - self.at).max(1) as usize;
        let bytes = self.read(n).await?;
        Ok(self.spoilt(bytes))
    }

    async fn read(&mut self, n: usize) -> io::Result<Bytes> {
        match &self.content {
            Content::Memory(bytes) => {
                let start = usize::try_from(self.at).unwrap_or(usize::MAX).min(bytes.len());
                let there = bytes.slice(start..(start + n).min(bytes.len()));
                // A file that claims to be longer has nothing to send there.
                Ok(if there.is_empty() { Bytes::from(vec![0; n]) } else { there })
            }
            Content::Disk(path) => {
                let file = match &mut self.file {
                    Some(file) => file,
                    empty => {
                        let mut file = File::open(path).await?;
                        file.seek(io::SeekFrom::Start(self.at)).await?;
                        empty.insert(file)
                    }
                };
                let mut buffer = vec![0; n];
                let n_read = file.read(&mut buffer).await?;
                buffer.truncate(n_read.max(1));
                Ok(buffer.into())
            }
        }
    }

    fn spoilt(&self, bytes: Bytes) -> Bytes {
        let end = self.at + bytes.len() as u64;
        let wrong = self.trouble.wrong_byte.filter(|at| (self.at..end).contains(at));
        if wrong.is_none() && !self.trouble.has_changed {
            return bytes;
        }
        let mut bytes = bytes.to_vec();
        if self.trouble.has_changed {
            bytes.iter_mut().for_each(|byte| *byte ^= 0xff);
        }
        if let Some(at) = wrong {
            bytes[(at - self.at) as usize] ^= 1;
        }
        bytes.into()
    }
}
