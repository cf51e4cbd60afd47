//! The first half of every sink: turning a record into the bytes that wait in the queue.

use std::io;

use tracego_model::record::Record;

use super::{
    direct::DirectFormat, journald::JournaldEncoder, otlp::OtlpEncoder, syslog::SyslogEncoder, text,
};

/// An encoder of any type. It runs on the pipeline's thread.
pub(super) enum SinkEncoder {
    /// One line, for programs or people.
    Line(DirectFormat),
    /// A message of RFC 5424.
    Syslog(SyslogEncoder),
    /// A datagram of the journal.
    Journald(JournaldEncoder),
    /// An OTLP log record and its resource.
    Otlp(OtlpEncoder),
}

impl SinkEncoder {
    /// Adds the bytes of one record.
    ///
    /// # Errors
    /// Fails if the record cannot be written in this format; nothing is added then.
    pub(super) fn encode(&mut self, record: &Record, out: &mut Vec<u8>) -> io::Result<()> {
        let start = out.len();
        let done = match self {
            Self::Line(DirectFormat::Line(format)) => format.write(record, out),
            Self::Line(DirectFormat::Text(style)) => text::write(record, *style, out),
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
