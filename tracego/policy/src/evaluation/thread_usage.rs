//! Processor time and priority of abandoned threads.

use std::{fs, time::Duration};

/// Returns the processor time of a thread of this process; `None` if the kernel does not report it.
///
/// Source: `/proc/PID/task/TID/schedstat`, `Documentation/scheduler/sched-stats.rst`; the first number is
/// nanoseconds and is updated with the scheduler tick.
pub(crate) fn processor_time(thread: i32) -> Option<Duration> {
    if thread == 0 {
        // The thread does not run yet.
        return Some(Duration::ZERO);
    }
    let text = fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Lowers a thread to `SCHED_IDLE`, so that it runs only when nothing else does.
pub(crate) fn lower_priority(thread: i32) {
    if thread <= 0 {
        return;
    }
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: the parameters live as long as the call, which only reads them, and it writes to no memory.
    let done = unsafe { libc::sched_setscheduler(thread, libc::SCHED_IDLE, &raw const parameters) };
    if done != 0 {
        let error = std::io::Error::last_os_error();
        tracing::debug!(%error, thread, "an abandoned thread keeps its priority");
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Instant};

    use super::*;

    #[test]
    fn a_thread_is_measured_and_rests() {
        let done = thread::spawn(|| {
            let own = rustix::thread::gettid().as_raw_pid();
            let before = processor_time(own);
            let started = Instant::now();
            while started.elapsed() < Duration::from_millis(300) {
                std::hint::spin_loop();
            }
            let after = processor_time(own);
            lower_priority(own);
            let stat = fs::read_to_string(format!("/proc/self/task/{own}/stat")).unwrap();
            let policy = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(38)).map(str::to_owned);
            (before, after, policy)
        });
        let (before, after, policy) = done.join().unwrap();
        if let (Some(before), Some(after)) = (before, after) {
            assert!(after > before);
        }
        // Field 41, `policy`: SCHED_IDLE.
        assert_eq!(policy.as_deref(), Some("5"));
        assert_eq!((processor_time(0), processor_time(-1)), (Some(Duration::ZERO), None));
    }
}
