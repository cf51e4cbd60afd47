//! Loading and attaching the programs.

use std::{
    fs, io,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd},
    time::Duration,
};

use aya::{
    Btf as AyaBtf, Ebpf, EbpfError, EbpfLoader,
    maps::{HashMap, Map, MapError},
    programs::ProgramError,
};
use rustix::thread::{MembarrierCommand, membarrier};
use tokio::time::{Instant, sleep};
use tracego_common::{
    Offsets, Settings, TaskCtx,
    limits::{CPUS_MAX, ENV_NAME_MAX},
    settings::{ENV_OPENS_JOB, EnvBits, env_bit, event},
};

use crate::{decode, enforce::settings::Mode};

use super::{
    btf::{Btf, BtfError},
    counters::{self, Counters},
    fields,
    handover::{self, Handover, HandoverError, Inherited, keeper::Keeper},
    hooks,
    log::{self, Diagnostics},
    require,
    ring::Ring,
};

/// The object that `cargo xtask ebpf` made, aligned as the ELF reader asks.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../../bpf/tracego.bpf.o");

/// Where the kernel offers its own type information.
pub const BTF_PATH: &str = "/sys/kernel/btf/vmlinux";

/// Why the kernel side could not be started; each says the way out.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A capability is missing.
    #[error("{0} is missing: run tracego as root (sudo tracego …), or grant CAP_BPF and CAP_PERFMON")]
    Capability(&'static str),
    /// The kernel has no BTF.
    #[error("{BTF_PATH}: {0}; tracego needs a kernel built with CONFIG_DEBUG_INFO_BTF=y")]
    NoBtf(io::Error),
    /// The kernel lacks what the programs need.
    #[error("kernel {0} is too old: tracego needs 5.17 or later (bpf_loop)")]
    OldKernel(String),
    /// Lockdown forbids reading kernel memory.
    #[error(
        "the kernel is locked down for confidentiality, which forbids BPF programs to read its memory; boot with lockdown=integrity or none"
    )]
    Lockdown,
    /// No tracefs.
    #[error("-e execve-failed needs tracefs: mount -t tracefs tracefs /sys/kernel/tracing")]
    NoTracefs,
    /// The BTF is damaged.
    #[error("{BTF_PATH}: {0}")]
    BadBtf(#[from] BtfError),
    /// The kernel was built without a field that no record is possible without.
    #[error(
        "this kernel has no {0}: tracego needs one with CONFIG_CGROUPS, CONFIG_NAMESPACES and CONFIG_TTY, of 5.17 or later"
    )]
    NoField(String),
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
    /// A program is attached to a hook that the kernel does not come by.
    #[error("attached, but never called: the active security modules are {0}")]
    NotCalled(String),
    /// A program could not be detached.
    #[error("the program {program} could not be detached: {source}")]
    Detach {
        /// Its name.
        program: String,
        /// The kernel's reason.
        source: Box<ProgramError>,
    },
    /// A map is missing or of another type: the object is not the one that the agent was built for.
    #[error("map {0}: {1}")]
    Map(&'static str, MapError),
    /// The embedded object lacks a part.
    #[error("the embedded BPF object lacks {0}: rebuild it with `cargo xtask ebpf`")]
    Lacks(&'static str),
    /// Programs cannot be handed over.
    #[error(transparent)]
    Handover(#[from] HandoverError),
    /// The ring cannot be read.
    #[error("the ring cannot be mapped: {0}")]
    Ring(io::Error),
    /// More CPUs than scratch areas.
    #[error("{0} possible CPUs; at most {CPUS_MAX} are supported")]
    Cpus(u32),
}

impl LoadOptions {
    /// To try the kernel side: the smallest ring, and nothing of any environment.
    #[must_use]
    pub fn trial(settings: Settings) -> Self {
        Self { settings, ring_size: 4096, env: Vec::new(), without: Vec::new(), handover: None }
    }
}

impl LoadError {
    /// The error and its cause in one line, without the verifier's log.
    #[must_use]
    pub fn reason(&self) -> String {
        let Self::Program { source, .. } = self else { return self.to_string() };
        match &**source {
            ProgramError::LoadError { io_error, .. } => format!("refused: {io_error}"),
            ProgramError::SyscallError(call) => format!("refused: {}", call.io_error),
            other => other.to_string(),
        }
    }
}

/// A variable on the allow-list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EnvName {
    /// Its name.
    pub name: String,
    /// Whether its presence opens a job context.
    pub opens_job: bool,
}

/// So many looks at the counters, 2 ms apart, that find nothing new say that no program runs.
const STILL: u32 = 6;

/// What to load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// For the kernel side.
    pub settings: Settings,
    /// Bytes of the ring buffer, a power of two.
    pub ring_size: u32,
    /// Variables that may leave a process's memory.
    pub env: Vec<EnvName>,
    /// Kernel fields (`task_struct.loginuid`) that are taken for absent: how this kernel would be without
    /// them.
    pub without: Vec<String>,
    /// What outlives the agent; nothing without.
    pub handover: Option<handover::Options>,
}

