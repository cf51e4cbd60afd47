//! `tp_btf/sched_process_exit`: the end of the last thread of a process, and of the process's context.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use tracego_common::{EventKind, ExitEvent, KernelCounter, flags, handover::HookId, settings::event};

use crate::{
    claim, log,
    maps::{TASK_CTX, offset, setting},
    memory::{Addr, kernel, pointer},
    ring::{count, send_fixed},
    task,
};

#[btf_tracepoint(function = "sched_process_exit")]
pub(crate) fn process_exit(ctx: BtfTracePointContext) -> i32 {
    log::end(&ctx, "exit", try_exit(&ctx));
    0
}

#[inline(always)]
fn try_exit(ctx: &BtfTracePointContext) -> Result<(), KernelCounter> {
    let task = ctx.arg::<*const u8>(0) as Addr;
    let signal = pointer(task, offset!(task_signal));
    let live: i32 = kernel(signal, offset!(signal_live));
    if live != 0 {
        return Ok(()); // Another thread still runs.
    }
    if !claim::claims_event(HookId::Exit) {
        return Ok(());
    }
    let wanted = setting!(events) & event::EXIT != 0;
    if wanted {
        count(KernelCounter::Hooked);
    }
    let id = task::id(task);
    let found = task::context(&id);
    if found.is_some() {
        // A failure means that the entry is already gone.
        let _gone = TASK_CTX.remove(&id.tgid);
    }
    if !wanted {
        return Ok(());
    }
    let found = found.unwrap_or_default();
    let uid = task::uid(task);
    if task::is_hidden(&id, &found) {
        return Err(KernelCounter::Filtered);
    }
    let status: u32 = kernel(task, offset!(task_exit_code));
    let mut record = ExitEvent {
        header: task::header(EventKind::Exit as u32, id, task::parent(task), &found),
        status,
        uid,
        maxrss_pages: kernel(signal, offset!(signal_maxrss)),
        comm: kernel(task, offset!(task_comm)),
    };
    record.header.flags |= task::filter_flags(task, uid);
    if status & 0x80 != 0 {
        record.header.flags |= flags::CORE_DUMPED;
    }
    record.header.size = size_of::<ExitEvent>() as u32;
    send_fixed(&record)
}
