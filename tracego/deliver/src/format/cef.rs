//! ArcSight Common Event Format, `CEF:0` (ArcSight "Common Event Format Implementation Standard", version 26:
//! header and extension escaping, extension dictionary with its lengths).
//!
//! CEF does not hold a whole record: `docs/formats.md` lists what is lost. Values that are longer than the
//! dictionary allows are cut and end with `…`.

use std::{
    fmt::{self, Display, Write as _},
    io,
};

use tracego_model::{
    enforcement,
    finding::Severity,
    record::{self, Record, event_name},
};

use super::{
    Millis, decision, digest, is_program, is_stopped, number, parent, pending_executable, severity,
    text::Quoted, worst_finding,
};

/// Writes one record as one line.
///
/// # Errors
/// Never fails; the signature is that of all formats.
pub fn write(record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
    let finding = worst_finding(record);
    let service = &record.origin.service;
    out.extend_from_slice(b"CEF:0|");
    header(service.name, out);
    header(service.name, out);
    header(service.version, out);
    header(finding.map_or(record.event_name, |finding| finding.id), out);
    header(finding.map_or(title(record), |finding| &finding.message), out);
    number(level(record), out);
    out.push(b'|');
    let mut extension = Extension { out, first: true };
    extension.stream(record);
    if let Some(process) = record.process.as_deref() {
        extension.process(record, process);
    }
    extension.custom(record);
    out.push(b'\n');
    Ok(())
}

fn title(record: &Record) -> &'static str {
    match record.event_name {
        event_name::START => "Program started",
        event_name::EXIT => "Process ended",
        event_name::FORK => "Process made",
        event_name::EXEC_FAILED => "Program not started",
        event_name::FINDING => "Finding",
        event_name::ENFORCEMENT => "Program start decided",
        event_name::LOST => "Events lost",
        event_name::HEARTBEAT => "Sign of life",
        event_name::POD => "Pod of this node",
        event_name::EXECUTABLE => "Executable hashed",
        _ => "Event",
    }
}

/// Returns the severity from 0 to 10: 0–3 low, 4–6 medium, 7–8 high, 9–10 very high.
fn level(record: &Record) -> u8 {
    match severity(record) {
        None => 1,
        Some(Severity::Low) => 3,
        Some(Severity::Medium) => 5,
        Some(Severity::High) => 8,
        Some(Severity::Critical) => 10,
    }
}

/// Maximum length of a field of the header, in characters.
const HEADER_MAX: usize = 512;

/// Appends a field of the header and its end.
fn header(value: &str, out: &mut Vec<u8>) {
    escaped(&value, HEADER_MAX, CefPart::Header, out);
    out.push(b'|');
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum CefPart {
    Header,
    Extension,
}

/// Appends a value, escaped and cut after `max` characters.
fn escaped(value: &dyn Display, max: usize, part: CefPart, out: &mut Vec<u8>) {
    // The only failure is a full field, and then all that fits is there.
    let _full = write!(Escape { out, left: max, part }, "{value}");
}

struct Escape<'a> {
    out: &'a mut Vec<u8>,
    left: usize,
    part: CefPart,
}

impl fmt::Write for Escape<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.left <= 1 {
                // More text may follow, so a value of exactly the maximum length loses its end, too.
                if self.left == 1 {
                    self.left = 0;
                    self.out.extend_from_slice("…".as_bytes());
                }
                return Err(fmt::Error);
            }
            self.left -= 1;
            match c {
                '\\' => self.out.extend_from_slice(b"\\\\"),
                '|' if self.part == CefPart::Header => self.out.extend_from_slice(b"\\|"),
                '=' if self.part == CefPart::Extension => self.out.extend_from_slice(b"\\="),
                '\n' if self.part == CefPart::Extension => self.out.extend_from_slice(b"\\n"),
                '\r' if self.part == CefPart::Extension => self.out.extend_from_slice(b"\\r"),
                // No other character can be escaped, and transports change characters that are not printable.
                c if c.is_control() || c == '\u{2028}' || c == '\u{2029}' => self.out.push(b' '),
                c => self.out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        Ok(())
    }
}

