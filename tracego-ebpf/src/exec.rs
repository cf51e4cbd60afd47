//! `tp_btf/sched_process_exec`: the main record. It covers execve, execveat, fexecve, memfd,
//! exec from a thread and scripts, after the point of no return.

use aya_ebpf::{
    helpers::generated::bpf_get_smp_processor_id, macros::btf_tracepoint, programs::BtfTracePointContext,
};
use tracego_common::{
    ExecFixed, Loss, RecordKind, Span, TaskCtx, flags,
    limits::{ARGV_MAX, PATH_MAX, PREFIX_MAX},
    record::{Rlimit, field},
    settings::event,
};

use crate::{
    emit::{count, send},
    env,
    maps::{SCRATCH, Scratch, offset, setting},
    path,
    read::{Addr, bounded, kernel, kernel_str, pointer, user},
    task,
};

#[btf_tracepoint(function = "sched_process_exec")]
pub fn process_exec(ctx: BtfTracePointContext) -> i32 {
    if let Err(loss) = try_exec(&ctx) {
        count(loss);
    }
    0
}

#[inline(always)]
fn try_exec(ctx: &BtfTracePointContext) -> Result<(), Loss> {
    if setting!(events) & event::EXEC == 0 {
        return Ok(());
    }
    count(Loss::Hooked);
    let task = ctx.arg::<*const u8>(0) as Addr;
    let old_tid = ctx.arg::<i32>(1) as u32;
    let bprm = ctx.arg::<*const u8>(2) as Addr;

    let id = task::id(task);
    let mut context = task::context(&id).unwrap_or_default();
    let uid = task::uid(task);
    if id.tgid == setting!(agent_tgid) || !task::wanted(task, &context, uid.unwrap_or(u32::MAX)) {
        return Err(Loss::Filtered);
    }
    // SAFETY: a helper without arguments.
    let scratch = SCRATCH.get_ptr_mut(unsafe { bpf_get_smp_processor_id() }).ok_or(Loss::NoScratch)?;
    // SAFETY: this program alone uses the slot of this CPU, with preemption off.
    let fixed = unsafe { &mut (*scratch).fixed };

    fixed.header = task::header(RecordKind::Exec as u32, id, task::parent(task), &context);
    fixed.unavailable = 0;
    fixed.old_tid = old_tid;
    credentials(fixed, task);
    session(fixed, task);
    limits(fixed, task);
    namespaces(fixed, task);
    let pos = executable(fixed, task, 0);
    let pos = directory(fixed, task, pos);
    let pos = cgroup(fixed, task, pos);
    let pos = names(fixed, bprm, scratch, pos);
    let mm = pointer(task, offset!(task_mm)).unwrap_or(0);
    let (pos, opens_job) = environment(fixed, mm, pos);
    if opens_job && context.job_root.tgid == 0 {
        context.job_root = id;
        fixed.header.job_root = id;
        task::set_context(&id, TaskCtx { ..context });
    }
    let end = arguments(fixed, mm, scratch, pos);

    let len = bounded(
        size_of::<ExecFixed>() as u64 + end,
        (size_of::<ExecFixed>() as u32 + PREFIX_MAX + ARGV_MAX) as u64,
    );
    fixed.header.size = len as u32;
    send(scratch.cast(), len)
}

#[inline(always)]
fn credentials(fixed: &mut ExecFixed, task: Addr) {
    let cred = pointer(task, offset!(task_cred)).unwrap_or(0);
    if cred == 0 {
        fixed.unavailable |= field::CRED;
    }
    fixed.uid = kernel(cred, offset!(cred_uid)).unwrap_or(0);
    fixed.gid = kernel(cred, offset!(cred_gid)).unwrap_or(0);
    fixed.euid = kernel(cred, offset!(cred_euid)).unwrap_or(0);
    fixed.egid = kernel(cred, offset!(cred_egid)).unwrap_or(0);
    fixed.suid = kernel(cred, offset!(cred_suid)).unwrap_or(0);
    fixed.sgid = kernel(cred, offset!(cred_sgid)).unwrap_or(0);
    fixed.cap_effective = kernel(cred, offset!(cred_cap_effective)).unwrap_or(0);
    fixed.cap_permitted = kernel(cred, offset!(cred_cap_permitted)).unwrap_or(0);
    fixed.cap_inheritable = kernel(cred, offset!(cred_cap_inheritable)).unwrap_or(0);
    fixed.cap_bounding = kernel(cred, offset!(cred_cap_bset)).unwrap_or(0);
    fixed.cap_ambient = kernel(cred, offset!(cred_cap_ambient)).unwrap_or(0);
    let user_ns = pointer(cred, offset!(cred_user_ns)).unwrap_or(0);
    fixed.user_ns = kernel(user_ns, offset!(user_ns_inum)).unwrap_or(0);
}

