//! Lines of records as they are written, as far as reports read them. All of it is untrusted.
//!
//! ```text
//! record        the members of a record
//! verdict       findings and violations of a record
//! foreign_form  lines that are no native records, and the way out
//! ```

mod foreign_form;
mod record;
mod verdict;

pub(crate) use record::{WireAncestor, WireEnforcement, WireProcess, WireRecord};
use serde::Deserialize;
use tracego_model::record::{SCHEMA, event_name};
pub(crate) use verdict::WireVerdict;

pub use foreign_form::{BASELINE_SCHEMA, ForeignForm};

/// Maximum length of a line in bytes. A record of tracego is far shorter.
pub const LINE_MAX: usize = 8 << 20;
/// Maximum length of the name of a JSON error, which quotes the line.
const REASON_MAX: usize = 200;

/// The reason why a line is no record.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LineError {
    /// The line is longer than [`LINE_MAX`].
    #[error("the line has {0} bytes; at most {LINE_MAX} are read")]
    TooLong(usize),
    /// The line is an event in another form.
    #[error("{0}")]
    Foreign(ForeignForm),
    /// The line is not JSON, or has a value of the wrong type.
    #[error("no record: {0}")]
    Shape(String),
}

/// Returns the beginning of a text, at most `max` bytes.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The members of a native record that every reader has.
pub trait NativeRecord<'a>: Deserialize<'a> {
    /// Returns the name of the format.
    fn schema(&self) -> &str;
    /// Returns the kind of the record.
    fn event_name(&self) -> &str;
}

impl<'a> NativeRecord<'a> for WireRecord<'a> {
    fn schema(&self) -> &str {
        &self.schema
    }

    fn event_name(&self) -> &str {
        &self.event_name
    }
}

/// Parses a line into the members that a reader has.
///
/// # Errors
/// Fails if the line is no native record.
pub fn parse<'a, T: NativeRecord<'a>>(line: &'a [u8]) -> Result<T, LineError> {
    if line.len() > LINE_MAX {
        return Err(LineError::TooLong(line.len()));
    }
    let record: T = match serde_json::from_slice(line) {
        Ok(record) => record,
        Err(error) => return Err(ForeignForm::of(line).map_or_else(|| shape(&error), LineError::Foreign)),
    };
    if record.schema() != SCHEMA || !event_name::ALL.contains(&record.event_name()) {
        let foreign = ForeignForm::of(line);
        let other = || LineError::Shape(format!("neither the schema {SCHEMA} nor a known event_name"));
        return Err(foreign.map_or_else(other, LineError::Foreign));
    }
    Ok(record)
}

fn shape(error: &serde_json::Error) -> LineError {
    LineError::Shape(tracego_model::text::printable(&error.to_string()).chars().take(REASON_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_lines_name_the_way_out() {
        let error = |line: &str| parse::<WireRecord<'_>>(line.as_bytes()).unwrap_err().to_string();
        assert!(error(r#"{"@timestamp":"t","ecs":{"version":"9.4.0"},"message":"make"}"#).contains("ECS"));
        assert!(error(r#"{"class_uid":1007,"metadata":{}}"#).contains("--output json"));
        assert!(error(r#"{"specversion":"1.0","data":{}}"#).contains("CloudEvents"));
        assert!(error(r#"{"resourceLogs":[]}"#).contains("OTLP"));
        assert!(error("CEF:0|tracego|tracego|1|TG001|x|8|").contains("CEF"));
        assert!(error("TIME         PID COMMAND").contains("text"));
        assert!(error(r#"{"schema":"tracego/1","event_name":"tracego.process.start"}"#).contains("older"));
        assert!(error("{").contains("no record"));
        assert!(error("{\"schema\":\"tracego/2\",\"event_name\":\"x\"}").contains("event_name"));
        assert!(matches!(parse::<WireRecord<'_>>(&vec![b' '; LINE_MAX + 1]), Err(LineError::TooLong(_))));
    }
}
