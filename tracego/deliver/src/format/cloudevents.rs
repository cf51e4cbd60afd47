//! CloudEvents 1.0, structured mode in JSON; the data is the whole native record.
//!
//! Extensions have their registered names: `traceparent` (distributed tracing), `severitytext` and
//! `severitynumber` (severity), `sequence`, `recordedtime`.

use std::{fmt, io};

use serde::{Serialize, Serializer};
use tracego_model::record::{Record, Trace};

use super::{
    json::{Written, lean::observed},
    object::object,
    selection::{ChosenMembers, MemberTree},
};

/// Media type of [`batch`].
pub const BATCH_MEDIA_TYPE: &str = "application/cloudevents-batch+json";

/// Writes one record as one line.
///
/// # Errors
/// Fails if the record cannot be serialised.
pub fn write(record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Event(record, Written(record)))?;
    out.push(b'\n');
    Ok(())
}

/// Writes one record with the chosen members of its data as one line.
///
/// # Errors
/// Fails if the record cannot be serialised.
pub(super) fn write_chosen(record: &Record, tree: &MemberTree, out: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Event(record, ChosenMembers(&Written(record), tree)))?;
    out.push(b'\n');
    Ok(())
}

/// Joins lines of [`write()`] to one JSON array.
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

/// Record and its data.
struct Event<'a, D>(&'a Record, D);

impl<D: Serialize> Serialize for Event<'_, D> {
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
            "dataschema": "urn:tracego:record:2",
            "traceparent"? record.trace.as_ref().map(Traceparent),
            "severitytext"? (!record.is_lean).then_some(record.severity_text),
            "severitynumber": record.severity_number,
            "sequence": Sequence(record.seq),
            "recordedtime"? if record.is_lean { observed(record) } else { Some(record.observed_timestamp) },
            "data": self.1,
        }
    }
}

/// Implements `Serialize` for an attribute that is a text.
macro_rules! text {
    ($name:ident) => {
        impl Serialize for $name<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}

/// URN of the machine: its id, or its name if it has no id.
struct Source<'a>(&'a Record);
text!(Source);

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.0.origin.host;
        let name = if host.id.is_empty() { &host.name } else { &host.id };
        f.write_str("urn:tracego:")?;
        // An empty name would make an invalid URN.
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

/// Type of the event in reverse-DNS order, with the version of the record.
struct Type<'a>(&'a str);
text!(Type);

impl fmt::Display for Type<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dev.{}.v2", self.0)
    }
}

/// Trace context in the format of W3C Trace Context.
struct Traceparent<'a>(&'a Trace);
text!(Traceparent);

impl fmt::Display for Traceparent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{}", self.0.trace_id, self.0.span_id, self.0.trace_flags)
    }
}

/// Sequence number with leading zeros, so that texts sort like numbers.
struct Sequence(u64);

impl Serialize for Sequence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:020}", self.0))
    }
}
