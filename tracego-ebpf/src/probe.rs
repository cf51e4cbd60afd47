//! The probe of `tracego doctor`: attached for a moment to find out whether the kernel runs BPF LSM programs.
//! It only counts its calls.

use aya_ebpf::{macros::lsm, programs::LsmContext};

use crate::maps::PROBED;

#[lsm(hook = "bprm_check_security")]
pub(crate) fn lsm_probe(_ctx: LsmContext) -> i32 {
    if let Some(calls) = PROBED.get_ptr_mut(0) {
        // SAFETY: a slot of the map; a race may lose one call of several, which does not matter.
        unsafe { *calls += 1 }
    }
    0 // The program start continues.
}
