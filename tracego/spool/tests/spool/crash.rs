//! Tests in which the power fails before every single operation of a workload, and more or less survives.

use std::collections::BTreeMap;

use tracego_spool::{Appended, GapReason, OnFull, QueueLimits, SyncPolicy};

use super::{
    OwnedItem, at, drain, open, record,
    sim_disk::{Faults, PowerLoss, SimDisk},
};

/// The facts that are known outside the spool when the power fails.
#[derive(Clone, Debug, Default)]
struct KnownFacts {
    /// Records that `append` accepted, by sequence number.
    taken: BTreeMap<u64, Vec<u8>>,
    /// Numbers that `append` refused.
    refused: Vec<u64>,
    /// Last durable number, as a sync reported it.
    durable: u64,
    /// Last number that was handed to the operating system.
    flushed: u64,
    /// Last number that the reader acknowledged.
    acked: u64,
}

#[derive(Clone, Copy, Debug)]
struct Work {
    limits: QueueLimits,
    /// Number of records between two reads; 0 for none.
    read_every: u64,
    /// Longest write of the disk in bytes.
    longest: Option<usize>,
}

const WORK: [Work; 5] = [
    Work { limits: QueueLimits { segment_bytes: 700, ..DEFAULT }, read_every: 7, longest: None },
    Work { limits: QueueLimits { segment_bytes: 700, ..DEFAULT }, read_every: 0, longest: Some(60) },
    Work { limits: QueueLimits { on_full: OnFull::DropOldest, ..SMALL }, read_every: 0, longest: None },
    Work { limits: QueueLimits { on_full: OnFull::DropOldest, ..SMALL }, read_every: 33, longest: None },
    Work { limits: QueueLimits { on_full: OnFull::DropNewest, ..SMALL }, read_every: 41, longest: None },
];
const DEFAULT: QueueLimits = QueueLimits {
    segment_bytes: 700,
    total_bytes: 1 << 20,
    max_age: None,
    on_full: OnFull::Block,
    sync: SyncPolicy { records: 5, millis: 1000 },
    memory_bytes: 1 << 20,
    compress: true,
};
const SMALL: QueueLimits = QueueLimits { total_bytes: 11_000, ..DEFAULT };

/// Runs a workload until its end or until the power fails. Returns the facts that are known then.
fn work(sim: &SimDisk, work: &Work) -> KnownFacts {
    let mut known = KnownFacts::default();
    sim.faults(Faults { longest: work.longest, ..Faults::default() });
    let Ok((mut spool, _)) = tracego_spool::Spool::open_on(sim.clone(), work.limits, at(0)) else {
        return known;
    };
    for number in 1..=110 {
        match spool.append(&record(number)).unwrap() {
            Appended::Stored(seq) => drop(known.taken.insert(seq, record(number))),
            Appended::Dropped(seq, _) => known.refused.push(seq),
        }
        if number % 3 == 0 {
            spool.flush();
            if !sim.crashed() {
                known.flushed = known.taken.keys().next_back().copied().unwrap_or(0);
            }
        }
        if spool.due(at(number.cast_signed() * 10)) {
            spool.sync();
        }
        known.durable = spool.durable_seq();
        if work.read_every > 0 && number % work.read_every == 0 {
            let batch = spool.read(500);
            if number % 2 == 0 {
                spool.rewind();
            } else {
                batch.last_seq().into_iter().for_each(|last| spool.ack(last));
                known.acked = spool.acked_seq();
            }
        }
        if sim.crashed() {
            return known;
        }
    }
    assert!(spool.close() == 0 || sim.crashed());
    known
}

