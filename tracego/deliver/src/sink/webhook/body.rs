//! Bodies of requests, made of payloads.

use std::io::{self, Write as _};

use flate2::write::GzEncoder;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

use super::settings::WebhookCompression;
use crate::format::{Format, cloudevents};

/// Returns the media type of a body.
pub(super) fn media_type(format: Format) -> &'static str {
    match format {
        Format::CloudEvents => cloudevents::BATCH_MEDIA_TYPE,
        format => format.stream_media_type(),
    }
}

/// Joins the payloads of a batch to one body.
pub(super) fn join(format: Format, lines: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::with_capacity(lines.iter().map(|line| line.len() + 1).sum::<usize>() + 2);
    if format == Format::CloudEvents {
        cloudevents::batch(lines.iter().copied(), &mut body);
        return body;
    }
    for line in lines {
        body.extend_from_slice(line.trim_ascii_end());
        body.push(b'\n');
    }
    body
}

/// Default level of the zstd library.
const ZSTD: i32 = 3;

/// Compresses a body.
pub(super) fn compress(body: Vec<u8>, compression: WebhookCompression) -> io::Result<Vec<u8>> {
    match compression {
        WebhookCompression::None => Ok(body),
        WebhookCompression::Zstd => zstd::bulk::compress(&body, ZSTD),
        WebhookCompression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), flate2::Compression::fast());
            encoder.write_all(&body)?;
            encoder.finish()
        }
    }
}

/// Returns the key of a body before compression: 32 hexadecimal digits that depend on all its bytes.
pub(super) fn key(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    digest.iter().take(16).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Returns `sha256=` and the HMAC of a body as it is sent, in hexadecimal digits.
pub(super) fn signature(secret: &str, body: &[u8]) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    digest.iter().fold("sha256=".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_are_lines_or_a_list() {
        let lines: [&[u8]; 2] = [b"{\"a\":1}\n", b"{\"b\":2}"];
        assert_eq!(join(Format::Json, &lines), b"{\"a\":1}\n{\"b\":2}\n");
        assert_eq!(join(Format::CloudEvents, &lines), b"[{\"a\":1},{\"b\":2}]");
        assert_eq!(media_type(Format::Ocsf), "application/x-ndjson");
        assert_eq!(media_type(Format::CloudEvents), "application/cloudevents-batch+json");
        assert_eq!(media_type(Format::Cef), "text/plain; charset=utf-8");
    }

    /// Example of GitHub's documentation, "Validating webhook deliveries".
    #[test]
    fn signatures_are_those_of_github() {
        assert_eq!(
            signature("It's a Secret to Everybody", b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
