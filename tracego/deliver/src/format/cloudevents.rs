//! CloudEvents 1.0, structured mode in JSON; the data is the native record, whole.
//!
//! Extensions by their registered names: `traceparent` (distributed tracing), `severitytext` and
//! `severitynumber` (severity), `sequence`, `recordedtime`.

use std::{fmt, io};

use serde::{Serialize, Serializer};

use super::object::object;
use tracego_model::record::{Record, Trace};

/// Media type of [`batch`].
pub const BATCH_MEDIA_TYPE: &str = "application/cloudevents-batch+json";

/// Writes one record.
///
/// # Errors
/// When it cannot be serialised.
pub fn write(record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Event(record))?;
    out.push(b'\n');
    Ok(())
}

/// Puts lines that [`write()`] made into one JSON array.
pub fn batch<'a>(lines: impl IntoIterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (n, line) in lines.into_iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        out.extend_from_slice(line.trim_ascii_end());
    }
    out.push(b']');
}

struct Event<'a>(&'a Record);

impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        object! { serializer;
            "specversion": "1.0",
            "id": record.log.record.uid,
            "source": Source(record),
            "type": Type(record.event_name),
            "subject"? record.tracego.exec_id.as_ref(),
            "time": record.timestamp,
            "datacontenttype": "application/json",
            "dataschema": "urn:tracego:record:1",
            "traceparent"? record.trace.as_ref().map(Traceparent),
            "severitytext": record.severity_text,
            "severitynumber": record.severity_number,
            "sequence": Sequence(record.seq),
            "recordedtime": record.observed_timestamp,
            "data": record,
        }
    }
}

/// Implements the text of an attribute.
macro_rules! text {
    ($name:ident) => {
        impl Serialize for $name<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

/// A URN of the machine: its id, else its name.
struct Source<'a>(&'a Record);
text!(Source);

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.0.origin.host;
        let name = if host.id.is_empty() { &host.name } else { &host.id };
        f.write_str("urn:tracego:")?;
        // A name that has no letter would leave a URN that is none.
        if name.is_empty() {
            return f.write_str("unknown");
        }
        for byte in name.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    write!(f, "{}", char::from(byte))?;
                }
                _ => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

/// In reverse-DNS order, with the version of the record.
struct Type<'a>(&'a str);
text!(Type);

impl fmt::Display for Type<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dev.{}.v1", self.0)
    }
}

/// W3C Trace Context.
struct Traceparent<'a>(&'a Trace);
text!(Traceparent);

impl fmt::Display for Traceparent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{}", self.0.trace_id, self.0.span_id, self.0.trace_flags)
    }
}

/// Its order as a text is its order as a number.
struct Sequence(u64);

impl Serialize for Sequence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:020}", self.0))
    }
}
