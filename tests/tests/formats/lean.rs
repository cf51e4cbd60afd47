//! Lean records in each format: what they leave out is in the tables of `docs/formats.md`, and they are
//! short.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tracego_deliver::{
    detail::Detail,
    format::{
        Format,
        otlp::{EncodedRecord, Encoding, LogEncoder, LogsRequest},
    },
    sink::{
        direct::{DirectFormat, DirectOutput},
        outputs::Outputs,
    },
};
use tracego_model::record::{Record, event_name};
use tracego_tests::{Memory, samples};

use crate::{
    documents::{in_backticks, leaves, section},
    json_leaves::Leaves,
    records,
};

pub(crate) const TESTS: &[(&str, crate::Test)] = &[
    ("lean::what_is_left_out_is_in_the_table", what_is_left_out_is_in_the_table),
    ("lean::a_value_is_there_once", a_value_is_there_once),
    ("lean::formats_stay_near_the_size_of_json", formats_stay_near_the_size_of_json),
];

/// Formats with a table of what lean records leave out.
const FORMATS: [Format; 4] = [Format::Ocsf, Format::Ecs, Format::CloudEvents, Format::OtlpJson];

/// Puts records through an output. Returns its lines, with those of records that lean ones refer to, and the
/// records as they are afterwards.
fn written(format: Format, detail: Detail, mut records: Vec<Record>) -> (Vec<String>, Vec<Record>) {
    let memory = Memory::default();
    let direct =
        DirectOutput::new(Box::new(memory.clone()), DirectFormat::Line(format)).detailed(detail, false);
    let mut outputs = Outputs::from(direct);
    for record in &mut records {
        // A start whose executable could not be read is full.
        if let Some(file) = &mut record.tracego.executable {
            file.unread = None;
        }
        assert!(outputs.push(record, true).unwrap());
    }
    assert!(outputs.flush().error.is_none());
    let text = memory.text();
    (text.lines().map(str::to_owned).collect(), records)
}

/// Returns lean records in a format, with the records that they refer to: one object a line.
pub(crate) fn lines(format: Format) -> Vec<String> {
    written(format, Detail::Lean, records()).0
}

