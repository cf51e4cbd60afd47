//! `cargo xtask vm`: the end-to-end tests on other kernels than the running one, emulated.

mod build;
mod cpio;
mod guest;
mod kernels;
mod said;
mod table;
mod tree;

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use said::{Doctor, Tests};

use crate::{shell, toolchain};

/// Series of kernels that Debian has, and what the running one is held against.
const SERIES: [&str; 2] = ["6.1", "6.12"];
/// The list of security modules with BPF, which Debian leaves out or not depending on the kernel.
const PARAMETERS: &str = "lsm=landlock,lockdown,yama,apparmor,bpf";

/// Which kernels, which tests.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// 6.1, 6.12 or all
    #[arg(long, default_value = "all", value_parser = ["6.1", "6.12", "all"])]
    kernel: String,
    /// Longest time for one kernel, in seconds
    #[arg(long, default_value_t = 1200)]
    limit: u64,
    /// Only tests with this in their names
    filter: Option<String>,
}

/// What was found out on one kernel.
struct Outcome {
    doctor: Doctor,
    tests: Tests,
    /// Why it counts as failed although no test failed.
    wrong: Option<String>,
    boot: Duration,
    whole: Duration,
}

/// Boots one kernel after the other and prints one table.
pub(crate) fn run(args: &Args) -> Result<()> {
    toolchain::install_command(guest::QEMU, guest::PACKAGE, "it runs other kernels than this machine's")?;
    let series = SERIES.iter().filter(|series| args.kernel == "all" || args.kernel == **series);
    let kernels = series.map(|series| kernels::newest(series)).collect::<Result<Vec<_>>>()?;
    let built = build::build()?;
    let folder = shell::target()?.join("vm");
    let initramfs = folder.join("initramfs");
    build::initramfs(&built, args.filter.as_deref(), &initramfs)?;
    let mut outcomes = Vec::new();
    for kernel in &kernels {
        eprintln!(
            "booting Linux {}; it says in {}/console.log what it does",
            kernel.release,
            kernel.folder.display()
        );
        let ran = guest::boot(kernel, &initramfs, PARAMETERS, Duration::from_secs(args.limit))?;
        outcomes.push(outcome(ran));
    }
    let here = here(&built)?;
    table::print(&here, &outcomes);
    let failed = outcomes.iter().filter(|outcome| !outcome.well()).count();
    ensure!(failed == 0, "{failed} of {} kernels failed", outcomes.len());
    Ok(())
}

impl Outcome {
    fn well(&self) -> bool {
        self.wrong.is_none() && self.tests.failed.is_empty()
    }
}

fn outcome(ran: guest::Ran) -> Outcome {
    let mut outcome = Outcome {
        doctor: Doctor::default(),
        tests: Tests::default(),
        wrong: ran.late.map(str::to_owned),
        boot: ran.boot,
        whole: ran.whole,
    };
    let mut wrong = |text: String| {
        outcome.wrong.get_or_insert(text);
    };
    for part in said::parts(&ran.said) {
        if part.name == "doctor" {
            match serde_json::from_str(part.output) {
                Ok(doctor) => outcome.doctor = doctor,
                Err(error) => wrong(format!("doctor's report cannot be read: {error}")),
            }
        } else {
            outcome.tests = said::tests(part.output);
        }
        // 3 is doctor's for a kernel that cannot be used; the checks tell why.
        if part.status.is_none() {
            wrong(format!("{} did not end", part.name));
        }
    }
    if !ran.said.contains("@@ done") {
        wrong("the guest did not come to its end".to_owned());
    }
    outcome
}

/// Doctor on the running kernel; empty where programs cannot be loaded.
fn here(built: &build::Built) -> Result<Doctor> {
    let mut doctor = shell::as_root(&built.tracego)?;
    let doctor = doctor.args(["doctor", "--json"]).env("TRACEGO_LOG", "off").stderr(Stdio::null());
    let output = doctor.output().context("cannot start tracego doctor")?;
    serde_json::from_slice(&output.stdout).context("tracego doctor --json gave no report")
}
