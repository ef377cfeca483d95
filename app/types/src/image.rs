//! Images in conversations, as they came: files in one of the usual formats.

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, SeqAccess, Visitor},
};
use std::{fmt, sync::Arc};

/// The largest image file, in bytes.
pub const MAX_IMAGE_BYTES: usize = 20 * 1024 * 1024;

/// What the images of one request may have together, in bytes.
pub const MAX_IMAGES_BYTES: usize = 40 * 1024 * 1024;

/// The most images of one request.
pub const MAX_IMAGES: usize = 32;

/// An image that a turn shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnImage {
    /// Where in the turn's text it stands: a number of bytes, at a character's boundary and not beyond the end.
    pub at: usize,
    pub file: ImageFile,
}

/// The bytes of an image's file. Copies share them.
#[derive(Clone, PartialEq, Eq)]
pub struct ImageFile(Arc<[u8]>);

impl ImageFile {
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What kind of file it is, by its first bytes; `None` where it is none of the kinds that are read.
    pub fn kind(&self) -> Option<ImageKind> {
        ImageKind::of(&self.0)
    }
}

/// Never what is in it.
impl fmt::Debug for ImageFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImageFile({} bytes)", self.0.len())
    }
}

impl Serialize for ImageFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for ImageFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(Bytes)
    }
}

struct Bytes;

impl<'de> Visitor<'de> for Bytes {
    type Value = ImageFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<ImageFile, E> {
        Ok(ImageFile::new(bytes))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<ImageFile, E> {
        Ok(ImageFile::new(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ImageFile, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = items.next_element::<u8>()? {
            bytes.push(byte);
        }
        Ok(ImageFile::new(bytes))
    }
}

/// The kinds of image files that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageKind {
    Png,
    Jpeg,
    Webp,
    Gif,
    Bmp,
    Tiff,
}

impl ImageKind {
    /// The kind that begins like this.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'G', b'I', b'F', b'8', ..] => Some(Self::Gif),
            [b'B', b'M', ..] => Some(Self::Bmp),
            // The second pair is of files that may have more than 4 GB.
            [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..] => Some(Self::Tiff),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            _ => None,
        }
    }

    /// As in the header `Content-Type`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_the_first_bytes() {
        let check = |bytes: &[u8], expected: Option<&str>| {
            assert_eq!(ImageKind::of(bytes).map(ImageKind::media_type), expected, "{bytes:?}");
        };
        check(b"\x89PNG\r\n\x1a\n", Some("image/png"));
        check(b"\xff\xd8\xff\xe0", Some("image/jpeg"));
        check(b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp"));
        check(b"GIF89a", Some("image/gif"));
        check(b"BM..", Some("image/bmp"));
        check(b"II*\0\x08\0\0\0", Some("image/tiff"));
        check(b"MM\0+\0\x08\0\0", Some("image/tiff"));
        check(b"II. Kapitel", None);
        check(b"RIFF\0\0\0\0WAVE", None);
        check(b"<svg>", None);
        check(b"", None);
    }

    #[test]
    fn what_is_in_an_image_is_never_shown() {
        assert_eq!(format!("{:?}", ImageFile::new(*b"secret")), "ImageFile(6 bytes)");
    }
}
