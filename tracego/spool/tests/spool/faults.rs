//! Tests with calls that fail while the spool runs.

use std::time::Duration;

use tracego_spool::{Appended, GapReason, OnFull, QueueFull, QueueLimits, SpoolNotice, SyncPolicy};

use super::{
    OwnedItem, at, drain, fill, open, record,
    sim_disk::{Faults, PowerLoss, SimDisk},
};

fn limits() -> QueueLimits {
    QueueLimits { segment_bytes: 1000, total_bytes: 100_000, memory_bytes: 2000, ..QueueLimits::default() }
}

fn records(got: &[OwnedItem]) -> Vec<u64> {
    let number = |got: &OwnedItem| match got {
        OwnedItem::Record(seq, bytes) => {
            assert_eq!(bytes, &record(*seq));
            Some(*seq)
        }
        OwnedItem::Gap(_) => None,
    };
    got.iter().filter_map(number).collect()
}

#[test]
fn records_are_due_by_number_and_by_time_and_read_when_they_are_durable() {
    let (mut spool, recovery) =
        open(&SimDisk::default(), QueueLimits { sync: SyncPolicy { records: 3, millis: 50 }, ..limits() });
    assert!(recovery.is_whole());
    spool.sync();
    assert!(!spool.due(at(10)) && spool.deadline().is_none());
    spool.append(&record(1)).unwrap();
    assert!(!spool.due(at(59)) && spool.due(at(60)));
    assert_eq!(spool.deadline(), Some(at(60).boot_ns));
    assert!(spool.read(100).is_empty(), "a record that the power may take is given to nobody");
    assert!(spool.sync() && !spool.due(at(60)));
    assert_eq!(spool.read(100).len(), 1);
    fill(&mut spool, 2..=4);
    assert!(spool.due(at(60)));
}

#[test]
fn a_sync_that_failed_is_not_believed_when_it_is_tried_again() {
    for failing in 1..6 {
        let sim = SimDisk::default();
        let (mut spool, _) = open(&sim, limits());
        fill(&mut spool, 1..=3);
        assert!(spool.sync());
        fill(&mut spool, 4..=8);
        sim.faults(Faults { syncs: failing, ..Faults::default() });
        let mut now = 0;
        while !spool.sync() {
            now += 6000;
            assert!(spool.due(at(now)));
        }
        assert_eq!(spool.durable_seq(), 8);
        assert!(matches!(spool.notice(), Some(SpoolNotice::Rewritten(..))));
        // The power fails: only records that were certainly synced are there.
        let (mut spool, recovery) = open(&sim.after(PowerLoss::Nothing), limits());
        assert_eq!(recovery.gaps, []);
        assert_eq!(records(&drain(&mut spool)), (1..=8).collect::<Vec<_>>());
    }
}

#[test]
fn a_full_disk_is_told_once_and_loses_nothing_while_memory_lasts() {
    let sim = SimDisk::default();
    let (mut spool, _) = open(&sim, limits());
    sim.faults(Faults { capacity: Some(sim.used() + 150), longest: Some(7), ..Faults::default() });
    let mut stored = 0;
    let mut now = 0;
    loop {
        now += 20;
        match spool.append(&record(stored + 1)) {
            Ok(Appended::Stored(seq)) => stored = seq,
            Ok(other) => panic!("{other:?}"),
            Err(QueueFull) => break,
        }
        if spool.due(at(now)) {
            spool.sync();
        }
    }
    assert!(stored > 20, "{stored}");
    let told: Vec<String> = std::iter::from_fn(|| spool.notice()).map(|notice| notice.to_string()).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("No space left"), "{told:?}");
    assert!(spool.stats().failing && spool.stats().blocked == 1);
    sim.faults(Faults::default());
    while !spool.due(at(now)) {
        now += 100;
    }
    assert!(spool.sync() && !spool.stats().failing);
    assert!(matches!(spool.notice(), Some(SpoolNotice::Recovered(_))));
    let (mut spool, _) = open(&sim.after(PowerLoss::Nothing), limits());
    assert_eq!(records(&drain(&mut spool)), (1..=stored).collect::<Vec<_>>());
}

#[test]
fn what_is_acknowledged_makes_room_on_a_full_disk() {
    let sim = SimDisk::default();
    let (mut spool, _) = open(&sim, limits());
    fill(&mut spool, 1..=60);
    assert!(spool.sync());
    sim.faults(Faults { capacity: Some(sim.used()), ..Faults::default() });
    fill(&mut spool, 61..=70);
    assert!(!spool.sync());
    let batch = spool.read(3000);
    let last = batch.last_seq().unwrap();
    spool.ack(last);
    assert!(spool.due(at(100_000)) && spool.sync(), "{:?}", spool.notice());
    assert_eq!(records(&drain(&mut spool)), (last + 1..=70).collect::<Vec<_>>());
}

