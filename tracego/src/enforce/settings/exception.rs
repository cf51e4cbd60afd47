//! Exceptions from the rules, and the day on which each ends.

use serde::Deserialize;

use super::Matcher;
use crate::clock::Time;

/// `[[enforce.exceptions]]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub struct Exception {
    /// What records call it.
    pub name: String,
    /// Who answers for it.
    pub owner: String,
    /// Why it is made.
    pub reason: String,
    /// The first day on which it does not hold any more, `2027-01-31`, in UTC.
    pub expires: String,
    /// What it is about; as in [`super::Rule`].
    #[serde(flatten)]
    pub matches: Matcher,
}

impl Exception {
    /// Whether it holds at a time.
    ///
    /// # Errors
    /// When the day is none.
    pub fn holds(&self, now: Time) -> Result<bool, String> {
        let end = day(&self.expires)
            .ok_or_else(|| format!("expires: {:?} is no day: write it as 2027-01-31", self.expires))?;
        Ok(now.0 < end)
    }
}

/// Nanoseconds from 1970 to the start of a day.
fn day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if text.len() != 10 || !(1970..=2200).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::try_from(month - 1).ok()?;
    if !(1..=lengths[month]).contains(&day) {
        return None;
    }
    // Leap days before the year (Gregorian calendar).
    let before = year - 1;
    let leaps = (before / 4 - before / 100 + before / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
    let days = (year - 1970) * 365 + leaps + lengths[..month].iter().sum::<i64>() + day - 1;
    Some(days * 86_400 * 1_000_000_000)
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
        for wrong in ["", "2026-02-29", "2026-13-01", "2026-1-1", "tomorrow", "2026-11-25T00:00"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
