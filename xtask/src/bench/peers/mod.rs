//! Other recorders of program starts, from the distribution, measured in the same run.

mod auditd;
mod standard_output;

use std::path::Path;

use anyhow::Result;

use crate::toolchain;
use auditd::RunningAuditd;
use standard_output::RunningCommand;

/// A recorder of program starts.
pub(super) struct Peer {
    /// Name with the package that it is from.
    pub(super) name: &'static str,
    /// Parts of a tracego record that it does not write.
    pub(super) lacks: &'static str,
    /// The beginning of the first line of a record; each line is a record where it is empty.
    pub(super) record_begins: &'static str,
    way: Way,
}

/// The way that a peer is run.
enum Way {
    /// A command that writes its records to standard output.
    StandardOutput(&'static [&'static str]),
    /// The daemon of the kernel's audit subsystem, which writes its own log.
    Auditd,
}

/// A running peer.
pub(super) enum RunningPeer {
    StandardOutput(RunningCommand),
    Auditd(RunningAuditd),
}

/// Installs the peers.
pub(super) fn install() -> Result<Vec<Peer>> {
    let execsnoop = Peer {
        name: "execsnoop (libbpf-tools)",
        lacks: "path, environment, commit, job, container, limits, ends and losses",
        record_begins: "",
        way: Way::StandardOutput(&["execsnoop", "-T", "-U"]),
    };
    let bpftrace = Peer {
        name: "bpftrace",
        lacks: "path, environment, commit, job, container, ancestors, limits and ends",
        record_begins: "",
        way: Way::StandardOutput(&[
            "bpftrace",
            "-e",
            "tracepoint:syscalls:sys_enter_execve { printf(\"%llu %d %d \", nsecs, pid, uid); join(args->argv); }",
        ]),
    };
    let auditd = Peer {
        name: "auditd",
        lacks: "environment, commit, job, container, ancestors but the parent, limits and ends",
        record_begins: "type=SYSCALL ",
        way: Way::Auditd,
    };
    let reason = "it is measured beside tracego";
    toolchain::install_command("execsnoop", "libbpf-tools", reason)?;
    toolchain::install_command("bpftrace", "bpftrace", reason)?;
    toolchain::install_command("auditd", "auditd", reason)?;
    Ok(vec![execsnoop, bpftrace, auditd])
}

impl Peer {
    /// Starts the peer, which writes into a file.
    pub(super) fn start(&self, records: &Path) -> Result<RunningPeer> {
        match self.way {
            Way::StandardOutput(command) => {
                RunningCommand::start(command, records).map(RunningPeer::StandardOutput)
            }
            Way::Auditd => RunningAuditd::start(records).map(RunningPeer::Auditd),
        }
    }
}

impl RunningPeer {
    /// Returns the CPU time used so far, in seconds.
    pub(super) fn cpu(&self) -> Result<f64> {
        match self {
            Self::StandardOutput(command) => cpu(command.pid()),
            Self::Auditd(auditd) => Ok(cpu(auditd.pid())? + cpu(auditd.kernel_thread())?),
        }
    }

    /// Ends the peer, which writes what it holds.
    pub(super) fn stop(self) -> Result<()> {
        match self {
            Self::StandardOutput(command) => command.stop(),
            Self::Auditd(auditd) => auditd.stop(),
        }
    }
}

/// Returns the CPU time that a process used so far, in seconds.
fn cpu(pid: i32) -> Result<f64> {
    let stat = procfs::process::Process::new(pid)?.stat()?;
    Ok((stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64)
}
