//! Decisions before a program's first instruction, by the rules in the maps.
//!
//! Twice: where execve can still fail (`lsm/bprm_check_security`), by what its caller passed, and behind the
//! point of no return (`tp_btf/sched_process_exec`), by what the new image has. The caller's memory may change
//! between the two, the image's may not: what slipped through the first is ended at the second.
//!
//! The second program is attached behind the one that writes records, which puts a new job's context into the
//! map. Neither needs the other to succeed, and the decision comes before any room in the ring is asked for.

use aya_ebpf::{
    bindings::BPF_RB_NO_WAKEUP,
    helpers::generated::{
        bpf_get_current_task_btf, bpf_get_smp_processor_id, bpf_loop, bpf_send_signal, bpf_task_pt_regs,
    },
    macros::{btf_tracepoint, lsm},
    maps::lpm_trie::Key,
    programs::{BtfTracePointContext, LsmContext},
};
use tracego_common::{
    Loss, RecordKind, TaskCtx, TaskId,
    verdict::{
        ARG_LEN, ARGS, ARGV_LEN, Action, ArgKey, CGROUP, ExeKey, NAME_LEN, NameKey, NumberKey, PathKey,
        REMEMBERED as NO_RULE, Rules, SLOT_LEN, StartKey, UID, Verdict, mix,
    },
};

use crate::{
    emit::count,
    exec::ctime,
    maps::{
        EVENTS, REMEMBERED, RULE_ARGS, RULE_EXES, RULE_NAMES, RULE_NUMBERS, RULE_PATHS, RULE_SET, RULES,
        SCRATCH, Scratch, WINDOW, offset, set_cursor,
    },
    path,
    read::{Addr, bounded, kernel, kernel_bytes, kernel_str, pointer, typed, user, user_str},
    task,
};

/// SIGKILL (include/uapi/asm-generic/signal.h).
const SIGKILL: u32 = 9;
/// EPERM (include/uapi/asm-generic/errno-base.h).
const EPERM: i32 = 1;
/// System call numbers (arch/x86/entry/syscalls/syscall_64.tbl).
const EXECVE: u64 = 59;
const EXECVEAT: u64 = 322;
/// Pieces of the longest argument: MAX_ARG_STRLEN (include/uapi/linux/binfmts.h) in windows.
const PIECES_MAX: u32 = 40;

/// What stands before the names of a path in its key.
const PATH_KEY: u64 = 8;

/// Who starts what; the rules of the set that decides.
struct Start {
    set: u32,
    rules: &'static Rules,
    id: TaskId,
    context: TaskCtx,
    task: Addr,
    inode: Addr,
    dentry: Addr,
    uid: u32,
}

#[btf_tracepoint(function = "sched_process_exec")]
pub(crate) fn exec_verdict(ctx: BtfTracePointContext) -> i32 {
    let task = ctx.arg::<*const u8>(0) as Addr;
    let file: Addr = typed(typed(task, offset!(task_mm)), offset!(mm_exe_file));
    if let Some(start) = start(task, file) {
        after(&start, typed(file, offset!(file_path_mnt)));
    }
    0
}

#[lsm(hook = "bprm_check_security")]
pub(crate) fn exec_denied(ctx: LsmContext) -> i32 {
    let bprm = ctx.arg::<*const u8>(0) as Addr;
    // SAFETY: a helper without arguments.
    let task = unsafe { bpf_get_current_task_btf() } as Addr;
    let file: Addr = typed(bprm, offset!(bprm_file));
    match start(task, file) {
        Some(start) => before_exec(&start),
        None => 0,
    }
}

/// Nothing where nobody decides about this process: it is init, the agent, or outside of what is watched.
#[inline(always)]
fn start(task: Addr, file: Addr) -> Option<Start> {
    let set = *RULE_SET.get(0)?;
    let rules = RULES.get(set)?;
    if rules.active == 0 && rules.remembered == 0 {
        return None;
    }
    let id = task::id(task);
    let context = task::context(&id).unwrap_or_default();
    let uid = task::uid(task);
    if id.tgid == 1 || task::unknown(&id, &context) || task::outside(task, uid) != 0 {
        return None;
    }
    let inode = typed(file, offset!(file_inode));
    let dentry = typed(file, offset!(file_path_dentry));
    Some(Start { set, rules, id, context, task, inode, dentry, uid })
}