/// Writer of `key=value` pairs with spaces between.
struct Extension<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl Extension<'_> {
    /// Adds a field. `max`: the length that the dictionary allows, in characters.
    fn add(&mut self, key: &str, value: &dyn Display, max: usize) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b' ');
        }
        self.out.extend_from_slice(key.as_bytes());
        self.out.push(b'=');
        escaped(value, max, CefPart::Extension, self.out);
    }

    fn maybe(&mut self, key: &str, value: Option<impl Display>, max: usize) {
        if let Some(value) = value {
            self.add(key, &value, max);
        }
    }

    /// Adds a custom field and its label.
    fn labelled(&mut self, key: &str, label: &str, value: Option<impl Display>, max: usize) {
        if let Some(value) = value {
            self.add(key, &value, max);
            self.out.push(b' ');
            self.out.extend_from_slice(key.as_bytes());
            self.out.extend_from_slice(b"Label=");
            self.out.extend_from_slice(label.as_bytes());
        }
    }

    /// Adds the fields that every record has.
    fn stream(&mut self, record: &Record) {
        let host = &record.origin.host;
        let failed =
            record.tracego.error.is_some() || record.event_name == event_name::LOST || is_stopped(record);
        let decision = decision(record);
        let why = decision.map(|it| it.message.as_deref().unwrap_or(&it.rule));
        self.add("rt", &Millis(record.observed_timestamp).get(), 30);
        self.add("start", &Millis(record.timestamp).get(), 30);
        self.add("dvchost", &host.name, 100);
        self.maybe("deviceExternalId", (!host.id.is_empty()).then_some(&host.id), 255);
        self.add("externalId", &record.log.record.uid, 40);
        self.add("cat", &record.event_name, 1023);
        self.maybe("act", decision.map(|decision| enforcement::name(decision.action)), 63);
        self.add("outcome", &if failed { "failure" } else { "success" }, 63);
        self.maybe("reason", why.or(record.tracego.error.map(|error| error.name)), 1023);
        self.add("msg", &record.body, 1023);
    }

    /// Adds the process as the destination and its parent as the source.
    fn process(&mut self, record: &Record, process: &record::Process) {
        let user = process.user.as_ref().or(process.real_user.as_ref());
        let file = process.executable.as_ref();
        let facts = record.tracego.executable.as_ref();
        let line = parent(record);
        self.add("dpid", &process.pid, 20);
        self.add("dproc", &process.command, 1023);
        self.maybe("duid", user.map(|user| user.id), 1023);
        self.maybe("duser", user.and_then(|user| user.name.as_deref()), 1023);
        self.add("spid", &process.parent_pid, 20);
        self.maybe("sproc", line.map(|line| &line.command), 1023);
        self.maybe("suid", process.real_user.as_ref().map(|user| user.id), 1023);
        self.maybe("suser", process.real_user.as_ref().and_then(|user| user.name.as_deref()), 1023);
        let path = file.filter(|file| is_program(record, file)).map(|file| &file.path);
        self.maybe("filePath", path, 1023);
        self.maybe("fname", pending_executable(record).or(file.map(|file| file.name.as_str())), 1023);
        self.maybe("fileHash", digest(record), 255);
        self.maybe("fileId", facts.map(|facts| facts.inode), 1023);
        self.maybe("filePermission", facts.map(|facts| &facts.mode), 1023);
        self.maybe("end", process.exit.map(|exit| Millis(exit.time).get()), 30);
        self.add("deviceCustomDate1", &Millis(process.creation.time).get(), 30);
        self.out.extend_from_slice(b" deviceCustomDate1Label=process.creation.time");
    }

    /// Adds the custom fields.
    fn custom(&mut self, record: &Record) {
        let context = record.context.as_deref();
        let process = record.process.as_deref();
        let job = context.and_then(|context| context.cicd.get("pipeline.task.run.id"));
        let commit = context.and_then(|context| context.vcs.get("ref.head.revision"));
        let args = process.and_then(|process| process.command_args.as_deref());
        let findings = &record.tracego.findings;
        self.labelled("cs1", "CI_JOB_ID", job, 4000);
        self.labelled("cs2", "GIT_COMMIT", commit, 4000);
        self.labelled("cs3", "process.command_args", args.map(Quoted), 4000);
        let folder = process.and_then(|process| process.working_directory.as_ref());
        self.labelled("cs4", "process.working_directory", folder, 4000);
        let container = record.container.as_ref().map(|container| &container.id);
        self.labelled("cs5", "container.id", container, 4000);
        let ids = findings.iter().map(|finding| finding.id).collect::<Vec<_>>().join(",");
        match decision(record) {
            // Findings are in the record of the process start.
            Some(decision) => self.labelled("cs6", "tracego.enforcement.rule", Some(&decision.rule), 4000),
            None => self.labelled("cs6", "tracego.findings.id", (!findings.is_empty()).then_some(ids), 4000),
        }
        let exit = process.and_then(|process| process.exit);
        self.labelled("cn1", "process.exit.code", exit.map(|exit| exit.code), 20);
        let signal = record.tracego.exit.and_then(|exit| exit.signal);
        self.labelled("cn2", "tracego.exit.signal", signal, 20);
        self.labelled("cn3", "seq", Some(record.seq), 20);
        self.labelled("flexString1", "tracego.exec_id", record.tracego.exec_id.as_ref(), 1023);
        let pod = record.k8s.as_ref().map(|k8s| &k8s.pod.uid);
        self.labelled("flexString2", "k8s.pod.uid", pod, 1023);
    }
}
