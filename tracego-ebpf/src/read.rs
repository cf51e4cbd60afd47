//! Every read of kernel or user memory, and every appeasement of the verifier.

use aya_ebpf::helpers::generated::{
    bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user, bpf_probe_read_user_str,
};
use tracego_common::offsets::ABSENT;

/// A kernel address; null is a value that could not be read.
pub(crate) type Addr = u64;

/// Reads a `T` at `base + offset`. `None` when the kernel lacks the field or the read faults.
#[inline(always)]
pub(crate) fn kernel<T: Copy + Default>(base: Addr, offset: i32) -> Option<T> {
    if offset == ABSENT || base == 0 {
        return None;
    }
    let mut value = T::default();
    let from = base.wrapping_add(offset as u64);
    // SAFETY: `value` is writable for its size; the helper checks the source address itself.
    let ret = unsafe {
        bpf_probe_read_kernel((&raw mut value).cast(), size_of::<T>() as u32, from as *const core::ffi::c_void)
    };
    (ret == 0).then_some(value)
}

/// A pointer field; `None` when absent, unreadable or null.
#[inline(always)]
pub(crate) fn pointer(base: Addr, offset: i32) -> Option<Addr> {
    match kernel::<u64>(base, offset) {
        Some(0) | None => None,
        some => some,
    }
}

/// Copies a kernel string to `to` (at most `cap` bytes with its NUL); the bytes written.
#[inline(always)]
pub(crate) fn kernel_str(to: *mut u8, cap: u32, from: Addr) -> Option<u32> {
    // SAFETY: the caller gives `cap` writable bytes at `to`; the verifier checks it.
    let ret = unsafe { bpf_probe_read_kernel_str(to.cast(), cap, from as *const core::ffi::c_void) };
    (ret > 0).then_some(ret as u32)
}

/// Copies a user string to `to` (at most `cap` bytes with its NUL); the bytes written.
#[inline(always)]
pub(crate) fn user_str(to: *mut u8, cap: u32, from: u64) -> Option<u32> {
    // SAFETY: as `kernel_str`.
    let ret = unsafe { bpf_probe_read_user_str(to.cast(), cap, from as *const core::ffi::c_void) };
    (ret > 0).then_some(ret as u32)
}

/// Copies `len` user bytes to `to`.
#[inline(always)]
pub(crate) fn user(to: *mut u8, len: u32, from: u64) -> bool {
    // SAFETY: as `kernel_str`.
    unsafe { bpf_probe_read_user(to.cast(), len, from as *const core::ffi::c_void) == 0 }
}

/// `value`, which the caller knows to be at most `max`, in a form that the verifier knows too.
///
/// What we know: positions never exceed their caps. What the verifier cannot see: the value went
/// through the stack of a callback, or the compiler folded the check away because it proved it
/// ("R2 unbounded memory access", "invalid access to map value", 6.18). The empty assembly hides
/// where the value came from, so that the comparison right behind it stays.
#[inline(always)]
pub(crate) fn bounded(value: u64, max: u64) -> u64 {
    let mut hidden = value;
    // SAFETY: no instruction; the register is only made opaque.
    unsafe { core::arch::asm!("/* {0} */", inout(reg) hidden) };
    if hidden > max { max } else { hidden }
}
