//! Encoder from records to entries of the journal.
//!
//! Field names are those of the attributes, in capitals and with `_` for `.`: `process.pid` is PROCESS_PID,
//! so that `journalctl CICD_PIPELINE_TASK_RUN_ID=4711 TRACEGO_FINDING_ID=TG001` finds entries. TRACEGO_RECORD
//! is the whole record in JSON.
//!
//! OBJECT_PID is left out: journald would look the process up in /proc when it handles the entry, and by then
//! the number may belong to another process.

use std::{
    fmt::{Display, Write as _},
    io,
};

use tracego_model::{
    linux::users::User,
    record::{Process, Record, event_name},
};

use crate::format::{json, text::Quoted};

/// Returns the MESSAGE_ID of a kind of records: chosen at random once (RFC 9562, version 4), then constant.
fn message_id(event_name: &str) -> Option<&'static str> {
    Some(match event_name {
        event_name::START => "c327f23649224c5d9649586c771256f0",
        event_name::EXIT => "afda368b059b45d997b71344823a9dc6",
        event_name::FORK => "4731a34834b14becb9bec12eea093c8e",
        event_name::EXEC_FAILED => "de97b9b9c7894310bbab27b2bd001f14",
        event_name::FINDING => "a83cc9bdcf304502b27f141518886239",
        event_name::ENFORCEMENT => "f943f7bad9264a63a6b43f79b0fc15af",
        event_name::LOST => "4be1973649e747bfbb4d5afdfd85fab3",
        event_name::HEARTBEAT => "8746ff0548f74780b585a62c6fd53411",
        event_name::SEAL_OPENED => "16286dd00ef04494901061456e6ddc89",
        event_name::SEAL => "0f952e9a282548f18e0258174940c5fd",
        event_name::POD => "5d2c0b6e4f3a4b0f9a57c1d3e8f06b92",
        event_name::EXECUTABLE => "0b9f6f2fd3c84f57a1c64f0e7d52e813",
        _ => return None,
    })
}

/// Maximum length of a field name (systemd, `journal_field_valid`).
const NAME_MAX: usize = 64;

/// Encoder from records to the journal's native protocol.
#[derive(Clone, Debug, Default)]
pub struct JournaldEncoder {
    /// Buffer for values that are made of several parts.
    scratch: String,
}

impl JournaldEncoder {
    /// Appends one entry to `out`, which is one datagram.
    ///
    /// # Errors
    /// Fails if the record cannot be serialised; then `out` is unchanged.
    pub fn encode(&mut self, record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
        let start = out.len();
        let mut fields = Fields { out, scratch: &mut self.scratch };
        fields.stream(record);
        if let Some(process) = record.process.as_deref() {
            fields.process(process);
        }
        fields.context(record);
        // The JSON is one line: no line feed within, and at its end the one that the field needs.
        out.extend_from_slice(b"TRACEGO_RECORD=");
        let done = json::write(record, out);
        if done.is_err() {
            out.truncate(start);
        }
        done
    }
}

struct Fields<'a> {
    out: &'a mut Vec<u8>,
    scratch: &'a mut String,
}

