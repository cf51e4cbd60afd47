//! The calls that the agent never makes once its programs are attached.
//!
//! A list of what is refused, and not of what is allowed: the agent's libraries and the C library make other calls
//! with each version, and a call that is missing in a list breaks a sink quietly. The unit and the pod have
//! lists of allowed calls from those who maintain them (`@system-service`, `RuntimeDefault`).

use libc::c_long;
use seccompiler::{SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};

use super::{Calls, FilterError, always};

/// The calls that the agent may have to make later.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct AgentNeeds {
    /// Starts programs: the enforcement check does.
    pub programs: bool,
    /// Enters network namespaces: the health checks of services do.
    pub namespaces: bool,
}

/// Calls that are always refused, by what they would do.
const NEVER: [&[c_long]; 8] = [
    // Reading and changing other processes.
    &[libc::SYS_ptrace, libc::SYS_process_vm_readv, libc::SYS_process_vm_writev, libc::SYS_pidfd_getfd],
    // Mounting.
    &[
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_move_mount,
        libc::SYS_open_tree,
        libc::SYS_fsopen,
        libc::SYS_fsconfig,
        libc::SYS_fsmount,
        libc::SYS_fspick,
        libc::SYS_mount_setattr,
    ],
    // New namespaces, other users.
    &[
        libc::SYS_unshare,
        libc::SYS_setuid,
        libc::SYS_setgid,
        libc::SYS_setreuid,
        libc::SYS_setregid,
        libc::SYS_setresuid,
        libc::SYS_setresgid,
        libc::SYS_setfsuid,
        libc::SYS_setfsgid,
        libc::SYS_setgroups,
        libc::SYS_personality,
    ],
    // The kernel and its modules.
    &[
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_kexec_load,
        libc::SYS_kexec_file_load,
        libc::SYS_reboot,
        libc::SYS_syslog,
        libc::SYS_perf_event_open,
        libc::SYS_userfaultfd,
        libc::SYS_vhangup,
        libc::SYS_acct,
        libc::SYS_quotactl,
        libc::SYS_swapon,
        libc::SYS_swapoff,
    ],
    // The clock and the name of the machine.
    &[
        libc::SYS_settimeofday,
        libc::SYS_clock_settime,
        libc::SYS_clock_adjtime,
        libc::SYS_adjtimex,
        libc::SYS_sethostname,
        libc::SYS_setdomainname,
    ],
    // Keys of the kernel.
    &[libc::SYS_add_key, libc::SYS_request_key, libc::SYS_keyctl],
    // Calls that no filter sees.
    &[libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register],
    // Files by number, whoever may read them: a process of its own does that.
    &[libc::SYS_name_to_handle_at, libc::SYS_open_by_handle_at],
];

/// Commands of bpf(2) that are refused: new maps, programs, links and types, and those of others by their id
/// (`enum bpf_cmd`, include/uapi/linux/bpf.h).
const BPF_COMMANDS: [u64; 15] = [
    0,  // MAP_CREATE
    5,  // PROG_LOAD
    8,  // PROG_ATTACH
    9,  // PROG_DETACH
    11, // PROG_GET_NEXT_ID
    12, // MAP_GET_NEXT_ID
    13, // PROG_GET_FD_BY_ID
    14, // MAP_GET_FD_BY_ID
    17, // RAW_TRACEPOINT_OPEN
    18, // BTF_LOAD
    19, // BTF_GET_FD_BY_ID
    20, // TASK_FD_QUERY
    28, // LINK_CREATE
    30, // LINK_GET_FD_BY_ID
    33, // ITER_CREATE
];

/// Returns the refused calls.
pub(super) fn refused(needs: AgentNeeds) -> Result<Calls, FilterError> {
    let mut calls = always(&NEVER.concat());
    if !needs.programs {
        calls.extend(always(&[libc::SYS_execve, libc::SYS_execveat]));
    }
    if !needs.namespaces {
        calls.extend(always(&[libc::SYS_setns]));
    }
    #[cfg(target_arch = "x86_64")]
    calls.extend(always(&[libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt]));
    let command = |number| {
        let is = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, number)?;
        SeccompRule::new(vec![is])
    };
    let commands = BPF_COMMANDS.into_iter().map(command).collect::<Result<_, _>>()?;
    calls.insert(libc::SYS_bpf, commands);
    Ok(calls)
}
