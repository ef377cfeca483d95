//! A server that does what a test tells it, right or wrong.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::sleep,
};

/// What it does on a connection once it has read the request; at the end it closes.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Write(String),
    /// Says nothing until the other side leaves.
    Stall,
    /// Says this again and again until the other side leaves.
    Repeat(&'static str),
}

pub(super) struct Misbehaving {
    pub(super) address: String,
    requests: Arc<Mutex<Vec<String>>>,
    /// Connections that the other side has left.
    n_left: watch::Receiver<usize>,
}

impl Misbehaving {
    /// Serves so many connections, in this order.
    pub(super) async fn start(connections: Vec<Vec<Act>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let (left, n_left) = watch::channel(0);
        tokio::spawn(serve(listener, connections.into(), Arc::clone(&requests), left));
        Self { address, requests, n_left }
    }

    /// Head and body of every request so far.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Ends when the other side has left a connection.
    pub(super) async fn closed(&self) {
        self.n_left.clone().wait_for(|n| *n > 0).await.unwrap();
    }
}

async fn serve(
    listener: TcpListener,
    connections: VecDeque<Vec<Act>>,
    requests: Arc<Mutex<Vec<String>>>,
    left: watch::Sender<usize>,
) {
    let (connections, left) = (Arc::new(Mutex::new(connections)), Arc::new(left));
    while let Ok((mut stream, _)) = listener.accept().await {
        let (connections, requests, left) =
            (Arc::clone(&connections), Arc::clone(&requests), Arc::clone(&left));
        tokio::spawn(async move {
            let Some(request) = read_request(&mut stream).await else { return };
            requests.lock().unwrap().push(request);
            let acts = connections.lock().unwrap().pop_front().unwrap_or_default();
            perform(&mut stream, acts, &left).await;
        });
    }
}

async fn perform(stream: &mut TcpStream, acts: Vec<Act>, left: &watch::Sender<usize>) {
    for act in acts {
        match act {
            Act::Write(text) => stream.write_all(text.as_bytes()).await.unwrap(),
            Act::Stall => {
                _ = stream.read(&mut [0]).await;
                left.send_modify(|n| *n += 1);
            }
            Act::Repeat(text) => {
                while stream.write_all(text.as_bytes()).await.is_ok() {
                    sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }
    _ = stream.shutdown().await;
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
