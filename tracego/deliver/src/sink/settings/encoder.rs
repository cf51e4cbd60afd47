//! The first half of every sink: turning a record into the bytes that wait in the queue.

use std::io;

use tracego_model::record::Record;

use crate::{
    format::{Format, selection::Selection},
    sink::{journald::JournaldEncoder, otlp::OtlpEncoder, syslog::SyslogEncoder},
};

/// An encoder of any type. It runs on the pipeline's thread.
pub(crate) enum SinkEncoder {
    /// One line.
    Line(Format),
    /// One line with the members that were chosen.
    ChosenLine(Format, Selection),
    /// A message of RFC 5424.
    Syslog(SyslogEncoder),
    /// A datagram of the journal.
    Journald(JournaldEncoder),
    /// An OTLP log record and its resource.
    Otlp(OtlpEncoder),
}

impl SinkEncoder {
    /// Returns the number of records that were shortened since the last call.
    pub(crate) fn take_shortened(&mut self) -> u64 {
        match self {
            Self::Syslog(syslog) => syslog.take_shortened(),
            Self::Line(_) | Self::ChosenLine(..) | Self::Journald(_) | Self::Otlp(_) => 0,
        }
    }

    /// Adds the bytes of one record.
    ///
    /// # Errors
    /// Fails if the record cannot be written in this format; nothing is added then.
    pub(crate) fn encode(&mut self, record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
        let start = out.len();
        let done = match self {
            Self::Line(format) => format.write(record, out),
            Self::ChosenLine(format, selection) => format.write_chosen(record, selection, out),
            Self::Syslog(syslog) => syslog.encode(record, out),
            Self::Journald(journald) => journald.encode(record, out),
            Self::Otlp(otlp) => otlp.encode(record, out),
        };
        if done.is_err() {
            out.truncate(start);
        }
        done
    }
}
