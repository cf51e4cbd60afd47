//! The work that one process, or one text, may cost.

use std::cell::Cell;

/// Maximum number of steps for one process, or one text. The densest of the ordinary command lines of 256 KiB
/// in the tests need nine tenths of it and more. A step is about 4 ns of the processors of 2025, so that a
/// text which is made to be slow costs 1 ms and no more. The example `redaction` measures what the steps of
/// each kind of text cost.
pub(super) const STEPS_MAX: usize = 222_000;

/// Steps for each argument, whatever it is.
pub(super) const ARGUMENT_STEPS: usize = 5;

/// Steps that were taken: bytes, words, signs and names that were looked at. Their number depends on the text
/// alone, so that the same text is always treated alike.
#[derive(Debug, Default)]
pub(super) struct Work(Cell<usize>);

impl Work {
    pub(super) fn spend(&self, steps: usize) {
        self.0.set(self.0.get().saturating_add(steps));
    }

    /// Whether no more is looked at.
    pub(super) fn is_over(&self) -> bool {
        self.0.get() > STEPS_MAX
    }

    #[cfg(test)]
    pub(super) fn steps(&self) -> usize {
        self.0.get()
    }
}
