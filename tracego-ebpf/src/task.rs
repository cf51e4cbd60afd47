//! Identity and context of a task, and whether the user's filters keep its events.

use aya_ebpf::helpers::generated::bpf_get_current_ancestor_cgroup_id;
use tracego_common::{
    KernelCounter, LostOfJob, TaskContext, TaskId,
    event::EventHeader,
    flags::{GENERATION_SHIFT, IN_TREE, OUTSIDE},
    settings::filter,
};

use crate::{
    maps::{TASK_CTX, offset, setting},
    memory::{Addr, kernel, pointer, typed},
    ring::{count, lost_of_job},
};

/// Returns the identity of the process that `task` belongs to.
#[inline(always)]
pub(crate) fn id(task: Addr) -> TaskId {
    let leader: Addr = typed(task, offset!(task_group_leader));
    TaskId {
        tgid: typed(task, offset!(task_tgid)),
        pad: 0,
        start_boottime: typed(leader, offset!(task_start_boottime)),
    }
}

/// Returns the process that is `task`'s parent now: the one that forked it, or the reaper that adopted it.
#[inline(always)]
pub(crate) fn parent(task: Addr) -> TaskId {
    id(typed(task, offset!(task_real_parent)))
}

/// Returns the context of `id`; `None` if it belongs to an earlier process with the same pid.
#[inline(always)]
pub(crate) fn context(id: &TaskId) -> Option<TaskContext> {
    // SAFETY: the value is copied at once; a racing update of the same process is harmless.
    let found = unsafe { TASK_CTX.get(&id.tgid) }.copied()?;
    (found.start_boottime == 0 || found.start_boottime == id.start_boottime).then_some(found)
}

/// Stores the context of `id`, the process that `task` belongs to.
#[inline(always)]
pub(crate) fn set_context(task: Addr, id: &TaskId, mut ctx: TaskContext) {
    ctx.start_boottime = id.start_boottime;
    ctx.proc_pid = proc_pid(task);
    if TASK_CTX.insert(&id.tgid, &ctx, 0).is_err() {
        count(KernelCounter::ContextFull);
        lost_of_job(&ctx.job_root, LostOfJob { ring_full: 0, context_full: 1 });
    }
}

/// Returns the process id in the agent's /proc; 0 if that is the initial one, or if it does not show the
/// process.
#[inline(always)]
fn proc_pid(task: Addr) -> u32 {
    let level = setting!(proc_level);
    if level == 0 {
        return 0;
    }
    // Not typed, because the level below is a variable offset.
    let pid = pointer(pointer(task, offset!(task_group_leader)), offset!(task_thread_pid));
    if kernel::<u32>(pid, offset!(pid_level)) < level {
        return 0;
    }
    let at = offset!(pid_numbers) + (level as i32) * offset!(upid_size);
    // Another namespace of the same level has the same numbers for other processes.
    let namespace = pointer(pid, at + offset!(upid_ns));
    if kernel::<u32>(namespace, offset!(pid_ns_inum)) != setting!(proc_ns) {
        return 0;
    }
    kernel(pid, at + offset!(upid_nr))
}

/// Returns the common header of an event; the caller sets `size`.
#[inline(always)]
pub(crate) fn header(kind: u32, id: TaskId, parent: TaskId, ctx: &TaskContext) -> EventHeader {
    EventHeader {
        kind,
        size: 0,
        flags: (u64::from(setting!(generation)) << GENERATION_SHIFT)
            | if ctx.flags & TaskContext::IN_TREE != 0 { IN_TREE } else { 0 },
        // SAFETY: a helper without arguments.
        boot_ns: unsafe { aya_ebpf::helpers::generated::bpf_ktime_get_boot_ns() },
        id,
        parent,
        job_root: ctx.job_root,
    }
}

/// Returns whether the process is never reported: it is the agent, or outside the followed tree.
#[inline(always)]
pub(crate) fn is_hidden(id: &TaskId, ctx: &TaskContext) -> bool {
    let tree = setting!(filters) & filter::TREE != 0;
    is_agent(id) || (tree && ctx.flags & TaskContext::IN_TREE == 0)
}

/// Returns whether the process is the agent. Programs that outlive the agent must not take another process
/// with its pid for it.
#[inline(always)]
pub(crate) fn is_agent(id: &TaskId) -> bool {
    let start = setting!(agent_start);
    id.tgid == setting!(agent_tgid) && (start == 0 || id.start_boottime / 10_000_000 == start)
}

/// Returns [`OUTSIDE`] unless the user's filters keep the process. `task` is the running task or its new
/// child.
#[inline(always)]
pub(crate) fn filter_flags(task: Addr, uid: u32) -> u64 {
    let filters = setting!(filters);
    if filters & filter::UID != 0 && uid != setting!(uid) {
        return OUTSIDE;
    }
    if filters & filter::CGROUP != 0 {
        let level = setting!(cgroup_level) as i32;
        // SAFETY: a helper on the running task, which forks, executes a program or exits.
        let above = unsafe { bpf_get_current_ancestor_cgroup_id(level) };
        if above != setting!(cgroup_id) {
            return OUTSIDE;
        }
    }
    if filters & filter::COMM != 0 && !same_comm(task) { OUTSIDE } else { 0 }
}

#[inline(always)]
fn same_comm(task: Addr) -> bool {
    let comm = comm_words(task);
    let wanted: [u8; 16] = setting!(comm);
    let [a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7] = wanted;
    comm[0] == u64::from_ne_bytes([a0, a1, a2, a3, a4, a5, a6, a7])
        && comm[1] == u64::from_ne_bytes([b0, b1, b2, b3, b4, b5, b6, b7])
}

/// Returns the name of a task.
#[inline(always)]
pub(crate) fn comm(task: Addr) -> [u8; 16] {
    let [a, b] = comm_words(task).map(u64::to_ne_bytes);
    let [a0, a1, a2, a3, a4, a5, a6, a7] = a;
    let [b0, b1, b2, b3, b4, b5, b6, b7] = b;
    [a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7]
}

#[inline(always)]
fn comm_words(task: Addr) -> [u64; 2] {
    [typed(task, offset!(task_comm)), typed(task, offset!(task_comm) + 8)]
}

/// Returns the real uid of a task.
#[inline(always)]
pub(crate) fn uid(task: Addr) -> u32 {
    typed(typed(task, offset!(task_cred)), offset!(cred_uid))
}
