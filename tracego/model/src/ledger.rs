//! The balance of one run, printed at exit: every event is written, lost, filtered or refused.

use std::fmt;

use serde::Serialize;

use crate::counters::Counters;

/// Counts of one run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Ledger {
    /// Counters of the kernel side.
    pub kernel: Counters,
    /// Number of events of programs that an earlier run left attached: found in the ring, or lost there.
    pub inherited: u64,
    /// Number of events that could not be decoded.
    pub decode_errors: u64,
    /// Number of events that went through the pipeline.
    pub processed: u64,
    /// Number of these whose record the output accepted.
    pub written: u64,
    /// Number of these whose record the output refused.
    pub write_errors: u64,
    /// Number of these that only the process table needed: the user did not ask for their kind, or no output takes
    /// their record.
    pub unrequested: u64,
    /// Number of argv pieces, which are not counted as events.
    pub pieces: u64,
}

impl Ledger {
    /// Returns whether every event is accounted for.
    #[must_use]
    pub fn balanced(&self) -> bool {
        let kernel = &self.kernel;
        let known = kernel.lost().saturating_add(kernel.filtered);
        kernel.happened().saturating_add(self.inherited)
            == known.saturating_add(self.decode_errors).saturating_add(self.processed)
            && self.processed == self.written + self.write_errors + self.unrequested
            && kernel.chunk_sent == self.pieces
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inherited = match self.inherited {
            0 => String::new(),
            count => format!(" + {count} inherited"),
        };
        write!(
            f,
            "{} hooked{inherited} = {} lost + {} filtered + {} undecodable + {} processed; {} written, {} refused by the output, {} for the process table",
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

#[cfg(test)]
mod tests {
    use tracego_common::KernelCounter;

    use super::*;

    #[test]
    fn every_counter_of_the_kernel_side_is_counted_or_named() {
        for counter in KernelCounter::ALL {
            let mut kernel = Counters::default();
            let (field, name) = match counter {
                KernelCounter::Hooked => (&mut kernel.hooked, None),
                KernelCounter::Filtered => (&mut kernel.filtered, None),
                KernelCounter::RingFull => (&mut kernel.ring_full, Some("ring_full")),
                KernelCounter::NoScratch => (&mut kernel.no_scratch, Some("no_scratch")),
                KernelCounter::ContextFull => (&mut kernel.context_full, Some("context_full")),
                KernelCounter::Sent => (&mut kernel.sent, None),
                KernelCounter::ChunkLost => (&mut kernel.chunk_lost, Some("argv_piece")),
                KernelCounter::ChunkSent => (&mut kernel.chunk_sent, None),
                KernelCounter::Diagnostic => (&mut kernel.diagnostics_lost, Some("diagnostic")),
            };
            *field = 1;
            let named: Vec<_> =
                kernel.losses().into_iter().filter(|&(_, count)| count > 0).map(|(name, _)| name).collect();
            assert_eq!(named, Vec::from_iter(name), "{counter:?}");
            // A single counter contradicts the balance: every event must be somewhere.
            let counted = !kernel.settled() || !Ledger { kernel, ..Ledger::default() }.balanced();
            assert!(counted || name.is_some(), "{counter:?}");
        }
    }

    #[test]
    fn an_imbalance_is_said() {
        let kernel = Counters { hooked: 5, ring_full: 1, filtered: 1, ..Counters::default() };
        let ledger = Ledger { kernel, processed: 3, written: 2, unrequested: 1, ..Ledger::default() };
        assert!(ledger.balanced(), "{ledger}");
        assert!(!ledger.to_string().contains("BALANCE") && ledger.to_string().ends_with("; ring_full 1"));
        for wrong in [
            Ledger { processed: 2, ..ledger },
            Ledger { written: 1, ..ledger },
            Ledger { pieces: 1, ..ledger },
            Ledger { decode_errors: 1, ..ledger },
            Ledger { inherited: 1, ..ledger },
        ] {
            assert!(wrong.to_string().ends_with("; DOES NOT BALANCE"), "{wrong}");
        }
    }

    #[test]
    fn numbers_of_a_foreign_capture_do_not_overflow() {
        let kernel = Counters {
            hooked: u64::MAX,
            recursion_misses: 1,
            ring_full: u64::MAX,
            filtered: 5,
            ..Counters::default()
        };
        let ledger = Ledger { kernel, processed: 3, ..Ledger::default() };
        assert!(ledger.to_string().contains("DOES NOT BALANCE"), "{ledger}");
    }
}
