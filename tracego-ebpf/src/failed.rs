//! `tracepoint/syscalls/sys_exit_execve{,at}`: failed execs with their errno. Attached on request only,
//! because a system call tracepoint slows down every system call of the machine.
//!
//! Only the exit of the call is hooked. The caller's registers still hold the arguments (`task_pt_regs`). The
//! kernel has read the path, so its page is resident. The kernel reads the arguments only after the file was
//! opened: a page that was never touched cannot be read here, and the event's flags say so.

use aya_ebpf::{
    helpers::generated::{bpf_get_current_task_btf, bpf_loop, bpf_task_pt_regs},
    macros::tracepoint,
    programs::TracePointContext,
};
use tracego_common::{
    FailedFixed, Loss, RecordKind, Span, flags,
    handover::Hook,
    limits::{FAILED_ARGS_BYTES, FAILED_ARGS_MAX, PATH_MAX},
    settings::event,
};

use crate::{
    emit::{count, send},
    log,
    maps::{Scratch, cursor, offset, scratch, set_cursor, setting},
    read::{Addr, bounded, kernel, position, user, user_str},
    task, turn,
};

#[tracepoint(category = "syscalls", name = "sys_exit_execve")]
pub(crate) fn execve_failed(ctx: TracePointContext) -> u32 {
    log::end(&ctx, "execve", try_failed(&ctx, 0));
    0
}

#[tracepoint(category = "syscalls", name = "sys_exit_execveat")]
pub(crate) fn execveat_failed(ctx: TracePointContext) -> u32 {
    log::end(&ctx, "execveat", try_failed(&ctx, 1));
    0
}

/// Offset of `ret` in the tracepoint's record (events/syscalls/sys_exit_execve/format).
const RET: usize = 16;
/// Size of the fixed part; the strings follow in the data area.
const FIXED: u64 = size_of::<FailedFixed>() as u64;

#[inline(always)]
fn try_failed(ctx: &TracePointContext, at: u32) -> Result<(), Loss> {
    // SAFETY: a fixed field of the tracepoint's record.
    let ret = unsafe { ctx.read_at::<i64>(RET) }.unwrap_or(0);
    if ret >= 0 || setting!(events) & event::EXEC_FAILED == 0 {
        return Ok(());
    }
    if !turn::is_ours(if at == 0 { Hook::Execve } else { Hook::Execveat }) {
        return Ok(());
    }
    count(Loss::Hooked);
    // SAFETY: a helper without arguments.
    let current = unsafe { bpf_get_current_task_btf() };
    let task = current as Addr;
    let id = task::id(task);
    let context = task::context(&id).unwrap_or_default();
    let uid = task::uid(task);
    // A failed exec does not change the process table, so it is dropped here when a filter excludes it.
    if task::unknown(&id, &context) || task::outside(task, uid) != 0 {
        return Err(Loss::Filtered);
    }
    // SAFETY: the running task, as the helper asks.
    let regs = unsafe { bpf_task_pt_regs(current) } as Addr;
    let scratch = scratch().ok_or(Loss::NoScratch)?;
    let mut fixed = FailedFixed {
        header: task::header(RecordKind::ExecFailed as u32, id, task::parent(task), &context),
        errno: (-ret) as u32,
        at,
        uid,
        tid: kernel(task, offset!(task_pid)),
        comm: kernel(task, offset!(task_comm)),
        ..FailedFixed::default()
    };
    let (name, argv): (u64, u64) = if at == 0 {
        (kernel(regs, offset!(regs_di)), kernel(regs, offset!(regs_si)))
    } else {
        fixed.dirfd = kernel(regs, offset!(regs_di));
        fixed.exec_flags = kernel(regs, offset!(regs_r8));
        (kernel(regs, offset!(regs_si)), kernel(regs, offset!(regs_dx)))
    };
    set_cursor(scratch, FIXED);
    fixed.filename = filename(scratch, name);
    if fixed.filename.len == 0 {
        fixed.header.flags |= flags::FILENAME_TRUNCATED;
    }
    let unread;
    (fixed.argv, unread) = arguments(scratch, argv);
    fixed.header.flags |= unread;
    let len = cursor(scratch);
    fixed.header.size = len as u32;
    // SAFETY: the data area is longer than the fixed part and aligned to eight bytes.
    unsafe { (&raw mut (*scratch).data).cast::<FailedFixed>().write(fixed) };
    // SAFETY: the address of a field in the slot.
    send(unsafe { (&raw const (*scratch).data).cast() }, bounded::<16>(len))
}

#[inline(always)]
fn filename(scratch: *mut Scratch, from: u64) -> Span {
    let at = cursor(scratch);
    // SAFETY: `at` < PREFIX_MAX; PATH_MAX more bytes are inside the area.
    let to = unsafe { (&raw mut (*scratch).data).cast::<u8>().add(at as usize) };
    let len = user_str(to, PATH_MAX, from).unwrap_or(0);
    set_cursor(scratch, at + u64::from(len));
    Span { offset: (at - FIXED) as u32, len }
}

/// State of a walk along argv, on the stack so that the callback can reach it.
#[repr(C)]
struct Args {
    next: u64,
    start: u64,
    pos: u64,
    /// Bits of [`flags`] for what the event lacks.
    flags: u64,
    /// Nonzero when the list ended with its null pointer.
    whole: u64,
}

unsafe extern "C" fn step(_index: u64, args: *mut Args) -> i64 {
    // SAFETY: bpf_loop hands back the pointer that `arguments` gave it.
    let args = unsafe { &mut *args };
    let mut pointer = 0_u64;
    if !user((&raw mut pointer).cast(), 8, args.next) {
        args.flags = flags::ARGV_UNREADABLE;
        return 1;
    }
    if pointer == 0 {
        args.whole = 1;
        return 1;
    }
    args.next += 8;
    let Some(scratch) = scratch() else {
        return 1;
    };
    let at = position(args.pos);
    // SAFETY: `at` < PREFIX_MAX; PATH_MAX more bytes are inside the area.
    let to = unsafe { (&raw mut (*scratch).data).cast::<u8>().add(at as usize) };
    let Some(len) = user_str(to, PATH_MAX, pointer) else {
        args.flags = flags::ARGV_UNREADABLE;
        return 1;
    };
    args.pos = at + u64::from(len);
    i64::from(args.pos - args.start + u64::from(PATH_MAX) > u64::from(FAILED_ARGS_BYTES))
}

#[inline(always)]
fn arguments(scratch: *mut Scratch, argv: u64) -> (Span, u64) {
    let pos = cursor(scratch);
    let mut args = Args { next: argv, start: pos, pos, flags: 0, whole: 0 };
    if argv == 0 {
        return (Span { offset: (pos - FIXED) as u32, len: 0 }, 0);
    }
    // SAFETY: `args` outlives the call; the callback has the signature that bpf_loop asks for.
    unsafe { bpf_loop(FAILED_ARGS_MAX, step as *mut core::ffi::c_void, (&raw mut args).cast(), 0) };
    set_cursor(scratch, args.pos);
    if args.flags == 0 && args.whole == 0 {
        args.flags = flags::ARGV_TRUNCATED;
    }
    (Span { offset: (pos - FIXED) as u32, len: (args.pos - pos) as u32 }, args.flags)
}
