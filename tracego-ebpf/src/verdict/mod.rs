//! Decisions before a program's first instruction, by the rules in the maps.
//!
//! Each start is decided twice. The first decision is made while execve can still fail
//! (`lsm/bprm_check_security`), from what the caller passed. The second is made after the point of no return
//! (`tp_btf/sched_process_exec`), from the new image. The caller's memory may change in between, the image
//! cannot: the second decision kills what escaped the first.
//!
//! The second program is called by the one that prepares the event of the start and puts the context of a new
//! job into the map. The decision does not depend on the event: it is made without one, and before room in
//! the ring is reserved. The event then leaves with the decision in its flags.

mod args;

use args::{caller_args, caller_argv, caller_slots, image_args};
use aya_ebpf::{
    bindings::BPF_RB_NO_WAKEUP,
    helpers::generated::{bpf_get_current_task_btf, bpf_send_signal},
    macros::{btf_tracepoint, lsm},
    maps::lpm_trie::Key,
    programs::{BtfTracePointContext, LsmContext},
};
use tracego_common::{
    EventKind, KernelCounter, TaskContext, TaskId,
    flags::{of_rules, with_decision},
    limits::DATA_MAX,
    verdict::{
        ARGS, ARGV_LEN, Action, CGROUP, ExeKey, NAME_LEN, NameKey, NumberKey, PathKey, REMEMBERED as NO_RULE,
        RuleMasks, SLOT_LEN, UID, Verdict, VerdictKey, mix, set,
    },
};

use crate::{
    exec::{ctime, send_pending},
    maps::{EVENTS, REMEMBERED, RULE_EXES, RULE_NAMES, RULE_NUMBERS, RULE_PATHS, RULES, offset, rule_number},
    memory::{Addr, kernel, kernel_bytes, kernel_str, pointer, typed, user},
    path,
    ring::{count, wake},
    rounds::{Round, repeat},
    scratch::{cursor, scratch, set_cursor},
    task,
    verifier::bounded,
};

/// SIGKILL (include/uapi/asm-generic/signal.h).
const SIGKILL: u32 = 9;
/// EPERM (include/uapi/asm-generic/errno-base.h).
const EPERM: i32 = 1;
/// Bytes before the names of a path in its key.
const PATH_KEY: u64 = 8;

/// A program start, its process, and the rules of the set that decides.
struct ProgramStart {
    number: u8,
    set: u32,
    rules: &'static RuleMasks,
    id: TaskId,
    context: TaskContext,
    task: Addr,
    inode: Addr,
    dentry: Addr,
    uid: u32,
}

/// The decision after the point of no return. A structure without an option, whose undefined bytes the
/// compiler would copy ("R3 !read_ok").
struct Decision {
    /// The bit of the rule; [`NO_RULE`] for a remembered verdict.
    bit: u64,
    /// The [`Action`]; 0 when no rule matched.
    action: u32,
    errno: u32,
    number: u32,
    /// Whether the decision is reported by itself.
    reported: bool,
}

impl Decision {
    const NONE: Self = Self { bit: 0, action: 0, errno: 0, number: 0, reported: false };
}

#[btf_tracepoint(function = "sched_process_exec")]
pub(crate) fn exec_verdict(ctx: BtfTracePointContext) -> i32 {
    let task = ctx.arg::<*const u8>(0) as Addr;
    let file: Addr = typed(typed(task, offset!(task_mm)), offset!(mm_exe_file));
    let Some(start) = start(task, file) else {
        send_pending(&ctx, |_| ());
        return 0;
    };
    let mm: Addr = typed(task, offset!(task_mm));
    let (from, end): (u64, u64) = (typed(mm, offset!(mm_arg_start)), typed(mm, offset!(mm_arg_end)));
    let decision = decide_after_exec(&start, typed(file, offset!(file_path_mnt)), from, end);
    // A process that the signal did not reach is not decided about: the agent may still end it.
    let taken = if decision.errno == 0 { decision.action } else { 0 };
    send_pending(&ctx, |header| header.flags = with_decision(header.flags, taken, start.number));
    if decision.reported {
        let Decision { bit, action, errno, number, .. } = decision;
        report(&start, bit, action, errno, number, |to| {
            let len = if end.wrapping_sub(from) > 255 { 255 } else { end.wrapping_sub(from) };
            user(to, bounded::<8>(len) as u32, from);
        });
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
        Some(start) => decide_before_exec(&start),
        None => 0,
    }
}

