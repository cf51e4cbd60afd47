//! A running process as the event of its program start, as far as /proc has it.

use procfs::{FromRead as _, process::Stat};
use tracego_common::{EventKind, TaskId, flags};

use super::{InventorySettings, cgroup_membership::CgroupMembership, event_builder::EventBuilder};
use crate::inspect::proc::{
    procfs::{Process, Procfs},
    read_error::ReadError,
};

/// Maximum number of bytes of `stat`, `limits` and `cgroup`.
pub(super) const SMALL: u64 = 64 << 10;
/// A process that was looked at.
#[derive(Debug)]
pub(super) enum Snapshot {
    /// The bytes of its event.
    Event(Vec<u8>),
    /// A thread of the kernel, which runs no program.
    Kernel,
    /// The filters exclude it.
    Filtered,
    /// A process of tracego itself.
    Own,
}

/// Builds the event of a process, at a time in nanoseconds since boot.
///
/// # Errors
/// Fails if the process is gone or its executable cannot be looked up.
pub(super) fn read(
    process: &Process,
    procfs: &Procfs,
    settings: &InventorySettings,
    boot_ns: u64,
) -> Result<Snapshot, ReadError> {
    let stat = Stat::from_read(process.read("stat", SMALL)?.as_slice()).map_err(|_| ReadError::Malformed)?;
    if settings.excludes_name(stat.comm.as_bytes()) {
        return Ok(Snapshot::Filtered);
    }
    // The kernel's own threads have no executable.
    let Some(exe) = there(process.link("exe"))? else { return Ok(Snapshot::Kernel) };
    let status = process.status()?;
    let group = CgroupMembership::of(process)?;
    if settings.excludes_user(status.users[0]) || settings.excludes_cgroup(&group) {
        return Ok(Snapshot::Filtered);
    }
    let mut event = EventBuilder::new();
    let header = &mut event.fixed.header;
    header.kind = EventKind::Exec as u32;
    header.flags = flags::BEFORE;
    header.boot_ns = boot_ns;
    header.id = id(process, procfs);
    header.parent = procfs
        .current(process.parent)
        .map_or_else(|_| TaskId { tgid: process.parent, ..TaskId::default() }, |parent| id(&parent, procfs));
    event.numbers(&stat);
    event.rights(&status);
    event.surroundings(process);
    event.executable(process, &exe);
    event.folder(process);
    event.group(&group);
    event.texts(process, settings);
    Ok(Snapshot::Event(event.finish()))
}

/// Returns the identity of a process: its start is known to the tick.
fn id(process: &Process, procfs: &Procfs) -> TaskId {
    TaskId { tgid: process.pid, pad: 0, start_boottime: procfs.nanoseconds(process.start_ticks) }
}

/// Returns `None` for what is not there.
fn there<T>(result: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(ReadError::Gone | ReadError::NotFound) => Ok(None),
        Err(why) => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use tracego_common::KernelSettings;
    use tracego_model::event::{Event, decode::decode};
    use zerocopy::FromZeros as _;

    use super::*;
    use crate::inspect::inventory::encoding::device;

    fn settings(kernel: impl FnOnce(&mut KernelSettings)) -> InventorySettings {
        let mut settings = InventorySettings {
            kernel: KernelSettings { argv_max: 4096, ..KernelSettings::new_zeroed() },
            variables: vec!["CARGO_PKG_NAME".to_owned()],
        };
        kernel(&mut settings.kernel);
        settings
    }

    fn own(settings: &InventorySettings) -> Option<Vec<u8>> {
        let procfs = Procfs::default();
        match read(&procfs.current(std::process::id()).unwrap(), &procfs, settings, 7).unwrap() {
            Snapshot::Event(bytes) => Some(bytes),
            Snapshot::Filtered => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn this_process_is_what_the_kernel_would_have_said() {
        let bytes = own(&settings(|_| ())).unwrap();
        let Event::Exec(exec) = decode(&bytes).unwrap() else { panic!("no exec") };
        let exe = std::env::current_exe().unwrap();
        assert_eq!(exec.exe, exe.as_os_str().as_encoded_bytes());
        assert_eq!(exec.cwd, std::env::current_dir().unwrap().as_os_str().as_encoded_bytes());
        let args: Vec<_> = std::env::args().collect();
        let read: Vec<_> = exec.args().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect();
        assert_eq!((read, exec.fixed.argc as usize), (args.clone(), args.len()));
        let variables: Vec<_> = exec.variables().collect();
        assert_eq!(variables, [(b"CARGO_PKG_NAME".as_slice(), b"tracego-analyze".as_slice())]);
        let (fixed, file) = (&exec.fixed, std::fs::metadata(exe).unwrap());
        assert_eq!((fixed.exe_inode, fixed.exe_mode, fixed.exe_uid), (file.ino(), file.mode(), file.uid()));
        assert_eq!(fixed.exe_dev, device(libc::major(file.dev()), libc::minor(file.dev())));
        assert_eq!(i128::from(fixed.exe_ctime_ns) / 1_000_000_000, i128::from(file.ctime()));
        assert_eq!(fixed.header.flags & flags::BEFORE, flags::BEFORE);
        assert_eq!(
            (fixed.header.boot_ns, fixed.header.parent.tgid),
            (7, std::os::unix::process::parent_id())
        );
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: getrlimit writes into the structure that it is given.
        assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
        assert_eq!((fixed.rlimits[7].soft, fixed.rlimits[7].hard), (limit.rlim_cur, limit.rlim_max));
    }

    #[test]
    fn filters_are_those_of_the_kernel_side() {
        use tracego_common::settings::filter;
        // SAFETY: getuid cannot fail.
        let uid = unsafe { libc::getuid() };
        let by_user =
            |uid| own(&settings(|kernel| (kernel.filters, kernel.uid) = (filter::UID, uid))).is_some();
        assert!(by_user(uid) && !by_user(uid + 1));
        let by_name = |name: &[u8]| {
            let set = |kernel: &mut KernelSettings| {
                kernel.filters = filter::COMM;
                kernel.comm[..name.len()].copy_from_slice(name);
            };
            own(&settings(set)).is_some()
        };
        let comm = std::fs::read_to_string(format!("/proc/{}/comm", std::process::id())).unwrap();
        assert!(by_name(comm.trim_end().as_bytes()) && !by_name(b"no such name"));
    }
}
