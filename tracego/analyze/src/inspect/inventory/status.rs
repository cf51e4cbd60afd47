//! How far the inventory is, for heartbeats and metrics.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tracego_model::record::inventory::InventoryReport;

use super::snapshot::Snapshot;
use crate::inspect::proc::read_error::ReadError;

/// The numbers of an inventory, which grow while it runs.
#[derive(Debug, Default)]
pub struct InventoryStatus(Mutex<InventoryReport>);

impl InventoryStatus {
    /// Returns the numbers so far.
    #[must_use]
    pub fn report(&self) -> InventoryReport {
        self.numbers().clone()
    }

    fn numbers(&self) -> MutexGuard<'_, InventoryReport> {
        // A counter is added to in one step, so the numbers are always consistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a process that was looked at.
    pub(super) fn count(&self, looked: &Result<Snapshot, ReadError>) {
        let mut numbers = self.numbers();
        let count = match looked {
            Ok(Snapshot::Event(_)) => &mut numbers.judged,
            Ok(Snapshot::Kernel) => &mut numbers.skipped.kernel,
            Ok(Snapshot::Filtered) => &mut numbers.skipped.filtered,
            Ok(Snapshot::Own) => &mut numbers.skipped.own,
            Err(ReadError::Gone) => &mut numbers.skipped.gone,
            Err(ReadError::Denied) => &mut numbers.unread.denied,
            Err(_) => &mut numbers.unread.failed,
        };
        *count += 1;
    }

    /// Counts processes that are not looked at, because there are too many.
    pub(super) fn leave_out(&self, processes: u64) {
        self.numbers().skipped.too_many += processes;
    }

    /// Sets how it ended.
    pub(super) fn end(&self, ended: Result<(), ReadError>) {
        let mut numbers = self.numbers();
        numbers.complete = ended.is_ok();
        numbers.error = ended.err().map(|why| why.to_string());
    }
}
