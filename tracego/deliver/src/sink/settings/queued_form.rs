//! Forms of payloads in a queue. A sink that gets another type, in a reload or between two runs, finds
//! payloads of the earlier type in its queue, and delivers their text in its own form.

use std::borrow::Cow;

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, any_value::Value},
    logs::v1::LogRecord,
};
use prost::Message as _;

use crate::sink::otlp;

/// The form of the payloads of a type of sink.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum QueuedForm {
    /// One line, of `stdout`, `file` and `webhook`.
    Line,
    /// A message of RFC 5424.
    Syslog,
    /// A datagram of the journal.
    Journald,
    /// An OTLP record with its resource.
    Otlp,
}

/// Header of a message whose own parts are unknown: facility `audit`, severity informational.
const HEADER: &str = "<110>1 - - tracego - - - ";

impl QueuedForm {
    /// Returns the form of a payload, or `None` if it has none of them.
    fn of(payload: &[u8]) -> Option<Self> {
        match payload {
            [b'{', ..] | [b'C', b'E', b'F', b':', ..] => Some(Self::Line),
            [b'<', b'0'..=b'9', ..] => Some(Self::Syslog),
            [1 | 2, ..] => Some(Self::Otlp),
            _ => payload.starts_with(b"MESSAGE").then_some(Self::Journald),
        }
    }

    /// Returns a payload in this form. A payload in this form already, or in an unknown one, stays as it is.
    pub(super) fn adapt(self, payload: &[u8]) -> Cow<'_, [u8]> {
        let Some(form) = Self::of(payload).filter(|form| *form != self) else {
            return Cow::Borrowed(payload);
        };
        let text = form.text(payload);
        Cow::Owned(match self {
            Self::Line => format!("{text}\n").into_bytes(),
            Self::Syslog => format!("{HEADER}{text}").into_bytes(),
            Self::Journald => format!("MESSAGE={text}\n").into_bytes(),
            Self::Otlp => {
                let body = Some(AnyValue { value: Some(Value::StringValue(text)) });
                let record = LogRecord { body, ..LogRecord::default() }.encode_to_vec();
                // Protobuf, and a resource of no bytes.
                [&[1, 0, 0, 0, 0], &record[..]].concat()
            }
        })
    }

    /// Returns the record in a payload of this form as one line.
    fn text(self, payload: &[u8]) -> String {
        if self == Self::Otlp {
            return otlp::readable(payload).to_string();
        }
        let text = String::from_utf8_lossy(payload);
        let record = match self {
            Self::Syslog => text.find(" {").and_then(|at| text.get(at + 1..)),
            Self::Journald => text.lines().find_map(|line| line.strip_prefix("TRACEGO_RECORD=")),
            Self::Line | Self::Otlp => None,
        };
        record.unwrap_or(&text).trim_end().replace(['\n', '\r'], " ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMS: [(QueuedForm, &[u8]); 4] = [
        (QueuedForm::Line, b"{\"a\":1}\n"),
        (QueuedForm::Syslog, b"<110>1 - host tracego 1 x - {\"a\":1}"),
        (QueuedForm::Journald, b"MESSAGE=x\nTRACEGO_RECORD={\"a\":1}\n"),
        (QueuedForm::Otlp, b"\x01\0\0\0\0\x2a\x09\x0a\x07{\"a\":1}"),
    ];

    #[test]
    fn each_form_becomes_each_other_with_the_record_in_it() {
        for (from, payload) in FORMS {
            for (to, _) in FORMS {
                let adapted = to.adapt(payload);
                if from == to {
                    assert_eq!(adapted, payload);
                    continue;
                }
                assert_eq!(QueuedForm::of(&adapted), Some(to));
                let text = String::from_utf8_lossy(&adapted).into_owned();
                assert!(
                    text.contains("{\"a\":1}") || text.contains("{\\\"a\\\":1}"),
                    "{from:?} {to:?}: {text}"
                );
                assert_eq!(text.ends_with('\n'), matches!(to, QueuedForm::Line | QueuedForm::Journald));
            }
        }
        for damaged in [&b"?"[..], b"", &[9; 50]] {
            assert!(FORMS.iter().all(|(to, _)| to.adapt(damaged) == damaged));
        }
    }
}
