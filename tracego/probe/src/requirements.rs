//! Requirements checked before the programs are loaded, so that a missing one is reported by name where the
//! kernel would only return EPERM.

use std::{fs, path::Path};

use rustix::thread::CapabilitySet;
use tracego_confine::capability::{self, ATTACHING};

use crate::error::LoadError;

/// Checks the capabilities for loading and attaching; CAP_SYS_ADMIN replaces both.
///
/// # Errors
/// Fails with [`LoadError::Capability`] and the first missing one, or with [`LoadError::UserNamespace`], where
/// all of them may be there and count for nothing.
pub fn capabilities() -> Result<(), LoadError> {
    let effective = capability::effective().unwrap_or(CapabilitySet::all());
    let is_root_everywhere = |map: String| map.split_ascii_whitespace().eq(["0", "0", "4294967295"]);
    if !fs::read_to_string("/proc/self/uid_map").map_or(true, is_root_everywhere) {
        return Err(LoadError::UserNamespace);
    }
    if effective.contains(CapabilitySet::SYS_ADMIN) {
        return Ok(());
    }
    match capability::names(ATTACHING.difference(effective)).first() {
        Some(name) => Err(LoadError::Capability(name)),
        None => Ok(()),
    }
}

/// Returns the kernel release, as `uname -r` prints it.
#[must_use]
pub fn release() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned()
}

/// Checks that lockdown permits reading kernel memory. In `none [integrity] confidentiality` the brackets
/// mark the mode in force.
///
/// # Errors
/// Fails with [`LoadError::Lockdown`].
pub fn lockdown() -> Result<(), LoadError> {
    let state = fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
    if state.contains("[confidentiality]") { Err(LoadError::Lockdown) } else { Ok(()) }
}

/// Whether system calls of this process go through a seccomp filter, as in containers.
#[must_use]
pub fn is_filtered() -> bool {
    let status = procfs::process::Process::myself().and_then(|me| me.status());
    // SECCOMP_MODE_FILTER (include/uapi/linux/seccomp.h).
    status.is_ok_and(|status| status.seccomp == Some(2))
}

/// Checks that tracefs is mounted, through which the tracepoints of failed system calls are found.
///
/// # Errors
/// Fails with [`LoadError::NoTracefs`].
pub fn tracefs() -> Result<(), LoadError> {
    let mounted = ["/sys/kernel/tracing/events", "/sys/kernel/debug/tracing/events"];
    if mounted.iter().any(|at| Path::new(at).is_dir()) { Ok(()) } else { Err(LoadError::NoTracefs) }
}
