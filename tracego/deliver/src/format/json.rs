//! NDJSON: one object a line.

use std::io::{self, Write as _};

use tracego_model::record::Record;

/// Writes one record as a line of JSON.
///
/// # Errors
/// Fails if the record cannot be serialised.
pub fn write(record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, record)?;
    out.write_all(b"\n")
}
