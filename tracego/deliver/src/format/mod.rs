//! Formats that collectors and SIEMs expect: from a record to the bytes of one event.
//!
//! All functions are pure. `docs/formats.md` lists for each format where every attribute goes and what is
//! lost; a test compares it with the code.

pub mod cef;
pub mod cloudevents;
pub mod controls;
pub mod ecs;
pub mod json;
mod lean_own;
mod object;
pub mod ocsf;
mod omit_fields;
pub mod otlp;
pub mod selection;
pub(crate) mod text;

use std::io::{self, Write as _};

use selection::Selection;
use serde::{Serialize, Serializer};
use tracego_common::verdict::Action;
use tracego_model::{
    clock::Time,
    finding::{Finding, Severity},
    input::digest::Sha256Digest,
    record::{
        Executable, Record,
        enforcement::{BEFORE_START, EnforcementDecision},
        lineage::Line,
    },
};

/// Format with one event per line. Lines end with `\n` and hold no other.
#[derive(Clone, Copy, Debug, serde::Deserialize, Eq, PartialEq, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// The native record.
    Json,
    /// OCSF 1.8.0.
    Ocsf,
    /// Elastic Common Schema 9.4.
    Ecs,
    /// CloudEvents 1.0, structured.
    #[value(name = "cloudevents")]
    #[serde(rename = "cloudevents")]
    CloudEvents,
    /// OTLP File Exporter.
    OtlpJson,
    /// ArcSight Common Event Format.
    Cef,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 6] =
        [Self::Json, Self::Ocsf, Self::Ecs, Self::CloudEvents, Self::OtlpJson, Self::Cef];

    /// Returns the name for `--format`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ocsf => "ocsf",
            Self::Ecs => "ecs",
            Self::CloudEvents => "cloudevents",
            Self::OtlpJson => "otlp-json",
            Self::Cef => "cef",
        }
    }

    /// Returns the media type of one event.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json | Self::Ocsf | Self::Ecs | Self::OtlpJson => "application/json",
            Self::CloudEvents => "application/cloudevents+json",
            Self::Cef => "text/plain; charset=utf-8",
        }
    }

    /// Returns the media type of several events, as [`Self::write`] frames them.
    #[must_use]
    pub fn stream_media_type(self) -> &'static str {
        if self == Self::Cef { self.media_type() } else { "application/x-ndjson" }
    }

    /// Returns whether records can be lean in the format. CEF chooses single fields itself.
    #[must_use]
    pub fn can_be_lean(self) -> bool {
        self != Self::Cef
    }

    /// Appends one event and the end of its line to `out`.
    ///
    /// # Errors
    /// Fails if the record cannot be serialised; then `out` is unchanged.
    pub fn write(self, record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
        let start = out.len();
        let done = match self {
            Self::Json => json::write(record, out),
            Self::Ocsf => ocsf::write(record, out),
            Self::Ecs => ecs::write(record, out),
            Self::CloudEvents => cloudevents::write(record, out),
            Self::OtlpJson => otlp::json::write(record, out),
            Self::Cef => cef::write(record, out),
        };
        self.finished(done, out, start)
    }

    /// Appends one event with the members that were chosen, and the end of its line.
    ///
    /// # Errors
    /// Fails if the record cannot be serialised, and for CEF, which has no members; then `out` is unchanged.
    pub fn write_chosen(self, record: &Record, selection: &Selection, out: &mut Vec<u8>) -> io::Result<()> {
        let Some(tree) = selection.of(record) else { return self.write(record, out) };
        let start = out.len();
        let done = match self {
            Self::Json => json::write_chosen(record, tree, out),
            Self::Ocsf => ocsf::write_chosen(record, tree, out),
            Self::Ecs => ecs::write_chosen(record, tree, out),
            Self::CloudEvents => cloudevents::write_chosen(record, tree, out),
            Self::OtlpJson => otlp::json::write_chosen(record, selection, out),
            Self::Cef => Err(io::Error::other("CEF has no members to choose from")),
        };
        self.finished(done, out, start)
    }

    /// Ends an event that begins at `start`.
    fn finished(self, done: io::Result<()>, out: &mut Vec<u8>, start: usize) -> io::Result<()> {
        if done.is_err() {
            out.truncate(start);
        } else if self != Self::Cef {
            controls::escape(out, start);
        }
        done
    }
}

/// Returns the SHA-256 of what the process of a record runs, if it is known.
fn digest(record: &Record) -> Option<Sha256Digest> {
    record.executable_digest()?.sha256
}

/// Time in milliseconds since 1970.
#[derive(Clone, Copy)]
struct Millis(Time);

impl Millis {
    fn get(self) -> i64 {
        self.0.0.div_euclid(1_000_000)
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.get())
    }
}

/// Appends a number in decimal digits. Writing to memory does not fail.
fn number(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    let start = out.len();
    if write!(out, "{value}").is_err() {
        out.truncate(start);
    }
}

/// Returns the first of the worst findings, for formats that hold only one.
fn worst_finding(record: &Record) -> Option<&Finding> {
    record.tracego.findings.iter().rev().max_by_key(|finding| finding.severity)
}

/// Returns the decision about the process start that a record describes.
fn decision(record: &Record) -> Option<&EnforcementDecision> {
    record.tracego.enforcement.as_ref()?.decision.as_ref()
}

/// Whether the process start that a record describes was prevented, or its program was stopped.
fn is_stopped(record: &Record) -> bool {
    decision(record).is_some_and(|decision| decision.stops() && decision.error.is_none())
}

/// Returns the file name of the program that a decision is about, if it did not run yet.
fn pending_executable(record: &Record) -> Option<&str> {
    let decision = decision(record).filter(|decision| decision.when == BEFORE_START)?;
    Some(decision.executable.as_str()).filter(|name| !name.is_empty())
}

/// Whether `file`, the known executable of a process, is the program that the record is about. After a failed
/// execve, or if the record of the process start is missing, it is still the previous program.
fn is_program(record: &Record, file: &Executable) -> bool {
    let denied = decision(record).is_some_and(|decision| decision.action == Action::Deny);
    pending_executable(record).is_none_or(|wanted| !denied && wanted == file.name)
}

/// Returns the severity for formats with these five steps; `None` means nothing bad.
fn severity(record: &Record) -> Option<Severity> {
    record.worst().or(match record.severity_number {
        ..13 => None,
        13..17 => Some(Severity::Medium),
        17..21 => Some(Severity::High),
        21.. => Some(Severity::Critical),
    })
}

/// Returns the identity of the parent from the member of lean records and of records that they refer to, if
/// the parent also created the process.
fn parent_exec_id(record: &Record) -> Option<&str> {
    let id = record.tracego.parent_exec_id.as_deref()?;
    let pid = u32::from_str_radix(id.rsplit('-').next()?, 16).ok()?;
    (pid == record.process.as_deref()?.parent_pid).then_some(id)
}

/// Returns the arguments of the parent, if it also created the process.
fn parent_args(record: &Record) -> Option<&[String]> {
    let args = record.tracego.parent.as_ref().map(|parent| &*parent.command_args);
    args.filter(|_| parent(record).is_some())
}

/// Returns the parent, if it also created the process; otherwise only its PID is known.
fn parent(record: &Record) -> Option<&Line> {
    let process = record.process.as_deref()?;
    let own = &record.tracego;
    let line = match (&own.ancestors, &own.lineage) {
        (Some(ancestors), _) => ancestors.iter().next()?,
        (None, lineage) => lineage.as_ref()?.nearest(),
    };
    (line.id.tgid == process.parent_pid).then_some(line)
}
