//! Tests of full queues, and of receivers that hang.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use tracego_model::units::Bytes;
use tracego_spool::{OnFull, QueueLimits};

use super::{Answer, LONG, give, memory, records, seqs, set, spool};
use crate::{
    format::Format,
    sink::{
        queue::sender::SinkSender,
        settings::{CommonSettings, encoder::SinkEncoder, filter::Filter},
        status::SinkStatus,
    },
};

#[test]
fn a_full_queue_loses_the_oldest_and_says_so() {
    let limits = QueueLimits { total_bytes: 8 << 10, on_full: OnFull::DropOldest, ..QueueLimits::default() };
    let mut set = set(memory(limits), false, None);
    set.receiver.will([Answer::Fail(0), Answer::Fail(0), Answer::Fail(0)]);
    set.push(&records(1000));
    let since = Instant::now();
    while set.receiver.got().last() != Some(&1000) {
        assert!(since.elapsed() < LONG);
        thread::sleep(Duration::from_millis(2));
    }
    let told: u64 = set.told(100).into_iter().map(|(_, count)| count).sum();
    let (receiver, status) = set.end(LONG);
    let lost: u64 = status.numbers().losses().values().sum();
    assert_eq!((receiver.got().len() as u64 + lost, told), (1000, lost));
    assert!(lost > 100, "{status}");
}

#[test]
fn a_sink_that_blocks_holds_the_pipeline_and_loses_nothing() {
    let limits = QueueLimits { total_bytes: 8 << 10, on_full: OnFull::Block, ..QueueLimits::default() };
    let mut set = set(memory(limits), true, None);
    set.receiver.will((0..3).map(|_| Answer::Fail(0)));
    for chunk in records(2000).chunks(10) {
        set.push(chunk);
    }
    set.receiver.waits_for(2000);
    let (receiver, status) = set.end(LONG);
    assert_eq!((receiver.got(), status.numbers().losses().len()), (seqs(1..=2000), 0));
}

#[test]
fn a_sink_that_blocks_does_not_hold_up_the_end() {
    let limits = QueueLimits { total_bytes: 8 << 10, on_full: OnFull::Block, ..QueueLimits::default() };
    let mut set = set(memory(limits), true, None);
    set.receiver.will([Answer::Hang]);
    set.control.send_modify(|control| {
        control.deadline = Some(tokio::time::Instant::now() + Duration::from_millis(200));
    });
    for chunk in records(2000).chunks(10) {
        set.push(chunk);
    }
    let (_, status) = set.end(Duration::ZERO);
    assert_eq!(status.numbers().losses()["stopped"], 2000);
}

#[test]
fn what_the_thread_of_a_sink_was_not_given_by_the_end_is_counted() {
    let (sender, mut chunks) = mpsc::channel(2);
    let status = Arc::new(SinkStatus::new("test".to_owned(), false, 0));
    let encoder = || SinkEncoder::Line(Format::Json);
    let feed = || SinkSender::new(Arc::clone(&status), Filter::all(), encoder(), sender.clone(), false, None);
    let mut old = feed();
    for record in &records(5) {
        give(&mut old, record);
        old.flush();
    }
    // No record is lost or counted twice when another sender takes over.
    let mut new = feed();
    new.inherit(old);
    assert_eq!(status.numbers().losses().len(), 0);
    assert_eq!(chunks.try_recv().unwrap().ends.len(), 1);
    // The worker is gone.
    drop(chunks);
    drop(new);
    let numbers = status.numbers();
    assert_eq!((numbers.given, numbers.losses().get("stalled")), (5, Some(&4)));
}

#[test]
fn a_receiver_that_hangs_holds_nobody_but_loses_with_a_count() {
    let limits = QueueLimits { total_bytes: 8 << 10, ..QueueLimits::default() };
    let mut set = set(memory(QueueLimits { on_full: OnFull::DropNewest, ..limits }), false, None);
    set.receiver.will([Answer::Hang]);
    // If the receiver held up the pipeline, this loop would not end.
    for chunk in records(20_000).chunks(10) {
        set.push(chunk);
    }
    let (_, status) = set.end(Duration::from_millis(10));
    let losses = status.numbers().losses();
    assert_eq!(losses.values().sum::<u64>(), 20_000, "{losses:?}");
    assert!(losses["drop_newest"] > 0, "{losses:?}");
}

#[test]
fn a_pipeline_that_waits_for_room_comes_to_the_change_that_makes_it() {
    let limits = QueueLimits { total_bytes: 8 << 10, on_full: OnFull::Block, ..QueueLimits::default() };
    let mut first = set(memory(limits), true, None);
    first.receiver.will((0..10_000).map(|_| Answer::Fail(0)));
    let control = first.control.clone();
    let pushing = thread::spawn(move || {
        for chunk in records(2000).chunks(10) {
            first.push(chunk);
        }
        first
    });
    thread::sleep(Duration::from_millis(300));
    assert!(!pushing.is_finished(), "there was room for all");
    // The first step of a reload, before the pipeline knows.
    control.send_modify(|control| control.reloading = true);
    let mut set = pushing.join().unwrap();
    let (queue_bytes, on_full) = (Some(Bytes(8 << 10)), Some(OnFull::Block));
    let first = set.redirect(CommonSettings { queue_bytes, on_full, ..CommonSettings::default() });
    set.receiver.waits_for(2000);
    let (receiver, status) = set.end(LONG);
    assert_eq!((first.got(), receiver.got()), (vec![], seqs(1..=2000)));
    assert_eq!(status.numbers().losses().len(), 0);
}

#[test]
fn a_spool_whose_disk_fails_is_a_problem_until_it_works_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let mut set = set(spool(&path), false, None);
    let waits_for = |status: &SinkStatus, wanted: &dyn Fn(&[String]) -> bool| {
        let since = Instant::now();
        while !wanted(&status.numbers().problems()) {
            assert!(since.elapsed() < LONG, "{:?}", status.numbers().problems());
            thread::sleep(Duration::from_millis(5));
        }
    };
    assert!(set.status.numbers().problems().is_empty());
    // Nothing can be created in a folder that was removed.
    std::fs::remove_dir_all(&path).unwrap();
    set.push(&records(3));
    waits_for(&set.status, &|problems| problems.len() == 1 && problems[0].contains("spool: cannot"));
    set.receiver.waits_for(3);
    std::fs::create_dir(&path).unwrap();
    waits_for(&set.status, &<[String]>::is_empty);
    set.end(LONG);
}
