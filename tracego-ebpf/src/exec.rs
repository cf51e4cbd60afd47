//! `tp_btf/sched_process_exec`: the main event, after the point of no return. Covers execve, execveat,
//! fexecve, memfd, exec from a thread, and scripts.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use tracego_common::{
    EventKind, ExecFixed, KernelCounter, Span,
    event::{EventHeader, Rlimit, field},
    flags::{self, OUTSIDE},
    handover::HookId,
    limits::PATH_MAX,
    settings::event,
};

use crate::{
    argv, claim, env, log,
    maps::{DECIDES, offset, rule_number, setting},
    memory::{Addr, kernel, kernel_bytes, kernel_str, pointer, typed},
    path,
    ring::{self, count},
    scratch::{Scratch, cursor, pending, scratch, set_cursor, set_pending},
    task,
    verifier::{bounded, is_null, reread},
};

#[btf_tracepoint(function = "sched_process_exec")]
pub(crate) fn process_exec(ctx: BtfTracePointContext) -> i32 {
    log::end(&ctx, "exec", prepare(&ctx));
    if setting!(events) & event::VERDICT != 0 {
        // Returns here only without a program that decides.
        // SAFETY: the program has the type and the attach point of this one.
        unsafe { DECIDES.tail_call(&ctx, 0) };
    }
    send_pending(&ctx, |_| ());
    0
}

/// Sends the event that [`prepare`] put together, if there is one, after `edit` has changed its header.
///
/// A large event that finds no room is sent once more with the start of its arguments alone.
#[inline(always)]
pub(crate) fn send_pending(ctx: &BtfTracePointContext, edit: impl FnOnce(&mut EventHeader)) {
    let Some(scratch) = scratch() else { return };
    let len = pending(scratch);
    if len == 0 {
        return;
    }
    set_pending(scratch, 0);
    // SAFETY: this program alone uses the slot of this CPU, with preemption off.
    let fixed = unsafe { &mut (*scratch).fixed };
    edit(&mut fixed.header);
    // SAFETY: the address of a field in the slot.
    let event = unsafe { (&raw const (*scratch).fixed).cast() };
    if ring::output(event, len) {
        count(KernelCounter::Sent);
        log::delivered(ctx, "exec", &fixed.header);
        return;
    }
    match argv::cut(fixed, len) {
        Some(short) => log::end(ctx, "exec", ring::send(event, bounded::<18>(short))),
        None => log::end(ctx, "exec", Err(ring::lost(event))),
    }
}

/// Puts the event together. Its length is then [`pending`].
#[inline(always)]
fn prepare(ctx: &BtfTracePointContext) -> Result<(), KernelCounter> {
    if setting!(events) & event::EXEC == 0 {
        return Ok(());
    }
    if !claim::claims_event(HookId::Exec) {
        return Ok(());
    }
    count(KernelCounter::Hooked);
    let task = ctx.arg::<*const u8>(0) as Addr;
    let old_tid = ctx.arg::<i32>(1) as u32;
    let bprm = ctx.arg::<*const u8>(2) as Addr;

    let id = task::id(task);
    let mut context = task::context(&id).unwrap_or_default();
    if task::is_hidden(&id, &context) {
        return Err(KernelCounter::Filtered);
    }
    let scratch = scratch().ok_or(KernelCounter::NoScratch)?;
    // SAFETY: this program alone uses the slot of this CPU, with preemption off.
    let fixed = unsafe { &mut (*scratch).fixed };

    fixed.header = task::header(EventKind::Exec as u32, id, task::parent(task), &context);
    fixed.header.flags |= task::filter_flags(task, task::uid(task)) | flags::of_rules(0, rule_number());
    fixed.unavailable = setting!(unavailable);
    fixed.old_tid = old_tid;
    credentials(fixed, task);
    session(fixed, task);
    limits(fixed, task);
    namespaces(fixed, task);
    set_cursor(scratch, 0);
    executable(fixed, task, scratch);
    directory(fixed, task, scratch);
    cgroup(fixed, task, scratch);
    names(fixed, bprm, scratch);
    let mm: Addr = typed(task, offset!(task_mm));
    if environment(fixed, mm, scratch) && context.job_root.tgid == 0 {
        context.job_root = id;
        fixed.header.job_root = id;
        task::set_context(task, &id, context);
    }
    // SAFETY: a field of the slot.
    let outside = unsafe { reread(&raw const fixed.header.flags) } & OUTSIDE != 0;
    let end = if outside { argv::skip(fixed, mm, scratch) } else { argv::read(fixed, mm, scratch) };

    let len = size_of::<ExecFixed>() as u64 + end;
    fixed.header.size = len as u32;
    set_pending(scratch, len);
    Ok(())
}

