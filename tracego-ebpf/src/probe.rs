//! Attached for a moment by `tracego doctor` to find out what the kernel allows; does nothing but count.

use aya_ebpf::{macros::lsm, programs::LsmContext};

use crate::maps::PROBED;

#[lsm(hook = "bprm_check_security")]
pub(crate) fn lsm_probe(_ctx: LsmContext) -> i32 {
    if let Some(calls) = PROBED.get_ptr_mut(0) {
        // SAFETY: a slot of the map; a call that is lost to a race leaves others.
        unsafe { *calls += 1 }
    }
    0 // The program start goes on.
}
