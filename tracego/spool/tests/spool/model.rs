//! Test of any sequence of calls, restarts and power losses against a queue in memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::{collection::vec, prelude::*};
use tracego_spool::{Appended, GapReason, OnFull, QueueFull, QueueLimits, Spool, SyncPolicy};

use super::{
    OwnedItem, at,
    sim_disk::{Faults, PowerLoss, SimDisk},
};

#[derive(Clone, Debug)]
enum Call {
    Append(usize),
    Flush,
    Sync,
    /// Milliseconds that pass.
    Wait(i64),
    Read(usize),
    /// Number of the items in hand to acknowledge.
    Ack(usize),
    Rewind,
    /// The spool is closed and opened.
    Restart,
    /// The process is killed.
    Kill,
    /// The power fails.
    Fail,
    /// Number of syncs that fail.
    FailSyncs(u32),
    /// Whether the disk is read-only from now on.
    ReadOnly(bool),
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        20 => (0_usize..200).prop_map(Call::Append),
        1 => (5_000_usize..9_000).prop_map(Call::Append),
        3 => Just(Call::Flush),
        5 => Just(Call::Sync),
        3 => (0_i64..3000).prop_map(Call::Wait),
        6 => (1_usize..2000).prop_map(Call::Read),
        6 => (0_usize..40).prop_map(Call::Ack),
        2 => Just(Call::Rewind),
        1 => Just(Call::Restart),
        1 => Just(Call::Kill),
        1 => Just(Call::Fail),
        1 => (1_u32..4).prop_map(Call::FailSyncs),
        1 => any::<bool>().prop_map(Call::ReadOnly),
    ]
}

fn limits() -> impl Strategy<Value = QueueLimits> {
    let on_full = prop_oneof![Just(OnFull::Block), Just(OnFull::DropOldest), Just(OnFull::DropNewest)];
    let age = prop_oneof![3 => Just(None), 1 => Just(Some(std::time::Duration::from_secs(4)))];
    (on_full, age, 200_u64..1500, 10_000_u64..16_000, 500_usize..3000, any::<bool>()).prop_map(
        |(on_full, max_age, segment_bytes, total_bytes, memory_bytes, compress)| QueueLimits {
            segment_bytes,
            total_bytes,
            max_age,
            on_full,
            sync: SyncPolicy { records: 5, millis: 500 },
            memory_bytes,
            compress,
        },
    )
}

/// The expected state of the spool.
#[derive(Default)]
struct Model {
    /// Accepted records by sequence number; the refused ones follow, with reason and size.
    taken: BTreeMap<u64, Vec<u8>>,
    refused: BTreeMap<u64, (GapReason, u64)>,
    next: u64,
    durable: u64,
    /// Last numbers of gaps that a power loss caused.
    lost: BTreeSet<u64>,
    acked: u64,
    /// Items that were read and not acknowledged.
    hand: VecDeque<OwnedItem>,
    now: i64,
}

impl Model {
    fn got(&mut self, item: OwnedItem, limits: &QueueLimits) {
        let expected = self.hand.back().map_or(self.acked, OwnedItem::last) + 1;
        assert_eq!(item.first(), expected, "{item:?}");
        match &item {
            OwnedItem::Record(seq, bytes) => assert_eq!(self.taken.get(seq), Some(bytes), "{seq}"),
            OwnedItem::Gap(gap) => {
                let records = self.taken.range(gap.first..=gap.last);
                let (count, bytes) =
                    records.fold((0, 0), |(count, sum), (_, bytes)| (count + 1, sum + bytes.len() as u64));
                match gap.reason {
                    GapReason::DropOldest => {
                        assert_eq!(limits.on_full, OnFull::DropOldest);
                        assert_eq!((count, bytes), (gap.count(), gap.bytes), "{gap:?}");
                    }
                    GapReason::Age => {
                        assert!(limits.max_age.is_some());
                        assert_eq!((count, bytes), (gap.count(), gap.bytes), "{gap:?}");
                    }
                    GapReason::DropNewest | GapReason::TooLarge | GapReason::Disk => {
                        let mut sum = 0;
                        for seq in gap.first..=gap.last {
                            let (reason, bytes) = self.refused[&seq];
                            assert_eq!(reason, gap.reason, "{seq}");
                            sum += bytes;
                        }
                        assert_eq!(sum, gap.bytes, "{gap:?}");
                    }
                    // These records were never durable.
                    GapReason::Damage | GapReason::Missing => {
                        let lost = self.lost.contains(&gap.last);
                        assert!(lost || gap.first > self.durable, "{gap:?}");
                        // From now on the gap is durable in their place.
                        self.lost.insert(gap.last);
                    }
                }
            }
        }
        self.hand.push_back(item);
    }