#[inline(always)]
fn credentials(fixed: &mut ExecFixed, task: Addr) {
    let cred = typed::<Addr>(task, offset!(task_cred));
    fixed.uid = typed(cred, offset!(cred_uid));
    fixed.gid = typed(cred, offset!(cred_gid));
    fixed.euid = typed(cred, offset!(cred_euid));
    fixed.egid = typed(cred, offset!(cred_egid));
    fixed.suid = typed(cred, offset!(cred_suid));
    fixed.sgid = typed(cred, offset!(cred_sgid));
    fixed.cap_effective = typed(cred, offset!(cred_cap_effective));
    fixed.cap_permitted = typed(cred, offset!(cred_cap_permitted));
    fixed.cap_inheritable = typed(cred, offset!(cred_cap_inheritable));
    fixed.cap_bounding = typed(cred, offset!(cred_cap_bset));
    fixed.cap_ambient = typed(cred, offset!(cred_cap_ambient));
    let user_ns = typed::<Addr>(cred, offset!(cred_user_ns));
    fixed.user_ns = typed(user_ns, offset!(user_ns_inum));
    if is_null(cred) {
        fixed.unavailable |= field::CRED;
    }
}

#[inline(always)]
fn session(fixed: &mut ExecFixed, task: Addr) {
    fixed.comm = task::comm(task);
    fixed.loginuid = typed(task, offset!(task_loginuid));
    fixed.sessionid = typed(task, offset!(task_sessionid));
    fixed.seccomp_mode = typed(task, offset!(task_seccomp_mode));
    // PFA_NO_NEW_PRIVS is bit 0 (include/linux/sched.h).
    if typed::<u64>(task, offset!(task_atomic_flags)) & 1 != 0 {
        fixed.header.flags |= flags::NO_NEW_PRIVS;
    }
    let signal: Addr = typed(task, offset!(task_signal));
    // enum pid_type: PIDTYPE_PID, TGID, PGID, SID (include/linux/pid_types.h).
    fixed.pgid = global_pid(signal, 2);
    fixed.sid = global_pid(signal, 3);
    let tty: Addr = typed(signal, offset!(signal_tty));
    let driver: Addr = typed(tty, offset!(tty_driver));
    let index: u32 = typed(tty, offset!(tty_index));
    let major: u32 = typed(driver, offset!(tty_driver_major));
    let first: u32 = typed(driver, offset!(tty_driver_minor_start));
    // MKDEV (include/linux/kdev_t.h); all zero without a terminal.
    fixed.tty_dev = (major << 20) | (first + index);
}

#[inline(always)]
fn global_pid(signal: Addr, kind: i32) -> u32 {
    let pid: Addr = typed(signal, offset!(signal_pids) + kind * 8);
    typed(pid, offset!(pid_numbers) + offset!(upid_nr))
}

#[inline(always)]
fn limits(fixed: &mut ExecFixed, task: Addr) {
    let signal: Addr = typed(task, offset!(task_signal));
    let from = signal.wrapping_add(offset!(signal_rlim) as u64);
    let len = size_of::<[Rlimit; 16]>() as u32;
    // Sixteen pairs of unsigned long on a 64-bit kernel: the layout of `struct rlimit`.
    let ok = offset!(signal_rlim) >= 0 && kernel_bytes((&raw mut fixed.rlimits).cast(), len, from);
    if !ok {
        fixed.unavailable |= field::RLIMITS;
    }
}

