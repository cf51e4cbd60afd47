//! What went in, what came out and where the rest is: one identity, printed at exit.

use std::fmt;

use serde::Serialize;

use crate::kernel::counters::Counters;

/// Counts of one run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Ledger {
    /// The kernel side's own counters.
    pub kernel: Counters,
    /// Records that could not be decoded.
    pub decode_errors: u64,
    /// Records that went through the pipeline.
    pub processed: u64,
    /// Of these, those that the output took.
    pub written: u64,
    /// Those that the output refused.
    pub write_errors: u64,
    /// Those that only the process table needed: the user did not ask for their kind.
    pub unrequested: u64,
    /// Pieces of long arguments, beside the records.
    pub pieces: u64,
}

impl Ledger {
    /// Whether every event is accounted for.
    #[must_use]
    pub fn balanced(&self) -> bool {
        let kernel = &self.kernel;
        kernel.happened() == kernel.lost() + kernel.filtered + self.decode_errors + self.processed
            && self.processed == self.written + self.write_errors + self.unrequested
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} hooked = {} lost + {} filtered + {} undecodable + {} processed; {} written, {} refused by the output, {} for the process table",
            self.kernel.happened(),
            self.kernel.lost(),
            self.kernel.filtered,
            self.decode_errors,
            self.processed,
            self.written,
            self.write_errors,
            self.unrequested,
        )?;
        for (reason, count) in self.kernel.losses().into_iter().filter(|&(_, count)| count > 0) {
            write!(f, "; {reason} {count}")?;
        }
        if !self.balanced() {
            write!(f, "; DOES NOT BALANCE")?;
        }
        Ok(())
    }
}
