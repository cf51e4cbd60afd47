//! All reads of kernel and user memory.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::generated::{
    bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user, bpf_probe_read_user_str,
};
use tracego_common::offsets::ABSENT;

use crate::verifier::typed_read;

/// A kernel address; zero stands for a pointer that could not be read.
pub(crate) type Addr = u64;

/// Reads a `T` at `base + offset`; zero when the kernel lacks the field or the read faults.
///
/// The helper zeroes the destination of a failed read (kernel/trace/bpf_trace.c,
/// bpf_probe_read_kernel_common). No branch is needed here, and the verifier has one path less for every
/// field.
#[inline(always)]
pub(crate) fn kernel<T: Copy + Default>(base: Addr, offset: i32) -> T {
    if offset == ABSENT {
        return T::default();
    }
    let mut value = MaybeUninit::<T>::uninit();
    kernel_bytes(value.as_mut_ptr().cast(), size_of::<T>() as u32, at(base, offset));
    // SAFETY: the helper has written all bytes, and the types that are read are plain numbers.
    unsafe { value.assume_init() }
}

/// Returns the address of a field. Offsets are never negative, and without a sign they need no extension.
#[inline(always)]
fn at(base: Addr, offset: i32) -> Addr {
    base.wrapping_add(u64::from(offset as u32))
}

/// Reads a pointer field; zero when absent, unreadable or null. A read through a zero pointer gives zero.
#[inline(always)]
pub(crate) fn pointer(base: Addr, offset: i32) -> Addr {
    kernel(base, offset)
}

/// Reads a field of a kernel structure whose type the verifier knows: `base` is an argument of a BTF
/// tracepoint, or was read from such a structure by this function. See [`typed_read`] for what may happen to
/// it in between.
#[inline(always)]
pub(crate) fn typed<T: Copy + Default>(base: Addr, offset: i32) -> T {
    if offset == ABSENT {
        return T::default();
    }
    typed_read(at(base, offset))
}

/// Copies a kernel string to `to`, at most `cap` bytes with its NUL. Returns the bytes written; `None` when
/// the read faults.
#[inline(always)]
pub(crate) fn kernel_str(to: *mut u8, cap: u32, from: Addr) -> Option<u32> {
    // SAFETY: the caller gives `cap` writable bytes at `to`; the verifier checks it.
    let ret = unsafe { bpf_probe_read_kernel_str(to.cast(), cap, from as *const core::ffi::c_void) };
    (ret > 0).then_some(ret as u32)
}

/// Copies a user string to `to`, at most `cap` bytes with its NUL. Returns the bytes written; `None` when the
/// read faults.
#[inline(always)]
pub(crate) fn user_str(to: *mut u8, cap: u32, from: u64) -> Option<u32> {
    // SAFETY: as `kernel_str`.
    let ret = unsafe { bpf_probe_read_user_str(to.cast(), cap, from as *const core::ffi::c_void) };
    (ret > 0).then_some(ret as u32)
}

/// Copies `len` kernel bytes to `to`. Returns whether they could be read.
#[inline(always)]
pub(crate) fn kernel_bytes(to: *mut u8, len: u32, from: Addr) -> bool {
    // SAFETY: as `kernel_str`.
    unsafe { bpf_probe_read_kernel(to.cast(), len, from as *const core::ffi::c_void) == 0 }
}

/// Copies `len` user bytes to `to`. Returns whether they could be read.
#[inline(always)]
pub(crate) fn user(to: *mut u8, len: u32, from: u64) -> bool {
    // SAFETY: as `kernel_str`.
    unsafe { bpf_probe_read_user(to.cast(), len, from as *const core::ffi::c_void) == 0 }
}
