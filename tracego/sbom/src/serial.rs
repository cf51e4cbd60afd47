//! The identifier of a bill, made of its content: the same content has the same one.

use std::fmt::Write as _;

use ring::digest;

/// The namespace of URLs in RFC 9562.
const URL: [u8; 16] =
    [0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8];

/// Returns the UUIDv5 of a text in the namespace of URLs.
pub(crate) fn uuid(text: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(&URL);
    context.update(text.as_bytes());
    let hash = context.finish();
    let mut uuid = String::with_capacity(36);
    for (at, &byte) in hash.as_ref().iter().take(16).enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            uuid.push('-');
        }
        let byte = match at {
            6 => byte & 0x0f | 0x50,
            8 => byte & 0x3f | 0x80,
            _ => byte,
        };
        // Writing to a text cannot fail.
        let _written = write!(uuid, "{byte:02x}");
    }
    uuid
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_uuid_is_that_of_python() {
        // uuid.uuid5(uuid.NAMESPACE_URL, "https://example.com/")
        assert_eq!(super::uuid("https://example.com/"), "dd2c1780-811a-5296-81c5-178a0ef488bc");
    }
}
