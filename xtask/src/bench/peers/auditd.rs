//! The audit daemon with one rule for program starts.
//!
//! What Debian configures is kept where it is of weight: enriched records, written out every fifty. The log
//! is not rotated, and the kernel's queue holds 8,192 records as in the packages of other distributions,
//! since the kernel's 64 would lose most of a storm.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::shell;

/// The rule: each start of a 64-bit program, as `man audit.rules` writes it.
const RULE: [&str; 7] = ["always,exit", "-F", "arch=b64", "-S", "execve,execveat", "-k", "tracego_bench"];
/// Time limit for the daemon to register with the kernel.
const READY: Duration = Duration::from_secs(10);

/// A running audit daemon. Auditing ends when it is dropped.
pub(in super::super) struct RunningAuditd {
    daemon: Child,
    kernel_thread: i32,
    folder: TempDir,
    records: PathBuf,
}

impl RunningAuditd {
    /// Starts the daemon, and has the kernel audit program starts. Fails if a daemon runs already.
    pub(super) fn start(records: &Path) -> Result<Self> {
        ensure!(
            status("pid")? == 0,
            "an audit daemon runs already and is not touched: stop it, or measure without --peers"
        );
        // The daemon takes away the rights of others on the folder of its log.
        let folder = tempfile::tempdir_in(records.parent().context("records without a folder")?)?;
        let log = folder.path().join("audit.log");
        let configuration = format!(
            "local_events = yes\nwrite_logs = yes\nlog_file = {}\nlog_format = ENRICHED\n\
             flush = INCREMENTAL_ASYNC\nfreq = 50\nmax_log_file_action = IGNORE\n\
             space_left = 2\nspace_left_action = IGNORE\nadmin_space_left = 1\n\
             admin_space_left_action = IGNORE\ndisk_full_action = IGNORE\ndisk_error_action = IGNORE\n",
            log.display()
        );
        fs::write(folder.path().join("auditd.conf"), configuration)?;
        let mut auditd = Command::new("auditd");
        auditd.arg("-n").arg("-c").arg(folder.path());
        auditd.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let daemon = auditd.spawn().context("cannot start auditd")?;
        let running = Self { daemon, kernel_thread: kernel_thread()?, folder, records: records.to_owned() };
        let begun = Instant::now();
        while status("pid")? != u64::from(running.daemon.id()) {
            ensure!(begun.elapsed() < READY, "auditd did not register with the kernel");
            sleep(Duration::from_millis(20));
        }
        shell::run(&mut quiet(&["-b", "8192"]))?;
        shell::run(&mut quiet(&["-e", "1"]))?;
        shell::run(quiet(&["-a"]).args(RULE))?;
        Ok(running)
    }

    /// Returns the process id of the daemon.
    pub(super) fn pid(&self) -> i32 {
        self.daemon.id().cast_signed()
    }

    /// Returns the process id of the kernel's thread that hands the records over.
    pub(super) fn kernel_thread(&self) -> i32 {
        self.kernel_thread
    }

    /// Ends auditing and the daemon, which writes what it holds.
    pub(super) fn stop(mut self) -> Result<()> {
        shell::run(quiet(&["-d"]).args(RULE))?;
        while status("backlog")? > 0 {
            sleep(Duration::from_millis(20));
        }
        shell::run(Command::new("kill").arg(self.daemon.id().to_string()))?;
        self.daemon.wait().context("auditd did not end")?;
        fs::rename(self.folder.path().join("audit.log"), &self.records).context("auditd wrote no log")
    }
}

impl Drop for RunningAuditd {
    fn drop(&mut self) {
        shell::succeeds(quiet(&["-d"]).args(RULE));
        if self.daemon.kill().and_then(|()| self.daemon.wait()).is_err() {
            eprintln!("auditd may still run");
        }
        // The kernel would write later records to its log.
        shell::succeeds(&mut quiet(&["-e", "0"]));
    }
}

/// Returns a call of `auditctl` that prints nothing.
fn quiet(args: &[&str]) -> Command {
    let mut auditctl = Command::new("auditctl");
    auditctl.args(args).stdout(Stdio::null()).stderr(Stdio::null());
    auditctl
}

/// Returns one number of the kernel's audit subsystem.
fn status(name: &str) -> Result<u64> {
    let text = shell::output(Command::new("auditctl").arg("-s"))?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.with_context(|| format!("auditctl shows no {name}"))?.trim().parse().context("not a number")
}

/// Returns the process id of the kernel's audit thread.
fn kernel_thread() -> Result<i32> {
    for process in procfs::process::all_processes()? {
        let Ok(stat) = process.and_then(|process| process.stat()) else { continue };
        if stat.comm == "kauditd" {
            return Ok(stat.pid);
        }
    }
    bail!("the kernel has no audit thread: it is built without CONFIG_AUDIT")
}