/// Programs that are attached as long as this lives.
pub struct Loaded {
    /// The object; dropping it detaches.
    pub ebpf: Ebpf,
    /// Kernel fields that this kernel lacks.
    pub missing: Vec<String>,
    /// Where the programs' diagnostics arrive; nothing while they are off.
    diagnostics: Option<Diagnostics>,
    /// Last sum of `recursion_misses`: it cannot be read any more after the detach.
    skipped: u64,
    /// What each program took, as it was last read.
    runs: Vec<Run>,
    /// Where this load is one of several that take over from each other.
    handover: Option<Handover>,
    inherited: Inherited,
    /// Whether execve can be made to fail, or why not.
    denies: Result<(), String>,
}

/// What a program took, while the kernel counted (kernel.bpf_stats_enabled).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Run {
    /// Its name.
    pub program: String,
    /// Nanoseconds of all runs.
    pub time_ns: u64,
    /// Runs.
    pub count: u64,
}

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

/// Loads and attaches. `enforce`: how far program starts are decided.
///
/// # Errors
/// See [`LoadError`].
pub fn load(options: &LoadOptions, enforce: Mode) -> Result<Loaded, LoadError> {
    require::capabilities()?;
    require::kernel_version()?;
    require::lockdown()?;
    let failed = options.settings.events & event::EXEC_FAILED != 0;
    if failed {
        require::tracefs()?;
    }
    let mut loaded = open(options, log::level())?;
    let btf = kernel_btf()?;
    for hook in hooks::ALWAYS.into_iter().chain(hooks::FAILED.into_iter().filter(|_| failed)) {
        match &mut loaded.handover {
            Some(handover) => handover.attach(hook, &mut loaded.ebpf, &btf)?,
            None => hook.attach(&mut loaded.ebpf, &btf)?,
        }
    }
    if let Some(handover) = &mut loaded.handover {
        loaded.inherited = handover.take_over(&mut loaded.ebpf)?;
    }
    if enforce != Mode::Off {
        // These never outlive the agent, which has to show that they work.
        hooks::VERDICT.attach(&mut loaded.ebpf, &btf)?;
    }
    if enforce == Mode::Deny {
        loaded.denies = hooks::DENIED.attach(&mut loaded.ebpf, &btf).map_err(|error| error.reason());
    }
    Ok(loaded)
}

/// The kernel's types, as aya wants them to attach a program.
pub(super) fn kernel_btf() -> Result<AyaBtf, LoadError> {
    AyaBtf::from_sys_fs().map_err(|e| LoadError::Object(EbpfError::BtfError(e)))
}

/// Makes the maps; loads and attaches nothing yet. `log_level` as aya-log counts it.
pub(super) fn open(options: &LoadOptions, log_level: u8) -> Result<Loaded, LoadError> {
    let blob = fs::read(BTF_PATH).map_err(LoadError::NoBtf)?;
    let (offsets, missing) = Btf::parse(&blob)?.offsets(&options.without);
    if let Some(field) = fields::required(&missing) {
        return Err(LoadError::NoField(field.clone()));
    }
    let cpus = aya::util::nr_cpus().map_or(1, |n| u32::try_from(n).unwrap_or(u32::MAX));
    if cpus > CPUS_MAX {
        return Err(LoadError::Cpus(cpus));
    }
    let begin = |handover| Handover::begin(handover, options.ring_size);
    let handover = options.handover.as_ref().map(begin).transpose()?;
    let mut settings = Settings { unavailable: fields::unavailable(&missing), ..options.settings };
    if let Some(handover) = &handover {
        settings.generation = handover.number();
        settings.agent_start = started();
    }
    let (offsets, settings) = (Table(offsets), Table(settings));
    let env_bits = bits(&options.env);
    let page = u32::try_from(procfs::page_size()).unwrap_or(4096);
    let mut loader = EbpfLoader::new();
    loader
        .override_global("OFFSETS", &offsets, true)
        .override_global("SETTINGS", &settings, true)
        .override_global("ENV_BITS", &env_bits, true)
        .override_global(aya_log::LEVEL, &log_level, true)
        .map_max_entries("AYA_LOGS", if log_level == 0 { page } else { log::RING })
        .map_max_entries("EVENTS", options.ring_size)
        .map_max_entries("SCRATCH", cpus);
    if let Some(handover) = &handover {
        handover.maps(&mut loader);
    }
    let mut ebpf = loader.load(OBJECT)?;
    allow(&mut ebpf, &options.env)?;
    let diagnostics = if log_level == 0 { None } else { Some(Diagnostics::new(&mut ebpf)?) };
    let inherited = Inherited::default();
    Ok(Loaded {
        ebpf,
        missing,
        diagnostics,
        skipped: 0,
        runs: Vec::new(),
        handover,
        inherited,
        denies: Ok(()),
    })
}

