//! The two clocks: the kernel side counts from boot, records carry wall time.

use std::{
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize, Serializer};
use time::OffsetDateTime;

/// Nanoseconds since 1970 UTC; written as RFC 3339 with nine decimals.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Time(pub i64);

/// The written form of [`Time`], with zeros for digits.
const SHAPE: [u8; 30] = *b"0000-00-00T00:00:00.000000000Z";

impl Time {
    /// Formats the time as RFC 3339. Returns an empty text outside the years 0 to 9999.
    #[must_use]
    pub fn text(self) -> String {
        self.with_text(str::to_owned)
    }

    /// Parses the form that [`text`](Self::text) writes, with any number of decimals. Returns `None` for any other
    /// text, and for times that nanoseconds in 64 bits cannot hold.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (seconds, decimals) = text.strip_suffix('Z')?.split_at_checked(19)?;
        let number = |at: std::ops::Range<usize>| {
            let digits = seconds.get(at)?;
            digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<i32>().ok())?
        };
        let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if separators.into_iter().any(|(at, wanted)| seconds.as_bytes().get(at) != Some(&wanted)) {
            return None;
        }
        let part = |at| u8::try_from(number(at)?).ok();
        let month = time::Month::try_from(part(5..7)?).ok()?;
        let day = time::Date::from_calendar_date(number(0..4)?, month, part(8..10)?).ok()?;
        let moment = day.with_hms(part(11..13)?, part(14..16)?, part(17..19)?).ok()?.assume_utc();
        let nanoseconds = match decimals.strip_prefix('.') {
            None if decimals.is_empty() => 0,
            Some(digits) if (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) => {
                let missing = u32::try_from(9 - digits.len()).ok()?;
                digits.parse::<i64>().ok()? * 10_i64.pow(missing)
            }
            _ => return None,
        };
        moment.unix_timestamp().checked_mul(1_000_000_000)?.checked_add(nanoseconds).map(Self)
    }

    /// Formats the time digit by digit. A record has half a dozen times, and the general formatting machinery
    /// took a quarter of the agent's time.
    fn with_text<T>(self, take: impl FnOnce(&str) -> T) -> T {
        let mut text = SHAPE;
        let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0));
        let Some((t, year)) = moment.ok().and_then(|t| Some((t, u32::try_from(t.year()).ok()?))) else {
            return take("");
        };
        let parts = [
            (0, 4, year),
            (5, 2, u32::from(u8::from(t.month()))),
            (8, 2, u32::from(t.day())),
            (11, 2, u32::from(t.hour())),
            (14, 2, u32::from(t.minute())),
            (17, 2, u32::from(t.second())),
            (20, 9, t.nanosecond()),
        ];
        for (at, width, mut number) in parts {
            for digit in text[at..at + width].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        take(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

/// Difference between a start read from /proc, in ticks, and the same start in nanoseconds.
pub const TICK_NS: u64 = 10_000_000;

/// Number of settings of the wall clock that a reading knows.
const KNOWN_STEPS: usize = 8;

/// A setting of the wall clock, as soon as it was noticed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ClockStep {
    /// Time of the setting, in nanoseconds of CLOCK_BOOTTIME.
    pub boot_ns: i64,
    /// Nanoseconds from the boot clock to the wall clock since then.
    pub offset: i64,
}

/// Settings of the wall clock, the oldest first.
pub type ClockSteps = [Option<ClockStep>; KNOWN_STEPS];

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Reading {
    /// CLOCK_BOOTTIME in nanoseconds.
    pub boot_ns: i64,
    /// CLOCK_REALTIME in nanoseconds since 1970.
    pub unix_ns: i64,
    /// Settings of CLOCK_REALTIME that were noticed, the oldest first.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub steps: ClockSteps,
}

fn is_unset(steps: &ClockSteps) -> bool {
    steps.iter().all(Option::is_none)
}

/// Settings of the wall clock that [`note_step`] was told, the oldest first.
static STEPS: Mutex<ClockSteps> = Mutex::new([None; KNOWN_STEPS]);

/// Notes that the wall clock has just been set. Readings from now on have the time of this call.
pub fn note_step() {
    let mut steps = STEPS.lock().unwrap_or_else(PoisonError::into_inner);
    let Reading { boot_ns, unix_ns, .. } = Reading::clocks();
    steps.rotate_left(1);
    steps[KNOWN_STEPS - 1] = Some(ClockStep { boot_ns, offset: unix_ns.wrapping_sub(boot_ns) });
}

impl Reading {
    /// Reads both clocks. The reading knows the settings that were noticed so far.
    #[must_use]
    pub fn now() -> Self {
        // Locked, so that a setting that is noticed meanwhile is behind the reading.
        let steps = STEPS.lock().unwrap_or_else(PoisonError::into_inner);
        Self { steps: *steps, ..Self::clocks() }
    }

    fn clocks() -> Self {
        let mut boot = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `boot` is writable; CLOCK_BOOTTIME exists since Linux 2.6.39.
        unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut boot) };
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            boot_ns: boot.tv_sec.saturating_mul(1_000_000_000).saturating_add(boot.tv_nsec),
            unix_ns: i64::try_from(unix.as_nanos()).unwrap_or(i64::MAX),
            ..Self::default()
        }
    }
}

