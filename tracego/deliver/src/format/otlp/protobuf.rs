//! OTLP's `KeyValue` and `AnyValue` in the protobuf wire format (opentelemetry/proto/common/v1/common.proto
//! of opentelemetry-proto 1.9).
//!
//! The bytes are written straight into the buffer. Generated messages would first put every key and every
//! value on the heap, which takes 9 µs per process start instead of 4.

use super::flatten::{AttributeWriter, KeyValuePlace};

/// Wire type 2: bytes with their length in front.
const LENGTH: u8 = 2;

/// Returns the tag of a field whose number is below 16.
pub(super) const fn tag(field: u8, wire_type: u8) -> u8 {
    field << 3 | wire_type
}

/// Appends a number as a varint, with seven bits per byte.
pub(super) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Returns the number of bytes that [`varint`] writes.
pub(super) fn varint_len(value: usize) -> usize {
    (usize::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize
}

/// Appends a field of bytes.
pub(super) fn bytes(field: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(tag(field, LENGTH));
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

/// Returns the number of bytes that [`bytes`] writes.
pub(super) fn bytes_len(len: usize) -> usize {
    1 + varint_len(len) + len
}

/// Begins a message: appends its tag and space for its length. Returns the position where its content starts.
pub(super) fn open(field: u8, out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[tag(field, LENGTH), 0]);
    out.len()
}

/// Ends the message whose content starts at `start`: writes its length.
pub(super) fn close(start: usize, out: &mut Vec<u8>) {
    let len = out.len() - start;
    let more = varint_len(len) - 1;
    if more > 0 {
        let end = out.len();
        out.resize(end + more, 0);
        out.copy_within(start..end, start + more);
    }
    let mut rest = len;
    for byte in &mut out[start - 1..start + more] {
        *byte = (rest & 0x7f) as u8 | 0x80;
        rest >>= 7;
    }
    out[start + more - 1] &= 0x7f;
}

/// Writer of attributes in protobuf.
pub(super) struct Protobuf<'a> {
    /// Buffer that is written to.
    pub(super) out: &'a mut Vec<u8>,
    /// Number of the attributes field in its message.
    pub(super) field: u8,
}

impl AttributeWriter for Protobuf<'_> {
    /// Starts of a message and of the message within it; equal if there is only one.
    type Mark = (usize, usize);

    fn begin_entry(&mut self, key: &str, place: KeyValuePlace) -> Self::Mark {
        let entry = open(if place == KeyValuePlace::Attribute { self.field } else { 1 }, self.out);
        bytes(1, key.as_bytes(), self.out);
        (entry, open(2, self.out))
    }

    /// Ends an entry. A key without a value is written as such, like in JSON.
    fn end_entry(&mut self, (entry, value): Self::Mark) {
        if self.out.len() == value {
            // Removes the tag and the length.
            self.out.truncate(value - 2);
        } else {
            close(value, self.out);
        }
        close(entry, self.out);
    }

    fn begin_list(&mut self) -> Self::Mark {
        let start = open(5, self.out);
        (start, start)
    }

    fn end_list(&mut self, (start, _): Self::Mark) {
        close(start, self.out);
    }

    fn begin_element(&mut self) -> Self::Mark {
        let start = open(1, self.out);
        (start, start)
    }

    fn end_element(&mut self, (start, _): Self::Mark) {
        close(start, self.out);
    }

    fn begin_map(&mut self) -> Self::Mark {
        let start = open(6, self.out);
        (start, start)
    }

    fn end_map(&mut self, (start, _): Self::Mark) {
        close(start, self.out);
    }

    fn string(&mut self, value: &str) {
        bytes(1, value.as_bytes(), self.out);
    }

    fn int(&mut self, value: i64) {
        self.out.push(tag(3, 0));
        varint(value as u64, self.out);
    }

    fn boolean(&mut self, value: bool) {
        self.out.extend_from_slice(&[tag(2, 0), u8::from(value)]);
    }

    fn double(&mut self, value: f64) {
        self.out.push(tag(4, 1));
        self.out.extend_from_slice(&value.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_as_short_as_they_can_be() {
        for len in [0, 1, 127, 128, 129, 16_383, 16_384, 70_000] {
            let mut out = vec![9];
            let start = open(4, &mut out);
            out.resize(out.len() + len, 7);
            close(start, &mut out);
            let mut wanted = vec![9];
            bytes(4, &vec![7; len], &mut wanted);
            assert!(out == wanted, "{len}");
            assert_eq!(wanted.len(), 1 + bytes_len(len));
        }
    }

    #[test]
    fn a_negative_number_takes_ten_bytes() {
        let mut out = Vec::new();
        Protobuf { out: &mut out, field: 6 }.int(-1);
        assert_eq!(out, [0x18, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    }
}
