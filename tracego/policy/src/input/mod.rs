//! Conversion of a record to the input of a policy: the record as `--output json` writes it, plus members
//! under the names that other policies use for the same values.
//!
//! | member | the same as |
//! |---|---|
//! | `process.argv`, `process.args` | `process.command_args` |
//! | `process.name` | `process.executable.name`, else `process.command` |
//! | `process.cwd` | `process.working_directory` |
//! | `process.user_id` | `process.user.id` |
//! | `process.env` | `process.environment_variable`, empty if missing |
//! | `job` | `tracego.job` |
//! | `findings` | `tracego.findings`, empty if missing |
//! | `provenance` | `tracego.provenance` |
//! | `date` | the first ten characters of `timestamp`: the day in UTC |
//!
//! A member that the record itself has under such a name is kept: `process.executable` is the record's
//! object.

mod arguments;
mod encoding;
mod projection;
mod shared;

use regorus::{Value, value::Object};
use tracego_model::record::Record;

pub(crate) use arguments::{bounded, cut, restore};
pub(crate) use encoding::EncodingError;
use encoding::RecordDay;
pub use projection::Projection;
pub(crate) use shared::{HeldParts, SharedProjection};

/// Writes the members of a record that policies read, replacing the content of `into`.
///
/// # Errors
/// Fails if the record cannot be serialised.
pub(crate) fn encode(
    record: &Record,
    projection: &Projection,
    into: &mut Vec<u8>,
) -> Result<(), EncodingError> {
    encoding::write(record, RecordDay::Of(record.timestamp), projection, into)
}

/// Writes the members of a JSON record that policies read, replacing the content of `into`.
///
/// # Errors
/// Fails if a text is too long.
pub(crate) fn encode_json(
    record: &serde_json::Value,
    projection: &Projection,
    into: &mut Vec<u8>,
) -> Result<(), EncodingError> {
    encoding::write(record, RecordDay::Text(timestamp(record).and_then(day)), projection, into)
}

/// Decodes the input that [`encode`] or [`encode_json`] wrote.
///
/// # Errors
/// Fails if the bytes were not written by either of them.
pub(crate) fn decode(encoded: &[u8]) -> Result<Value, EncodingError> {
    let (day, mut input) = encoding::read(encoded)?;
    alias(&mut input);
    date(&mut input, day.as_deref());
    Ok(input)
}

/// Decodes a value that [`encode_json`] wrote, as it is.
///
/// # Errors
/// Fails if the bytes were not written by it.
pub(crate) fn decode_value(encoded: &[u8]) -> Result<Value, EncodingError> {
    encoding::read(encoded).map(|(_, value)| value)
}

/// Returns the complete input for a JSON record.
#[must_use]
pub fn from_json(record: serde_json::Value) -> Value {
    let day = timestamp(&record).and_then(day).map(str::to_owned);
    let mut input = Value::from(record);
    alias(&mut input);
    date(&mut input, day.as_deref());
    input
}

fn timestamp(record: &serde_json::Value) -> Option<&str> {
    record.get("timestamp").and_then(serde_json::Value::as_str)
}

/// Adds the member `date` if the day is known.
fn date(input: &mut Value, day: Option<&str>) {
    if let (Ok(input), Some(day)) = (input.as_object_mut(), day) {
        add(input, "date", Value::from(day));
    }
}

/// Returns the day of a timestamp: `2026-11-25` for `2026-11-25T02:11:46.003673602Z`.
fn day(timestamp: &str) -> Option<&str> {
    const SHAPE: &[u8; 10] = b"0000-00-00";
    let (day, _) = timestamp.strip_suffix('Z')?.split_once('T')?;
    let fits = |(byte, shape): (u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == *shape };
    (day.len() == SHAPE.len() && day.bytes().zip(SHAPE).all(fits)).then_some(day)
}

fn alias(input: &mut Value) {
    let Ok(input) = input.as_object_mut() else { return };
    let tracego = |name| input.get(&key("tracego")).and_then(|tracego| member(tracego, name)).cloned();
    let (job, findings, provenance) = (tracego("job"), tracego("findings"), tracego("provenance"));
    for (name, value) in [("job", job), ("provenance", provenance)] {
        if let Some(value) = value {
            add(input, name, value);
        }
    }
    add(input, "findings", findings.unwrap_or_else(Value::new_array));
    let Some(Ok(process)) = input.get_mut(&key("process")).map(Value::as_object_mut) else { return };
    let of = |name| process.get(&key(name)).cloned();
    let below = |name, second| process.get(&key(name)).and_then(|value| member(value, second)).cloned();
    let found = [
        ("argv", of("command_args")),
        ("args", of("command_args")),
        ("name", below("executable", "name").or_else(|| of("command"))),
        ("cwd", of("working_directory")),
        ("user_id", below("user", "id")),
        ("env", of("environment_variable").or_else(|| Some(Value::new_object()))),
    ];
    for (name, value) in found {
        if let Some(value) = value {
            add(process, name, value);
        }
    }
}

fn add(object: &mut Object, name: &str, value: Value) {
    let key = key(name);
    if !object.contains_key(&key) {
        object.insert(key, value);
    }
}

fn key(name: &str) -> Value {
    Value::from(name)
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_object().ok()?.get(&key(name))
}
