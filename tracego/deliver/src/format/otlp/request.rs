//! Request with many encoded records: `ExportLogsServiceRequest`.

use tracego_model::record::SCHEMA_URL;

use super::{
    Encoding,
    json::quoted,
    protobuf::{self, bytes_len},
};

/// Name and version in the `InstrumentationScope`, for the program that made the records.
const SCOPE: &str = "tracego";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Pieces of one encoding, grouped by their resource.
#[derive(Debug)]
pub struct LogsRequest {
    encoding: Encoding,
    groups: Vec<Group>,
    records: usize,
    bytes: usize,
    /// Memory of the largest group so far, for reuse.
    spare: Vec<u8>,
}

/// `ResourceLogs` under construction.
#[derive(Debug)]
struct Group {
    resource: Vec<u8>,
    /// Encoded records: in protobuf with tag and length, in JSON with commas between.
    records: Vec<u8>,
}

impl LogsRequest {
    /// Creates a request without records.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        Self { encoding, groups: Vec::new(), records: 0, bytes: 0, spare: Vec::new() }
    }

    /// Adds a [`EncodedRecord`](super::EncodedRecord). Records keep their order within a group; groups have
    /// the order of their first records.
    pub fn push(&mut self, resource: &[u8], record: &[u8]) {
        // The search starts at the end: the previous record is mostly of the same job.
        let found = self.groups.iter().rposition(|group| group.resource == resource);
        let at = found.unwrap_or_else(|| {
            self.bytes += resource.len();
            let records = std::mem::take(&mut self.spare);
            self.groups.push(Group { resource: resource.to_vec(), records });
            self.groups.len() - 1
        });
        let records = &mut self.groups[at].records;
        match self.encoding {
            Encoding::Protobuf => protobuf::bytes(2, record, records),
            Encoding::Json => {
                if !records.is_empty() {
                    records.push(b',');
                }
                records.extend_from_slice(record);
            }
        }
        self.records += 1;
        self.bytes += record.len();
    }

    /// Returns the number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records
    }

    /// Whether the request has no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Returns the size of the pieces in bytes, without their framing.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes
    }

    /// Writes the `ExportLogsServiceRequest` (the same bytes as `LogsData`) and empties the request.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Protobuf => self.groups.iter().for_each(|group| group.protobuf(out)),
            Encoding::Json => {
                out.extend_from_slice(b"{\"resourceLogs\":[");
                for (n, group) in self.groups.iter().enumerate() {
                    if n > 0 {
                        out.push(b',');
                    }
                    group.json(out);
                }
                out.extend_from_slice(b"]}");
            }
        }
        let largest = self.groups.drain(..).map(|group| group.records).max_by_key(Vec::capacity);
        let mut spare = largest.unwrap_or_default();
        spare.clear();
        *self = Self { spare, ..Self::new(self.encoding) };
    }
}

impl Group {
    /// Writes `ResourceLogs` as field 1 of the request. All lengths are known ahead, so no bytes are moved.
    fn protobuf(&self, out: &mut Vec<u8>) {
        let scope = bytes_len(SCOPE.len()) + bytes_len(VERSION.len());
        let url = bytes_len(SCHEMA_URL.len());
        let scope_logs = bytes_len(scope) + self.records.len() + url;
        let message = |field, len: usize, out: &mut Vec<u8>| {
            out.push(protobuf::tag(field, 2));
            protobuf::varint(len as u64, out);
        };
        message(1, bytes_len(self.resource.len()) + bytes_len(scope_logs) + url, out);
        protobuf::bytes(1, &self.resource, out);
        message(2, scope_logs, out);
        message(1, scope, out);
        protobuf::bytes(1, SCOPE.as_bytes(), out);
        protobuf::bytes(2, VERSION.as_bytes(), out);
        out.extend_from_slice(&self.records);
        protobuf::bytes(3, SCHEMA_URL.as_bytes(), out);
        protobuf::bytes(3, SCHEMA_URL.as_bytes(), out);
    }

    fn json(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"resource\":");
        out.extend_from_slice(&self.resource);
        out.extend_from_slice(b",\"scopeLogs\":[{\"scope\":{\"name\":");
        quoted(SCOPE, out);
        out.extend_from_slice(b",\"version\":");
        quoted(VERSION, out);
        out.extend_from_slice(b"},\"logRecords\":[");
        out.extend_from_slice(&self.records);
        out.extend_from_slice(b"],\"schemaUrl\":");
        quoted(SCHEMA_URL, out);
        out.extend_from_slice(b"}],\"schemaUrl\":");
        quoted(SCHEMA_URL, out);
        out.push(b'}');
    }
}
