//! Two clocks: the kernel side counts from boot, records carry wall time.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize, Serializer};
use time::OffsetDateTime;

/// Nanoseconds since 1970 UTC; written as RFC 3339 with nine decimals.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Time(pub i64);

impl Time {
    /// RFC 3339; nothing for a time outside the years 0 to 9999.
    #[must_use]
    pub fn text(self) -> String {
        let Ok(t) = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0)) else {
            return String::new();
        };
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z",
            t.year(),
            u8::from(t.month()),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            t.nanosecond()
        )
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Reading {
    /// CLOCK_BOOTTIME in nanoseconds.
    pub boot_ns: i64,
    /// CLOCK_REALTIME in nanoseconds since 1970.
    pub unix_ns: i64,
}

impl Reading {
    /// Reads both.
    #[must_use]
    pub fn now() -> Self {
        let mut boot = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `boot` is writable; CLOCK_BOOTTIME exists since Linux 2.6.39.
        unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut boot) };
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            boot_ns: boot.tv_sec.saturating_mul(1_000_000_000).saturating_add(boot.tv_nsec),
            unix_ns: i64::try_from(unix.as_nanos()).unwrap_or(i64::MAX),
        }
    }
}

/// Boot time → wall time, right across clock steps: every batch of records brings a new reading.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    offset: i64,
}

/// A change below this is the noise of reading two clocks one after the other, and slewing.
const STEP_NS: i64 = 1_000_000;

impl Clock {
    /// Takes a reading; small differences are ignored so that times of one moment agree.
    pub fn set(&mut self, reading: Reading) {
        let offset = reading.unix_ns.wrapping_sub(reading.boot_ns);
        if offset.wrapping_sub(self.offset).unsigned_abs() > STEP_NS.unsigned_abs() {
            self.offset = offset;
        }
    }

    /// Wall time of a moment of the kernel side.
    #[must_use]
    pub fn wall(&self, boot_ns: u64) -> Time {
        Time(self.offset.wrapping_add(i64::try_from(boot_ns).unwrap_or(i64::MAX)))
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
    }

    #[test]
    fn a_clock_step_moves_later_records_and_noise_does_not() {
        let mut clock = Clock::default();
        clock.set(Reading { boot_ns: 1_000, unix_ns: 1_700_000_000_000_000_000 });
        let before = clock.wall(5_000);
        clock.set(Reading { boot_ns: 2_000, unix_ns: 1_700_000_000_000_001_500 });
        assert_eq!(clock.wall(5_000), before);
        clock.set(Reading { boot_ns: 3_000, unix_ns: 1_600_000_000_000_000_000 });
        assert_eq!(clock.wall(3_000), Time(1_600_000_000_000_000_000));
    }
}
