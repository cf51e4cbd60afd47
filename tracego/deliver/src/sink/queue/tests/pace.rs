//! Tests of batches that are gathered, and of the attempts at the end.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use tracego_model::units::{Bytes, Span};
use tracego_spool::QueueLimits;

use super::{Answer, LONG, memory, records, seqs, set, spool};
use crate::sink::settings::CommonSettings;

/// Returns settings with a time to gather records.
fn waiting(millis: u64) -> CommonSettings {
    let batch_wait = Some(Span(Duration::from_millis(millis)));
    CommonSettings { batch_wait, batch_min_bytes: Some(Bytes(1 << 20)), ..CommonSettings::default() }
}

#[test]
fn records_that_trickle_in_go_together_and_the_end_waits_for_none() {
    let mut set = set(memory(QueueLimits::default()), false, None);
    set.redirect(waiting(600));
    thread::sleep(Duration::from_millis(50));
    for record in records(40) {
        set.push(&[record]);
        thread::sleep(Duration::from_millis(20));
    }
    set.receiver.waits_for(10);
    assert!(set.receiver.batches() <= 3, "{}", set.receiver.batches());
    set.redirect(waiting(60_000));
    set.push(&records(41)[40..]);
    let begin = Instant::now();
    let (receiver, status) = set.end(LONG);
    assert!(begin.elapsed() < Duration::from_secs(5), "the end waited for a batch");
    assert_eq!((receiver.got().last(), status.numbers().losses().len()), (Some(&41), 0));
}

#[test]
fn the_end_tries_once_more_at_once() {
    let dir = tempfile::tempdir().unwrap();
    for queue in [memory(QueueLimits::default()), spool(&dir.path().join("spool"))] {
        let mut set = set(queue, false, None);
        // The pause is longer than the end waits.
        set.receiver.will([Answer::Later]);
        set.push(&records(10));
        let since = Instant::now();
        while set.status.numbers().failures < 1 {
            assert!(since.elapsed() < LONG);
            thread::sleep(Duration::from_millis(5));
        }
        let (receiver, status) = set.end(Duration::from_secs(2));
        assert_eq!((receiver.got(), status.numbers().losses().len()), (seqs(1..=10), 0), "{status}");
    }
}

#[test]
fn a_receiver_that_refused_everything_gets_the_records_that_came_since_too() {
    let mut set = set(memory(QueueLimits::default()), false, None);
    set.receiver.will([Answer::Unproven, Answer::Unproven]);
    set.push(&records(1));
    let since = Instant::now();
    while set.status.numbers().failures < 1 {
        assert!(since.elapsed() < LONG);
        thread::sleep(Duration::from_millis(1));
    }
    set.push(&records(3)[1..]);
    set.receiver.waits_for(3);
    assert_eq!(set.receiver.largest(), 3);
    let (receiver, status) = set.end(LONG);
    assert_eq!((receiver.got(), status.numbers().losses().len()), (seqs(1..=3), 0));
}

#[test]
fn what_was_in_delivery_is_cut_in_the_same_way_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let mut first = set(spool(&path), false, None);
    first.receiver.will((0..100).map(|_| Answer::Fail(0)));
    first.push(&records(2));
    let since = Instant::now();
    while first.status.numbers().failures < 1 {
        assert!(since.elapsed() < LONG);
        thread::sleep(Duration::from_millis(1));
    }
    first.push(&records(9)[2..]);
    let sizes = first.receiver.sizes();
    first.end(LONG);
    let again = set(spool(&path), false, None);
    again.receiver.waits_for(9);
    assert_eq!(again.receiver.sizes().first(), sizes.first(), "{sizes:?}");
    assert_eq!(again.end(LONG).0.got(), seqs(1..=9));
}

#[test]
fn what_a_receiver_took_before_a_kill_is_not_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let (path, kept) = (dir.path().join("spool"), dir.path().join("kept"));
    let mut first = set(spool(&path), false, None);
    fs::copy(path.join("cursor"), &kept).unwrap();
    first.push(&records(2));
    first.receiver.waits_for(2);
    first.receiver.will((0..100).map(|_| Answer::Fail(0)));
    first.push(&records(9)[2..]);
    let since = Instant::now();
    while first.status.numbers().failures < 1 {
        assert!(since.elapsed() < LONG);
        thread::sleep(Duration::from_millis(1));
    }
    let size = first.receiver.sizes().last().copied();
    first.end(LONG);
    // A process that is killed has not written its last acknowledgements.
    fs::copy(&kept, path.join("cursor")).unwrap();
    let again = set(spool(&path), false, None);
    again.receiver.waits_for(7);
    assert_eq!(again.receiver.sizes().first().copied(), size);
    let (receiver, status) = again.end(LONG);
    assert_eq!((receiver.got(), status.numbers().queue.depth.records), (seqs(3..=9), 0));
}
