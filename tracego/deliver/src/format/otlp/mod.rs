//! OTLP logs: records as `ExportLogsServiceRequest`, grouped by job and container.
//!
//! Attributes have the names of the native record, joined with dots. Attributes of the machine, the agent,
//! the job and the container are in the resource (semantic conventions, "CI/CD logs"), those of the process
//! are in the record. No attribute is lost.
//!
//! Each record is encoded by itself into a [`EncodedRecord`], which a queue can keep. A [`LogsRequest`] joins
//! pieces without decoding them.

mod flatten;
pub mod json;
mod protobuf;
mod request;

use std::io;

use flatten::{AttributeWriter, KeyValuePlace, attributes};
use json::{Json, quoted};
use protobuf::Protobuf;
pub use request::LogsRequest;
use serde::{Serialize, de::value::Error};
use tracego_model::{clock::Time, record::Record};

use super::{
    json::lean::LeanProcess,
    lean_own::LeanOwn,
    number,
    omit_fields::OmitFields,
    selection::{ChosenMembers, MemberTree, Selection},
};

/// Encoding of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encoding {
    /// Protobuf, for gRPC and HTTP.
    Protobuf,
    /// JSON, for HTTP and files.
    Json,
}

impl Encoding {
    /// Returns the `Content-Type` of a request over HTTP.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// Encoded record with its resource.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EncodedRecord {
    /// Encoded `Resource`: the same for all records of a job and container.
    pub resource: Vec<u8>,
    /// Encoded `LogRecord`.
    pub record: Vec<u8>,
}

/// Encoder of single records.
#[derive(Clone, Debug)]
pub struct LogEncoder {
    encoding: Encoding,
    more: Vec<(String, String)>,
    selection: Option<Selection>,
}

impl LogEncoder {
    /// Creates an encoder. `more`: resource attributes of the user (`OTEL_RESOURCE_ATTRIBUTES`,
    /// `OTEL_SERVICE_NAME`), which win over those of the record.
    #[must_use]
    pub fn new(encoding: Encoding, more: Vec<(String, String)>) -> Self {
        Self { encoding, more, selection: None }
    }

    /// Makes the encoder write the chosen attributes alone.
    #[must_use]
    pub fn choosing(self, selection: Option<Selection>) -> Self {
        Self { selection, ..self }
    }

    /// Encodes a record into `piece`, whose memory is reused.
    ///
    /// # Errors
    /// Fails if the record cannot be serialised.
    pub fn encode(&self, record: &Record, piece: &mut EncodedRecord) -> io::Result<()> {
        piece.resource.clear();
        piece.record.clear();
        let tree = self.selection.as_ref().and_then(|selection| selection.of(record));
        let done = match self.encoding {
            Encoding::Protobuf => self
                .resource(record, tree, &mut Protobuf { out: &mut piece.resource, field: 1 })
                .and_then(|()| protobuf_record(record, tree, &mut piece.record)),
            Encoding::Json => {
                piece.resource.extend_from_slice(b"{\"attributes\":[");
                let done = self.resource(record, tree, &mut Json(&mut piece.resource));
                piece.resource.extend_from_slice(b"]}");
                done.and_then(|()| json_record(record, tree, &mut piece.record))
            }
        };
        done.map_err(io::Error::other)
    }

    fn resource<O: AttributeWriter>(
        &self,
        record: &Record,
        tree: Option<&MemberTree>,
        out: &mut O,
    ) -> Result<(), Error> {
        let more = &self.more;
        for (name, value) in more {
            let mark = out.begin_entry(name, KeyValuePlace::Attribute);
            out.string(value);
            out.end_entry(mark);
        }
        attributes("", &*record.origin, more, out)?;
        if let Some(context) = &record.context {
            match tree {
                Some(tree) => attributes("", &ChosenMembers(&**context, tree), more, out)?,
                None => attributes("", &**context, more, out)?,
            }
        }
        if let Some(container) = &record.container {
            chosen_attributes("container", container, tree, more, out)?;
        }
        if let Some(k8s) = &record.k8s {
            chosen_attributes("k8s", k8s, tree, more, out)?;
        }
        match &record.tracego.references {
            Some(references) if record.is_lean => {
                attributes("tracego.ref", &OmitFields(&**references, RECORD_REFERENCES), more, out)
            }
            _ => Ok(()),
        }
    }
}

/// References of a lean record that are in its resource: many processes share them.
const RESOURCE_REFERENCES: &[&str] = &["stream", "job", "confinement"];
/// References of a lean record that are in the record.
const RECORD_REFERENCES: &[&str] = &["image"];

/// Writes the chosen attributes below a name; without a choice, all of them.
fn chosen_attributes<O: AttributeWriter, T: Serialize>(
    name: &str,
    value: &T,
    tree: Option<&MemberTree>,
    except: &[(String, String)],
    out: &mut O,
) -> Result<(), Error> {
    let Some(tree) = tree else { return attributes(name, value, except, out) };
    match tree.below(name) {
        Some(below) => attributes(name, &ChosenMembers(value, below), except, out),
        None if tree.keeps(&[name]) => attributes(name, value, except, out),
        None => Ok(()),
    }
}

