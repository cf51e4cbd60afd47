//! All maps, and all globals that the agent sets before the load.

use aya_ebpf::{
    bindings::BPF_F_NO_PREALLOC,
    helpers::generated::bpf_get_smp_processor_id,
    macros::map,
    maps::{Array, HashMap, LruHashMap, LruPerCpuHashMap, PerCpuArray, RingBuf, lpm_trie::LpmTrie},
};
use tracego_common::{
    Loss, Offsets, Settings, TaskCtx, TaskId,
    handover::HOOKS,
    limits::{ARGV_MAX, CPUS_MAX, ENV_NAME_MAX, ENV_NAMES_MAX, LOST_JOBS_MAX, PREFIX_MAX, TASK_CTX_MAX},
    record::ExecFixed,
    settings::EnvBits,
    verdict::{ArgKey, ExeKey, KEYS_MAX, NameKey, NumberKey, PathKey, REMEMBERED_MAX, Rules, StartKey},
};

use crate::env::Scan;
use crate::read::{bounded, position};

/// Events for the agent, which sets the size of the ring.
#[map]
pub(crate) static EVENTS: RingBuf = RingBuf::with_byte_size(16 << 20, 0);

/// Counters by [`Loss`], one set per CPU.
#[map]
pub(crate) static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(Loss::ALL.len() as u32, 0);

/// Contexts by thread group id.
#[map]
pub(crate) static TASK_CTX: HashMap<u32, TaskCtx> = HashMap::with_max_entries(TASK_CTX_MAX, 0);

/// Number of events that found the ring full, by the process that opened their job; one count per CPU.
#[map]
pub(crate) static LOST_JOBS: LruPerCpuHashMap<TaskId, u64> =
    LruPerCpuHashMap::with_max_entries(LOST_JOBS_MAX, 0);

/// Number of the load whose programs take events, when loads take over from each other.
#[map]
pub(crate) static ACTIVE: Array<u32> = Array::with_max_entries(1, 0);

/// Number of the load that took the last event, by hook, one set per CPU; 0 for none.
#[map]
pub(crate) static CLAIMS: PerCpuArray<u32> = PerCpuArray::with_max_entries(HOOKS, 0);

/// Number of the rules that decide now.
#[map]
static RULE_NUMBER: Array<u32> = Array::with_max_entries(1, 0);

/// Returns the number of the rules that decide now; 0 before the first rules.
#[inline(always)]
pub(crate) fn rule_number() -> u8 {
    RULE_NUMBER.get(0).copied().unwrap_or(0) as u8
}

/// Masks of the rules, by set.
#[map]
pub(crate) static RULES: Array<Rules> = Array::with_max_entries(2, 0);

/// Rules by file name of the executable.
#[map]
pub(crate) static RULE_NAMES: HashMap<NameKey, u64> = HashMap::with_max_entries(KEYS_MAX, 0);

/// Rules by inode of the executable.
#[map]
pub(crate) static RULE_EXES: HashMap<ExeKey, u64> = HashMap::with_max_entries(KEYS_MAX, 0);

/// Rules by path of the executable.
#[map]
pub(crate) static RULE_PATHS: LpmTrie<PathKey, u64> = LpmTrie::with_max_entries(KEYS_MAX, BPF_F_NO_PREALLOC);

/// Rules by argument.
#[map]
pub(crate) static RULE_ARGS: LpmTrie<ArgKey, u64> = LpmTrie::with_max_entries(KEYS_MAX, BPF_F_NO_PREALLOC);

/// Rules by user and by cgroup.
#[map]
pub(crate) static RULE_NUMBERS: HashMap<NumberKey, u64> = HashMap::with_max_entries(KEYS_MAX, 0);

/// Verdicts that the agent stored: the action in the low half, a number of the agent's own in the high half.
#[map]
pub(crate) static REMEMBERED: LruHashMap<StartKey, u64> = LruHashMap::with_max_entries(REMEMBERED_MAX, 0);

/// Number of calls of the probe.
#[map]
pub(crate) static PROBED: Array<u64> = Array::with_max_entries(1, 0);

/// Allowed variable names, zero padded, with their flags.
#[map]
pub(crate) static ENV_ALLOW: HashMap<[u8; ENV_NAME_MAX], u32> = HashMap::with_max_entries(ENV_NAMES_MAX, 0);