#[inline(always)]
fn namespaces(fixed: &mut ExecFixed, task: Addr) {
    let nsproxy: Addr = typed(task, offset!(task_nsproxy));
    let mnt_ns: Addr = typed(nsproxy, offset!(nsproxy_mnt_ns));
    fixed.mnt_ns = typed(mnt_ns, offset!(mnt_ns_inum));
    let pid: Addr = typed(task, offset!(task_thread_pid));
    let level: u32 = typed(pid, offset!(pid_level));
    if level == 0 {
        fixed.vpid = typed(pid, offset!(pid_numbers) + offset!(upid_nr));
        let pid_ns: Addr = typed(pid, offset!(pid_numbers) + offset!(upid_ns));
        fixed.pid_ns = typed(pid_ns, offset!(pid_ns_inum));
    } else {
        // Not typed, because the level is a variable offset.
        let innermost = offset!(pid_numbers) + (level as i32) * offset!(upid_size);
        fixed.vpid = kernel(pid, innermost + offset!(upid_nr));
        let pid_ns = pointer(pid, innermost + offset!(upid_ns));
        fixed.pid_ns = kernel(pid_ns, offset!(pid_ns_inum));
    }
    if fixed.mnt_ns == 0 || fixed.pid_ns == 0 {
        fixed.unavailable |= field::NAMESPACES;
    }
}

#[inline(always)]
fn executable(fixed: &mut ExecFixed, task: Addr, scratch: *mut Scratch) {
    let file: Addr = typed(typed(task, offset!(task_mm)), offset!(mm_exe_file));
    let inode: Addr = typed(file, offset!(file_inode));
    fixed.exe_inode = typed(inode, offset!(inode_ino));
    fixed.exe_mode = u32::from(typed::<u16>(inode, offset!(inode_mode)));
    fixed.exe_uid = typed(inode, offset!(inode_uid));
    let sb: Addr = typed(inode, offset!(inode_sb));
    fixed.exe_dev = typed(sb, offset!(sb_dev));
    fixed.exe_ctime_ns = ctime(inode);
    let dentry: Addr = typed(file, offset!(file_path_dentry));
    if dentry == 0 {
        fixed.unavailable |= field::EXE;
    }
    if typed::<u32>(inode, offset!(inode_nlink)) == 0 {
        fixed.header.flags |= flags::EXE_DELETED;
        // d_alloc_pseudo() makes the entry of a memfd its own parent (fs/dcache.c).
        if pointer(dentry, offset!(dentry_parent)) == dentry {
            fixed.header.flags |= flags::EXE_MEMFD;
        }
    }
    let mount: Addr = typed(file, offset!(file_path_mnt));
    let mnt_ns: Addr = typed(typed(task, offset!(task_nsproxy)), offset!(nsproxy_mnt_ns));
    if path::namespace(mount) != mnt_ns {
        fixed.header.flags |= flags::EXE_DETACHED;
    }
    let walked = path::dentry(dentry, mount, scratch);
    fixed.exe = walked.span;
    if walked.truncated {
        fixed.header.flags |= flags::EXE_TRUNCATED;
    }
}

/// Returns the change time of an inode in nanoseconds since 1970; the field moved twice (6.6, 6.11).
#[inline(always)]
pub(crate) fn ctime(inode: Addr) -> u64 {
    let (sec, nsec): (u64, u32) = if offset!(inode_ctime_sec) >= 0 {
        (typed(inode, offset!(inode_ctime_sec)), typed(inode, offset!(inode_ctime_nsec)))
    } else {
        let at =
            if offset!(inode_ctime_6_6) >= 0 { offset!(inode_ctime_6_6) } else { offset!(inode_ctime_old) };
        let pair: [u64; 2] = kernel(inode, at);
        (pair[0], pair[1] as u32)
    };
    // The top bit marks a multigrain timestamp that was queried (I_CTIME_QUERIED, 6.13+).
    sec * 1_000_000_000 + u64::from(nsec & 0x7fff_ffff)
}

