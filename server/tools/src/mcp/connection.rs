//! One connection to a server, from the handshake to its end.

use super::{
    McpError,
    bounded::Bounded,
    launch::{LastWords, Launcher},
};
use crate::egress::{client_of_named_server, web_address};
use rmcp::{
    ClientHandler, Peer, RoleClient,
    model::{ClientCapabilities, ClientConfig, Implementation},
    service::{ClientInitializeError, NotificationContext, RunningService, serve_client},
    transport::{
        StreamableHttpClientTransport, async_rw::AsyncRwTransport,
        streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, ReadBuf},
    process::Child,
    sync::Notify,
};
use types::toolbox::{Fingerprint, McpPlace};

/// The largest message. What is beyond is lost: whom it answers is in it.
pub(super) const MAX_MESSAGE_BYTES: usize = 16 << 20;

pub(super) struct Connection {
    service: RunningService<RoleClient, Ears>,
    has_changed: Arc<AtomicBool>,
    too_large: Arc<Notify>,
    /// The server's tools by their names there, as they were last listed.
    pub(super) listed: Option<BTreeMap<String, Fingerprint>>,
    /// Dropped last: the program first sees its input end.
    _child: Option<Child>,
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
        let (service, child) = match place {
            McpPlace::Program { program, arguments, environment } => {
                let (child, output, input) = launcher.start(program, arguments, environment, last_words)?;
                let output = Measured { output, line_bytes: 0, too_large: Arc::clone(&too_large) };
                let transport =
                    AsyncRwTransport::new_client(output, input).with_max_line_length(MAX_MESSAGE_BYTES);
                (serve_client(ears, transport).await, Some(child))
            }
            McpPlace::Address { url, key } => {
                let mut config = StreamableHttpClientTransportConfig::with_uri(web_address(url)?.to_string());
                config.auth_header = key.as_ref().map(|key| key.expose().to_owned());
                config.max_json_response_size = MAX_MESSAGE_BYTES;
                config.max_sse_event_size = MAX_MESSAGE_BYTES;
                let client = Bounded { client: client_of_named_server()?, too_large: Arc::clone(&too_large) };
                let transport = StreamableHttpClientTransport::with_client(client, config);
                (serve_client(ears, transport).await, None)
            }
        };
        let service = service.map_err(|err| problem(&err))?;
        Ok(Self { service, has_changed, too_large, listed: None, _child: child })
    }

    pub(super) fn peer(&self) -> &Peer<RoleClient> {
        self.service.peer()
    }

    /// Who waits for this hears of the next message that is too large.
    pub(super) fn too_large(&self) -> Arc<Notify> {
        Arc::clone(&self.too_large)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.service.is_closed() || self.service.peer().is_transport_closed()
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

fn problem(err: &ClientInitializeError) -> McpError {
    match err {
        err if err.is_authorization_required() => McpError::Unauthorized,
        ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::TransportError { .. } => {
            McpError::Gone
        }
        _ => McpError::Protocol,
    }
}