/// When this process started, in clock ticks since boot; 0 where it cannot be known.
fn started() -> u64 {
    let me = procfs::process::Process::myself().and_then(|me| me.stat());
    me.map_or(0, |stat| stat.starttime)
}

/// A name as the kernel side looks it up.
fn key(entry: &EnvName) -> [u8; ENV_NAME_MAX] {
    let mut key = [0; ENV_NAME_MAX];
    let len = entry.name.len().min(ENV_NAME_MAX);
    key[..len].copy_from_slice(&entry.name.as_bytes()[..len]);
    key
}

/// What refuses most variables before they are looked up.
fn bits(names: &[EnvName]) -> EnvBits {
    let mut bits = EnvBits::from([0; 64]);
    for entry in names {
        let first = key(entry).first_chunk().map_or(0, |first| u64::from_ne_bytes(*first));
        let bit = env_bit(first) as usize;
        bits[bit / 64] |= 1 << (bit % 64);
    }
    bits
}

/// Fills the allow-list.
fn allow(ebpf: &mut Ebpf, names: &[EnvName]) -> Result<(), LoadError> {
    let map_error = |name| move |e| LoadError::Map(name, e);
    for entry in names {
        let key = key(entry);
        let flags = if entry.opens_job { ENV_OPENS_JOB } else { 0 };
        let map = ebpf.map_mut("ENV_ALLOW").ok_or(LoadError::Lacks("ENV_ALLOW"))?;
        let mut map: HashMap<_, [u8; ENV_NAME_MAX], u32> =
            HashMap::try_from(map).map_err(map_error("ENV_ALLOW"))?;
        map.insert(key, flags, 0).map_err(map_error("ENV_ALLOW"))?;
    }
    Ok(())
}

impl Loaded {
    /// Takes the ring buffer out, once.
    ///
    /// # Errors
    /// When it was taken already.
    pub fn take_ring(&mut self) -> Result<Ring, LoadError> {
        match self.ebpf.take_map("EVENTS") {
            Some(Map::RingBuf(map)) => Ring::new(map).map_err(LoadError::Ring),
            _ => Err(LoadError::Lacks("EVENTS")),
        }
    }

    /// What the loads before left; the rings once.
    pub fn inherited(&mut self) -> &mut Inherited {
        &mut self.inherited
    }

    /// Why execve cannot be made to fail.
    #[must_use]
    pub fn why_no_deny(&self) -> Option<&str> {
        self.denies.as_ref().err().map(String::as_str)
    }

    /// Whether this load outlives the agent.
    #[must_use]
    pub fn is_handed_over(&self) -> bool {
        self.handover.is_some()
    }

