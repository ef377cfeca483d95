//! The side of a transfer that touches the network: connections that take gaps until none is left.

use super::{
    Anew, Limits, Request, TransferError,
    answer::{Answer, Kind},
    keeper::{Shared, Write},
    once::Stop,
};
use crate::{
    HubError,
    http::{self, Credentials},
};
use bytes::Bytes;
use reqwest::{
    Client, RequestBuilder, Response, StatusCode, Url,
    header::{ACCEPT_ENCODING, IF_RANGE, RANGE},
};
use std::{
    collections::VecDeque,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};
use tokio::{
    sync::mpsc::Sender,
    time::{sleep, timeout},
};

/// A connection that brought less before it broke off made no progress.
const PROGRESS_BYTES: u64 = 64 << 10;

/// Everything that connections share.
pub(super) struct Fetch<'a> {
    client: &'a Client,
    request: &'a Request,
    limits: &'a Limits,
    credentials: Option<Credentials>,
    shared: &'a Shared,
    /// Whether ranges are asked for.
    is_ranged: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    gaps: VecDeque<Range<u64>>,
    /// Where the server sent to. It is asked directly from then on, as long as it answers.
    resolved: Option<Url>,
    /// Connections that still fetch.
    n_working: usize,
}

/// What is known about the file by the time that bytes of it are asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) etag: Option<String>,
    pub(super) size: Option<u64>,
}

/// An answer whose bytes are still to come.
pub(super) struct Opened {
    response: Response,
    /// The bytes that come; without a known end it is the greatest number.
    pub(super) range: Range<u64>,
    pub(super) total: Option<u64>,
    pub(super) etag: Option<String>,
    /// It is a part of the file: there may be other parts beside it.
    pub(super) is_part: bool,
}

/// What to do after a problem.
enum Next {
    Again,
    /// It was tried often enough.
    GiveUp(TransferError),
}

/// Why bytes did not come.
enum Problem {
    /// The same again may help.
    Passing(TransferError),
    Final(Stop),
}

impl From<HubError> for Problem {
    fn from(err: HubError) -> Self {
        if err.is_passing() { Self::Passing(err.into()) } else { Self::Final(Stop::Failed(err.into())) }
    }
}

impl<'a> Fetch<'a> {
    pub(super) fn new(
        client: &'a Client,
        request: &'a Request,
        limits: &'a Limits,
        shared: &'a Shared,
        is_ranged: bool,
    ) -> Self {
        let token = request.token.clone().filter(|token| !token.expose().is_empty());
        let credentials = token.map(|token| Credentials { place: request.url.clone(), token });
        Self { client, request, limits, credentials, shared, is_ranged, state: Mutex::default() }
    }

    /// The first answer, which tells what file it is. Tried as often as allowed.
    pub(super) async fn open(&self, first: &Range<u64>, known: &Known) -> Result<Opened, Stop> {
        let mut n_failures = 0;
        loop {
            let problem = match self.ask(first, known).await {
                Ok(opened) => return Ok(opened),
                Err(problem) => problem,
            };
            n_failures += 1;
            if let Next::GiveUp(err) = self.after(problem, n_failures).await? {
                return Err(err.into());
            }
        }
    }

    /// Receives the bytes of the first answer and of all gaps.
    pub(super) async fn run(
        &self,
        opened: Opened,
        gaps: Vec<Range<u64>>,
        known: &Known,
        sender: Sender<Write>,
    ) -> Result<(), Stop> {
        let is_told_apart = known.etag.is_some() || self.request.sha256.is_some();
        let may_share = opened.is_part && is_told_apart;
        let is_big = known.size.is_some_and(|size| size >= self.limits.parallel_from_bytes);
        let n_others = if may_share && is_big { self.limits.connections.min(gaps.len() + 1) - 1 } else { 0 };
        self.state().gaps = gaps.into();
        self.state().n_working = 1 + n_others;
        let first = self.work(Some(opened), known, sender.clone());
        let others = (0..n_others).map(|_| self.work(None, known, sender.clone()));
        let others = futures::future::try_join_all(others);
        drop(sender);
        futures::future::try_join(first, others).await?;
        Ok(())
    }

