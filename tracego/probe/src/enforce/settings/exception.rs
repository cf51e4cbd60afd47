//! Exceptions from the rules, each with a day on which it expires.

use serde::Deserialize;
use time::Date;
use tracego_model::clock::Time;

use super::KernelMatcher;

/// An exception, `[[enforce.exceptions]]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Exception {
    /// Name of the exception in records.
    pub name: String,
    /// Person or team responsible for the exception.
    pub owner: String,
    /// Reason for the exception.
    pub reason: String,
    /// First day on which the exception is no longer valid, `2027-01-31`, in UTC.
    pub expires: String,
    /// Criteria of a match, read apart from the other keys.
    #[serde(skip)]
    pub matches: KernelMatcher,
}

impl Exception {
    /// Whether the exception is valid at a time.
    ///
    /// # Errors
    /// Fails if `expires` is not a day.
    pub fn holds(&self, now: Time) -> Result<bool, String> {
        let end = day(&self.expires)
            .ok_or_else(|| format!("expires: {:?} is not a day; example: 2027-01-31", self.expires))?;
        Ok(now.0 < end)
    }
}

/// Returns the nanoseconds from 1970 to the start of a day, `YYYY-MM-DD` in digits, up to the limit of `Time`
/// (2262).
fn day(text: &str) -> Option<i64> {
    let shape =
        |(at, byte): (usize, u8)| if [4, 7].contains(&at) { byte == b'-' } else { byte.is_ascii_digit() };
    if text.len() != 10 || !text.bytes().enumerate().all(shape) {
        return None;
    }
    let month = text.get(5..7)?.parse::<u8>().ok()?.try_into().ok()?;
    let date = Date::from_calendar_date(text.get(..4)?.parse().ok()?, month, text.get(8..)?.parse().ok()?);
    date.ok()?.midnight().assume_utc().unix_timestamp().checked_mul(1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let seconds = |text| day(text).map(|ns| ns / 1_000_000_000);
        assert_eq!(seconds("1970-01-01"), Some(0));
        assert_eq!(seconds("2000-03-01"), Some(951_868_800));
        assert_eq!(seconds("2026-11-25"), Some(1_795_564_800));
        assert_eq!(seconds("2028-02-29"), Some(1_835_395_200));
        for wrong in [
            "",
            "2026-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "2026-1-1",
            "2026-1-001",
            "2026-+1-25",
            "+026-01-25",
            "2026-01-+5",
            "2026/01/25",
            "2026-01-2é",
            "9999-12-31",
            "tomorrow",
            "2026-11-25T00:00",
        ] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
