//! The system calls that execute programs, by CPU.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Numbers of the system calls that execute programs, and the bit that tells 32-bit callers apart.
#[derive(Clone, Copy, Debug, Eq, FromBytes, Immutable, IntoBytes, KnownLayout, PartialEq)]
#[repr(C)]
pub struct SystemCalls {
    /// execve.
    pub execve: u32,
    /// execveat.
    pub execveat: u32,
    /// execve of a 32-bit caller.
    pub execve_32: u32,
    /// execveat of a 32-bit caller.
    pub execveat_32: u32,
    /// Bit of [`task_thread_status`](crate::Offsets::task_thread_status) that marks the system call of a 32-bit
    /// caller.
    pub status_32: u32,
    /// Unused; keeps the layout free of padding.
    pub pad: u32,
}

impl SystemCalls {
    /// No system call.
    pub const NONE: Self =
        Self { execve: 0, execveat: 0, execve_32: 0, execveat_32: 0, status_32: 0, pad: 0 };

    /// x86-64 (arch/x86/entry/syscalls/syscall_{64,32}.tbl; TS_COMPAT of arch/x86/include/asm/thread_info.h).
    pub const X86_64: Self =
        Self { execve: 59, execveat: 322, execve_32: 11, execveat_32: 358, status_32: 1 << 1, pad: 0 };

    /// arm64 (include/uapi/asm-generic/unistd.h; arch/arm/tools/syscall.tbl; TIF_32BIT of
    /// arch/arm64/include/asm/thread_info.h).
    pub const AARCH64: Self =
        Self { execve: 221, execveat: 281, execve_32: 11, execveat_32: 387, status_32: 1 << 22, pad: 0 };

    /// The CPU that this program is built for.
    pub const HERE: Self = if cfg!(target_arch = "aarch64") { Self::AARCH64 } else { Self::X86_64 };
}
