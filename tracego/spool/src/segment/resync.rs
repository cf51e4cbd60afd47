//! Search for the next valid frame behind damaged bytes.
//!
//! Frames do not contain their sequence number, but their checksum covers it, and CRC32C can be run
//! backwards: any bytes that could be a frame fit exactly one number modulo 2^32. So the next frame, and with it the
//! number of records that are missing before it, is found although the lengths of the frames before it are
//! unknown.

use crate::frame::{HEAD, ParsedFrame, parse, plausible, u32_at};

/// Maximum number of bytes of payloads that are summed in one search, which bounds its time.
const SUMMED_MAX: usize = 1 << 30;
/// Size of a payload above which the bytes behind it must look like a frame before it is summed.
const LARGE: usize = 64 << 10;
/// Number of damaged bytes up to which a single frame is trusted without the one that follows it.
const NEAR: usize = 64 << 10;

/// A frame behind damaged bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct FoundFrame {
    /// Offset from the start of the damaged bytes.
    pub(super) skip: usize,
    /// Sequence number of the frame.
    pub(super) seq: u64,
}

/// Searches `bytes` for the first valid frame behind its start, where the frame with the number `seq` should
/// be. `last`: whether the bytes reach to the end of the segment. The number of the frame is at least `seq`
/// and below `limit`.
pub(super) fn next_frame(bytes: &[u8], seq: u64, limit: u64, last: bool) -> Option<FoundFrame> {
    let inverse = Inverse::new();
    let mut summed = 0;
    for skip in 1..bytes.len().checked_sub(HEAD)? + 1 {
        let Some(rest) = bytes.get(skip..) else { break };
        let Some(size) = plausible(rest) else { continue };
        let Some(payload) = rest.get(HEAD..size) else { continue };
        let behind = rest.get(size..).unwrap_or_default();
        if payload.len() > LARGE && !behind.is_empty() && plausible(behind).is_none() {
            continue;
        }
        summed += payload.len();
        if summed > SUMMED_MAX {
            break;
        }
        let found = inverse.seq(u32_at(rest, 0), u32_at(rest, 4), payload, seq);
        let Some(found) = found.filter(|found| *found < limit) else { continue };
        let next = match parse(rest, found) {
            ParsedFrame::Record(_) => found + 1,
            ParsedFrame::Gap(gap) => gap.last.saturating_add(1),
            ParsedFrame::Short(_) | ParsedFrame::Bad(_) => continue,
        };
        // Each missing record took at least the head of a frame; a missing gap may stand for many more.
        let near = skip <= NEAR && found - seq <= (skip / HEAD) as u64;
        let ends = last && behind.is_empty() && next == limit;
        let goes_on = matches!(parse(behind, next), ParsedFrame::Record(_) | ParsedFrame::Gap(_));
        if near || ends || goes_on {
            return Some(FoundFrame { skip, seq: found });
        }
    }
    None
}

/// Reflected polynomial of CRC32C.
const POLYNOMIAL: u32 = 0x82F6_3B78;

const TABLE: [u32; 256] = table();
/// Index in [`TABLE`] of the entry with a certain highest byte, which is different in each.
const BACK: [u8; 256] = back();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ POLYNOMIAL } else { sum >> 1 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
}

const fn back() -> [u8; 256] {
    let mut back = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        back[(TABLE[byte] >> 24) as usize] = byte as u8;
        byte += 1;
    }
    back
}

/// Returns the state of the checksum before a byte.
fn before(state: u32, byte: u8) -> u32 {
    let index = BACK[(state >> 24) as usize];
    (state ^ TABLE[usize::from(index)]) << 8 | u32::from(index ^ byte)
}

/// A linear map of states: the images of the single bits.
type Matrix = [u32; 32];

fn apply(matrix: &Matrix, state: u32) -> u32 {
    (0..32).filter(|bit| state >> bit & 1 == 1).fold(0, |sum, bit| sum ^ matrix[bit])
}

