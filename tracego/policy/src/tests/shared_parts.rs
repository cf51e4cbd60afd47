//! Tests of decisions that are found by the addresses of shared parts: they are those without a cache.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    num::NonZeroUsize,
    path::Path,
    sync::Arc,
};

use tracego_analyze::enrich::Enricher;
use tracego_model::{
    capture::CaptureReader,
    event::pieces::Assembler,
    input::Input,
    record::{Record, Variables, event_name},
};

use super::*;

/// The members that the tested policies read in whole.
const MEMBERS: [&str; 12] = [
    "cicd",
    "vcs",
    "process.environment_variable",
    "process.env",
    "process.runtime",
    "process.executable.build_id",
    "tracego.ancestors",
    "tracego.elf",
    "tracego.go.build",
    "tracego.job",
    "tracego.capability",
    "tracego.rlimit",
];

/// Returns the program starts of all captures.
fn starts() -> Vec<Record> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut records = Vec::new();
    for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == "capture")) {
        let bytes = fs::read(path).unwrap();
        let mut reader = CaptureReader::new(&bytes[..]).unwrap();
        let mut enricher = Enricher::new(reader.meta());
        let mut assembler = Assembler::default();
        while let Some(input) = reader.next_input().unwrap() {
            match input {
                Input::Seed(seeds, reading) => {
                    enricher.set_clock(reading);
                    enricher.seed(&seeds);
                }
                Input::Batch(batch) => {
                    enricher.set_clock(batch.clock);
                    for decoded in batch.decode() {
                        let event = assembler.take(decoded.event.unwrap());
                        let enriched = event.and_then(|event| enricher.record(&event, decoded.note.as_ref()));
                        records.extend(enriched.map(|enriched| enriched.record));
                    }
                }
                _ => {}
            }
        }
    }
    records.retain(|record| record.event_name == event_name::START);
    records
}

/// Returns an engine whose decision has the content of a member in its message.
fn showing(member: &str, cache: Option<NonZeroUsize>) -> PolicyEngine {
    let text = format!("package main\ndeny contains json.marshal(input.{member})");
    let limits = DecisionLimits { cache, message: 64 << 10, ..patient() };
    PolicyEngine::new(&[bundle("b", &text)], &limits).unwrap()
}

#[test]
fn each_shared_part_decides_as_its_content() {
    let mut records = starts();
    // Equal in all captures.
    for record in records.iter_mut().step_by(2) {
        (record.tracego.capability, record.tracego.rlimit) = (None, None);
    }
    for member in MEMBERS {
        let (mut remembering, mut other) =
            (showing(member, DecisionLimits::default().cache), showing(member, None));
        assert_eq!(remembering.uncacheable_reason(), None, "{member}");
        let (mut hits, mut contents) = (0, BTreeSet::new());
        // The second time, every record's parts are known.
        for round in 0..2 {
            for record in &records {
                let (decision, wanted) = (remembering.decide(record), other.decide(record));
                assert_eq!(decision.error, None, "{member}");
                assert_eq!(decision.violations, wanted.violations, "{member}");
                assert!(decision.cached || round == 0, "{member}");
                hits += u32::from(decision.cached);
                contents.insert(messages(&decision).join(" "));
            }
        }
        assert!(hits as usize >= records.len(), "{member}: {hits}");
        assert!(contents.len() > 1, "{member}: {contents:?}");
    }
}

/// Returns the variables of a process with one value.
fn variables(value: usize) -> Arc<Variables> {
    Arc::new(BTreeMap::from([(Arc::from("CI"), value.to_string())]).into())
}

#[test]
fn the_address_of_a_part_that_is_gone_decides_nothing() {
    let mut record = starts().remove(0);
    let mut engine = showing("process.environment_variable", NonZeroUsize::new(2));
    for value in (0..500).chain(0..500) {
        // The memory of the latest variables is free for these.
        record.process.as_mut().unwrap().environment_variable = None;
        record.process.as_mut().unwrap().environment_variable = Some(variables(value % 7));
        let decision = engine.decide(&record);
        assert_eq!(messages(&decision), [format!("{{\"CI\":\"{}\"}}", value % 7)]);
    }
}

#[test]
fn equal_parts_at_other_addresses_are_known() {
    let mut record = starts().remove(0);
    let mut engine = showing("process.environment_variable", NonZeroUsize::new(8));
    for round in 0..4 {
        record.process.as_mut().unwrap().environment_variable = Some(variables(1));
        assert_eq!(engine.decide(&record).cached, round > 0);
        assert!(engine.decide(&record).cached);
        // The rest of the input still matters.
        record.process.as_mut().unwrap().environment_variable = None;
        assert_eq!(engine.decide(&record).cached, round > 0);
    }
    let counts = engine.counts();
    assert_eq!((counts.decisions, counts.hits, counts.misses), (12, 10, 2));
}
