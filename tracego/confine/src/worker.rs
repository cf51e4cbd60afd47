//! The identity of a process that reads files of others: it sees all, and owns nothing.

use rustix::{
    io,
    thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs},
};

use super::capability;

/// User and group of files that nobody owns (`DEFAULT_OVERFLOWUID`, include/linux/highuid.h).
const NOBODY: libc::uid_t = 65_534;

/// Gives the calling thread, which is to be the only one of its process, the capabilities to read and no other,
/// and makes it a stranger to all files: root owns many of them, and owners may write. The real user stays, so
/// that no process of another user can end it. Makes system calls alone, so that it can be called after a fork.
///
/// # Errors
/// Fails where capset(2) does.
pub fn become_reader() -> io::Result<()> {
    // SAFETY: numbers alone, and an empty list. What is not permitted changes nothing, and then the user has
    // little that could be taken away.
    unsafe {
        libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<libc::gid_t>());
        if libc::geteuid() == 0 {
            libc::syscall(libc::SYS_setfsgid, NOBODY);
            libc::syscall(libc::SYS_setfsuid, NOBODY);
        }
    }
    // The change of the user has taken the capabilities on files out of effect.
    let permitted = rustix::thread::capabilities(None)?.permitted.intersection(capability::READING);
    let sets = CapabilitySets { effective: permitted, permitted, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets)?;
    set_no_new_privs(true)
}

/// Takes all capabilities from the calling thread. Makes system calls alone, so that it can be called after a fork.
///
/// # Errors
/// Fails where capset(2) does.
pub fn become_powerless() -> io::Result<()> {
    capability::keep(CapabilitySet::empty())?;
    set_no_new_privs(true)
}
