//! Records whose output was told which members to write: each is still what its format allows.

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message as _;
use serde_json::Value;
use tracego_deliver::format::{
    Format,
    otlp::{EncodedRecord, Encoding, LogEncoder, LogsRequest},
    selection::{FieldChoice, RecordForm, Selection},
};
use tracego_model::record::{Record, event_name};
use tracego_tests::samples;

use crate::{
    documents::{in_backticks, leaves, read},
    json_leaves::{Leaves, flat},
    lean, object, records,
};

pub(crate) const TESTS: &[(&str, crate::Test)] = &[
    ("selection::each_member_that_is_written_has_a_known_name", each_member_that_is_written_has_a_known_name),
    ("selection::fields_and_drop_divide_a_record", fields_and_drop_divide_a_record),
    ("selection::native_records_are_what_the_schema_says", native_records_are_what_the_schema_says),
    ("selection::records_that_are_read_alone_are_whole", records_that_are_read_alone_are_whole),
    ("selection::names_that_every_record_keeps_are_documented", names_that_every_record_keeps_are_documented),
    ("selection::both_encodings_of_otlp_choose_alike", both_encodings_of_otlp_choose_alike),
];

/// Formats whose members have names.
const FORMATS: [Format; 5] = [Format::Json, Format::Ocsf, Format::Ecs, Format::CloudEvents, Format::OtlpJson];

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn fields(format: Format, of: &[String]) -> Result<Selection, String> {
    Selection::new(FieldChoice::Fields(of), RecordForm::of(format).unwrap())
}

fn drop(format: Format, of: &[String]) -> Result<Selection, String> {
    Selection::new(FieldChoice::Drop(of), RecordForm::of(format).unwrap())
}

/// Returns a record in a format, with the chosen members.
fn chosen(format: Format, record: &Record, selection: &Selection) -> Value {
    let mut out = Vec::new();
    format.write_chosen(record, selection, &mut out).unwrap();
    assert!(out.ends_with(b"\n") && out.iter().filter(|byte| **byte == b'\n').count() == 1);
    serde_json::from_slice(&out).unwrap()
}

/// Returns records of processes that are not read alone, full and lean.
fn of_processes() -> Vec<Record> {
    let kinds = [event_name::START, event_name::EXIT, event_name::FORK, event_name::EXEC_FAILED];
    let mut all = records();
    let mut allowed = samples::start_with_policy_decision(true, None);
    if let Some(policy) = &mut allowed.tracego.policy {
        policy.violations = Default::default();
        policy.warnings = Default::default();
    }
    assert!(allowed.tracego.policy.is_some() && !allowed.stands_alone());
    all.push(allowed);
    all.extend(lean::lean_records());
    all.retain(|record| kinds.contains(&record.event_name) && !record.stands_alone());
    assert!(all.len() > 40, "{}", all.len());
    all
}

/// Returns the leaves of an event, by the names that are chosen from. Lists are whole.
fn named(format: Format, event: &Value) -> Leaves {
    let plain = |name: &str| name.split("[]").next().unwrap_or_default().to_owned();
    let all = match format {
        Format::OtlpJson => leaves(format, event)
            .into_iter()
            .filter(|(name, value)| name.contains("attributes.") || name == "body" && !value.is_null())
            .map(|(name, value)| (name.trim_start_matches("resource.").replacen("attributes.", "", 1), value))
            .collect(),
        Format::CloudEvents => flat(&event["data"]),
        _ => flat(event),
    };
    all.into_iter().map(|(name, value)| (plain(&name), value)).collect()
}

/// Returns the names in an event.
fn names_in(format: Format, event: &Value) -> BTreeSet<String> {
    named(format, event).into_iter().map(|(name, _)| name).collect()
}

/// Returns the name to give for a leaf: the longest one that a selection takes.
fn given_for(format: Format, leaf: &str) -> Option<String> {
    let fronts = leaf.match_indices('.').map(|(at, _)| &leaf[..at]);
    let mut fronts: Vec<&str> = fronts.chain([leaf]).collect();
    fronts.reverse();
    fronts.into_iter().find(|name| fields(format, &names(&[name])).is_ok()).map(str::to_owned)
}