    /// One connection, until no gap is left or it failed too often. The last one that fails ends it all; the others leave
    /// their gaps to those that still fetch, since a server may just not want so many.
    async fn work(&self, opened: Option<Opened>, known: &Known, sender: Sender<Write>) -> Result<(), Stop> {
        let mut opened = opened;
        let mut n_failures = 0;
        loop {
            let begun = match opened.take() {
                Some(opened) => Ok(opened),
                None => match self.next_gap() {
                    Some(gap) => self.begin(gap, known).await,
                    None => break,
                },
            };
            let (gained, result) = match begun {
                Ok(opened) => self.receive(opened, &sender).await,
                Err(problem) => (0, Err(problem)),
            };
            let Err(problem) = result else {
                n_failures = 0;
                continue;
            };
            n_failures = if gained >= PROGRESS_BYTES { 1 } else { n_failures + 1 };
            if let Next::GiveUp(err) = self.after(problem, n_failures).await? {
                if self.state().n_working == 1 {
                    return Err(err.into());
                }
                break;
            }
        }
        self.state().n_working -= 1;
        Ok(())
    }

    /// Asks for a gap; what does not come of it is a gap again.
    async fn begin(&self, gap: Range<u64>, known: &Known) -> Result<Opened, Problem> {
        let asked = self.ask(&gap, known).await;
        // A server may give less than it was asked for.
        let start = asked.as_ref().map_or(gap.start, |opened| opened.range.end);
        self.give_back(start..gap.end);
        asked
    }

    fn next_gap(&self) -> Option<Range<u64>> {
        self.state().gaps.pop_front()
    }

    fn give_back(&self, gap: Range<u64>) {
        if gap.start < gap.end {
            self.state().gaps.push_front(gap);
        }
    }

    /// Asks for `gap` of the file that is known.
    async fn ask(&self, gap: &Range<u64>, known: &Known) -> Result<Opened, Problem> {
        let resolved = self.state().resolved.clone();
        let url = resolved.clone().unwrap_or_else(|| self.request.url.clone());
        let prepare = |request: RequestBuilder| {
            let request = request.header(ACCEPT_ENCODING, "identity");
            if !self.is_ranged {
                return request;
            }
            let request = request.header(RANGE, format!("bytes={}-{}", gap.start, gap.end - 1));
            known.etag.iter().fold(request, |request, etag| request.header(IF_RANGE, etag))
        };
        let asking = http::get(self.client, &url, self.credentials.as_ref(), &prepare);
        let answer = timeout(self.limits.silence, asking).await;
        let (response, from) = answer.map_err(|_| self.silent(&url))??;
        let status = response.status();
        if status == StatusCode::RANGE_NOT_SATISFIABLE && self.is_ranged {
            // The file is shorter than it was, or empty.
            let reason = if known.size.is_some() { Anew::Changed } else { Anew::NoRanges };
            return Err(Problem::Final(Stop::Anew(reason)));
        }
        if !status.is_success() {
            return Err(self.refused(&response, resolved.is_some()));
        }
        let answer = Answer::read(status, response.headers(), self.is_ranged)?;
        let opened = self.check(response, answer, gap, known)?;
        if from != self.request.url {
            self.state().resolved = Some(from);
        }
        Ok(opened)
    }

    fn refused(&self, response: &Response, was_resolved: bool) -> Problem {
        let page = page_of(&self.request.url);
        let has_token = self.credentials.is_some();
        let problem = http::problem(response.status(), response.headers(), has_token, page);
        self.state().resolved = None;
        // An address with a signature holds for a while only; the hub gives a new one.
        if was_resolved { Problem::Passing(problem.into()) } else { problem.into() }
    }

    /// Whether the answer is of the file that is known and holds the beginning of `gap`.
    fn check(
        &self,
        response: Response,
        answer: Answer,
        gap: &Range<u64>,
        known: &Known,
    ) -> Result<Opened, Problem> {
        let Answer { kind, total, etag } = answer;
        let is_other = known.etag.is_some() && known.etag != etag;
        if is_other || known.size.zip(total).is_some_and(|(known, total)| known != total) {
            self.check_promised(total)?;
            return Err(Problem::Final(Stop::Anew(Anew::Changed)));
        }
        self.check_promised(total)?;
        // Parts of a file that cannot be told from another one do not go together, nor do parts of nobody knows how many.
        let is_marked = etag.is_some() || self.request.sha256.is_some();
        let size = total.or(known.size).or(self.request.size);
        match kind {
            Kind::Part(range) if size.is_none_or(|size| !is_marked && range != (0..size)) => {
                Err(Problem::Final(Stop::Anew(Anew::NoRanges)))
            }
            Kind::Part(range) if range.start == gap.start && range.end <= gap.end => {
                Ok(Opened { response, range, total, etag, is_part: true })
            }
            Kind::Part(_) => Err(HubError::from(crate::Unusable::Answer).into()),
            Kind::Whole if self.shared.present.load(Ordering::Relaxed) > 0 || gap.start > 0 => {
                Err(Problem::Final(Stop::Anew(Anew::NoRanges)))
            }
            Kind::Whole => {
                let range = 0..size.unwrap_or(u64::MAX);
                Ok(Opened { response, range, total, etag, is_part: false })
            }
        }
    }

