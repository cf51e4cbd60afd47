//! The bytes of a segment: one header, then frames. No I/O; all numbers are little endian.
//!
//! ```text
//! header   magic 8 | version u32 | spool id u64 | first sequence number u64 | made, unix ns i64 | crc32c
//! record   len u32 | crc32c u32 | len bytes
//! gap      len u32 with its top bit set | crc32c u32 | last u64 | bytes u64 | reason u32
//! packed   len u32 with its second bit set | crc32c u32 | len bytes, see packing.rs
//! ```
//!
//! A frame's sequence number is not written: it follows that of the frame before. The checksum covers it, so
//! that a frame is valid only in its place: frames that are left over, moved or miscounted are not taken for
//! the record that belongs there.

use crate::{
    gap::{Gap, GapReason},
    packing::{RECORD_MAX, unpacked_len},
};

/// Size of a header in bytes.
pub(crate) const HEADER: usize = 40;
/// Size of a frame before its payload, in bytes.
pub(crate) const HEAD: usize = 8;
/// Exclusive upper bound of sequence numbers, so that sums of them do not overflow.
pub(crate) const SEQ_END: u64 = 1 << 62;

const MAGIC: [u8; 8] = *b"TGOSPOOL";
const VERSION: u32 = 1;
const GAP_BIT: u32 = 1 << 31;
const PACKED_BIT: u32 = 1 << 30;
const GAP_LEN: usize = 20;
/// Size of a gap's frame in bytes.
pub(crate) const GAP_FRAME: usize = HEAD + GAP_LEN;

/// The header of a segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SegmentHeader {
    /// Id of the spool; a cursor with another id belongs to another spool.
    pub(crate) spool: u64,
    /// Sequence number of the first frame.
    pub(crate) first: u64,
    /// Time of the first record, in ns since 1970.
    pub(crate) made: i64,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.spool.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.first.to_le_bytes());
        bytes[28..36].copy_from_slice(&self.made.to_le_bytes());
        let sum = crc32c::crc32c(&bytes[..36]);
        bytes[36..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Decodes a header; returns `None` if the bytes are not one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (covered, sum) = bytes.get(..HEADER)?.split_at(36);
        let whole = crc32c::crc32c(covered) == u32_at(sum, 0);
        let ours = covered.starts_with(&MAGIC) && u32_at(covered, 8) == VERSION;
        (whole && ours).then(|| Self {
            spool: u64_at(covered, 12),
            first: u64_at(covered, 20),
            made: u64_at(covered, 28).cast_signed(),
        })
    }
}

/// Returns the number at an offset; 0 if there are too few bytes.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
}

/// Returns the number at an offset; 0 if there are too few bytes.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
}

fn checksum(seq: u64, len: u32, payload: &[u8]) -> u32 {
    let mut place = [0; 12];
    place[..8].copy_from_slice(&seq.to_le_bytes());
    place[8..].copy_from_slice(&len.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c(&place), payload)
}

fn put(to: &mut Vec<u8>, seq: u64, len: u32, payload: &[u8]) {
    to.extend_from_slice(&len.to_le_bytes());
    to.extend_from_slice(&checksum(seq, len, payload).to_le_bytes());
    to.extend_from_slice(payload);
}

/// Adds the frame of a record of at most [`RECORD_MAX`] bytes.
pub(crate) fn put_record(to: &mut Vec<u8>, seq: u64, payload: &[u8]) {
    put(to, seq, payload.len() as u32, payload);
}

/// Adds the frame of a record in its compressed form.
pub(crate) fn put_packed(to: &mut Vec<u8>, seq: u64, packed: &[u8]) {
    put(to, seq, PACKED_BIT | packed.len() as u32, packed);
}

/// The payload of a record's frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredRecord<'a> {
    pub(crate) bytes: &'a [u8],
    /// Whether the bytes are the compressed form of the record.
    pub(crate) packed: bool,
}

impl<'a> StoredRecord<'a> {
    /// Returns the payload of a frame that was parsed as a record.
    pub(crate) fn of(frame: &'a [u8]) -> Self {
        Self { bytes: frame.get(HEAD..).unwrap_or_default(), packed: u32_at(frame, 0) & PACKED_BIT != 0 }
    }

    /// Returns the length of the record.
    pub(crate) fn record_len(&self) -> usize {
        if self.packed { unpacked_len(self.bytes).unwrap_or(0) } else { self.bytes.len() }
    }
}

/// Adds the frame of a gap.
pub(crate) fn put_gap(to: &mut Vec<u8>, gap: &Gap) {
    let mut payload = [0; GAP_LEN];
    payload[..8].copy_from_slice(&gap.last.to_le_bytes());
    payload[8..16].copy_from_slice(&gap.bytes.to_le_bytes());
    payload[16..].copy_from_slice(&gap.reason.to_raw().to_le_bytes());
    put(to, gap.first, GAP_BIT | GAP_LEN as u32, &payload);
}

