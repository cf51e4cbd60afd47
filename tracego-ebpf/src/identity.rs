//! The agent's own identity: run once by the agent itself, for an agent in a pid namespace. It is never attached.
//!
//! Events hold process ids of the initial pid namespace. Nothing in a pid namespace tells a process what its id
//! is in the initial one, so the agent asks here, in its own context.

use aya_ebpf::{
    helpers::generated::bpf_get_current_task, macros::raw_tracepoint, programs::RawTracePointContext,
};

use crate::{
    maps::{IDENTITY, offset, setting},
    memory::{Addr, kernel, pointer},
};

#[raw_tracepoint]
pub(crate) fn agent_identity(_ctx: RawTracePointContext) -> i32 {
    let Some(identity) = IDENTITY.get_ptr_mut(0) else { return 0 };
    // SAFETY: a helper without arguments.
    let task = unsafe { bpf_get_current_task() } as Addr;
    let pid = pointer(pointer(task, offset!(task_group_leader)), offset!(task_thread_pid));
    let level: u32 = kernel(pid, offset!(pid_level));
    let above = setting!(proc_level);
    if level < above {
        return 0;
    }
    let proc_level = level - above;
    let at = offset!(pid_numbers) + (proc_level as i32) * offset!(upid_size);
    let namespace = pointer(pid, at + offset!(upid_ns));
    let tgid = kernel(task, offset!(task_tgid));
    let proc_ns = kernel(namespace, offset!(pid_ns_inum));
    let proc_pid = kernel(pid, at + offset!(upid_nr));
    // SAFETY: a slot of the map; the agent reads it after this program has ended.
    unsafe {
        (*identity).tgid = tgid;
        (*identity).proc_level = proc_level;
        (*identity).proc_ns = proc_ns;
        (*identity).proc_pid = proc_pid;
    }
    0
}
