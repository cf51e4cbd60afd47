//! Byte encoding of the part of a record that policies read.
//!
//! An input is made from these bytes and from nothing else, and they are the key of a cached decision:
//! records with the same bytes have the same decision, whatever the policies are. Each value ends where its
//! bytes say, and reading returns exactly what was written, so different values have different bytes.

mod decoder;
mod encoder;

use std::fmt;

use regorus::Value;
use serde::{Serialize, ser};
use tracego_model::{clock::Time, walk::walk};

use super::Projection;

/// First byte of each value. The names of an object's members are texts in front of their values.
mod tag {
    pub(super) const NULL: u8 = 0;
    pub(super) const FALSE: u8 = 1;
    pub(super) const TRUE: u8 = 2;
    /// Unsigned integer; eight bytes follow, the lowest first.
    pub(super) const UNSIGNED: u8 = 3;
    /// Signed integer; eight bytes follow, the lowest first.
    pub(super) const SIGNED: u8 = 4;
    /// Float; eight bytes follow, the lowest first.
    pub(super) const FLOAT: u8 = 5;
    /// Text; the length follows in four bytes, the lowest first.
    pub(super) const TEXT: u8 = 6;
    pub(super) const ARRAY: u8 = 7;
    pub(super) const OBJECT: u8 = 8;
    /// End of an array or an object.
    pub(super) const END: u8 = 9;
}

/// The reason why there is no input.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct EncodingError(String);

impl fmt::Display for EncodingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EncodingError {}

impl ser::Error for EncodingError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// The day of a record in UTC.
#[derive(Clone, Copy, Debug)]
pub(super) enum RecordDay<'a> {
    /// Day of a time.
    Of(Time),
    /// Day as text, if known.
    Text(Option<&'a str>),
}

/// Length of a day in nanoseconds.
const DAY: i64 = 86_400_000_000_000;

/// Writes the part of a record that policies read, replacing the content of `into`. The day is written
/// separately, because policies rarely read the time itself, which differs in each record.
///
/// # Errors
/// Fails if the record cannot be serialised, or has members whose names are not texts.
pub(super) fn write<T: Serialize + ?Sized>(
    record: &T,
    day: RecordDay<'_>,
    projection: &Projection,
    into: &mut Vec<u8>,
) -> Result<(), EncodingError> {
    into.clear();
    match day {
        _ if projection.member("date").is_none() => into.push(tag::NULL),
        RecordDay::Of(time) => encoder::signed(time.0.div_euclid(DAY), into),
        RecordDay::Text(Some(day)) => encoder::text(day, into)?,
        RecordDay::Text(None) => into.push(tag::NULL),
    }
    walk(record, projection, &mut encoder::Encoder { into })
}

/// Decodes the bytes that `write` produced. Returns the day as a text, and the record.
///
/// # Errors
/// Fails if the bytes were not written by `write`.
pub(super) fn read(mut from: &[u8]) -> Result<(Option<String>, Value), EncodingError> {
    let day = match decoder::value(&mut from) {
        Some(Value::Null) => Some(None),
        Some(Value::String(day)) => Some(Some(day.to_string())),
        Some(Value::Number(days)) => days.as_i64().map(|days| {
            let mut time = Time(days.saturating_mul(DAY)).text();
            time.truncate("0000-00-00".len());
            Some(time)
        }),
        _ => None,
    };
    day.zip(decoder::value(&mut from))
        .filter(|_| from.is_empty())
        .ok_or_else(|| EncodingError("the encoded record cannot be decoded".to_owned()))
}
