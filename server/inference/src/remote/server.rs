//! One server elsewhere: its connection, its limits and what is known of its health.

use super::{
    BaseUrl, Patience, RemoteProblem, RemoteSpec,
    breaker::Breaker,
    places::{Place, Places},
    reading, retry, wire,
};
use crate::{EngineError, GenerateRequest, GenerateStream, Tenant};
use reqwest::{
    Client, RequestBuilder, Response,
    header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect,
};
use serde::Deserialize;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout_at},
};

/// When to come again where those are all under way.
const FULL_RETRY: Duration = Duration::from_secs(5);
/// An error says what it has to say within.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// A list of models is far below.
const MAX_LIST_BYTES: usize = 4 << 20;
const MAX_REDIRECTS: usize = 3;

/// A server that a person added.
pub(super) struct Server {
    pub(super) spec: RemoteSpec,
    client: Client,
    patience: Patience,
    breaker: Mutex<Breaker>,
    places: Places,
    /// Told whenever what is known of its health may have changed.
    changes: watch::Sender<()>,
}

#[derive(Deserialize)]
struct ModelList {
    data: Vec<ListedModel>,
}

#[derive(Deserialize)]
struct ListedModel {
    id: String,
}

impl Server {
    pub(super) fn new(
        spec: RemoteSpec,
        patience: Patience,
        changes: watch::Sender<()>,
    ) -> Result<Self, RemoteProblem> {
        let client = client(&spec, &patience)?;
        let (breaker, places) = Default::default();
        Ok(Self { spec, client, patience, breaker, places, changes })
    }

    /// For how long nothing will be sent to it.
    pub(super) fn left_alone_for(&self) -> Option<Duration> {
        self.breaker().is_open_for(Instant::now())
    }

    /// Starts a generation that was checked. Ends when the server has begun to reply.
    pub(super) async fn generate(
        self: &Arc<Self>,
        model: &str,
        request: &GenerateRequest,
    ) -> Result<GenerateStream, EngineError> {
        let place = self.take_place(request.share)?;
        let body = wire::body(model, self.spec.dialect, request).map_err(|it| self.error(it))?;
        let url = self.spec.address.join(wire::function(&request.prompt));
        let send = || self.client.post(url.clone()).json(&body);
        let started = Instant::now();
        let (response, trial) = self.send(send).await.map_err(|it| self.error(it))?;
        Ok(reading::stream(response, trial, place, self.patience, started))
    }

    /// The models that the server says it has.
    pub(super) async fn list_models(self: &Arc<Self>) -> Result<Vec<String>, EngineError> {
        let url = self.spec.address.join("models");
        self.read_list(url).await.map_err(|it| self.error(it))
    }

    async fn read_list(self: &Arc<Self>, url: reqwest::Url) -> Result<Vec<String>, RemoteProblem> {
        let (response, trial) = self.send(|| self.client.get(url.clone())).await?;
        let deadline = Instant::now() + self.patience.idle;
        let body = timeout_at(deadline, read_body(response, MAX_LIST_BYTES)).await;
        let body = body.map_err(|_| RemoteProblem::Silent(self.patience.idle))?;
        let list: ModelList = serde_json::from_slice(&body)
            .map_err(|_| RemoteProblem::Garbage("its list of models cannot be read".to_owned()))?;
        trial.succeeded();
        Ok(list.data.into_iter().map(|model| model.id).collect())
    }

    /// Sends until the server takes it. What may have been taken already is not sent again.
    async fn send(
        self: &Arc<Self>,
        build: impl Fn() -> RequestBuilder,
    ) -> Result<(Response, Trial), RemoteProblem> {
        let mut n_tries = 0;
        loop {
            let trial = Trial::begin(self)?;
            n_tries += 1;
            let problem = match self.try_once(build()).await {
                Ok(response) => return Ok((response, trial)),
                Err(problem) => problem,
            };
            trial.ended(&problem);
            let pause = retry::pause(n_tries, problem.retry_after(), fastrand::f64());
            match pause.filter(|_| problem.may_be_tried_again()) {
                Some(pause) => sleep(pause).await,
                None => return Err(problem),
            }
        }
    }

