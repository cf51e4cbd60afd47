//! Facilities of syslog (RFC 5424 section 6.2.1, table 1).

use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// Part of a machine that a message comes from; never the kernel's 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Facility(u8);

/// Names in order: those of syslog(3), and those of RFC 5424 for 12 to 15, which have none there.
const NAMES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

impl Default for Facility {
    /// Returns "log audit" (13): the name describes these messages, and keeps them apart from the logins of
    /// `authpriv` and from a site's use of `local0` to `local7`.
    fn default() -> Self {
        Self(13)
    }
}

impl Facility {
    /// Returns the number, from 1 to 23.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    fn new(number: u64) -> Option<Self> {
        u8::try_from(number).ok().filter(|number| (1..24).contains(number)).map(Self)
    }
}

impl FromStr for Facility {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = NAMES.iter().position(|name| *name == text).map(|n| n as u64);
        let number = number.or_else(|| text.parse().ok());
        number.and_then(Self::new).ok_or_else(|| match text {
            "kern" | "0" => "facility kern is the kernel's own; write audit, authpriv or local0".to_owned(),
            _ => format!("'{text}' is no facility; write audit, authpriv, local0 or a number from 1 to 23"),
        })
    }
}

impl<'de> Deserialize<'de> for Facility {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a number or a name")]
        enum Written {
            Number(u64),
            Name(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Number(number) => number.to_string(),
            Written::Name(name) => name,
        };
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_the_same_facilities() {
        for (text, number) in [("user", 1), ("authpriv", 10), ("audit", 13), ("13", 13), ("local7", 23)] {
            assert_eq!(text.parse::<Facility>().map(Facility::number), Ok(number));
        }
        for text in ["kern", "0", "24", "-1", "", "LOCAL0", "256"] {
            assert!(text.parse::<Facility>().is_err_and(|why| why.contains("write audit")), "{text}");
        }
    }
}
