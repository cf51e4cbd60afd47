//! `--aggregate exits`: one record has the start and the exit of a short process, and nothing is lost.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tracego::pipeline::{Consumer as _, Pipeline};
use tracego_analyze::{rules::settings::RuleSettings, rules_stage::RulesStage};
use tracego_common::settings::event::{EXEC, EXIT};
use tracego_deliver::{
    detail::{Detail, expansion::Expander},
    sink::direct::{DirectFormat, DirectOutput},
};
use tracego_model::{capture::CaptureReader, ledger::Ledger, record::event_name};
use tracego_tests::{Memory, records};

fn captures() -> Vec<PathBuf> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let all = fs::read_dir(golden).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.extension().is_some_and(|extension| extension == "capture")).collect()
}

/// Replays the starts and exits of a capture. Returns their records and the ledger.
fn replay(path: &Path, detail: Detail, is_folded: bool) -> (Vec<Value>, Ledger) {
    let bytes = fs::read(path).unwrap();
    let mut reader = CaptureReader::new(&bytes[..]).unwrap();
    let memory = Memory::default();
    let output = DirectOutput::new(Box::new(memory.clone()), DirectFormat::JSON).detailed(detail, false);
    let judge = RulesStage::new(RuleSettings::default());
    let mut pipeline = Pipeline::new(reader.meta(), EXEC | EXIT, Some(judge), output);
    pipeline = pipeline.with_folded_exits(is_folded);
    while let Some(input) = reader.next_input().unwrap() {
        pipeline.take(input).unwrap();
    }
    pipeline.end().unwrap();
    let ledger = pipeline.ledger();
    (records(&memory.text()), ledger)
}

fn of_processes(all: &[Value]) -> impl Iterator<Item = &Value> {
    all.iter().filter(|record| {
        [event_name::START, event_name::EXIT].contains(&record["event_name"].as_str().unwrap())
    })
}

fn is_folded(record: &Value) -> bool {
    record["event_name"] == event_name::START && record["process"].get("exit").is_some()
}

/// A record by the id of its event, without its number.
fn by_uid<'a>(all: impl Iterator<Item = &'a Value>) -> BTreeMap<String, Value> {
    let each = all.map(|record| {
        let mut record = record.clone();
        record.as_object_mut().unwrap().remove("seq");
        (record["log"]["record"]["uid"].as_str().unwrap().to_owned(), record)
    });
    each.collect()
}

#[test]
fn a_folded_record_says_what_two_did() {
    let mut count = 0;
    for path in captures() {
        let schema = include_str!("../../tracego/schema/record.schema.json");
        let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
        let (plain, before) = replay(&path, Detail::Full, false);
        let (folded, after) = replay(&path, Detail::Full, true);
        let mut exits: Vec<Value> = of_processes(&folded)
            .filter(|record| record["event_name"] == event_name::EXIT)
            .cloned()
            .collect();
        let mut starts = Vec::new();
        for record in of_processes(&folded).filter(|record| record["event_name"] == event_name::START) {
            let mut start = record.clone();
            if is_folded(record) {
                count += 1;
                assert!(schema.is_valid(record), "{record}");
                assert!(record["tracego"].get("findings").is_none(), "{record}");
                let exit = start["process"].as_object_mut().unwrap().remove("exit").unwrap();
                let facts = start["tracego"].as_object_mut().unwrap().remove("exit").unwrap();
                // The record that it stands for.
                let wanted = |one: &&Value| {
                    one["event_name"] == event_name::EXIT
                        && one["tracego"]["exec_id"] == record["tracego"]["exec_id"]
                };
                let wanted = of_processes(&plain).find(wanted).unwrap();
                assert_eq!((&wanted["process"]["exit"], &wanted["tracego"]["exit"]), (&exit, &facts));
                for name in ["executable", "command", "parent_pid", "real_user", "creation"] {
                    let mut own = record["process"][name].clone();
                    own.as_object_mut().map(|file| file.remove("build_id"));
                    assert_eq!(own, wanted["process"][name], "{name}");
                }
                exits.push(wanted.clone());
            }
            starts.push(start);
        }
        assert_eq!(by_uid(starts.iter().chain(&exits)), by_uid(of_processes(&plain)), "{}", path.display());
        assert!(before.processed == after.processed && after.balanced() == before.balanced());
        assert_eq!(before.written - after.written, after.unrequested - before.unrequested);
    }
    assert!(count > 10, "{count} folded records");
}