impl Fields<'_> {
    fn add(&mut self, name: &str, value: &str) {
        field(name, value.as_bytes(), self.out);
    }

    fn show(&mut self, name: &str, value: impl Display) {
        self.scratch.clear();
        // Writing to memory does not fail.
        if write!(self.scratch, "{value}").is_ok() {
            field(name, self.scratch.as_bytes(), self.out);
        }
    }

    fn maybe(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    /// Adds an attribute whose name is only known at run time.
    fn attribute(&mut self, space: &str, name: &str, value: &str) {
        self.scratch.clear();
        let capital = |c: char| if c == '.' { '_' } else { c.to_ascii_uppercase() };
        self.scratch.extend(space.chars().chain(name.chars()).map(capital));
        let valid = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        // All existing names are valid; journald would drop others, too.
        if self.scratch.len() <= NAME_MAX && self.scratch.bytes().all(valid) {
            field(self.scratch, value.as_bytes(), self.out);
        }
    }

    /// Adds the fields that every record has.
    fn stream(&mut self, record: &Record) {
        self.add("MESSAGE", &record.body);
        self.add("PRIORITY", priority(record.severity_number));
        self.add("SYSLOG_IDENTIFIER", record.origin.service.name);
        self.maybe("MESSAGE_ID", message_id(record.event_name));
        self.add("TRACEGO_EVENT_NAME", record.event_name);
        self.show("TRACEGO_SEQ", record.seq);
        self.add("TRACEGO_RECORD_UID", &record.log.record.uid);
        self.add("TRACEGO_TIMESTAMP", &record.timestamp.text());
        self.maybe("TRACEGO_EXEC_ID", record.tracego.exec_id.as_deref());
        self.maybe("TRACEGO_UNIT", record.tracego.unit.as_deref());
        if let Some(trace) = &record.trace {
            self.add("TRACE_ID", &trace.trace_id);
            self.add("SPAN_ID", &trace.span_id);
        }
    }

    fn process(&mut self, process: &Process) {
        self.show("PROCESS_PID", process.pid);
        self.show("PROCESS_PARENT_PID", process.parent_pid);
        self.add("PROCESS_CREATION_TIME", &process.creation.time.text());
        self.add("PROCESS_COMMAND", &process.command);
        if let Some(args) = &process.command_args {
            self.show("PROCESS_COMMAND_LINE", Quoted(args));
        }
        if let Some(executable) = &process.executable {
            self.add("PROCESS_EXECUTABLE_PATH", &executable.path);
            self.add("PROCESS_EXECUTABLE_NAME", &executable.name);
        }
        self.maybe("PROCESS_WORKING_DIRECTORY", process.working_directory.as_deref());
        self.user(["PROCESS_USER_ID", "PROCESS_USER_NAME"], process.user.as_ref());
        self.user(["PROCESS_REAL_USER_ID", "PROCESS_REAL_USER_NAME"], process.real_user.as_ref());
        if let Some(exit) = process.exit {
            self.show("PROCESS_EXIT_CODE", exit.code);
        }
    }

    fn user(&mut self, [id, name]: [&str; 2], user: Option<&User>) {
        if let Some(user) = user {
            self.show(id, user.id);
            self.maybe(name, user.name.as_deref());
        }
    }

    /// Adds job, commit, container and findings.
    fn context(&mut self, record: &Record) {
        if let Some(context) = record.context.as_deref() {
            let cicd = context.cicd.iter().map(|pair| ("cicd.", pair));
            for (space, (name, value)) in cicd.chain(context.vcs.iter().map(|pair| ("vcs.", pair))) {
                self.attribute(space, name, value);
            }
        }
        self.maybe("CONTAINER_ID", record.container.as_ref().map(|container| container.id.as_str()));
        if let Some(k8s) = &record.k8s {
            self.add("K8S_POD_UID", &k8s.pod.uid);
            self.maybe("K8S_POD_NAME", k8s.pod.name.as_deref());
            self.maybe("K8S_NAMESPACE_NAME", k8s.namespace.as_ref().map(|named| named.name.as_str()));
            self.maybe("K8S_CONTAINER_NAME", k8s.container.as_ref().map(|named| named.name.as_str()));
        }
        for finding in &record.tracego.findings {
            // A field may appear more than once, and each value is found.
            self.add("TRACEGO_FINDING_ID", finding.id);
            self.add("TRACEGO_FINDING_NAME", finding.name);
        }
        if let Some(error) = record.tracego.error {
            self.show("ERRNO", error.errno);
        }
    }
}

/// Returns the priority of syslog(3) for a severity of OpenTelemetry.
fn priority(severity: u8) -> &'static str {
    match severity {
        ..13 => "6",
        13..17 => "4",
        17..21 => "3",
        21.. => "2",
    }
}

/// Appends a field in one of two forms: a value with a line break is written with its length.
fn field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    if value.contains(&b'\n') {
        out.push(b'\n');
        out.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        out.push(b'=');
    }
    out.extend_from_slice(value);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use tracego_analyze::enrich::Enricher;
    use tracego_model::{clock::Reading, ledger::Ledger, meta::Meta};

    #[test]
    fn a_value_with_a_line_break_is_given_with_its_length() {
        let mut out = Vec::new();
        field("A", b"one", &mut out);
        field("B", b"one\ntwo", &mut out);
        field("C", b"", &mut out);
        assert_eq!(out, b"A=one\nB\n\x07\0\0\0\0\0\0\0one\ntwo\nC=\n");
    }

    #[test]
    fn kinds_have_ids_of_their_own_for_ever() {
        let kinds = [
            event_name::START,
            event_name::EXIT,
            event_name::FORK,
            event_name::EXEC_FAILED,
            event_name::FINDING,
            event_name::ENFORCEMENT,
            event_name::LOST,
            event_name::HEARTBEAT,
            event_name::SEAL_OPENED,
            event_name::SEAL,
            event_name::POD,
            event_name::EXECUTABLE,
        ];
        let ids: BTreeSet<_> = kinds.iter().filter_map(|kind| message_id(kind)).collect();
        assert_eq!(ids.len(), kinds.len());
        for id in ids {
            // Hexadecimal digits of a random UUID: version 4, variant 1.
            assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
            assert!(id.as_bytes()[12] == b'4' && b"89ab".contains(&id.as_bytes()[16]), "{id}");
        }
        assert_eq!(message_id("tracego.other"), None);
    }

    #[test]
    fn an_entry_ends_with_the_whole_record() {
        let record = Enricher::new(Meta::default()).heartbeat(Ledger::default(), Reading::default());
        let mut out = b"before".to_vec();
        JournaldEncoder::default().encode(&record, &mut out).unwrap();
        let text = std::str::from_utf8(&out).unwrap().strip_prefix("before").unwrap();
        let (name, value) = text.lines().last().unwrap().split_once('=').unwrap();
        let mut json = Vec::new();
        json::write(&record, &mut json).unwrap();
        assert_eq!((name, value.as_bytes()), ("TRACEGO_RECORD", &json[..json.len() - 1]));
        assert!(text.contains("\nMESSAGE_ID=8746ff0548f74780b585a62c6fd53411\n"), "{text}");
        assert!(text.contains("\nPRIORITY=6\n") && text.contains("\nTRACEGO_SEQ=1\n"), "{text}");
    }
}
