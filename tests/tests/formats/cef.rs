//! CEF, read back by a parser written from the standard alone. (The parsers on PyPI are unmaintained and
//! reject escapes that the standard requires.)

use std::collections::BTreeMap;

use proptest::{prelude::*, test_runner::Config};
use tracego_common::verdict::Action;
use tracego_deliver::format::Format;
use tracego_model::record::event_name;
use tracego_tests::samples;

use crate::{line, records};

pub(crate) const TESTS: &[(&str, crate::Test)] = &[
    ("cef::every_line_is_read_back", every_line_is_read_back),
    ("cef::what_would_end_a_value_is_escaped", what_would_end_a_value_is_escaped),
    ("cef::long_values_are_cut_at_a_character", long_values_are_cut_at_a_character),
    ("cef::what_was_done_about_a_start_is_said", what_was_done_about_a_start_is_said),
];

/// Returns the header fields and the extension of a line.
///
/// "CEF:Version|Device Vendor|Device Product|Device Version|Signature ID|Name|Severity|Extension": in the
/// header `|` and `\` are escaped, in the extension `=`, `\` and line ends. A key ends before an unescaped
/// `=`, a value before the space in front of the next key.
pub(crate) fn parse(line: &str) -> (Vec<String>, BTreeMap<String, String>) {
    let mut header = vec![String::new()];
    let mut chars = line.char_indices();
    let mut rest = "";
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => header.last_mut().unwrap().push(chars.next().unwrap().1),
            '|' if header.len() == 7 => {
                rest = &line[at + 1..];
                break;
            }
            '|' => header.push(String::new()),
            c => header.last_mut().unwrap().push(c),
        }
    }
    assert_eq!(header.len(), 7, "{line}");
    // Positions at which keys end.
    let mut equals = Vec::new();
    let mut escaped = false;
    for (at, c) in rest.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '=' => equals.push(at),
            _ => {}
        }
    }
    let mut pairs = BTreeMap::new();
    for (n, &end) in equals.iter().enumerate() {
        let start = rest[..end].rfind(' ').map_or(0, |at| at + 1);
        let stop = equals.get(n + 1).map_or(rest.len(), |&next| rest[..next].rfind(' ').unwrap());
        let before = pairs.insert(rest[start..end].to_owned(), unescaped(&rest[end + 1..stop]));
        assert!(before.is_none(), "{} is there twice", &rest[start..end]);
    }
    (header, pairs)
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next().unwrap() {
                'n' => '\n',
                'r' => '\r',
                c @ ('\\' | '=') => c,
                other => panic!("\\{other} is no escape"),
            },
            c => c,
        });
    }
    plain
}

fn every_line_is_read_back() {
    for record in records() {
        let (header, pairs) = parse(&line(Format::Cef, &record));
        assert_eq!(header[..3], ["CEF:0", "tracego", "tracego"]);
        let severity: u8 = header[6].parse().unwrap();
        assert!(severity <= 10);
        assert_eq!(severity >= 8, record.severity_number >= 17, "{header:?}");
        assert_eq!(pairs["externalId"], record.log.record.uid);
        assert_eq!(pairs["start"], (record.timestamp.0 / 1_000_000).to_string());
        for key in pairs.keys().filter(|key| key.starts_with("cs") || key.starts_with("cn")) {
            let label = format!("{}Label", key.trim_end_matches("Label"));
            assert!(pairs.contains_key(&label), "{key} has no label");
        }
        if record.event_name == event_name::EXEC_FAILED {
            assert_eq!(pairs["outcome"], "failure");
        }
    }
}

fn what_would_end_a_value_is_escaped() {
    let strategy = ".*|[\\\\|= a-c\n\r]{0,40}";
    proptest!(Config { cases: 512, failure_persistence: None, ..Config::default() }, |(text in strategy)| {
        let mut record = samples::start_with_findings(vec![samples::finding(0, tracego_model::finding::Severity::Low)]);
        record.tracego.findings[0].message = text.clone();
        record.process.as_mut().unwrap().working_directory = Some(text.clone());
        let (header, pairs) = parse(&line(Format::Cef, &record));
        // Line ends are kept only in the extension, other control characters nowhere.
        let shown = |text: &str, line_ends: bool| -> String {
            let hidden = |c: char| {
                (c.is_control() || c == '\u{2028}' || c == '\u{2029}')
                    && !(line_ends && (c == '\n' || c == '\r'))
            };
            text.chars().map(|c| if hidden(c) { ' ' } else { c }).collect()
        };
        if text.chars().count() < 512 {
            prop_assert_eq!(&header[5], &shown(&text, false));
        }
        prop_assert_eq!(&pairs["cs4"], &shown(&text, true));
        prop_assert_eq!(&pairs["cs4Label"], "process.working_directory");
    });
}

fn long_values_are_cut_at_a_character() {
    let mut record = samples::start();
    record.body = "ü=".repeat(3000);
    record.process.as_mut().unwrap().command_args = Some(vec!["x".repeat(1 << 20)]);
    let line = line(Format::Cef, &record);
    let (_, pairs) = parse(&line);
    let long = |key: &str| (pairs[key].chars().count(), pairs[key].ends_with('…'));
    assert_eq!((long("msg"), long("cs3")), ((1023, true), (4000, true)));
    assert!(line.len() < 16_384, "{}", line.len());
}

fn what_was_done_about_a_start_is_said() {
    for (record, act, outcome, file) in [
        (samples::enforcement_decision(Action::Deny), "deny", "failure", "wanted-program"),
        (samples::enforcement_decision(Action::Kill), "kill", "failure", "wanted-program"),
        (samples::late_kill(None), "kill", "failure", "server-binary"),
        (samples::late_kill(Some("it had ended")), "kill", "success", "server-binary"),
        (samples::enforcement_decision(Action::Audit), "audit", "success", "wanted-program"),
        (samples::enforcement_decision(Action::Allow), "allow", "success", "wanted-program"),
    ] {
        let (_, pairs) = parse(&line(Format::Cef, &record));
        let said = ["act", "outcome", "reason", "cs6", "cs6Label", "fname"].map(|key| pairs[key].as_str());
        let rule = "rule-of-enforcement";
        let wanted = [act, outcome, "message of the rule", rule, "tracego.enforcement.rule", file];
        assert_eq!(said, wanted, "{pairs:#?}");
        assert_eq!(pairs.contains_key("filePath"), file == "server-binary", "the path of another program");
    }
    let mut record = samples::enforcement_decision(Action::Kill);
    record.tracego.enforcement.as_mut().unwrap().decision.as_mut().unwrap().message = None;
    assert_eq!(parse(&line(Format::Cef, &record)).1["reason"], "rule-of-enforcement");
    assert!(!parse(&line(Format::Cef, &samples::start())).1.contains_key("act"));
}
