//! Errors of loading the kernel side and of handing it over, with their remediation.

use std::{io, path::PathBuf};

use aya::{EbpfError, maps::MapError, programs::ProgramError};
use tracego_common::limits::CPUS_MAX;

use crate::{
    btf::{BTF_PATH, BtfError},
    helpers::{Helper, listed},
};

/// Why the kernel side could not be started; each message names the remediation.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A capability is missing.
    #[error("{0} is missing: run tracego as root (sudo tracego …), or grant CAP_BPF and CAP_PERFMON")]
    Capability(&'static str),
    /// /proc does not show the agent.
    #[error(
        "/proc does not show this process: {0}; mount it in this pid namespace: mount -t proc proc /proc"
    )]
    NoProc(io::Error),
    /// The kernel side did not find the agent.
    #[error(
        "the kernel side did not find this process in its pid namespace; run tracego in the machine's own pid namespace"
    )]
    Unidentified,
    /// The agent is in a user namespace.
    #[error(
        "the capabilities of this user namespace do not suffice: BPF programs need CAP_BPF and CAP_PERFMON in the machine's own user namespace; run tracego outside of rootless containers"
    )]
    UserNamespace,
    /// Children of the agent would be in another pid namespace.
    #[error(
        "children of this process are in another pid namespace than itself, where tracego cannot work: use unshare --fork (-f)"
    )]
    Unforked,
    /// The kernel refused what the capabilities allow, in a process with a seccomp filter.
    #[error(
        "{0}; this process has a seccomp filter, which may forbid bpf(2): run the container with CAP_SYS_ADMIN, or without the filter (--security-opt seccomp=unconfined)"
    )]
    Filtered(Box<LoadError>),
    /// A descriptor cannot be copied.
    #[error("a descriptor cannot be copied: {0}")]
    Descriptor(io::Error),
    /// A thread that loads programs cannot be started.
    #[error("a thread cannot be started: {0}")]
    Thread(io::Error),
    /// A thread that loads programs panicked.
    #[error("a thread that loads programs panicked")]
    Panicked,
    /// The kernel has no BTF.
    #[error("{BTF_PATH}: {0}; tracego needs a kernel built with CONFIG_DEBUG_INFO_BTF=y")]
    NoBtf(io::Error),
    /// No object has the name that was given.
    #[error("{variable}={named}: there is no such BPF object, only {known}")]
    UnknownObject {
        /// Variable that names it.
        variable: &'static str,
        /// Name that was given.
        named: String,
        /// Names of all objects.
        known: String,
    },
    /// The kernel lacks helpers for an option.
    #[error("{option} needs {}, which this kernel lacks", listed(.helpers))]
    NoHelper {
        /// The option.
        option: &'static str,
        /// The missing helpers.
        helpers: Vec<Helper>,
    },
    /// Lockdown forbids reading kernel memory.
    #[error(
        "the kernel is locked down for confidentiality, which forbids BPF programs to read kernel memory; boot with lockdown=integrity or none"
    )]
    Lockdown,
    /// tracefs is not mounted.
    #[error("-e execve-failed needs tracefs: mount -t tracefs tracefs /sys/kernel/tracing")]
    NoTracefs,
    /// The BTF is damaged.
    #[error("{BTF_PATH}: {0}")]
    BadBtf(#[from] BtfError),
    /// The kernel was built without a field that every record needs.
    #[error("this kernel has no {0}: tracego needs it, and CONFIG_CGROUPS, CONFIG_NAMESPACES and CONFIG_TTY")]
    NoField(String),
    /// The kernel refused the object.
    #[error("the kernel refused the BPF object: {0}")]
    Object(#[from] EbpfError),
    /// The kernel refused a program.
    #[error("the kernel refused the program {program}: {source}")]
    Program {
        /// Name of the program.
        program: &'static str,
        /// The kernel's reason.
        source: Box<ProgramError>,
    },
    /// A program is attached to a hook that the kernel never calls.
    #[error("attached, but never called: the active security modules are {0}")]
    NotCalled(String),
    /// A program could not be detached.
    #[error("the program {program} could not be detached: {source}")]
    Detach {
        /// Name of the program.
        program: String,
        /// The kernel's reason.
        source: Box<ProgramError>,
    },
    /// A map is missing or has another type: the object does not belong to this agent.
    #[error("map {0}: {1}")]
    Map(&'static str, MapError),
    /// The embedded object lacks a part.
    #[error("the embedded BPF object lacks {0}: rebuild it with `cargo xtask ebpf`")]
    Lacks(&'static str),
    /// The programs cannot be handed over.
    #[error(transparent)]
    Handover(#[from] HandoverError),
    /// The ring cannot be mapped.
    #[error("the ring cannot be mapped: {0}")]
    Ring(io::Error),
    /// The machine has more CPUs than there are scratch areas.
    #[error("{0} possible CPUs; at most {CPUS_MAX} are supported")]
    Cpus(u32),
}

impl LoadError {
    /// Returns the error and its cause in one line, without the verifier's log.
    #[must_use]
    pub fn reason(&self) -> String {
        if let Self::Filtered(error) = self {
            return error.reason();
        }
        let Self::Program { source, .. } = self else { return self.to_string() };
        match &**source {
            ProgramError::LoadError { io_error, .. } => refusal(io_error),
            ProgramError::SyscallError(call) => refusal(&call.io_error),
            other => other.to_string(),
        }
    }
}

/// Returns the reason of the kernel for a refusal.
fn refusal(error: &io::Error) -> String {
    /// Error that is for the kernel alone (include/linux/errno.h), but which LSM programs get where BPF has no
    /// trampolines on this CPU.
    const ENOTSUPP: i32 = 524;
    match error.raw_os_error() {
        Some(ENOTSUPP) => "refused: this kernel does not support it on this CPU (ENOTSUPP)".to_owned(),
        _ => format!("refused: {error}"),
    }
}

/// Why programs cannot be handed over; each message names the remediation.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// The folder is not below a BPF file system.
    #[error("{} is not in a BPF file system: mount -t bpf bpf /sys/fs/bpf, or choose another --pin-dir", .0.display())]
    NotBpffs(PathBuf),
    /// The folder cannot be created.
    #[error("{} cannot be created: {}; mount the BPF file system: mount -t bpf bpf /sys/fs/bpf", .0.display(), .1)]
    Make(PathBuf, io::Error),
    /// Another tracego uses the folder.
    #[error("another tracego runs with --pin-dir {}: stop it first, or choose another --pin-dir", .0.display())]
    InUse(PathBuf),
    /// Other users could put something into the folder.
    #[error("{} belongs to another user or is writable by others: remove it, or choose another --pin-dir", .0.display())]
    Open(PathBuf),
    /// An operation in the folder failed.
    #[error("{}: {}", .0.display(), .1)]
    Io(PathBuf, io::Error),
    /// An object cannot be pinned.
    #[error("{} cannot be pinned: {}", .0.display(), .1)]
    Pin(PathBuf, String),
}