/// Writes the attributes that are neither in the envelope of a `LogRecord` nor in the resource.
fn record_attributes<O: AttributeWriter>(
    record: &Record,
    tree: Option<&MemberTree>,
    out: &mut O,
) -> Result<(), Error> {
    attributes("log", &record.log, &[], out)?;
    if record.is_lean {
        return lean_attributes(record, tree, out);
    }
    attributes("tracego.schema", record.schema, &[], out)?;
    attributes("tracego.seq", &record.seq, &[], out)?;
    if let Some(process) = &record.process {
        chosen_attributes("process", &**process, tree, &[], out)?;
    }
    chosen_attributes("tracego", &*record.tracego, tree, &[], out)
}

/// Writes the attributes of a lean record, but for its id: those that JSON has, without the version of the
/// format and without those of the resource. The boot is in the record of the stream.
fn lean_attributes<O: AttributeWriter>(
    record: &Record,
    tree: Option<&MemberTree>,
    out: &mut O,
) -> Result<(), Error> {
    attributes("tracego.seq", &record.seq, &[], out)?;
    if let Some(process) = &record.process {
        chosen_attributes("process", &LeanProcess(record, process), tree, &[], out)?;
    }
    let own = LeanOwn { record, left_out: &["boot_id", "ref"], exit_left_out: &[] };
    chosen_attributes("tracego", &own, tree, &[], out)?;
    match &record.tracego.references {
        Some(references) => {
            attributes("tracego.ref", &OmitFields(&**references, RESOURCE_REFERENCES), &[], out)
        }
        None => Ok(()),
    }
}

/// Whether the body is written.
fn has_body(tree: Option<&MemberTree>) -> bool {
    tree.is_none_or(|tree| tree.keeps(&["body"]))
}

/// Returns a time for a `fixed64` field; OTLP has no time before 1970.
fn nanoseconds(time: Time) -> u64 {
    u64::try_from(time.0).unwrap_or(0)
}

/// Returns `trace_flags` as a number.
fn trace_flags(record: &Record) -> Option<u32> {
    record.trace.as_ref().and_then(|trace| u32::from_str_radix(&trace.trace_flags, 16).ok())
}

/// Writes a `LogRecord` in protobuf (opentelemetry/proto/logs/v1/logs.proto).
fn protobuf_record(record: &Record, tree: Option<&MemberTree>, out: &mut Vec<u8>) -> Result<(), Error> {
    let fixed64 = |field, time, out: &mut Vec<u8>| {
        out.push(protobuf::tag(field, 1));
        out.extend_from_slice(&nanoseconds(time).to_le_bytes());
    };
    fixed64(1, record.timestamp, out);
    out.push(protobuf::tag(2, 0));
    out.push(record.severity_number);
    protobuf::bytes(3, record.severity_text.as_bytes(), out);
    if has_body(tree) {
        let body = protobuf::open(5, out);
        protobuf::bytes(1, record.body.as_bytes(), out);
        protobuf::close(body, out);
    }
    record_attributes(record, tree, &mut Protobuf { out, field: 6 })?;
    if let Some(flags) = trace_flags(record) {
        out.push(protobuf::tag(8, 5));
        out.extend_from_slice(&flags.to_le_bytes());
    }
    if let Some(trace) = &record.trace {
        for (field, text) in [(9, &trace.trace_id), (10, &trace.span_id)] {
            let start = protobuf::open(field, out);
            out.extend(hexadecimal(text));
            protobuf::close(start, out);
        }
    }
    fixed64(11, record.observed_timestamp, out);
    protobuf::bytes(12, record.event_name.as_bytes(), out);
    Ok(())
}

/// Returns the bytes of hexadecimal digits, up to the first pair that is invalid.
fn hexadecimal(text: &str) -> impl Iterator<Item = u8> {
    text.as_bytes()
        .chunks_exact(2)
        .map_while(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
}

fn json_record(record: &Record, tree: Option<&MemberTree>, out: &mut Vec<u8>) -> Result<(), Error> {
    out.extend_from_slice(b"{\"timeUnixNano\":\"");
    number(nanoseconds(record.timestamp), out);
    out.extend_from_slice(b"\",\"observedTimeUnixNano\":\"");
    number(nanoseconds(record.observed_timestamp), out);
    out.extend_from_slice(b"\",\"severityNumber\":");
    number(record.severity_number, out);
    out.extend_from_slice(b",\"severityText\":");
    quoted(record.severity_text, out);
    if has_body(tree) {
        out.extend_from_slice(b",\"body\":{\"stringValue\":");
        quoted(&record.body, out);
        out.push(b'}');
    }
    out.extend_from_slice(b",\"attributes\":[");
    record_attributes(record, tree, &mut Json(out))?;
    out.push(b']');
    if let Some(flags) = trace_flags(record) {
        out.extend_from_slice(b",\"flags\":");
        number(flags, out);
    }
    if let Some(trace) = &record.trace {
        out.extend_from_slice(b",\"traceId\":");
        quoted(&trace.trace_id, out);
        out.extend_from_slice(b",\"spanId\":");
        quoted(&trace.span_id, out);
    }
    out.extend_from_slice(b",\"eventName\":");
    quoted(record.event_name, out);
    out.push(b'}');
    Ok(())
}
