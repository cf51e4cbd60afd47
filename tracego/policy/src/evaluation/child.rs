//! The agent's side of the process of a policy.

use std::{
    io::{self, Read as _, Write as _},
    os::{fd::OwnedFd, unix::net::UnixStream},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Signal, pidfd_send_signal},
};

use super::{
    message::{ANSWER_MAX, HEAD},
    nursery::{self, StartedProcess},
};

/// Number of times that the deadline is waited for a process that the machine gives hardly any processor time.
const STARVED_ROUNDS: u32 = 4;

/// A process that compiles a bundle and evaluates inputs with it. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct PolicyChild {
    socket: UnixStream,
    pidfd: OwnedFd,
    pid: libc::pid_t,
    /// Bytes of an answer.
    bytes: Vec<u8>,
    /// Time between two looks at the process while there is no answer.
    round: Duration,
}

/// The reason why there is no answer.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum ChildFailure {
    /// The process works but does not answer.
    Hung,
    /// The process got no processor time.
    Starved,
    /// The process has ended.
    Crashed,
}

impl PolicyChild {
    /// Starts a process and sends it the frame of its bundle, which it has to take `within` a time. `deadline` is
    /// that of its answers.
    pub(super) fn start(load: &[u8], within: Duration, deadline: Duration) -> io::Result<Self> {
        let StartedProcess { socket, pidfd, pid } = nursery::start_process()?;
        // Half of the deadline, to see how much processor time is used in the second half.
        let round = deadline / 2;
        socket.set_read_timeout(Some(round))?;
        socket.set_write_timeout(Some(within))?;
        let mut child = Self { socket, pidfd, pid, bytes: Vec::new(), round };
        child.socket.write_all(load)?;
        child.socket.set_write_timeout(Some(deadline))?;
        Ok(child)
    }

    /// Returns the id of the process.
    #[cfg(test)]
    pub(super) fn pid(&self) -> libc::pid_t {
        self.pid
    }

    /// Sends a frame, and waits for the answer.
    ///
    /// # Errors
    /// Fails if there is no answer. The process is of no use then.
    pub(super) fn ask(&mut self, question: &[u8], work: Duration) -> Result<&[u8], ChildFailure> {
        self.socket.write_all(question).map_err(|error| failure(&error, ChildFailure::Hung))?;
        self.answer(STARVED_ROUNDS * 2, work)
    }

    /// Waits for the beginning of an answer. Returns whether it has come.
    pub(super) fn is_answering(&self, within: Duration) -> bool {
        let timeout =
            Timespec::try_from(within).unwrap_or(Timespec { tv_sec: i64::from(i32::MAX), tv_nsec: 0 });
        let mut socket = [PollFd::new(&self.socket, PollFlags::IN)];
        loop {
            match poll(&mut socket, Some(&timeout)) {
                Err(rustix::io::Errno::INTR) => {}
                ready => return ready.is_ok_and(|ready| ready > 0),
            }
        }
    }

    /// Waits for an answer, `rounds` times half of the deadline. A process that has used the processor for `work`
    /// after the first round hangs.
    pub(super) fn answer(&mut self, rounds: u32, work: Duration) -> Result<&[u8], ChildFailure> {
        self.bytes.clear();
        let (started, mut passed, mut before) = (Instant::now(), 0, None);
        loop {
            if self.is_complete()? {
                return Ok(self.bytes.get(HEAD..).unwrap_or_default());
            }
            let mut buffer = [0; 16 << 10];
            match self.socket.read(&mut buffer) {
                Ok(0) => return Err(ChildFailure::Crashed),
                // A process that sends a byte at a time does not get more time for it.
                Ok(read) if started.elapsed() <= self.round.saturating_mul(rounds) => {
                    self.bytes.extend_from_slice(buffer.get(..read).unwrap_or_default());
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(_) => return Err(ChildFailure::Hung),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(ChildFailure::Crashed),
                Err(_) => {}
            }
            passed += 1;
            // A policy is not at fault if the machine has no time for it. A guest counts time that its host gave
            // to others as used, so a good part of the deadline has to be used up.
            let used = self.processor_time();
            match before {
                None => before = used,
                Some(before) if used.is_none_or(|used| used.saturating_sub(before) >= work) => {
                    return Err(ChildFailure::Hung);
                }
                Some(_) => {}
            }
            if passed >= rounds {
                return Err(ChildFailure::Starved);
            }
        }
    }

    /// Whether the answer has come completely.
    fn is_complete(&self) -> Result<bool, ChildFailure> {
        let Some(head) = self.bytes.first_chunk() else { return Ok(false) };
        let length = u32::from_ne_bytes(*head) as usize;
        // The engine's process no longer is what it was if it sends anything else.
        if length > ANSWER_MAX || self.bytes.len() > HEAD + length {
            return Err(ChildFailure::Crashed);
        }
        Ok(self.bytes.len() == HEAD + length)
    }

    /// Returns the processor time of the process; `None` if it has ended.
    fn processor_time(&self) -> Option<Duration> {
        let mut clock = 0;
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: writes to the two variables alone.
        let done = unsafe {
            libc::clock_getcpuclockid(self.pid, &raw mut clock) == 0
                && libc::clock_gettime(clock, &raw mut time) == 0
        };
        let (seconds, nanoseconds) = (time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?);
        done.then(|| Duration::new(seconds, nanoseconds))
    }
}

impl Drop for PolicyChild {
    fn drop(&mut self) {
        if let Err(error) = pidfd_send_signal(&self.pidfd, Signal::KILL)
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(%error, pid = self.pid, "the process of a policy could not be killed");
        }
    }
}

fn failure(error: &io::Error, late: ChildFailure) -> ChildFailure {
    if error.kind() == io::ErrorKind::WouldBlock { late } else { ChildFailure::Crashed }
}
