//! How long somebody waits for a thread that may never come back.

use std::time::Duration;

use super::abandoned;

/// Parts that the deadline is waited for in. At the end of the first, all evaluations that end are out of time.
const ROUNDS: u32 = 2;
/// The same where the machine gives the thread hardly any processor.
const STARVED_ROUNDS: u32 = 8;

/// How long an answer is waited for.
pub(super) struct Patience {
    /// Where the thread has the processor; more than all that it does may take together, several times.
    pub(super) deadline: Duration,
    /// Work of the thread after which it is not starved, in all of the time that is waited: more than is done by all
    /// that end.
    pub(super) work: Duration,
}

/// Why there is no answer.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Late {
    /// The thread works and does not come back.
    Hung,
    /// It had no processor.
    Starved,
    /// It is gone.
    Gone,
}

impl Patience {
    /// Waits for a thread of this number; `wait` waits for so long, and gives
    /// nothing when there is nothing yet.
    ///
    /// # Errors
    /// Why there is none. Whoever is left behind is given the lowest priority by the caller.
    pub(super) fn wait<T>(
        &self,
        thread: i32,
        mut wait: impl FnMut(Duration) -> Result<Option<T>, Late>,
    ) -> Result<T, Late> {
        let mut before = None;
        for round in 1..=STARVED_ROUNDS {
            if let Some(answer) = wait(self.deadline / ROUNDS)? {
                return Ok(answer);
            }
            let used = abandoned::used(thread);
            if round == 1 {
                before = used;
                continue;
            }
            // It is no fault of the policy when the machine has no time for it. A guest counts as used what its host
            // gave to others, so at first it takes a good part of the deadline.
            let more = used.zip(before).map(|(used, before)| used.saturating_sub(before));
            let enough = if round < STARVED_ROUNDS { (self.deadline / 4).max(self.work) } else { self.work };
            if more.is_none_or(|more| more >= enough) {
                return Err(Late::Hung);
            }
        }
        Err(Late::Starved)
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

    const PATIENCE: Patience =
        Patience { deadline: Duration::from_millis(200), work: Duration::from_millis(10) };

    /// Waits for a thread, which works or sleeps, and answers in this round or never.
    fn wait(works: bool, answers: Option<u32>) -> (Result<u32, Late>, u32) {
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
        let waited = PATIENCE.wait(number, |time| {
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
        assert_eq!(waited, Err(Late::Hung));
        assert!(rounds > 1, "{rounds}");
        assert_eq!(wait(false, None), (Err(Late::Starved), STARVED_ROUNDS));
        assert_eq!(wait(false, Some(STARVED_ROUNDS)), (Ok(STARVED_ROUNDS), STARVED_ROUNDS));
        assert_eq!(wait(true, Some(1)), (Ok(1), 1));
    }
}
