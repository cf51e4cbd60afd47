//! Tests with each flipped bit and each byte at which a file may end, one at a time.

use std::{collections::BTreeMap, panic::AssertUnwindSafe};

use tracego_spool::{Appended, CursorState, GapReason, OnFull, QueueLimits};

use super::{
    OwnedItem, drain, fill, open, record,
    sim_disk::{PowerLoss, SimDisk},
};

const CURSOR: &str = "cursor";

const LIMITS: QueueLimits = QueueLimits {
    segment_bytes: 500,
    total_bytes: 10_500,
    max_age: None,
    on_full: OnFull::DropNewest,
    sync: tracego_spool::SyncPolicy { records: 4, millis: 100 },
    memory_bytes: 1 << 20,
    compress: false,
};

/// Returns a small spool of several segments, with a gap and partly acknowledged; its acknowledged position;
/// and its records.
fn small() -> (SimDisk, u64, BTreeMap<u64, Vec<u8>>) {
    let sim = SimDisk::default();
    let (mut spool, _) = open(&sim, LIMITS);
    let mut records = BTreeMap::new();
    for number in 1..=24 {
        // One record is too long, so that there is a gap in the middle.
        let bytes = if number == 13 { vec![0; 6000] } else { record(number) };
        if let Appended::Stored(seq) = spool.append(&bytes).unwrap() {
            records.insert(seq, bytes);
        }
    }
    spool.sync();
    let batch = spool.read(1);
    spool.ack(batch.last_seq().unwrap());
    let batch = spool.read(1);
    spool.ack(batch.last_seq().unwrap());
    assert_eq!(spool.close(), 0);
    (sim.after(PowerLoss::Nothing), 2, records)
}

/// Opens, drains and compares the spool; every difference must be reported.
fn check(sim: &SimDisk, acked: u64, records: &BTreeMap<u64, Vec<u8>>, name: &str) {
    let (mut spool, recovery) = open(sim, LIMITS);
    assert!(recovery.acked <= acked);
    let got = drain(&mut spool);
    let (mut delivered, mut missing) = (Vec::new(), 0);
    for got in &got {
        match got {
            OwnedItem::Record(seq, bytes) => {
                assert_eq!(records.get(seq), Some(bytes), "{seq}");
                delivered.push(*seq);
            }
            OwnedItem::Gap(gap) => match gap.reason {
                GapReason::TooLarge => assert_eq!((gap.first, gap.last, gap.bytes), (13, 13, 6000)),
                GapReason::Damage | GapReason::Missing => missing += gap.count(),
                other => panic!("{other:?}"),
            },
        }
    }
    assert_eq!(got.first().unwrap().first(), recovery.acked + 1);
    assert_eq!(got.last().unwrap().last(), 24, "{recovery:?}");
    let expected = records.keys().filter(|&&seq| seq > acked).count();
    let got = delivered.iter().filter(|&&seq| seq > acked).count();
    if got < expected {
        assert!(missing > 0 && !recovery.gaps.is_empty(), "{recovery:?}");
    }
    if name == CURSOR {
        assert_eq!(got, expected);
        assert_eq!(missing, 0);
    }
    assert_eq!(spool.stats().depth.records, 0);
}

#[test]
fn every_bit_that_flips_is_seen_and_costs_at_most_its_segment() {
    let (sim, acked, records) = small();
    let names = sim.names();
    assert!(names.len() >= 4, "{names:?}");
    let mut told = 0;
    for name in names {
        let whole = sim.file(&name);
        for bit in 0..whole.len() * 8 {
            // Most of the cursor file is padding.
            if name == CURSOR && (bit / 8) % 4096 > 100 {
                continue;
            }
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let broken = sim.copy();
            broken.put(&name, bytes);
            let done = std::panic::catch_unwind(AssertUnwindSafe(|| check(&broken, acked, &records, &name)));
            assert!(done.is_ok(), "{name}, bit {bit}");
            told += 1;
        }
    }
    assert!(told > 10_000, "{told}");
}