#[inline(always)]
fn session(fixed: &mut ExecFixed, task: Addr) {
    fixed.comm = kernel(task, offset!(task_comm)).unwrap_or_default();
    match (kernel(task, offset!(task_loginuid)), kernel(task, offset!(task_sessionid))) {
        (Some(loginuid), Some(sessionid)) => {
            fixed.loginuid = loginuid;
            fixed.sessionid = sessionid;
        }
        _ => {
            fixed.loginuid = u32::MAX;
            fixed.sessionid = u32::MAX;
            fixed.unavailable |= field::AUDIT;
        }
    }
    fixed.seccomp_mode = kernel(task, offset!(task_seccomp_mode)).unwrap_or_else(|| {
        fixed.unavailable |= field::SECCOMP;
        0
    });
    // PFA_NO_NEW_PRIVS is bit 0 (include/linux/sched.h).
    match kernel::<u64>(task, offset!(task_atomic_flags)) {
        Some(bits) if bits & 1 != 0 => fixed.header.flags |= flags::NO_NEW_PRIVS,
        Some(_) => {}
        None => fixed.unavailable |= field::NO_NEW_PRIVS,
    }
    let signal = pointer(task, offset!(task_signal)).unwrap_or(0);
    // enum pid_type: PIDTYPE_PID, TGID, PGID, SID (include/linux/pid_types.h).
    fixed.pgid = global_pid(signal, 2);
    fixed.sid = global_pid(signal, 3);
    fixed.tty_dev = 0;
    if let Some(tty) = pointer(signal, offset!(signal_tty))
        && let Some(driver) = pointer(tty, offset!(tty_driver))
    {
        let index: u32 = kernel(tty, offset!(tty_index)).unwrap_or(0);
        let major: u32 = kernel(driver, offset!(tty_driver_major)).unwrap_or(0);
        let first: u32 = kernel(driver, offset!(tty_driver_minor_start)).unwrap_or(0);
        fixed.tty_dev = (major << 20) | (first + index);
    }
}

#[inline(always)]
fn global_pid(signal: Addr, kind: i32) -> u32 {
    pointer(signal, offset!(signal_pids) + kind * 8)
        .and_then(|pid| kernel(pid, offset!(pid_numbers) + offset!(upid_nr)))
        .unwrap_or(0)
}

#[inline(always)]
fn limits(fixed: &mut ExecFixed, task: Addr) {
    let signal = pointer(task, offset!(task_signal)).unwrap_or(0);
    // SAFETY: sixteen pairs of unsigned long on a 64-bit kernel, the layout of `struct rlimit`.
    let ok = unsafe {
        offset!(signal_rlim) >= 0
            && aya_ebpf::helpers::generated::bpf_probe_read_kernel(
                (&raw mut fixed.rlimits).cast(),
                size_of::<[Rlimit; 16]>() as u32,
                signal.wrapping_add(offset!(signal_rlim) as u64) as *const core::ffi::c_void,
            ) == 0
    };
    if !ok {
        fixed.unavailable |= field::RLIMITS;
    }
}

#[inline(always)]
fn namespaces(fixed: &mut ExecFixed, task: Addr) {
    let nsproxy = pointer(task, offset!(task_nsproxy)).unwrap_or(0);
    let mnt_ns = pointer(nsproxy, offset!(nsproxy_mnt_ns)).unwrap_or(0);
    fixed.mnt_ns = kernel(mnt_ns, offset!(mnt_ns_inum)).unwrap_or(0);
    let pid = pointer(task, offset!(task_thread_pid)).unwrap_or(0);
    let level: u32 = kernel(pid, offset!(pid_level)).unwrap_or(0);
    let innermost = offset!(pid_numbers) + (level as i32) * offset!(upid_size);
    fixed.vpid = kernel(pid, innermost + offset!(upid_nr)).unwrap_or(0);
    let pid_ns = pointer(pid, innermost + offset!(upid_ns)).unwrap_or(0);
    fixed.pid_ns = kernel(pid_ns, offset!(pid_ns_inum)).unwrap_or(0);
    if fixed.mnt_ns == 0 || fixed.pid_ns == 0 {
        fixed.unavailable |= field::NAMESPACES;
    }
}

