//! `tracepoint/syscalls/sys_exit_execve{,at}`: failed execs with their errno. Attached on request only,
//! because a system call tracepoint slows down every system call of the machine.
//!
//! These tracepoints leave out 32-bit callers (ARCH_TRACE_IGNORE_COMPAT_SYSCALLS). `tp_btf/sys_exit`, which sees
//! every system call, finds theirs.
//!
//! Only the exit of the call is hooked. The caller's registers still hold the arguments (`task_pt_regs`). The
//! kernel has read the path, so its page is resident. The kernel reads the arguments only after the file was
//! opened: a page that was never touched cannot be read here, and the event's flags say so.

use aya_ebpf::{
    helpers::generated::{bpf_get_current_task_btf, bpf_task_pt_regs},
    macros::{btf_tracepoint, tracepoint},
    programs::{BtfTracePointContext, TracePointContext},
};
use tracego_common::{
    EventKind, ExecFailedFixed, KernelCounter, Span, flags,
    handover::HookId,
    limits::{FAILED_ARGS_BYTES, FAILED_ARGS_MAX, PATH_MAX},
    settings::event,
};

use crate::{
    claim, log,
    maps::{offset, setting},
    memory::{Addr, kernel, typed, user, user_str},
    ring::{count, send},
    rounds::{Round, repeat},
    scratch::{Scratch, cursor, position, scratch, set_cursor},
    task,
    verifier::bounded,
};

/// A system call that executes a program, as its caller made it.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Call {
    Execve,
    Execveat,
    /// execve of a 32-bit caller.
    Execve32,
    /// execveat of a 32-bit caller.
    Execveat32,
}

impl Call {
    #[inline(always)]
    fn hook(self) -> HookId {
        match self {
            Self::Execve => HookId::Execve,
            Self::Execveat => HookId::Execveat,
            Self::Execve32 => HookId::Execve32,
            Self::Execveat32 => HookId::Execveat32,
        }
    }

    #[inline(always)]
    fn is_at(self) -> bool {
        matches!(self, Self::Execveat | Self::Execveat32)
    }

    /// Returns the size of a pointer of the caller.
    #[inline(always)]
    fn word(self) -> u64 {
        if matches!(self, Self::Execve32 | Self::Execveat32) { 4 } else { 8 }
    }
}

#[tracepoint(category = "syscalls", name = "sys_exit_execve")]
pub(crate) fn execve_failed(ctx: TracePointContext) -> u32 {
    log::end(&ctx, "execve", try_failed(result(&ctx), Call::Execve));
    0
}

#[tracepoint(category = "syscalls", name = "sys_exit_execveat")]
pub(crate) fn execveat_failed(ctx: TracePointContext) -> u32 {
    log::end(&ctx, "execveat", try_failed(result(&ctx), Call::Execveat));
    0
}

#[btf_tracepoint(function = "sys_exit")]
pub(crate) fn exec_failed_32(ctx: BtfTracePointContext) -> i32 {
    let regs = ctx.arg::<*const u8>(0) as Addr;
    let ret = ctx.arg::<i64>(1);
    if ret >= 0 {
        return 0;
    }
    let number: u32 = typed(regs, offset!(call_number));
    let call = if number == setting!(calls.execve_32) {
        Call::Execve32
    } else if number == setting!(calls.execveat_32) {
        Call::Execveat32
    } else {
        return 0;
    };
    // SAFETY: a helper without arguments.
    let task = unsafe { bpf_get_current_task_btf() } as Addr;
    if typed::<u32>(task, offset!(task_thread_status)) & setting!(calls.status_32) == 0 {
        return 0; // The number is that of another system call.
    }
    log::end(&ctx, "execve", try_failed(ret, call));
    0
}

/// Offset of `ret` in the tracepoint's record (events/syscalls/sys_exit_execve/format).
const RET: usize = 16;
/// Size of the fixed part; the strings follow in the data area.
const FIXED: u64 = size_of::<ExecFailedFixed>() as u64;

#[inline(always)]
fn result(ctx: &TracePointContext) -> i64 {
    // SAFETY: a fixed field of the tracepoint's record.
    unsafe { ctx.read_at::<i64>(RET) }.unwrap_or(0)
}

