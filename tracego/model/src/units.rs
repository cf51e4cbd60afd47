//! Sizes and durations as people write them: `16M`, `90s`, `7d`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de};

/// A number of bytes: digits, then K, M, G or T for powers of 1024.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Bytes(pub u64);

/// A duration: digits, then ms, s, m, h or d. Without a unit, the number is in seconds.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Span(pub Duration);

const SIZES: [(&str, u64); 5] = [("", 1), ("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30), ("T", 1 << 40)];
const SPANS: [(&str, u64); 6] =
    [("ms", 1), ("", 1000), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Parses digits and a unit. Returns the scaled number.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let &(_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(factor)
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = scaled(text, &SIZES);
        bytes.map(Self).ok_or_else(|| format!("'{text}' is not a size; write 65536, 64K, 16M, 4G or 1T"))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let millis = scaled(text, &SPANS);
        let span = millis.map(|millis| Self(Duration::from_millis(millis)));
        span.ok_or_else(|| format!("'{text}' is not a duration; write 500ms, 30s, 5m, 12h or 7d"))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = SIZES.iter().rev().find(|(_, factor)| self.0 > 0 && self.0.is_multiple_of(*factor));
        let (unit, factor) = whole.unwrap_or(&SIZES[0]);
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let whole = SPANS.iter().rev().find(|(_, factor)| millis > 0 && millis.is_multiple_of(*factor));
        let (unit, factor) = whole.unwrap_or(&("s", 1000));
        write!(f, "{}{unit}", millis / factor)
    }
}

/// A value as a file gives it. A bare number is read like the same digits in a text.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a number or a text")]
enum Written {
    Number(u64),
    Text(String),
}

fn read<'de, T: FromStr<Err = String>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let text = match Written::deserialize(deserializer)? {
        Written::Number(number) => number.to_string(),
        Written::Text(text) => text,
    };
    text.parse().map_err(de::Error::custom)
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_read_and_shown() {
        for (text, bytes) in [("0", 0), ("1500", 1500), ("64K", 65_536), ("16M", 16 << 20), ("1T", 1 << 40)] {
            assert_eq!((text.parse(), Bytes(bytes).to_string()), (Ok(Bytes(bytes)), text.to_owned()));
        }
        for (text, millis) in [("0s", 0), ("500ms", 500), ("90s", 90_000), ("7d", 604_800_000)] {
            let span = Span(Duration::from_millis(millis));
            assert_eq!((text.parse(), span.to_string()), (Ok(span), text.to_owned()));
        }
        assert_eq!("90".parse(), Ok(Span(Duration::from_secs(90))));
    }

    #[test]
    fn anything_else_is_refused_with_what_to_write() {
        for text in ["", "M", "1.5G", "-1", "16 M", "16m", "99999999999999999999", "18446744073709551615K"] {
            assert!(text.parse::<Bytes>().unwrap_err().contains("write 65536"), "{text}");
        }
        for text in ["", "s", "1w", "-1s", "18446744073709551615d"] {
            assert!(text.parse::<Span>().unwrap_err().contains("write 500ms"), "{text}");
        }
    }

    #[test]
    fn a_file_may_say_numbers() {
        #[derive(Deserialize)]
        struct Both {
            bytes: Bytes,
            span: Span,
        }
        let both: Both = toml::from_str("bytes = 4096\nspan = \"2m\"").unwrap();
        assert_eq!((both.bytes.0, both.span.0.as_secs()), (4096, 120));
        let Err(error) = toml::from_str::<Both>("bytes = \"4 kB\"\nspan = 1") else { panic!() };
        assert!(error.to_string().contains("'4 kB' is not a size"), "{error}");
    }
}
