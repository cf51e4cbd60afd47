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
    /// Waits for a thread of this number, which may change while it starts; `wait` waits for so long, and gives
    /// nothing when there is nothing yet.
    ///
    /// # Errors
    /// Why there is none. Whoever is left behind is given the lowest priority by the caller.
    pub(super) fn wait<T>(
        &self,
        thread: impl Fn() -> i32,
        mut wait: impl FnMut(Duration) -> Result<Option<T>, Late>,
    ) -> Result<T, Late> {
        let mut before = None;
        for round in 1..=STARVED_ROUNDS {
            if let Some(answer) = wait(self.deadline / ROUNDS)? {
                return Ok(answer);
            }
            let used = abandoned::used(thread());
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