/// Behind the point of no return, by the new image.
#[inline(always)]
fn after(start: &Start, mount: Addr) {
    let rules = start.rules;
    let mm: Addr = typed(start.task, offset!(task_mm));
    let from: u64 = typed(mm, offset!(mm_arg_start));
    let end: u64 = typed(mm, offset!(mm_arg_end));
    let mut matched = executable(start) | by_path(start, mount);
    matched &= rules.active & of_process(start);
    if matched != 0 {
        matched = image_args(start, from, end, matched);
    }
    let mut bit = matched & matched.wrapping_neg();
    let (mut action, mut number) = (action(rules, bit), 0);
    if bit & rules.allow != 0 && matched & !rules.allow == 0 {
        // An exception from nothing.
        return;
    }
    if bit == 0 {
        let remembered = if rules.remembered == 0 { 0 } else { remembered(start, from, end) };
        if remembered == 0 {
            return;
        }
        (bit, action, number) = (NO_RULE, remembered as u32, (remembered >> 32) as u32);
    }
    let mut errno = 0;
    if action >= Action::Kill as u32 {
        action = Action::Kill as u32;
        // SAFETY: a number; the running task is the one that starts the program.
        errno = unsafe { bpf_send_signal(SIGKILL) }.unsigned_abs() as u32;
    }
    tell(start, bit, action, errno, number, |to| {
        let len = if end.wrapping_sub(from) > 255 { 255 } else { end.wrapping_sub(from) };
        user(to, bounded::<8>(len) as u32, from);
    });
}

/// While execve can still fail, by what its caller passed.
#[inline(always)]
fn before_exec(start: &Start) -> i32 {
    let rules = start.rules;
    if rules.deny == 0 {
        return 0;
    }
    let mut matched = executable(start) & rules.active & of_process(start);
    if matched & rules.deny == 0 {
        return 0;
    }
    let argv = caller_argv();
    matched = caller_args(start, argv, matched);
    let bit = matched & matched.wrapping_neg();
    if bit & rules.deny == 0 {
        return 0;
    }
    tell(start, bit, Action::Deny as u32, 0, 0, |to| {
        caller_slot(argv, 0, to);
        caller_slot(argv, 1, to);
        caller_slot(argv, 2, to);
        caller_slot(argv, 3, to);
    });
    -EPERM
}

/// Copies an argument that the caller passed into its slot of the record; see [`caller_args`] for the loop.
#[inline(always)]
fn caller_slot(argv: u64, place: usize, slots: *mut u8) {
    let mut at = 0_u64;
    // What cannot be read is cleared, and nothing is at zero.
    user((&raw mut at).cast(), 8, argv + place as u64 * 8);
    // SAFETY: there are as many slots.
    user_str(unsafe { slots.add(place * SLOT_LEN) }, SLOT_LEN as u32, at);
}

#[inline(always)]
fn action(rules: &Rules, bit: u64) -> u32 {
    if bit & rules.allow != 0 {
        Action::Allow as u32
    } else if bit & (rules.kill | rules.deny) != 0 {
        Action::Kill as u32
    } else {
        Action::Audit as u32
    }
}

/// Rules that allow for the executable.
#[inline(always)]
fn executable(start: &Start) -> u64 {
    let mut key = NameKey { set: start.set, pad: 0, name: [0; NAME_LEN] };
    kernel_str((&raw mut key.name).cast(), NAME_LEN as u32, pointer(start.dentry, offset!(dentry_name)));
    // SAFETY: the value is copied at once; entries of a set do not change while it decides.
    let name = unsafe { RULE_NAMES.get(&key) }.copied().unwrap_or(0);
    let mut key = inode_key(start);
    // SAFETY: as above.
    let exact = unsafe { RULE_EXES.get(&key) }.copied().unwrap_or(0);
    key.ctime_ns = 0;
    // SAFETY: as above.
    let file = unsafe { RULE_EXES.get(&key) }.copied().unwrap_or(0);
    start.rules.any_exe | name | exact | file
}

#[inline(always)]
fn inode_key(start: &Start) -> ExeKey {
    let sb: Addr = typed(start.inode, offset!(inode_sb));
    ExeKey {
        inode: typed(start.inode, offset!(inode_ino)),
        ctime_ns: ctime(start.inode),
        dev: typed(sb, offset!(sb_dev)),
        set: start.set,
    }
}