    /// Whether it also does so when the agent ends in order.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.handover.as_ref().is_some_and(Handover::is_kept)
    }

    /// What keeps account of what is settled; `used`: the ring of this load.
    ///
    /// # Errors
    /// When the kernel refuses a map.
    pub fn keeper(&self, used: &Ring) -> Result<Keeper, LoadError> {
        let keeper = self.handover.as_ref().map(|handover| handover.keeper(&self.inherited, used));
        Ok(keeper.transpose()?.unwrap_or_default())
    }

    /// Removes what is pinned. Detach before.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn unpin(&mut self) -> Result<(), LoadError> {
        self.handover.take().map_or(Ok(()), |handover| Ok(handover.remove()?))
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

    /// The counters, with the runs that the kernel skipped while the programs were attached, and with what the
    /// loads before lost.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn counters(&mut self) -> Result<Counters, LoadError> {
        let (mut skipped, mut runs) = (0, Vec::new());
        for (name, program) in self.ebpf.programs() {
            let run = program.fd().ok().and_then(|fd| account(name, fd.as_fd()));
            if let Some((misses, run)) = run {
                skipped += misses;
                runs.push(run);
            }
        }
        self.skipped = self.skipped.max(skipped);
        if !runs.is_empty() {
            self.runs = runs;
        }
        let counters = Counters::read(&self.ebpf)?;
        Ok(Counters { recursion_misses: self.skipped, ..counters }.plus(&self.inherited.lost))
    }

    /// The counters once no program runs any more; after the detach, with the runs that the kernel skipped
    /// before it. The kernel may put the end of an attachment off to a worker of its own: it is over when the
    /// counters add up and stand still.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn settled(&mut self, skipped: u64, patience: Duration) -> Result<Counters, LoadError> {
        let deadline = Instant::now() + patience;
        let (mut before, mut still) = (Counters::default(), 0);
        loop {
            let counters = Counters { recursion_misses: skipped, ..self.counters()? };
            let quiet = counters == before && counters.minus(&self.inherited.lost).settled();
            still = if quiet { still + 1 } else { 0 };
            if still >= STILL || Instant::now() >= deadline {
                return Ok(counters);
            }
            before = counters;
            sleep(Duration::from_millis(2)).await;
        }
    }

    /// The counters without what is in the ring behind the last record that was read: the next run will
    /// account for that. Programs go on running, so it takes a moment in which none does.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn counters_up_to(&mut self, ring: &Ring, patience: Duration) -> Result<Counters, LoadError> {
        let deadline = Instant::now() + patience;
        loop {
            let (before, mut left) = (self.counters()?, Counters::default());
            for record in ring.unread() {
                if decode::is_piece(record) {
                    left.chunk_sent += 1;
                } else {
                    left.hooked += 1;
                    left.sent += 1;
                }
            }
            let quiet = before.minus(&self.inherited.lost).settled() && before == self.counters()?;
            if quiet || Instant::now() >= deadline {
                return Ok(before.minus(&left));
            }
            sleep(Duration::from_micros(100)).await;
        }
    }

    /// What each program took until [`Self::counters`] was called last.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Whether the programs write diagnostics.
    #[must_use]
    pub fn has_diagnostics(&self) -> bool {
        self.diagnostics.is_some()
    }

    /// Hands the diagnostics that wait to the log; how many of all never arrived.
    ///
    /// # Errors
    /// When they cannot be counted.
    pub fn diagnostics(&mut self) -> Result<u64, LoadError> {
        let Some(diagnostics) = &mut self.diagnostics else { return Ok(0) };
        let written = counters::diagnostics(&self.ebpf)?;
        Ok(written.saturating_sub(diagnostics.flush()))
    }

    /// Stops new events; what is in the ring stays readable. A program that another CPU was in has ended
    /// when this returns.
    ///
    /// # Errors
    /// When a program cannot be unloaded.
    pub fn detach(&mut self) -> Result<(), LoadError> {
        if let Some(handover) = &mut self.handover {
            handover.detach()?;
        }
        for (name, program) in self.ebpf.programs_mut() {
            hooks::detach(name, program)?;
        }
        // The detach does not wait for programs that run.
        grace();
        Ok(())
    }
}

/// Waits for programs that run. They run with preemption off, and this waits until each CPU has been out
/// of such a section (synchronize_rcu, kernel/sched/membarrier.c). A kernel that refuses (nohz_full=) leaves
/// the agent's own wait for the counters.
pub fn grace() {
    if let Err(error) = membarrier(MembarrierCommand::Global) {
        tracing::debug!(%error, "membarrier");
    }
}

/// How often the kernel skipped a program, and what it took (kernel/bpf/syscall.c, bpf_prog_show_fdinfo).
pub(super) fn account(name: &str, program: BorrowedFd<'_>) -> Option<(u64, Run)> {
    let fd = program.as_raw_fd();
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
    let number = |key: &str| {
        let value = info.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        value.and_then(|value| value.trim().parse().ok())
    };
    let (time_ns, count) = (number("run_time_ns").unwrap_or(0), number("run_cnt").unwrap_or(0));
    Some((number("recursion_misses").unwrap_or(0), Run { program: name.to_owned(), time_ns, count }))
}
