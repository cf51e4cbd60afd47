//! Whatever takes input.

use std::{io, sync::mpsc::Receiver};

use tracego_analyze::summary::Summary;
use tracego_model::{capture::Writer, input::Input, ledger::Ledger};
use tracego_probe::enforce::after::AfterStart;

use super::Reload;
use crate::metrics::tally::Tally;

/// What takes input: the pipeline, or the writer of a capture file.
pub trait Consumer {
    /// Takes one piece.
    ///
    /// # Errors
    /// When the output refuses it. The caller may go on: what is refused is counted.
    fn take(&mut self, input: Input) -> io::Result<()>;

    /// No more comes.
    ///
    /// # Errors
    /// When the output refuses what is left.
    fn end(&mut self) -> io::Result<()>;

    /// The counts so far.
    fn ledger(&self) -> Ledger;

    /// Ends processes by what is found about them.
    fn enforce(&mut self, _after: AfterStart) {}

    /// Takes the channel on which the settings of each [`Input::Reload`] come.
    fn reloads(&mut self, _reloads: Receiver<Reload>) {}

    /// The counts beside the ledger, for metrics; nothing where no records are made.
    fn tally(&self) -> Option<Tally> {
        None
    }

    /// Why the output took nothing the last time it was given something.
    fn refusal(&self) -> Option<String> {
        None
    }

    /// The point that the output has come to with what was taken so far.
    fn mark(&mut self) -> u64 {
        0
    }

    /// The point up to which all output is where a kill of this process does not reach it.
    fn settled(&mut self) -> u64 {
        u64::MAX
    }

    /// Nanoseconds from the boot clock to the wall clock in the records; nothing where none are made.
    fn offset(&self) -> Option<i64> {
        None
    }

    /// What was found so far; nothing where nobody looks.
    fn summary(&self) -> Summary {
        Summary::default()
    }
}

impl Consumer for Writer {
    fn take(&mut self, input: Input) -> io::Result<()> {
        self.write(input)
    }

    fn end(&mut self) -> io::Result<()> {
        self.finish()
    }

    fn ledger(&self) -> Ledger {
        Self::ledger(self)
    }

    fn refusal(&self) -> Option<String> {
        Self::refusal(self)
    }
}
