//! How many pages a TIFF has. Only its directories are looked at: what is in them, who looks at the image reads.

use types::image::ImageKind;

/// Whether an image has pages behind the one that is looked at.
pub(super) fn are_several(bytes: &[u8]) -> bool {
    ImageKind::of(bytes) == Some(ImageKind::Tiff) && second_directory(bytes).is_some_and(|at| at != 0)
}

/// Where the second page's directory is; 0 says that there is none.
fn second_directory(bytes: &[u8]) -> Option<u64> {
    let is_little = bytes.starts_with(b"II");
    let is_big_file = bytes.get(2..4)?.contains(&b'+');
    // The lengths of an address, of the number of entries, and of an entry; the first address is at the end of the header.
    let (address, count, entry, first) = if is_big_file { (8, 8, 20, 8) } else { (4, 2, 12, 4) };
    let number = |at: u64, length: u64| -> Option<u64> {
        let part = bytes.get(usize::try_from(at).ok()?..usize::try_from(at.checked_add(length)?).ok()?)?;
        let more = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if is_little { part.iter().rev().fold(0, more) } else { part.iter().fold(0, more) })
    };
    let directory = number(first, address)?;
    let n_entries = number(directory, count)?;
    let end = directory.checked_add(count)?.checked_add(n_entries.checked_mul(entry)?)?;
    number(end, address)
}

#[cfg(test)]
mod tests {
    use super::are_several;

    #[test]
    fn pages_are_told_by_the_directory_behind_the_first() {
        let check = |bytes: &[u8], expected: bool| assert_eq!(are_several(bytes), expected, "{bytes:?}");
        let entry = [0; 12];
        let little = |next: u8| [b"II*\0\x08\0\0\0\x01\0".as_slice(), &entry, &[next, 0, 0, 0]].concat();
        let big = |next: u8| [b"MM\0*\0\0\0\x08\0\x01".as_slice(), &entry, &[0, 0, 0, next]].concat();
        check(&little(0), false);
        check(&little(99), true);
        check(&big(0), false);
        check(&big(99), true);
        let vast = b"MM\0+\0\x08\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07";
        check(vast, true);
        // It promises what is not there.
        check(b"II*\0\xff\xff\xff\xff", false);
        check(b"II+\0\x08\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", false);
        check(b"II*\0", false);
        check(b"\x89PNG\r\n\x1a\n", false);
    }
}
