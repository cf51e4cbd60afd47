//! Tests of the spool on a disk that fails and forgets as real ones do.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crash;
mod damage;
mod faults;
mod lost_blocks;
mod model;
mod sim_disk;

use sim_disk::SimDisk;
use tracego_spool::{Item, Moment, QueueLimits, Recovery, Spool};

/// Returns the moment this many milliseconds after the start of the test.
fn at(millis: i64) -> Moment {
    let ns = millis * 1_000_000;
    Moment { boot_ns: ns, unix_ns: 1_800_000_000_000_000_000 + ns }
}

fn open(sim: &SimDisk, limits: QueueLimits) -> (Spool<SimDisk>, Recovery) {
    Spool::open_on(sim.clone(), limits, at(0)).unwrap()
}

/// Returns the record with a number: the text has the number, and the length differs.
fn record(number: u64) -> Vec<u8> {
    let mut bytes = format!("record {number} ").into_bytes();
    bytes.resize(bytes.len() + (number * 37 % 90) as usize, b'.');
    bytes
}

/// Appends the records with these numbers.
fn fill(spool: &mut Spool<SimDisk>, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        assert_eq!(spool.append(&record(number)), Ok(tracego_spool::Appended::Stored(number)));
    }
}

/// An item that owns its bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
enum OwnedItem {
    Record(u64, Vec<u8>),
    Gap(tracego_spool::Gap),
}

impl OwnedItem {
    fn first(&self) -> u64 {
        match self {
            Self::Record(seq, _) => *seq,
            Self::Gap(gap) => gap.first,
        }
    }

    fn last(&self) -> u64 {
        match self {
            Self::Record(seq, _) => *seq,
            Self::Gap(gap) => gap.last,
        }
    }
}

impl From<Item<'_>> for OwnedItem {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Record(seq, bytes) => Self::Record(seq, bytes.to_vec()),
            Item::Gap(gap) => Self::Gap(gap),
        }
    }
}

/// Reads and acknowledges everything, and checks that no item is missing between two others.
fn drain(spool: &mut Spool<SimDisk>) -> Vec<OwnedItem> {
    let mut all: Vec<OwnedItem> = Vec::new();
    loop {
        spool.sync();
        let batch = spool.read(300);
        let Some(last) = batch.last_seq() else {
            // A gap of refused records gets its frame when all else is delivered.
            spool.sync();
            if spool.read(1).is_empty() {
                return all;
            }
            spool.rewind();
            continue;
        };
        for item in batch.iter() {
            let item = OwnedItem::from(item);
            let expected = all.last().map_or(spool.acked_seq() + 1, |before| before.last() + 1);
            assert_eq!(item.first(), expected, "{item:?} behind {:?}", all.last());
            all.push(item);
        }
        spool.ack(last);
    }
}
