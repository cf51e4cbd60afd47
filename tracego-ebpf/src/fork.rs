//! `tp_btf/sched_process_fork`: the child inherits the context, whatever it does to its environment later.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use tracego_common::{ForkRecord, Loss, RecordKind, handover::Hook, settings::event};

use crate::{
    emit::{count, send_fixed},
    log,
    maps::{offset, setting},
    read::{Addr, kernel},
    task, turn,
};

#[btf_tracepoint(function = "sched_process_fork")]
pub(crate) fn process_fork(ctx: BtfTracePointContext) -> i32 {
    log::end(&ctx, "fork", try_fork(&ctx));
    0
}

#[inline(always)]
fn try_fork(ctx: &BtfTracePointContext) -> Result<(), Loss> {
    let parent_task = ctx.arg::<*const u8>(0) as Addr;
    let child = ctx.arg::<*const u8>(1) as Addr;
    let pid: u32 = kernel(child, offset!(task_pid));
    let tgid: u32 = kernel(child, offset!(task_tgid));
    if pid != tgid {
        return Ok(()); // A thread.
    }
    if !turn::is_ours(Hook::Fork) {
        return Ok(());
    }
    let wanted = setting!(events) & event::FORK != 0;
    if wanted {
        count(Loss::Hooked);
    }
    let id = task::id(child);
    let parent = task::id(parent_task);
    let inherited = task::context(&parent);
    if let Some(inherited) = inherited {
        task::set_context(&id, inherited);
    }
    if !wanted {
        return Ok(());
    }
    let inherited = inherited.unwrap_or_default();
    let uid = task::uid(child);
    if task::unknown(&parent, &inherited) {
        return Err(Loss::Filtered);
    }
    let mut record = ForkRecord {
        header: task::header(RecordKind::Fork as u32, id, parent, &inherited),
        parent_tid: kernel(parent_task, offset!(task_pid)),
        uid,
        comm: kernel(child, offset!(task_comm)),
    };
    record.header.flags |= task::outside(child, uid);
    record.header.size = size_of::<ForkRecord>() as u32;
    send_fixed(&record)
}
