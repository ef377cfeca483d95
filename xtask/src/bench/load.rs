//! A client of the OpenAI API that measures: several streams at once over real HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fail::{Failure, Result};

const PATIENCE: Duration = Duration::from_secs(120);
const WORDS: [&str; 64] = [
    "river", "stone", "lantern", "copper", "window", "garden", "winter", "signal", "paper", "engine",
    "harbor", "market", "shadow", "bridge", "orchard", "meadow", "candle", "forest", "silver", "ladder",
    "island", "thunder", "basket", "mirror", "valley", "hammer", "pocket", "summer", "castle", "needle",
    "desert", "button", "kitchen", "violin", "marble", "pepper", "tunnel", "feather", "station", "blanket",
    "glacier", "compass", "velvet", "anchor", "cottage", "lemon", "saddle", "chimney", "dragon", "pebble",
    "temple", "wagon", "whistle", "barrel", "cabin", "cherry", "planet", "ribbon", "statue", "ticket",
    "walnut", "zipper", "magnet", "parrot",
];

/// One answer to ask for.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// Messages in turn: the person's, the model's, the person's…
    pub(super) turns: Vec<String>,
    pub(super) max_tokens: u32,
    /// How long after the others.
    pub(super) delay: Duration,
    /// Whether our server may guess tokens; llama-server does not know the field.
    pub(super) speculates: bool,
    /// Whether the model may end the answer before its limit. Rates of many answers together can only be compared where
    /// all are of one length.
    pub(super) ends_by_itself: bool,
    /// What the answer must look like.
    pub(super) json_schema: Option<Value>,
    /// Which of several models; `None` for the one that is loaded.
    pub(super) model: Option<String>,
}

impl Ask {
    /// One message, at once.
    pub(super) fn new(prompt: String, max_tokens: u32) -> Self {
        Self {
            turns: vec![prompt],
            max_tokens,
            delay: Duration::ZERO,
            speculates: true,
            ends_by_itself: true,
            json_schema: None,
            model: None,
        }
    }

    /// The same, later.
    pub(super) fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The same, one token a step.
    pub(super) fn without_guesses(self) -> Self {
        Self { speculates: false, ..self }
    }

    /// The same, as long as its limit.
    pub(super) fn until_limit(self) -> Self {
        Self { ends_by_itself: false, ..self }
    }

    /// The same, of a certain model.
    pub(super) fn of_model(self, model: &str) -> Self {
        Self { model: Some(model.to_owned()), ..self }
    }

    /// The same, with an answer in JSON of such a form.
    pub(super) fn in_json(self, json_schema: Value) -> Self {
        Self { json_schema: Some(json_schema), ..self }
    }

    fn body(&self) -> String {
        let roles = ["user", "assistant"].into_iter().cycle();
        let messages: Vec<_> =
            roles.zip(&self.turns).map(|(role, text)| json!({"role": role, "content": text})).collect();
        let model = self.model.as_deref().unwrap_or("default");
        let mut body = json!({
            "model": model, "stream": true, "max_tokens": self.max_tokens, "temperature": 0, "seed": 1,
            "stream_options": {"include_usage": true}, "messages": messages,
            "speculation": if self.speculates { "auto" } else { "off" }, "ignore_eos": !self.ends_by_itself,
            // Both servers are to write to the limit, whatever it is that they write.
            "guards": false,
        });
        if let Some(schema) = &self.json_schema {
            let format = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}});
            body["response_format"] = format;
        }
        body.to_string()
    }
}

/// What came, and when after it was asked for.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) n_tokens: f64,
    pub(super) first_token: Duration,
    pub(super) last_token: Duration,
    /// The longest time between two pieces of text.
    pub(super) longest_gap: Duration,
    pub(super) text: String,
}

impl Stream {
    /// Tokens after the first, per second.
    pub(super) fn decode_rate(&self) -> f64 {
        (self.n_tokens - 1.0) / (self.last_token - self.first_token).as_secs_f64()
    }

    pub(super) fn first_token_ms(&self) -> f64 {
        self.first_token.as_secs_f64() * 1000.0
    }
}

/// Answers to several asks, side by side.
pub(super) struct Answers {
    /// In the order of the asks; an error where one failed.
    pub(super) streams: Vec<Result<Stream>>,
    wall: Duration,
}

impl Answers {
    /// The streams, if none failed.
    pub(super) fn all(self) -> Result<Vec<Stream>> {
        self.streams.into_iter().collect()
    }

    /// Tokens of all streams over the time from the first ask to the last token.
    pub(super) fn total_rate(&self) -> f64 {
        self.streams.iter().flatten().map(|it| it.n_tokens).sum::<f64>() / self.wall.as_secs_f64()
    }
}

/// Asks for everything, each in a thread of its own.
pub(super) fn together(address: SocketAddr, asks: &[Ask]) -> Answers {
    let begun = Instant::now();
    let streams = std::thread::scope(|scope| {
        let threads: Vec<_> = asks.iter().map(|ask| scope.spawn(move || stream(address, ask))).collect();
        let panicked = || Failure::new("a stream's thread panicked");
        threads.into_iter().map(|thread| thread.join().map_err(|_| panicked()).flatten()).collect()
    });
    Answers { streams, wall: begun.elapsed() }
}

fn stream(address: SocketAddr, ask: &Ask) -> Result<Stream> {
    let failed = |error: std::io::Error| Failure::new(format!("{address}: {error}"));
    std::thread::sleep(ask.delay);
    let body = ask.body();
    let begun = Instant::now();
    let mut socket = TcpStream::connect(address).map_err(failed)?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    socket.set_nodelay(true).map_err(failed)?;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(format!("{head}{body}").as_bytes()).map_err(failed)?;
    let mut answer = BufReader::new(socket);
    skip_head(&mut answer)?;
    follow(BufReader::new(Chunked { inner: answer, left: 0 }), begun)
}

