//! All maps, and all globals that the agent sets before the load.

use aya_ebpf::{
    bindings::BPF_F_NO_PREALLOC,
    macros::map,
    maps::{
        Array, HashMap, LruHashMap, LruPerCpuHashMap, PerCpuArray, ProgramArray, RingBuf, lpm_trie::LpmTrie,
    },
};
use tracego_common::{
    AgentIdentity, KernelCounter, KernelSettings, Offsets, SystemCalls, TaskContext, TaskId,
    env_table::{ENV_SLOTS, EnvSlot},
    handover::HOOKS,
    limits::{ENDED_MAX, LOST_JOBS_MAX, TASK_CTX_MAX},
    settings::{EnvBits, LostOfJob},
    verdict::{ArgKey, ExeKey, KEYS_MAX, NameKey, NumberKey, PathKey, REMEMBERED_MAX, RuleMasks, VerdictKey},
};

use crate::verifier::{bounded, constant};

/// Events for the agent, which sets the size of the ring.
#[map]
pub(crate) static EVENTS: RingBuf = RingBuf::with_byte_size(16 << 20, 0);

/// Whether the reader of the ring sleeps until it is woken: 1 if it does. The reader sets it, the event that wakes the
/// reader clears it.
#[map]
pub(crate) static READER_SLEEPS: Array<u32> = Array::with_max_entries(1, 0);

/// Counters by [`KernelCounter`], one set per CPU.
#[map]
pub(crate) static COUNTERS: PerCpuArray<u64> =
    PerCpuArray::with_max_entries(KernelCounter::ALL.len() as u32, 0);

/// Contexts by thread group id.
#[map]
pub(crate) static TASK_CTX: HashMap<u32, TaskContext> = HashMap::with_max_entries(TASK_CTX_MAX, 0);

/// Processes whose end was reported, where the kernel does not say which thread is the last: of two threads
/// that end together, the first to enter its process here reports. The least recent is evicted.
#[map]
pub(crate) static ENDED: LruHashMap<TaskId, u8> = LruHashMap::with_max_entries(ENDED_MAX, 0);

/// Losses by the process that opened the job; one set of counts per CPU.
#[map]
pub(crate) static LOST_JOBS: LruPerCpuHashMap<TaskId, LostOfJob> =
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

/// The program that decides about a start and then sends its event; empty without enforcement. The kernel
/// empties it when the agent ends, since no other process has it open: the event is then sent without a
/// decision.
#[map]
pub(crate) static DECIDES: ProgramArray = ProgramArray::with_max_entries(1, 0);

/// Masks of the rules, by set.
#[map]
pub(crate) static RULES: Array<RuleMasks> = Array::with_max_entries(2, 0);

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
pub(crate) static REMEMBERED: LruHashMap<VerdictKey, u64> = LruHashMap::with_max_entries(REMEMBERED_MAX, 0);

/// The agent, as it found itself.
#[map]
pub(crate) static IDENTITY: Array<AgentIdentity> = Array::with_max_entries(1, 0);

/// Number of calls of the probe.
#[map]
pub(crate) static PROBED: Array<u64> = Array::with_max_entries(1, 0);

/// Allowed variables by the hash of their names. An array, because a lookup in a hash map costs three times as
/// much: it calls functions and touches twice as much memory.
#[map]
pub(crate) static ENV_TABLE: Array<EnvSlot> = Array::with_max_entries(ENV_SLOTS, 0);

/// Offsets of kernel fields, set before the load.
#[unsafe(no_mangle)]
static OFFSETS: Offsets = Offsets::NONE;

/// Settings of this run, set before the load.
#[unsafe(no_mangle)]
static SETTINGS: KernelSettings = KernelSettings {
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
    proc_level: 0,
    proc_ns: 0,
    calls: SystemCalls::NONE,
};

/// Filter of the names that may be on the allow-list, set before the load.
#[unsafe(no_mangle)]
static ENV_BITS: EnvBits = [0; 64];

/// Seed of the table of allowed variables, set before the load.
#[unsafe(no_mangle)]
static ENV_SEED: u64 = 0;

/// Returns the seed of [`ENV_TABLE`].
#[inline(always)]
pub(crate) fn env_seed() -> u64 {
    // SAFETY: an initialised static, which the agent sets before the load.
    unsafe { constant(&raw const ENV_SEED) }
}

/// Returns whether a variable may be on the allow-list; `bit` is below 4096.
#[inline(always)]
pub(crate) fn may_be_allowed(bit: u32) -> bool {
    let word = bounded::<6>(u64::from(bit / 64));
    // SAFETY: `word` is below 64.
    let bits = unsafe { constant((&raw const ENV_BITS).cast::<u64>().add(word as usize)) };
    bits & (1 << (bit % 64)) != 0
}

/// Reads the offset of a kernel field.
macro_rules! offset {
    ($field:ident) => {
        // SAFETY: a field of an initialised static, which the agent sets before the load.
        unsafe { $crate::verifier::constant(&raw const (*$crate::maps::offsets()).$field) }
    };
}
pub(crate) use offset;

/// Reads a setting.
macro_rules! setting {
    ($($field:ident).+) => {
        // SAFETY: a field of an initialised static, which the agent sets before the load.
        unsafe { $crate::verifier::constant(&raw const (*$crate::maps::settings()).$($field).+) }
    };
}
pub(crate) use setting;

#[inline(always)]
pub(crate) fn offsets() -> *const Offsets {
    &raw const OFFSETS
}

#[inline(always)]
pub(crate) fn settings() -> *const KernelSettings {
    &raw const SETTINGS
}
