//! Bytes as text that needs no escape in a string literal or in HTML. Every byte is one character whose number ends in that byte;
//! those that would have to be escaped are moved up among letters.

const MOVED: u32 = 0x100;

/// Bytes as a text of as many characters, which [`from_text`] reads. No character of it would have to be escaped in a string
/// literal or in HTML.
pub fn to_text(bytes: &[u8]) -> String {
    let character = |byte: &u8| match byte {
        b' '..=b'~' if !matches!(byte, b'"' | b'\\' | b'<') => Some(char::from(*byte)),
        _ => char::from_u32(MOVED + u32::from(*byte)),
    };
    bytes.iter().filter_map(character).collect()
}

/// The inverse of [`to_text`].
pub fn from_text(text: &str) -> Vec<u8> {
    text.chars().map(|character| u32::from(character).to_le_bytes()[0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_and_none_needs_an_escape() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text = to_text(&bytes);
        assert_eq!(from_text(&text), bytes);
        assert_eq!(format!("{text:?}"), format!("\"{text}\""));
        assert!(!text.contains('<'));
    }
}
