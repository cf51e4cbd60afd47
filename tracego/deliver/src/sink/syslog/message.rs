//! Encoder from records to RFC 5424 messages, without the framing of a transport.

use std::{
    io::{self, Write as _},
    process,
};

use tracego_model::{clock::Time, finding::Finding, record::Record, text};

use super::{
    settings::{SyslogSettings, printable},
    shorten::shortened,
};
use crate::format::{Format, selection::Selection};

/// Largest sequenceId; the next one is 1 (RFC 5424 section 7.3.1).
const LAST: u32 = 2_147_483_647;
/// Maximum lengths of HOSTNAME and MSGID, in bytes.
const HOSTNAME: usize = 255;
const MSGID: usize = 32;

/// Encoder of the messages of one sink.
///
/// MSG has no byte order mark: without one, RFC 5424 leaves the encoding open (MSG-ANY), RFC 8259 forbids one
/// in front of JSON, and software behind a receiver stumbles over it.
#[derive(Debug)]
pub struct SyslogEncoder {
    format: Format,
    selection: Option<Selection>,
    facility: u8,
    app_name: String,
    hostname: Option<String>,
    structured_data: bool,
    sd_id: Option<String>,
    /// PID of tracego, which sends the message; not of the process in a record.
    pid: u32,
    /// sequenceId of the next message.
    next: u32,
    /// Maximum length of a message in bytes.
    max: usize,
    /// Number of records that were shortened.
    shortened: u64,
}

impl SyslogEncoder {
    /// Creates an encoder from checked settings; MSG is the record in `format`.
    #[must_use]
    pub fn new(settings: &SyslogSettings, format: Format) -> Self {
        Self {
            format,
            selection: None,
            facility: settings.facility.number(),
            app_name: settings.app_name.clone(),
            hostname: settings.hostname.clone(),
            structured_data: settings.structured_data,
            sd_id: settings.sd_id.clone(),
            pid: process::id(),
            next: 1,
            max: usize::try_from(settings.max_bytes.0).unwrap_or(usize::MAX),
            shortened: 0,
        }
    }

    /// Makes the encoder write the chosen members alone.
    #[must_use]
    pub fn choosing(self, selection: Option<Selection>) -> Self {
        Self { selection, ..self }
    }

    /// Appends one message to `out`. The message has no line feed, because no format has one within an event.
    ///
    /// # Errors
    /// Fails if the record cannot be serialised. Then `out` is unchanged, and no sequenceId is used up.
    pub fn encode(&mut self, record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
        let start = out.len();
        let mut done = self.message(record, out);
        if done.is_ok() && out.len() - start > self.max {
            let record = shortened(record, self.max, |record| {
                let mut message = Vec::new();
                self.message(record, &mut message).is_ok().then_some(message.len())
            });
            out.truncate(start);
            done = self.message(&record, out);
            self.shortened += 1;
        }
        match done {
            Ok(()) => self.next = if self.next == LAST { 1 } else { self.next + 1 },
            Err(_) => out.truncate(start),
        }
        done
    }

    /// Returns the number of records that were shortened since the last call.
    pub fn take_shortened(&mut self) -> u64 {
        std::mem::take(&mut self.shortened)
    }

    fn message(&self, record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
        let pri = self.facility * 8 + severity(record.severity_number);
        write!(out, "<{pri}>1 ")?;
        timestamp(record.timestamp, out);
        out.push(b' ');
        word(self.hostname.as_deref().unwrap_or(&record.origin.host.name), HOSTNAME, out);
        write!(out, " {} {} ", self.app_name, self.pid)?;
        word(record.event_name, MSGID, out);
        out.push(b' ');
        if self.structured_data {
            self.elements(record, out)?;
        } else {
            out.push(b'-');
        }
        out.push(b' ');
        match &self.selection {
            Some(selection) => self.format.write_chosen(record, selection, out)?,
            None => self.format.write(record, out)?,
        }
        if out.last() == Some(&b'\n') {
            out.pop();
        }
        Ok(())
    }

