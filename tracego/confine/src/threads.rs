//! Capabilities of all threads of this process.
//!
//! capset(2) changes one thread, and a program that starts threads in libraries cannot ask each of them. So each
//! thread is interrupted by a signal, whose handler takes the capabilities away, as the C library does for
//! setuid(2) (nptl(7)). Then /proc tells whether a thread still has one.

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::thread::CapabilitySet;

use super::capability;

/// Maximum wait for all threads. One that waits for a file system that does not answer takes no signal.
const LIMIT: Duration = Duration::from_secs(2);

/// The capabilities that threads keep.
static KEPT: AtomicU64 = AtomicU64::new(0);

/// The failure to take capabilities from all threads.
#[derive(Debug, thiserror::Error)]
pub enum ThreadsError {
    /// Threads that still have more, by name.
    #[error("threads still have capabilities that were to be dropped: {}", .0.join(", "))]
    Holdouts(Vec<String>),
    /// The threads cannot be seen or interrupted.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Takes all capabilities but `kept` from each thread of this process, for good.
///
/// # Errors
/// Fails with the names of the threads that have more after two seconds, or if /proc does not show them.
pub fn keep(kept: CapabilitySet) -> Result<(), ThreadsError> {
    KEPT.store(kept.bits(), Ordering::SeqCst);
    capability::keep(kept).map_err(std::io::Error::from)?;
    let signal = libc::SIGRTMAX() - 1;
    // SAFETY: the memory of the action is zeroed, which is valid; the handler makes system calls alone.
    let before = unsafe {
        let (mut action, mut before): (libc::sigaction, libc::sigaction) = std::mem::zeroed();
        action.sa_sigaction = lose as *const () as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        if libc::sigaction(signal, &raw const action, &raw mut before) != 0 {
            return Err(std::io::Error::last_os_error().into());
        }
        before
    };
    let done = interrupt(kept, signal);
    if done.is_ok() {
        // SAFETY: what was there before. A signal that is still on its way would end the process, so the handler
        // stays where a thread has not taken its own.
        unsafe { libc::sigaction(signal, &raw const before, std::ptr::null_mut()) };
    }
    done
}

/// Interrupts the threads that have more than `kept`, until there is none.
fn interrupt(kept: CapabilitySet, signal: libc::c_int) -> Result<(), ThreadsError> {
    let begun = Instant::now();
    let mut asked: Vec<i32> = Vec::new();
    loop {
        let holdouts = holdouts(kept)?;
        if holdouts.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > LIMIT {
            return Err(ThreadsError::Holdouts(holdouts.into_iter().map(|(_, name)| name).collect()));
        }
        for (tid, _) in holdouts {
            // Once: a second signal might come after the handler is gone.
            if !asked.contains(&tid) {
                asked.push(tid);
                // SAFETY: numbers alone. A thread that has ended is none of this process's.
                unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), tid, signal) };
            }
        }
        sleep(Duration::from_millis(1));
    }
}

/// The handler of the signal: rustix makes the system calls itself, and touches no memory of the thread.
extern "C" fn lose(_: libc::c_int) {
    let kept = CapabilitySet::from_bits_retain(KEPT.load(Ordering::SeqCst));
    // /proc tells whether it was done.
    let _done = capability::keep(kept);
}

/// Returns the threads that are permitted more than `kept`, with their names.
fn holdouts(kept: CapabilitySet) -> std::io::Result<Vec<(i32, String)>> {
    let mut found = Vec::new();
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?;
        // A thread that ends meanwhile has nothing.
        let Ok(status) = fs::read_to_string(task.path().join("status")) else { continue };
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let permitted = field("CapPrm:").and_then(|text| u64::from_str_radix(text, 16).ok());
        let permitted = CapabilitySet::from_bits_retain(permitted.unwrap_or(u64::MAX));
        if !kept.contains(permitted) {
            let tid = task.file_name().to_str().and_then(|tid| tid.parse().ok());
            let Some(tid) = tid else { continue };
            found.push((tid, field("Name:").unwrap_or_default().to_owned()));
        }
    }
    Ok(found)
}
