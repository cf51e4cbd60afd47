//! Other recorders of program starts, from the distribution, measured in the same run.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::{shell, toolchain};

/// Time for a peer to attach its programs; none of them says when it is ready.
const ATTACH: Duration = Duration::from_secs(3);

/// A recorder, and the command that writes its records to standard output.
pub(super) struct Peer {
    /// Name with the package that it is from.
    pub(super) name: &'static str,
    /// Parts of a tracego record that it does not write.
    pub(super) lacks: &'static str,
    command: &'static [&'static str],
}

/// A running peer.
pub(super) struct RunningPeer(Child);

/// Installs the peers.
pub(super) fn install() -> Result<Vec<Peer>> {
    let execsnoop = Peer {
        name: "execsnoop (libbpf-tools)",
        lacks: "path, environment, commit, job, container, limits, ends and losses",
        command: &["execsnoop", "-T", "-U"],
    };
    let bpftrace = Peer {
        name: "bpftrace",
        lacks: "path, environment, commit, job, container, ancestors, limits and ends",
        command: &[
            "bpftrace",
            "-e",
            "tracepoint:syscalls:sys_enter_execve { printf(\"%llu %d %d \", nsecs, pid, uid); join(args->argv); }",
        ],
    };
    toolchain::install_command("execsnoop", "libbpf-tools", "it is measured beside tracego")?;
    toolchain::install_command("bpftrace", "bpftrace", "it is measured beside tracego")?;
    Ok(vec![execsnoop, bpftrace])
}

impl Peer {
    /// Starts the peer, which writes into a file.
    pub(super) fn start(&self, records: &Path) -> Result<RunningPeer> {
        let (program, args) = self.command.split_first().context("a peer without a command")?;
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(File::create(records)?).stderr(Stdio::null());
        let mut running = RunningPeer(command.spawn().with_context(|| format!("cannot start {program}"))?);
        sleep(ATTACH);
        ensure!(running.0.try_wait()?.is_none(), "{program} ended by itself");
        Ok(running)
    }
}

impl RunningPeer {
    /// Returns the CPU time used so far, in seconds.
    pub(super) fn cpu(&self) -> Result<f64> {
        let stat = procfs::process::Process::new(i32::try_from(self.0.id())?)?.stat()?;
        Ok((stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64)
    }

    /// Ends the peer, which writes what it holds.
    pub(super) fn stop(mut self) -> Result<()> {
        shell::succeeds(Command::new("kill").args(["-INT", &self.0.id().to_string()]));
        self.0.wait().context("a peer did not end")?;
        Ok(())
    }
}
