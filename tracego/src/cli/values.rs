//! Parsers for the values of options.

use std::str::FromStr;

use tracego_common::limits::{ARGV_LIMIT, ENV_NAME_MAX};
use tracing_subscriber::EnvFilter;

/// The value of one `--env`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EnvSpec {
    /// Variable with a fixed value, `KEY=VALUE`.
    Value(String, String),
    /// Variable to read from each process, `KEY`.
    Name(String),
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

/// Parses a number of bytes, with K or M for 1024 and 1024².
fn bytes(text: &str) -> Result<u32, String> {
    let (digits, unit) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 1 << 10),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 1 << 20),
        _ => (text, 1),
    };
    let number: u32 =
        digits.parse().map_err(|_| "not a number of bytes; examples: 65536, 512K, 8M".to_owned())?;
    number.checked_mul(unit).ok_or_else(|| "too large: at most 2 GiB".to_owned())
}

pub(super) fn ring_size(text: &str) -> Result<u32, String> {
    let size = bytes(text)?;
    if size < 4096 || !size.is_power_of_two() {
        return Err("must be a power of two and at least 4096".into());
    }
    Ok(size)
}

pub(super) fn argv_max(text: &str) -> Result<u32, String> {
    let size = bytes(text)?;
    if size > ARGV_LIMIT { Err(format!("at most {ARGV_LIMIT}, the kernel's own limit")) } else { Ok(size) }
}

pub(super) fn log_filter(text: &str) -> Result<EnvFilter, String> {
    EnvFilter::builder().parse(text).map_err(|error| error.to_string())
}

pub(super) fn comm(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 15 {
        return Err("a task name has 1 to 15 bytes".into());
    }
    Ok(text.to_owned())
}