    fn elements(&self, record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
        let service = &record.origin.service;
        write!(out, "[meta sequenceId=\"{}\"][origin", self.next)?;
        parameter("software", service.name, out);
        parameter("swVersion", service.version, out);
        out.push(b']');
        let Some(id) = &self.sd_id else { return Ok(()) };
        write!(out, "[{id}")?;
        parameter("uid", &record.log.record.uid, out);
        write!(out, " seq=\"{}\"", record.seq)?;
        if let Some(context) = record.context.as_deref() {
            let job = context.cicd.get("pipeline.task.run.id");
            let commit = context.vcs.get("ref.head.revision");
            for (name, value) in [("job", job), ("commit", commit)] {
                if let Some(value) = value {
                    parameter(name, value, out);
                }
            }
        }
        let findings = &record.tracego.findings;
        if !findings.is_empty() {
            let ids: Vec<&str> = findings.iter().map(|Finding { id, .. }| *id).collect();
            parameter("findings", &ids.join(" "), out);
        }
        out.push(b']');
        Ok(())
    }
}

/// Returns the syslog severity for one of OpenTelemetry: debug, informational, notice, warning, error or
/// critical. Alert and emergency are not used: most receivers write the latter to every terminal.
fn severity(number: u8) -> u8 {
    match number {
        ..9 => 7,
        9 => 6,
        10..13 => 5,
        13..17 => 4,
        17..21 => 3,
        21.. => 2,
    }
}

/// Writes a time in UTC with microseconds, the highest precision of RFC 5424.
fn timestamp(time: Time, out: &mut Vec<u8>) {
    match time.text().get(..26) {
        Some(text) => {
            out.extend_from_slice(text.as_bytes());
            out.push(b'Z');
        }
        None => out.push(b'-'),
    }
}

/// Writes a field of the header, at most `most` bytes long. `?` replaces bytes that are not allowed, `-` an
/// empty text.
fn word(text: &str, most: usize, out: &mut Vec<u8>) {
    if text.is_empty() {
        out.push(b'-');
    }
    let bytes = text.bytes().take(most);
    out.extend(bytes.map(|byte| if printable(byte) { byte } else { b'?' }));
}

