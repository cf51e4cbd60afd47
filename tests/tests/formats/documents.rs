//! Checks `docs/formats.md` against the schema and against the code: every attribute has a row, every value
//! is where its row says, and an attribute that a row calls lost appears nowhere.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use tracego_deliver::format::Format;
use tracego_model::record::{Record, event_name};
use tracego_tests::samples;

use crate::{
    cef,
    json_leaves::{Leaves, flat, native},
    line, object, records,
};

pub(crate) const TESTS: &[(&str, crate::Test)] = &[
    ("documents::every_attribute_of_the_schema_has_a_row", every_attribute_of_the_schema_has_a_row),
    ("documents::every_value_is_where_its_row_says", every_value_is_where_its_row_says),
    ("documents::what_is_lost_is_nowhere", what_is_lost_is_nowhere),
    ("documents::every_member_is_found_by_its_name", every_member_is_found_by_its_name),
    ("documents::the_list_of_formats_is_the_one_of_the_code", the_list_of_formats_is_the_one_of_the_code),
];

/// Formats with a table; the native format needs none.
const MAPPED: [Format; 5] = [Format::Ocsf, Format::Ecs, Format::CloudEvents, Format::OtlpJson, Format::Cef];

/// A row of a table: an attribute and its places in a format.
#[derive(Debug)]
struct MappingRow {
    /// Name of our attribute, with `*` at the end for all names with this prefix.
    ours: String,
    /// Names in the other format, likewise; none when the attribute is lost.
    theirs: Vec<String>,
    /// The value is derived from ours, not equal to it.
    derived: bool,
    /// Some events lack the value.
    partly: bool,
}

impl MappingRow {
    /// Returns the part of a name that the `*` stands for; `None` if the row is not about the name.
    fn rest<'a>(&self, name: &'a str) -> Option<&'a str> {
        match self.ours.strip_suffix('*') {
            Some(front) => name.strip_prefix(front),
            None => (name == self.ours).then_some(""),
        }
    }

    /// Returns whether another value may stand at one of the places: the program of a failed start, or the
    /// rule of a finding.
    fn is_sometimes_another(&self, format: Format) -> bool {
        let ours = self.ours.as_str();
        match format {
            Format::Ocsf => matches!(ours, "process.executable.path" | "process.executable.name"),
            Format::Cef => {
                matches!(ours, "event_name" | "process.executable.path" | "process.executable.name")
            }
            _ => false,
        }
    }
}

pub(crate) fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(path)).unwrap()
}

pub(crate) fn in_backticks(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Returns the part of `docs/formats.md` about a format.
pub(crate) fn section(format: Format) -> String {
    let text = read("docs/formats.md");
    let (_, section) = text.split_once(&format!("\n## {}\n", format.name())).unwrap();
    section.split("\n## ").next().unwrap().to_owned()
}

fn rows(format: Format) -> Vec<MappingRow> {
    let section = section(format);
    let mapping = section.split("\n### ").next().unwrap();
    let mut rows = Vec::new();
    for line in mapping.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [ours, theirs, note] = cells[..] else { panic!("{line}") };
        let row = MappingRow {
            ours: in_backticks(ours).remove(0),
            theirs: in_backticks(theirs),
            derived: note.starts_with("derived"),
            partly: note.contains("not where"),
        };
        assert_eq!(row.theirs.is_empty(), theirs == "lost", "{line}");
        rows.push(row);
    }
    let names: BTreeSet<&str> = rows.iter().map(|row| row.ours.as_str()).collect();
    assert_eq!(names.len(), rows.len(), "{}: a row is there twice", format.name());
    rows
}

/// Returns the most specific row for an attribute.
fn row_of<'a>(rows: &'a [MappingRow], name: &str) -> Option<&'a MappingRow> {
    rows.iter().filter(|row| row.rest(name).is_some()).max_by_key(|row| row.ours.len())
}

/// Collects the attributes of the schema, with `*` for any name.
fn attributes(schema: &Value, name: &str, found: &mut Vec<String>) {
    let below = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    let members = schema["properties"].as_object();
    let open = schema["additionalProperties"].is_object();
    if let Some(items) = schema.get("items") {
        attributes(items, &format!("{name}[]"), found);
    } else if members.is_none() && !open {
        found.push(name.to_owned());
    }
    for (part, schema) in members.into_iter().flatten() {
        attributes(schema, &below(part), found);
    }
    if open {
        found.push(below("*"));
    }
}

