//! The network namespace of another process.

use std::{fs::File, os::fd::AsFd as _, thread};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::inspect::proc::{procfs::Process, read_error::ReadError};

/// Runs a function inside the network namespace of a process. A separate thread enters the namespace and ends
/// afterwards, because it is of no other use. If the namespace is this program's own, the function runs on
/// the calling thread.
///
/// # Errors
/// Fails if the namespace cannot be entered: another one requires CAP_SYS_ADMIN (setns(2)).
pub(super) fn inside<T: Send + 'static>(
    process: &Process,
    act: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    let theirs = process.open("ns/net")?;
    let own = File::open("/proc/thread-self/ns/net")?;
    let (theirs_is, own_is) = (rustix::fs::fstat(&theirs)?, rustix::fs::fstat(&own)?);
    if (theirs_is.st_dev, theirs_is.st_ino) == (own_is.st_dev, own_is.st_ino) {
        return act();
    }
    let enter = move || {
        move_into_link_name_space(theirs.as_fd(), Some(LinkNameSpaceType::Network))?;
        act()
    };
    let thread = thread::Builder::new().name("namespace".into()).spawn(enter)?;
    thread.join().unwrap_or(Err(ReadError::Malformed))
}