    async fn try_once(&self, request: RequestBuilder) -> Result<Response, RemoteProblem> {
        let deadline = Instant::now() + self.patience.first;
        let silent = RemoteProblem::Silent(self.patience.first);
        let response = match timeout_at(deadline, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(err)) => return Err(problem_of(&err)),
            Err(_) => return Err(silent),
        };
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let header = response.headers().get(RETRY_AFTER).and_then(|it| it.to_str().ok());
        let retry_after = header.and_then(|it| retry::retry_after(it, SystemTime::now()));
        // A refusal that does not end is still one.
        let body = timeout_at(deadline, read_body(response, MAX_ERROR_BYTES)).await.unwrap_or_default();
        Err(RemoteProblem::of_reply(status, &body, retry_after))
    }

    /// Kept while a request pauses, too: a server that is busy is not helped by more of them.
    fn take_place(&self, share: Tenant) -> Result<Place, EngineError> {
        let full = |n| EngineError::Overloaded { n, retry_after: FULL_RETRY };
        self.places.take(share).map_err(full)
    }

    pub(super) fn error(&self, problem: RemoteProblem) -> EngineError {
        let problem = match &self.spec.key {
            Some(key) => problem.without(key.expose()),
            None => problem,
        };
        EngineError::Remote { name: self.spec.name.clone(), problem }
    }

    fn note(&self, note: impl FnOnce(&mut Breaker)) {
        note(&mut self.breaker());
        self.changes.send_replace(());
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request as the circuit breaker sees it. Dropping it without a word means that whoever asked has left.
pub(super) struct Trial {
    server: Arc<Server>,
    is_settled: bool,
}

impl Trial {
    fn begin(server: &Arc<Server>) -> Result<Self, RemoteProblem> {
        server.breaker().admit(Instant::now()).map_err(RemoteProblem::LeftAlone)?;
        Ok(Self { server: Arc::clone(server), is_settled: false })
    }

    /// The server has begun to answer.
    pub(super) fn answered(&self) {
        self.server.note(Breaker::answered);
    }

    pub(super) fn succeeded(mut self) {
        self.is_settled = true;
        self.server.note(Breaker::succeeded);
    }

    pub(super) fn ended(mut self, problem: &RemoteProblem) {
        self.is_settled = true;
        self.server.note(|breaker| match problem {
            problem if problem.is_the_servers() => breaker.failed(Instant::now()),
            // It may be well, or still as ill as it was.
            RemoteProblem::Busy { .. } => breaker.abandoned(Instant::now()),
            _ => breaker.succeeded(),
        });
    }

    pub(super) fn error(&self, problem: RemoteProblem) -> EngineError {
        self.server.error(problem)
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if !self.is_settled {
            self.server.note(|breaker| breaker.abandoned(Instant::now()));
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the module that speaks to the servers a person added")]
fn client(spec: &RemoteSpec, patience: &Patience) -> Result<Client, RemoteProblem> {
    let mut headers = HeaderMap::new();
    if let Some(key) = &spec.key {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose()))
            .map_err(|_| RemoteProblem::Unreachable("the key has characters that no key has".to_owned()))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    let mut builder = Client::builder()
        .connect_timeout(patience.connect)
        .default_headers(headers)
        .redirect(same_origin(&spec.address))
        .user_agent(concat!("ChaosEngineAI/", env!("CARGO_PKG_VERSION")));
    if spec.address.is_this_machine() {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|err| problem_of(&err))
}

/// The person trusts one address: neither text nor key goes to another.
fn same_origin(address: &BaseUrl) -> redirect::Policy {
    let origin = address.join("").origin();
    redirect::Policy::custom(move |attempt| {
        let is_near = attempt.url().origin() == origin && attempt.previous().len() <= MAX_REDIRECTS;
        if is_near { attempt.follow() } else { attempt.error(RemoteProblem::Redirect) }
    })
}

/// What the HTTP client says, without the address: that is told already, and may hold what is nobody's business.
pub(super) fn problem_of(err: &reqwest::Error) -> RemoteProblem {
    if err.is_redirect() {
        return RemoteProblem::Redirect;
    }
    let mut cause: &dyn std::error::Error = err;
    while let Some(source) = cause.source() {
        cause = source;
    }
    match cause.to_string() {
        _ if !err.is_connect() && !err.is_builder() => RemoteProblem::Cut,
        _ if err.is_timeout() => RemoteProblem::Unreachable("it takes too long to connect".to_owned()),
        reason => RemoteProblem::Unreachable(super::problem::shown(&reason)),
    }
}

/// As much of the body as is wanted.
async fn read_body(mut response: Response, limit: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = limit - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == limit {
            break;
        }
    }
    body
}
