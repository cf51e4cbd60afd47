//! `tp_btf/sched_process_exit`: the end of the last thread of a process, and of the process's context.

use aya_ebpf::{bindings::BPF_NOEXIST, macros::btf_tracepoint, programs::BtfTracePointContext};
use tracego_common::{EventKind, ExitEvent, KernelCounter, TaskId, flags, handover::HookId, settings::event};

use crate::{
    claim, log,
    maps::{ENDED, TASK_CTX, offset, setting},
    memory::{Addr, typed},
    ring::{count, send_fixed},
    task,
};

/// All threads of the process end (SIGNAL_GROUP_EXIT, include/linux/sched/signal.h).
const GROUP_EXIT: u32 = 4;

#[btf_tracepoint(function = "sched_process_exit")]
pub(crate) fn process_exit(ctx: BtfTracePointContext) -> i32 {
    log::end(&ctx, "exit", try_exit(&ctx));
    0
}

#[inline(always)]
fn try_exit(ctx: &BtfTracePointContext) -> Result<(), KernelCounter> {
    let task = ctx.arg::<*const u8>(0) as Addr;
    let signal: Addr = typed(task, offset!(task_signal));
    let id = task::id(task);
    if !ends_process(ctx, signal, &id) {
        return Ok(()); // Another thread still runs, or reports the end.
    }
    if !claim::claims_event(HookId::Exit) {
        return Ok(());
    }
    let wanted = setting!(events) & event::EXIT != 0;
    if wanted {
        count(KernelCounter::Hooked);
    }
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
    // Name and status are those of the process, whichever thread ends last.
    let leader: Addr = typed(task, offset!(task_group_leader));
    let status = status(signal, leader);
    let mut record = ExitEvent {
        header: task::header(EventKind::Exit as u32, id, task::parent(task), &found),
        status,
        uid,
        maxrss_pages: typed(signal, offset!(signal_maxrss)),
        comm: task::comm(leader),
    };
    record.header.flags |= task::filter_flags(leader, uid);
    if status & 0x80 != 0 {
        record.header.flags |= flags::CORE_DUMPED;
    }
    record.header.size = size_of::<ExitEvent>() as u32;
    send_fixed(&record)
}

/// Returns whether this thread is the one that reports the end of its process: exactly one does.
///
/// The tracepoint says it since Linux 6.16. Before that, every thread that comes here after the last one has
/// left `signal->live` finds it at zero (kernel/exit.c, do_exit): the first to claim the process reports.
#[inline(always)]
fn ends_process(ctx: &BtfTracePointContext, signal: Addr, id: &TaskId) -> bool {
    if offset!(exit_group_dead) >= 0 {
        return ctx.arg::<u64>(1) & 1 != 0;
    }
    let live: i32 = typed(signal, offset!(signal_live));
    live == 0 && ENDED.insert(id, &1, u64::from(BPF_NOEXIST)).is_ok()
}

/// Returns the wait status of the process: the code of the group, which every process has since Linux 6.0;
/// before that the code of the first thread where the threads ended one by one (kernel/exit.c,
/// wait_task_zombie).
#[inline(always)]
fn status(signal: Addr, leader: Addr) -> u32 {
    if typed::<u32>(signal, offset!(signal_flags)) & GROUP_EXIT != 0 {
        typed(signal, offset!(signal_group_exit_code))
    } else {
        typed(leader, offset!(task_exit_code))
    }
}
