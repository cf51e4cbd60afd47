//! Loading and attaching the programs.

use std::{fs, io};

use aya::{
    Btf as AyaBtf, Ebpf, EbpfError, EbpfLoader,
    maps::{HashMap, MapData, MapError, RingBuf},
    programs::{BtfTracePoint, ProgramError},
};
use tracego_common::{
    Offsets, Settings, TaskCtx,
    limits::{CPUS_MAX, ENV_NAME_MAX},
    settings::{ENV_OPENS_JOB, event},
};

use super::btf::{Btf, BtfError};

/// The object that `cargo xtask ebpf` made, aligned as the ELF reader asks.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../bpf/tracego.bpf.o");

/// Where the kernel offers its own type information.
pub const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";

/// Why the kernel side could not be started; each says the way out.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A capability is missing.
    #[error("tracego needs {0} to load its programs: run it as root, or grant the capability")]
    Capability(&'static str),
    /// The kernel has no BTF.
    #[error("{BTF_PATH}: {0}; tracego needs a kernel built with CONFIG_DEBUG_INFO_BTF=y")]
    NoBtf(io::Error),
    /// The BTF is damaged.
    #[error("{BTF_PATH}: {0}")]
    BadBtf(#[from] BtfError),
    /// The kernel refused the object.
    #[error("the kernel refused the BPF object: {0}")]
    Object(#[from] EbpfError),
    /// A program was refused.
    #[error("the kernel refused the program {program}: {source}")]
    Program {
        /// Its name.
        program: &'static str,
        /// The kernel's reason.
        source: Box<ProgramError>,
    },
    /// A map is missing or of another type: the object is not the one that the agent was built for.
    #[error("map {0}: {1}")]
    Map(&'static str, MapError),
    /// The embedded object lacks a part.
    #[error("the embedded BPF object lacks {0}: rebuild it with `cargo xtask ebpf`")]
    Lacks(&'static str),
    /// More CPUs than scratch areas.
    #[error("{0} possible CPUs; at most {CPUS_MAX} are supported")]
    Cpus(u32),
}

/// A variable on the allow-list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EnvName {
    /// Its name.
    pub name: String,
    /// Whether its presence opens a job context.
    pub opens_job: bool,
}

/// What to load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// For the kernel side.
    pub settings: Settings,
    /// Bytes of the ring buffer, a power of two.
    pub ring_size: u32,
    /// Variables that may leave a process's memory.
    pub env: Vec<EnvName>,
}

/// Programs that are attached as long as this lives.
pub struct Loaded {
    /// The object; dropping it detaches.
    pub ebpf: Ebpf,
    /// Kernel fields that this kernel lacks.
    pub missing: Vec<String>,
}

/// Program, tracepoint and the events that need it. Fork and exit also keep the contexts, so they
/// are always attached.
const PROGRAMS: [(&str, &str, u32); 3] = [
    ("process_fork", "sched_process_fork", event::FORK),
    ("process_exit", "sched_process_exit", event::EXIT),
    ("process_exec", "sched_process_exec", event::EXEC),
];

/// A table that may be handed to the kernel as bytes.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Table<T>(T);
// SAFETY: `Offsets` is `repr(C)` with `i32` fields only: no padding, any bytes are valid.
unsafe impl aya::Pod for Table<Offsets> {}
// SAFETY: `Settings` derives `IntoBytes` and `FromBytes`: no padding, any bytes are valid.
unsafe impl aya::Pod for Table<Settings> {}
// SAFETY: as `Settings`.
unsafe impl aya::Pod for Table<TaskCtx> {}

/// Loads and attaches.
///
/// # Errors
/// See [`LoadError`].
pub fn load(options: &LoadOptions) -> Result<Loaded, LoadError> {
    capabilities()?;
    let blob = fs::read(BTF_PATH).map_err(LoadError::NoBtf)?;
    let (offsets, missing) = Btf::parse(&blob)?.offsets();
    let cpus = aya::util::nr_cpus().map_or(1, |n| u32::try_from(n).unwrap_or(u32::MAX));
    if cpus > CPUS_MAX {
        return Err(LoadError::Cpus(cpus));
    }
    let (offsets, settings) = (Table(offsets), Table(options.settings));
    let mut ebpf = EbpfLoader::new()
        .override_global("OFFSETS", &offsets, true)
        .override_global("SETTINGS", &settings, true)
        .map_max_entries("EVENTS", options.ring_size)
        .map_max_entries("SCRATCH", cpus)
        .load(OBJECT)?;
    allow(&mut ebpf, &options.env)?;
    let btf = AyaBtf::from_sys_fs().map_err(|e| LoadError::Object(EbpfError::BtfError(e)))?;
    for (name, tracepoint, _events) in PROGRAMS {
        let refused = |source| LoadError::Program { program: name, source: Box::new(source) };
        let program: &mut BtfTracePoint = ebpf
            .program_mut(name)
            .ok_or(LoadError::Lacks(name))?
            .try_into()
            .map_err(refused)?;
        program.load(tracepoint, &btf).map_err(refused)?;
        program.attach().map_err(refused)?;
    }
    Ok(Loaded { ebpf, missing })
}

/// Fills both look-up tables of the allow-list.
fn allow(ebpf: &mut Ebpf, names: &[EnvName]) -> Result<(), LoadError> {
    let map_error = |name| move |e| LoadError::Map(name, e);
    for entry in names {
        let mut key = [0_u8; ENV_NAME_MAX];
        let len = entry.name.len().min(ENV_NAME_MAX);
        key[..len].copy_from_slice(&entry.name.as_bytes()[..len]);
        let mut first = [0_u8; 8];
        first.copy_from_slice(&key[..8]);
        let flags = if entry.opens_job { ENV_OPENS_JOB } else { 0 };
        let map = ebpf.map_mut("ENV_ALLOW").ok_or(LoadError::Lacks("ENV_ALLOW"))?;
        let mut map: HashMap<_, [u8; ENV_NAME_MAX], u32> =
            HashMap::try_from(map).map_err(map_error("ENV_ALLOW"))?;
        map.insert(key, flags, 0).map_err(map_error("ENV_ALLOW"))?;
        let map = ebpf.map_mut("ENV_PREFIX").ok_or(LoadError::Lacks("ENV_PREFIX"))?;
        let mut map: HashMap<_, u64, u32> = HashMap::try_from(map).map_err(map_error("ENV_PREFIX"))?;
        map.insert(u64::from_ne_bytes(first), 1, 0).map_err(map_error("ENV_PREFIX"))?;
    }
    Ok(())
}

impl Loaded {
    /// Takes the ring buffer out, once.
    ///
    /// # Errors
    /// When it was taken already.
    pub fn take_ring(&mut self) -> Result<RingBuf<MapData>, LoadError> {
        let map = self.ebpf.take_map("EVENTS").ok_or(LoadError::Lacks("EVENTS"))?;
        RingBuf::try_from(map).map_err(|e| LoadError::Map("EVENTS", e))
    }

    /// Marks a process as the root of the followed tree.
    ///
    /// # Errors
    /// When the kernel refuses the update.
    pub fn follow(&mut self, tgid: u32) -> Result<(), LoadError> {
        let map = self.ebpf.map_mut("TASK_CTX").ok_or(LoadError::Lacks("TASK_CTX"))?;
        let mut map: HashMap<_, u32, Table<TaskCtx>> =
            HashMap::try_from(map).map_err(|e| LoadError::Map("TASK_CTX", e))?;
        let ctx = TaskCtx { flags: TaskCtx::IN_TREE, ..TaskCtx::default() };
        map.insert(tgid, Table(ctx), 0).map_err(|e| LoadError::Map("TASK_CTX", e))
    }

    /// Stops new events; what is in the ring stays readable.
    ///
    /// # Errors
    /// When a program cannot be unloaded.
    pub fn detach(&mut self) -> Result<(), LoadError> {
        for (name, _, _) in PROGRAMS {
            let refused = |source| LoadError::Program { program: name, source: Box::new(source) };
            let program: &mut BtfTracePoint =
                self.ebpf.program_mut(name).ok_or(LoadError::Lacks(name))?.try_into().map_err(refused)?;
            program.unload().map_err(refused)?;
        }
        Ok(())
    }
}

/// Refuses early, by name, where the kernel would only say EPERM.
fn capabilities() -> Result<(), LoadError> {
    // Bits of include/uapi/linux/capability.h.
    const SYS_ADMIN: u64 = 1 << 21;
    const PERFMON: u64 = 1 << 38;
    const BPF: u64 = 1 << 39;
    let effective = procfs::process::Process::myself()
        .and_then(|me| me.status())
        .map_or(u64::MAX, |status| status.capeff);
    for (bit, name) in [(BPF, "CAP_BPF"), (PERFMON, "CAP_PERFMON")] {
        if effective & (bit | SYS_ADMIN) == 0 {
            return Err(LoadError::Capability(name));
        }
    }
    Ok(())
}