fn every_attribute_of_the_schema_has_a_row() {
    let schema: Value = serde_json::from_str(&read("tracego/schema/record.schema.json")).unwrap();
    let mut names = Vec::new();
    attributes(&schema, "", &mut names);
    assert!(names.len() > 150 && names.contains(&"tracego.findings[].evidence.*".to_owned()), "{names:#?}");
    for format in MAPPED {
        let rows = rows(format);
        for name in &names {
            assert!(row_of(&rows, name).is_some(), "{}: no row for {name}", format.name());
        }
        for row in &rows {
            let front = row.ours.trim_end_matches('*');
            let known =
                |name: &String| name.starts_with(front) || row.ours.starts_with(name.trim_end_matches('*'));
            assert!(names.iter().any(known), "{}: the schema has no {}", format.name(), row.ours);
        }
    }
}

/// Returns an event of a format as names and values, with the names of the tables.
fn event(format: Format, record: &Record) -> Leaves {
    match format {
        Format::Cef => {
            let (header, pairs) = cef::parse(&line(format, record));
            let names = ["Version", "Device Vendor", "Device Product", "Device Version"];
            let more = ["Device Event Class ID", "Name", "Severity"];
            let header = names.into_iter().chain(more).map(str::to_owned).zip(header);
            header.chain(pairs).map(|(name, value)| (name, value.into())).collect()
        }
        _ => leaves(format, &object(format, record)),
    }
}

/// Returns an event of a format in JSON as names and values, with the names of the tables.
pub(crate) fn leaves(format: Format, event: &Value) -> Leaves {
    match format {
        Format::OtlpJson => otlp(event),
        // In OCSF the process is evidence, and otherwise the same.
        Format::Ocsf => {
            let plain = |name: String| name.strip_prefix("evidences[].").map(str::to_owned).unwrap_or(name);
            flat(event).into_iter().map(|(name, value)| (plain(name), value)).collect()
        }
        _ => flat(event),
    }
}

fn otlp(line: &Value) -> Leaves {
    let resource = &line["resourceLogs"][0];
    let scope = &resource["scopeLogs"][0];
    let record = &scope["logRecords"][0];
    let mut found = vec![
        ("schemaUrl".to_owned(), resource["schemaUrl"].clone()),
        ("scope.version".to_owned(), scope["scope"]["version"].clone()),
        ("body".to_owned(), record["body"]["stringValue"].clone()),
    ];
    for (front, list) in [("resource.", &resource["resource"]["attributes"]), ("", &record["attributes"])] {
        for attribute in list.as_array().unwrap() {
            let name = format!("{front}attributes.{}", attribute["key"].as_str().unwrap());
            any_value(name, &attribute["value"], &mut found);
        }
    }
    let plain =
        record.as_object().unwrap().iter().filter(|(_, value)| !value.is_object() && !value.is_array());
    found.extend(plain.map(|(name, value)| (name.clone(), value.clone())));
    found
}

fn any_value(name: String, value: &Value, found: &mut Leaves) {
    match value.as_object().and_then(|value| value.iter().next()) {
        None => found.push((name, Value::Null)),
        Some((kind, inner)) if kind == "arrayValue" => {
            for value in inner["values"].as_array().unwrap() {
                any_value(format!("{name}[]"), value, found);
            }
        }
        Some((kind, inner)) if kind == "kvlistValue" => {
            for pair in inner["values"].as_array().unwrap() {
                any_value(format!("{name}.{}", pair["key"].as_str().unwrap()), &pair["value"], found);
            }
        }
        Some((_, inner)) => found.push((name, inner.clone())),
    }
}

/// Returns the text of a value; a character that CEF cannot hold becomes a space.
fn text(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let hidden = |c: char| c.is_control() || c == '\u{2028}';
    text.chars().map(|c| if hidden(c) && c != '\n' { ' ' } else { c }).collect()
}

/// Returns whether their value contains ours: the same, a text around it, or a time in milliseconds.
fn says(theirs: &Value, ours: &Value) -> bool {
    let (shown, wanted) = (text(theirs), text(ours));
    let time = wanted.len() == 30 && wanted.ends_with('Z');
    let around = ours.is_string() && shown.contains(&wanted);
    let padded = ours.is_number() && shown.trim_start_matches('0') == wanted;
    theirs == ours || shown == wanted || around || padded || (time && milliseconds(&wanted) == shown)
}

/// Converts a record's time to milliseconds since 1970.
fn milliseconds(time: &str) -> String {
    (nanoseconds(time) / 1_000_000).to_string()
}