#[inline(always)]
fn executable(fixed: &mut ExecFixed, task: Addr, pos: u64) -> u64 {
    let file = pointer(task, offset!(task_mm)).and_then(|mm| pointer(mm, offset!(mm_exe_file))).unwrap_or(0);
    let inode = pointer(file, offset!(file_inode)).unwrap_or(0);
    fixed.exe_inode = kernel(inode, offset!(inode_ino)).unwrap_or(0);
    fixed.exe_mode = u32::from(kernel::<u16>(inode, offset!(inode_mode)).unwrap_or(0));
    fixed.exe_uid = kernel(inode, offset!(inode_uid)).unwrap_or(0);
    let sb = pointer(inode, offset!(inode_sb)).unwrap_or(0);
    fixed.exe_dev = kernel(sb, offset!(sb_dev)).unwrap_or(0);
    fixed.exe_ctime_ns = ctime(inode).unwrap_or_else(|| {
        fixed.unavailable |= field::CTIME;
        0
    });
    let dentry = pointer(file, offset!(file_path_dentry)).unwrap_or(0);
    let mnt = pointer(file, offset!(file_path_mnt)).unwrap_or(0);
    if dentry == 0 || mnt == 0 {
        fixed.unavailable |= field::EXE;
        fixed.exe = Span::default();
        return pos;
    }
    if kernel::<u32>(inode, offset!(inode_nlink)) == Some(0) {
        fixed.header.flags |= flags::EXE_DELETED;
        // d_alloc_pseudo() makes the entry of a memfd its own parent (fs/dcache.c).
        if pointer(dentry, offset!(dentry_parent)) == Some(dentry) {
            fixed.header.flags |= flags::EXE_MEMFD;
        }
    }
    let walked = path::dentry(dentry, mnt, pos);
    fixed.exe = walked.span;
    if walked.truncated {
        fixed.header.flags |= flags::EXE_TRUNCATED;
    }
    walked.next
}

/// Change time of an inode in nanoseconds since 1970; the field moved twice (6.6, 6.11).
#[inline(always)]
fn ctime(inode: Addr) -> Option<u64> {
    let (sec, nsec): (u64, u32) = if offset!(inode_ctime_sec) >= 0 {
        (kernel(inode, offset!(inode_ctime_sec))?, kernel(inode, offset!(inode_ctime_nsec))?)
    } else {
        let at = if offset!(inode_ctime_6_6) >= 0 { offset!(inode_ctime_6_6) } else { offset!(inode_ctime_old) };
        let pair: [u64; 2] = kernel(inode, at)?;
        (pair[0], pair[1] as u32)
    };
    // The top bit marks a multigrain timestamp that was queried (I_CTIME_QUERIED, 6.13+).
    Some(sec * 1_000_000_000 + u64::from(nsec & 0x7fff_ffff))
}

#[inline(always)]
fn directory(fixed: &mut ExecFixed, task: Addr, pos: u64) -> u64 {
    let fs = pointer(task, offset!(task_fs)).unwrap_or(0);
    let dentry = pointer(fs, offset!(fs_pwd) + offset!(path_dentry)).unwrap_or(0);
    let mnt = pointer(fs, offset!(fs_pwd) + offset!(path_mnt)).unwrap_or(0);
    if dentry == 0 || mnt == 0 {
        fixed.unavailable |= field::CWD;
        fixed.cwd = Span::default();
        return pos;
    }
    if path::removed(dentry) {
        fixed.header.flags |= flags::CWD_DELETED;
    }
    let walked = path::dentry(dentry, mnt, pos);
    fixed.cwd = walked.span;
    if walked.truncated {
        fixed.header.flags |= flags::CWD_TRUNCATED;
    }
    walked.next
}

