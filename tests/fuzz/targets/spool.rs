//! Hostile spool folders: opening, reading and writing never panic, items follow each other, and acknowledged
//! items are not delivered again.
#![no_main]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a failure here is what is looked for")]

#[path = "../../../tracego/spool/tests/spool/sim_disk.rs"]
#[expect(dead_code, reason = "the disk of the tests, without its faults")]
mod sim_disk;

use libfuzzer_sys::fuzz_target;
use sim_disk::{PowerLoss, SimDisk};
use tracego_spool::{Item, Moment, QueueLimits, Spool};

/// Bytes of a segment's header.
const HEADER: usize = 40;
/// Maximum bytes of one file.
const LONGEST: usize = 16 * 1024;

fuzz_target!(|input: &[u8]| {
    run(input, false);
    // A change hardly ever passes a checksum.
    run(input, true);
});

/// Reads the files of a folder from the input, in sequence: kind, sequence number, length and bytes.
fn files(mut input: &[u8], repaired: bool) -> SimDisk {
    let sim = SimDisk::default();
    while let Some((head, rest)) = input.split_at_checked(4) {
        let len = usize::from(u16::from_le_bytes([head[2], head[3]])).min(rest.len()).min(LONGEST);
        let (bytes, rest) = rest.split_at(len);
        let mut bytes = bytes.to_vec();
        let first = u64::from(head[1]) + 1;
        let name = match head[0] % 8 {
            0 => "cursor".to_owned(),
            1 => "segment.tmp".to_owned(),
            2 => format!("{first:020}.seg.bad"),
            3 => format!("{:020}.seg", (1_u64 << 62) - first),
            _ => format!("{first:020}.seg"),
        };
        if repaired {
            match head[0] % 8 {
                0 => cursor(&mut bytes),
                3 => segment(&mut bytes, (1 << 62) - first),
                4.. => segment(&mut bytes, first),
                _ => {}
            }
        }
        sim.put(&name, bytes);
        input = rest;
    }
    sim
}

fn sum(bytes: &mut [u8], at: usize, start: u32) {
    let sum = crc32c::crc32c_append(start, &bytes[..at]);
    bytes[at..at + 4].copy_from_slice(&sum.to_le_bytes());
}

fn cursor(bytes: &mut Vec<u8>) {
    bytes.resize(8192, 0);
    for slot in bytes.chunks_exact_mut(4096) {
        slot[..8].copy_from_slice(b"TGOCURSR");
        slot[8..12].copy_from_slice(&1_u32.to_le_bytes());
        sum(slot, 72, 0);
    }
}

/// Makes the header valid, and each frame as far as the lengths fit.
fn segment(bytes: &mut Vec<u8>, first: u64) {
    bytes.resize(bytes.len().max(HEADER), 0);
    bytes[..8].copy_from_slice(b"TGOSPOOL");
    bytes[8..12].copy_from_slice(&1_u32.to_le_bytes());
    bytes[20..28].copy_from_slice(&first.to_le_bytes());
    sum(bytes, 36, 0);
    let (mut frames, mut seq) = (&mut bytes[HEADER..], first);
    while frames.len() >= 8 {
        let raw = u32::from_le_bytes(frames[..4].try_into().unwrap());
        let len = (raw & 0x3FFF_FFFF) as usize;
        if frames.len() - 8 < len {
            return;
        }
        let (frame, rest) = frames.split_at_mut(8 + len);
        let mut place = seq.to_le_bytes().to_vec();
        place.extend_from_slice(&raw.to_le_bytes());
        let sum = crc32c::crc32c_append(crc32c::crc32c(&place), &frame[8..]);
        frame[4..8].copy_from_slice(&sum.to_le_bytes());
        seq = match raw >> 31 {
            1 if len == 20 => u64::from_le_bytes(frame[8..16].try_into().unwrap()).wrapping_add(1),
            _ => seq.wrapping_add(1),
        };
        frames = rest;
    }
}

fn run(input: &[u8], repaired: bool) {
    let sim = files(input, repaired);
    let (segment_bytes, total_bytes) = (400, 1 << 20);
    let limits = QueueLimits { segment_bytes, total_bytes, compress: true, ..QueueLimits::default() };
    let now = Moment { boot_ns: 5_000_000_000, unix_ns: 1_800_000_000_000_000_000 };
    let (mut spool, recovery) = Spool::open_on(sim.clone(), limits, now).expect("the disk works");
    assert!(recovery.gaps.len() < 100_000);
    let mut expected = recovery.acked + 1;
    // Read twice, with a rewind and another batch size.
    for portion in [700, 3000] {
        spool.rewind();
        let mut at = expected;
        for _ in 0..20_000 {
            let batch = spool.read(portion);
            if batch.is_empty() {
                break;
            }
            for item in batch.iter() {
                let (first, last) = match item {
                    Item::Record(seq, _) => (seq, seq),
                    Item::Gap(gap) => (gap.first, gap.last),
                };
                assert!(first == at && last >= first, "{item:?} at {at}");
                at = last + 1;
            }
        }
    }
    let batch = spool.read(1);
    assert!(batch.is_empty());
    spool.rewind();
    if let Some(last) = spool.read(1).last_seq() {
        spool.ack(last);
        expected = last + 1;
    }
    assert_eq!(spool.acked_seq(), expected - 1);
    let _stored = spool.append(b"a record");
    let _stored = spool.append(&b"a record that is compressed".repeat(20));
    spool.due(now);
    spool.sync();
    let _stats = spool.stats();
    let durable = spool.durable_seq();
    assert_eq!(spool.close(), 0);
    if durable > 1 << 61 {
        // At the end of the number range only panics matter.
        return;
    }
    let left = sim.after(PowerLoss::Nothing);
    let (spool, again) = Spool::open_on(left, limits, now).expect("the disk works");
    assert_eq!(spool.acked_seq(), expected - 1, "{again:?}");
}
