//! The identity of a process that reads files of others: it sees all, and owns nothing.

use rustix::{
    io,
    thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs},
};

use super::capability;

/// User and group of files that nobody owns (`DEFAULT_OVERFLOWUID`, include/linux/highuid.h).
const NOBODY: libc::uid_t = 65_534;
/// Capabilities to take the ids of the user of a process, for file systems that show files to that user alone.
const OTHER_USERS: CapabilitySet = CapabilitySet::SETUID.union(CapabilitySet::SETGID);

/// Gives the calling thread, which is to be the only one of its process, the capabilities to read and to take
/// other users' ids and no other, and makes it a stranger to all files: root owns many of them, and owners may
/// write. Where one of the capabilities to read is missing, as in most containers, it stays the owner of its own.
/// Makes system calls alone, so that it can be called after a fork.
///
/// # Errors
/// Fails where capset(2) does.
pub fn become_reader() -> io::Result<()> {
    let before = rustix::thread::capabilities(None)?.permitted;
    // SAFETY: numbers alone, and an empty list. What is not permitted changes nothing, and then the user has
    // little that could be taken away.
    unsafe { libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<libc::gid_t>()) };
    keep_capabilities_of_users();
    let kept = if before.contains(capability::READING) {
        become_stranger();
        capability::READING | OTHER_USERS
    } else {
        capability::enough_to_look(capability::READING | OTHER_USERS | CapabilitySet::DAC_OVERRIDE)
    };
    let permitted = before.intersection(kept);
    // The change of the user may have taken the capabilities on files out of effect.
    let sets = CapabilitySets { effective: permitted, permitted, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets)?;
    set_no_new_privs(true)
}

/// Makes the calling thread access files as nobody, if it is root's. The real user stays, so that no process of
/// another user can end it. Makes a system call alone.
pub fn become_stranger() {
    // SAFETY: numbers alone.
    unsafe {
        if libc::geteuid() == 0 {
            libc::syscall(libc::SYS_setfsgid, NOBODY);
            libc::syscall(libc::SYS_setfsuid, NOBODY);
        }
    }
}

/// Makes capabilities stay when the ids of the calling thread change. Returns whether they do. Makes system calls
/// alone.
pub fn keep_capabilities_of_users() -> bool {
    // SECBIT_NO_SETUID_FIXUP (include/uapi/linux/securebits.h).
    const NO_SETUID_FIXUP: libc::c_int = 1 << 2;
    // SAFETY: numbers alone.
    unsafe {
        let bits = libc::prctl(libc::PR_GET_SECUREBITS);
        bits & NO_SETUID_FIXUP != 0 && bits >= 0
            || libc::prctl(libc::PR_SET_SECUREBITS, libc::c_ulong::from(NO_SETUID_FIXUP.cast_unsigned())) == 0
    }
}

/// Takes all capabilities from the calling thread. Makes system calls alone, so that it can be called after a fork.
///
/// # Errors
/// Fails where capset(2) does.
pub fn become_powerless() -> io::Result<()> {
    capability::keep(CapabilitySet::empty())?;
    set_no_new_privs(true)
}