#[inline(always)]
fn cgroup(fixed: &mut ExecFixed, task: Addr, pos: u64) -> u64 {
    let set = pointer(task, offset!(task_cgroups)).unwrap_or(0);
    let v2 = pointer(set, offset!(css_set_dfl_cgrp)).and_then(|cgroup| pointer(cgroup, offset!(cgroup_kn)));
    let mut node = v2.unwrap_or(0);
    fixed.cgroup_id = kernel(node, offset!(kn_id)).unwrap_or(0);
    // A v1 or hybrid host leaves everything at the root of v2: take the pids controller's path.
    let at_root = pointer(node, offset!(kn_parent_6_15)).or(pointer(node, offset!(kn_parent_old))).is_none();
    if at_root && offset!(pids_subsys) >= 0 {
        let v1 = pointer(set, offset!(css_set_subsys) + offset!(pids_subsys) * 8)
            .and_then(|state| pointer(state, offset!(css_cgroup)))
            .and_then(|cgroup| pointer(cgroup, offset!(cgroup_kn)));
        if let Some(v1) = v1
            && v1 != node
        {
            node = v1;
            fixed.header.flags |= flags::CGROUP_V1;
        }
    }
    if node == 0 {
        fixed.unavailable |= field::CGROUP;
        fixed.cgroup = Span::default();
        return pos;
    }
    let walked = path::node(node, pos);
    fixed.cgroup = walked.span;
    if walked.truncated {
        fixed.header.flags |= flags::CGROUP_TRUNCATED;
    }
    walked.next
}

#[inline(always)]
fn names(fixed: &mut ExecFixed, bprm: Addr, scratch: *mut Scratch, pos: u64) -> u64 {
    fixed.argc = kernel(bprm, offset!(bprm_argc)).unwrap_or(0);
    fixed.envc = kernel(bprm, offset!(bprm_envc)).unwrap_or(0);
    let filename = pointer(bprm, offset!(bprm_filename)).unwrap_or(0);
    let interp = pointer(bprm, offset!(bprm_interp)).unwrap_or(0);
    if filename == 0 || offset!(bprm_argc) < 0 {
        fixed.unavailable |= field::FILENAME | field::COUNTS;
    }
    let (span, pos) = string(fixed, scratch, filename, pos);
    fixed.filename = span;
    if interp == filename {
        fixed.interp = span;
        return pos;
    }
    let (span, pos) = string(fixed, scratch, interp, pos);
    fixed.interp = span;
    pos
}

#[inline(always)]
fn string(fixed: &mut ExecFixed, scratch: *mut Scratch, from: Addr, pos: u64) -> (Span, u64) {
    let at = bounded(pos, u64::from(PREFIX_MAX));
    // SAFETY: `at` ≤ PREFIX_MAX; PATH_MAX more bytes are inside the area.
    let to = unsafe { (&raw mut (*scratch).data).cast::<u8>().add(at as usize) };
    let len = kernel_str(to, PATH_MAX, from).unwrap_or(0);
    if len == PATH_MAX {
        fixed.header.flags |= flags::FILENAME_TRUNCATED;
    }
    (Span { offset: at as u32, len }, bounded(at + u64::from(len), u64::from(PREFIX_MAX)))
}

#[inline(always)]
fn environment(fixed: &mut ExecFixed, mm: Addr, pos: u64) -> (u64, bool) {
    let start: u64 = kernel(mm, offset!(mm_env_start)).unwrap_or(0);
    let end: u64 = kernel(mm, offset!(mm_env_end)).unwrap_or(0);
    fixed.env_total = end.wrapping_sub(start) as u32;
    if setting!(env_names) == 0 {
        fixed.env = Span { offset: pos as u32, len: 0 };
        return (pos, false);
    }
    let scanned = env::scan(start, end, pos);
    fixed.env = scanned.span;
    fixed.header.flags |= scanned.flags;
    (scanned.next, scanned.opens_job)
}

/// Copies argv, one contiguous read of the new image; where the record ends.
#[inline(always)]
fn arguments(fixed: &mut ExecFixed, mm: Addr, scratch: *mut Scratch, pos: u64) -> u64 {
    let start: u64 = kernel(mm, offset!(mm_arg_start)).unwrap_or(0);
    let end: u64 = kernel(mm, offset!(mm_arg_end)).unwrap_or(0);
    let total = end.wrapping_sub(start);
    fixed.argv_total = total as u32;
    let cap = setting!(argv_max) as u64;
    let carried = if total > cap {
        fixed.header.flags |= flags::ARGV_TRUNCATED;
        cap
    } else {
        total
    };
    let carried = bounded(carried, u64::from(ARGV_MAX));
    let at = bounded(pos, u64::from(PREFIX_MAX));
    // SAFETY: `at` ≤ PREFIX_MAX and `carried` ≤ ARGV_MAX, both inside the area together.
    let to = unsafe { (&raw mut (*scratch).data).cast::<u8>().add(at as usize) };
    let read = if user(to, carried as u32, start) {
        carried
    } else {
        fixed.header.flags |= flags::ARGV_UNREADABLE;
        0
    };
    fixed.argv = Span { offset: at as u32, len: read as u32 };
    at + read
}
