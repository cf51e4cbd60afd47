//! Which of two loads takes an event while one takes over from the other.
//!
//! Both are attached then. Of one event the older program runs first, the newer one behind it on the same
//! CPU, with preemption off between them (kernel/tracepoint.c appends; `__DO_TRACE`). The agent makes the
//! newer one active with one write, and that may fall between the two: without the claim both would take
//! the event. So each says on its way whether it took the event, and the next one believes it.

use tracego_common::handover::Hook;

use crate::maps::{ACTIVE, CLAIMS, setting};

/// Whether this load takes the event. Asked once an event, behind checks that come out the same for both.
///
/// Without handover the number is a constant zero to the verifier, which removes the rest.
#[inline(always)]
pub(crate) fn is_ours(hook: Hook) -> bool {
    let own = setting!(generation);
    if own == 0 {
        return true;
    }
    let (Some(active), Some(claim)) = (ACTIVE.get_ptr(0), CLAIMS.get_ptr_mut(hook as u32)) else {
        return true;
    };
    // SAFETY: a slot of the map; volatile because the agent writes there.
    let active = unsafe { core::ptr::read_volatile(active) };
    // SAFETY: a per-CPU slot; the program runs with migration off.
    let claim = unsafe { &mut *claim };
    let before = core::mem::replace(claim, 0);
    if active != own || (before != 0 && before != own) {
        return false;
    }
    *claim = own;
    true
}
