//! One connection to a server, from the handshake to its end.

use super::{
    McpError,
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
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::process::Child;
use types::toolbox::{Fingerprint, McpPlace};

/// The largest message. A result beyond is lost, and its call ends when its time is up.
const MAX_MESSAGE_BYTES: usize = 16 << 20;

pub(super) struct Connection {
    service: RunningService<RoleClient, Ears>,
    has_changed: Arc<AtomicBool>,
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
        let ears = Ears { has_changed: Arc::clone(&has_changed) };
        let (service, child) = match place {
            McpPlace::Program { program, arguments, environment } => {
                let (child, output, input) = launcher.start(program, arguments, environment, last_words)?;
                let transport =
                    AsyncRwTransport::new_client(output, input).with_max_line_length(MAX_MESSAGE_BYTES);
                (serve_client(ears, transport).await, Some(child))
            }
            McpPlace::Address { url, key } => {
                let mut config = StreamableHttpClientTransportConfig::with_uri(web_address(url)?.to_string());
                config.auth_header = key.as_ref().map(|key| key.expose().to_owned());
                config.max_json_response_size = MAX_MESSAGE_BYTES;
                config.max_sse_event_size = MAX_MESSAGE_BYTES;
                let transport = StreamableHttpClientTransport::with_client(client_of_named_server()?, config);
                (serve_client(ears, transport).await, None)
            }
        };
        let service = service.map_err(|err| problem(&err))?;
        Ok(Self { service, has_changed, listed: None, _child: child })
    }

    pub(super) fn peer(&self) -> &Peer<RoleClient> {
        self.service.peer()
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

fn problem(err: &ClientInitializeError) -> McpError {
    match err {
        err if err.is_authorization_required() => McpError::Unauthorized,
        ClientInitializeError::ConnectionClosed(_) | ClientInitializeError::TransportError { .. } => {
            McpError::Gone
        }
        _ => McpError::Protocol,
    }
}
