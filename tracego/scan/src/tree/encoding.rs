//! Files in UTF-16, and those with a mark in front.

use std::borrow::Cow;

/// Returns the content of a file as UTF-8 without a byte order mark. UTF-16 is known by its mark, or by the zero in each of
/// its first characters.
pub(super) fn decoded(bytes: &[u8]) -> Cow<'_, [u8]> {
    let zero = |position: usize| bytes.get(position).is_some_and(|byte| *byte == 0);
    let text = |position: usize| bytes.get(position).is_some_and(|byte| *byte != 0);
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        [0xff, 0xfe, rest @ ..] => Cow::Owned(of_units(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(of_units(rest, u16::from_be_bytes)),
        _ if text(0) && zero(1) && text(2) && zero(3) => Cow::Owned(of_units(bytes, u16::from_le_bytes)),
        _ if zero(0) && text(1) && zero(2) && text(3) => Cow::Owned(of_units(bytes, u16::from_be_bytes)),
        _ => Cow::Borrowed(bytes),
    }
}

fn of_units(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let (pairs, _) = bytes.as_chunks::<2>();
    String::from_utf16_lossy(&pairs.iter().map(|pair| unit(*pair)).collect::<Vec<_>>()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_units_are_taken_off() {
        for bytes in [
            &b"\xef\xbb\xbfgo"[..],
            b"\xff\xfeg\0o\0",
            b"\xfe\xff\0g\0o",
            b"g\0o\0",
            b"\0g\0o",
            b"go",
            b"\xff\xfeg\0o\0x",
        ] {
            assert_eq!(&*decoded(bytes), b"go", "{bytes:?}");
        }
        assert_eq!(&*decoded(b"\xff"), b"\xff");
        assert_eq!(&*decoded(b""), b"");
    }
}
