//! Diagnostics of the kernel side, carried by aya-log to the agent's log.
//!
//! The agent sets the level before the load, so the verifier sees a constant and removes disabled branches.
//! The remaining cost is one read of that constant per loss and per exec.

use aya_ebpf::EbpfContext;
use aya_log_ebpf::macro_support::{Level, level_enabled};
use tracego_common::{KernelCounter, TaskId, event::EventHeader};

use crate::ring::count;

/// Counts a hook's loss and logs it, unless it was filtered. Every hook ends here.
#[inline(always)]
pub(crate) fn end<C: EbpfContext>(ctx: &C, hook: &str, done: Result<(), KernelCounter>) {
    let Err(loss) = done else { return };
    count(loss);
    if loss as u32 != KernelCounter::Filtered as u32 && level_enabled(Level::Debug) {
        count(KernelCounter::Diagnostic);
        aya_log_ebpf::debug!(ctx, "{}: not delivered, reason {}", hook, loss as u32);
    }
}

/// Logs a delivered event.
#[inline(always)]
pub(crate) fn delivered<C: EbpfContext>(ctx: &C, hook: &str, header: &EventHeader) {
    if level_enabled(Level::Trace) {
        count(KernelCounter::Diagnostic);
        let TaskId { tgid, .. } = header.id;
        aya_log_ebpf::trace!(ctx, "{}: pid {}, {} bytes, flags {:x}", hook, tgid, header.size, header.flags);
    }
}