#[test]
fn a_dead_disk_does_not_stop_a_reader_and_what_it_acknowledges_makes_room() {
    let faults =
        [Faults { read_only: true, ..Faults::default() }, Faults { writes: true, ..Faults::default() }];
    for fault in faults {
        let sim = SimDisk::default();
        let (mut spool, _) = open(&sim, limits());
        fill(&mut spool, 1..=5);
        assert!(spool.sync());
        sim.faults(fault.clone());
        let mut got = Vec::new();
        for number in 6..=200 {
            spool.append(&record(number)).unwrap();
            if spool.due(at(number.cast_signed() * 200)) {
                spool.sync();
            }
            let batch = spool.read(1 << 20);
            got.extend(batch.iter().map(OwnedItem::from));
            batch.last_seq().into_iter().for_each(|last| spool.ack(last));
        }
        assert!(spool.stats().failing);
        sim.faults(Faults::default());
        spool.due(at(100_000));
        spool.sync();
        got.extend(drain(&mut spool));
        assert_eq!(records(&got), (1..=200).collect::<Vec<_>>());
        assert_eq!(spool.stats().depth.records, 0);
        spool.append(&record(201)).unwrap();
        assert_eq!(spool.close(), 0);
        let (mut spool, recovery) = open(&sim.after(PowerLoss::Nothing), limits());
        assert_eq!((recovery.gaps, recovery.damaged), (vec![], vec![]));
        assert_eq!(records(&drain(&mut spool)), [201]);
    }
}

#[test]
fn what_a_dead_disk_makes_memory_refuse_is_a_gap() {
    let sim = SimDisk::default();
    let (mut spool, _) = open(&sim, QueueLimits { on_full: OnFull::DropNewest, ..limits() });
    sim.faults(Faults { read_only: true, ..Faults::default() });
    let (mut stored, mut bytes) = (0, 0);
    for number in 1..=100 {
        match spool.append(&record(number)).unwrap() {
            Appended::Stored(_) => stored += 1,
            Appended::Dropped(_, reason) => {
                assert_eq!(reason, GapReason::Disk);
                bytes += record(number).len() as u64;
            }
        }
    }
    assert!(stored < 100);
    assert_eq!(spool.stats().dropped(GapReason::Disk).records, 100 - stored);
    sim.faults(Faults::default());
    spool.due(at(60_000));
    assert!(spool.sync());
    let got = drain(&mut spool);
    let gaps: Vec<_> = got
        .iter()
        .filter_map(|got| match got {
            OwnedItem::Gap(gap) => Some(*gap),
            OwnedItem::Record(..) => None,
        })
        .collect();
    assert_eq!(
        gaps.iter().map(|gap| (gap.count(), gap.bytes)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1)),
        (100 - stored, bytes)
    );
    assert_eq!(got.last().unwrap().last(), 100);
}

#[test]
fn a_disk_that_others_filled_gives_up_the_oldest_where_that_is_wanted() {
    let sim = SimDisk::default();
    let (mut spool, _) = open(&sim, QueueLimits { on_full: OnFull::DropOldest, ..limits() });
    for number in 1..=60 {
        spool.append(&record(number)).unwrap();
    }
    assert!(spool.sync());
    sim.faults(Faults { capacity: Some(sim.used()), ..Faults::default() });
    for number in 61..=200 {
        assert_eq!(spool.append(&record(number)).unwrap(), Appended::Stored(number));
        spool.due(at(number.cast_signed() * 100));
    }
    let before = spool.stats().dropped(GapReason::DropOldest).records;
    assert_eq!(spool.close(), 0);
    let (mut spool, recovery) = open(&sim.after(PowerLoss::Nothing), limits());
    let dropped = recovery.gaps.iter().map(tracego_spool::Gap::count).sum();
    assert!(dropped >= before && before > 0);
    let got = drain(&mut spool);
    let first = got.iter().find_map(|got| match got {
        OwnedItem::Gap(gap) => Some(*gap),
        OwnedItem::Record(..) => None,
    });
    assert_eq!((first.unwrap().count(), first.unwrap().reason), (dropped, GapReason::DropOldest));
    assert_eq!(records(&got), (dropped + 1..=200).collect::<Vec<_>>());
}

#[test]
fn a_full_spool_gives_way_as_it_is_told_and_says_exactly_what_is_missing() {
    for on_full in [OnFull::DropOldest, OnFull::DropNewest] {
        let limits = QueueLimits { total_bytes: 12_000, on_full, ..limits() };
        let sim = SimDisk::default();
        let (mut spool, _) = open(&sim, limits);
        for number in 1..=500 {
            spool.append(&record(number)).unwrap();
        }
        spool.sync();
        assert!(sim.used() <= 12_100, "{}", sim.used());
        assert!(sim.names().len() < 12, "{:?}", sim.names());
        let dropped = spool.stats().dropped(if on_full == OnFull::DropOldest {
            GapReason::DropOldest
        } else {
            GapReason::DropNewest
        });
        // The gap survives a restart.
        drop(spool);
        let (mut spool, recovery) = open(&sim.after(PowerLoss::Nothing), limits);
        assert!(recovery.is_whole(), "{recovery:?}");
        let got = drain(&mut spool);
        let gaps: Vec<_> = got.iter().filter(|got| matches!(got, OwnedItem::Gap(_))).collect();
        let [OwnedItem::Gap(gap)] = gaps[..] else { panic!("{gaps:?}") };
        let missing = (gap.first..=gap.last).map(|number| record(number).len() as u64).sum::<u64>();
        assert_eq!((gap.count(), gap.bytes), (dropped.records, dropped.bytes));
        assert_eq!(gap.bytes, missing);
        assert_eq!(gap.first == 1, on_full == OnFull::DropOldest);
        assert_eq!(got.first().unwrap().first(), 1);
        assert_eq!(got.last().unwrap().last(), 500);
        assert_eq!(spool.stats().depth.bytes, 0);
    }
}

