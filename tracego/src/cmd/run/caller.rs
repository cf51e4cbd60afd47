//! Variables of the CI system that sudo took away.
//!
//! sudo clears most of the environment, and with it the identity of the job. sudo itself still has the environment
//! that its caller gave it, as the kernel keeps it in /proc/PID/environ. Where sudo has replaced itself by tracego,
//! the process that called it has. Only the variables that name a job are taken, none that a program acts on.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::Read as _,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::Path,
};

use tracego_analyze::enrich::ci;

/// Maximum number of processes between tracego and sudo, whose monitor is one, and of a shell or env(1).
const DEPTH: usize = 8;
/// Maximum number of bytes of an environment: the kernel's own limit for all arguments and variables together.
const ENVIRON_MAX: u64 = 6 << 20;
/// Names of the program.
const SUDO: [&str; 2] = ["sudo", "sudo-rs"];

/// Returns the variables of CI systems that the caller of sudo has and this process does not. Empty if tracego was
/// not started through sudo.
pub(super) fn variables() -> BTreeMap<OsString, OsString> {
    let Some(caller) = caller() else { return BTreeMap::new() };
    let Some(environ) = source(caller.uid).and_then(|pid| read(&format!("/proc/{pid}/environ"))) else {
        tracing::warn!("the environment of the caller of sudo cannot be read: its CI variables are missing");
        return BTreeMap::new();
    };
    let missing = |name: &OsStr| std::env::var_os(name).is_none();
    parse(&environ).into_iter().filter(|(name, _)| missing(name)).collect()
}

/// The user who called sudo.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct SudoCaller {
    pub(super) uid: u32,
    pub(super) gid: Option<u32>,
}

/// Returns the user who called sudo; `None` if tracego was not started through sudo. Only root may say so: who
/// else sets the variables gets nothing by them.
pub(super) fn caller() -> Option<SudoCaller> {
    let number = |name| std::env::var(name).ok()?.parse::<u32>().ok();
    // SAFETY: a call without arguments.
    let is_root = unsafe { libc::geteuid() } == 0;
    let uid = number("SUDO_UID").filter(|_| is_root)?;
    Some(SudoCaller { uid, gid: number("SUDO_GID") })
}

/// Returns the process that has the environment of the caller: sudo among the ancestors, or else the parent, if it
/// is the caller's own.
fn source(uid: u32) -> Option<u32> {
    let mut pid = std::process::id();
    let mut parent = None;
    // /proc/self, because the numbers of /proc may be those of another pid namespace.
    let mut folder = "/proc/self".to_owned();
    for _ in 0..DEPTH {
        pid = parent_of(&folder).filter(|&up| up != 0 && up != pid)?;
        folder = format!("/proc/{pid}");
        let name = fs::read_link(format!("{folder}/exe")).ok();
        let name = name.as_deref().and_then(Path::file_name).and_then(OsStr::to_str);
        if name.is_some_and(|name| SUDO.contains(&name)) {
            return Some(pid);
        }
        if parent.is_none() {
            parent = Some((pid, owner(&folder)));
        }
        if owner(&folder) == Some(uid) {
            break;
        }
    }
    parent.filter(|(_, owner)| *owner == Some(uid)).map(|(pid, _)| pid)
}

/// Returns the user of a process.
fn owner(folder: &str) -> Option<u32> {
    fs::metadata(folder).ok().map(|about| about.uid())
}

/// Returns the parent of a process.
fn parent_of(folder: &str) -> Option<u32> {
    let status = fs::read_to_string(format!("{folder}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

fn read(path: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(ENVIRON_MAX).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Returns the variables of CI systems in an environment; the first of several with one name, as getenv(3) does.
fn parse(environ: &[u8]) -> BTreeMap<OsString, OsString> {
    let names = ci::names();
    let mut found = BTreeMap::new();
    for variable in environ.split(|&byte| byte == 0) {
        let Some(at) = variable.iter().position(|&byte| byte == b'=') else { continue };
        let (name, value) = (OsStr::from_bytes(&variable[..at]), OsStr::from_bytes(&variable[at + 1..]));
        if names.iter().any(|known| OsStr::new(known) == name) {
            found.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_names_a_job_is_taken() {
        let environ =
            b"PATH=/tmp/evil\0LD_PRELOAD=/tmp/evil.so\0CI_JOB_ID=7\0CI_JOB_ID=8\0CI_JOB_TOKEN=secret\0\
                        GITHUB_RUN_ID=\0noise\0=x\0";
        let found: Vec<_> = parse(environ).into_iter().collect();
        let wanted = [("CI_JOB_ID", "7"), ("GITHUB_RUN_ID", "")];
        assert_eq!(found, wanted.map(|(name, value)| (name.into(), value.into())));
    }

    #[test]
    fn the_parent_of_a_process_is_read() {
        // SAFETY: a call without arguments.
        let parent = unsafe { libc::getppid() };
        assert_eq!(parent_of("/proc/self"), u32::try_from(parent).ok());
        assert_eq!(parent_of("/proc/none"), None);
    }
}