/// The frame at the start of some bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ParsedFrame {
    /// A record, with the number of bytes after [`HEAD`].
    Record(usize),
    /// A gap.
    Gap(Gap),
    /// Too few bytes; the total number that is needed.
    Short(usize),
    /// No valid frame. If its length is right nonetheless, the number of bytes to the next one.
    Bad(Option<usize>),
}

/// Parses the frame that must have the sequence number `seq`.
pub(crate) fn parse(bytes: &[u8], seq: u64) -> ParsedFrame {
    if bytes.len() < HEAD {
        return ParsedFrame::Short(HEAD);
    }
    let raw = u32_at(bytes, 0);
    let gap = raw & GAP_BIT != 0;
    let Some(len) = payload_len(raw) else { return ParsedFrame::Bad(None) };
    let Some(payload) = bytes.get(HEAD..HEAD + len) else { return ParsedFrame::Short(HEAD + len) };
    if checksum(seq, raw, payload) != u32_at(bytes, 4) {
        // The number of records in a damaged gap is unknown, so nothing after it has a number.
        return ParsedFrame::Bad((!gap).then_some(HEAD + len));
    }
    if raw & PACKED_BIT != 0 && unpacked_len(payload).is_none() {
        return ParsedFrame::Bad(Some(HEAD + len));
    }
    if !gap {
        return ParsedFrame::Record(len);
    }
    let (last, bytes) = (u64_at(payload, 0), u64_at(payload, 8));
    match GapReason::from_raw(u32_at(payload, 16)) {
        Some(reason) if (seq..SEQ_END).contains(&last) => {
            ParsedFrame::Gap(Gap { first: seq, last, reason, bytes })
        }
        _ => ParsedFrame::Bad(None),
    }
}

/// Returns the size of the frame that bytes may begin with, judged by the length alone.
pub(crate) fn plausible(bytes: &[u8]) -> Option<usize> {
    let raw = bytes.first_chunk().copied().map(u32::from_le_bytes)?;
    payload_len(raw).map(|len| HEAD + len)
}

/// Returns the size of the payload behind this length field; `None` if no frame has it.
fn payload_len(raw: u32) -> Option<usize> {
    let len = (raw & !(GAP_BIT | PACKED_BIT)) as usize;
    let valid = match raw & (GAP_BIT | PACKED_BIT) {
        0 | PACKED_BIT => len <= RECORD_MAX,
        GAP_BIT => len == GAP_LEN,
        _ => false,
    };
    valid.then_some(len)
}

/// Returns the name of the segment that begins with a sequence number.
pub(crate) fn name(first: u64) -> String {
    format!("{first:020}.seg")
}

/// Returns the sequence number in the name of a segment; `None` for other names.
pub(crate) fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|first| plain && (1..SEQ_END).contains(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_valid_in_its_place_alone() {
        let mut bytes = Vec::new();
        put_record(&mut bytes, 7, b"record");
        assert_eq!(parse(&bytes, 7), ParsedFrame::Record(6));
        assert_eq!(parse(&bytes, 8), ParsedFrame::Bad(Some(14)));
        assert_eq!(parse(&bytes[..7], 7), ParsedFrame::Short(8));
        assert_eq!(parse(&bytes[..13], 7), ParsedFrame::Short(14));
        let gap = Gap { first: 8, last: 20, reason: GapReason::Age, bytes: 99 };
        bytes.clear();
        put_gap(&mut bytes, &gap);
        assert_eq!((parse(&bytes, 8), bytes.len()), (ParsedFrame::Gap(gap), GAP_FRAME));
        assert_eq!(parse(&bytes, 9), ParsedFrame::Bad(None));
        // Zeros, which a disk leaves where nothing was written.
        assert!(matches!(parse(&[0; 64], 9), ParsedFrame::Bad(_)));
    }

    #[test]
    fn a_changed_bit_is_seen() {
        let header = SegmentHeader { spool: 3, first: 12, made: -5 };
        let mut frame = Vec::new();
        put_record(&mut frame, 3, b"abc");
        let mut gap = Vec::new();
        put_gap(&mut gap, &Gap { first: 3, last: 4, reason: GapReason::Disk, bytes: 5 });
        assert_eq!(SegmentHeader::decode(&header.encode()), Some(header));
        for bit in 0..HEADER * 8 {
            let mut bytes = header.encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::decode(&bytes), None, "{bit}");
        }
        for frame in [frame, gap] {
            for bit in 0..frame.len() * 8 {
                let mut bytes = frame.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(matches!(parse(&bytes, 3), ParsedFrame::Bad(_) | ParsedFrame::Short(_)), "{bit}");
            }
        }
    }

    #[test]
    fn names_are_those_of_segments_alone() {
        assert_eq!(first_of(&name(17)), Some(17));
        let foreign =
            ["17.seg", "0000000000000000001x.seg", "00000000000000000017.bad", "+0000000000000000017.seg"];
        assert_eq!(foreign.map(first_of), [None; 4]);
        assert_eq!(first_of("00000000000000000000.seg"), None);
        assert_eq!(first_of("99999999999999999999.seg"), None);
    }
}