    fn read(&mut self, spool: &mut Spool<SimDisk>, max: usize, limits: &QueueLimits) -> usize {
        let batch = spool.read(max);
        batch.iter().for_each(|item| self.got(item.into(), limits));
        batch.len()
    }

    /// Updates the model after a restart: records that were not durable may be gone, and their numbers are
    /// reused.
    fn reopened(&mut self, spool: &Spool<SimDisk>) {
        assert!(spool.acked_seq() <= self.acked, "acknowledged more than the reader did");
        self.acked = spool.acked_seq();
        self.hand.clear();
    }
}

fn run(calls: &[Call], limits: QueueLimits) {
    let mut sim = SimDisk::default();
    let mut model = Model { next: 1, ..Model::default() };
    let (mut spool, _) = Spool::open_on(sim.clone(), limits, at(0)).unwrap();
    for call in calls {
        match call {
            Call::Append(len) => {
                let bytes = vec![(model.next % 251) as u8; *len];
                match spool.append(&bytes) {
                    Ok(Appended::Stored(seq)) => {
                        assert_eq!(seq, model.next);
                        model.taken.insert(seq, bytes);
                        model.next += 1;
                    }
                    Ok(Appended::Dropped(seq, reason)) => {
                        assert_eq!(seq, model.next);
                        model.refused.insert(seq, (reason, *len as u64));
                        model.next += 1;
                    }
                    Err(QueueFull) => assert_eq!(limits.on_full, OnFull::Block),
                }
            }
            Call::Flush => spool.flush(),
            Call::Sync => {
                spool.sync();
            }
            Call::Wait(millis) => {
                model.now += millis;
                if spool.due(at(model.now)) {
                    spool.sync();
                }
            }
            Call::Read(max) => {
                model.read(&mut spool, *max, &limits);
            }
            Call::Ack(count) => {
                if let Some(item) = count.checked_sub(1).and_then(|at| model.hand.get(at)) {
                    let last = item.last();
                    spool.ack(last);
                    model.hand.drain(..*count);
                    model.acked = last;
                    assert_eq!(spool.acked_seq(), last);
                }
            }
            Call::Rewind => {
                spool.rewind();
                model.hand.clear();
            }
            Call::FailSyncs(syncs) => sim.faults(Faults { syncs: *syncs, ..Faults::default() }),
            Call::ReadOnly(read_only) => sim.faults(Faults { read_only: *read_only, ..Faults::default() }),
            Call::Restart | Call::Kill | Call::Fail => {
                sim.faults(Faults::default());
                let power =
                    if matches!(call, Call::Fail) { PowerLoss::Nothing } else { PowerLoss::Everything };
                let whole = matches!(call, Call::Restart);
                if whole {
                    assert_eq!(spool.close(), 0);
                    model.durable = model.next - 1;
                }
                sim = sim.after(power);
                let (opened, recovery) = Spool::open_on(sim.clone(), limits, at(model.now)).unwrap();
                spool = opened;
                assert_eq!(recovery.damaged, Vec::<String>::new());
                if whole {
                    assert_eq!(recovery.cut, 0, "{recovery:?}");
                }
                model.reopened(&spool);
                // Finds out which records exist, and which numbers are free.
                while model.read(&mut spool, 700, &limits) > 0 {}
                let end = model.hand.back().map_or(model.acked, OwnedItem::last).max(model.durable);
                let delivered: u64 =
                    model.hand.iter().filter(|got| matches!(got, OwnedItem::Record(..))).count() as u64;
                assert_eq!(spool.stats().depth.records, delivered);
                spool.rewind();
                model.hand.clear();
                // A gap of refused records may have no frame yet.
                let open = model.refused.range(end + 1..).map(|(seq, _)| *seq).take_while({
                    let mut next = end;
                    move |&seq| {
                        next += 1;
                        seq == next
                    }
                });
                let open = open.last().unwrap_or(end);
                let probe = spool.append(b"probe").unwrap_or(Appended::Stored(0));
                let seq = match probe {
                    Appended::Stored(0) => continue_full(&mut spool, &mut model, &limits, end),
                    Appended::Stored(seq) => {
                        forget(&mut model, seq);
                        model.taken.insert(seq, b"probe".to_vec());
                        seq + 1
                    }
                    Appended::Dropped(seq, reason) => {
                        forget(&mut model, seq);
                        model.refused.insert(seq, (reason, 5));
                        seq + 1
                    }
                };
                assert!(seq > end && seq <= open.max(end) + 2, "{seq} behind {end}, refused to {open}");
                model.next = seq;
            }
        }
        if !spool.stats().failing {
            model.durable = spool.durable_seq();
        }
    }
    // In the end everything is delivered.
    sim.faults(Faults::default());
    model.now += 100_000;
    spool.due(at(model.now));
    let until = model.next - 1;
    for _ in 0..10_000 {
        spool.sync();
        if model.read(&mut spool, 500, &limits) == 0 && model.hand.is_empty() && model.acked >= until {
            break;
        }
        if let Some(last) = model.hand.back().map(OwnedItem::last) {
            spool.ack(last);
            model.acked = last;
            model.hand.clear();
        }
    }
    assert_eq!(model.acked, until);
    assert_eq!(spool.stats().depth, tracego_spool::Amount::default());
    spool.sync();
    assert!(sim.used() < 8192 + 2000 + limits.segment_bytes as usize, "{:?}", sim.names());
}

