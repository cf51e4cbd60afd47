//! Requests, made smaller.

use std::io::{self, Write as _};

use flate2::write::GzEncoder;

use super::settings::Compression;

/// Records repeat each other so much that more effort gains little and takes long.
const GZIP: flate2::Compression = flate2::Compression::fast();
/// The library's own default.
const ZSTD: i32 = 3;

/// A message as it goes out. Nothing is not made smaller: an empty frame is the shortest.
pub(super) fn compressed(compression: Compression, message: Vec<u8>) -> io::Result<Vec<u8>> {
    match compression {
        Compression::None => Ok(message),
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::with_capacity(message.len() / 4), GZIP);
            encoder.write_all(&message)?;
            encoder.finish()
        }
        Compression::Zstd => zstd::bulk::compress(&message, ZSTD),
    }
}