/// Rules that name the executable's path.
#[inline(always)]
fn by_path(start: &Start, mount: Addr) -> u64 {
    if start.rules.by_path == 0 {
        return 0;
    }
    // SAFETY: a helper without arguments.
    let Some(scratch) = SCRATCH.get_ptr_mut(unsafe { bpf_get_smp_processor_id() }) else { return 0 };
    // The key is put together where the names are written.
    // SAFETY: the start of the area; this program alone uses the slot, with preemption off.
    let key = unsafe { (&raw mut (*scratch).data).cast::<Key<PathKey>>() };
    set_cursor(scratch, PATH_KEY);
    path::dentry(start.dentry, mount, scratch);
    // SAFETY: as above; the names follow these two numbers, whatever is behind them is not compared.
    unsafe {
        (*key).prefix_len = (size_of::<PathKey>() * 8) as u32;
        (*key).data.set = start.set;
        RULE_PATHS.get(&*key).copied().unwrap_or(0)
    }
}

/// Rules that allow for the user, the cgroup and the job.
#[inline(always)]
fn of_process(start: &Start) -> u64 {
    let rules = start.rules;
    let mut fits = u64::MAX;
    if start.context.job_root.tgid == 0 {
        fits &= !rules.in_job;
    }
    if rules.any_uid != rules.active {
        let key = NumberKey { number: u64::from(start.uid), what: UID, set: start.set };
        // SAFETY: as in `executable`.
        fits &= rules.any_uid | unsafe { RULE_NUMBERS.get(&key) }.copied().unwrap_or(0);
    }
    if rules.any_cgroup != rules.active {
        let key = NumberKey { number: cgroup_id(start), what: CGROUP, set: start.set };
        // SAFETY: as in `executable`.
        fits &= rules.any_cgroup | unsafe { RULE_NUMBERS.get(&key) }.copied().unwrap_or(0);
    }
    fits
}

#[inline(always)]
fn cgroup_id(start: &Start) -> u64 {
    let set: Addr = typed(start.task, offset!(task_cgroups));
    let node: Addr = typed(typed(set, offset!(css_set_dfl_cgrp)), offset!(cgroup_kn));
    typed(node, offset!(kn_id))
}

/// Rules of `matched` that allow for an argument; `len`: bytes of it that are in `key`, 0 where it cannot be
/// read.
#[inline(always)]
fn argument(rules: &Rules, any: u64, key: &Key<ArgKey>, len: u32, matched: u64) -> u64 {
    let fits = if len == 0 { rules.unreadable } else { RULE_ARGS.get(key).copied().unwrap_or(0) };
    matched & (any | fits)
}

#[inline(always)]
fn arg_key(set: u32, place: u16) -> Key<ArgKey> {
    Key::new((size_of::<ArgKey>() * 8) as u32, ArgKey { set: set as u16, place, bytes: [0; ARG_LEN] })
}

/// A walk along the arguments of the new image, on the stack so that the callback can reach it.
#[repr(C)]
struct Image {
    at: u64,
    end: u64,
    matched: u64,
    set: u64,
}

unsafe extern "C" fn step_image(index: u64, image: *mut Image) -> i64 {
    // SAFETY: bpf_loop hands back the pointer that `image_args` gave it.
    let image = unsafe { &mut *image };
    let place = bounded::<2>(index);
    let Some(rules) = RULES.get(image.set as u32) else { return 1 };
    // SAFETY: two bits, four places.
    let any = unsafe { *rules.any_arg.get_unchecked(place as usize) };
    if image.at >= image.end {
        // There is no such argument.
        image.matched &= any;
        return 0;
    }
    let mut key = arg_key(image.set as u32, place as u16);
    let len = user_str((&raw mut key.data.bytes).cast(), ARG_LEN as u32, image.at).unwrap_or(0);
    if image.matched & !any != 0 {
        image.matched = argument(rules, any, &key, len, image.matched);
    }
    // SAFETY: a helper without arguments.
    let Some(scratch) = SCRATCH.get_ptr_mut(unsafe { bpf_get_smp_processor_id() }) else { return 1 };
    let next = match len {
        // Neither can those behind it be found.
        0 => u64::MAX - 1,
        len if len == ARG_LEN as u32 => behind(image.at, image.end),
        len => image.at + u64::from(len),
    };
    image.at = forget(scratch, next);
    i64::from(image.matched == 0)
}

