//! Compression of requests.

use std::io::{self, Write as _};

use flate2::write::GzEncoder;

use crate::collector::OtlpCompression;

/// Fast gzip level: records repeat each other so much that more effort gains little and takes long.
const GZIP: flate2::Compression = flate2::Compression::fast();
/// Default level of the zstd library.
const ZSTD: i32 = 3;

/// Compresses a message, or returns it unchanged for [`OtlpCompression::None`]. An empty message becomes an
/// empty frame, which is the shortest.
pub(super) fn compress(compression: OtlpCompression, message: Vec<u8>) -> io::Result<Vec<u8>> {
    match compression {
        OtlpCompression::None => Ok(message),
        OtlpCompression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::with_capacity(message.len() / 4), GZIP);
            encoder.write_all(&message)?;
            encoder.finish()
        }
        OtlpCompression::Zstd => zstd::bulk::compress(&message, ZSTD),
    }
}