fn each_member_that_is_written_has_a_known_name() {
    for format in FORMATS {
        let mut seen = BTreeSet::new();
        for record in of_processes() {
            seen.extend(names_in(format, &object(format, &record)));
        }
        assert!(seen.len() > 60, "{}: {}", format.name(), seen.len());
        for leaf in &seen {
            let name = given_for(format, leaf).unwrap_or_else(|| panic!("{}: {leaf}", format.name()));
            // All but what every record keeps, and objects of which OCSF requires attributes, can be named itself.
            let is_whole = is_permanent(format, &name) || format == Format::Ocsf;
            assert!(name == *leaf || is_whole, "{}: {leaf} is known as {name}", format.name());
        }
    }
}

/// Whether every record keeps a member.
fn is_permanent(format: Format, name: &str) -> bool {
    drop(format, &names(&[name])).err().is_some_and(|error| error.contains("cannot be left out"))
}

fn fields_and_drop_divide_a_record() {
    for format in FORMATS {
        let mut tried = 0;
        for record in one_of_each() {
            let whole = named(format, &object(format, &record));
            let names: BTreeSet<&String> = whole.iter().map(|(name, _)| name).collect();
            let permanent: BTreeSet<&str> =
                names.iter().map(|name| name.as_str()).filter(|name| is_permanent(format, name)).collect();
            let is_permanent = |name: &str| permanent.contains(name);
            let given: BTreeSet<String> = names.iter().filter_map(|leaf| given_for(format, leaf)).collect();
            for given in given {
                // Neither the mark is in the whole record, nor bytes of texts that are not chosen in the other.
                let is_other = |name: &str| name.ends_with("tracego.selected") || name.contains(".bytes");
                let is_below = |name: &str| name == given || name.starts_with(&format!("{given}."));
                let rest = |selection: Selection| {
                    let mut rest = named(format, &chosen(format, &record, &selection));
                    rest.retain(|(name, _)| !is_other(name));
                    rest
                };
                let wanted = |keeps: &dyn Fn(&str) -> bool| {
                    let mut wanted = whole.clone();
                    wanted.retain(|(name, _)| !is_other(name) && (is_permanent(name) || keeps(name)));
                    wanted
                };
                let name = [given.clone()];
                let with = rest(fields(format, &name).unwrap());
                assert_eq!(with, wanted(&is_below), "{} fields={given}", format.name());
                if let Ok(selection) = drop(format, &name) {
                    let without = wanted(&|name| !is_below(name));
                    assert_eq!(rest(selection), without, "{} drop={given}", format.name());
                    tried += 1;
                }
            }
        }
        assert!(tried > 100, "{}: {tried}", format.name());
    }
}

/// Returns selections to try: nothing, each name alone, and all but it.
pub(crate) fn selections(format: Format) -> Vec<Selection> {
    let mut given = BTreeSet::new();
    for record in one_of_each() {
        let leaves = names_in(format, &object(format, &record)).into_iter();
        given.extend(leaves.filter_map(|leaf| given_for(format, &leaf)));
    }
    let outer: BTreeSet<String> =
        given.iter().map(|name| name.split('.').next().unwrap().to_owned()).collect();
    let mut all = vec![fields(format, &[]).unwrap()];
    for name in given.into_iter().chain(outer) {
        let name = [name];
        all.extend(fields(format, &name).into_iter().chain(drop(format, &name)));
    }
    all
}

/// Returns one record of each kind, full and lean.
fn one_of_each() -> Vec<Record> {
    let kinds = of_processes().into_iter().map(|record| ((record.event_name, record.is_lean), record));
    kinds.collect::<BTreeMap<_, _>>().into_values().collect()
}