/// Rules of `matched` that allow for the arguments of the new image.
#[inline(always)]
fn image_args(start: &Start, from: u64, end: u64, matched: u64) -> u64 {
    let mut image = Image { at: from, end, matched, set: u64::from(start.set) };
    // SAFETY: `image` outlives the call; the callback has the signature that bpf_loop asks for.
    unsafe {
        bpf_loop(ARGS as u32 + 1, step_image as *mut core::ffi::c_void, (&raw mut image).cast(), 0);
    }
    image.matched
}

/// The same value, of which the verifier knows nothing any more: sums that grow in a loop are otherwise another
/// state each time ("BPF program is too large").
#[inline(always)]
fn forget(scratch: *mut Scratch, value: u64) -> u64 {
    // SAFETY: a field of the slot, which this program alone uses, with preemption off; behind what is read to it.
    unsafe {
        let place = (&raw mut (*scratch).window).cast::<u64>().add(2 * WINDOW / 8);
        core::ptr::write_volatile(place, value);
        core::ptr::read_volatile(place)
    }
}

/// A walk along a long argument, on the stack so that the callback can reach it.
#[repr(C)]
struct Long {
    at: u64,
    end: u64,
    found: u64,
}

unsafe extern "C" fn step(_index: u64, long: *mut Long) -> i64 {
    // SAFETY: bpf_loop hands back the pointer that `behind` gave it.
    let long = unsafe { &mut *long };
    // SAFETY: a helper without arguments.
    let Some(scratch) = SCRATCH.get_ptr_mut(unsafe { bpf_get_smp_processor_id() }) else { return 1 };
    // SAFETY: a field of the slot, which this program alone uses, with preemption off.
    let window = unsafe { (&raw mut (*scratch).window).cast() };
    let Some(len) = user_str(window, WINDOW as u32, long.at) else { return 1 };
    let short = len < WINDOW as u32;
    // A full window ends with a NUL that the helper wrote.
    let len = if short { len } else { len - 1 };
    long.at = forget(scratch, long.at + u64::from(len));
    long.found = u64::from(short);
    i64::from(short || long.at >= long.end)
}

/// Where the argument after the one at `at` begins; beyond everything where that cannot be found.
#[inline(always)]
fn behind(at: u64, end: u64) -> u64 {
    let mut long = Long { at, end, found: 0 };
    // SAFETY: `long` outlives the call; the callback has the signature that bpf_loop asks for.
    unsafe { bpf_loop(PIECES_MAX, step as *mut core::ffi::c_void, (&raw mut long).cast(), 0) };
    if long.found != 0 { long.at } else { u64::MAX - 1 }
}

/// Address of argv as the running system call got it; zero where that is not known.
#[inline(always)]
fn caller_argv() -> u64 {
    // SAFETY: the running task, as the helper asks.
    let regs = unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()) } as Addr;
    match kernel::<u64>(regs, offset!(regs_orig_ax)) {
        EXECVE => kernel(regs, offset!(regs_si)),
        EXECVEAT => kernel(regs, offset!(regs_dx)),
        // Of a 32-bit program, or of none.
        _ => 0,
    }
}

/// Rules of `matched` that allow for the arguments that the caller passed.
///
/// Written out: the compiler turns the loop round, and Linux 6.1 refuses one that is entered in its middle
/// ("back-edge").
#[inline(always)]
fn caller_args(start: &Start, argv: u64, matched: u64) -> u64 {
    let (matched, ended) = caller_arg(start, argv, 1, matched, false);
    let (matched, ended) = caller_arg(start, argv, 2, matched, ended);
    caller_arg(start, argv, 3, matched, ended).0
}

const _: () = assert!(ARGS == 3);

/// One of them; `ended`: the list had its null before. Behind it stands something else.
#[inline(always)]
fn caller_arg(start: &Start, argv: u64, place: u16, matched: u64, ended: bool) -> (u64, bool) {
    // SAFETY: there are as many places, and the first.
    let any = unsafe { *start.rules.any_arg.get_unchecked(place as usize) };
    if ended {
        return (matched & any, true);
    }
    let mut at = 0_u64;
    let there = argv != 0 && user((&raw mut at).cast(), 8, argv + u64::from(place) * 8);
    if there && at == 0 {
        return (matched & any, true);
    }
    let mut key = arg_key(start.set, place);
    let len = if there { user_str((&raw mut key.data.bytes).cast(), ARG_LEN as u32, at) } else { None };
    (argument(start.rules, any, &key, len.unwrap_or(0), matched), false)
}