/// Returns the nanoseconds since 1970 of `2026-11-24T09:24:28.943986009Z` (Howard Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms", days_from_civil).
fn nanoseconds(time: &str) -> i64 {
    let number = |at: usize, len: usize| time[at..at + len].parse::<i64>().unwrap();
    let (mut year, month, day) = (number(0, 4), number(5, 2), number(8, 2));
    year -= i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = ((days * 24 + number(11, 2)) * 60 + number(14, 2)) * 60 + number(17, 2);
    seconds * 1_000_000_000 + number(20, 9)
}

fn every_value_is_where_its_row_says() {
    for format in MAPPED {
        let rows = rows(format);
        let mut exercised = BTreeSet::new();
        // An output in a format that has no lean records gets no reference.
        let is_written =
            |record: &Record| format.can_be_lean() || !event_name::REFERENCES.contains(&record.event_name);
        for record in records().into_iter().filter(is_written) {
            let event = event(format, &record);
            for (name, value) in native(&record) {
                let row =
                    row_of(&rows, &name).unwrap_or_else(|| panic!("{}: no row for {name}", format.name()));
                if row.theirs.is_empty() {
                    exercised.insert((&row.ours, ""));
                    continue;
                }
                let rest = row.rest(&name).unwrap();
                let mut found = false;
                for theirs in &row.theirs {
                    let wanted = theirs.replace('*', rest);
                    let there: Vec<_> = event.iter().filter(|(name, _)| *name == wanted).collect();
                    if there.iter().any(|(_, shown)| row.derived || says(shown, &value)) {
                        exercised.insert((&row.ours, theirs.as_str()));
                        found = true;
                    } else {
                        let another =
                            there.is_empty() || name.contains("[]") || row.is_sometimes_another(format);
                        assert!(another, "{}: {name} = {value} is not at {there:?}", format.name());
                    }
                }
                let theirs = &row.theirs;
                assert!(
                    found || row.partly,
                    "{}: {name} = {value} is not at {theirs:?}\n{event:#?}",
                    format.name()
                );
            }
        }
        for row in &rows {
            for theirs in row.theirs.iter().map(String::as_str).chain(row.theirs.is_empty().then_some("")) {
                // No sample has a position that `integer_t` cannot hold; odd.rs tests it.
                let shown = exercised.contains(&(&row.ours, theirs)) || theirs == "unmapped.seq";
                assert!(shown, "{}: no sample shows {} at {theirs:?}", format.name(), row.ours);
            }
        }
    }
}

fn what_is_lost_is_nowhere() {
    for format in MAPPED {
        let rows = rows(format);
        for record in samples::synthetic() {
            let event = event(format, &record);
            let native = native(&record);
            for (name, value) in &native {
                let lost = row_of(&rows, name).is_some_and(|row| row.theirs.is_empty());
                // Short values equal others by chance, and some attributes really are equal.
                let telling = text(value).len() >= 5 && !value.is_boolean();
                let twice = native.iter().filter(|(_, other)| text(other) == text(value)).count() > 1;
                if lost && telling && !twice {
                    let same = |(name, shown): &&(String, Value)| {
                        text(shown) == text(value) && !name.ends_with("Label")
                    };
                    let other = event.iter().find(same);
                    assert!(other.is_none(), "{}: {name} is not lost: {other:?}", format.name());
                }
            }
        }
    }
}

fn the_list_of_formats_is_the_one_of_the_code() {
    let text = read("docs/formats.md");
    let (front, _) = text.split_once("\n## ").unwrap();
    let listed: Vec<Vec<String>> =
        front.lines().filter(|line| line.starts_with("| `")).map(in_backticks).collect();
    let coded: Vec<Vec<String>> = Format::ALL
        .iter()
        .map(|format| {
            [format.name(), format.media_type(), format.stream_media_type()].map(str::to_owned).to_vec()
        })
        .collect();
    assert_eq!(listed, coded);
}

fn every_member_is_found_by_its_name() {
    for record in records() {
        let whole = serde_json::to_value(&record).unwrap();
        for (name, value) in whole.as_object().unwrap() {
            assert_eq!(record.member(name).unwrap().as_ref(), Some(value), "{name}");
        }
        let lacks = ["trace_id", "process", "cicd", "k8s", "container", "nothing"];
        for name in lacks.into_iter().filter(|name| whole.get(name).is_none()) {
            assert_eq!(record.member(name).unwrap(), None, "{name}");
        }
    }
}