#[test]
fn no_record_comes_ahead_of_the_start_of_its_process_or_of_an_ancestor() {
    for path in captures() {
        let (plain, _) = replay(&path, Detail::Full, false);
        let uid = |record: &Value| record["log"]["record"]["uid"].to_string();
        let place = |wanted: &Value| plain.iter().position(|record| uid(record) == uid(wanted)).unwrap();
        let (folded, _) = replay(&path, Detail::Full, true);
        let all: Vec<&Value> = of_processes(&folded).collect();
        for (at, record) in all.iter().enumerate() {
            let ancestors = record["tracego"]["ancestors"].as_array().cloned().unwrap_or_default();
            let above: BTreeSet<_> =
                ancestors.iter().map(|one| (one["pid"].as_u64(), one["creation"].to_string())).collect();
            let ends = record["event_name"] == event_name::EXIT;
            // A process may execute another program after it has forked.
            for later in all[at + 1..].iter().filter(|later| place(later) < place(record)) {
                let id = (later["process"]["pid"].as_u64(), later["process"]["creation"].to_string());
                let is_start = later["event_name"] == event_name::START;
                assert!(!is_start || !above.contains(&id), "{later}\nbehind its child\n{record}");
                let is_same = later["tracego"]["exec_id"] == record["tracego"]["exec_id"];
                assert!(!is_start || !ends || !is_same, "{later}\nbehind its exit");
            }
        }
    }
}

#[test]
fn lean_records_that_are_folded_expand_to_full_ones() {
    for path in captures() {
        let (lean, _) = replay(&path, Detail::Lean, true);
        let (full, _) = replay(&path, Detail::Full, true);
        let schema = include_str!("../../tracego/schema/record.schema.json");
        let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
        lean.iter().for_each(|record| assert!(schema.is_valid(record), "{record}"));
        let mut expander = Expander::default();
        let expanded: Vec<Value> = lean
            .into_iter()
            .map(|mut record| {
                expander.expand(&mut record).unwrap_or_else(|missing| panic!("{missing}: {record:#}"));
                record
            })
            .collect();
        let without_delay = |all: &[Value]| {
            let mut all = by_uid(of_processes(all));
            all.values_mut()
                .for_each(|record| _ = record.as_object_mut().unwrap().remove("observed_timestamp"));
            all
        };
        let (expanded, mut full) = (without_delay(&expanded), without_delay(&full));
        // The command line of a parent comes back if the start of the parent was written.
        for (uid, record) in &mut full {
            if expanded.get(uid).is_some_and(|lean| lean.pointer("/tracego/parent").is_none()) {
                record["tracego"].as_object_mut().unwrap().remove("parent");
            }
        }
        assert_eq!(expanded, full, "{}", path.display());
    }
}

#[test]
fn both_kinds_of_records_must_be_asked_for() {
    let capture = captures().remove(0);
    let run = |events: &str| {
        let replay = ["replay", "-e", events, "--aggregate", "exits", "--output", "json"];
        Command::new(tracego_tests::tracego()).args(replay).arg(&capture).output().unwrap()
    };
    let refused = run("execve");
    assert_eq!(refused.status.code(), Some(2));
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(message.contains("--aggregate exits") && message.contains("add -e execve,exit"), "{message}");
    assert!(run("execve,exit").status.success());
}
