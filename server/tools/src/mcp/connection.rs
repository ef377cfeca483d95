//! One connection to a server, from the handshake to its end.

use super::{
    McpError,
    bounded::Bounded,
    launch::{LastWords, Launcher},
};
use crate::egress::{client_of_named_server, web_address};
use rmcp::{
    ClientHandler, Peer, RoleClient, ServiceError,
    model::{ClientCapabilities, ClientConfig, Implementation},
    service::{ClientInitializeError, NotificationContext, RunningService, serve_client},
    transport::{
        StreamableHttpClientTransport,
        async_rw::AsyncRwTransport,
        streamable_http_client::{StreamableHttpClientTransportConfig, StreamableHttpError},
    },
};
use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    thread,
    time::Duration,
};
use system::process::Family;
use tokio::{
    io::{AsyncRead, ReadBuf},
    process::Child,
    sync::Notify,
    time::timeout,
};
use types::toolbox::{Fingerprint, McpPlace};

/// The largest message. What is beyond is lost: whom it answers is in it.
pub(super) const MAX_MESSAGE_BYTES: usize = 16 << 20;
/// How long a program has to end by itself. Tests see that it may, and machines that run them are busy.
const GRACE: Duration = Duration::from_secs(if cfg!(test) { 30 } else { 2 });

pub(super) struct Connection {
    /// Dropped first: once the program has seen its input end, it may be gone, and nobody knows any more whom it has started.
    program: Option<Program>,
    service: RunningService<RoleClient, Ears>,
    has_changed: Arc<AtomicBool>,
    too_large: Arc<Notify>,
    loss: Arc<OnceLock<McpError>>,
    /// The server's tools by their names there, as they were last listed.
    pub(super) listed: Option<BTreeMap<String, Fingerprint>>,
}

/// A way to call tools, for as long as the connection holds.
pub(super) struct Line {
    pub(super) peer: Peer<RoleClient>,
    /// Hears of the next message that is too large.
    pub(super) too_large: Arc<Notify>,
    loss: Arc<OnceLock<McpError>>,
}

/// A program, which ends with this, and what it has started: runners of packages start the server proper.
struct Program(Child);

impl Program {
    /// `None` where it has ended.
    fn id(&self) -> Option<u32> {
        self.0.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(id) = self.id() {
            let family = Family::of(id);
            _ = self.0.start_kill();
            // Without a thread, it ends alone.
            _ = thread::Builder::new().spawn(move || family.end());
        }
    }
}

impl Line {
    /// Ends the connection where that is why a call failed. A server that is asked over HTTP shows its end in no other way.
    pub(super) fn note_loss(&self, err: &ServiceError) {
        if let Some(loss) = loss_by(err) {
            _ = self.loss.set(loss);
        }
    }
}

/// What is listened to. Servers may ask clients for much, of which this one offers nothing.
struct Ears {
    has_changed: Arc<AtomicBool>,
}

impl ClientHandler for Ears {
    fn get_info(&self) -> ClientConfig {
        let product = Implementation::new("ChaosEngineAI", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), product)
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.has_changed.store(true, Ordering::Release);
    }
}

impl Connection {
    pub(super) async fn open(
        place: &McpPlace,
        launcher: &Launcher,
        last_words: &LastWords,
    ) -> Result<Self, McpError> {
        let has_changed = Arc::new(AtomicBool::new(false));
        let too_large = Arc::new(Notify::new());
        let ears = Ears { has_changed: Arc::clone(&has_changed) };
        let (service, program) = match place {
            McpPlace::Program { program, arguments, environment } => {
                let (child, output, input) = launcher.start(program, arguments, environment, last_words)?;
                let output = Measured { output, line_bytes: 0, too_large: Arc::clone(&too_large) };
                let transport =
                    AsyncRwTransport::new_client(output, input).with_max_line_length(MAX_MESSAGE_BYTES);
                let program = Program(child);
                (serve_client(ears, transport).await, Some(program))
            }
            McpPlace::Address { url, key } => {
                let mut config = StreamableHttpClientTransportConfig::with_uri(web_address(url)?.to_string());
                config.auth_header = key.as_ref().map(|key| key.expose().to_owned());
                config.max_json_response_size = MAX_MESSAGE_BYTES;
                config.max_sse_event_size = MAX_MESSAGE_BYTES;
                // A server that forgot this connection may be another one by now, whose tools have to be listed first.
                config.reinit_on_expired_session = false;
                let client = Bounded { client: client_of_named_server()?, too_large: Arc::clone(&too_large) };
                let transport = StreamableHttpClientTransport::with_client(client, config);
                (serve_client(ears, transport).await, None)
            }
        };
        let service = service.map_err(|err| problem(&err))?;
        Ok(Self { program, service, has_changed, too_large, loss: Arc::default(), listed: None })
    }

