//! Tests of records that arrive, that are refused, and that remain for the next start.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tracego_spool::QueueLimits;

use super::{Answer, LONG, memory, records, seqs, set, spool};
use crate::sink::settings::CommonSettings;

#[test]
fn all_arrive_in_order_and_failures_cost_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for queue in [memory(QueueLimits::default()), spool(&dir.path().join("spool"))] {
        let mut set = set(queue, false, None);
        set.receiver.will([Answer::Fail(0), Answer::Fail(3), Answer::Fail(0)]);
        set.push(&records(1000));
        let (receiver, status) = {
            set.receiver.waits_for(1000);
            set.end(LONG)
        };
        assert_eq!(receiver.got(), seqs(1..=1000));
        let numbers = status.numbers();
        assert_eq!((numbers.given, numbers.delivered, numbers.failures), (1000, 1000, 3));
        assert_eq!((numbers.losses().len(), numbers.trouble, numbers.queue.depth.records), (0, None, 0));
    }
}

#[test]
fn what_a_dead_receiver_did_not_take_is_there_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let mut first = set(spool(&path), false, None);
    first.receiver.will((0..1000).map(|_| Answer::Fail(0)));
    first.push(&records(10));
    let begin = Instant::now();
    let (receiver, status) = first.end(LONG);
    assert!(begin.elapsed() < Duration::from_secs(10), "a dead receiver holds up the end");
    assert_eq!((receiver.got().len(), status.numbers().queue.depth.records), (0, 10));
    assert!(
        status.to_string().contains("10 in the spool") && status.numbers().losses().is_empty(),
        "{status}"
    );
    let second = set(spool(&path), false, None);
    second.receiver.waits_for(10);
    assert_eq!(second.end(LONG).0.got(), seqs(1..=10));
}

#[test]
fn what_waits_in_memory_at_the_end_is_counted() {
    let mut set = set(memory(QueueLimits::default()), false, None);
    set.receiver.will([Answer::Hang]);
    set.push(&records(10));
    let (_, status) = set.end(Duration::from_millis(50));
    assert_eq!(status.numbers().losses().get("stopped"), Some(&10));
    assert!(status.to_string().contains("lost stopped 10"), "{status}");
}

#[test]
fn a_refused_record_goes_to_the_dead_letters_and_the_others_arrive() {
    let dir = tempfile::tempdir().unwrap();
    let dead = dir.path().join("dead.ndjson");
    let mut set = set(memory(QueueLimits::default()), false, Some(&dead));
    set.receiver.will([Answer::Refuse]);
    set.push(&records(3));
    set.receiver.waits_for(2);
    assert_eq!(set.told(1), [("refused".to_owned(), 1)]);
    let (receiver, status) = set.end(LONG);
    assert_eq!(receiver.got(), [2, 3]);
    assert_eq!((status.numbers().delivered, status.numbers().losses()["refused"]), (2, 1));
    let line: Value = serde_json::from_str(fs::read_to_string(&dead).unwrap().trim()).unwrap();
    assert_eq!(
        (&line["record"]["seq"], &line["why"], &line["sink"]),
        (&1.into(), &"no".into(), &"test".into())
    );
}

#[test]
fn without_room_for_dead_letters_nothing_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let dead = dir.path().join("no such folder/dead.ndjson");
    let mut set = set(memory(QueueLimits::default()), false, Some(&dead));
    set.receiver.will([Answer::Refuse]);
    set.push(&records(3));
    // The second attempt takes all three.
    set.receiver.waits_for(5);
    let (receiver, status) = set.end(LONG);
    assert_eq!(receiver.got(), [2, 3, 1, 2, 3]);
    assert_eq!((status.numbers().losses().len(), status.numbers().failures), (0, 1));
}

#[test]
fn a_record_that_the_receiver_always_fails_at_holds_up_the_others_for_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let dead = dir.path().join("dead.ndjson");
    let mut set = set(spool(&dir.path().join("spool")), false, Some(&dead));
    set.receiver.will([Answer::Poison]);
    set.receiver.will((0..100).map(|_| Answer::Fail(0)));
    set.push(&records(2));
    set.receiver.waits_for(1);
    set.push(&records(10)[2..]);
    set.receiver.waits_for(9);
    assert_eq!(set.told(1), [("poison".to_owned(), 1)]);
    let (receiver, status) = set.end(LONG);
    assert_eq!(receiver.got(), [1, 3, 4, 5, 6, 7, 8, 9, 10]);
    let numbers = status.numbers();
    assert_eq!((numbers.delivered, numbers.losses()["poison"], numbers.failures), (9, 1, 4));
    let line: Value = serde_json::from_str(fs::read_to_string(&dead).unwrap().trim()).unwrap();
    assert_eq!((&line["record"]["seq"], &line["reason"]), (&2.into(), &"poison".into()));
}

#[test]
fn another_receiver_goes_on_where_the_first_was() {
    let dir = tempfile::tempdir().unwrap();
    for queue in [memory(QueueLimits::default()), spool(&dir.path().join("spool"))] {
        let mut set = set(queue, false, None);
        set.receiver.will((0..1000).map(|_| Answer::Fail(2)));
        set.push(&records(500));
        set.receiver.waits_for(4);
        set.control.send_modify(|control| control.reloading = true);
        let first = set.redirect(CommonSettings::default());
        set.push(&records(501)[500..]);
        let since = Instant::now();
        while first.got().len() + set.receiver.got().len() < 501 {
            assert!(since.elapsed() < LONG);
            thread::sleep(Duration::from_millis(2));
        }
        let (second, status) = set.end(LONG);
        assert_eq!([first.got(), second.got()].concat(), seqs(1..=501));
        assert_eq!((status.numbers().given, status.numbers().delivered), (501, 501));
    }
}

#[test]
fn references_are_given_anew_after_an_outage_and_to_another_receiver_and_not_without() {
    let mut set = set(memory(QueueLimits::default()), false, None);
    set.push(&records(3));
    set.receiver.waits_for(3);
    assert_eq!(set.status.epoch(), 0);
    set.receiver.will([Answer::Fail(0), Answer::Fail(0)]);
    set.push(&records(3));
    set.receiver.waits_for(6);
    // When the outage begins, and when it ends.
    let since = Instant::now();
    while set.status.epoch() < 2 {
        assert!(since.elapsed() < LONG);
        thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(set.status.epoch(), 2);
    set.receiver.will([Answer::Refuse]);
    set.push(&records(3));
    set.receiver.waits_for(8);
    set.told(1);
    let before = set.status.epoch();
    // A record that was refused for what it is would be refused again.
    assert_eq!(before, 2);
    set.redirect(CommonSettings::default());
    set.push(&records(3));
    set.receiver.waits_for(3);
    assert!(set.status.epoch() > before);
    set.end(LONG);
}
