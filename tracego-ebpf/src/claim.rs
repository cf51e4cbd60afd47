//! The choice of the load that takes an event while one load takes over from another.
//!
//! Both loads are attached then. For each event the older program runs first and the newer one after it on
//! the same CPU, with preemption off between them (kernel/tracepoint.c appends; `__DO_TRACE`). The agent
//! activates the newer load with one write, and that write may fall between the two programs: without a claim
//! both would take the event. Each program therefore leaves a claim that says whether it took the event, and
//! the next program respects it.

use tracego_common::handover::HookId;

use crate::maps::{ACTIVE, CLAIMS, setting};

/// Returns whether this load takes the event. Called once for each event, after checks with the same result
/// in both loads.
///
/// Without handover the number is a constant zero to the verifier, which removes the rest.
#[inline(always)]
pub(crate) fn claims_event(hook: HookId) -> bool {
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
