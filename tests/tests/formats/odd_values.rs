//! Checks that a record stays one valid line of its format, whatever its texts contain.

use proptest::{prelude::*, test_runner::Config};
use tracego_deliver::format::Format;
use tracego_model::{
    clock::Time,
    record::{Record, exact_number::ExactNumber},
};
use tracego_tests::samples;

use crate::{json_leaves, line, object};

pub(crate) const TESTS: &[(&str, crate::Test)] = &[
    ("odd::any_text_gives_a_valid_line_with_the_text_in_it", any_text_gives_a_valid_line_with_the_text_in_it),
    ("odd::any_number_gives_a_valid_line", any_number_gives_a_valid_line),
    ("odd::names_and_media_types_are_told_apart", names_and_media_types_are_told_apart),
    ("odd::a_long_argv_is_there_whole", a_long_argv_is_there_whole),
];

const JSON: [Format; 5] = [Format::Json, Format::Ocsf, Format::Ecs, Format::CloudEvents, Format::OtlpJson];

fn config() -> Config {
    Config { cases: 256, failure_persistence: None, ..Config::default() }
}

/// Returns a record in which every text that a process can choose is `text`.
fn written(text: &str) -> Record {
    let mut record =
        samples::start_with_findings(vec![samples::finding(0, tracego_model::finding::Severity::High)]);
    record.body = text.to_owned();
    let process = record.process.as_mut().unwrap();
    process.command = text.to_owned();
    process.command_args = Some(vec![text.to_owned(); 2]);
    process.working_directory = Some(text.to_owned());
    let executable = process.executable.as_mut().unwrap();
    executable.path = text.to_owned();
    executable.name = text.to_owned();
    record.tracego.exec.as_mut().unwrap().filename = text.to_owned();
    record.tracego.unit = Some(text.to_owned());
    record.tracego.tty = Some(text.to_owned());
    record.tracego.findings[0].message = text.to_owned();
    record
}

fn any_text_gives_a_valid_line_with_the_text_in_it() {
    let strategy = ".{0,60}|[\\x00-\\x1f\\x7f\"\\\\|= ]{0,20}";
    proptest!(config(), |(text in strategy)| {
        let record = written(&text);
        for format in JSON {
            let found = json_leaves::flat(&object(format, &record));
            let there = found.iter().any(|(_, value)| value == text.as_str());
            prop_assert!(there, "{} lost {text:?}", format.name());
        }
        let (_, pairs) = crate::cef::parse(&line(Format::Cef, &record));
        prop_assert!(pairs.contains_key("cn3"));
    });
}

fn any_number_gives_a_valid_line() {
    let numbers = (any::<i64>(), any::<u64>(), any::<u32>(), any::<u8>());
    proptest!(config(), |((time, large, small, severity) in numbers)| {
        let mut record = samples::start();
        (record.timestamp, record.observed_timestamp) = (Time(time), Time(time));
        (record.seq, record.severity_number) = (large, severity);
        let process = record.process.as_mut().unwrap();
        (process.pid, process.parent_pid, process.creation.time) = (small, small, Time(time));
        process.user.as_mut().unwrap().id = small;
        record.tracego.executable.as_mut().unwrap().inode = ExactNumber(large);
        record.tracego.audit.as_mut().unwrap().login_user_id = Some(small);
        for format in JSON {
            let found = json_leaves::flat(&object(format, &record));
            let inode = large.to_string();
            let there = found.iter().any(|(_, value)| *value == large || *value == inode.as_str());
            prop_assert!(there, "{} lost {large}", format.name());
        }
        crate::cef::parse(&line(Format::Cef, &record));
    });
}

fn names_and_media_types_are_told_apart() {
    let names: std::collections::BTreeSet<_> = Format::ALL.iter().map(|format| format.name()).collect();
    assert_eq!(names.len(), Format::ALL.len());
    for format in Format::ALL {
        assert!(format.media_type().contains('/') && format.stream_media_type().contains('/'));
    }
}

/// Checks the longest argv that the kernel side sends.
fn a_long_argv_is_there_whole() {
    let mut record = samples::start();
    let long = "y".repeat(6 << 20);
    record.process.as_mut().unwrap().command_args = Some(vec![long.clone(), "end".into()]);
    for format in JSON {
        let written = line(format, &record);
        assert!(written.contains(&long), "{}", format.name());
        assert!(written.len() < 2 * long.len() + 65_536, "{}: {}", format.name(), written.len());
    }
}