    fn check_promised(&self, total: Option<u64>) -> Result<(), Problem> {
        match self.request.size.zip(total) {
            Some((expected, got)) if expected != got => {
                Err(Problem::Passing(TransferError::WrongLength { expected, got }))
            }
            _ => Ok(()),
        }
    }

    /// Sends on what comes, and says how much that was. What does not come is a gap again.
    async fn receive(&self, opened: Opened, sender: &Sender<Write>) -> (u64, Result<(), Problem>) {
        let Range { start, end } = opened.range;
        let mut at = start;
        let result = self.receive_to(opened, &mut at, sender).await;
        if result.is_err() {
            self.give_back(at..end);
        }
        (at - start, result)
    }

    async fn receive_to(
        &self,
        mut opened: Opened,
        at: &mut u64,
        sender: &Sender<Write>,
    ) -> Result<(), Problem> {
        let end = opened.range.end;
        while *at < end {
            let chunk = timeout(self.limits.silence, opened.response.chunk()).await;
            let chunk = chunk.map_err(|_| self.silent(opened.response.url()))?;
            let chunk = chunk.map_err(|_| self.cut(opened.response.url()))?;
            let Some(chunk) = chunk else {
                // Without a known end, this is one.
                return if end == u64::MAX { Ok(()) } else { Err(self.cut(opened.response.url())) };
            };
            let n = (chunk.len() as u64).min(end - *at);
            self.shared.received.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            self.pass_on(*at, chunk.slice(..n as usize), sender).await?;
            *at += n;
            self.limits.pace.take(n).await;
        }
        Ok(())
    }

    async fn pass_on(&self, at: u64, bytes: Bytes, sender: &Sender<Write>) -> Result<(), Problem> {
        if bytes.is_empty() {
            return Ok(());
        }
        sender.send(Write { at, bytes }).await.map_err(|_| {
            // The side of the disk ended; it knows why.
            let ended = std::io::Error::other("writing ended");
            Problem::Final(Stop::Failed(TransferError::file(&self.request.target)(ended)))
        })
    }

    fn silent(&self, url: &Url) -> Problem {
        let seconds = self.limits.silence.as_secs();
        Problem::Passing(TransferError::Silent { host: http::host_of(url), seconds })
    }

    fn cut(&self, url: &Url) -> Problem {
        Problem::Passing(TransferError::Cut { host: http::host_of(url) })
    }

    /// Waits before the next attempt, if there is one.
    async fn after(&self, problem: Problem, n_failures: u32) -> Result<Next, Stop> {
        let err = match problem {
            Problem::Final(stop) => return Err(stop),
            Problem::Passing(err) => err,
        };
        // Where it was sent to may be what is broken.
        self.state().resolved = None;
        let wanted = if let TransferError::Hub(err) = &err { err.wait() } else { None };
        let is_too_long = wanted.is_some_and(|wait| wait > self.limits.longest_pause);
        if n_failures >= self.limits.attempts || is_too_long {
            return Ok(Next::GiveUp(err));
        }
        tracing::debug!(error = %err, "a download tries again");
        sleep(wanted.unwrap_or_else(|| self.pause(n_failures))).await;
        Ok(Next::Again)
    }

    /// Twice as long each time, and not for everybody the same.
    fn pause(&self, n_failures: u32) -> Duration {
        let doubled = self.limits.first_pause.saturating_mul(1 << (n_failures - 1).min(16));
        doubled.min(self.limits.longest_pause).mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a person asks for access: the repository that the address is in.
fn page_of(url: &Url) -> String {
    let mut page = url.clone();
    page.set_query(None);
    page.set_fragment(None);
    let repository = url.path().split("/resolve/").next().unwrap_or_default();
    page.set_path(repository);
    page.into()
}
