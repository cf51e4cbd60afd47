//! Work with the user ids of another process.

use tracego_confine::{
    capability,
    worker::{become_stranger, keep_capabilities_of_users},
};

/// Does something with the ids of a user, in a process with one thread and root's rights; else as it is. A FUSE
/// file system is shown to all but the user who mounted it as if access were denied, to root, too. The
/// capabilities stay.
pub(super) fn as_user<T>((user, group): (u32, u32), work: impl FnOnce() -> T) -> T {
    let Some(restore) = Restore::change(user, group) else { return work() };
    let done = work();
    drop(restore);
    done
}

/// The ids from before, which come back when this is dropped.
struct Restore;

impl Restore {
    fn change(user: u32, group: u32) -> Option<Self> {
        // SAFETY: these calls take and return numbers alone. The ids of the kernel's task are changed, not those
        // of all threads, so a process with several threads is left alone.
        unsafe {
            let alone = std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1);
            if user == 0 || !alone || libc::geteuid() != 0 || libc::getuid() != 0 {
                return None;
            }
            if !keep_capabilities_of_users() {
                return None;
            }
            let keep = libc::gid_t::MAX;
            if libc::syscall(libc::SYS_setresgid, group, group, group) != 0 {
                return None;
            }
            if libc::syscall(libc::SYS_setresuid, user, user, user) != 0 {
                libc::syscall(libc::SYS_setresgid, 0, 0, keep);
                return None;
            }
        }
        Some(Self)
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        // SAFETY: as above; the capabilities were kept, so root's ids are allowed again.
        unsafe {
            libc::syscall(libc::SYS_setresuid, 0, 0, 0);
            libc::syscall(libc::SYS_setresgid, 0, 0, 0);
        }
        if capability::effective().is_ok_and(|has| has.contains(capability::READING)) {
            become_stranger();
        }
    }
}
