//! OTLP in JSON: one `ExportLogsServiceRequest` per line, as the OTLP File Exporter writes it (OpenTelemetry
//! specification, "OpenTelemetry Protocol File Exporter" and "JSON Protobuf Encoding": ids in hexadecimal,
//! 64-bit integers as strings, enumerations as numbers, names in lowerCamelCase).

use std::io;

use tracego_model::record::Record;

use super::{
    EncodedRecord, Encoding, LogEncoder, LogsRequest,
    flatten::{AttributeWriter, KeyValuePlace},
    number,
};
use crate::format::selection::Selection;

/// Writes one record as one line.
///
/// # Errors
/// Fails if the record cannot be serialised.
pub fn write(record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
    line(&LogEncoder::new(Encoding::Json, Vec::new()), record, out)
}

/// Writes the chosen attributes of one record as one line.
///
/// # Errors
/// Fails if the record cannot be serialised.
pub(in crate::format) fn write_chosen(
    record: &Record,
    selection: &Selection,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    line(&LogEncoder::new(Encoding::Json, Vec::new()).choosing(Some(selection.clone())), record, out)
}

fn line(encoder: &LogEncoder, record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
    let mut piece = EncodedRecord::default();
    encoder.encode(record, &mut piece)?;
    let mut request = LogsRequest::new(Encoding::Json);
    request.push(&piece.resource, &piece.record);
    request.finish(out);
    out.push(b'\n');
    Ok(())
}

/// Writer of attributes in JSON, into a buffer that ends within a JSON list.
pub(super) struct Json<'a>(pub(super) &'a mut Vec<u8>);

impl Json<'_> {
    fn comma(&mut self) {
        if self.0.last() != Some(&b'[') {
            self.0.push(b',');
        }
    }

    fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }
}

/// Appends a text as a JSON string. Writing to memory does not fail.
pub(super) fn quoted(text: &str, out: &mut Vec<u8>) {
    if serde_json::to_writer(&mut *out, text).is_err() {
        out.extend_from_slice(b"\"\"");
    }
}

impl AttributeWriter for Json<'_> {
    type Mark = ();

    fn begin_entry(&mut self, key: &str, _: KeyValuePlace) {
        self.comma();
        self.raw("{\"key\":");
        quoted(key, self.0);
        self.raw(",\"value\":{");
    }

    /// Ends an entry. A key without a value is written as such: `{}` means the same, but some receivers
    /// (rotel 0.0.1a15) refuse the whole request for it.
    fn end_entry(&mut self, (): ()) {
        const VALUE: &[u8] = b",\"value\":{";
        if self.0.ends_with(VALUE) {
            self.0.truncate(self.0.len() - VALUE.len());
            self.raw("}");
        } else {
            self.raw("}}");
        }
    }

    fn begin_list(&mut self) {
        self.raw("\"arrayValue\":{\"values\":[");
    }

    fn end_list(&mut self, (): ()) {
        self.raw("]}");
    }

    fn begin_element(&mut self) {
        self.comma();
        self.raw("{");
    }

    fn end_element(&mut self, (): ()) {
        self.raw("}");
    }

    fn begin_map(&mut self) {
        self.raw("\"kvlistValue\":{\"values\":[");
    }

    fn end_map(&mut self, (): ()) {
        self.raw("]}");
    }

    fn string(&mut self, value: &str) {
        self.raw("\"stringValue\":");
        quoted(value, self.0);
    }

    fn int(&mut self, value: i64) {
        self.raw("\"intValue\":\"");
        number(value, self.0);
        self.raw("\"");
    }

    fn boolean(&mut self, value: bool) {
        self.raw(if value { "\"boolValue\":true" } else { "\"boolValue\":false" });
    }

    fn double(&mut self, value: f64) {
        self.raw("\"doubleValue\":");
        // Values without a number in JSON are strings (Protocol Buffers, "ProtoJSON Format").
        match serde_json::Number::from_f64(value) {
            Some(number) => self.raw(&number.to_string()),
            None if value.is_nan() => self.raw("\"NaN\""),
            None => self.raw(if value > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" }),
        }
    }
}
