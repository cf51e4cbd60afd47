//! Tests with damage in a spool whose reader has acknowledged nothing: only syncs moved the durable mark.

use std::fs;

use tempfile::TempDir;
use tracego_spool::{Disk as _, GapReason, OnFull, QueueLimits, Recovery, SyncPolicy, survey};

use super::{
    OwnedItem, drain, fill, open, record,
    sim_disk::{PowerLoss, SimDisk},
};

const LIMITS: QueueLimits = QueueLimits {
    segment_bytes: 8000,
    total_bytes: 1 << 20,
    max_age: None,
    on_full: OnFull::Block,
    sync: SyncPolicy { records: 16, millis: 100 },
    memory_bytes: 1 << 20,
    compress: false,
};
const TOTAL: u64 = 400;
/// Bytes of a segment's header.
const HEADER: usize = 40;

/// Returns a spool of several segments without an acknowledgement.
fn unread() -> SimDisk {
    let sim = SimDisk::default();
    let (mut spool, _) = open(&sim, LIMITS);
    for number in 1..=TOTAL {
        fill(&mut spool, number..=number);
        if number % 16 == 0 {
            spool.sync();
        }
    }
    assert_eq!(spool.close(), 0);
    sim.after(PowerLoss::Nothing)
}

fn segments(sim: &SimDisk) -> Vec<String> {
    let found: Vec<_> = sim.names().into_iter().filter(|name| name.ends_with(".seg")).collect();
    assert!(found.len() >= 4, "{found:?}");
    found
}

/// A folder of the real file system for the same files.
struct Copy(TempDir);

impl Copy {
    fn is_whole(&self, sim: &SimDisk) -> bool {
        for entry in fs::read_dir(self.0.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        for name in sim.names() {
            fs::write(self.0.path().join(&name), sim.file(&name)).unwrap();
        }
        survey(self.0.path()).unwrap().whole
    }
}

/// Opens and drains the spool. Returns the number of missing records; each record comes once, or is counted.
fn missing(sim: &SimDisk, copy: &Copy) -> (u64, Recovery) {
    let is_whole = copy.is_whole(sim);
    let (mut spool, recovery) = open(sim, LIMITS);
    let (mut next, mut missing) = (1, 0);
    for item in drain(&mut spool) {
        assert_eq!(item.first(), next, "{item:?}");
        next = item.last() + 1;
        match item {
            OwnedItem::Record(seq, bytes) => assert_eq!(bytes, record(seq)),
            OwnedItem::Gap(gap) => {
                assert!(matches!(gap.reason, GapReason::Damage | GapReason::Missing), "{gap:?}");
                missing += gap.count();
            }
        }
    }
    assert_eq!(next, TOTAL + 1, "{recovery:?}");
    let told: u64 = recovery.gaps.iter().map(tracego_spool::Gap::count).sum();
    assert_eq!(told, missing, "{recovery:?}");
    if missing > 0 {
        assert!(!is_whole && !recovery.is_whole(), "{missing} records are missing of a whole spool");
    }
    let stats = spool.stats();
    let counted = stats.dropped(GapReason::Damage).records + stats.dropped(GapReason::Missing).records;
    assert_eq!((counted, stats.depth.records), (missing, 0));
    (missing, recovery)
}

fn copy() -> Copy {
    Copy(tempfile::tempdir().unwrap())
}

#[test]
fn a_damaged_header_costs_no_record() {
    let (sim, copy) = (unread(), copy());
    for name in segments(&sim) {
        for bit in 0..HEADER * 8 {
            let broken = sim.copy();
            let mut bytes = sim.file(&name);
            bytes[bit / 8] ^= 1 << (bit % 8);
            broken.put(&name, bytes);
            let (missing, recovery) = missing(&broken, &copy);
            assert_eq!(missing, 0, "{name}, bit {bit}");
            assert!(!recovery.is_whole());
        }
    }
}

#[test]
fn a_zeroed_block_costs_the_records_in_it() {
    let (sim, copy) = (unread(), copy());
    for name in segments(&sim) {
        let bytes = sim.file(&name);
        for (size, most) in [(512, 512 / 20 + 2), (4096, 4096 / 20 + 2)] {
            for start in (0..bytes.len()).step_by(512) {
                let mut bytes = bytes.clone();
                let end = bytes.len().min(start + size);
                let lost = end - start;
                bytes[start..end].fill(0);
                let broken = sim.copy();
                broken.put(&name, bytes);
                let (missing, _) = missing(&broken, &copy);
                assert!(missing <= most as u64, "{name} at {start}: {missing}");
                assert!(missing > 0 || lost <= HEADER, "{name} at {start}");
            }
        }
    }
}

#[test]
fn a_truncated_segment_is_counted_to_its_end() {
    let (sim, copy) = (unread(), copy());
    for name in segments(&sim) {
        let bytes = sim.file(&name);
        for len in (0..100).chain((100..bytes.len()).step_by(61)) {
            let broken = sim.copy();
            broken.put(&name, bytes[..len].to_vec());
            assert!(missing(&broken, &copy).0 > 0, "{name} of {len} bytes");
        }
    }
}

#[test]
fn missing_segments_are_counted_wherever_they_were() {
    let (sim, copy) = (unread(), copy());
    let names = segments(&sim);
    for from in 0..names.len() {
        for to in from + 1..=names.len() {
            let broken = sim.copy();
            names[from..to].iter().for_each(|name| broken.remove(name).unwrap());
            let (missing, _) = missing(&broken, &copy);
            let first = |n: usize| names.get(n).map_or(TOTAL + 1, |name| name[..20].parse().unwrap());
            assert_eq!(missing, first(to) - first(from));
        }
    }
}

#[test]
fn renamed_and_copied_segments_come_once_and_in_order() {
    let (sim, copy) = (unread(), copy());
    let names = segments(&sim);
    for one in 0..names.len() {
        for other in one + 1..names.len() {
            let broken = sim.copy();
            broken.put(&names[one], sim.file(&names[other]));
            broken.put(&names[other], sim.file(&names[one]));
            assert!(!copy.is_whole(&broken));
            let (missing, recovery) = missing(&broken, &copy);
            assert_eq!((missing, recovery.misplaced.len()), (0, 2), "{recovery:?}");
            assert!(!recovery.is_whole());
        }
    }
    // The same segment under another name, whose own content is gone.
    let broken = sim.copy();
    broken.put(&names[2], sim.file(&names[1]));
    let (missing_now, recovery) = missing(&broken, &copy);
    assert!(missing_now > 0 && recovery.misplaced == [names[2].clone()], "{recovery:?}");
    // The same under a name that no segment had.
    let broken = sim.copy();
    broken.put(&format!("{:020}.seg", 5000), sim.file(&names[1]));
    assert!(!copy.is_whole(&broken));
    let (missing_now, recovery) = missing(&broken, &copy);
    assert_eq!((missing_now, recovery.misplaced.len()), (0, 1), "{recovery:?}");
    // A segment of another spool.
    let other = SimDisk::default();
    let (mut spool, _) = tracego_spool::Spool::open_on(other.clone(), LIMITS, super::at(7)).unwrap();
    for number in 1..=TOTAL {
        fill(&mut spool, number..=number);
        if number % 16 == 0 {
            spool.sync();
        }
    }
    assert_eq!(spool.close(), 0);
    let broken = sim.copy();
    broken.put(&names[1], other.file(&names[1]));
    let (missing_now, recovery) = missing(&broken, &copy);
    assert!(missing_now > 0 && recovery.misplaced == [names[1].clone()], "{recovery:?}");
}