/// Returns lean records in a format, with the records that they refer to.
pub(crate) fn objects(format: Format) -> Vec<Value> {
    lines(format).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns lean records, without those that they refer to.
pub(crate) fn lean_records() -> Vec<Record> {
    let (_, mut records) = written(Format::Json, Detail::Lean, records());
    records.retain(|record| record.is_lean);
    assert!(records.len() > 20, "{}", records.len());
    records
}

/// Returns the rows of the table of what lean records leave out: names, each of them with `*` for all below
/// it.
fn left_out(format: Format) -> Vec<String> {
    let section = section(format);
    let (_, table) = section.split_once("\n### Lean ").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.flat_map(|row| in_backticks(row.split(" | ").next().unwrap())).collect()
}

fn is_under(name: &str, row: &str) -> bool {
    row.strip_suffix('*').map_or(name == row, |front| name.starts_with(front))
}

/// Returns the leaves of each record by its identifier. Numbers of records differ, since records that others
/// refer to have numbers of their own.
fn by_record(format: Format, detail: Detail) -> BTreeMap<String, Leaves> {
    let (lines, records) = written(format, detail, records());
    let known: BTreeSet<String> = records.iter().map(|record| record.log.record.uid.clone()).collect();
    let number = ["sequence", "event.sequence", "metadata.sequence", "data.seq", "attributes.tracego.seq"];
    let id = ["metadata.uid", "event.id", "id", "attributes.log.record.uid"];
    let mut all = BTreeMap::new();
    for line in lines {
        let mut leaves = leaves(format, &serde_json::from_str(&line).unwrap());
        leaves.retain(|(name, _)| !number.contains(&name.as_str()));
        let uid = leaves.iter().find(|(name, value)| {
            id.contains(&name.as_str()) && value.as_str().is_some_and(|value| known.contains(value))
        });
        if let Some((_, uid)) = uid {
            assert!(all.insert(uid.as_str().unwrap().to_owned(), leaves.clone()).is_none());
        }
    }
    assert_eq!(all.len(), known.len());
    all
}

fn what_is_left_out_is_in_the_table() {
    // Members of lean records alone.
    let added = ["tracego.ref.", "tracego.lineage[]", "tracego.parent_exec_id"];
    let mut undocumented = BTreeSet::new();
    for format in FORMATS {
        let rows = left_out(format);
        let (full, lean) = (by_record(format, Detail::Full), by_record(format, Detail::Lean));
        let mut exercised = BTreeSet::new();
        for (uid, full) in &full {
            let lean = &lean[uid];
            for (name, _) in full.iter().filter(|leaf| !lean.contains(leaf)) {
                let of: Vec<&String> = rows.iter().filter(|row| is_under(name, row)).collect();
                if of.is_empty() {
                    undocumented.insert(format!("{}: {name}", format.name()));
                }
                exercised.extend(of);
            }
            for (name, value) in lean.iter().filter(|leaf| !full.contains(leaf)) {
                let is_known = added.iter().any(|added| name.contains(added))
                    || rows.iter().any(|row| is_under(name, row));
                if !is_known {
                    undocumented
                        .insert(format!("{}: {name} = {value}, in lean records alone", format.name()));
                }
            }
        }
        let unseen = rows.iter().filter(|row| !exercised.contains(row));
        undocumented.extend(unseen.map(|row| format!("{}: no sample leaves out {row}", format.name())));
    }
    assert!(undocumented.is_empty(), "{undocumented:#?}");
}

/// Checks that no long text is in a lean record twice: arguments, paths, identities.
fn a_value_is_there_once() {
    for format in [Format::Ecs, Format::Ocsf] {
        let mut seen = 0;
        for object in objects(format) {
            let leaves = leaves(format, &object);
            let name = leaves.iter().find(|(name, _)| name == "event.code" || name == "metadata.event_code");
            let kinds = [event_name::START, event_name::EXIT, event_name::FORK];
            if !kinds.iter().any(|kind| name.is_some_and(|(_, value)| value == kind)) {
                continue;
            }
            // A record with a finding is full.
            if !leaves.iter().any(|(name, _)| name.contains("tracego.ref.")) {
                continue;
            }
            seen += 1;
            let mut texts = BTreeMap::new();
            for (name, value) in &leaves {
                // Arguments may be equal to each other, and to paths.
                let is_free = ["process.args[]", "process.cmd_line"].contains(&name.as_str());
                if let Some(text) = value.as_str().filter(|text| text.len() > 20 && !is_free)
                    && let Some(other) = texts.insert(text, name)
                {
                    panic!("{}: {text} is at {other} and at {name}", format.name());
                }
            }
        }
        assert!(seen > 10, "{seen}");
    }
}

/// Returns captured starts and exits that become lean, as many as a batch has.
fn batch() -> Vec<Record> {
    const RECORDS: usize = 512;
    // Arguments are as long in all formats. Some samples have so many that nothing else would count.
    const ARGUMENTS: usize = 2000;
    let (_, lean) = written(Format::Json, Detail::Lean, samples::captured());
    let kinds = [event_name::START, event_name::EXIT];
    let all: Vec<Record> = samples::captured()
        .into_iter()
        .zip(&lean)
        .filter(|(full, lean)| lean.is_lean && kinds.contains(&full.event_name))
        .map(|(full, _)| full)
        .filter(|full| {
            let arguments = full.process.as_ref().and_then(|process| process.command_args.as_ref());
            arguments.is_none_or(|all| all.iter().map(String::len).sum::<usize>() < ARGUMENTS)
        })
        .collect();
    assert!(all.iter().filter(|record| record.event_name == event_name::START).count() > 5);
    all.iter().cloned().cycle().take(RECORDS).collect()
}

fn formats_stay_near_the_size_of_json() {
    let batch = batch();
    for kind in [event_name::START, event_name::EXIT] {
        let records: Vec<Record> = batch.iter().filter(|record| record.event_name == kind).cloned().collect();
        let bytes = |format| {
            let (lines, lean) = written(format, Detail::Lean, records.clone());
            assert!(lean.iter().all(|record| record.is_lean));
            let lines = lines.iter().filter(|line| line.contains(&format!("\"{kind}\"")));
            (lines.map(|line| line.len() + 1).sum::<usize>(), lean)
        };
        let (json, lean) = bytes(Format::Json);
        let encoder = LogEncoder::new(Encoding::Protobuf, Vec::new());
        let (mut piece, mut request, mut out) =
            (EncodedRecord::default(), LogsRequest::new(Encoding::Protobuf), Vec::new());
        for record in &lean {
            encoder.encode(record, &mut piece).unwrap();
            request.push(&piece.resource, &piece.record);
        }
        request.finish(&mut out);
        let sizes = [
            ("ecs", bytes(Format::Ecs).0, 1.5),
            ("ocsf", bytes(Format::Ocsf).0, 1.5),
            ("otlp", out.len(), 1.0),
        ];
        for (name, size, most) in sizes {
            let ratio = size as f64 / json as f64;
            assert!(ratio <= most, "{kind}: {name} has {size} bytes, json {json}: {ratio:.2}");
        }
    }
}
