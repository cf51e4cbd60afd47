//! `tp_btf/sched_process_fork`: the child inherits the context, whatever it does to its environment later.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use tracego_common::{EventKind, ForkEvent, KernelCounter, handover::HookId, settings::event};

use crate::{
    claim, log,
    maps::{offset, setting},
    memory::{Addr, typed},
    ring::{count, send_fixed},
    task,
};

#[btf_tracepoint(function = "sched_process_fork")]
pub(crate) fn process_fork(ctx: BtfTracePointContext) -> i32 {
    log::end(&ctx, "fork", try_fork(&ctx));
    0
}

#[inline(always)]
fn try_fork(ctx: &BtfTracePointContext) -> Result<(), KernelCounter> {
    let parent_task = ctx.arg::<*const u8>(0) as Addr;
    let child = ctx.arg::<*const u8>(1) as Addr;
    let pid: u32 = typed(child, offset!(task_pid));
    let tgid: u32 = typed(child, offset!(task_tgid));
    if pid != tgid {
        return Ok(()); // A thread.
    }
    if !claim::claims_event(HookId::Fork) {
        return Ok(());
    }
    let wanted = setting!(events) & event::FORK != 0;
    if wanted {
        count(KernelCounter::Hooked);
    }
    let id = task::id(child);
    let parent = task::id(parent_task);
    let inherited = task::context(&parent);
    if let Some(inherited) = inherited {
        task::set_context(child, &id, inherited);
    }
    if !wanted {
        return Ok(());
    }
    let inherited = inherited.unwrap_or_default();
    let uid = task::uid(child);
    if task::is_hidden(&parent, &inherited) {
        return Err(KernelCounter::Filtered);
    }
    let mut record = ForkEvent {
        header: task::header(EventKind::Fork as u32, id, parent, &inherited),
        parent_tid: typed(parent_task, offset!(task_pid)),
        uid,
        comm: task::comm(child),
    };
    record.header.flags |= task::filter_flags(child, uid);
    record.header.size = size_of::<ForkEvent>() as u32;
    send_fixed(&record)
}
