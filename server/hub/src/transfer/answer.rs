//! What a server says about the bytes that it is about to send.

use crate::{HubError, Unusable};
use reqwest::{
    StatusCode,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap},
};
use std::ops::Range;

/// A success that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) kind: Kind,
    /// How long the whole file is.
    pub(super) total: Option<u64>,
    /// Of the whole file, if it is a strong one: parts with the same one belong together.
    pub(super) etag: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// These bytes.
    Part(Range<u64>),
    /// The file from its beginning.
    Whole,
}

impl Answer {
    /// Understands a success; `asked` is whether a range was asked for.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, asked: bool) -> Result<Self, HubError> {
        let text = |name| headers.get(name).and_then(|it| it.to_str().ok()).map(str::trim);
        // What was packed on its way has another length than the file.
        if text(CONTENT_ENCODING).is_some_and(|it| !it.is_empty() && !it.eq_ignore_ascii_case("identity")) {
            return Err(Unusable::Answer.into());
        }
        let length: Option<u64> = text(CONTENT_LENGTH).and_then(|it| it.parse().ok());
        let etag = text(ETAG).filter(|it| is_strong(it)).map(str::to_owned);
        if status == StatusCode::OK {
            return Ok(Self { kind: Kind::Whole, total: length, etag });
        }
        let (range, total) = text(CONTENT_RANGE).and_then(content_range).ok_or(Unusable::Answer)?;
        let has_length = length.is_none_or(|it| it == range.end - range.start);
        if status != StatusCode::PARTIAL_CONTENT || !asked || !has_length {
            return Err(Unusable::Answer.into());
        }
        Ok(Self { kind: Kind::Part(range), total, etag })
    }
}

fn is_strong(etag: &str) -> bool {
    etag.len() >= 2 && etag.len() <= 1024 && etag.starts_with('"') && etag.ends_with('"')
}

/// `bytes 0-9/100`, or with `*` for a total that is not known.
fn content_range(text: &str) -> Option<(Range<u64>, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, last) = range.split_once('-')?;
    let (start, end) = (start.trim().parse().ok()?, last.trim().parse::<u64>().ok()?.checked_add(1)?);
    let total = match total.trim() {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    (start < end && total.is_none_or(|total| end <= total)).then_some((start..end, total))
}

#[cfg(test)]
mod tests {
    use super::{Answer, Kind, content_range};
    use reqwest::{
        StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    };

    fn read(status: u16, asked: bool, list: &[(&'static str, &str)]) -> Option<Answer> {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let headers: HeaderMap = list.iter().map(pair).collect();
        Answer::read(StatusCode::from_u16(status).unwrap(), &headers, asked).ok()
    }

    #[test]
    fn ranges_are_read_and_lies_are_not() {
        let check = |text: &str, expected| assert_eq!(content_range(text), expected, "{text}");
        check("bytes 0-9/100", Some((0..10, Some(100))));
        check("bytes 5-5/*", Some((5..6, None)));
        for lie in [
            "bytes 9-0/100",
            "bytes 0-100/100",
            "bytes */100",
            "items 0-9/100",
            "bytes 0-18446744073709551615/*",
            "",
            "bytes -1-2/3",
        ] {
            check(lie, None);
        }
    }

    #[test]
    fn parts_belong_together_by_a_strong_mark_only() {
        let etag = |value: &str| read(200, true, &[("etag", value)]).unwrap().etag;
        assert_eq!(etag("\"abc\""), Some("\"abc\"".to_owned()));
        assert_eq!(etag("W/\"abc\""), None);
        assert_eq!(etag("abc"), None);
    }

    #[test]
    fn answers_that_contradict_themselves_are_not_used() {
        let part = Answer { kind: Kind::Part(0..10), total: Some(100), etag: None };
        let range = ("content-range", "bytes 0-9/100");
        assert_eq!(read(206, true, &[range, ("content-length", "10")]), Some(part.clone()));
        assert_eq!(read(206, true, &[range]), Some(part));
        assert_eq!(read(206, true, &[range, ("content-length", "11")]), None);
        assert_eq!(read(206, true, &[]), None);
        assert_eq!(read(206, false, &[range]), None);
        assert_eq!(read(204, true, &[]), None);
        assert_eq!(read(200, true, &[("content-encoding", "gzip")]), None);
        let whole = Answer { kind: Kind::Whole, total: Some(7), etag: None };
        assert_eq!(
            read(200, true, &[("content-length", "7"), ("content-encoding", "identity")]),
            Some(whole)
        );
    }
}
