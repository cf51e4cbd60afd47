//! Every map and every global that the agent sets before the load.

use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap, PerCpuArray, RingBuf},
};
use tracego_common::{
    Loss, Offsets, Settings, TaskCtx,
    limits::{CPUS_MAX, DATA_MAX, ENV_NAME_MAX, ENV_NAMES_MAX, TASK_CTX_MAX},
    record::ExecFixed,
};

/// Records for the agent; the agent sets the size.
#[map]
pub(crate) static EVENTS: RingBuf = RingBuf::with_byte_size(16 << 20, 0);

/// Counters by [`Loss`], one set a CPU.
#[map]
pub(crate) static COUNTERS: PerCpuArray<u64> = PerCpuArray::with_max_entries(Loss::ALL.len() as u32, 0);

/// Context by thread group id.
#[map]
pub(crate) static TASK_CTX: HashMap<u32, TaskCtx> = HashMap::with_max_entries(TASK_CTX_MAX, 0);

/// Allowed variable names, zero padded, with their flags.
#[map]
pub(crate) static ENV_ALLOW: HashMap<[u8; ENV_NAME_MAX], u32> = HashMap::with_max_entries(ENV_NAMES_MAX, 0);

/// First eight bytes of every allowed name: most variables are refused by one look-up here.
#[map]
pub(crate) static ENV_PREFIX: HashMap<u64, u32> = HashMap::with_max_entries(ENV_NAMES_MAX, 0);

/// Where an exec record is put together. An ordinary array indexed by CPU: per-CPU values are
/// limited to 32 KiB. One program uses it, and it runs with preemption off, so nothing interleaves.
#[map]
pub(crate) static SCRATCH: Array<Scratch> = Array::with_max_entries(CPUS_MAX, 0);

/// Room past the last byte that a bounded offset plus a bounded length can reach.
#[repr(C)]
pub(crate) struct Scratch {
    pub(crate) fixed: ExecFixed,
    pub(crate) data: [u8; DATA_MAX as usize + 8192],
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
};

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
