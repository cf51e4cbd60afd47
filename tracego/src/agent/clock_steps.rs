//! The moments when the wall clock is set, so that an event has the time that was in force when it happened.

use std::{sync::Once, thread};

use rustix::{
    io::{Errno, read},
    time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    },
};
use tracego_model::clock::note_step;

/// Starts a thread that notes when the clock is set, for the whole program. Without it, events between the last
/// look at the clock and the step have the time of after.
pub(super) fn watch() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let thread = thread::Builder::new().name("tracego-clock".to_owned());
        if let Err(error) = thread.spawn(|| wait().unwrap_or_else(|error| unwatched(&error))) {
            unwatched(&error);
        }
    });
}

fn unwatched(error: &dyn std::error::Error) {
    tracing::debug!(error = error.to_string(), "steps of the clock are not seen when they happen");
}

/// Waits for a time that never comes: setting the clock ends each wait (`TFD_TIMER_CANCEL_ON_SET`,
/// timerfd_create(2)).
fn wait() -> Result<(), Errno> {
    let never = Timespec { tv_sec: i64::MAX / 4_000_000_000, tv_nsec: 0 };
    let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::CLOEXEC)?;
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    let setting = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: never };
    loop {
        timerfd_settime(&timer, flags, &setting)?;
        match read(&timer, &mut [0; 8]) {
            Err(Errno::CANCELED) => note_step(),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}