unsafe extern "C" fn step_hash(index: u64, hash: *mut u64) -> i64 {
    // SAFETY: a helper without arguments.
    let Some(scratch) = SCRATCH.get_ptr_mut(unsafe { bpf_get_smp_processor_id() }) else { return 1 };
    // SAFETY: below 32, and the window is longer; bpf_loop hands back the pointer that `remembered` gave it.
    unsafe {
        let word = (&raw const (*scratch).window).cast::<u64>().add(bounded::<5>(index) as usize).read();
        *hash = mix(*hash, word);
    }
    0
}

/// What the agent said about such a start before; zero for nothing.
#[inline(always)]
fn remembered(start: &Start, from: u64, end: u64) -> u64 {
    // SAFETY: a helper without arguments.
    let Some(scratch) = SCRATCH.get_ptr_mut(unsafe { bpf_get_smp_processor_id() }) else { return 0 };
    let total = end.wrapping_sub(from);
    let len = if total > ARGV_LEN as u64 { ARGV_LEN as u64 } else { total };
    // SAFETY: a field of the slot, which this program alone uses, with preemption off.
    let window = unsafe { (&raw mut (*scratch).window).cast::<u8>() };
    // A read that fails clears the bytes.
    kernel_bytes(window, ARGV_LEN as u32, 0);
    if !user(window, bounded::<9>(len) as u32, from) {
        return 0;
    }
    let mut hash = 0_u64;
    // SAFETY: `hash` outlives the call; the callback has the signature that bpf_loop asks for.
    unsafe {
        bpf_loop((ARGV_LEN / 8) as u32, step_hash as *mut core::ffi::c_void, (&raw mut hash).cast(), 0);
    }
    let exe = inode_key(start);
    let key = StartKey {
        inode: exe.inode,
        ctime_ns: exe.ctime_ns,
        argv: hash,
        argv_total: total,
        cgroup_id: cgroup_id(start),
        job_start: start.context.job_root.start_boottime,
        dev: exe.dev,
        uid: start.uid,
    };
    // SAFETY: the value is copied at once.
    unsafe { REMEMBERED.get(&key) }.copied().unwrap_or(0)
}

/// Puts the decision into the ring. `args` writes the arguments.
#[inline(always)]
fn tell(start: &Start, bit: u64, action: u32, errno: u32, number: u32, args: impl FnOnce(*mut u8)) {
    count(Loss::Hooked);
    let Some(mut entry) = EVENTS.reserve::<Verdict>(0) else {
        count(Loss::RingFull);
        return;
    };
    let verdict = entry.as_mut_ptr();
    let (comm, name) = (kernel(start.task, offset!(task_comm)), pointer(start.dentry, offset!(dentry_name)));
    let exe = inode_key(start);
    let mut header =
        task::header(RecordKind::Verdict as u32, start.id, task::parent(start.task), &start.context);
    header.size = size_of::<Verdict>() as u32;
    // SAFETY: room for a verdict in the ring, of which every field is written here.
    unsafe {
        (*verdict).header = header;
        (*verdict).bit = bit;
        (*verdict).exe_inode = exe.inode;
        (*verdict).exe_ctime_ns = exe.ctime_ns;
        (*verdict).cgroup_id = cgroup_id(start);
        (*verdict).exe_dev = exe.dev;
        (*verdict).action = action;
        (*verdict).errno = errno;
        (*verdict).uid = start.uid;
        (*verdict).number = number;
        (*verdict).set = start.set;
        (*verdict).comm = comm;
        (*verdict).name = [0; NAME_LEN];
        (*verdict).args = [0; SLOT_LEN * (ARGS + 1)];
        kernel_str((&raw mut (*verdict).name).cast(), NAME_LEN as u32, name);
        args((&raw mut (*verdict).args).cast());
    }
    entry.submit(u64::from(BPF_RB_NO_WAKEUP));
    count(Loss::Sent);
}