/// Area where an exec event is put together. An ordinary array indexed by CPU, because per-CPU values are
/// limited to 32 KiB. Only one program uses a slot, with preemption off, so uses cannot interleave.
#[map]
static SCRATCH: Array<Scratch> = Array::with_max_entries(CPUS_MAX, 0);

/// Bytes of the environment that are scanned at a time.
pub(crate) const WINDOW: usize = 4096;

/// An event under construction.
#[repr(C)]
pub(crate) struct Scratch {
    /// Position of the next value in `data`.
    cursor: u64,
    /// The scan of the environment.
    pub(crate) scan: Scan,
    /// The variable name to look up.
    pub(crate) name: [u64; ENV_NAME_MAX / 8],
    /// The part of the environment being scanned. The array is longer than a bounded length plus the bytes
    /// that a step reads ahead.
    pub(crate) window: [u64; (2 * WINDOW + 64) / 8],
    /// The start of an event; `data` must follow it directly.
    pub(crate) fixed: ExecFixed,
    /// Data area; longer than a bounded offset plus a bounded length can reach.
    pub(crate) data: [u8; PREFIX_MAX as usize + 2 * ARGV_MAX as usize],
}

/// Returns the scratch area of this CPU; `None` when there are more CPUs than areas.
#[inline(always)]
pub(crate) fn scratch() -> Option<*mut Scratch> {
    // SAFETY: a helper without arguments.
    SCRATCH.get_ptr_mut(unsafe { bpf_get_smp_processor_id() })
}

/// Offsets of kernel fields, set before the load.
#[unsafe(no_mangle)]
static OFFSETS: Offsets = Offsets::NONE;

/// Settings of this run, set before the load.
#[unsafe(no_mangle)]
static SETTINGS: Settings = Settings {
    events: 0,
    filters: 0,
    agent_tgid: 0,
    uid: 0,
    cgroup_id: 0,
    comm: [0; 16],
    env_names: 0,
    argv_max: 0,
    cgroup_level: 0,
    generation: 0,
    agent_start: 0,
    unavailable: 0,
};

/// Filter of the names that may be on the allow-list, set before the load.
#[unsafe(no_mangle)]
static ENV_BITS: EnvBits = [0; 64];

/// Returns whether a variable may be on the allow-list; `bit` is below 4096.
#[inline(always)]
pub(crate) fn may_be_allowed(bit: u32) -> bool {
    let word = bounded::<6>(u64::from(bit / 64));
    // SAFETY: `word` is below 64; volatile because the agent replaces the bytes.
    let bits = unsafe { core::ptr::read_volatile((&raw const ENV_BITS).cast::<u64>().add(word as usize)) };
    bits & (1 << (bit % 64)) != 0
}

/// Reads the offset of a kernel field. Volatile, or the compiler would fold the placeholder in.
macro_rules! offset {
    ($field:ident) => {
        // SAFETY: a read of an initialised static; volatile because the agent replaces the bytes.
        unsafe { core::ptr::read_volatile(&raw const (*$crate::maps::offsets()).$field) }
    };
}
pub(crate) use offset;

/// Reads a setting, volatile like [`offset`].
macro_rules! setting {
    ($field:ident) => {
        // SAFETY: a read of an initialised static; volatile because the agent replaces the bytes.
        unsafe { core::ptr::read_volatile(&raw const (*$crate::maps::settings()).$field) }
    };
}
pub(crate) use setting;

#[inline(always)]
pub(crate) fn offsets() -> *const Offsets {
    &raw const OFFSETS
}

#[inline(always)]
pub(crate) fn settings() -> *const Settings {
    &raw const SETTINGS
}

/// Returns the position of the next value in the data area.
///
/// The position lives in the map and is read back volatile. The verifier then knows only the mask, so every
/// path to this point is the same state to it ("BPF program is too large" otherwise).
#[inline(always)]
pub(crate) fn cursor(scratch: *mut Scratch) -> u64 {
    // SAFETY: a field of a slot that only this program uses, on this CPU.
    position(unsafe { core::ptr::read_volatile(&raw const (*scratch).cursor) })
}

/// Moves the [`cursor`].
#[inline(always)]
pub(crate) fn set_cursor(scratch: *mut Scratch, to: u64) {
    // SAFETY: as `cursor`.
    unsafe { core::ptr::write_volatile(&raw mut (*scratch).cursor, to) }
}