#[test]
fn every_byte_at_which_a_file_ends_is_seen() {
    let (sim, acked, records) = small();
    for name in sim.names() {
        let whole = sim.file(&name);
        let step = if name == CURSOR { 13 } else { 1 };
        for len in (0..whole.len()).step_by(step) {
            let broken = sim.copy();
            broken.put(&name, whole[..len].to_vec());
            let done = std::panic::catch_unwind(AssertUnwindSafe(|| check(&broken, acked, &records, &name)));
            assert!(done.is_ok(), "{name} of {len} bytes");
        }
    }
}

#[test]
fn one_damaged_record_costs_one_record_and_its_file_is_kept() {
    let (sim, _, _) = small();
    let name = sim.names().into_iter().find(|name| name.ends_with(".seg")).unwrap();
    let mut bytes = sim.file(&name);
    let at = bytes.windows(9).position(|window| window == b"record 4 ").unwrap();
    bytes[at] ^= 1;
    sim.put(&name, bytes);
    let (mut spool, recovery) = open(&sim, LIMITS);
    assert_eq!(recovery.damaged, [name.as_str()]);
    let got = drain(&mut spool);
    let missing: Vec<_> = got
        .iter()
        .filter(|got| matches!(got, OwnedItem::Gap(gap) if gap.reason == GapReason::Damage))
        .collect();
    let [OwnedItem::Gap(gap)] = missing[..] else { panic!("{missing:?}") };
    assert_eq!((gap.first, gap.last), (4, 4));
    spool.sync();
    assert!(sim.names().contains(&format!("{name}.bad")), "{:?}", sim.names());
    assert_eq!(spool.stats().dropped(GapReason::Damage).records, 1);
}

#[test]
fn damage_after_opening_is_told_too() {
    let (sim, _, _) = small();
    let (mut spool, recovery) = open(&sim, LIMITS);
    assert!(recovery.is_whole(), "{recovery:?}");
    let name = sim.names().into_iter().find(|name| name.ends_with(".seg")).unwrap();
    let mut bytes = sim.file(&name);
    let at = bytes.windows(9).position(|window| window == b"record 4 ").unwrap();
    bytes[at] ^= 1;
    sim.put(&name, bytes);
    let got = drain(&mut spool);
    assert!(
        matches!(got[1], OwnedItem::Gap(gap) if (gap.first, gap.last, gap.reason) == (4, 4, GapReason::Damage))
    );
    assert!(spool.notice().is_some());
    assert_eq!(spool.stats().depth.records, 0);
}

#[test]
fn a_segment_that_is_gone_is_a_gap() {
    let (sim, acked, records) = small();
    for name in sim.names().into_iter().filter(|name| name.ends_with(".seg")) {
        use tracego_spool::Disk as _;
        let broken = sim.copy();
        broken.remove(&name).unwrap();
        check(&broken, acked, &records, &name);
    }
}

#[test]
fn a_cursor_that_is_gone_or_of_another_spool_repeats_everything() {
    let (sim, _, records) = small();
    let gone = sim.copy();
    tracego_spool::Disk::remove(&gone, CURSOR).unwrap();
    let (mut spool, recovery) = open(&gone, LIMITS);
    assert_eq!((recovery.cursor, recovery.acked), (CursorState::Missing, 0));
    assert_eq!(drain(&mut spool).len(), records.len() + 1);

    let other = SimDisk::default();
    let (mut spool, _) = tracego_spool::Spool::open_on(other.clone(), LIMITS, super::at(5)).unwrap();
    fill(&mut spool, 1..=20);
    spool.sync();
    drain(&mut spool);
    assert_eq!(spool.close(), 0);
    let foreign = sim.copy();
    foreign.put(CURSOR, other.file(CURSOR));
    let (mut spool, recovery) = open(&foreign, LIMITS);
    assert_eq!((recovery.cursor, recovery.acked), (CursorState::Foreign, 0));
    assert_eq!(drain(&mut spool).len(), records.len() + 1);
}

#[test]
fn what_a_crash_left_half_made_is_removed() {
    let (sim, acked, records) = small();
    sim.put("segment.tmp", vec![1, 2, 3]);
    sim.put("cursor.tmp", Vec::new());
    sim.put("something else", vec![4]);
    let (spool, recovery) = open(&sim, LIMITS);
    assert_eq!(recovery.removed, ["cursor.tmp", "segment.tmp"]);
    drop(spool);
    assert!(sim.names().contains(&"something else".to_owned()));
    check(&sim, acked, &records, "");
}
