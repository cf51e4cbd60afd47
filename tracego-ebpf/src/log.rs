//! Diagnostics of the kernel side, carried by aya-log to the agent's own log.
//!
//! The agent sets the level before the load, so the verifier sees a constant and removes the branches
//! that are off. What stays is the read of that constant, where something is lost and once an exec.

use aya_ebpf::EbpfContext;
use aya_log_ebpf::macro_support::{Level, level_enabled};
use tracego_common::{Loss, TaskId, record::Header};

use crate::emit::count;

/// Says what a hook lost, and counts it as every other end of a hook.
#[inline(always)]
pub(crate) fn end<C: EbpfContext>(ctx: &C, hook: &str, done: Result<(), Loss>) {
    let Err(loss) = done else { return };
    count(loss);
    if loss as u32 != Loss::Filtered as u32 && level_enabled(Level::Debug) {
        count(Loss::Diagnostic);
        aya_log_ebpf::debug!(ctx, "{}: not delivered, reason {}", hook, loss as u32);
    }
}

/// Says what was delivered.
#[inline(always)]
pub(crate) fn delivered<C: EbpfContext>(ctx: &C, hook: &str, header: &Header) {
    if level_enabled(Level::Trace) {
        count(Loss::Diagnostic);
        let TaskId { tgid, .. } = header.id;
        aya_log_ebpf::trace!(ctx, "{}: pid {}, {} bytes, flags {:x}", hook, tgid, header.size, header.flags);
    }
}
