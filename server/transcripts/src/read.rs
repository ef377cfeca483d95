//! Files with conversations, whoever wrote them.

use crate::{
    MAX_CHAT_BYTES, MAX_CHATS, Transcript,
    arrange::{Told, arrange},
    native::{self, FORMAT},
    strangers,
};
use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use std::{
    cell::Cell,
    fmt,
    io::{self, BufRead, BufReader, Read},
};
use types::chat::{MAX_TITLE_CHARS, Role};

/// What is read of a file at once.
const PART_BYTES: usize = 256 * 1024;
/// How archives begin, and what some programs put before a text.
const ARCHIVE: &[u8] = b"PK\x03\x04";
const MARK: &[u8] = b"\xef\xbb\xbf";

/// One entry of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A conversation, and how many turns were left out of it.
    Chat(Box<Transcript>, usize),
    /// No conversation that we know, one without a turn, or one too many.
    NoChat,
}

/// Why nothing was read, or nothing more. `Display` is a sentence a person can read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the file is an archive; unpack it and choose the file conversations.json in it")]
    Archive,
    #[error("the file is no JSON: {0}")]
    NotJson(String),
    #[error("one conversation of the file has more than {MAX_CHAT_BYTES} bytes")]
    ChatTooLarge,
    #[error(
        "the file holds no conversation of a kind that is known: exports of ChaosEngineAI, Open WebUI, LM Studio and ChatGPT are"
    )]
    Unknown,
    #[error("the file could not be read: {0}")]
    File(io::Error),
}

/// Reads a file of ours, of Open WebUI, of LM Studio or of ChatGPT, one entry after the other, so that never more than one of them is in memory, however large the file is. `take`
/// ends the reading with `false`. Blocks.
pub fn read_entries(file: impl Read, take: &mut dyn FnMut(Entry) -> bool) -> Result<(), ReadError> {
    let since = Cell::new(0);
    let file = text_of(Bounded { inner: file, since: &since, most: MAX_CHAT_BYTES })?;
    let mut taker = Taker { take, since: &since, n_chats: 0, is_over: false };
    let mut json = serde_json::Deserializer::from_reader(file);
    let read = json.deserialize_any(Entries(&mut taker)).and_then(|()| json.end());
    if taker.is_over { Ok(()) } else { read.map_err(|err| problem(err, since.get())) }
}

/// Whether a file is JSON from its beginning to its end, which takes no memory. Blocks.
pub fn check(file: impl Read) -> Result<(), ReadError> {
    let since = Cell::new(0);
    let file = text_of(Bounded { inner: file, since: &since, most: usize::MAX })?;
    let mut json = serde_json::Deserializer::from_reader(file);
    json.deserialize_ignored_any(IgnoredAny).and_then(|_| json.end()).map_err(|err| problem(err, 0))
}

/// The file behind what some programs put before the text.
fn text_of<R: Read>(file: R) -> Result<BufReader<R>, ReadError> {
    let mut file = BufReader::with_capacity(PART_BYTES, file);
    let begin = file.fill_buf().map_err(ReadError::File)?;
    if begin.starts_with(ARCHIVE) {
        return Err(ReadError::Archive);
    }
    if begin.starts_with(MARK) {
        file.consume(MARK.len());
    }
    Ok(file)
}

fn problem(err: serde_json::Error, since: usize) -> ReadError {
    if !err.is_io() {
        return ReadError::NotJson(err.to_string());
    }
    if since > MAX_CHAT_BYTES { ReadError::ChatTooLarge } else { ReadError::File(err.into()) }
}

/// A file of which no entry is longer than it may be.
struct Bounded<'a, R> {
    inner: R,
    /// How much was read since the last entry ended.
    since: &'a Cell<usize>,
    most: usize,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since.get() > self.most {
            return Err(io::Error::other("too much of one entry"));
        }
        let n = self.inner.read(buffer)?;
        self.since.set(self.since.get().saturating_add(n));
        Ok(n)
    }
}

/// Who takes the entries.
struct Taker<'a> {
    take: &'a mut dyn FnMut(Entry) -> bool,
    since: &'a Cell<usize>,
    n_chats: usize,
    is_over: bool,
}

impl Taker<'_> {
    fn take<E: Error>(&mut self, entry: Entry) -> Result<(), E> {
        self.since.set(0);
        let entry = if self.n_chats < MAX_CHATS { entry } else { Entry::NoChat };
        self.n_chats += usize::from(entry != Entry::NoChat);
        self.is_over = !(self.take)(entry);
        if self.is_over { Err(E::custom("nobody wants more")) } else { Ok(()) }
    }
}

/// A list of entries, a file of ours, or one entry alone.
struct Entries<'a, 'b>(&'a mut Taker<'b>);

impl<'de> Visitor<'de> for Entries<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("conversations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(entry) = entries.next_element::<Value>()? {
            self.0.take(a_strangers(&entry))?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut entry = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            // What we write begins with its name, so that it need not be kept as a whole.
            if entry.get("format").and_then(Value::as_str) == Some(FORMAT) && key == "chats" {
                map.next_value_seed(OurChats(self.0))?;
                entry.insert(key, Value::Null);
            } else {
                entry.insert(key, map.next_value()?);
            }
        }
        match entry.get("format").and_then(Value::as_str) {
            Some(FORMAT) => match entry.remove("chats") {
                Some(Value::Array(chats)) => chats.into_iter().try_for_each(|it| self.0.take(ours(it))),
                _ => Ok(()),
            },
            _ => self.0.take(a_strangers(&Value::Object(entry))),
        }
    }
}

/// The conversations of a file of ours.
struct OurChats<'a, 'b>(&'a mut Taker<'b>);

impl<'de> DeserializeSeed<'de> for OurChats<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for OurChats<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of conversations")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(entry) = entries.next_element::<Value>()? {
            self.0.take(ours(entry))?;
        }
        Ok(())
    }
}

fn ours(chat: Value) -> Entry {
    match serde_json::from_value::<native::Chat>(chat) {
        Ok(chat) => {
            let (head, told, shown) = chat.into_parts();
            entry(head, told, shown.as_deref())
        }
        Err(_) => Entry::NoChat,
    }
}

fn a_strangers(value: &Value) -> Entry {
    match strangers::read(value) {
        Some(strangers::Chat { head, told, shown }) => entry(head, told, shown.as_deref()),
        None => Entry::NoChat,
    }
}

fn entry(head: Transcript, told: Vec<Told>, shown: Option<&str>) -> Entry {
    let arranged = arrange(told, shown);
    if !arranged.turns.iter().any(|turn| turn.role == Role::User) {
        return Entry::NoChat;
    }
    let title = head.title.split_whitespace().collect::<Vec<_>>().join(" ");
    let chat = Transcript {
        title: title.chars().take(MAX_TITLE_CHARS).collect(),
        turns: arranged.turns,
        shown: arranged.shown,
        ..head
    };
    Entry::Chat(Box::new(chat), arranged.n_left_out)
}
