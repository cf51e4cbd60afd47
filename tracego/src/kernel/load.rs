//! Loading and attaching the programs.

use std::{
    fs, io,
    os::fd::{AsFd as _, AsRawFd as _},
    path::Path,
};

use aya::{
    Btf as AyaBtf, Ebpf, EbpfError, EbpfLoader,
    maps::{HashMap, MapData, MapError, RingBuf},
    programs::{BtfTracePoint, Program, ProgramError, TracePoint},
};
use tracego_common::{
    Offsets, Settings, TaskCtx,
    limits::{CPUS_MAX, ENV_NAME_MAX},
    settings::{ENV_OPENS_JOB, event},
};

use super::btf::{Btf, BtfError};

use super::counters::Counters;

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
    /// Last sum of `recursion_misses`: it cannot be read any more after the detach.
    skipped: u64,
}

/// Programs and their tracepoints; always attached, because the process table needs all three.
const PROGRAMS: [(&str, &str); 3] = [
    ("process_fork", "sched_process_fork"),
    ("process_exit", "sched_process_exit"),
    ("process_exec", "sched_process_exec"),
];

/// Programs and system calls of failed attempts: attached on request, they tax every system call.
const FAILED: [(&str, &str); 2] =
    [("execve_failed", "sys_exit_execve"), ("execveat_failed", "sys_exit_execveat")];

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
    kernel_version()?;
    lockdown()?;
    let failed = options.settings.events & event::EXEC_FAILED != 0;
    if failed
        && !["/sys/kernel/tracing/events", "/sys/kernel/debug/tracing/events"]
            .iter()
            .any(|at| Path::new(at).is_dir())
    {
        return Err(LoadError::NoTracefs);
    }
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
    for (name, tracepoint) in PROGRAMS {
        let refused = |source| LoadError::Program { program: name, source: Box::new(source) };
        let program: &mut BtfTracePoint =
            ebpf.program_mut(name).ok_or(LoadError::Lacks(name))?.try_into().map_err(refused)?;
        program.load(tracepoint, &btf).map_err(refused)?;
        program.attach().map_err(refused)?;
    }
    for (name, call) in FAILED.into_iter().filter(|_| failed) {
        let refused = |source| LoadError::Program { program: name, source: Box::new(source) };
        let program: &mut TracePoint =
            ebpf.program_mut(name).ok_or(LoadError::Lacks(name))?.try_into().map_err(refused)?;
        program.load().map_err(refused)?;
        program.attach("syscalls", call).map_err(refused)?;
    }
    Ok(Loaded { ebpf, missing, skipped: 0 })
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

    /// The counters, with the runs that the kernel skipped while the programs were attached.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn counters(&mut self) -> Result<Counters, LoadError> {
        let skipped = self.ebpf.programs().filter_map(|(_, program)| recursion_misses(program)).sum();
        self.skipped = self.skipped.max(skipped);
        let counters = Counters::read(&self.ebpf)?;
        Ok(Counters { recursion_misses: self.skipped, ..counters })
    }

    /// Stops new events; what is in the ring stays readable.
    ///
    /// # Errors
    /// When a program cannot be unloaded.
    pub fn detach(&mut self) -> Result<(), LoadError> {
        for (name, program) in self.ebpf.programs_mut() {
            let refused = |source| LoadError::Detach { program: name.to_owned(), source: Box::new(source) };
            match program {
                Program::BtfTracePoint(program) if program.fd().is_ok() => {
                    program.unload().map_err(refused)?
                }
                Program::TracePoint(program) if program.fd().is_ok() => program.unload().map_err(refused)?,
                _ => {}
            }
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

/// How often the kernel skipped a program (`recursion_misses`, kernel/bpf/syscall.c, bpf_prog_show_fdinfo).
fn recursion_misses(program: &Program) -> Option<u64> {
    let fd = program.fd().ok()?.as_fd().as_raw_fd();
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("recursion_misses:"))?;
    line.trim().parse().ok()
}

/// `bpf_loop` came with 5.17.
fn kernel_version() -> Result<(), LoadError> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    if too_old(&release) { Err(LoadError::OldKernel(release.trim().to_owned())) } else { Ok(()) }
}

fn too_old(release: &str) -> bool {
    let mut parts = release.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse::<u32>().ok());
    matches!((parts.next(), parts.next()), (Some(major), Some(minor)) if (major, minor) < (5, 17))
}

/// `none [integrity] confidentiality`: the brackets mark the one in force.
fn lockdown() -> Result<(), LoadError> {
    let state = fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
    if state.contains("[confidentiality]") { Err(LoadError::Lockdown) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_kernels_are_told_by_their_number() {
        for (release, old) in [
            ("5.16.20", true),
            ("4.19.0-27-amd64", true),
            ("5.17.0", false),
            ("6.18.1+", false),
            ("odd", false),
        ] {
            assert_eq!(too_old(release), old, "{release}");
        }
    }
}