/// Collects what the decision needs. Returns `None` when no rule applies: there are no rules, or the process
/// is init, the agent, or excluded by a filter.
#[inline(always)]
fn start(task: Addr, file: Addr) -> Option<ProgramStart> {
    let number = rule_number();
    let set = set(number);
    let rules = RULES.get(set)?;
    if rules.active == 0 && rules.remembered == 0 {
        return None;
    }
    let id = task::id(task);
    let context = task::context(&id).unwrap_or_default();
    let uid = task::uid(task);
    if id.tgid == 1 || task::is_hidden(&id, &context) {
        return None;
    }
    // Programs that the agent itself starts are decided whatever the filters are: the enforcement check is
    // one.
    if task::filter_flags(task, uid) != 0 && !task::is_agent(&task::parent(task)) {
        return None;
    }
    let inode = typed(file, offset!(file_inode));
    let dentry = typed(file, offset!(file_path_dentry));
    Some(ProgramStart { number, set, rules, id, context, task, inode, dentry, uid })
}

/// Decides after the point of no return, from the new image, whose arguments are in `[from, end)`.
#[inline(always)]
fn decide_after_exec(start: &ProgramStart, mount: Addr, from: u64, end: u64) -> Decision {
    let rules = start.rules;
    let mut matched = executable(start) | by_path(start, mount);
    matched &= rules.active & of_process(start);
    if matched != 0 {
        matched = image_args(start, from, end, matched);
    }
    let mut bit = matched & matched.wrapping_neg();
    let (mut action, mut number) = (action(rules, bit), 0);
    if bit & rules.allow != 0 && matched & !rules.allow == 0 {
        // An exception without a rule that it exempts from.
        return Decision { bit, action, errno: 0, number, reported: false };
    }
    if bit == 0 {
        let remembered = if rules.remembered == 0 { 0 } else { remembered(start, from, end) };
        if remembered == 0 {
            return Decision::NONE;
        }
        (bit, action, number) = (NO_RULE, remembered as u32, (remembered >> 32) as u32);
    }
    let mut errno = 0;
    if action >= Action::Kill as u32 {
        action = Action::Kill as u32;
        // SAFETY: a number; the running task is the one that starts the program.
        errno = unsafe { bpf_send_signal(SIGKILL) }.unsigned_abs() as u32;
    }
    Decision { bit, action, errno, number, reported: true }
}

/// Decides while execve can still fail, from what the caller passed.
#[inline(always)]
fn decide_before_exec(start: &ProgramStart) -> i32 {
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
    report(start, bit, Action::Deny as u32, 0, 0, |to| caller_slots(argv, to));
    -EPERM
}

#[inline(always)]
fn action(rules: &RuleMasks, bit: u64) -> u32 {
    if bit & rules.allow != 0 {
        Action::Allow as u32
    } else if bit & (rules.kill | rules.deny) != 0 {
        Action::Kill as u32
    } else {
        Action::Audit as u32
    }
}

/// Returns the rules that the executable's name and inode satisfy.
#[inline(always)]
fn executable(start: &ProgramStart) -> u64 {
    let mut key = NameKey { set: start.set, pad: 0, name: [0; NAME_LEN] };
    kernel_str((&raw mut key.name).cast(), NAME_LEN as u32, pointer(start.dentry, offset!(dentry_name)));
    // SAFETY: the value is copied at once; entries of a set do not change while it decides.
    let name = unsafe { RULE_NAMES.get(&key) }.copied().unwrap_or(0);
    // SAFETY: as above.
    let file = unsafe { RULE_EXES.get(&inode_key(start)) }.copied().unwrap_or(0);
    start.rules.any_exe | name | file
}

#[inline(always)]
fn inode_key(start: &ProgramStart) -> ExeKey {
    let sb: Addr = typed(start.inode, offset!(inode_sb));
    ExeKey { inode: typed(start.inode, offset!(inode_ino)), dev: typed(sb, offset!(sb_dev)), set: start.set }
}

