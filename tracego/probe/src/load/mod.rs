//! Loads and attaches the BPF programs.

mod allow_list;
mod attach_types;
pub mod contexts;
pub(crate) mod identity;
mod loaded;
mod loader;
pub mod object;

use std::{sync::Arc, thread::JoinHandle};

use allow_list::AllowList;
pub(crate) use attach_types::attach_types;
use aya::EbpfLoader;
use contexts::ProcessContexts;
pub use loaded::Loaded;
use object::BpfObject;
use tracego_common::{
    AgentIdentity, KernelSettings, Offsets, SystemCalls, TaskContext,
    env_table::EnvSlot,
    limits::{CPUS_MAX, TASK_CTX_MAX},
    settings::{event, filter},
};
use tracego_model::{enforcement::Mode, job_variables::Opens};

use crate::{
    btf::{Btf, BtfFile, fields},
    error::LoadError,
    handover::{self, Handover, Inherited},
    helpers::{self, Helper},
    programs::{
        diagnostics::{self, Diagnostics},
        hooks::{self, Hook},
    },
    requirements,
};

/// A variable on the allow-list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EnvName {
    /// Name of the variable.
    pub name: String,
    /// Condition under which it opens a job context; `None` if it never does.
    pub opens_job: Option<Opens>,
}

/// Options for loading the programs.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Settings of the kernel side.
    pub settings: KernelSettings,
    /// Size of the ring buffer in bytes, a power of two.
    pub ring_size: u32,
    /// Variables that may leave a process's memory.
    pub env: Vec<EnvName>,
    /// Number of processes that can have a context at one time, at most
    /// [`TASK_CTX_MAX`]; less only to test a full table.
    pub contexts: u32,
    /// Kernel fields (`task_struct.loginuid`) and helpers (`bpf_task_pt_regs`) that are treated as missing, to test a
    /// kernel without them.
    pub without: Vec<String>,
    /// Options of the handover; `None` if nothing outlives the agent.
    pub handover: Option<handover::Options>,
}

impl LoadOptions {
    /// Returns options for trying the kernel side: the smallest ring, and no variables.
    #[must_use]
    pub fn trial(settings: KernelSettings) -> Self {
        let (env, without) = (Vec::new(), Vec::new());
        Self { settings, ring_size: 4096, env, contexts: TASK_CTX_MAX, without, handover: None }
    }
}

/// A table that is passed to the kernel as bytes.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Table<T>(T);
// SAFETY: `Offsets` is `repr(C)` with `i32` fields only: no padding, any bytes are valid.
unsafe impl aya::Pod for Table<Offsets> {}
// SAFETY: `KernelSettings` derives `IntoBytes` and `FromBytes`: no padding, any bytes are valid.
unsafe impl aya::Pod for Table<KernelSettings> {}
// SAFETY: as `KernelSettings`.
unsafe impl aya::Pod for Table<TaskContext> {}
// SAFETY: as `KernelSettings`.
unsafe impl aya::Pod for Table<AgentIdentity> {}
// SAFETY: as `KernelSettings`.
unsafe impl aya::Pod for Table<EnvSlot> {}

/// Loads and attaches the programs. `enforce` is the enforcement mode.
///
/// # Errors
/// Fails if a requirement is missing or the kernel refuses a program, see [`LoadError`].
pub fn load(options: &LoadOptions, enforce: Mode) -> Result<Loaded, LoadError> {
    requirements::capabilities()?;
    requirements::lockdown()?;
    load_allowed(options, enforce).map_err(|error| match error {
        LoadError::Object(_) | LoadError::Program { .. } if requirements::is_filtered() => {
            LoadError::Filtered(Box::new(error))
        }
        error => error,
    })
}

fn load_allowed(options: &LoadOptions, enforce: Mode) -> Result<Loaded, LoadError> {
    let loader = loader::start();
    let types = BtfFile::open().map_err(LoadError::NoBtf)?;
    let btf = Btf::parse(&types)?;
    let agent = identity::agent(&btf)?;
    let mut options = options.clone();
    let without_helpers = |hook: Hook| helpers::missing(hook.helpers(), &options.without);
    let undeniable = if enforce == Mode::Deny { without_helpers(hooks::DENIED) } else { Vec::new() };
    let failed = records_failed(&options)?;
    if !failed {
        options.settings.events &= !event::EXEC_FAILED;
    }
    if enforce != Mode::Off {
        options.settings.events |= event::VERDICT;
    }
    let mut loaded = open_with(loader?, &options, diagnostics::level(), agent, &btf)?;
    let compat = failed && btf.has_function(hooks::CALLS_32);
    let failed = hooks::FAILED.into_iter().filter(|_| failed).chain(compat.then_some(hooks::FAILED_32));
    let attached: Vec<Hook> = hooks::ALWAYS.into_iter().chain(failed).collect();
    let verdict = (enforce != Mode::Off).then_some(hooks::VERDICT);
    let denied = (enforce == Mode::Deny && undeniable.is_empty()).then_some(hooks::DENIED);
    let all: Vec<Hook> = attached.iter().copied().chain(verdict).chain(denied).collect();
    let points = attach_types(&btf, &all)?;
    drop(btf);
    drop(types);
    let mut results = hooks::load_all(&mut loaded.ebpf, &all, &points);
    let refused = denied.and_then(|_| results.pop()).unwrap_or(Ok(()));
    results.into_iter().collect::<Result<(), _>>()?;
    for hook in attached {
        match &mut loaded.handover {
            Some(handover) => handover.attach(hook, &mut loaded.ebpf)?,
            None => hook.attach(&mut loaded.ebpf)?,
        }
    }
    if let Some(handover) = &mut loaded.handover {
        loaded.inherited = handover.take_over(&mut loaded.ebpf)?;
    }
    if let Some(verdict) = verdict {
        // The enforcing programs never outlive the agent, which must first prove that they work.
        verdict.call(&mut loaded.ebpf)?;
    }
    if let Some(denied) = denied {
        let attached = refused.and_then(|()| denied.attach(&mut loaded.ebpf));
        loaded.denies = attached.map_err(|error| error.reason());
    } else if !undeniable.is_empty() {
        loaded.denies = Err(LoadError::NoHelper { option: "deny", helpers: undeniable }.to_string());
    }
    Ok(loaded)
}

