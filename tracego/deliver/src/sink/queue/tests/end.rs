//! Tests of records that wait ahead of a full channel when the run ends.

use std::time::Duration;

use tracego_spool::{OnFull, QueueLimits};

use super::{Answer, LONG, TestSink, memory, paused, records, seqs, set, spool};

/// Pushes more chunks than the channel holds, of five records each.
fn overfull(set: &mut TestSink) {
    for chunk in records(500).chunks(5) {
        set.push(chunk);
    }
}

#[test]
fn it_arrives_in_order() {
    let dir = tempfile::tempdir().unwrap();
    for queue in [memory(QueueLimits::default()), spool(&dir.path().join("spool"))] {
        let mut set = paused(queue, false, None);
        overfull(&mut set);
        let (receiver, status) = set.end(LONG);
        let numbers = status.numbers();
        assert_eq!(receiver.got(), seqs(1..=500), "{status}");
        assert_eq!((numbers.given, numbers.delivered, numbers.losses().len()), (500, 500, 0), "{status}");
    }
}

#[test]
fn a_spool_keeps_it_from_a_dead_receiver_and_whatever_the_time() {
    for (drain, answer) in [(LONG, Answer::Fail(0)), (Duration::ZERO, Answer::Hang)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("spool");
        let mut first = paused(spool(&path), false, None);
        first.receiver.will([answer]);
        first.receiver.will((0..100).map(|_| Answer::Fail(0)));
        overfull(&mut first);
        let (receiver, status) = first.end(drain);
        let numbers = status.numbers();
        assert_eq!((receiver.got().len(), numbers.losses().len()), (0, 0), "{status}");
        assert_eq!((numbers.given, numbers.queue.depth.records), (500, 500), "{status}");
        let second = set(spool(&path), false, None);
        second.receiver.waits_for(500);
        assert_eq!(second.end(LONG).0.got(), seqs(1..=500));
    }
}

#[test]
fn what_no_queue_can_take_by_the_deadline_is_counted_by_the_queues_own_reasons() {
    let small = QueueLimits { total_bytes: 8 << 10, ..QueueLimits::default() };
    for (limits, reasons) in [
        (QueueLimits::default(), vec!["stopped"]),
        (QueueLimits { on_full: OnFull::DropNewest, ..small }, vec!["drop_newest", "stopped"]),
        (QueueLimits { on_full: OnFull::DropOldest, ..small }, vec!["drop_oldest", "stopped"]),
        (QueueLimits { on_full: OnFull::Block, ..small }, vec!["stopped"]),
    ] {
        let mut set = paused(memory(limits), false, None);
        set.receiver.will([Answer::Hang]);
        overfull(&mut set);
        let (_, status) = set.end(Duration::from_millis(50));
        let losses = status.numbers().losses();
        assert_eq!(losses.keys().copied().collect::<Vec<_>>(), reasons, "{status}");
        assert_eq!((status.numbers().given, losses.values().sum()), (500, 500_u64), "{status}");
    }
}

#[test]
fn beyond_what_may_wait_the_newest_are_lost_and_each_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut set = paused(spool(&dir.path().join("spool")), false, None);
    set.receiver.will([Answer::Hang]);
    for chunk in records(25_000).chunks(10) {
        set.push(chunk);
    }
    let (_, status) = set.end(Duration::ZERO);
    let numbers = status.numbers();
    let lost = numbers.losses().get("stalled").copied().unwrap_or(0);
    assert!(lost > 0, "{status}");
    assert_eq!((numbers.given, numbers.queue.depth.records + lost), (25_000, 25_000), "{status}");
}