#[inline(always)]
fn try_failed(ret: i64, call: Call) -> Result<(), KernelCounter> {
    if ret >= 0 || setting!(events) & event::EXEC_FAILED == 0 {
        return Ok(());
    }
    if !claim::claims_event(call.hook()) {
        return Ok(());
    }
    count(KernelCounter::Hooked);
    // SAFETY: a helper without arguments.
    let current = unsafe { bpf_get_current_task_btf() };
    let task = current as Addr;
    let id = task::id(task);
    let context = task::context(&id).unwrap_or_default();
    let uid = task::uid(task);
    // A failed exec does not change the process table, so it is dropped here when a filter excludes it.
    if task::is_hidden(&id, &context) || task::filter_flags(task, uid) != 0 {
        return Err(KernelCounter::Filtered);
    }
    // SAFETY: the running task, as the helper asks.
    let regs = unsafe { bpf_task_pt_regs(current) } as Addr;
    let scratch = scratch().ok_or(KernelCounter::NoScratch)?;
    let mut fixed = ExecFailedFixed {
        header: task::header(EventKind::ExecFailed as u32, id, task::parent(task), &context),
        errno: (-ret) as u32,
        at: u32::from(call.is_at()),
        uid,
        tid: kernel(task, offset!(task_pid)),
        comm: kernel(task, offset!(task_comm)),
        ..ExecFailedFixed::default()
    };
    let word = |offset: i32| -> u64 {
        if call.word() == 4 { u64::from(kernel::<u32>(regs, offset)) } else { kernel(regs, offset) }
    };
    let (name, argv) = match call {
        Call::Execve => (word(offset!(call_arg1)), word(offset!(call_arg2))),
        Call::Execve32 => (word(offset!(call32_arg1)), word(offset!(call32_arg2))),
        Call::Execveat => {
            fixed.dirfd = kernel(regs, offset!(call_arg1));
            fixed.exec_flags = kernel(regs, offset!(call_arg5));
            (word(offset!(call_arg2)), word(offset!(call_arg3)))
        }
        Call::Execveat32 => {
            fixed.dirfd = kernel(regs, offset!(call32_arg1));
            fixed.exec_flags = kernel(regs, offset!(call32_arg5));
            (word(offset!(call32_arg2)), word(offset!(call32_arg3)))
        }
    };
    // Behind the point of no return the caller's memory is gone, and the new image has no environment yet.
    let image: Addr = typed(task, offset!(task_mm));
    let gone = typed::<u64>(image, offset!(mm_env_end)) == 0;
    set_cursor(scratch, FIXED);
    if gone {
        fixed.header.flags |= flags::FILENAME_TRUNCATED | flags::ARGV_UNREADABLE;
    } else {
        fixed.filename = filename(scratch, name);
        if fixed.filename.len == 0 || fixed.filename.len == PATH_MAX {
            fixed.header.flags |= flags::FILENAME_TRUNCATED;
        }
        let unread;
        (fixed.argv, unread) = arguments(scratch, argv, call.word());
        fixed.header.flags |= unread;
    }
    let len = cursor(scratch);
    fixed.header.size = len as u32;
    // SAFETY: the data area is longer than the fixed part and aligned to eight bytes.
    unsafe { (&raw mut (*scratch).data).cast::<ExecFailedFixed>().write(fixed) };
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
struct ArgvWalk {
    next: u64,
    start: u64,
    pos: u64,
    /// Bits of [`flags`] for what the event lacks.
    flags: u64,
    /// Nonzero when the list ended with its null pointer.
    whole: u64,
    /// Bytes of a pointer of the caller.
    word: u64,
}

/// The loop over argv.
struct Arguments;

impl Round for Arguments {
    type State = ArgvWalk;
    const ROUNDS: u32 = FAILED_ARGS_MAX;

    #[inline(always)]
    unsafe fn round(_index: u64, args: *mut ArgvWalk) -> i64 {
        // SAFETY: the pointer that `arguments` gave.
        step(unsafe { &mut *args })
    }
}

/// Copies the next argument. Returns 1 after the last one, otherwise 0.
#[inline(always)]
fn step(args: &mut ArgvWalk) -> i64 {
    let mut pointer = 0_u64;
    let read = match args.word {
        4 => user((&raw mut pointer).cast(), 4, args.next),
        _ => user((&raw mut pointer).cast(), 8, args.next),
    };
    if !read {
        args.flags |= flags::ARGV_UNREADABLE;
        return 1;
    }
    if pointer == 0 {
        args.whole = 1;
        return 1;
    }
    args.next += args.word;
    let Some(scratch) = scratch() else {
        return 1;
    };
    let at = position(args.pos);
    // SAFETY: `at` < PREFIX_MAX; PATH_MAX more bytes are inside the area.
    let to = unsafe { (&raw mut (*scratch).data).cast::<u8>().add(at as usize) };
    let Some(len) = user_str(to, PATH_MAX, pointer) else {
        args.flags |= flags::ARGV_UNREADABLE;
        return 1;
    };
    if len == PATH_MAX {
        args.flags |= flags::ARGV_TRUNCATED;
    }
    args.pos = at + u64::from(len);
    i64::from(args.pos - args.start + u64::from(PATH_MAX) > u64::from(FAILED_ARGS_BYTES))
}

#[inline(always)]
fn arguments(scratch: *mut Scratch, argv: u64, word: u64) -> (Span, u64) {
    let pos = cursor(scratch);
    let mut args = ArgvWalk { next: argv, start: pos, pos, flags: 0, whole: 0, word };
    if argv == 0 {
        return (Span { offset: (pos - FIXED) as u32, len: 0 }, 0);
    }
    repeat::<Arguments>(&raw mut args);
    set_cursor(scratch, args.pos);
    if args.flags & flags::ARGV_UNREADABLE == 0 && args.whole == 0 {
        args.flags |= flags::ARGV_TRUNCATED;
    }
    (Span { offset: (pos - FIXED) as u32, len: (args.pos - pos) as u32 }, args.flags)
}