#[test]
fn a_spool_that_blocks_takes_again_when_the_reader_has_acknowledged() {
    let limits = QueueLimits { total_bytes: 12_000, ..limits() };
    let (mut spool, _) = open(&SimDisk::default(), limits);
    let mut number = 0;
    for _ in 0..20 {
        while spool.append(&record(number + 1)).is_ok() {
            number += 1;
        }
        assert_eq!(spool.append(&record(number + 1)), Err(QueueFull));
        spool.sync();
        let got = drain(&mut spool);
        assert_eq!(records(&got).len(), got.len());
        assert_eq!(got.last().unwrap().last(), number);
    }
    assert!(number > 500, "{number}");
}

#[test]
fn what_the_reader_has_in_hand_is_not_dropped() {
    let limits = QueueLimits { total_bytes: 12_000, on_full: OnFull::DropOldest, ..limits() };
    let (mut spool, _) = open(&SimDisk::default(), limits);
    fill(&mut spool, 1..=30);
    spool.sync();
    let batch = spool.read(1);
    assert_eq!(batch.last_seq(), Some(1));
    fill(&mut spool, 31..=300);
    spool.rewind();
    let got = drain(&mut spool);
    assert_eq!(got[0], OwnedItem::Record(1, record(1)));
    let gaps = got.iter().filter(|got| matches!(got, OwnedItem::Gap(_))).count();
    assert_eq!((gaps, got.last().unwrap().last()), (1, 300));
}

#[test]
fn what_is_too_old_goes_whatever_the_wall_clock_does() {
    let limits = QueueLimits { max_age: Some(Duration::from_secs(80)), ..limits() };
    let sim = SimDisk::default();
    let (mut spool, _) = open(&sim, limits);
    let mut got = Vec::new();
    for second in 1..=300_u64 {
        let mut now = at(second.cast_signed() * 1000);
        // The clock is set forward or back by years.
        now.unix_ns += if second % 2 == 0 { 1 << 58 } else { -(1 << 58) };
        spool.due(now);
        spool.append(&record(second)).unwrap();
        spool.sync();
        let oldest = spool.stats().oldest.unwrap().as_secs();
        assert!(oldest <= 80 + 10 + 2, "{second}: {oldest}");
    }
    got.extend(drain(&mut spool));
    let OwnedItem::Gap(gap) = &got[0] else { panic!("{:?}", got[0]) };
    assert_eq!((gap.reason, gap.first), (GapReason::Age, 1));
    assert!((200..=221).contains(&gap.last), "{gap:?}");
    assert_eq!(gap.count(), spool.stats().dropped(GapReason::Age).records);
    assert_eq!(records(&got), (gap.last + 1..=300).collect::<Vec<_>>());
}

#[test]
fn a_record_that_is_too_long_is_counted() {
    let (mut spool, _) = open(&SimDisk::default(), limits());
    spool.append(&record(1)).unwrap();
    let long = vec![0; 60_000];
    assert_eq!(spool.append(&long).unwrap(), Appended::Dropped(2, GapReason::TooLarge));
    assert_eq!(spool.append(&record(3)).unwrap(), Appended::Stored(3));
    let got = drain(&mut spool);
    assert_eq!(records(&got), [1, 3]);
    let OwnedItem::Gap(gap) = &got[1] else { panic!("{got:?}") };
    assert_eq!((gap.first, gap.last, gap.bytes), (2, 2, 60_000));
}

#[test]
fn a_segment_that_cannot_be_read_is_tried_for_a_while_and_then_left_out() {
    let sim = SimDisk::default();
    let (mut spool, _) = open(&sim, limits());
    fill(&mut spool, 1..=60);
    spool.sync();
    sim.faults(Faults { reads: true, ..Faults::default() });
    let mut got = Vec::new();
    for second in 0..60 {
        spool.due(at(second * 1000));
        let batch = spool.read(1 << 20);
        got.extend(batch.iter().map(OwnedItem::from));
        if second == 4 {
            assert!(got.is_empty());
        }
        if second == 11 {
            sim.faults(Faults::default());
        }
    }
    let OwnedItem::Gap(gap) = &got[0] else { panic!("{got:?}") };
    assert_eq!((gap.first, gap.reason), (1, GapReason::Damage));
    assert_eq!(records(&got), (gap.last + 1..=60).collect::<Vec<_>>());
    spool.ack(60);
    spool.sync();
    assert_eq!(spool.stats().dropped(GapReason::Damage).records, gap.count());
    assert!(sim.names().iter().any(|name| name == "00000000000000000001.seg.bad"), "{:?}", sim.names());
}
