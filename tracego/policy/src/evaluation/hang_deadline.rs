//! Waiting for a thread that may hang.

use std::time::Duration;

use super::thread_usage;

/// Number of rounds the deadline is split into. An evaluation that will finish has hit its own time limit
/// before round one is over.
const ROUNDS: u32 = 2;
/// Number of rounds if the machine gives the thread hardly any processor time.
const STARVED_ROUNDS: u32 = 8;

/// The time to wait for an answer.
pub(crate) struct HangDeadline {
    /// Waiting time while the thread has the processor: several times what all its work may take together.
    pub(crate) deadline: Duration,
    /// Processor time, over the whole wait, from which the thread is not starved. Evaluations that finish use
    /// less.
    pub(crate) work: Duration,
}

/// The reason why there is no answer.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum WaitFailure {
    /// The thread works but hangs.
    Hung,
    /// The thread got no processor time.
    Starved,
    /// The thread has ended.
    Gone,
}

impl HangDeadline {
    /// Waits for an answer of the thread with the id `thread`. `wait` waits for the given time, and returns
    /// `None` if there is no answer yet.
    ///
    /// # Errors
    /// Fails with the reason if there is no answer. The caller lowers the priority of an abandoned thread.
    pub(crate) fn wait<T>(
        &self,
        thread: i32,
        mut wait: impl FnMut(Duration) -> Result<Option<T>, WaitFailure>,
    ) -> Result<T, WaitFailure> {
        let mut before = None;
        for round in 1..=STARVED_ROUNDS {
            if let Some(answer) = wait(self.deadline / ROUNDS)? {
                return Ok(answer);
            }
            let used = thread_usage::processor_time(thread);
            if round == 1 {
                before = used;
                continue;
            }
            // A policy is not at fault if the machine has no time for it. A guest counts time that its host
            // gave to others as used, so at first a good part of the deadline has to be used up.
            let more = used.zip(before).map(|(used, before)| used.saturating_sub(before));
            let enough = if round < STARVED_ROUNDS { (self.deadline / 4).max(self.work) } else { self.work };
            if more.is_none_or(|more| more >= enough) {
                return Err(WaitFailure::Hung);
            }
        }
        Err(WaitFailure::Starved)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
            mpsc,
        },
        thread,
    };

    use super::*;

    const DEADLINE: HangDeadline =
        HangDeadline { deadline: Duration::from_millis(200), work: Duration::from_millis(10) };

    /// Waits for a thread that works or sleeps and answers in the given round or never. Returns the result
    /// and the number of rounds.
    fn wait(works: bool, answers: Option<u32>) -> (Result<u32, WaitFailure>, u32) {
        let (sender, number) = mpsc::channel();
        let ended = Arc::new(AtomicBool::new(false));
        let other = Arc::clone(&ended);
        let thread = thread::spawn(move || {
            sender.send(rustix::thread::gettid().as_raw_pid()).unwrap();
            while !other.load(Ordering::Relaxed) {
                if !works {
                    thread::sleep(Duration::from_millis(50));
                }
            }
        });
        let number = number.recv().unwrap();
        let mut round = 0;
        let waited = DEADLINE.wait(number, |time| {
            round += 1;
            thread::sleep(time);
            Ok(answers.filter(|answers| *answers == round))
        });
        ended.store(true, Ordering::Relaxed);
        thread.join().unwrap();
        (waited, round)
    }

    #[test]
    fn only_a_thread_that_works_hangs() {
        let (waited, rounds) = wait(true, None);
        assert_eq!(waited, Err(WaitFailure::Hung));
        assert!(rounds > 1, "{rounds}");
        assert_eq!(wait(false, None), (Err(WaitFailure::Starved), STARVED_ROUNDS));
        assert_eq!(wait(false, Some(STARVED_ROUNDS)), (Ok(STARVED_ROUNDS), STARVED_ROUNDS));
        assert_eq!(wait(true, Some(1)), (Ok(1), 1));
    }
}
