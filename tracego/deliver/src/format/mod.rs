//! Record → the bytes of one event, in the formats that collectors and SIEMs expect.
//!
//! Pure functions. `docs/formats.md` says for each format where every attribute goes and what is lost; a
//! test holds it against the code.

pub mod cef;
pub mod cloudevents;
pub mod ecs;
mod object;
pub mod ocsf;
pub mod otlp;
pub(crate) mod text;
mod without;

use std::io::{self, Write as _};

use serde::{Serialize, Serializer};
use tracego_common::verdict::Action;

use crate::sink::json;
use tracego_model::{
    clock::Time,
    finding::{Finding, Severity},
    record::{
        Executable, Record,
        enforcement::{BEFORE_START, Decision},
        lineage::Line,
    },
};

/// A format of one event a line. The lines end with `\n` and hold no other.
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
    /// All.
    pub const ALL: [Self; 6] =
        [Self::Json, Self::Ocsf, Self::Ecs, Self::CloudEvents, Self::OtlpJson, Self::Cef];

    /// As it is chosen with `--format`.
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

    /// Media type of one event.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json | Self::Ocsf | Self::Ecs | Self::OtlpJson => "application/json",
            Self::CloudEvents => "application/cloudevents+json",
            Self::Cef => "text/plain; charset=utf-8",
        }
    }

    /// Media type of several, as [`Self::write`] frames them.
    #[must_use]
    pub fn stream_media_type(self) -> &'static str {
        if self == Self::Cef { self.media_type() } else { "application/x-ndjson" }
    }

    /// Adds one event and the end of its line.
    ///
    /// # Errors
    /// When the record cannot be serialised; then nothing is added.
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
        if done.is_err() {
            out.truncate(start);
        }
        done
    }
}

/// Milliseconds since 1970.
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

/// Adds a number in digits. Writing to memory does not fail.
fn number(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    let start = out.len();
    if write!(out, "{value}").is_err() {
        out.truncate(start);
    }
}

/// The first of the worst findings: formats that have room for one take this.
fn worst(record: &Record) -> Option<&Finding> {
    record.tracego.findings.iter().rev().max_by_key(|finding| finding.severity)
}

/// What was decided about the start that a record is about.
fn decision(record: &Record) -> Option<&Decision> {
    record.tracego.enforcement.as_ref()?.decision.as_ref()
}

/// That start did not come about, or the program runs no more.
fn is_stopped(record: &Record) -> bool {
    decision(record).is_some_and(|decision| decision.stops() && decision.error.is_none())
}

/// File name of the program that a decision is about, where it did not run yet.
fn to_start(record: &Record) -> Option<&str> {
    let decision = decision(record).filter(|decision| decision.when == BEFORE_START)?;
    Some(decision.executable.as_str()).filter(|name| !name.is_empty())
}

/// Whether what a process is known as is the program that the record is about. Where execve failed it is still what it
/// was before, and where the record of its start is missing, too.
fn is_program(record: &Record, file: &Executable) -> bool {
    let denied = decision(record).is_some_and(|decision| decision.action == Action::Deny);
    to_start(record).is_none_or(|wanted| !denied && wanted == file.name)
}

/// How bad a record is, where a format has these five steps; `None` is nothing bad.
fn severity(record: &Record) -> Option<Severity> {
    worst(record).map(|finding| finding.severity).or(match record.severity_number {
        ..13 => None,
        13..17 => Some(Severity::Medium),
        17..21 => Some(Severity::High),
        21.. => Some(Severity::Critical),
    })
}

/// The parent, where it is also the one that made the process: then more than its number is known.
fn parent(record: &Record) -> Option<&Line> {
    let process = record.process.as_deref()?;
    record.tracego.ancestors.as_ref()?.iter().next().filter(|line| line.id.tgid == process.parent_pid)
}
