//! Attached for a moment by `tracego doctor` to find out what the kernel allows; does nothing.

use aya_ebpf::{macros::lsm, programs::LsmContext};

#[lsm(hook = "bprm_check_security")]
pub(crate) fn lsm_probe(_ctx: LsmContext) -> i32 {
    0 // The program start goes on.
}