fn check(sim: &SimDisk, work: &Work, known: &KnownFacts, power: PowerLoss) {
    let (mut spool, recovery) = open(sim, work.limits);
    assert!(spool.acked_seq() <= known.acked, "{recovery:?}");
    if !matches!(power, PowerLoss::Some(_)) {
        assert_eq!(recovery.damaged, Vec::<String>::new());
    }
    let before = spool.stats();
    let got = drain(&mut spool);
    let mut records = 0;
    for got in &got {
        match got {
            OwnedItem::Record(seq, bytes) => {
                records += 1;
                assert_eq!(known.taken.get(seq), Some(bytes), "{seq}");
            }
            OwnedItem::Gap(gap) => {
                let lost = || known.taken.range(gap.first..=gap.last);
                let bytes: u64 = lost().map(|(_, bytes)| bytes.len() as u64).sum();
                match gap.reason {
                    GapReason::DropOldest => {
                        assert_eq!(work.limits.on_full, OnFull::DropOldest);
                        assert_eq!((gap.count(), gap.bytes), (lost().count() as u64, bytes), "{gap:?}");
                    }
                    GapReason::DropNewest => {
                        assert_eq!(work.limits.on_full, OnFull::DropNewest);
                        for seq in gap.first..=gap.last {
                            assert!(known.refused.contains(&seq), "{seq} was taken: {gap:?}");
                        }
                    }
                    // Only records that were never durable may be missing without a reason.
                    GapReason::Damage | GapReason::Missing => {
                        assert!(gap.first > known.durable, "{gap:?}, durable to {}", known.durable);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
    assert_eq!(before.depth.records, records, "{got:?}");
    // Every durable record is there, was acknowledged, or is in a gap.
    let reached = got.last().map_or(recovery.acked, OwnedItem::last);
    assert!(reached >= known.durable.max(known.acked), "{reached} of {known:?}");
    if matches!(power, PowerLoss::Everything) {
        assert!(reached >= known.flushed, "{reached} of {known:?}");
    }
    // The spool goes on as if nothing had happened.
    let next = match spool.append(b"more").unwrap() {
        Appended::Stored(seq) => seq,
        other => panic!("{other:?}"),
    };
    assert!(next > reached);
    spool.sync();
    assert_eq!(spool.close(), 0);
    let (mut spool, recovery) = open(&sim.after(PowerLoss::Nothing), work.limits);
    assert_eq!((recovery.waiting.records, &recovery.gaps[..]), (1, &[][..]), "{recovery:?}");
    assert_eq!(drain(&mut spool), [OwnedItem::Record(next, b"more".to_vec())]);
}

/// Returns the kinds of power failures to test.
fn powers(op: u64) -> impl Iterator<Item = PowerLoss> {
    let some = (0..12).map(move |seed| PowerLoss::Some(op * 12 + seed));
    [PowerLoss::Nothing, PowerLoss::Everything, PowerLoss::Names].into_iter().chain(some)
}

fn each_crash(number: usize) {
    let script = WORK[number];
    let mut crashes = 0;
    for op in 0.. {
        let sim = SimDisk::default();
        sim.crash_at(op);
        let known = work(&sim, &script);
        for power in powers(op) {
            let what = format!("work {number}, operation {op}, {power:?}");
            let left = sim.after(power);
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                check(&left, &script, &known, power)
            }));
            assert!(done.is_ok(), "{what}");
        }
        if !sim.crashed() {
            break;
        }
        crashes += 1;
    }
    assert!(crashes > 50, "{crashes}");
}

#[test]
fn no_crash_loses_what_is_durable_with_a_reader() {
    each_crash(0);
}

#[test]
fn no_crash_loses_what_is_durable_with_short_writes() {
    each_crash(1);
}

#[test]
fn no_crash_loses_what_is_durable_while_the_oldest_is_dropped() {
    each_crash(2);
}

#[test]
fn no_crash_loses_what_is_durable_while_the_oldest_is_dropped_and_read() {
    each_crash(3);
}

#[test]
fn no_crash_loses_what_is_durable_while_the_newest_is_dropped() {
    each_crash(4);
}

/// Tests a crash during the recovery from a crash.
#[test]
fn no_crash_while_opening_loses_what_is_durable() {
    for script in [WORK[0], WORK[3], WORK[4]] {
        for op in (20..).step_by(9) {
            let sim = SimDisk::default();
            sim.crash_at(op);
            let known = work(&sim, &script);
            for power in [PowerLoss::Nothing, PowerLoss::Everything, PowerLoss::Some(op)] {
                let left = sim.after(power);
                for again in 0.. {
                    let second = left.copy();
                    second.crash_at(again);
                    if let Ok((mut spool, _)) =
                        tracego_spool::Spool::open_on(second.clone(), script.limits, at(0))
                    {
                        spool.sync();
                    }
                    for power in
                        [PowerLoss::Nothing, PowerLoss::Everything, PowerLoss::Names, PowerLoss::Some(again)]
                    {
                        // Two crashes with some sectors each may damage more than one would.
                        check(&second.after(power), &script, &known, PowerLoss::Some(0));
                    }
                    if !second.crashed() {
                        break;
                    }
                }
            }
            if !sim.crashed() {
                break;
            }
        }
    }
}