/// Writes a blank, a name, and a value in quotes. Control characters are escaped as in Rust.
fn parameter(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    for byte in text::printable(value).bytes() {
        if matches!(byte, b'"' | b'\\' | b']') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use tracego_analyze::enrich::Enricher;
    use tracego_model::{
        clock::Reading,
        ledger::Ledger,
        meta::Meta,
        record::{Origin, Process},
    };

    fn settings(text: &str) -> SyslogSettings {
        toml::from_str(&format!("address = 'unix:/dev/log'\n{text}")).unwrap()
    }

    fn record(edit: impl FnOnce(&mut Record)) -> Record {
        let mut record = Enricher::new(Meta::default()).heartbeat(Ledger::default(), Reading::default());
        record.timestamp = Time(1_700_000_000_123_456_789);
        let mut origin = Origin::default();
        origin.host.name = "machine-7".to_owned();
        (origin.service.name, origin.service.version) = ("tracego", "1.2.3");
        record.origin = Arc::new(origin);
        edit(&mut record);
        record
    }

    fn encoded(encoder: &mut SyslogEncoder, record: &Record) -> String {
        let mut out = Vec::new();
        encoder.encode(record, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_message_has_all_parts() {
        let mut encoder = SyslogEncoder::new(&settings(""), Format::Json);
        let record = record(|_| {});
        let text = encoded(&mut encoder, &record);
        let head = format!(
            "<110>1 2023-11-14T22:13:20.123456Z machine-7 tracego {} tracego.heartbeat \
             [meta sequenceId=\"1\"][origin software=\"tracego\" swVersion=\"1.2.3\"] {{\"schema\":",
            process::id()
        );
        assert!(text.starts_with(&head), "{text}");
        assert!(text.ends_with('}') && !text.contains('\n'), "{text}");
        assert!(encoded(&mut encoder, &record).contains("sequenceId=\"2\""));
    }

    #[test]
    fn the_sequence_starts_again_at_one() {
        let mut encoder = SyslogEncoder::new(&settings(""), Format::Cef);
        encoder.next = LAST;
        let record = record(|_| {});
        assert!(encoded(&mut encoder, &record).contains("[meta sequenceId=\"2147483647\"]"));
        assert!(encoded(&mut encoder, &record).contains("[meta sequenceId=\"1\"]"));
    }

    #[test]
    fn severities_are_those_of_the_record() {
        let seen = [1, 5, 9, 10, 13, 17, 21, 24].map(severity);
        assert_eq!(seen, [7, 7, 6, 5, 4, 3, 2, 2]);
        let mut encoder = SyslogEncoder::new(&settings("facility = \"local0\""), Format::Json);
        let text = encoded(&mut encoder, &record(|record| record.severity_number = 17));
        assert!(text.starts_with("<131>1 "), "{text}");
    }

    #[test]
    fn what_the_header_cannot_hold_is_replaced() {
        let mut encoder = SyslogEncoder::new(&settings("structured-data = false"), Format::Json);
        let named = |name: &str| {
            let mut origin = Origin::default();
            origin.host.name = name.to_owned();
            record(|record| record.origin = Arc::new(origin))
        };
        let text = encoded(&mut encoder, &named("a b\nü"));
        assert!(text.contains("Z a?b??? tracego ") && text.contains(" tracego.heartbeat - {"), "{text}");
        assert!(encoded(&mut encoder, &named("")).contains("Z - tracego "));
        let long = encoded(&mut encoder, &named(&"h".repeat(300)));
        assert!(long.contains(&format!("Z {} tracego", "h".repeat(255))));
        encoder.hostname = Some("told".to_owned());
        assert!(encoded(&mut encoder, &named("other")).contains("Z told tracego "));
    }

    #[test]
    fn an_element_of_ones_own_is_escaped() {
        let mut encoder = SyslogEncoder::new(&settings("sd-id = \"tracego@32473\""), Format::Json);
        let text = encoded(&mut encoder, &record(|record| record.log.record.uid = "a\"b\\c]d\ne".to_owned()));
        assert!(text.contains(r#"[tracego@32473 uid="a\"b\\c\]d\\ne" seq="1"] {"#), "{text}");
    }

    /// Returns a record with these arguments.
    fn with_arguments(arguments: Vec<String>) -> Record {
        record(|record| {
            record.body = arguments.join(" ");
            let process = Process { command_args: Some(arguments), ..Process::default() };
            record.process = Some(Box::new(process));
            record.tracego.unit = Some("x.service".to_owned());
        })
    }

    #[test]
    fn a_message_that_is_too_long_loses_the_least_important_and_says_what() {
        for arguments in [
            (0..4000).map(|n| format!("-package-number-{n}")).collect(),
            vec!["sh".to_owned(), "-c".to_owned(), "echo \"\u{1}ü\"; ".repeat(20_000)],
            vec![String::new(); 70_000],
        ] {
            let record = with_arguments(arguments);
            let mut encoder = SyslogEncoder::new(&settings(""), Format::Json);
            let text = encoded(&mut encoder, &record);
            assert!(text.len() <= 8192 && text.len() > 4096, "{}", text.len());
            let json: serde_json::Value =
                serde_json::from_str(&text[text.find("{\"schema").unwrap()..]).unwrap();
            let marks = &json["tracego"]["completeness"]["truncated"];
            assert!(marks.as_array().unwrap().contains(&"process.command_args".into()), "{marks}");
            assert_eq!(json["tracego"]["unit"], "x.service");
            let kept = json["process"]["command_args"].as_array().unwrap();
            let all = record.process.as_ref().unwrap().command_args.as_ref().unwrap();
            assert!(kept[..kept.len() - 1].iter().zip(all).all(|(kept, whole)| kept == whole));
            assert_eq!((encoder.take_shortened(), encoder.take_shortened()), (1, 0));
        }
        // A message that fits is whole.
        let mut encoder = SyslogEncoder::new(&settings("max-bytes = '1M'"), Format::Json);
        let text = encoded(&mut encoder, &with_arguments(vec!["x".repeat(100_000)]));
        assert!(text.len() > 200_000 && !text.contains("truncated"));
        assert_eq!(encoder.take_shortened(), 0);
    }

    proptest! {
        #[test]
        fn whatever_a_value_holds_it_ends_where_it_should(value in any::<String>()) {
            let mut out = Vec::new();
            parameter("name", &value, &mut out);
            let text = String::from_utf8(out).unwrap();
            let inner = text.strip_prefix(" name=\"").unwrap().strip_suffix('"').unwrap();
            let (mut read, mut chars) = (String::new(), inner.chars());
            while let Some(c) = chars.next() {
                prop_assert!(!matches!(c, '"' | ']') && !c.is_control(), "{inner}");
                let c = if c == '\\' { chars.next().unwrap() } else { c };
                read.push(c);
            }
            prop_assert_eq!(read, text::printable(&value));
        }

        #[test]
        fn whatever_a_name_holds_it_is_one_word(name in any::<String>()) {
            let mut out = Vec::new();
            word(&name, HOSTNAME, &mut out);
            prop_assert!((1..=HOSTNAME).contains(&out.len()) && out.iter().all(u8::is_ascii_graphic));
        }
    }
}
