//! Small conversions: bytes to text, clocks, flags to names.

use std::time::{SystemTime, UNIX_EPOCH};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tracego_common::TaskId;

/// Text for JSON; bytes that are no UTF-8 become U+FFFD.
#[must_use]
pub fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A task's name without its padding.
#[must_use]
pub fn comm(bytes: &[u8; 16]) -> &[u8] {
    bytes.split(|&b| b == 0).next().unwrap_or_default()
}

/// Names of the bits that are set.
#[must_use]
pub fn names(bits: u64, table: &[(u64, &'static str)]) -> Vec<&'static str> {
    table.iter().filter(|(bit, _)| bits & bit != 0).map(|&(_, name)| name).collect()
}

/// Bytes of a page.
#[must_use]
pub fn page_size() -> u64 {
    procfs::page_size()
}

/// Kernel time (since boot, suspend included) as wall time, and this boot's id.
#[derive(Clone, Debug)]
pub struct Clock {
    boot_unix_ns: i128,
    boot_id: String,
}

impl Clock {
    /// Reads both clocks now.
    #[must_use]
    pub fn now() -> Self {
        let mut since_boot = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `since_boot` is writable; CLOCK_BOOTTIME exists since Linux 2.6.39.
        unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut since_boot) };
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let boot_ns = i128::from(since_boot.tv_sec) * 1_000_000_000 + i128::from(since_boot.tv_nsec);
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self {
            boot_unix_ns: i128::try_from(unix.as_nanos()).unwrap_or(0) - boot_ns,
            boot_id: boot_id.trim().replace('-', ""),
        }
    }

    /// RFC 3339 in UTC; empty for a time outside the calendar.
    #[must_use]
    pub fn wall(&self, boot_ns: u64) -> String {
        OffsetDateTime::from_unix_timestamp_nanos(self.boot_unix_ns + i128::from(boot_ns))
            .ok()
            .and_then(|t| t.format(&Rfc3339).ok())
            .unwrap_or_default()
    }

    /// Identity of a process for ever: boot, start, pid.
    #[must_use]
    pub fn exec_id(&self, id: TaskId) -> String {
        format!("{}:{}:{}", self.boot_id, id.start_boottime, id.tgid)
    }
}
