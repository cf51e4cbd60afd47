//! Parsers for the values of options.

use std::{path::PathBuf, str::FromStr};

use clap::ValueEnum;
use tracego_common::limits::{ARGV_LIMIT, ENV_NAME_MAX};
use tracego_model::{
    host::{NAME_MAX, VALUE_MAX},
    units::{Bytes, Span},
};
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

/// The value of one `--env`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EnvSpec {
    /// Variable with a fixed value, `KEY=VALUE`.
    Value(String, String),
    /// Variable to read from each process, `KEY`.
    Name(String),
}

impl EnvSpec {
    /// Returns the name of the variable.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Value(name, _) | Self::Name(name) => name,
        }
    }
}

impl FromStr for EnvSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        if name.is_empty() {
            return Err("a name is missing: write KEY or KEY=VALUE".into());
        }
        if name.len() >= ENV_NAME_MAX {
            return Err(format!(
                "the name has {} bytes, at most {} are supported",
                name.len(),
                ENV_NAME_MAX - 1
            ));
        }
        if name.bytes().any(|b| b.is_ascii_control() || b == b' ') {
            return Err("the name holds a space or a control character".into());
        }
        Ok(match value {
            Some(value) => Self::Value(name.to_owned(), value.to_owned()),
            None => Self::Name(name.to_owned()),
        })
    }
}

/// Parses a number of bytes below 4 GiB.
fn bytes(text: &str) -> Result<u32, String> {
    let Bytes(bytes) = text
        .to_ascii_uppercase()
        .parse()
        .map_err(|_| format!("'{text}' is not a size; write 65536, 64K, 16M or 1G"))?;
    u32::try_from(bytes).map_err(|_| "too large: at most 2 GiB".to_owned())
}

/// Parses a duration of whole seconds.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let Span(span) = text.parse()?;
    if span.subsec_nanos() > 0 {
        return Err("must be whole seconds; write 30s, 5m, 12h or 7d".to_owned());
    }
    Ok(span.as_secs())
}

/// Parses the time between two seals: one second to one day.
pub(super) fn seal_interval(text: &str) -> Result<u64, String> {
    match seconds(text)? {
        seconds @ 1..=86_400 => Ok(seconds),
        _ => Err("must be 1s to 1d".to_owned()),
    }
}

pub(super) fn ring_size(text: &str) -> Result<u32, String> {
    let size = bytes(text)?;
    if size < 4096 || !size.is_power_of_two() {
        return Err("must be a power of two and at least 4096".into());
    }
    Ok(size)
}

/// Parses the id of a machine.
pub(super) fn host_id(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if text.is_empty() || text.len() > VALUE_MAX || !text.bytes().all(is_plain) {
        return Err(format!("an id has 1 to {VALUE_MAX} letters, digits and -_.:"));
    }
    Ok(text.to_owned())
}

/// Parses a label of a machine.
pub(super) fn host_label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if !begins || name.len() > NAME_MAX || !name.bytes().all(is_plain) {
        return Err(format!(
            "a name has 1 to {NAME_MAX} letters, digits and -_./ and begins with a letter or digit"
        ));
    }
    if value.len() > VALUE_MAX || value.chars().any(char::is_control) {
        return Err(format!("a value has up to {VALUE_MAX} bytes, and no control characters"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) fn argv_max(text: &str) -> Result<u32, String> {
    let size = bytes(text)?;
    if size > ARGV_LIMIT { Err(format!("at most {ARGV_LIMIT}, the kernel's own limit")) } else { Ok(size) }
}

pub(super) fn log_filter(text: &str) -> Result<EnvFilter, String> {
    // A word alone would be the name of a target, whose messages are all that is left.
    for word in text.split(',').map(str::trim).filter(|word| !word.contains(['=', '['])) {
        if word.parse::<LevelFilter>().is_err() {
            let levels = "error, warn, info, debug, trace and off";
            return Err(format!("'{word}' is not a level; levels are {levels}; a target is TARGET=LEVEL"));
        }
    }
    EnvFilter::builder().parse(text).map_err(|error| error.to_string())
}

pub(super) fn comm(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 15 {
        return Err("a task name has 1 to 15 bytes".into());
    }
    Ok(text.to_owned())
}

/// Parses `FORMAT=FILE`.
pub(super) fn format_and_file<F: ValueEnum>(text: &str) -> Result<(F, PathBuf), String> {
    let (format, file) = text.split_once('=').ok_or("not FORMAT=FILE")?;
    let format = F::from_str(format, false).map_err(|_| {
        let all = F::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let all: Vec<_> = all.map(|value| value.get_name().to_owned()).collect();
        format!("'{format}' is not a format; valid: {}", all.join(", "))
    })?;
    if file.is_empty() {
        return Err("the file is missing behind FORMAT=".to_owned());
    }
    Ok((format, file.into()))
}
