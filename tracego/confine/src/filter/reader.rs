//! All that a process does which reads files of others: it computes, and opens and looks at files.

use libc::c_long;
use seccompiler::{SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};

use super::{Calls, FilterError, always, evaluator};

/// Calls that look at files.
const LOOKING: [c_long; 22] = [
    // Some file systems show files to one user alone.
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    // Its argument is out of a filter's sight; what it opens cannot be written (`RLIMIT_FSIZE`).
    libc::SYS_openat2,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_statx,
    libc::SYS_newfstatat,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_fadvise64,
    libc::SYS_getxattr,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_pidfd_open,
    libc::SYS_flock,
];

/// Flags of open(2) with which a file is changed.
const CHANGING: i32 = libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC;

/// The call of ioctl(2) that asks for the fs-verity digest of a file: `FS_IOC_MEASURE_VERITY`.
pub(super) const MEASURE_VERITY: u32 = 0xc004_6686;

/// Returns the allowed calls.
pub(super) fn allowed() -> Result<Calls, FilterError> {
    let mut calls = evaluator::allowed()?;
    calls.extend(always(&LOOKING));
    let flags = |argument| {
        let changing = u64::from(CHANGING.cast_unsigned());
        let none = SeccompCmpOp::MaskedEq(changing);
        SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, none, 0)?])
    };
    calls.insert(libc::SYS_openat, vec![flags(2)?]);
    let measure =
        SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, u64::from(MEASURE_VERITY))?;
    calls.insert(libc::SYS_ioctl, vec![SeccompRule::new(vec![measure])?]);
    #[cfg(target_arch = "x86_64")]
    {
        calls.insert(libc::SYS_open, vec![flags(1)?]);
        calls.extend(always(&[
            libc::SYS_stat,
            libc::SYS_lstat,
            libc::SYS_readlink,
            libc::SYS_access,
            libc::SYS_getdents,
        ]));
    }
    Ok(calls)
}