#[inline(always)]
fn directory(fixed: &mut ExecFixed, task: Addr, scratch: *mut Scratch) {
    let fs: Addr = typed(task, offset!(task_fs));
    let dentry: Addr = typed(fs, offset!(fs_pwd) + offset!(path_dentry));
    let mnt: Addr = typed(fs, offset!(fs_pwd) + offset!(path_mnt));
    if path::removed(dentry) {
        fixed.header.flags |= flags::CWD_DELETED;
    }
    if is_null(dentry) {
        fixed.unavailable |= field::CWD;
    }
    let walked = path::dentry(dentry, mnt, scratch);
    fixed.cwd = walked.span;
    if walked.truncated {
        fixed.header.flags |= flags::CWD_TRUNCATED;
    }
}

#[inline(always)]
fn cgroup(fixed: &mut ExecFixed, task: Addr, scratch: *mut Scratch) {
    let set: Addr = typed(task, offset!(task_cgroups));
    let mut node: Addr = typed(typed(set, offset!(css_set_dfl_cgrp)), offset!(cgroup_kn));
    fixed.cgroup_id = typed(node, offset!(kn_id));
    // A v1 or hybrid host leaves everything at the root of v2: take the pids controller's path.
    if path::parent_node(node) == 0 && offset!(pids_subsys) >= 0 {
        let state: Addr = typed(set, offset!(css_set_subsys) + offset!(pids_subsys) * 8);
        let v1: Addr = typed(typed(state, offset!(css_cgroup)), offset!(cgroup_kn));
        if v1 != 0 && v1 != node {
            node = v1;
            fixed.header.flags |= flags::CGROUP_V1;
        }
    }
    if node == 0 {
        fixed.unavailable |= field::CGROUP;
    }
    let walked = path::node(node, scratch);
    fixed.cgroup = walked.span;
    if walked.truncated {
        fixed.header.flags |= flags::CGROUP_TRUNCATED;
    }
}

#[inline(always)]
fn names(fixed: &mut ExecFixed, bprm: Addr, scratch: *mut Scratch) {
    fixed.argc = typed(bprm, offset!(bprm_argc));
    fixed.envc = typed(bprm, offset!(bprm_envc));
    let (filename, interp): (Addr, Addr) =
        (typed(bprm, offset!(bprm_filename)), typed(bprm, offset!(bprm_interp)));
    fixed.filename = string(fixed, scratch, filename);
    // Only a script has an interpreter (fs/exec.c, alloc_bprm).
    fixed.interp = if interp == filename { fixed.filename } else { string(fixed, scratch, interp) };
}

#[inline(always)]
fn string(fixed: &mut ExecFixed, scratch: *mut Scratch, from: Addr) -> Span {
    let at = cursor(scratch);
    // SAFETY: `at` < PREFIX_MAX; PATH_MAX more bytes are inside the area.
    let to = unsafe { (&raw mut (*scratch).data).cast::<u8>().add(at as usize) };
    let len = kernel_str(to, PATH_MAX, from).unwrap_or(0);
    if len == PATH_MAX {
        fixed.header.flags |= flags::FILENAME_TRUNCATED;
    }
    set_cursor(scratch, at + u64::from(len));
    Span { offset: at as u32, len }
}

/// Copies the allowed variables. Returns whether one of them opens a job context.
#[inline(always)]
fn environment(fixed: &mut ExecFixed, mm: Addr, scratch: *mut Scratch) -> bool {
    let start: u64 = typed(mm, offset!(mm_env_start));
    let end: u64 = typed(mm, offset!(mm_env_end));
    fixed.env_total = end.wrapping_sub(start) as u32;
    fixed.env = Span::default();
    if setting!(env_names) == 0 {
        return false;
    }
    let scanned = env::scan(start, end, scratch);
    fixed.env = scanned.span;
    fixed.header.flags |= scanned.flags;
    scanned.opens_job
}
