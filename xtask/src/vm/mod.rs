//! `cargo xtask vm`: runs the end-to-end tests on other kernels, in an emulator.

mod arm64;
mod boot_variant;
mod build;
mod cpio;
mod guest;
mod guest_report;
mod kernels;
mod outcome;
mod quick_tests;
mod table;
mod tree;

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use boot_variant::BootVariant;
use build::Profile;
use guest_report::DoctorReport;
use outcome::BootOutcome;

use crate::{cpu::Cpu, parallel, shell, toolchain};

/// Kernel series of the releases of Debian that are supported, which every change is tried on.
const SERIES: [&str; 2] = ["6.1", "6.12"];

/// Options of `cargo xtask vm`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Series of kernels, separated by commas: any that Debian 11 to 13 or their backports have, as 5.10 or 7.3; all is
    /// 6.1 and 6.12
    #[arg(long, default_value = "all", value_delimiter = ',', value_parser = series)]
    kernel: Vec<String>,
    /// Ways to boot them, separated by commas
    #[arg(long = "as", value_name = "MACHINE", value_enum, value_delimiter = ',', default_value = "plain")]
    machines: Vec<BootVariant>,
    /// Time limit of one boot with its tests, in seconds
    #[arg(long, default_value_t = 1200)]
    limit: u64,
    /// Number of guests at once, each with two CPUs and 2 GB; by default the number of CPUs, at most four
    #[arg(long, value_name = "NUMBER", default_value_t = at_once())]
    at_once: usize,
    /// Run what every change must pass: some of the tests on some of the machines, with the programs of
    /// `cargo xtask test`
    #[arg(long, conflicts_with_all = ["filter", "machines"])]
    quick: bool,
    /// Use the programs of `cargo xtask test`, which are slower in the emulator but are built anyway
    #[arg(long)]
    dev: bool,
    /// A few tests on kernels for arm64; all is 6.1
    #[arg(long, conflicts_with_all = ["quick", "filter", "machines"])]
    arm64: bool,
    /// Only tests with this in their names
    filter: Option<String>,
}

/// Parses a series: two numbers with a dot between them, or `all`.
fn series(text: &str) -> Result<String, String> {
    let numbers: Vec<&str> = text.split('.').collect();
    let is_number = |text: &&str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    if text == "all" || numbers.len() == 2 && numbers.iter().all(is_number) {
        Ok(text.to_owned())
    } else {
        Err("neither a series as 6.1 nor all".to_owned())
    }
}

fn at_once() -> usize {
    parallel::cpus().min(4)
}

/// Boots the kernels and prints one table.
pub(crate) fn run(args: &Args) -> Result<()> {
    let cpu = if args.arm64 { Cpu::Arm64 } else { Cpu::Amd64 };
    let (emulator, package) = cpu.emulator();
    toolchain::install_command(emulator, package, "it runs other kernels than this machine's")?;
    let all = args.kernel.iter().any(|series| series == "all");
    if args.arm64 {
        let series = if all { vec![SERIES[0].to_owned()] } else { args.kernel.clone() };
        return arm64::run(&series, Duration::from_secs(args.limit));
    }
    let series = if all { SERIES.map(str::to_owned).to_vec() } else { args.kernel.clone() };
    let kernels = series.iter().map(|series| kernels::newest(series, cpu)).collect::<Result<Vec<_>>>()?;
    let profile = if args.quick || args.dev { Profile::Dev } else { Profile::Release };
    let built = build::build(profile)?;
    let initramfs = shell::target()?.join("vm/initramfs");
    let filter = args.filter.as_deref().map(|filter| (filter, true));
    let filters = if args.quick { quick_tests::TESTS.to_vec() } else { filter.into_iter().collect() };
    build::initramfs(&built, &filters, &initramfs)?;
    let mut boots = Vec::new();
    for (number, kernel) in kernels.iter().enumerate() {
        let newest = number + 1 == kernels.len();
        let machines = if args.quick { quick_tests::machines(newest) } else { &args.machines };
        boots.extend(machines.iter().map(|&machine| (kernel, machine)));
    }
    // A test in a guest mostly keeps one CPU busy.
    let outcomes = parallel::all(&boots, args.at_once, |&(kernel, machine)| {
        let few = args.quick && machine != BootVariant::Plain;
        let ran = guest::boot(kernel, machine, few, &initramfs, Duration::from_secs(args.limit))?;
        Ok(BootOutcome::of(kernel, machine, &ran))
    })?;
    table::print(Some(&here(&built)?), &outcomes);
    let failed = outcomes.iter().filter(|outcome| !outcome.succeeded()).count();
    ensure!(failed == 0, "{failed} of {} boots failed", outcomes.len());
    Ok(())
}

/// Returns doctor's report on the running kernel; it lists no programs where none can be loaded.
fn here(built: &build::GuestPrograms) -> Result<DoctorReport> {
    let mut doctor = shell::as_root(&built.tracego)?;
    let doctor = doctor.args(["doctor", "--json"]).env("TRACEGO_LOG", "off").stderr(Stdio::null());
    let output = doctor.output().context("cannot start tracego doctor")?;
    serde_json::from_slice(&output.stdout).context("tracego doctor --json gave no report")
}
