//! Files with conversations, whoever wrote them.

use crate::{
    MAX_CHATS, MAX_FILE_BYTES, Transcript,
    arrange::{Told, arrange},
    native::{self, FORMAT},
    strangers,
};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::Value;
use std::fmt;
use types::chat::{MAX_TITLE_CHARS, Role};

/// What a file held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub chats: Vec<Transcript>,
    /// Entries that are no conversation that we know, or have no turn.
    pub n_skipped: usize,
    /// Turns that were left out of conversations: circles, and what is over the limit.
    pub n_turns_left_out: usize,
}

/// Why nothing was read. `Display` is a sentence a person can read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the file has {bytes} bytes, {MAX_FILE_BYTES} are allowed")]
    TooLarge { bytes: usize },
    #[error("the file is an archive; unpack it and choose the file conversations.json in it")]
    Archive,
    #[error("the file is no JSON: {0}")]
    NotJson(String),
    #[error(
        "the file holds no conversation of a kind that is known: exports of ChaosEngineAI, Open WebUI, LM Studio and ChatGPT are"
    )]
    Unknown,
}

/// Reads a file of ours, of Open WebUI, of LM Studio or of ChatGPT. One entry after the other, since some files are large.
pub fn read(bytes: &[u8]) -> Result<Reading, ReadError> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(ReadError::TooLarge { bytes: bytes.len() });
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(ReadError::Archive);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let File(reading) =
        serde_json::from_slice(bytes).map_err(|error| ReadError::NotJson(error.to_string()))?;
    if reading.chats.is_empty() { Err(ReadError::Unknown) } else { Ok(reading) }
}

struct File(Reading);

impl<'de> Deserialize<'de> for File {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Entries).map(File)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Reading;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("conversations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Reading, A::Error> {
        let mut reading = Reading::default();
        while let Some(entry) = entries.next_element::<Value>()? {
            reading.take(entry);
        }
        Ok(reading)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Reading, A::Error> {
        let mut reading = Reading::default();
        let value = Value::deserialize(MapAccessDeserializer::new(map))?;
        match value {
            Value::Object(mut file) if file.get("format").and_then(Value::as_str) == Some(FORMAT) => {
                let chats = file.remove("chats").unwrap_or_default();
                let Value::Array(chats) = chats else { return Ok(reading) };
                for chat in chats {
                    reading.take_ours(chat);
                }
            }
            entry => reading.take(entry),
        }
        Ok(reading)
    }
}

impl Reading {
    fn take_ours(&mut self, chat: Value) {
        match serde_json::from_value::<native::Chat>(chat) {
            Ok(chat) => {
                let (head, told, shown) = chat.into_parts();
                self.add(head, told, shown.as_deref());
            }
            Err(_) => self.n_skipped += 1,
        }
    }

    fn take(&mut self, entry: Value) {
        match strangers::read(&entry) {
            Some(strangers::Chat { head, told, shown }) => self.add(head, told, shown.as_deref()),
            None => self.n_skipped += 1,
        }
    }

    fn add(&mut self, head: Transcript, told: Vec<Told>, shown: Option<&str>) {
        let arranged = arrange(told, shown);
        self.n_turns_left_out += arranged.n_left_out;
        if self.chats.len() >= MAX_CHATS || !arranged.turns.iter().any(|turn| turn.role == Role::User) {
            self.n_skipped += 1;
            return;
        }
        let title = head.title.split_whitespace().collect::<Vec<_>>().join(" ");
        self.chats.push(Transcript {
            title: title.chars().take(MAX_TITLE_CHARS).collect(),
            turns: arranged.turns,
            shown: arranged.shown,
            ..head
        });
    }
}