/// The conversion of boot time to wall time. Correct across clock steps: every batch of events brings a new
/// reading.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    offset: i64,
    /// Time of the latest reading, in nanoseconds since boot.
    read_ns: i64,
    /// Steps of the clock, the latest first: the time in nanoseconds since boot, and the offset before.
    steps: [Option<(i64, i64)>; 2 * KNOWN_STEPS],
}

/// Smallest change that counts as a clock step. Smaller ones come from slewing and from reading two clocks
/// one after the other.
const STEP_NS: i64 = 1_000_000;

impl Clock {
    /// Continues with the offset of another run.
    #[must_use]
    pub fn continued(offset: i64) -> Self {
        Self { offset, ..Self::default() }
    }

    /// Returns the nanoseconds from the boot clock to the wall clock.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.offset
    }

    /// Applies a reading. Small differences are ignored, so that times of one moment agree. One that is older than another,
    /// as events that waited have, says nothing new: a step back to its offset did not happen.
    pub fn set(&mut self, reading: Reading) {
        if reading.boot_ns < self.read_ns {
            return;
        }
        for step in reading.steps.into_iter().flatten() {
            if (self.read_ns..=reading.boot_ns).contains(&step.boot_ns) {
                self.change(step.boot_ns, step.offset);
            }
        }
        // Steps are noticed within microseconds, so one that was not has just been.
        self.change(reading.boot_ns, reading.unix_ns.wrapping_sub(reading.boot_ns));
        self.read_ns = reading.boot_ns;
    }

    fn change(&mut self, boot_ns: i64, offset: i64) {
        if offset.wrapping_sub(self.offset).unsigned_abs() <= STEP_NS.unsigned_abs() {
            return;
        }
        if self.offset != 0 {
            self.steps.rotate_right(1);
            self.steps[0] = Some((boot_ns, self.offset));
        }
        self.offset = offset;
    }

    /// Converts nanoseconds since boot to wall time, as the clock was then.
    #[must_use]
    pub fn wall(&self, boot_ns: u64) -> Time {
        let boot_ns = i64::try_from(boot_ns).unwrap_or(i64::MAX);
        let before = self.steps.iter().flatten().take_while(|(at, _)| boot_ns < *at).last();
        Time(before.map_or(self.offset, |(_, offset)| *offset).wrapping_add(boot_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc3339_with_nanoseconds() {
        assert_eq!(Time(1_700_000_000_000_000_001).text(), "2023-11-14T22:13:20.000000001Z");
        assert_eq!(Time(0).text(), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(Time(-1).text(), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(Time(i64::MAX).text(), "2262-04-11T23:47:16.854775807Z");
        assert_eq!(Time(i64::MIN).text(), "1677-09-21T00:12:43.145224192Z");
    }

    const HOUR: i64 = 3_600_000_000_000;

    /// Builds a reading that knows settings: their times, and the offsets since.
    fn reading(boot_ns: i64, offset: i64, known: &[(i64, i64)]) -> Reading {
        let mut steps = [None; KNOWN_STEPS];
        for (step, (boot_ns, offset)) in steps.iter_mut().zip(known.iter().copied()) {
            *step = Some(ClockStep { boot_ns, offset });
        }
        Reading { boot_ns, unix_ns: boot_ns + offset, steps }
    }

    #[test]
    fn an_older_reading_is_no_step() {
        let mut clock = Clock::default();
        clock.set(reading(1_000, HOUR, &[]));
        // Read behind a step, before the events of ahead of it are taken.
        clock.set(reading(5_000, 2 * HOUR, &[(3_000, 2 * HOUR)]));
        clock.set(reading(2_000, HOUR, &[]));
        assert_eq!(clock.wall(2_500), Time(HOUR + 2_500));
        assert_eq!(clock.wall(4_000), Time(2 * HOUR + 4_000));
        assert_eq!(clock.offset(), 2 * HOUR);
    }

    #[test]
    fn a_time_is_read_as_it_is_written() {
        for time in [0, 1, -1, 1_700_000_000_000_000_001, -86_400_000_000_001, i64::MAX].map(Time) {
            assert_eq!(Time::parse(&time.text()), Some(time));
        }
        assert_eq!(Time::parse("1970-01-01T00:00:00.5Z"), Some(Time(500_000_000)));
        assert_eq!(Time::parse("1970-01-01T00:00:01Z"), Some(Time(1_000_000_000)));
        for other in [
            "",
            "Z",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:00.Z",
            "1970-02-30T00:00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01 00:00:00Z",
            "+970-01-01T00:00:00Z",
            "1970-01-01T00:00:00.1234567890Z",
            "9999-12-31T23:59:59Z",
            "197\u{e4}-01-01T00:00:00Z",
        ] {
            assert_eq!(Time::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_clock_step_moves_later_records_and_noise_does_not() {
        let mut clock = Clock::default();
        clock.set(Reading { boot_ns: 1_000, unix_ns: 1_700_000_000_000_000_000, ..Reading::default() });
        let before = clock.wall(5_000);
        clock.set(Reading { boot_ns: 2_000, unix_ns: 1_700_000_000_000_001_500, ..Reading::default() });
        assert_eq!(clock.wall(5_000), before);
        clock.set(Reading { boot_ns: 3_000, unix_ns: 1_600_000_000_000_000_000, ..Reading::default() });
        assert_eq!(clock.wall(3_000), Time(1_600_000_000_000_000_000));
    }

    #[test]
    fn an_event_before_a_step_has_the_time_of_before() {
        let mut clock = Clock::default();
        clock.set(reading(10_000_000, HOUR, &[]));
        clock.set(reading(20_000_000, 7 * HOUR, &[(16_000_000, 7 * HOUR)]));
        assert_eq!(clock.wall(15_999_999), Time(HOUR + 15_999_999));
        assert_eq!(clock.wall(16_000_000), Time(7 * HOUR + 16_000_000));
        // Not noticed yet: it has just been.
        clock.set(reading(30_000_000, 3 * HOUR, &[(16_000_000, 7 * HOUR)]));
        assert_eq!(clock.wall(29_999_999), Time(7 * HOUR + 29_999_999));
        assert_eq!(clock.wall(30_000_000), Time(3 * HOUR + 30_000_000));
        assert_eq!(clock.wall(9_000_000), Time(HOUR + 9_000_000));
        // Noticed behind the reading: nothing changes.
        clock.set(reading(40_000_000, 3 * HOUR, &[(16_000_000, 7 * HOUR), (30_000_100, 3 * HOUR)]));
        assert_eq!(clock.wall(29_999_999), Time(7 * HOUR + 29_999_999));
        assert_eq!(clock.wall(30_000_000), Time(3 * HOUR + 30_000_000));
    }

    #[test]
    fn each_of_several_steps_between_two_readings_is_known() {
        let mut clock = Clock::default();
        clock.set(reading(1_000, HOUR, &[]));
        // Forth and back: the reading itself shows no difference.
        clock.set(reading(
            9_000,
            HOUR,
            &[(3_000, 2 * HOUR), (5_000, HOUR), (6_000, 4 * HOUR), (7_000, HOUR)],
        ));
        let offsets = [2_000, 4_000, 5_500, 6_500, 8_000].map(|at| clock.wall(at).0 - at.cast_signed());
        assert_eq!(offsets, [HOUR, 2 * HOUR, HOUR, 4 * HOUR, HOUR]);
    }
}