/// Forgets records from a number on: the numbers of records lost in a power loss are reused.
fn forget(model: &mut Model, from: u64) {
    drop(model.taken.split_off(&from));
    drop(model.refused.split_off(&from));
}

/// Empties a full spool that blocks, because `append` does not return the next number. Returns that number.
fn continue_full(spool: &mut Spool<SimDisk>, model: &mut Model, limits: &QueueLimits, end: u64) -> u64 {
    assert_eq!(limits.on_full, OnFull::Block);
    // A read that finds nothing else gives the gap of refused records its frame.
    let mut nothing = 0;
    while nothing < 2 {
        spool.sync();
        nothing = if model.read(spool, 700, limits) == 0 { nothing + 1 } else { 0 };
        if let Some(last) = model.hand.back().map(OwnedItem::last) {
            spool.ack(last);
            model.acked = last;
            model.hand.clear();
        }
    }
    let end = end.max(model.acked);
    forget(model, end + 1);
    end + 1
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_calls_give_what_a_queue_in_memory_gives(calls in vec(call(), 1..250), limits in limits()) {
        run(&calls, limits);
    }
}

/// A case that the test above has found.
#[test]
fn what_was_acknowledged_of_a_segment_that_gives_way_is_not_missing_after_a_kill() {
    let append = Call::Append;
    let mut calls: Vec<Call> = [164, 86, 12].map(append).to_vec();
    calls.push(Call::Restart);
    calls.extend([185, 99, 118, 46, 76, 53, 104, 45].map(append));
    calls.push(Call::Sync);
    calls.extend([154, 109, 97, 79, 145].map(append));
    calls.extend([Call::Sync, Call::Append(64), Call::Read(1165), Call::Append(4), Call::Ack(11)]);
    calls.extend([Call::Append(169), Call::Kill]);
    let limits = QueueLimits {
        segment_bytes: 1077,
        total_bytes: 10069,
        max_age: None,
        on_full: OnFull::DropOldest,
        sync: SyncPolicy { records: 5, millis: 500 },
        memory_bytes: 500,
        compress: false,
    };
    run(&calls, limits);
}
