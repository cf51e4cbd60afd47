//! The record that follows a start whose digest or verdict was to come.

use std::{
    borrow::Cow,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tokio::sync::mpsc;
use tracego_analyze::inspect::digest::requests::LateDigest;
use tracego_common::ExecFixed;
use tracego_deliver::sink::direct::{DirectFormat, DirectOutput};
use tracego_model::{
    event::Exec,
    finding::Severity,
    input::{
        digest::{FileDigest, Sha256Digest},
        note::OpenFailure,
    },
};
use tracego_provenance::Provenance;
use zerocopy::FromZeros as _;

use super::*;
use crate::{config::ProvenanceSettings, pipeline::Consumer as _, provenance::ProvenanceStage};

const SHA256: Sha256Digest = Sha256Digest([7; 32]);
const KNOWN: FileDigest = FileDigest::Known(SHA256);

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Trial {
    pipeline: Pipeline,
    output: Output,
}

/// Returns settings that demand a proof of what is below a folder.
fn demand(folder: &str) -> ProvenanceSettings {
    let table = format!("scope = {{ paths = [\"{folder}/**\"] }}");
    ProvenanceSettings::read(toml::Value::Table(table.parse().unwrap())).unwrap()
}

/// Returns the provenance of an empty store.
fn nothing() -> Arc<Provenance> {
    Arc::new(Provenance::open(tracego_provenance::Settings::default()).unwrap())
}

impl Trial {
    fn new() -> Self {
        let output = Output::default();
        let direct = DirectOutput::new(Box::new(output.clone()), DirectFormat::JSON);
        Self { pipeline: Pipeline::new(Meta::default(), u32::MAX, None, direct), output }
    }

    /// Takes the start of `/srv/shop`, whose record says what is known of its digest.
    fn start(&mut self, tgid: u32, digest: FileDigest) {
        let mut fixed = ExecFixed::new_zeroed();
        fixed.header.id = TaskId { tgid, start_boottime: 1, ..TaskId::default() };
        fixed.header.boot_ns = 5;
        let (exe, argv) = (b"/srv/shop".to_vec(), Cow::Borrowed(&b"shop\0"[..]));
        let (cwd, cgroup) = (b"/".to_vec(), b"/".to_vec());
        let exec = Exec { fixed, exe, cwd, cgroup, filename: b"/srv/shop", interp: b"", argv, env: b"" };
        let note =
            StartNote { image: Err(OpenFailure::Timeout), digest: Some(digest), ..StartNote::default() };
        let event = Ok(Event::Exec(Box::new(exec)));
        let decoded = DecodedEvent { event, generation: 0, is_piece: false, note: Some(note) };
        self.pipeline.events(Reading::default(), vec![decoded]);
    }

    fn digest(&mut self, tgid: u32, digest: FileDigest) {
        let id = TaskId { tgid, start_boottime: 1, ..TaskId::default() };
        let late = LateDigest { start: HashedStart { id, boot_ns: 5 }, digest };
        self.pipeline.take_digests(vec![late]).unwrap();
    }

    /// Returns process id, digest or its state, and verdict with its error, of each record with that name so far.
    fn records(&mut self, event_name: &str) -> Vec<(u64, String, String)> {
        self.pipeline.finish().unwrap();
        let text = String::from_utf8(self.output.0.lock().unwrap().clone()).unwrap();
        let all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let each = all.filter(|record| record["event_name"] == event_name).map(|record| {
            let (own, pid) = (&record["tracego"], record["process"]["pid"].as_u64().unwrap());
            let digest = &own["executable"]["digest"];
            let provenance = &own["provenance"];
            let verdict = of(&provenance["verdict"]) + " " + &of(&provenance["error"]);
            (pid, of(&digest["sha256"]) + &of(&digest["state"]), verdict.trim().to_owned())
        });
        each.collect()
    }

    fn followers(&mut self) -> Vec<(u64, String, String)> {
        self.records("tracego.executable")
    }
}

#[test]
fn what_does_not_come_before_the_end_is_said() {
    let mut trial = Trial::new();
    let (stage, thread) = ProvenanceStage::silent(demand("/srv"), nothing());
    trial.pipeline.set_provenance(stage);
    for (tgid, digest) in [(1, KNOWN), (2, FileDigest::Pending), (3, FileDigest::Pending)] {
        trial.start(tgid, digest);
    }
    trial.digest(2, KNOWN);
    let starts = trial.records("tracego.process.start");
    assert!(starts.iter().all(|(_, _, verdict)| verdict == "pending"), "{starts:?}");
    assert_eq!((starts.len(), trial.followers()), (3, vec![]));
    trial.pipeline.give_up().unwrap();
    let mut followers = trial.followers();
    followers.sort();
    let known = SHA256.to_string();
    let (no_digest, no_verdict) = (
        "unchecked the file has no proven digest: tracego-ended".to_owned(),
        "unchecked tracego ended before the verdict".to_owned(),
    );
    let wanted = [
        (1, known.clone(), no_verdict.clone()),
        (2, known, no_verdict),
        (3, "tracego-ended".to_owned(), no_digest),
    ];
    assert_eq!(followers, wanted);
    let counts = trial.pipeline.executables.counts().unwrap();
    assert_eq!((counts.ended, counts.lost, counts.busy, counts.waiting), (2, 0, 0, 0));
    // There is nothing left, and the thread is needed no more.
    drop(thread);
    trial.pipeline.give_up().unwrap();
    trial.pipeline.take_verdicts().unwrap();
    assert_eq!(trial.followers().len(), 3);
}

#[test]
fn a_thread_that_is_lost_leaves_no_start_waiting() {
    let mut trial = Trial::new();
    let (stage, thread) = ProvenanceStage::silent(demand("/srv"), nothing());
    trial.pipeline.set_provenance(stage);
    trial.start(1, KNOWN);
    trial.pipeline.take_verdicts().unwrap();
    assert_eq!(trial.followers(), []);
    drop(thread);
    trial.pipeline.take_verdicts().unwrap();
    trial.start(2, KNOWN);
    let followers = trial.followers();
    let said: Vec<_> = followers.iter().map(|(pid, _, verdict)| (*pid, verdict.contains("lost"))).collect();
    assert_eq!(said, [(1, true), (2, true)], "{followers:?}");
    assert_eq!(trial.pipeline.executables.counts().unwrap().lost, 2);
}

#[test]
fn nothing_is_said_of_an_unsigned_file_that_nobody_asked_about() {
    let (queue, _input) = mpsc::channel(1);
    for (folder, wanted) in [("/opt", ""), ("/srv", "unsigned")] {
        let mut trial = Trial::new();
        let stage = ProvenanceStage::start(demand(folder), nothing(), queue.downgrade());
        trial.pipeline.set_provenance(stage.unwrap());
        trial.start(1, KNOWN);
        trial.start(2, FileDigest::Pending);
        trial.digest(2, KNOWN);
        while trial.pipeline.awaited() > 0 {
            trial.pipeline.take_verdicts().unwrap();
        }
        // The first start has said its digest already.
        let is_demanded = !wanted.is_empty();
        let mut expected = vec![(2, SHA256.to_string(), wanted.to_owned())];
        if is_demanded {
            expected.insert(0, (1, SHA256.to_string(), wanted.to_owned()));
        }
        assert_eq!(trial.followers(), expected, "{folder}");
    }
}

#[test]
fn a_written_start_has_its_follower_whatever_is_selected() {
    for is_written in [true, false] {
        let mut trial = Trial::new();
        let quiet = RecordSelection { kinds: u32::MAX, min_severity: Some(Severity::Critical) };
        if !is_written {
            trial.pipeline.selection = quiet;
        }
        trial.start(1, FileDigest::Pending);
        trial.pipeline.selection = quiet;
        trial.digest(1, KNOWN);
        assert_eq!(trial.records("tracego.process.start").len(), usize::from(is_written));
        assert_eq!(trial.followers().len(), usize::from(is_written));
    }
}