/// The maps from a state to the one before 2^n zero bytes.
struct Inverse(Vec<Matrix>);

impl Inverse {
    fn new() -> Self {
        let mut powers: Vec<Matrix> = vec![std::array::from_fn(|bit| before(1 << bit, 0))];
        // Payloads have less than 2^25 bytes.
        for n in 0..24 {
            let half = powers[n];
            powers.push(half.map(|image| apply(&half, image)));
        }
        Self(powers)
    }

    /// Returns the smallest sequence number, `least` or above, of a frame with this length field, checksum
    /// and payload.
    fn seq(&self, raw: u32, sum: u32, payload: &[u8], least: u64) -> Option<u64> {
        // The checksum of a sequence of bytes is linear in the state before it.
        let mut state = sum ^ crc32c::crc32c(payload);
        for (n, matrix) in self.0.iter().enumerate() {
            if payload.len() >> n & 1 == 1 {
                state = apply(matrix, state);
            }
        }
        state = raw.to_le_bytes().iter().rev().fold(!state, |state, &byte| before(state, byte));
        let high = least >> 32;
        [high, high + 1].into_iter().find_map(|high| {
            let high_bytes = (high as u32).to_le_bytes();
            let state = high_bytes.iter().rev().fold(state, |state, &byte| before(state, byte));
            let low = !(0..4).fold(state, |state, _| before(state, 0));
            Some(high << 32 | u64::from(low)).filter(|&seq| seq >= least)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        frame::{put_gap, put_record},
        gap::{Gap, GapReason},
    };

    #[test]
    fn the_number_of_a_frame_comes_from_its_checksum() {
        let inverse = Inverse::new();
        for seq in [1, 77, 0xFFFF_FFFF, 0x1_0000_0000, 0x12_3456_789A] {
            for len in [0, 1, 7, 100, 70_000] {
                let mut frame = Vec::new();
                put_record(&mut frame, seq, &vec![0xA5; len]);
                for least in [seq, seq - 1, seq.saturating_sub(100)] {
                    let found = inverse.seq(u32_at(&frame, 0), u32_at(&frame, 4), &frame[HEAD..], least);
                    assert_eq!(found, Some(seq), "{seq} {len} {least}");
                }
            }
        }
    }

    #[test]
    fn the_first_frame_behind_damage_is_found() {
        let mut bytes = Vec::new();
        let mut starts = Vec::new();
        for seq in 10..30 {
            starts.push((bytes.len(), seq));
            put_record(&mut bytes, seq, format!("record {seq}").repeat(seq as usize % 5).as_bytes());
        }
        for damage in [1, 8, 20, 64, 200] {
            let mut broken = bytes.clone();
            broken[..damage].fill(0);
            let &(skip, seq) = starts.iter().find(|&&(at, _)| at >= damage).unwrap();
            let found = next_frame(&broken, 10, 1 << 62, true);
            assert_eq!(found, Some(FoundFrame { skip, seq }), "{damage}");
        }
        assert_eq!(next_frame(&vec![0; 5000], 10, 1 << 62, true), None);
        assert_eq!(next_frame(&bytes[..10], 10, 1 << 62, true), None);
    }

    #[test]
    fn a_damaged_gap_may_have_stood_for_many() {
        let mut bytes = Vec::new();
        put_gap(&mut bytes, &Gap { first: 5, last: 999_999, reason: GapReason::Disk, bytes: 1 });
        let skip = bytes.len();
        put_record(&mut bytes, 1_000_000, b"one");
        let alone = bytes.clone();
        put_record(&mut bytes, 1_000_001, b"two");
        bytes[9] ^= 1;
        let found = Some(FoundFrame { skip, seq: 1_000_000 });
        assert_eq!(next_frame(&bytes, 5, 1 << 62, true), found);
        // A single frame must end the segment.
        assert_eq!(next_frame(&alone, 5, 1 << 62, true), None);
        assert_eq!(next_frame(&alone, 5, 1_000_001, true), found);
    }
}