/// Reads the events to the end, noting when tokens came.
fn follow(events: impl BufRead, begun: Instant) -> Result<Stream> {
    let (mut first, mut last, mut n_tokens) = (None, begun, None);
    let (mut longest_gap, mut text) = (Duration::ZERO, String::new());
    for line in events.lines() {
        let line = line.map_err(|error| Failure::new(format!("the stream broke off: {error}")))?;
        let Some(data) = line.strip_prefix("data:").map(str::trim) else { continue };
        if data == "[DONE]" {
            break;
        }
        let event: Value = serde_json::from_str(data).map_err(|error| Failure::new(error.to_string()))?;
        if let Some(error) = event.get("error").filter(|error| !error.is_null()) {
            return Err(Failure::new(error.to_string()));
        }
        n_tokens = event["usage"]["completion_tokens"].as_u64().or(n_tokens);
        let piece = event["choices"][0]["delta"]["content"].as_str().unwrap_or_default();
        if !piece.is_empty() {
            let now = Instant::now();
            if first.is_some() {
                longest_gap = longest_gap.max(now - last);
            }
            last = now;
            first.get_or_insert(now);
            text.push_str(piece);
        }
    }
    let (Some(first), Some(n_tokens)) = (first, n_tokens) else {
        return Err(Failure::new("an answer without tokens or without their count"));
    };
    let n_tokens = f64::from(u32::try_from(n_tokens).unwrap_or(u32::MAX));
    Ok(Stream { n_tokens, first_token: first - begun, last_token: last - begun, longest_gap, text })
}

fn skip_head(answer: &mut impl BufRead) -> Result<()> {
    let mut line = String::new();
    let mut status = None;
    loop {
        line.clear();
        let n = answer.read_line(&mut line).map_err(|error| Failure::new(error.to_string()))?;
        if status.is_none() {
            status = Some(line.trim().to_owned());
        }
        if n == 0 || line.trim().is_empty() {
            break;
        }
    }
    match status {
        Some(status) if status.contains(" 200 ") => Ok(()),
        status => Err(Failure::new(format!("the server answered {}", status.unwrap_or_default()))),
    }
}

/// The body of an answer in HTTP's chunked transfer coding (RFC 9112, section 7.1).
struct Chunked<R> {
    inner: R,
    left: usize,
}

impl<R: BufRead> Read for Chunked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.left == 0 {
            let mut line = String::new();
            if self.inner.read_line(&mut line)? == 0 {
                return Ok(0);
            }
            let size = line.trim().split(';').next().unwrap_or_default();
            if size.is_empty() {
                continue;
            }
            self.left = usize::from_str_radix(size, 16)
                .map_err(|_| std::io::Error::new(std::io::ErrorKind::InvalidData, "not a chunk size"))?;
            if self.left == 0 {
                return Ok(0);
            }
        }
        let room = buffer.len().min(self.left);
        let n = self.inner.read(&mut buffer[..room])?;
        self.left -= n;
        Ok(n)
    }
}

/// A text of so many words, each seed's its own: what one text was answered says nothing about the next one.
pub(super) fn words(n_words: usize, seed: usize) -> String {
    let word = |i: usize| WORDS[(scattered(seed as u64, i as u64) % WORDS.len() as u64) as usize];
    (0..n_words).map(word).collect::<Vec<_>>().join(" ")
}

/// A number that looks drawn by lot: the mixing function of SplitMix64 (Steele, Lea, Flood, 2014).
fn scattered(seed: u64, i: u64) -> u64 {
    let mixed = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    mixed(mixed(seed).wrapping_add((i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

/// A message of so many words that no other seed has, not even in its beginning.
pub(super) fn prompt(n_words: usize, seed: usize) -> String {
    format!("Story number {seed}. Continue this list of words: {}", words(n_words, seed))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seeds of rounds lie a thousand apart.
    #[test]
    fn no_two_texts_are_alike() {
        let texts: std::collections::HashSet<_> = (0..60).map(|round| words(4, 1_000 * round + 30)).collect();
        assert_eq!(texts.len(), 60);
        let shared = |a: &str, b: &str| a.split(' ').zip(b.split(' ')).filter(|(a, b)| a == b).count();
        assert!(shared(&words(120, 1_020), &words(120, 2_020)) < 20);
    }

    #[test]
    fn chunks_are_joined() {
        let check = |coded: &str, expected: &str| {
            let mut text = String::new();
            Chunked { inner: coded.as_bytes(), left: 0 }.read_to_string(&mut text).unwrap();
            assert_eq!(text, expected);
        };
        check("5\r\nhello\r\n6;x=1\r\n world\r\n0\r\n\r\n", "hello world");
        check("0\r\n\r\n", "");
    }

    #[test]
    fn a_stream_counts_what_the_server_reports() {
        let events = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n\
                      data: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\n\
                      data: {\"choices\":[],\"usage\":{\"completion_tokens\":7}}\n\ndata: [DONE]\n";
        let stream = follow(events.as_bytes(), Instant::now()).unwrap();
        assert!((stream.n_tokens - 7.0).abs() < f64::EPSILON);
        assert!(follow("data: {\"error\":{\"message\":\"no\"}}\n".as_bytes(), Instant::now()).is_err());
        assert!(follow("".as_bytes(), Instant::now()).is_err());
    }
}