/// Returns the rules that name the executable's path.
#[inline(always)]
fn by_path(start: &ProgramStart, mount: Addr) -> u64 {
    if start.rules.by_path == 0 {
        return 0;
    }
    let Some(scratch) = scratch() else { return 0 };
    // The key is put together in the area where the names are written.
    // SAFETY: the area is longer than DATA_MAX; this program alone uses the slot, with preemption off.
    let area = unsafe { (&raw mut (*scratch).data).cast::<u8>().add(DATA_MAX as usize) };
    let key = area.cast::<Key<PathKey>>();
    set_cursor(scratch, PATH_KEY);
    if path::aside(start.dentry, mount, scratch).truncated {
        return 0;
    }
    // SAFETY: as above; the names follow these two numbers. An empty name ends them, so that no path is the
    // end of another; bytes after that are not compared.
    unsafe {
        area.add(cursor(scratch) as usize).write(0);
        (*key).prefix_len = (size_of::<PathKey>() * 8) as u32;
        (*key).data.set = start.set;
        RULE_PATHS.get(&*key).copied().unwrap_or(0)
    }
}

/// Returns the rules that the user, the cgroup and the job satisfy.
#[inline(always)]
fn of_process(start: &ProgramStart) -> u64 {
    let rules = start.rules;
    let mut fits = u64::MAX;
    let root = &start.context.job_root;
    if root.tgid == 0 {
        fits &= !rules.in_job;
    }
    // The opener's own claim is no other's.
    if root.tgid == 0 || root.tgid == start.id.tgid {
        fits &= !rules.inherited_job;
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
fn cgroup_id(start: &ProgramStart) -> u64 {
    let set: Addr = typed(start.task, offset!(task_cgroups));
    let node: Addr = typed(typed(set, offset!(css_set_dfl_cgrp)), offset!(cgroup_kn));
    typed(node, offset!(kn_id))
}

/// The loop over the words of the arguments.
struct Words;

impl Round for Words {
    type State = u64;
    const ROUNDS: u32 = (ARGV_LEN / 8) as u32;

    #[inline(always)]
    unsafe fn round(index: u64, hash: *mut u64) -> i64 {
        let Some(scratch) = scratch() else { return 1 };
        // SAFETY: below 32, and the window is longer; the pointer that `remembered` gave.
        unsafe {
            let word = (&raw const (*scratch).window).cast::<u64>().add(bounded::<5>(index) as usize).read();
            *hash = mix(*hash, word);
        }
        0
    }
}

/// Returns the verdict that the agent stored for such a start; zero without one.
#[inline(always)]
fn remembered(start: &ProgramStart, from: u64, end: u64) -> u64 {
    let Some(scratch) = scratch() else { return 0 };
    let total = end.wrapping_sub(from);
    let len = if total > ARGV_LEN as u64 { ARGV_LEN as u64 } else { total };
    // SAFETY: a field of the slot, which this program alone uses, with preemption off.
    let window = unsafe { (&raw mut (*scratch).window).cast::<u8>() };
    // A failed read clears the bytes.
    kernel_bytes(window, ARGV_LEN as u32, 0);
    if !user(window, bounded::<9>(len) as u32, from) {
        return 0;
    }
    let mut hash = 0_u64;
    repeat::<Words>(&raw mut hash);
    let exe = inode_key(start);
    let key = VerdictKey {
        inode: exe.inode,
        ctime_ns: ctime(start.inode),
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

/// Puts the decision into the ring; `args` writes its arguments.
#[inline(always)]
fn report(start: &ProgramStart, bit: u64, action: u32, errno: u32, number: u32, args: impl FnOnce(*mut u8)) {
    count(KernelCounter::Hooked);
    let Some(mut entry) = EVENTS.reserve::<Verdict>(0) else {
        count(KernelCounter::RingFull);
        return;
    };
    let verdict = entry.as_mut_ptr();
    let (comm, name) = (kernel(start.task, offset!(task_comm)), pointer(start.dentry, offset!(dentry_name)));
    let mut header =
        task::header(EventKind::Verdict as u32, start.id, task::parent(start.task), &start.context);
    header.size = size_of::<Verdict>() as u32;
    header.flags |= of_rules(0, start.number);
    // SAFETY: room for a verdict in the ring, of which every field is written here.
    unsafe {
        (*verdict).header = header;
        (*verdict).bit = bit;
        (*verdict).action = action;
        (*verdict).errno = errno;
        (*verdict).number = number;
        (*verdict).pad = 0;
        (*verdict).comm = comm;
        (*verdict).name = [0; NAME_LEN];
        (*verdict).args = [0; SLOT_LEN * (ARGS + 1)];
        kernel_str((&raw mut (*verdict).name).cast(), NAME_LEN as u32, name);
        args((&raw mut (*verdict).args).cast());
    }
    entry.submit(u64::from(BPF_RB_NO_WAKEUP));
    wake();
    count(KernelCounter::Sent);
}