/// Returns those records in a format, with each of the selections.
pub(crate) fn objects(format: Format) -> Vec<Value> {
    let selections = selections(format);
    let records = one_of_each();
    let one = |selection| records.iter().map(|record| chosen(format, record, selection)).collect::<Vec<_>>();
    selections.iter().flat_map(one).collect()
}

fn native_records_are_what_the_schema_says() {
    for format in [Format::Json, Format::CloudEvents] {
        let all = objects(format);
        let data = all.iter().map(|event| if format == Format::Json { event } else { &event["data"] });
        let text: Vec<String> = data.map(Value::to_string).collect();
        let records = tracego_tests::records(&text.join("\n"));
        assert!(records.iter().all(|record| record["tracego"]["selected"] == true));
    }
}

fn records_that_are_read_alone_are_whole() {
    for format in FORMATS {
        let nothing = fields(format, &[]).unwrap();
        let mut seen = BTreeSet::new();
        for record in records() {
            let is_alone = record.stands_alone();
            let kinds = [event_name::START, event_name::EXIT, event_name::FORK, event_name::EXEC_FAILED];
            if is_alone || !kinds.contains(&record.event_name) {
                seen.insert((record.event_name, is_alone));
                assert_eq!(chosen(format, &record, &nothing), object(format, &record));
            }
        }
        assert!(seen.len() >= 5 && seen.contains(&(event_name::START, true)), "{seen:?}");
    }
}

fn names_that_every_record_keeps_are_documented() {
    let text = read("docs/formats.md");
    let (_, table) = text.split_once("\n## Choose members\n").unwrap();
    let table = table.split("\n## ").next().unwrap();
    // The data of CloudEvents is the native record.
    for format in [Format::Json, Format::Ocsf, Format::Ecs, Format::OtlpJson] {
        let row = table.lines().find(|line| line.starts_with(&format!("| `{}`", format.name()))).unwrap();
        let cell = row.trim_matches('|').split(" | ").nth(1).unwrap();
        let documented: BTreeSet<String> = in_backticks(cell).into_iter().collect();
        let nothing = fields(format, &[]).unwrap();
        let mut kept = BTreeSet::new();
        for record in of_processes() {
            kept.extend(names_in(format, &chosen(format, &record, &nothing)));
        }
        let is_under = |name: &str, row: &str| name == row || name.starts_with(&format!("{row}."));
        for name in &kept {
            assert!(documented.iter().any(|row| is_under(name, row)), "{}: {name}", format.name());
        }
        for row in &documented {
            // No sample has a parent that did not create the process.
            let is_shown = row.ends_with(".parent_exec_id") || kept.iter().any(|name| is_under(name, row));
            assert!(is_shown, "{}: {row}", format.name());
            assert!(is_permanent(format, row), "{}: {row}", format.name());
        }
    }
}

fn both_encodings_of_otlp_choose_alike() {
    let decoded = |encoding, record: &Record, selection: &Selection| {
        let encoder = LogEncoder::new(encoding, Vec::new()).choosing(Some(selection.clone()));
        let (mut piece, mut request) = (EncodedRecord::default(), LogsRequest::new(encoding));
        encoder.encode(record, &mut piece).unwrap();
        request.push(&piece.resource, &piece.record);
        let mut out = Vec::new();
        request.finish(&mut out);
        match encoding {
            Encoding::Protobuf => ExportLogsServiceRequest::decode(&out[..]).unwrap(),
            Encoding::Json => serde_json::from_slice(&out).unwrap(),
        }
    };
    let has_body = |request: &ExportLogsServiceRequest| {
        request.resource_logs[0].scope_logs[0].log_records[0].body.is_some()
    };
    let mut bodies = BTreeSet::new();
    for selection in selections(Format::OtlpJson) {
        for record in one_of_each() {
            let json = decoded(Encoding::Json, &record, &selection);
            assert!(json == decoded(Encoding::Protobuf, &record, &selection));
            bodies.insert(has_body(&json));
        }
    }
    assert_eq!(bodies.len(), 2);
}
