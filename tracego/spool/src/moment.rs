//! The time as the owner of a queue hands it in.

use std::time::{SystemTime, UNIX_EPOCH};

/// Both clocks at one moment. The queue never asks for the time by itself, so a test decides what it is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Moment {
    /// CLOCK_BOOTTIME in nanoseconds: ages and deadlines.
    pub boot_ns: i64,
    /// CLOCK_REALTIME in nanoseconds since 1970: what segments keep across a restart of the machine.
    pub unix_ns: i64,
}

impl Moment {
    /// Reads both clocks.
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
