//! The tracego process under measurement, observed through /proc and its final report.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// Time limit for attaching the programs.
const ATTACH: Duration = Duration::from_secs(10);
/// Number of BPF programs of the default hooks.
const PROGRAMS: usize = 3;

/// A running tracego.
pub(super) struct Agent {
    child: Child,
}

/// Run time of one BPF program, from `bpf_stats`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ProgramRunTime {
    /// Total time in nanoseconds.
    pub(super) ns: u64,
    /// Number of runs.
    pub(super) count: u64,
}

/// Resources that the tracego process used.
#[derive(Clone, Copy)]
pub(super) struct Usage {
    /// User and system time in seconds.
    pub(super) cpu: f64,
    /// Proportional set size in MiB: resident memory, of which a page that is mapped several times counts once.
    pub(super) pss: f64,
}

/// The numbers of the final ledger.
#[derive(Clone, Copy)]
pub(super) struct Ledger {
    /// Events that the hooks counted.
    pub(super) hooked: u64,
    /// Events that were lost.
    pub(super) lost: u64,
}

impl Agent {
    /// Starts tracego and waits until its BPF programs are attached.
    pub(super) fn start<S: AsRef<OsStr>>(tracego: &Path, args: &[S], log: &str) -> Result<Self> {
        let child = Command::new(tracego)
            .args(args)
            .env("TRACEGO_LOG", log)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start tracego")?;
        let agent = Self { child };
        let begun = Instant::now();
        while agent.links()? < PROGRAMS {
            ensure!(begun.elapsed() < ATTACH, "tracego did not attach its programs");
            sleep(Duration::from_millis(2));
        }
        Ok(agent)
    }

    /// Returns the process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn fdinfo(&self) -> Result<Vec<String>> {
        let folder = format!("/proc/{}/fdinfo", self.pid());
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {folder}"))?;
        // A descriptor that was closed in the meantime is skipped.
        Ok(entries.flatten().filter_map(|entry| fs::read_to_string(entry.path()).ok()).collect())
    }

    fn links(&self) -> Result<usize> {
        Ok(self.fdinfo()?.iter().filter(|info| info.contains("link_type:")).count())
    }

    /// Returns the run time of each program so far, in load order: fork, exit, exec.
    pub(super) fn runs(&self) -> Result<Vec<ProgramRunTime>> {
        let mut runs = BTreeMap::new();
        for info in self.fdinfo()?.iter().filter(|info| info.contains("run_cnt:")) {
            let number = |key: &str| {
                let value = info.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
                value.and_then(|value| value.trim().parse::<u64>().ok())
            };
            if let (Some(id), Some(ns), Some(count)) =
                (number("prog_id"), number("run_time_ns"), number("run_cnt"))
            {
                runs.insert(id, ProgramRunTime { ns, count });
            }
        }
        ensure!(runs.len() >= PROGRAMS, "tracego holds {} programs, not {PROGRAMS}", runs.len());
        Ok(runs.into_values().collect())
    }

    /// Returns the resources used so far.
    pub(super) fn usage(&self) -> Result<Usage> {
        let process = procfs::process::Process::new(i32::try_from(self.pid())?)?;
        let stat = process.stat()?;
        let ticks = (stat.utime + stat.stime) as f64;
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid()))?;
        let kib = rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB"));
        let kib: f64 = kib.context("smaps_rollup without Pss")?.parse()?;
        Ok(Usage { cpu: ticks / procfs::ticks_per_second() as f64, pss: kib / 1024.0 })
    }

    /// Returns how often its threads were given a CPU so far.
    pub(super) fn switches(&self) -> Result<u64> {
        let mut all = 0;
        for task in procfs::process::Process::new(i32::try_from(self.pid())?)?.tasks()? {
            let status = task?.status()?;
            all +=
                status.voluntary_ctxt_switches.unwrap_or(0) + status.nonvoluntary_ctxt_switches.unwrap_or(0);
        }
        Ok(all)
    }

    /// Stops tracego, lets it drain, and returns its ledger.
    pub(super) fn stop(self) -> Result<Ledger> {
        let pid = self.pid().to_string();
        let asked = crate::shell::succeeds(Command::new("kill").args(["-TERM", &pid]));
        ensure!(asked, "tracego ended by itself");
        let output = self.child.wait_with_output()?;
        let text = String::from_utf8(output.stderr)?;
        let line = text.lines().find(|line| line.contains(" hooked = ")).unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        let before = |word: &str| {
            let at = words.iter().position(|found| *found == word)?;
            words.get(at.checked_sub(1)?)?.parse::<u64>().ok()
        };
        let ledger = before("hooked").zip(before("lost"));
        let (hooked, lost) = ledger.with_context(|| format!("tracego printed no ledger: {text}"))?;
        ensure!(!line.contains("DOES NOT BALANCE"), "the ledger does not balance: {line}");
        Ok(Ledger { hooked, lost })
    }
}
