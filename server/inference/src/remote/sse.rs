//! Server-sent events, as they arrive (HTML standard, 9.2.6). Pure.

/// One event with a large answer's whole likelihoods is far below.
const MAX_EVENT_BYTES: usize = 1 << 20;

/// An event over [`MAX_EVENT_BYTES`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Reads the data of events out of bytes that may be cut anywhere. Names, ids and comments are left out: no API of this
/// kind says anything with them.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    /// Of the event that has begun.
    data: Option<Vec<u8>>,
    /// The last byte was a carriage return: a line feed after it belongs to it.
    after_return: bool,
    has_begun: bool,
}

impl Events {
    /// The data of every event that `bytes` complete, in order.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut complete = Vec::new();
        for &byte in bytes {
            let belongs_to_return = std::mem::take(&mut self.after_return) && byte == b'\n';
            match byte {
                b'\n' if belongs_to_return => {}
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    complete.extend(self.end_line());
                }
                _ => self.line.push(byte),
            }
            if self.line.len() + self.data.as_ref().map_or(0, Vec::len) > MAX_EVENT_BYTES {
                return Err(TooLong);
            }
        }
        Ok(complete)
    }

    fn end_line(&mut self) -> Option<String> {
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::replace(&mut self.has_begun, true) && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        if line.is_empty() {
            return self.data.take().map(|data| String::from_utf8_lossy(&data).into_owned());
        }
        let value = match line.strip_prefix(b"data") {
            Some(b"") => &[],
            Some([b':', b' ', value @ ..] | [b':', value @ ..]) => value,
            _ => return None,
        };
        match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => self.data = Some(value.to_vec()),
        }
        None
    }
}

#[cfg(test)]
mod tests;