/// Checks the helpers that options need. Returns whether failed attempts can be recorded, if they are asked for. A kernel
/// that cannot is warned about, and records everything else.
///
/// # Errors
/// Fails if a filter cannot be applied: more would be recorded than was asked for.
fn records_failed(options: &LoadOptions) -> Result<bool, LoadError> {
    let KernelSettings { events, filters, .. } = options.settings;
    let missing = |helpers: &[Helper]| helpers::missing(helpers, &options.without);
    if filters & filter::CGROUP != 0 {
        let helpers = missing(&[Helper::CurrentAncestorCgroupId]);
        if !helpers.is_empty() {
            return Err(LoadError::NoHelper { option: "--cgroup", helpers });
        }
    }
    if events & event::EXEC_FAILED == 0 {
        return Ok(false);
    }
    let helpers = missing(hooks::FAILED_32.helpers());
    if !helpers.is_empty() {
        let error = LoadError::NoHelper { option: "-e execve-failed", helpers };
        tracing::warn!("{error}: failed attempts are not recorded");
        return Ok(false);
    }
    requirements::tracefs()?;
    Ok(true)
}

/// Creates the maps without loading or attaching a program. `log_level` is a level of aya-log.
pub(crate) fn open(
    options: &LoadOptions,
    log_level: u8,
    agent: AgentIdentity,
    btf: &Btf<'_>,
) -> Result<Loaded, LoadError> {
    open_with(loader::start()?, options, log_level, agent, btf)
}

fn open_with(
    loader: JoinHandle<EbpfLoader<'static>>,
    options: &LoadOptions,
    log_level: u8,
    agent: AgentIdentity,
    btf: &Btf<'_>,
) -> Result<Loaded, LoadError> {
    let (offsets, missing) = btf.offsets(&options.without);
    if let Some(field) = fields::required(&missing) {
        return Err(LoadError::NoField(field.clone()));
    }
    let cpus = aya::util::nr_cpus().map_or(1, |n| u32::try_from(n).unwrap_or(u32::MAX));
    if cpus > CPUS_MAX {
        return Err(LoadError::Cpus(cpus));
    }
    let begin = |handover| Handover::begin(handover, options.ring_size);
    let handover = options.handover.as_ref().map(begin).transpose()?;
    let mut settings = KernelSettings {
        unavailable: fields::unavailable(&missing),
        calls: SystemCalls::HERE,
        ..options.settings
    };
    // Without an identity, the agent is about to look for itself.
    if agent.tgid != 0 {
        if settings.agent_tgid != 0 {
            settings.agent_tgid = agent.tgid;
        }
        (settings.proc_level, settings.proc_ns) = (agent.proc_level, agent.proc_ns);
    }
    if let Some(handover) = &handover {
        settings.generation = handover.number();
        settings.agent_start = started();
    }
    let (offsets, settings) = (Table(offsets), Table(settings));
    let allowed = AllowList::new(&options.env)?;
    let page = u32::try_from(procfs::page_size()).unwrap_or(4096);
    let mut loader: EbpfLoader<'_> = loader.join().map_err(|_| LoadError::Panicked)?;
    loader
        .override_global("OFFSETS", &offsets, true)
        .override_global("SETTINGS", &settings, true)
        .override_global("ENV_BITS", &allowed.bits, true)
        .override_global("ENV_SEED", &allowed.seed, true)
        .override_global(aya_log::LEVEL, &log_level, true)
        .map_max_entries("AYA_LOGS", if log_level == 0 { page } else { diagnostics::RING })
        .map_max_entries("EVENTS", options.ring_size)
        .map_max_entries("TASK_CTX", options.contexts)
        .map_max_entries("SCRATCH", cpus);
    if offsets.0.exit_group_dead >= 0 {
        loader.map_max_entries("ENDED", 1);
    }
    if let Some(handover) = &handover {
        handover.maps(&mut loader);
    }
    let object = BpfObject::here(&options.without)?;
    tracing::debug!(object = object.name(), "BPF object");
    let mut ebpf = loader.load(object.bytes())?;
    allowed.load(&mut ebpf)?;
    let reader = if log_level == 0 { None } else { Some(Diagnostics::new(&mut ebpf)?) };
    let inherited = Inherited::default();
    let contexts = Arc::new(ProcessContexts::open(&ebpf, agent)?);
    Ok(Loaded {
        ebpf,
        object,
        contexts,
        missing,
        diagnostics: reader,
        skipped: 0,
        runs: Vec::new(),
        handover,
        inherited,
        denies: Ok(()),
    })
}

/// Returns the start of this process in clock ticks since boot; 0 when unknown.
fn started() -> u64 {
    let me = procfs::process::Process::myself().and_then(|me| me.stat());
    me.map_or(0, |stat| stat.starttime)
}