    /// Ends it. A program sees its input end, and has a moment to save what it has; then it is ended with what it has started.
    /// Afterwards it is gone, so that another one can take its place.
    pub(super) async fn end(self) {
        let Self { service, program, .. } = self;
        let family = match program.as_ref().and_then(Program::id) {
            Some(id) => tokio::task::spawn_blocking(move || Family::of(id)).await.ok(),
            None => None,
        };
        drop(service);
        let Some(mut program) = program else { return };
        _ = timeout(GRACE, program.0.wait()).await;
        if let Some(family) = family {
            // Not left to the thread of a dropped program: the end of this process does not wait for that. A program that is still
            // there is known as who has started others meanwhile, so it ends with them and not before.
            _ = tokio::task::spawn_blocking(move || family.end()).await;
        }
        _ = program.0.start_kill();
        _ = timeout(GRACE, program.0.wait()).await;
    }

    pub(super) fn peer(&self) -> &Peer<RoleClient> {
        self.service.peer()
    }

    pub(super) fn line(&self) -> Line {
        Line {
            peer: self.peer().clone(),
            too_large: Arc::clone(&self.too_large),
            loss: Arc::clone(&self.loss),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.loss().is_some() || self.service.is_closed() || self.service.peer().is_transport_closed()
    }

    /// Ends it: what was asked came to nothing.
    pub(super) fn lose(&self) {
        _ = self.loss.set(McpError::Gone);
    }

    /// Why it has ended, where a call found that out.
    pub(super) fn loss(&self) -> Option<&McpError> {
        self.loss.get()
    }

    pub(super) fn has_changed(&self) -> bool {
        self.has_changed.load(Ordering::Acquire)
    }

    pub(super) fn take_changed(&self) -> bool {
        self.has_changed.swap(false, Ordering::AcqRel)
    }
}

/// What a program says, line by line; tells as soon as one has become too long to be taken.
struct Measured<R> {
    output: R,
    line_bytes: usize,
    too_large: Arc<Notify>,
}

impl<R> Measured<R> {
    fn measure(&mut self, part: &[u8]) {
        for piece in part.split_inclusive(|byte| *byte == b'\n') {
            let before = self.line_bytes;
            self.line_bytes += piece.len();
            if before <= MAX_MESSAGE_BYTES && self.line_bytes > MAX_MESSAGE_BYTES {
                self.too_large.notify_waiters();
            }
            if piece.ends_with(b"\n") {
                self.line_bytes = 0;
            }
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Measured<R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let n_before = buf.filled().len();
        ready!(Pin::new(&mut this.output).poll_read(cx, buf))?;
        this.measure(&buf.filled()[n_before..]);
        Poll::Ready(Ok(()))
    }
}

/// Why a connection is of no use after a call that failed in this way; `None` where it still is.
pub(super) fn loss_by(err: &ServiceError) -> Option<McpError> {
    let err = match err {
        ServiceError::TransportClosed => return Some(McpError::Gone),
        err if err.is_authorization_required() => return Some(McpError::Unauthorized),
        ServiceError::TransportSend(err) => &err.error,
        _ => return None,
    };
    let is_lost = match err.downcast_ref::<StreamableHttpError<reqwest::Error>>() {
        Some(StreamableHttpError::Client(err)) => err.status().is_none() && !err.is_timeout(),
        // Whoever answers is there, though not with what was asked for.
        Some(
            StreamableHttpError::HttpStatus(_)
            | StreamableHttpError::UnexpectedServerResponse(_)
            | StreamableHttpError::ResponseBodyTooLarge { .. }
            | StreamableHttpError::UnexpectedContentType(_)
            | StreamableHttpError::Deserialize(_)
            | StreamableHttpError::ControlRequestTimeout,
        ) => false,
        Some(_) | None => true,
    };
    is_lost.then_some(McpError::Gone)
}

/// Whether what was sent did not get to the server, so that it cannot have done anything.
pub(super) fn never_reached(err: &ServiceError) -> bool {
    let ServiceError::TransportSend(sent) = err else { return false };
    match sent.error.downcast_ref::<StreamableHttpError<reqwest::Error>>() {
        Some(StreamableHttpError::Client(err)) => err.is_connect(),
        Some(StreamableHttpError::SessionExpired) => true,
        _ => err.is_authorization_required(),
    }
}

/// Whether the server did not look at what was sent, since it does not know the connection any more.
pub(super) fn is_forgotten(err: &ServiceError) -> bool {
    let ServiceError::TransportSend(sent) = err else { return false };
    let problem = sent.error.downcast_ref::<StreamableHttpError<reqwest::Error>>();
    matches!(problem, Some(StreamableHttpError::SessionExpired))
}

fn problem(err: &ClientInitializeError) -> McpError {
    match err {
        err if err.is_authorization_required() => McpError::Unauthorized,
        ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::TransportError { .. } => {
            McpError::Gone
        }
        _ => McpError::Protocol,
    }
}
