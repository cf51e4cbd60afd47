//! What went in, what came out and where the rest is: one identity, printed at exit.

use serde::Serialize;

use crate::kernel::counters::Counters;

/// Counts of one run.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Ledger {
    /// The kernel side's own counters.
    pub kernel: Counters,
    /// Records that could not be decoded.
    pub decode_errors: u64,
    /// Records that went through the pipeline.
    pub processed: u64,
    /// Records that the output took.
    pub written: u64,
    /// Records that the output refused.
    pub write_errors: u64,
}

impl Ledger {
    /// Whether every hooked event is accounted for.
    #[must_use]
    pub fn balanced(&self) -> bool {
        self.kernel.hooked
            == self.kernel.lost() + self.kernel.filtered + self.decode_errors + self.processed
            && self.processed == self.written + self.write_errors
    }
}
