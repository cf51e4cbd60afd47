//! Every map and every global that the agent sets before the load.

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

/// Records for the agent; the agent sets the size.
#[map]
pub(crate) static EVENTS: RingBuf = RingBuf::with_byte_size(16 << 20, 0);

/// Counters by [`Loss`], one set a CPU.
#[map]
pub(crate) static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(Loss::ALL.len() as u32, 0);

/// Context by thread group id.
#[map]
pub(crate) static TASK_CTX: HashMap<u32, TaskCtx> = HashMap::with_max_entries(TASK_CTX_MAX, 0);

/// Records that found the ring full, by the process that opened their job, one count a CPU.
#[map]
pub(crate) static LOST_JOBS: LruPerCpuHashMap<TaskId, u64> =
    LruPerCpuHashMap::with_max_entries(LOST_JOBS_MAX, 0);

/// The load whose programs take events, where loads take over from each other.
#[map]
pub(crate) static ACTIVE: Array<u32> = Array::with_max_entries(1, 0);

/// The load that took the last event, by hook, one set a CPU; 0 for none.
#[map]
pub(crate) static CLAIMS: PerCpuArray<u32> = PerCpuArray::with_max_entries(HOOKS, 0);

/// Number of the rules that decide.
#[map]
static RULE_NUMBER: Array<u32> = Array::with_max_entries(1, 0);

/// Number of the rules that decide at the moment; 0 before the first.
#[inline(always)]
pub(crate) fn rule_number() -> u8 {
    RULE_NUMBER.get(0).copied().unwrap_or(0) as u8
}

/// What the rules of a set have in common.
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

/// Verdicts that the agent gave: the action, and behind it a number of its own.
#[map]
pub(crate) static REMEMBERED: LruHashMap<StartKey, u64> = LruHashMap::with_max_entries(REMEMBERED_MAX, 0);

/// How often the probe was called.
#[map]
pub(crate) static PROBED: Array<u64> = Array::with_max_entries(1, 0);

/// Allowed variable names, zero padded, with their flags.
#[map]
pub(crate) static ENV_ALLOW: HashMap<[u8; ENV_NAME_MAX], u32> = HashMap::with_max_entries(ENV_NAMES_MAX, 0);

/// Where an exec record is put together. An ordinary array indexed by CPU: per-CPU values are
/// limited to 32 KiB. One program uses it, and it runs with preemption off, so nothing interleaves.
#[map]
static SCRATCH: Array<Scratch> = Array::with_max_entries(CPUS_MAX, 0);

/// Bytes of the environment that are looked at in one piece.
pub(crate) const WINDOW: usize = 4096;

/// One record in the making.
#[repr(C)]
pub(crate) struct Scratch {
    /// Where the next value goes in `data`.
    cursor: u64,
    /// The scan of the environment.
    pub(crate) scan: Scan,
    /// The variable's name that is looked up.
    pub(crate) name: [u64; ENV_NAME_MAX / 8],
    /// The piece of the environment that is looked at: longer than a bounded length and what a step reads
    /// ahead.
    pub(crate) window: [u64; (2 * WINDOW + 64) / 8],
    /// The start of a record; `data` has to follow it at once.
    pub(crate) fixed: ExecFixed,
    /// Longer than the last byte that a bounded offset plus a bounded length can reach.
    pub(crate) data: [u8; PREFIX_MAX as usize + 2 * ARGV_MAX as usize],
}

/// The scratch area of this CPU; none where there are more CPUs than areas.
#[inline(always)]
pub(crate) fn scratch() -> Option<*mut Scratch> {
    // SAFETY: a helper without arguments.
    SCRATCH.get_ptr_mut(unsafe { bpf_get_smp_processor_id() })
}

/// Kernel field offsets, set before the load.
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

/// Which variables may be on the allow-list, set before the load.
#[unsafe(no_mangle)]
static ENV_BITS: EnvBits = [0; 64];

/// Whether a variable may be on the allow-list; `bit` is below 4096.
#[inline(always)]
pub(crate) fn may_be_allowed(bit: u32) -> bool {
    let word = bounded::<6>(u64::from(bit / 64));
    // SAFETY: `word` is below 64; volatile because the agent replaces the bytes.
    let bits = unsafe { core::ptr::read_volatile((&raw const ENV_BITS).cast::<u64>().add(word as usize)) };
    bits & (1 << (bit % 64)) != 0
}

/// One kernel offset. Volatile, or the compiler would fold the placeholder in.
macro_rules! offset {
    ($field:ident) => {
        // SAFETY: a read of an initialised static; volatile because the agent replaces the bytes.
        unsafe { core::ptr::read_volatile(&raw const (*$crate::maps::offsets()).$field) }
    };
}
pub(crate) use offset;

/// One setting, read as [`offset`].
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

/// Where the next value goes in the data area.
///
/// It lives in the map and is read back volatile: the verifier then knows nothing but the mask, and
/// every path that led here is the same state to it ("BPF program is too large" otherwise).
#[inline(always)]
pub(crate) fn cursor(scratch: *mut Scratch) -> u64 {
    // SAFETY: a field of a slot that only this program uses, on this CPU.
    position(unsafe { core::ptr::read_volatile(&raw const (*scratch).cursor) })
}

/// Moves [`cursor`].
#[inline(always)]
pub(crate) fn set_cursor(scratch: *mut Scratch, to: u64) {
    // SAFETY: as `cursor`.
    unsafe { core::ptr::write_volatile(&raw mut (*scratch).cursor, to) }
}
